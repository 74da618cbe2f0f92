"""No savings number without equal safety and equal work (PROTOCOL 6): the table of constraints, judged on scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from envs.interface.constraints import GATES, Constraint, allowed, breaches
from experiments.evaluation.stats import Interval, paired_saving

Scores = Mapping[str, ArrayLike]


class GateVerdict(NamedTuple):
    """Whether a candidate may claim a saving over a baseline, and which."""

    passed: bool
    failures: tuple[str, ...]
    saving: Interval | None


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


def gate_verdict(
    candidate: Scores, baseline: Scores, column: str = "energy_per_work_kwh_h", **options: int
) -> GateVerdict:
    """The saving of ``column`` where every gate is passed; else the gates that failed and no number."""
    failures = failed_gates(candidate, baseline)
    if failures:
        return GateVerdict(False, failures, None)
    return GateVerdict(True, (), paired_saving(candidate[column], baseline[column], **options))


def _totals(scores: Scores) -> dict[str, float]:
    needed = (*(c.name for c in GATES), "days")
    if missing := [name for name in needed if name not in scores]:
        raise ValueError(f"the scores lack {', '.join(missing)}: they are of another version; evaluate again")
    return {name: float(np.sum(np.asarray(scores[name], np.float64))) for name in needed}


def _failure(c: Constraint, ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    bound = float(allowed(c, theirs[c.name], theirs["days"]))
    return (
        f"{'less' if c.at_least else 'more'} {c.meaning}: {ours[c.name]:.6g} {c.unit} against {theirs[c.name]:.6g} "
        f"({'at least' if c.at_least else 'at most'} {bound:.6g} allowed)"
    )
