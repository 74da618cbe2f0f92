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
from envs.scheduling.job_table import Arrivals, Floats, Ints, Ledger
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
    rows : ndarray (4, K, B)
        What the ledger says of the last step: work that was new, done, lost, and what was left at its end.
    """

    def __init__(self, slots: int, racks: Ints, sites: int, kinds: int, arrivals: Arrivals) -> None:
        self.records = empty_records(slots, racks, sites, kinds)
        self.kinds, self.threads = kinds, chosen_threads()
        self._shares = shares_of(sites, self.threads if sites >= _MANY_SITES else 1)
        self._scratch: dict[tuple[int, int], list[Scratch]] = {}
        self._free = unlimited(kinds, sites)
        self.there = slice(self.records.low, self.records.above)
        many = self.records.above - self.records.low
        self._sees = tuple(rows_apart(many, sites) for _ in range(3))
        self._pace = rows_apart(kinds, many, sites)
        self._asks, self._nets = rows_apart(kinds + 1, len(racks), sites), dict[int, tuple[Network | None, Network]]()
        self._asks[...], self.rows = 0.0, np.zeros((len(Ledger._fields), kinds, sites))
        self.follow(Jobs(table_of(self.records), ledger_of(self.records), arrivals))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let copies and pickles build their own memory: views would not follow a copied array."""
        slots, racks, sites = self.records.state.shape[1], self.records.racks, len(self.records.state)
        return _rebuilt, (slots, racks, sites, self.kinds, self.jobs.arrivals, tuple(self.records))

    def follow(self, jobs: Jobs) -> None:
        """Take over other lists of arrivals."""
        self.jobs, self.coming = jobs, coming_of(jobs.arrivals)

    def forget(self, where: Any = slice(None)) -> None:
        """Look at the queue and the network of sites anew: somebody has written to the table."""
        self.records.about["unknown"][where] = 1

    def limited(self, limits: TierLimits, step_s: float) -> Floats:
        """As `decide` tells it, once the round is over and other limits are in force ``(K + 1, R, B)``."""
        from envs.scheduling.compiled_round import limited_activity

        self._shared(limited_activity, 1, 1, self.records, limits, step_s, self._asks)
        return self._asks

    def decide(self, racks: RackScores, wishes: Wishes, laws: Laws, now_s: Floats, step_s: float) -> Floats:
        """As `control_step.decide`: activity by class, and below it the squares ``(K + 1, R, B)``.

        The next round writes into the same memory.
        """
        from envs.scheduling.compiled_round import rounds

        for mine, room in zip(self._sees, (racks.inlet, racks.row, racks.ups)):
            mine[...] = room[self.there]
        dark, leaf = np.ascontiguousarray(racks.dark[self.there]), racks.leaf[self.there]
        self._shared(
            rounds, int(leaf.max()) + 1, 1, self.records, leaf, self._sees, dark, dark.any(axis=0), wishes, laws.habits,
            now_s, step_s, self._free, self._asks,
        )  # fmt: skip
        return self._asks

    def settle(
        self, pace: Floats, now_s: Floats, step_s: float, laws: Laws, seen: Floats, limits: TierLimits | None = None
    ) -> Floats:
        """As `control_step.settle`; ``seen`` gets the rows of `queue_view` ``(k, B)``, and `rows` is written."""
        from envs.scheduling.compiled_progress import progressed

        of, taken, net = self.jobs.arrivals.of, self.jobs.arrivals.taken, self._net(laws)
        self._pace[...], late_h = pace[: self.kinds, self.there], np.empty(len(now_s))
        work = (limits or self._free).work
        self._shared(
            progressed, 1, len(net.uplink_gb_s), self.records, self.coming, of, taken, self._pace, now_s, step_s, net,
            laws.exposed, laws.habits.by_deadline, limits is not None, work, seen, self.rows, late_h,
        )  # fmt: skip
        return late_h

    def _net(self, laws: Laws) -> Network:
        """The network of the racks that jobs may hold; one that slows nobody where there is none."""
        if id(laws.net) not in self._nets:
            self._nets[id(laws.net)] = laws.net, _network_of(laws.net, self.there, len(self.records.racks))
        return self._nets[id(laws.net)][1]

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


def _rebuilt(
    slots: int, racks: Ints, sites: int, kinds: int, arrivals: Arrivals, parts: tuple[Any, ...]
) -> CompiledJobs:
    """Jobs in memory of their own that holds what some records held."""
    own = CompiledJobs(slots, racks, sites, kinds, arrivals)
    for mine, held in zip(own.records, parts):
        if isinstance(mine, np.ndarray):
            mine[...] = held
    return own


def _network_of(net: Network | None, there: slice, racks: int) -> Network:
    """The network that some of the racks see; others send nothing."""
    if net is None:
        nothing = np.zeros(1, np.int64)
        return Network(0.0, 0.0, np.zeros(there.stop - there.start, np.int64), nothing, np.ones(racks + 2))
    uplinks = np.concatenate([net.uplink_gb_s[there], net.uplink_gb_s[racks:]])
    return Network(net.home_gb_s, net.out_gb_s, np.ascontiguousarray(net.leaf_of[there]), net.pod_of, uplinks)
