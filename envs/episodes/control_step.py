"""One control step of a batch as a pure function: slew, plant, bill, prices, sums, and what there is to measure.

The engine runs it from a recording. What is outside stays numpy: what decides the targets, sensors, signals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from envs.episodes.bill import Bill, BillState
from envs.episodes.episode import sum_rows
from envs.episodes.instruments import Instruments, Moment
from envs.faults import Availability
from envs.interface.action import next_in_force, travel_ranges
from envs.interface.channel import Channel
from envs.interface.reward import PricingInputs, terms
from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.plant.plant_like import PlantLike
from envs.plant.state import PlantState
from envs.scenario import Scenario
from envs.signals.step import Load, Outside


class Carried(NamedTuple):
    """What a step hands to the next."""

    plant: PlantState
    in_force: dict[str, Floats]
    """Setpoints ``{channel: (k, B)}``."""
    inlet_c: Floats
    """Worst inlet of each zone ``(Z, B)`` [degC]."""
    bill: BillState


class Moved(NamedTuple):
    """What moves a step from outside the plant."""

    targets: Mapping[str, Floats]
    """What is wanted of every channel ``{channel: (k, B)}``."""
    outside: Outside
    load: Load
    lost: Availability
    t: Floats
    """Control steps since the episode began ``(B,)``."""
    window_ends: Floats
    """1 where a window of the demand charge ends with the step ``(B,)``."""
    seen: Outside
    """Signals that are measured at the end of the step."""


class Stepped(NamedTuple):
    """What a step leaves beside the state."""

    flows: Flows
    cost: dict[str, Floats]
    """Cost terms ``{name: (B,)}`` [USD], without what is charged at an episode's end."""
    sums: Floats
    """Rows of the episode's sums, see `envs.episodes.episode.sum_rows`."""
    points: Floats
    """Every point in table order ``(rows, B)``, as perfect sensors would show it."""


class ControlStep:
    """The pure part of a core's step.

    Parameters
    ----------
    scenario : Scenario
    plant : PlantLike
    channels, agent_channels : sequence of Channel
        All channels, and those whose travel is priced.
    bill, instruments : Bill, Instruments
        Prices of the bill, and the table of points.
    """

    def __init__(
        self,
        scenario: Scenario,
        plant: PlantLike,
        channels: Sequence[Channel],
        agent_channels: Sequence[Channel],
        bill: Bill,
        instruments: Instruments,
    ) -> None:
        self.scenario, self.plant = scenario, plant
        self.channels, self.agent_channels = channels, agent_channels
        self.worn = [c for c in agent_channels if c.wears]
        self.bill, self.instruments = bill, instruments
        self.step_s = float(scenario.episode.step_s)

    def on_plant(self, plant: PlantLike) -> ControlStep:
        """The same step on another plant with the same layout."""
        return ControlStep(self.scenario, plant, self.channels, self.agent_channels, self.bill, self.instruments)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells steps apart that do not do the same; of plants of `envs.plant` alone."""
        return (self.scenario.hash(), self.plant.dtype.name, *(c.name for c in self.agent_channels))

    def __call__(self, carried: Carried, moved: Moved) -> tuple[Carried, Stepped]:
        """Next state and what the step leaves; no argument is written."""
        before, outside, step_h = carried.in_force, moved.outside, self.step_s / 3600.0
        in_force = next_in_force(self.channels, moved.targets, before, self.step_s)
        state, flows = self.plant.step(carried.plant, in_force, outside, moved.load, moved.lost, moved.t)
        bill, demand_cost = self.bill.charged(carried.bill, flows.grid_power_kw, moved.window_ends)
        judged = PricingInputs(
            price_usd_mwh=outside.price_usd_mwh,
            carbon_g_kwh=outside.carbon_g_kwh,
            demand_cost_usd=demand_cost,
            demand_response_short_kwh=self.bill.demand_response_short(flows.grid_power_kw, outside, step_h),
            travel_ranges=travel_ranges(self.worn, in_force, before) if self.worn else flows.trips * 0.0,
            inlet_ramp_k_h=np.abs(flows.zone_inlet_max_c - carried.inlet_c).max(axis=0) / step_h,
        )
        cost = terms(self.scenario.reward, flows, judged, step_h)
        sums = np.stack(sum_rows(flows, cost, self.step_s, outside.carbon_g_kwh))
        points = self.instruments.true_points(Moment(flows, state, in_force, moved.seen), bill)
        return Carried(state, in_force, flows.zone_inlet_max_c, bill), Stepped(flows, cost, sums, points)
