"""A bound: caps of someone who knows the coming minute, and holds the feeder as near to its limit as nothing trips.

Each step is tried several times before it is made: the racks' demand is seen, power is shared at equal marginal value,
and the budget is moved until the load is as high as the protection lets it be. What is found is a found bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planners.tuning import Constant, rules_from
from envs.building.row_value import class_values
from envs.controllers.base import Measurements, Setpoints
from envs.controllers.marginal_value import MarginalValueCaps
from envs.core import DataCenterCore
from envs.core_state import TREES
from envs.trees import as_classes_of, as_plain_data

Floats = NDArray[np.floating]
CAPS = "rack_power_limit_frac"

TRIES, SWAPS = 4, 3
DEEPEST_KW, GAIN = 40.0, 0.8  # the budget's largest move in a try, and its share of the gap
BACK_KW = 6.0  # taken off where the protection would engage
RELEASED_FRAC = 0.885  # of the limit: where the protection has engaged, it lets go under it
SWAP_KW, FORGOTTEN = 3.0, 0.8  # moved from row to row; how fast a swap that does not pay fades
FREE = 0.9995  # a limit above it withholds nothing


class Tried(NamedTuple):
    """What a step would do, if it were made."""

    demand_kw: Floats
    """``(P, B)``"""
    power_kw: Floats
    """``(P, B)``"""
    load_kw: Floats
    """Of the feeder ``(B,)``."""
    protected: NDArray[np.bool_]
    """Whether the fast protection would act ``(B,)``."""
    value: Floats
    """Of the work done ``(B,)`` [USD]."""


class ForeseenCaps:
    """The rules of a hall, with caps that know the coming step.

    Parameters
    ----------
    core : DataCenterCore
        On which the policy is played: steps are tried on it, and undone.
    constants : mapping
        Of the rules, by dotted key.
    target_frac : float
        Load that is aimed at, as a share of the feeder's limit, where the protection lets it be.
    swaps : bool
        Also move power from row to row where the true mix of work makes that pay.
    """

    def __init__(
        self, core: DataCenterCore, constants: Mapping[str, Constant], target_frac: float = 0.9885, swaps: bool = False
    ) -> None:
        self.core, self.target_frac, self.swaps = core, target_frac, swaps
        self.rules = rules_from(core, {**constants, "caps": "marginal_value"})
        (self.caps,) = (part for part in self.rules.parts if isinstance(part, MarginalValueCaps))
        self.values = class_values(core.scenario)
        self.moved_kw = np.zeros((0, 0))
        self.turn = 0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin anew."""
        self.rules.reset(n, mask)
        self.moved_kw = np.zeros((len(self.caps.pieces.rated_kw), n))

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the coming step."""
        wanted = self.rules.act(measurements)
        kept = {name: as_plain_data(getattr(self.core, name)) for name in TREES}
        best = self._filled(wanted, kept)
        if self.swaps:
            best = self._swapped(wanted, kept, best)
        return wanted | {CAPS: best.astype(np.float32)}

    def _filled(self, wanted: Setpoints, kept: Mapping[str, object]) -> Floats:
        """Limits ``(P, B)`` under which the load is highest without the protection."""
        limit_kw = self.caps.feeder.limit_kw
        per_kw = 1.0 / (1.0 + self.caps.feeder.loss_frac)
        was_held = np.asarray(self.core.flows.capper_engaged) > 0.5
        seen = self._tried(wanted, kept, np.ones_like(wanted[CAPS], np.float64))
        fits, other = ~seen.protected, seen.load_kw - seen.power_kw.sum(axis=0)
        budget = (self.target_frac * limit_kw - other) * per_kw
        released = self._shared(seen.demand_kw, (RELEASED_FRAC * limit_kw - other) * per_kw)
        best = np.where(was_held, released, self._shared(seen.demand_kw, budget - 0.03 * limit_kw))
        best = np.where(fits, 1.0, best)
        highest = np.full(len(other), -np.inf)
        for _ in range(TRIES):
            limits = np.where(fits, 1.0, np.clip(self._shared(seen.demand_kw, budget), self.caps.floor_frac, 1.0))
            found = self._tried(wanted, kept, limits)
            better = ~found.protected & ~fits & (found.load_kw > highest)
            best, highest = np.where(better, limits, best), np.where(better, found.load_kw, highest)
            gap = np.clip(self.target_frac * limit_kw - found.load_kw, -DEEPEST_KW, DEEPEST_KW)
            down = np.minimum(gap, 0.0) - BACK_KW
            budget = budget + np.where(found.protected, down, GAIN * gap)
        return np.clip(best, self.caps.floor_frac, 1.0)

    def _swapped(self, wanted: Setpoints, kept: Mapping[str, object], best: Floats) -> Floats:
        """Limits with power moved between rows, where the work of the step is worth more."""
        rated, rows = self.caps.pieces.rated_kw, range(len(self.caps.pieces.rated_kw) - 1)
        seen = self._tried(wanted, kept, best)
        binds = (best < FREE).any(axis=0)
        start = np.where(best >= FREE, np.minimum(seen.power_kw / rated, 1.0), best)
        pairs = [(a, b) for a in rows for b in rows if a != b]
        options = [self.moved_kw]
        for k in range(SWAPS):
            giver, taker = pairs[(self.turn + k) % len(pairs)]
            more = self.moved_kw.copy()
            more[giver] -= SWAP_KW
            more[taker] += SWAP_KW
            options.append(more)
        self.turn += SWAPS
        worth, limits, moved = seen.value, best, self.moved_kw * FORGOTTEN
        for option in options:
            tried = np.where(binds & (option != 0.0), np.clip(start + option / rated, 0.0, 1.0), best)
            found = self._tried(wanted, kept, tried)
            better = ~found.protected & (found.value > worth)
            worth = np.where(better, found.value, worth)
            limits, moved = np.where(better, tried, limits), np.where(better, option, moved)
        self.moved_kw = np.where(np.abs(moved) < 0.5, 0.0, moved)
        return limits

    def _shared(self, demand_kw: Floats, budget_kw: Floats) -> Floats:
        shared: Floats = self.caps._shared(demand_kw, budget_kw) / self.caps.pieces.rated_kw
        return shared

    def _tried(self, wanted: Setpoints, kept: Mapping[str, object], limits: Floats) -> Tried:
        """Make a step under these limits ``(P, B)``, and undo it."""
        core = self.core
        core.step_setpoints({**wanted, CAPS: limits.astype(np.float32)})
        flows = core.flows
        done = np.asarray(flows.work_done, np.float64)
        held = (np.asarray(flows.capper_active_s) > 0.0) | (np.asarray(flows.capper_engaged) > 0.5)
        power = (np.array(x, np.float64) for x in (flows.row_demand_kw, flows.row_power_kw, flows.ups_power_kw))
        found = Tried(*power, held, (done * self.values[: len(done), None]).sum(axis=0))
        for name in TREES:
            setattr(core, name, as_classes_of(getattr(core, name), kept[name], name))
        core._update_signals()
        return found
