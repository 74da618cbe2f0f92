"""Statistics of paired episodes over training seeds: what a claim rests on (PROTOCOL 4).

The measures are those of Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice",
NeurIPS 2021. Scores are ``(E,)`` episodes or ``(S, E)`` training seeds by episodes; lower is better where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from experiments.evaluation.bootstrap import (
    Interval,
    Scores,
    Sites,
    bootstrap_interval,
    drawn_resamples,
    middle_mean,
    plain_mean,
    widened_interval,
    widening,
)

PROFILE_LEVELS = 41


class Profile(NamedTuple):
    """Share of runs and episodes that save at least so much, with its interval, each ``(T,)``."""

    levels_frac: Scores
    share: Scores
    low: Scores
    high: Scores


def interquartile_mean(scores: ArrayLike) -> float:
    """Mean of the middle half of all scores: a quarter is cut at each end (rounded down)."""
    return float(middle_mean(np.ravel(np.asarray(scores, np.float64))))


def paired_difference(candidate: ArrayLike, baseline: ArrayLike, sites: Sites = None) -> Interval:
    """Interval of the interquartile mean of ``candidate - baseline``, episode by episode.

    ``baseline`` is ``(E,)``; ``candidate`` is ``(E,)`` or ``(S, E)``; ``sites`` names the site of each episode.
    """
    return bootstrap_interval(difference(candidate, baseline), sites=sites)


def mean_difference(candidate: ArrayLike, baseline: ArrayLike, sites: Sites = None) -> Interval:
    """Interval of the mean of ``candidate - baseline``, episode by episode: what adds up to a bill."""
    return bootstrap_interval(difference(candidate, baseline), plain_mean, sites)


def paired_saving(candidate: ArrayLike, baseline: ArrayLike, sites: Sites = None) -> Interval:
    """Interval of the interquartile mean of ``1 - candidate / baseline``: the saved fraction, positive is better."""
    return bootstrap_interval(saved_frac(candidate, baseline), sites=sites)


def probability_of_improvement(
    candidate: ArrayLike, baseline: ArrayLike, sites: Sites = None, tie: float = 0.0
) -> Interval:
    """Share of paired episodes, over all seeds, that the candidate wins by being lower; a tie counts half.

    Differences of at most ``tie`` are one: one that no table shows wins nothing.
    """
    gain = -difference(candidate, baseline)
    found = bootstrap_interval((gain > tie) + 0.5 * (np.abs(gain) <= tie), plain_mean, sites)
    return Interval(found.estimate, max(found.low, 0.0), min(found.high, 1.0))


def performance_profiles(saved: Mapping[str, Scores], sites: Sites = None) -> dict[str, Profile]:
    """Profiles of several policies' savings ``(S, E)`` at the same levels, from the least to the most of all."""
    if not saved:
        return {}
    ends = [end(values) for end in (np.min, np.max) for values in saved.values()]
    levels = np.linspace(min(ends), max(ends), PROFILE_LEVELS)
    return {name: performance_profile(values, levels, sites) for name, values in saved.items()}


def performance_profile(saved_frac: ArrayLike, levels_frac: ArrayLike, sites: Sites = None) -> Profile:
    """Share of runs and episodes whose paired saving reaches each of ``levels_frac (T,)``.

    A profile shows what a mean hides: where one policy's lies above another's at every saving, it is better in each
    quantile.
    """
    saved = np.atleast_2d(np.asarray(saved_frac, np.float64))
    levels = np.asarray(levels_frac, np.float64)
    resampled = drawn_resamples(saved, sites).of(saved)
    found = [widened_reach(saved, resampled, level, sites) for level in levels]
    share, low, high = (np.array(column) for column in zip(*found))
    return Profile(levels, share, low, high)


def widened_reach(saved: Scores, resampled: Scores, level: float, sites: Sites) -> Interval:
    """Share of savings ``(S, E)`` that reach a level, with its interval from resampled savings ``(R, S E)``."""
    reached = saved >= level
    found = widened_interval(float(reached.mean()), (resampled >= level).mean(axis=-1), widening(reached, sites))
    return Interval(found.estimate, max(found.low, 0.0), min(found.high, 1.0))


def share_of_gap_closed(candidate: ArrayLike, best_rule: ArrayLike, oracle: ArrayLike, sites: Sites = None) -> Interval:
    """Share of the way from the best rule to the oracle, by interquartile means; nan where there is no gap.

    Rule and oracle are drawn with the candidate, episode by episode. A resample without a gap is left out.
    """
    ours, rule, best = (np.asarray(x, np.float64) for x in (candidate, best_rule, oracle))
    start, goal, here = (interquartile_mean(x) for x in (rule, best, ours))
    if not start > goal:
        return Interval(float("nan"), float("nan"), float("nan"))
    moved = np.atleast_2d(-difference(ours, rule))
    draws = drawn_resamples(moved, sites)
    way = middle_mean(draws.of(rule)) - middle_mean(draws.of(best))
    gone = middle_mean(draws.of(rule)) - middle_mean(draws.of(np.atleast_2d(ours)))
    shares = gone[way > 0.0] / way[way > 0.0]
    return widened_interval((start - here) / (start - goal), shares, widening(moved, sites))


def generalisation_gap(
    on_train: ArrayLike, on_test: ArrayLike, train_sites: Sites = None, test_sites: Sites = None
) -> Interval:
    """Saving on train less saving on test, of savings ``(S, E)`` on either: what does not carry over to new sites.

    Seeds are drawn once for both, episodes of each split apart.
    """
    here, there = (np.atleast_2d(np.asarray(x, np.float64)) for x in (on_train, on_test))
    if len(here) != len(there):
        raise ValueError(f"{len(here)} seeds on train and {len(there)} on test; give the same seeds on both")
    first = drawn_resamples(here, train_sites)
    second = drawn_resamples(there, test_sites, seed=1)._replace(rows=first.rows)
    gaps = middle_mean(first.of(here)) - middle_mean(second.of(there))
    factor = max(widening(here, train_sites), widening(there, test_sites))
    return widened_interval(interquartile_mean(here) - interquartile_mean(there), gaps, factor)


def saved_frac(candidate: ArrayLike, baseline: ArrayLike) -> Scores:
    """Paired saving ``1 - candidate / baseline``, shaped like the candidate."""
    saved: Scores = -difference(candidate, baseline) / np.asarray(baseline, np.float64)
    return saved


def difference(candidate: ArrayLike, baseline: ArrayLike) -> Scores:
    """Paired ``candidate - baseline``, shaped like the candidate.

    Raises
    ------
    ValueError
        Where they are not of the same episodes.
    """
    a, b = np.asarray(candidate, np.float64), np.asarray(baseline, np.float64)
    if b.ndim != 1 or a.shape[-1] != b.shape[0]:
        raise ValueError(f"scores {a.shape} and {b.shape} are not the same episodes; give (E,) or (S, E) and (E,)")
    return a - b
