"""Statistics of paired episodes: interquartile mean, bootstrap interval, probability of improvement (PROTOCOL 4).

The measures are those of Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice",
NeurIPS 2021. Scores are ``(E,)`` episodes or ``(S, E)`` training seeds by episodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate and its interval, in the unit of the scores."""

    estimate: float
    low: float
    high: float


def interquartile_mean(scores: ArrayLike) -> float:
    """Mean of the middle half of all scores: a quarter is cut at each end (rounded down)."""
    return float(middle_mean(np.ravel(np.asarray(scores, np.float64))))


def middle_mean(scores: Scores) -> Scores:
    """Interquartile mean over the last axis, ``(..., N)`` to ``(...)``."""
    from scipy.stats import trim_mean

    mean: Scores = trim_mean(scores, 0.25, axis=-1)
    return mean


def bootstrap_interval(
    scores: ArrayLike,
    statistic: Callable[[Scores], Scores] = middle_mean,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of a statistic.

    Parameters
    ----------
    scores : array (E,) or (S, E)
        Paired differences, or scores. Episodes are resampled; of ``(S, E)`` the training seeds too, independently.
    statistic : callable
        Over the last axis, ``(..., N)`` to ``(...)``.
    confidence : float
        Share of resampled statistics inside the interval.
    resamples : int
        Number of resamples.
    seed : int
        Of the resampling.
    """
    values = np.atleast_2d(np.asarray(scores, np.float64))
    generator = np.random.default_rng(seed)
    seeds, episodes = values.shape
    rows = generator.integers(seeds, size=(resamples, seeds, 1))
    columns = generator.integers(episodes, size=(resamples, 1, episodes))
    estimates = statistic(values[rows, columns].reshape(resamples, -1))
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(estimates, [tail, 100.0 - tail])
    return Interval(float(statistic(values.ravel())), float(low), float(high))


def paired_difference(candidate: ArrayLike, baseline: ArrayLike, **options: int | float) -> Interval:
    """Interval of the interquartile mean of ``candidate - baseline``, episode by episode.

    ``baseline`` is ``(E,)``; ``candidate`` is ``(E,)`` or ``(S, E)``.
    """
    return bootstrap_interval(_difference(candidate, baseline), **options)  # type: ignore[arg-type]


def paired_saving(candidate: ArrayLike, baseline: ArrayLike, **options: int | float) -> Interval:
    """Interval of the interquartile mean of ``1 - candidate / baseline``: the saved fraction, positive is better."""
    share = -_difference(candidate, baseline) / np.asarray(baseline, np.float64)
    return bootstrap_interval(share, **options)  # type: ignore[arg-type]


def probability_of_improvement(candidate: ArrayLike, baseline: ArrayLike, lower_is_better: bool = True) -> float:
    """Share of paired episodes that the candidate wins; a tie counts half."""
    gain = _difference(candidate, baseline) * (-1.0 if lower_is_better else 1.0)
    return float(np.mean((gain > 0.0) + 0.5 * (gain == 0.0)))


def share_of_gap_closed(candidate: ArrayLike, best_rule: ArrayLike, oracle: ArrayLike) -> float:
    """Share of the way from the best rule to the oracle, by interquartile means; nan where there is no gap."""
    start, goal, here = (interquartile_mean(x) for x in (best_rule, oracle, candidate))
    return (start - here) / (start - goal) if start > goal else float("nan")


def _difference(candidate: ArrayLike, baseline: ArrayLike) -> Scores:
    a, b = np.asarray(candidate, np.float64), np.asarray(baseline, np.float64)
    if b.ndim != 1 or a.shape[-1] != b.shape[0]:
        raise ValueError(f"scores {a.shape} and {b.shape} are not the same episodes; give (E,) or (S, E) and (E,)")
    return a - b
