"""EnergyPlus as a second plant behind the same core: setpoints in, Flows out, one control step at a time.

EnergyPlus has room units, coils, chiller, pumps, tower and the room's air. Racks, power chain, breakers, battery and
the ledger of work are ours: EnergyPlus has no such machines, and both plants must meet the same load. Racks breathe
the air that EnergyPlus supplied in the step before; what they give off heats its room in the step that follows. Which
flow comes from where: `envs.energyplus.origins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.energyplus import hall, water_cooled_hall
from envs.energyplus.building import RunPeriod
from envs.energyplus.closed_loop import SteppedHall
from envs.energyplus.hall import ELECTRICAL_KW
from envs.energyplus.readings import MachineFlows, machine_flows
from envs.equipment import air_side, chilled_water, cooling_tower, power_chain, rack
from envs.faults import Availability
from envs.physics.fan_pump import fan_power_kw
from envs.physics.namespace import Floats
from envs.plant import electrical, ledger
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.state import NO_LIQUID, PlantState, StepConditions, Stores, SubStep, with_work_of
from envs.scenario import Scenario
from envs.signals.step import Load, Outside

LEAD_IN_S = 3600.0  # under the first setpoints, after the warm-up days and before the episode
PLAIN_YEAR = 2023


class RackSubStep(NamedTuple):
    """A sub-step of the racks."""

    state: rack.RackState
    racks: rack.RackFlows


class EnergyPlusPlant:
    """One hall in a running EnergyPlus model.

    Parameters
    ----------
    scenario : Scenario
        Its ``elevation_m`` is that of the weather file.
    weather : Path
        EPW file.
    first_day : int
        Day of the year (0 = 1 January) at whose midnight EnergyPlus begins; episodes begin `LEAD_IN_S` later.
    days : int
        Length of an episode.
    mixes : bool
        What racks breathe that draw more air than is supplied; see `readings.inlets`.
    hold_curves : bool
        See `hall.closed_loop_model`.

    Attributes
    ----------
    seen : dict
        All that EnergyPlus answered in the last step, by the names of `hall.variables`.

    Raises
    ------
    ValueError
        Where the year ends within the episode, the scenario has faults, or its machines are not in the models.
    """

    def __init__(
        self,
        scenario: Scenario,
        weather: Path,
        first_day: int,
        days: int,
        *,
        mixes: bool = True,
        hold_curves: bool = False,
        dtype: str = "float32",
    ) -> None:
        if scenario.faults.scheduled or scenario.faults.random:
            raise ValueError(f"scenario {scenario.name!r} has faults, which EnergyPlus has not; set none")
        if not 0 <= first_day <= 364 - days:
            raise ValueError(f"first_day = {first_day} with days = {days} passes the end of the year; begin earlier")
        self.scenario, self.weather = scenario, weather
        self.mixes, self.hold_curves = mixes, hold_curves
        self.ours = Plant(scenario, dtype)
        self.layout, self.dtype = self.ours.layout, self.ours.dtype
        self.period = run_period(first_day, days + 1, scenario.episode.step_s)
        self._hall: SteppedHall | None = None
        self.seen: dict[str, float] = {}

    def steady_state(
        self,
        outside: Outside,
        load: Load,
        in_force: Mapping[str, Floats],
        lost: Availability,
        warmth_k: Floats,
        soc_frac: Floats,
    ) -> tuple[PlantState, Flows]:
        """Start EnergyPlus anew: warm-up days and an hour under the first setpoints.

        Arguments are as in `Plant.steady_state`. ``warmth_k`` is not applied: EnergyPlus begins where its warm-up days
        lead.
        """
        if len(warmth_k) != 1:
            raise ValueError(f"num_envs = {len(warmth_k)}: EnergyPlus runs one hall at a time; give 1")
        self.close()
        state, _flows = self.ours.steady_state(outside, load, in_force, lost, warmth_k * 0.0, soc_frac)
        first = state
        now = self.ours.step_conditions(state, in_force, outside, load, lost, self.ours.substep_s)
        orders = self._orders(state, now, self._rack_step(state, now))
        scenario = self.scenario
        model = hall.closed_loop_model(scenario, self.period, orders, self.hold_curves)
        levers = hall.actuators(scenario) | water_cooled_hall.economizer_actuators(scenario)
        guarded = partial(water_cooled_hall.with_economizer_guard, scenario=scenario)
        self._hall = SteppedHall(model, self.weather, hall.variables(scenario), levers, guarded)
        asked = load._replace(batch_arrival=load.batch_arrival * 0.0, batch_due=load.batch_due * 0.0)
        for _ in range(lead_in_steps(scenario.episode.step_s)):
            state, flows = self.step(state, in_force, outside, asked, lost, np.zeros(1))
        return with_work_of(state, first), flows

    def step(
        self,
        state: PlantState,
        in_force: Mapping[str, Floats],
        outside: Outside,
        load: Load,
        lost: Availability,
        t: Floats,
    ) -> tuple[PlantState, Flows]:
        """Next state and Flows of one control step; arguments as in `Plant.step`. Not pure: EnergyPlus moves on."""
        if self._hall is None:
            raise ValueError("step before steady_state; call steady_state first")
        ours = self.ours
        now = ours.step_conditions(state, in_force, outside, load, lost, ours.substep_s)
        breaths = self._rack_step(state, now)
        self.seen = self._hall.step(self._orders(state, now, breaths))
        found, ahead = machine_flows(ours, self.seen, breaths[-1].racks.airflow_kg_s, self.mixes), iter(breaths)
        return ours.control_step(
            state, now, load, t, lambda then, now: self._substep_flows(then, now, next(ahead), found)
        )

    def stored_energy(self, state: PlantState, start: Stores) -> tuple[Floats, Floats]:
        """As `Plant.stored_energy`, with the masses of our machines at EnergyPlus's temperatures."""
        return self.ours.stored_energy(state, start)

    def close(self) -> None:
        """End the running model."""
        if self._hall is not None:
            self._hall.close()
            self._hall = None

    def _rack_step(self, state: PlantState, now: StepConditions) -> list[RackSubStep]:
        """The racks over the step, at the inlets of the step before."""
        limit = now.limit_kw
        if self.scenario.capper.enabled:
            limit = np.minimum(limit, state.protective_kw)
        coolant = flow = state.alive[0] * 0.0
        racks, out = state.rack, []
        for _ in range(self.ours.substeps):
            after, flows = rack.advance(
                now.racks, racks, state.inlet_c, coolant, flow, now.demand, limit, state.alive, now.dt_s
            )
            racks, flows = rack.with_inlet_rise(
                now.racks, after, flows, state.top_inlet_c, state.inlet_c * 0.0, state.alive, now.dt_s
            )
            out.append(RackSubStep(racks, flows))
        return out

    def _orders(self, state: PlantState, now: StepConditions, breaths: list[RackSubStep]) -> dict[str, float]:
        """What EnergyPlus is told: setpoints in force, and the heat of racks, busways, lights and UPS."""
        lay, p, force = self.layout, self.scenario, now.in_force
        command = force["crah_fan_speed_frac"]
        command = command + (1.0 - command) * state.alarm
        fans = fan_power_kw(lay.zones.fan_kw, command, lay.zones.fan_exponent) * lay.zones.crah_running
        rack_kw = np.mean([b.racks.power_kw for b in breaths], axis=0)
        power = power_chain.losses(p.power, lay.tree, rack_kw, fans.sum(axis=0), fans[0] * 0.0)
        heat = lay.membership @ np.mean([b.racks.air_heat_kw for b in breaths], axis=0)
        heat = heat + lay.zone_share * (power.pdu_loss_kw + p.power.lighting_kw)
        orders = {ELECTRICAL_KW: float(power.ups_loss_kw[0])}
        for z in range(lay.n_zones):
            orders[f"it_kw[{z}]"] = float(heat[z, 0])
            orders[f"crah_fan_speed_frac[{z}]"] = float(command[z, 0])
            orders[f"supply_air_temp_setpoint_c[{z}]"] = float(force["supply_air_temp_setpoint_c"][z, 0])
        for name in ("chw_supply_temp_setpoint_c", "cw_supply_temp_setpoint_c"):
            if name in force:
                orders[name] = float(force[name][0, 0])
        return orders

    def _substep_flows(
        self, state: PlantState, now: StepConditions, breath: RackSubStep, found: MachineFlows
    ) -> tuple[PlantState, ledger.SubStepFlows]:
        """The electrical side and the books of a sub-step, EnergyPlus's powers being means of the step."""
        lay, p, racks = self.layout, self.scenario, breath.racks
        air, chw, tower = found.air, found.chw, found.tower
        fans = air.fan_power_kw.sum(axis=0)
        power = power_chain.losses(p.power, lay.tree, racks.power_kw, fans, fans * 0.0)
        moved = air_side.taken_over(state.air, found.balance, air, found.humidity_ratio)
        top_c = found.inlets.top_c
        did = SubStep(
            found.inlets.mean_c, top_c, now.inlet, found.balance, racks, NO_LIQUID, power, moved, air, None, chw, tower
        )
        site = electrical.electrical_substep(self.ours, state, now, did)
        new = state._replace(
            rack=breath.state,
            air=moved,
            chw=None if state.chw is None else chilled_water.taken_over(state.chw, chw),
            tower=None if state.tower is None or tower is None else cooling_tower.taken_over(state.tower, tower),
            breaker=site.breaker_state,
            capper=site.capper_state,
            battery=site.battery_state,
            inlet_c=found.inlets.mean_c,
            top_inlet_c=top_c,
            exhaust_c=racks.exhaust_c,
            rack_down_s=site.rack_down_s,
            alive=site.alive,
            protective_kw=site.capped.limit_kw,
            alarm=(lay.zone_max(top_c) > now.inlet.alarm_c).astype(self.dtype),
        )
        return new, ledger.substep_flows(self.ours, state, did, site)


def lead_in_steps(step_s: float) -> int:
    """Control steps of the lead-in."""
    return round(LEAD_IN_S / step_s)


def run_period(first_day: int, days: int, step_s: float) -> RunPeriod:
    """EnergyPlus's run period of ``days`` days from ``first_day`` of the year (0 = 1 January), at our control step."""
    begin = date(PLAIN_YEAR, 1, 1) + timedelta(days=first_day)
    end = begin + timedelta(days=days - 1)
    if 3600.0 % step_s or step_s < 60.0:
        raise ValueError(f"episode.step_s = {step_s}: EnergyPlus steps in whole parts of an hour; give 300 or 600")
    return RunPeriod((begin.month, begin.day), (end.month, end.day), round(3600.0 / step_s))
