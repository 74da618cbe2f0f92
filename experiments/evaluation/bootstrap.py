"""Hierarchical bootstrap: training seeds, and episodes clustered by the site that they share (PROTOCOL 4).

Episodes of one site share its climate, so that they are no independent draws. Whole sites are drawn (Davison and
Hinkley, "Bootstrap methods and their application", 1997, 3.8), and training seeds beside them, as every seed plays
every episode (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007), 386-411).

With few sites or seeds the percentiles of a bootstrap lie too close together; noise that is neither the site's nor the
seed's is counted by both draws. Their distances from the estimate are therefore scaled: by Student's quantile over the
normal one (Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69 (2015), 371-386),
and by the standard error of an analysis of variance over that which the draws show. Degrees of freedom are those of
Satterthwaite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]
Sites = Sequence[str] | None
Statistic = Callable[[Scores], Scores]
RESAMPLES = 2000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """An estimate and its interval, in the unit of the scores."""

    estimate: float
    low: float
    high: float


class Resamples(NamedTuple):
    """Which seeds ``(R, S, 1)`` and which episodes ``(R, 1, E)`` each resample holds."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def of(self, scores: Scores) -> Scores:
        """Resampled scores ``(R, S E)`` of ``(S, E)``; of ``(E,)`` the same episodes, ``(R, E)``."""
        if scores.ndim == 1:
            return scores[self.columns[:, 0]]
        return scores[self.rows, self.columns].reshape(len(self.rows), -1)


def clusters(episodes: int, sites: Sites = None) -> list[NDArray[np.int64]]:
    """Numbers of the episodes of each site; each episode by itself where there are no sites, or one alone.

    Raises
    ------
    ValueError
        Where there are not as many sites as episodes.
    """
    if sites is not None and len(sites) != episodes:
        raise ValueError(f"{len(sites)} sites for {episodes} episodes; name the site of each episode")
    if sites is None or len(set(sites)) < 2:
        return [np.array([i]) for i in range(episodes)]
    return [np.flatnonzero(np.asarray(sites) == site) for site in sorted(set(sites))]


def drawn_resamples(scores: Scores, sites: Sites = None, resamples: int = RESAMPLES, seed: int = 0) -> Resamples:
    """Draw seeds and whole sites of scores ``(S, E)`` with replacement.

    A site with more episodes than the one whose place it takes gives some of them, one with fewer gives some twice.
    """
    seeds, episodes = scores.shape
    generator = np.random.default_rng(seed)
    rows = generator.integers(seeds, size=(resamples, seeds, 1))
    groups = clusters(episodes, sites)
    sizes = np.array([len(g) for g in groups])
    place = np.repeat(np.arange(len(groups)), sizes)  # the site whose place each drawn episode takes
    chosen = generator.integers(len(groups), size=(resamples, len(groups)))[:, place]
    first = np.cumsum([0, *sizes[:-1]])
    turned = generator.integers(max(sizes), size=(resamples, len(groups)))[:, place]
    within = (np.arange(episodes) - first[place] + turned) % sizes[chosen]
    columns = np.concatenate(groups)[first[chosen] + within]
    return Resamples(rows, columns[:, None, :])


def widening(scores: ArrayLike, sites: Sites = None, confidence: float = CONFIDENCE) -> float:
    """Factor on the distances of percentiles from the estimate; 1 where there is no spread, or nothing to judge it by.

    Parameters
    ----------
    scores : array (S, E)
        Training seeds by episodes.
    sites : sequence of str, optional
        Site of each episode.
    confidence : float
    """
    from scipy.stats import norm, t

    values = np.atleast_2d(np.asarray(scores, np.float64))
    cells = np.stack([values[:, g].mean(axis=1) for g in clusters(values.shape[1], sites)], axis=1)
    means = [m for m in (cells.mean(axis=1), cells.mean(axis=0)) if len(m) > 1]
    parts = [m.var(ddof=1) / len(m) for m in means]
    spread, of_both = sum(parts), 0.0
    if not spread > 0.0:
        return 1.0
    degrees = [len(m) - 1 for m in means]
    if len(means) == 2:
        rest = cells - means[0][:, None] - means[1] + cells.mean()
        of_both = min(float((rest**2).sum()) / (degrees[0] * degrees[1] * cells.size), min(parts))
    seen = sum(part * d / (d + 1) for part, d in zip(parts, degrees))
    freedom = (spread - of_both) ** 2 / sum(part**2 / d for part, d in zip(parts, degrees))
    tail = 0.5 * (1.0 + confidence)
    return float(t.ppf(tail, max(freedom, min(degrees))) / norm.ppf(tail) * np.sqrt((spread - of_both) / seen))


def widened_interval(estimate: float, resampled: Scores, factor: float, confidence: float = CONFIDENCE) -> Interval:
    """Percentiles of the resampled estimates, ``factor`` times as far from the estimate as they lie."""
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(resampled, [tail, 100.0 - tail])
    return Interval(estimate, float(estimate - factor * (estimate - low)), float(estimate + factor * (high - estimate)))


def middle_mean(scores: Scores) -> Scores:
    """Interquartile mean over the last axis, ``(..., N)`` to ``(...)``."""
    from scipy.stats import trim_mean

    mean: Scores = trim_mean(scores, 0.25, axis=-1)
    return mean


def plain_mean(scores: Scores) -> Scores:
    """Mean over the last axis, ``(..., N)`` to ``(...)``."""
    mean: Scores = scores.mean(axis=-1)
    return mean


def bootstrap_interval(
    scores: ArrayLike,
    statistic: Statistic = middle_mean,
    sites: Sites = None,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Widened percentile bootstrap of a statistic.

    Parameters
    ----------
    scores : array (E,) or (S, E)
        Paired differences, or scores, of episodes or of training seeds by episodes.
    statistic : callable
        Over the last axis, ``(..., N)`` to ``(...)``.
    sites : sequence of str, optional
        Site of each episode; episodes count as independent where left out.
    confidence : float
        Share of cases in which the interval shall hold the truth.
    resamples : int
        Number of resamples.
    seed : int
        Of the resampling.
    """
    values = np.atleast_2d(np.asarray(scores, np.float64))
    found = statistic(drawn_resamples(values, sites, resamples, seed).of(values))
    return widened_interval(float(statistic(values.ravel())), found, widening(values, sites, confidence), confidence)
