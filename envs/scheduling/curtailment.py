"""Hold a load target: the power of a site from the grid is brought down in a ramp, held, and let up without a rebound.

Limits on jobs do most: each costs less work than power (PHYSICS b2). They are chosen behind the scheduler's round, for
what runs in the coming step. Where all tiers are at their floors and the target is firm, flexible jobs are paused.

    A' = A + (target - P) / g

A is what the jobs' accelerators drew in the last step, P what the site took, A' what they may draw now. Before the
first step, what other caps withheld is taken off A: it goes first. Losses and cooling follow the accelerators by g.
What that estimate misses is seen in P, and mended a step later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.equipment.rack_archetypes import RackArchetype
from envs.equipment.throughput import POWER_SHARE
from envs.scheduling.job_table import PAUSED, RUNNING, Floats, JobTable
from envs.scheduling.tier_limits import LOWEST_RHO, TIERS, TierCurves, TierLimits
from envs.unknown_name import unknown_name

#: How a target is held: limits by tiers, then pauses; one limit for all jobs; pauses alone.
WAYS = ("tiers", "caps", "pauses")
SITE_GAIN = 1.12  # [kW/kW] of the site for each of the accelerators: losses and fans that follow at once [G]
_GRID = np.linspace(LOWEST_RHO, 1.0, 49)
_NONE = 1e-9


class Metered(NamedTuple):
    """Of the last step, each ``(B,)`` [kW].

    Attributes
    ----------
    grid_kw : ndarray
        What the site took from the grid.
    withheld_kw : ndarray
        What caps withheld from its racks.
    battery_kw : ndarray
        What its battery took of that, charging positive; zero where there is none.
    """

    grid_kw: Floats
    withheld_kw: Floats
    battery_kw: Floats


class LoadTarget(NamedTuple):
    """What a grid asks, as NvGrid's load targets have it: power, start, end, best effort; one entry a site ``(B,)``.

    Attributes
    ----------
    power_kw : ndarray
        Most that the site may take between start and end.
    start_s, end_s : ndarray
        From now on [s].
    ceiling_kw : ndarray
        Before the ramp, and most that the site may take behind the end.
    best_effort : bool
        True: tiers keep their least throughput, also where the target is then missed. False: flexible jobs are paused
        as far as the target takes it; tier 0 never.
    ramp_s, release_s : float
        In which the power falls to the target, and may rise from it to the ceiling behind the end [s].
    recovery_s : float
        How long behind the end the ceiling holds [s].
    """

    power_kw: Floats
    start_s: Floats
    end_s: Floats
    ceiling_kw: Floats
    best_effort: bool = False
    ramp_s: float = 60.0
    release_s: float = 900.0
    recovery_s: float = 10_800.0

    def at(self, since_s: float, step_s: float) -> Floats:
        """Most that a site may take in the step behind ``since_s``, as a mean; infinite where nobody asks ``(B,)``."""
        middle = since_s + 0.5 * step_s
        fallen = np.clip((middle - self.start_s) / max(self.ramp_s, _NONE), 0.0, 1.0)
        risen = np.clip((middle - self.end_s) / max(self.release_s, _NONE), 0.0, 1.0)
        now = self.ceiling_kw + (self.power_kw - self.ceiling_kw) * (fallen - risen)
        asked = (middle >= self.start_s) & (middle < self.end_s + self.recovery_s)
        return np.where(asked, now, np.inf)


def checked_target(target: LoadTarget, sites: int) -> LoadTarget:
    """A target for each of the sites.

    Raises
    ------
    ValueError
        For powers or times that cannot be.
    """
    power, start, end, ceiling = (np.full(sites, x, np.float64) for x in target[:4])
    if not (np.isfinite(power) & np.isfinite(ceiling) & (power > 0.0) & (power <= ceiling)).all():
        raise ValueError(
            f"load target: power_kw = {power.tolist()}, ceiling_kw = {ceiling.tolist()}; give 0 < power_kw <= "
            "ceiling_kw, in kW"
        )
    if not ((start >= 0.0) & (end > start)).all() or min(target.ramp_s, target.release_s, target.recovery_s) < 0.0:
        raise ValueError(
            f"load target: start_s = {start.tolist()}, end_s = {end.tolist()}, ramp_s = {target.ramp_s}, release_s = "
            f"{target.release_s}, recovery_s = {target.recovery_s}; give seconds from now, the end behind the start"
        )
    return target._replace(power_kw=power, start_s=start, end_s=end, ceiling_kw=ceiling)


class Curtailment:
    """Holds a load target, step by step.

    Parameters
    ----------
    target : LoadTarget
    way : str
        One of `WAYS`.
    archetypes : sequence of RackArchetype
        Of each rack (R).
    shared : ndarray of bool (R,)
        Racks that jobs may use.
    kinds : int
        Classes K of jobs.

    Attributes
    ----------
    battery_kw : ndarray (B,) or None
        What the batteries will take in the coming step, charging positive [kW]; None: as in the last.

    Raises
    ------
    ValueError
        For an unknown way.
    """

    def __init__(
        self,
        target: LoadTarget,
        way: str,
        archetypes: Sequence[RackArchetype],
        shared: NDArray[np.bool_],
        kinds: int,
    ) -> None:
        if way not in WAYS:
            raise ValueError(unknown_name("way of a curtailment", way, WAYS))
        self.target, self.way = target, way
        idle = np.array([a.accelerator_idle_frac for a in archetypes])
        tdp_kw = np.array([a.accelerator_tdp_kw for a in archetypes])
        self.accelerator_kw = np.maximum(np.array(POWER_SHARE)[:kinds, None] - idle, 0.0) * tdp_kw * shared
        mine = [kind.cap_points for kind, runs in zip(archetypes, shared) if runs]
        profile = mine[0] if all(one == mine[0] for one in mine) else None  # racks that differ: the built-in curves
        self.curves = TierCurves(kinds, float(idle[shared].max()), way == "tiers", profile)
        self.free = self.curves.at(np.ones(len(target.power_kw)))
        if way == "pauses":
            self.on_grid = np.ones((kinds, TIERS, len(_GRID)))
        else:
            self.on_grid = self.curves.at(_GRID).activity
        self.since_s = 0.0
        self.drawn_kw: Floats | None = None
        self.battery_kw: Floats | None = None

    def to_come_kw(self, table: JobTable, step_s: float) -> Floats:
        """What the site would take more in the coming step than in the last, without limits and pauses ``(B,)`` [kW].

        Negative where jobs have ended or are about to; jobs that the scheduler's round starts are not foreseen.
        """
        if self.drawn_kw is None:
            return np.zeros(len(self.target.power_kw))
        whole = self._drawn_kw(table, step_s, paused=True).sum(axis=(0, 1))
        return np.asarray(SITE_GAIN * (whole - self.drawn_kw))

    def pauses(self, table: JobTable, wished: Floats, metered: Metered, step_s: float) -> Floats:
        """Share of the flexible accelerators that is paused in the coming step ``(B,)``; before the round.

        Parameters
        ----------
        table : JobTable
        wished : ndarray (B,)
            What is paused anyhow.
        metered : Metered
        step_s : float
        """
        if self.drawn_kw is None:
            self.drawn_kw = self._drawn_kw(table, step_s, paused=False).sum(axis=(0, 1))
        if self.way == "caps" or (self.way == "tiers" and self.target.best_effort):
            return wished
        whole = self._drawn_kw(table, step_s, paused=True)
        may = self._may_draw_kw(metered, step_s)
        flexible = whole[:, 1:].sum(axis=(0, 1))
        spared = ((1.0 - self.on_grid[:, 1:, :1]) * whole[:, 1:]).sum(axis=(0, 1))  # by limits at the floors
        lacking = whole.sum(axis=(0, 1)) - may - spared
        return np.maximum(wished, np.clip(lacking / np.maximum(flexible - spared, _NONE), 0.0, 1.0))

    def limits(self, table: JobTable, metered: Metered, step_s: float) -> TierLimits:
        """Limits of the coming step, behind the round; it is then over. Arguments as in `pauses`."""
        whole = self._drawn_kw(table, step_s, paused=False)
        limit = np.ones(whole.shape[-1])
        if self.way != "pauses":
            under = np.einsum("ktg,ktb->gb", self.on_grid, whole)
            may = self._may_draw_kw(metered, step_s)
            for b in np.flatnonzero(may < under[-1]):
                limit[b] = np.interp(may[b], under[:, b], _GRID)
        found = self.curves.at(limit) if (limit < 1.0).any() else self.free
        self.drawn_kw = (found.activity * whole).sum(axis=(0, 1))
        self.since_s += step_s
        return found

    def forget(self, where: NDArray[np.intp]) -> None:
        """Ask nothing more of the sites ``where``."""
        self.target.start_s[where] = np.inf

    def memory(self) -> dict[str, Any]:
        """What it carries from step to step."""
        return {"since_s": self.since_s, "drawn_kw": self.drawn_kw, "start_s": self.target.start_s}

    def remember(self, saved: Mapping[str, Any]) -> None:
        """Go on from `memory`."""
        self.since_s, self.drawn_kw = saved["since_s"], saved["drawn_kw"]
        self.target.start_s[:] = saved["start_s"]

    def _may_draw_kw(self, metered: Metered, step_s: float) -> Floats:
        """What the jobs' accelerators may draw in the coming step ``(B,)``."""
        assert self.drawn_kw is not None
        begins = np.isinf(self.target.at(self.since_s - step_s, step_s))
        drawn_kw = self.drawn_kw - np.where(begins, metered.withheld_kw, 0.0)
        grid_kw = metered.grid_kw
        if self.battery_kw is not None:
            grid_kw = grid_kw + (self.battery_kw - metered.battery_kw)
        return drawn_kw + (self.target.at(self.since_s, step_s) - grid_kw) / SITE_GAIN

    def _drawn_kw(self, table: JobTable, step_s: float, paused: bool) -> Floats:
        """What jobs would draw without limits in the coming step, over idling ``(K, T, B)`` [kW]."""
        runs = (table.state == RUNNING) | (table.state == PAUSED) if paused else table.state == RUNNING
        places = slot, site = np.nonzero(runs)
        kind, tier = table.facts.kind[places], table.facts.tier[places]
        restarting = np.minimum(table.restart_left_s[places], step_s)
        need_s = table.left_h[places] * 3600.0 / np.maximum(table.facts.accelerators[places], 1.0)
        busy = np.minimum(need_s, step_s - restarting) / step_s * table.facts.activity[places]
        kw = (table.held[slot, :, site] * self.accelerator_kw[kind]).sum(axis=1) * busy
        shape = len(self.accelerator_kw), TIERS, table.state.shape[1]
        at = np.ravel_multi_index((kind, tier, site), shape)
        return np.asarray(np.bincount(at, kw, int(np.prod(shape))), np.float64).reshape(shape)
