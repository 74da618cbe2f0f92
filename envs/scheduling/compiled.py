"""Jobs stepped by machine code, where numba is installed: the same decisions as the array functions, on records."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from envs.engine.choice import chosen_threads
from envs.engine.compiled import shares_of, workers
from envs.scheduling.control_step import Jobs, Laws
from envs.scheduling.job_table import Arrivals, Floats, Ints
from envs.scheduling.network import Network
from envs.scheduling.placement import RackScores
from envs.scheduling.records import Scratch, coming_of, empty_records, empty_scratch, ledger_of, rows_apart, table_of
from envs.scheduling.scheduler import Wishes
from envs.scheduling.tier_limits import TierLimits, unlimited

_MANY_SITES = 64  # from which a second thread pays


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
        self.kinds, self.threads = kinds, chosen_threads()
        self._shares = shares_of(sites, self.threads if sites >= _MANY_SITES else 1)
        self._scratch: dict[tuple[int, int], list[Scratch]] = {}
        self._free = unlimited(kinds, sites)
        self._sees = tuple(rows_apart(len(racks), sites) for _ in range(3))
        self._pace = rows_apart(kinds, len(racks), sites)
        self.follow(Jobs(table_of(self.records), ledger_of(self.records), arrivals))

    def follow(self, jobs: Jobs) -> None:
        """Take over other lists of arrivals."""
        self.jobs, self.coming = jobs, coming_of(jobs.arrivals)

    def forget(self, where: Any = slice(None)) -> None:
        """Look at the queue and the network of sites anew: somebody has written to the table."""
        self.records.about["unknown"][where] = 1

    def limited(self, limits: TierLimits, step_s: float) -> Floats:
        """As `decide` tells it, once the round is over and other limits are in force ``(K + 1, R, B)``."""
        from envs.scheduling.compiled_round import limited_activity

        asks = rows_apart(self.kinds + 1, *self.records.free.shape[::-1])
        self._shared(limited_activity, 1, 1, self.records, limits, step_s, asks)
        return asks

    def decide(self, racks: RackScores, wishes: Wishes, laws: Laws, now_s: Floats, step_s: float) -> Floats:
        """As `control_step.decide`: activity by class, and below it the squares ``(K + 1, R, B)``."""
        from envs.scheduling.compiled_round import rounds

        asks = rows_apart(self.kinds + 1, *racks.dark.shape)
        for mine, room in zip(self._sees, (racks.inlet, racks.row, racks.ups)):
            mine[...] = room
        dark = np.ascontiguousarray(racks.dark)
        given = self.records, racks.leaf, self._sees, dark, wishes, laws.habits, now_s, step_s, self._free, asks
        self._shared(rounds, int(racks.leaf.max()) + 1, 1, *given)
        return asks

    def settle(
        self, pace: Floats, now_s: Floats, step_s: float, laws: Laws, seen: Floats, limits: TierLimits | None = None
    ) -> Floats:
        """As `control_step.settle`; ``seen`` gets the rows of `queue_view` ``(k, B)``."""
        from envs.scheduling.compiled_progress import progressed

        of, taken = self.jobs.arrivals.of, self.jobs.arrivals.taken
        net = laws.net or _no_network(len(self.records.racks))
        self._pace[...], late_h = pace[: self.kinds], np.empty(len(now_s))
        work = (limits or self._free).work
        self._shared(
            progressed, 1, len(net.uplink_gb_s), self.records, self.coming, of, taken, self._pace, now_s, step_s, net,
            laws.exposed, laws.habits.by_deadline, work, seen, late_h,
        )  # fmt: skip
        return late_h

    def _shared(self, code: Callable[..., None], leaves: int, uplinks: int, *given: Any) -> None:
        """Run code in as many threads as were asked for; it takes scratch, the first site and the one behind the last.

        Parameters
        ----------
        code : callable
        leaves, uplinks : int
            For which its scratch must suffice.
        *given
            Its other arguments.
        """
        scratch = self._scratch.get((leaves, uplinks))
        if scratch is None:
            made = [empty_scratch(self.records, leaves, uplinks) for _ in self._shares]
            scratch = self._scratch[leaves, uplinks] = made
        (first, (begin, end)), *others = zip(scratch, self._shares)
        waiting = [workers(os.getpid(), self.threads).submit(code, *given, own, *share) for own, share in others]
        code(*given, first, begin, end)
        for done in waiting:
            done.result()


def _no_network(racks: int) -> Network:
    """A network that slows nobody."""
    nothing = np.zeros(1, np.int64)
    return Network(0.0, 0.0, np.zeros(racks, np.int64), nothing, np.ones(racks + 2))
