"""The energy floor: the least facility energy found at full work when no temperature limit counts (PROTOCOL 5).

A found bound, not a proof: constant setpoints of every thermal channel, the best of them chosen for each episode with
hindsight, and any other controller's trial where that drew less. Power limits stay open unless the feeder binds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from agents.planners.best_constant import FixedBox
from agents.planners.cem import Budget, Progress, minimize_each
from agents.planners.trial import CandidateTrials, Trial
from envs.interface.constraints import FULL_WORK, allowed

Column = NDArray[np.float64]

SHORT_OF_WORK_KWH = 1e6  # per share of work missing: above any energy


def energy_floor(
    bench: CandidateTrials,
    full_work: Trial,
    budget: Budget,
    seed: int,
    also: Iterable[Trial] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Column:
    """Least facility energy of each episode ``(E,)`` [kWh].

    Parameters
    ----------
    bench : CandidateTrials
    full_work : Trial
        A controller that does the full work: what is done may not fall under what the constraint on work allows.
    budget, seed, progress
        Of the search, one for each episode, side by side.
    also : iterable of Trial
        Other controllers on the same episodes: the floor is not above any of them that does the full work.
    """
    least_work = allowed(FULL_WORK, full_work.sums[FULL_WORK.name][0], bench.days)
    box = FixedBox(bench.single)

    def energy(candidates: Column) -> Column:
        trial = bench.run(lambda core, points: box.controller(box.decode(points)), candidates)
        return _energy_at_work(trial, least_work)

    start = np.broadcast_to(box.encode({}), (bench.episodes, len(box.names)))
    found = minimize_each(energy, start, budget, seed, progress).cost
    for trial in (full_work, *also):
        found = np.minimum(found, _energy_at_work(trial, least_work).min(axis=0))
    return found


def _energy_at_work(trial: Trial, least_work: Column) -> Column:
    """Facility energy ``(P, E)`` [kWh]; far above any where work is missing."""
    missing = np.maximum(1.0 - trial.sums[FULL_WORK.name] / np.maximum(least_work, 1e-9), 0.0)
    return trial.sums["facility_power_kwh"] + SHORT_OF_WORK_KWH * missing
