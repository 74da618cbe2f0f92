"""Jobs stepped by machine code, where numba is installed: the same decisions as the array functions, on records."""

from __future__ import annotations

import importlib.util

import numpy as np

from envs.scheduling.control_step import Jobs, Laws
from envs.scheduling.job_table import Arrivals, Floats, Ints
from envs.scheduling.network import Network
from envs.scheduling.placement import RackScores
from envs.scheduling.records import coming_of, empty_records, ledger_of, table_of
from envs.scheduling.scheduler import Wishes
from envs.scheduling.tier_limits import TierLimits, unlimited


def can_compile() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


class CompiledJobs:
    """Jobs of a batch of sites, and the machine code that steps them.

    Attributes
    ----------
    jobs : Jobs
        Views of the memory that the code reads and writes.
    """

    def __init__(self, slots: int, racks: Ints, sites: int, kinds: int, arrivals: Arrivals) -> None:
        self.records = empty_records(slots, racks, sites, kinds)
        self.kinds = kinds
        self._free = unlimited(kinds, sites)
        self.follow(Jobs(table_of(self.records), ledger_of(self.records), arrivals))

    def follow(self, jobs: Jobs) -> None:
        """Take over other lists of arrivals."""
        self.jobs, self.coming = jobs, coming_of(jobs.arrivals)

    def forget(self) -> None:
        """Look at every queue and share every network anew: somebody has written to the table."""
        self.records.moved[:] = 1

    def limited(self, limits: TierLimits, step_s: float) -> Floats:
        """As `decide` tells it, once the round is over and other limits are in force ``(K + 1, R, B)``."""
        from envs.scheduling.compiled_round import limited_activity

        asks = np.zeros((self.kinds + 1, *self.records.free.shape[::-1]), np.float32)
        limited_activity(self.records, limits, step_s, asks)
        return asks

    def decide(self, racks: RackScores, wishes: Wishes, laws: Laws, step_s: float) -> Floats:
        """As `control_step.decide`: activity by class, and below it the squares ``(K + 1, R, B)``."""
        from envs.scheduling.compiled_round import rounds

        asks = np.zeros((self.kinds + 1, *racks.dark.shape), np.float32)
        sees = tuple(np.ascontiguousarray(x, np.float32) for x in (racks.inlet, racks.row, racks.ups))
        dark = np.ascontiguousarray(racks.dark)
        rounds(self.records, racks.leaf, sees, dark, wishes, laws.habits, step_s, self._free, asks)
        return asks

    def settle(
        self, pace: Floats, now_s: Floats, step_s: float, laws: Laws, seen: Floats, limits: TierLimits | None = None
    ) -> Floats:
        """As `control_step.settle`; ``seen`` gets the rows of `queue_view` ``(k, B)``."""
        from envs.scheduling.compiled_progress import progressed

        of, taken = self.jobs.arrivals.of, self.jobs.arrivals.taken
        net = laws.net or _no_network(len(self.records.racks))
        own, late_h = np.ascontiguousarray(pace, np.float32), np.empty(len(now_s))
        work = (limits or self._free).work
        progressed(self.records, self.coming, of, taken, own, now_s, step_s, net, laws.exposed, work, seen, late_h)
        return late_h


def _no_network(racks: int) -> Network:
    """A network that slows nobody."""
    nothing = np.zeros(1, np.int64)
    return Network(0.0, 0.0, np.zeros(racks, np.int64), nothing, np.ones(racks + 2))
