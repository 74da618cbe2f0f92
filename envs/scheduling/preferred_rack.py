"""A rack that goes before all others for the jobs that start in a step: what a discrete choice of an agent means."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from envs.scheduling.job_table import WAITING, Bools, Ints, JobTable
from envs.scheduling.placement import FEATURES, RackScores
from envs.scheduling.scheduler import Wishes

PREFERRED = 1e3  # weight of a rack that was chosen, above all that other weights can add up to
UPS = FEATURES.index("ups headroom")  # alike for all racks of a site: its place is free for the choice


def checked_choice(rack: ArrayLike, racks: Ints, sites: int) -> Ints:
    """A rack for each site ``(B,)``, or -1 for none.

    Raises
    ------
    ValueError
        For another shape, or a rack that is not there or not for jobs.
    """
    chosen = np.asarray(rack, np.int64)
    known = (chosen >= -1) & (chosen < len(racks))
    if chosen.shape != (sites,) or not known.all() or (racks[chosen[chosen >= 0]] <= 0).any():
        may = np.flatnonzero(racks > 0).tolist()
        raise ValueError(f"rack = {rack!r}; give one of {may} or -1 for each of {sites} sites")
    return chosen


def open_racks(table: JobTable, alive: Bools) -> Bools:
    """Racks on which a job that waits may begin ``(R, B)``: with power and a free accelerator."""
    return np.asarray(alive & (table.free > 0) & (table.state == WAITING).any(axis=0))


def with_preferred(racks: RackScores, wishes: Wishes, preferred: Ints) -> tuple[RackScores, Wishes]:
    """What the scheduler is told so that a rack of each site goes before all others; -1 prefers none."""
    here = (np.arange(len(racks.leaf))[:, None] == preferred).astype(racks.ups.dtype)
    weights = wishes.weights.copy()
    weights[UPS] = PREFERRED
    return racks._replace(ups=here), wishes._replace(weights=weights)
