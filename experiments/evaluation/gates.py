"""No savings number without equal safety and equal work (PROTOCOL 6): the table of constraints, judged on scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.constraints import GATES, Constraint, allowed, breaches
from envs.unit_text import unit_behind
from experiments.evaluation.bootstrap import Interval, Sites, bootstrap_interval
from experiments.evaluation.stats import saved_frac

Scores = Mapping[str, ArrayLike]
Column = NDArray[np.float64]


class GateVerdict(NamedTuple):
    """Whether a candidate may claim a saving over a baseline, and which.

    Attributes
    ----------
    passed : bool
    failures : tuple of str
        A sentence for each gate that failed.
    saving : Interval or None
        Interquartile mean of the paired savings.
    saved_frac : ndarray (S, E) or None
        These savings, of seeds by episodes.
    """

    passed: bool
    failures: tuple[str, ...]
    saving: Interval | None = None
    saved_frac: Column | None = None


def failed_gates(candidate: Scores, baseline: Scores) -> tuple[str, ...]:
    """A sentence for each gate that the candidate fails, on totals over the paired episodes.

    Parameters
    ----------
    candidate, baseline : mapping of str to array (E,)
        Columns of the score table: those of ``GATES``, and ``days``.

    Raises
    ------
    ValueError
        Where a column is missing: the scores are of a version with other gates.
    """
    ours, theirs = (_totals(scores) for scores in (candidate, baseline))
    broken = breaches(ours, theirs, theirs["days"])
    return tuple(_failure(c, ours, theirs) for c in GATES if broken[c.name] > 0.0)


def breach(candidate: Scores, baseline: Scores) -> float:
    """By how much all gates together are broken, weighted as the table says; 0 where all are kept.

    Parameters and errors are those of ``failed_gates``.
    """
    ours, theirs = (_totals(scores) for scores in (candidate, baseline))
    return float(sum(breaches(ours, theirs, theirs["days"]).values()))


def seed_failures(candidates: Sequence[Scores], baseline: Scores) -> tuple[str, ...]:
    """A sentence for each gate that a training seed fails: a policy keeps a gate where all of its seeds do."""
    if len(candidates) == 1:
        return failed_gates(candidates[0], baseline)
    numbered = enumerate(candidates, 1)
    return tuple(
        f"seed {i} of {len(candidates)}: {words}" for i, table in numbered for words in failed_gates(table, baseline)
    )


def gate_verdict(
    candidates: Sequence[Scores], baseline: Scores, sites: Sites = None, column: str = "energy_per_work_kwh_h"
) -> GateVerdict:
    """The saving of ``column`` where every seed passes every gate; else the gates that failed and no number.

    Parameters
    ----------
    candidates : sequence of mapping
        Score table of each training seed; one of a rule.
    baseline : mapping
        Its score table.
    sites : sequence of str, optional
        Site of each episode.
    column : str
        What is saved.
    """
    failures = seed_failures(candidates, baseline)
    if failures:
        return GateVerdict(False, failures)
    saved = saved_frac(np.stack([np.asarray(table[column]) for table in candidates]), baseline[column])
    return GateVerdict(True, (), bootstrap_interval(saved, sites=sites), saved)


def _totals(scores: Scores) -> dict[str, float]:
    needed = (*(c.name for c in GATES), "days")
    if missing := [name for name in needed if name not in scores]:
        raise ValueError(f"the scores lack {', '.join(missing)}: they are of another version; evaluate again")
    return {name: float(np.sum(np.asarray(scores[name], np.float64))) for name in needed}


def _failure(c: Constraint, ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    bound = float(allowed(c, theirs[c.name], theirs["days"]))
    return (
        f"{'less' if c.at_least else 'more'} {c.meaning}: {ours[c.name]:.6g}{unit_behind(c.unit)} against "
        f"{theirs[c.name]:.6g} ({'at least' if c.at_least else 'at most'} {bound:.6g} allowed)"
    )
