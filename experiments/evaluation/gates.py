"""No savings number without equal safety and equal work (PROTOCOL 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from experiments.evaluation.stats import Interval, paired_saving

TOLERANCE = 1e-3


class Gate(NamedTuple):
    """One condition: a column of the scores that may not be worse than the baseline's."""

    column: str
    words: str
    unit: str
    more_is_better: bool = False


GATES = (
    Gate("degree_minutes_worst_rack", "degree-minutes over the inlet limit on its worst rack", "K min"),
    Gate("tcs_degree_minutes", "degree-minutes over the coolant limit", "K min"),
    Gate("limit_excess_kwh", "energy over a cap or branch limit", "kWh"),
    Gate("trips", "trips", "1"),
    Gate("work_done_h", "useful work done", "accelerator-h", more_is_better=True),
)


class Verdict(NamedTuple):
    """Whether a candidate may claim a saving over a baseline, and which."""

    passed: bool
    failures: tuple[str, ...]
    saving: Interval | None


def failed_gates(candidate: Mapping[str, ArrayLike], baseline: Mapping[str, ArrayLike]) -> tuple[str, ...]:
    """A sentence for each gate that the candidate fails, on totals over the paired episodes.

    Parameters
    ----------
    candidate, baseline : mapping of str to array (E,)
        Columns of the score table; the columns of ``GATES`` are needed.
    """
    failures = []
    for gate in GATES:
        ours, theirs = (float(np.sum(np.asarray(s[gate.column], np.float64))) for s in (candidate, baseline))
        slack = TOLERANCE * abs(theirs) + 1e-9
        fine = ours >= theirs - slack if gate.more_is_better else ours <= theirs + slack
        if not fine:
            sign = "less" if gate.more_is_better else "more"
            failures.append(f"{sign} {gate.words}: {ours:.6g} {gate.unit} against {theirs:.6g} {gate.unit}")
    return tuple(failures)


def verdict(
    candidate: Mapping[str, Any], baseline: Mapping[str, Any], column: str = "energy_per_work_kwh_h", **options: int
) -> Verdict:
    """The saving of ``column`` where every gate is passed; else the gates that failed and no number."""
    failures = failed_gates(candidate, baseline)
    if failures:
        return Verdict(False, failures, None)
    return Verdict(True, (), paired_saving(candidate[column], baseline[column], **options))
