"""What a twin expects of plans for the coming hour, and the slopes of that cost by every setpoint of the plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from envs.controllers.base import Measurements, Setpoints
from envs.engine.gradient import Adjoint
from envs.engine.window import Window
from envs.faults import Availability
from envs.interface.action import next_in_force
from envs.interface.reward import STORED_HEAT_COP
from envs.physics.namespace import Floats
from envs.plant.state import stores_of
from envs.signals.step import Load, Outside
from envs.trees import tiled_tree
from envs.twin.estimation.twin import outside_from_measurements

if TYPE_CHECKING:
    from agents.planners.mpc import Mpc
    from envs.plant.state import PlantState, Stores


class Ahead(NamedTuple):
    """What one forecast step hands to the next; as cotangents None stands for zeros."""

    plant: PlantState | None
    in_force: Setpoints | None
    highest_kw: Floats
    """Highest grid power so far ``(B,)`` [kW]."""


class Expected(NamedTuple):
    """What a forecast step is given beside the setpoints."""

    outside: Outside
    load: Load
    lost: Availability
    rack_bias_k: Floats
    """Added to the twin's inlets ``(R, B)`` [K]."""
    start: Stores
    clock: Floats


class Foreseen(NamedTuple):
    """What a forecast step leaves; as cotangents None stands for zeros."""

    cost_usd: Floats
    heat_kwh: Floats | None
    """In the masses, against the start ``(B,)`` [kWh]."""


class WindowCosts:
    """The forecast of an `Mpc`, as a window that hands slopes back.

    Parameters
    ----------
    mpc : Mpc
        Gives plant, twin, channels, prices, and what it expects of load and weather.
    """

    def __init__(self, mpc: Mpc) -> None:
        self.mpc = mpc
        self._window: Window | None = None

    def begin(self, measured: Measurements, copies: int) -> None:
        """Take the moment's measurements; ``copies`` plans are played of every site."""
        mpc, twin = self.mpc, self.mpc.twin
        layout = mpc.plant.layout
        in_force = {c.name: measured[f"in_force.{c.name}"] for c in mpc.channels}
        bias = (layout.membership.T @ twin.inlet_bias_k.astype(mpc.dtype) + mpc.settings.margin_k).astype(mpc.dtype)
        peak_kw = (measured["billing_peak_share"][0] * layout.rated_it_kw).astype(mpc.dtype)
        start = (Ahead(twin.state, in_force, peak_kw * 0.0), twin.lost, bias, peak_kw, twin.outside.price_usd_mwh)
        self._start, lost, bias, self._peak_kw, price = tiled_tree(start, copies)
        self._heat_usd_kwh = (price * (1e-3 / STORED_HEAT_COP)).astype(mpc.dtype)
        ahead = mpc.ahead.expectation(measured, mpc.steps)
        loads = [tiled_tree(twin.load_of(demand_kw), copies) for demand_kw in ahead.row_kw]
        met = [outside_from_measurements(ahead.measurements_at(measured, k)) for k in range(len(loads))]
        weather = [tiled_tree(outside, copies) for outside in met]
        last = len(loads) - 1
        self._given = [
            Expected(
                weather[min(k, last)], loads[min(k, last)], lost, bias, stores_of(self._start.plant),
                np.full(len(self._peak_kw), k, np.int64),
            )
            for k in range(mpc.steps)
        ]  # fmt: skip

    def cost(self, wanted: Sequence[Setpoints]) -> Floats:
        """Cost over the horizon ``(P E,)`` [USD] of plans, a dict of setpoints for each step."""
        given = list(zip(wanted, self._given))
        if self._window is None:
            self._window = Window(Adjoint(self._step, (self._start, *given[0]), wrt=(0, 1)))
        end, self._seen = self._window.run(self._start, given)
        self._rise_kw = end.highest_kw - self._peak_kw
        usd: Floats = sum((seen.cost_usd for seen in self._seen), np.zeros_like(self._peak_kw))
        usd = usd + np.maximum(self._rise_kw, 0.0) * self.mpc.bill.rate
        usd = usd + self._seen[-1].heat_kwh * self._heat_usd_kwh
        return usd

    def slopes(self) -> list[Setpoints]:
        """Slopes of the last plans' cost by the setpoints of each step [USD per unit of the channel]."""
        assert self._window is not None
        one = np.ones_like(self._peak_kw)
        rate = (self._rise_kw > 0.0) * one * np.float32(self.mpc.bill.rate)
        behind = [Foreseen(one, None) for _ in self._seen[:-1]] + [Foreseen(one, self._heat_usd_kwh)]
        _, others = self._window.pull_back(Ahead(None, None, rate.astype(one.dtype)), behind)
        return [wanted for (wanted,) in others]

    def _step(self, ahead: Ahead, wanted: Setpoints, given: Expected) -> tuple[Ahead, Foreseen]:
        mpc = self.mpc
        assert ahead.in_force is not None and ahead.plant is not None
        in_force = next_in_force(mpc.channels, wanted, ahead.in_force, mpc.step_s)
        state, flows = mpc.plant.step(ahead.plant, in_force, given.outside, given.load, given.lost, given.clock)
        cost = mpc.step_cost(flows, given.rack_bias_k, given.outside, ahead.in_force, in_force)
        _, heat_kwh = mpc.plant.stored_energy(state, given.start)
        highest = np.maximum(ahead.highest_kw, flows.grid_power_kw)
        return Ahead(state, in_force, highest), Foreseen(cost, heat_kwh)
