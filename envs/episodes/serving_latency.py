"""Whose tokens came too late: served work of a step whose mean time between tokens passes the target (WORKLOAD 6e).

The ledger loses what a capped rack does not do, at any load. A real replica keeps its requests: its batch grows, each
step of it takes longer, and users wait. This is judged here, from the load that racks were asked to carry and the pace
that the plant gave them, once a control step. It changes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.episodes.world import partitions
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.signals.step import Load
from envs.signals.workload.latency import replica_load, slowed_load, time_between_tokens_ms
from envs.signals.workload.partitions import KIND_SLOTS, Partition
from envs.signals.workload.requests import batch_at, most_load

_PREFILL, _DECODE = (KIND_SLOTS["interactive"].index(name) for name in ("prefill", "decode"))
_OF_STEP = ("served_h", "late_h", "token_ms")
_ROUNDING = 1e-4  # relative, of a time in single precision

Table = NDArray[np.float64]


def serving_latency(scenario: Scenario, n: int) -> ServingLatency | None:
    """What judges the serving racks of ``n`` sites; None without a target, or without such racks."""
    pools = [p for p in partitions(scenario) if p.kind == "interactive"]
    if not pools or not scenario.site.token_target_ms:
        return None
    return ServingLatency(pools, scenario.site.token_target_ms, scenario.episode.step_s / 3600.0, n)


class ServingLatency:
    """Judges serving step by step, and adds up.

    Parameters
    ----------
    pools : list of Partition
        Interactive partitions.
    target_ms : float
        Mean time between tokens that is still in time [ms].
    step_h : float
        Control step [h].
    n : int
        Sites B.

    Attributes
    ----------
    served_h, late_h : ndarray (B,)
        Work of the last step that was served, and that part of it whose tokens came too late [accelerator-h].
    token_ms : ndarray (B,)
        Mean time between tokens in the last step, by served work [ms]; nan where nothing was served.
    """

    def __init__(self, pools: list[Partition], target_ms: float, step_h: float, n: int) -> None:
        self.pools, self.target_ms, self.step_h = pools, target_ms, step_h
        self.served_h, self.late_h, self.token_ms = np.zeros(n), np.zeros(n), np.full(n, np.nan)
        self._sums: dict[str, Table] = {"serving_done_h": np.zeros(n), "late_work_h": np.zeros(n)}

    def begin(self, where: NDArray[np.intp]) -> None:
        """New episodes begin in some environments."""
        for of_step, value in ((self.served_h, 0.0), (self.late_h, 0.0), (self.token_ms, np.nan)):
            of_step[where] = value
        for total in self._sums.values():
            total[where] = 0.0

    def judge(self, load: Load, pace: Floats) -> None:
        """Judge a step.

        Parameters
        ----------
        load : Load
            What the racks were asked to do.
        pace : ndarray (S, R, B)
            Work done over work demanded, as the plant's state has it.
        """
        served, late, waited = np.zeros_like(self._sums["late_work_h"]), np.zeros_like(self.late_h), 0.0
        for pool in self.pools:
            racks = list(pool.racks)
            asked, speed = (np.asarray(x[:, racks], np.float64) for x in (load.activity, pace))
            done = (asked * speed).sum(axis=0) * (pool.gpus_per_rack * self.step_h)
            token_ms = self._token_ms(pool, asked, speed)
            served += done.sum(axis=0)
            late += (done * (token_ms > self.target_ms * (1.0 + _ROUNDING))).sum(axis=0)
            waited = waited + (done * token_ms).sum(axis=0)
        self.served_h, self.late_h = served, late
        self.token_ms = np.where(served > 0.0, waited / np.where(served > 0.0, served, 1.0), np.nan)
        self._sums["serving_done_h"] += served
        self._sums["late_work_h"] += late

    @staticmethod
    def _token_ms(pool: Partition, asked: Floats, speed: Floats) -> Table:
        """Mean time between tokens of each rack of a pool ``(R, B)`` [ms]: its door is shut at the largest batch."""
        load = replica_load(asked[_PREFILL], asked[_DECODE], pool.service, pool.autoscale)
        slowed = slowed_load(load, speed[_PREFILL], speed[_DECODE], pool.service)
        batch = batch_at(np.minimum(slowed, most_load(pool.batch_max)))
        return time_between_tokens_ms(batch, speed[_DECODE])

    def told(self) -> dict[str, Table]:
        """What infos tell of the last step ``{name: (B,)}``: share served too late [1], time between tokens [ms]."""
        share = self.late_h / np.maximum(self.served_h, 1e-9)
        return {"late_work_frac": share, "token_ms": self.token_ms.copy()}

    def by_name(self) -> dict[str, Table]:
        """Copies of the sums of the running episodes ``{name: (B,)}`` [accelerator-h]."""
        return {name: total.copy() for name, total in self._sums.items()}

    def snapshot(self) -> dict[str, Any]:
        """All that steps change, as plain data."""
        return self.by_name() | {name: getattr(self, name).copy() for name in _OF_STEP}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        for name, total in self._sums.items():
            total[...] = saved[name]
        for name in _OF_STEP:
            setattr(self, name, np.array(saved[name]))
