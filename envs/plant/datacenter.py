"""The order of the day: how the machines of a site meet in a sub-step, and what a control step adds up to.

Machines never import each other; they meet here. Every heat is one number with two ends: what a machine returns as
given off is what the next one receives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import DTypeLike

from envs.engine import repeated
from envs.equipment import (
    air_side,
    chiller,
    cooling_tower,
    dx_unit,
    liquid_loop,
    power_chain,
    rack,
)
from envs.faults import Availability
from envs.physics.altitude import allowable_derating_k, recommended_derating_k
from envs.physics.namespace import Array, as_mask, lower, namespace, upper
from envs.physics.psychrometrics import dew_point_from_humidity_ratio_c
from envs.physics.recirculation import RackInlets
from envs.plant import electrical, ledger, start, water_side, work
from envs.plant.flows import Flows
from envs.plant.layout import Layout
from envs.plant.state import (
    Available,
    InletLimits,
    Liquid,
    PlantState,
    StepConditions,
    Stores,
    SubStep,
    powered_machines,
    stores_of,
)
from envs.scenario import Scenario
from envs.scenario.precision import in_precision
from envs.signals.step import Load, Outside

INLET_ALARM_C = 30.0  # warmest inlet above it: room fans to full speed (SCENARIOS "Fast protections")
LEAST_ACTIVITY = 1e-3  # below it a limit by class lets go
LEAST_INLET_MARGIN_K = 0.5  # left between the two limits at any height
INLET_ALARM_RELEASE_K = 2.0  # below it before the fans follow their command again, engineering guess

Substep = Callable[[PlantState, StepConditions], tuple[PlantState, ledger.SubStepFlows]]


class Plant:
    """The machines of one scenario, ready to step B sites.

    Parameters
    ----------
    scenario : Scenario
    dtype : dtype
    alarms : bool
        False: no heat starts fan or pump by itself.
    smooth : bool
        For gradients: the pads of dry coolers turn on by and by (`dry_cooler.advance`). It is another plant.
    """

    def __init__(
        self, scenario: Scenario, dtype: DTypeLike = "float32", alarms: bool = True, smooth: bool = False
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.scenario = scenario = in_precision(scenario, self.dtype)
        self.alarms, self.smooth = alarms, smooth
        self.keeps_pace = scenario.jobs is not None or scenario.site.token_target_ms > 0.0
        self.layout = Layout(scenario, self.dtype)
        self.substeps = scenario.episode.substeps
        self.substep_s = float(scenario.episode.substep_s)

    # ---- one control step -----------------------------------------------------------------------------------------

    def step(
        self,
        state: PlantState,
        in_force: Mapping[str, Array],
        outside: Outside,
        load: Load,
        lost: Availability,
        t: Array,
    ) -> tuple[PlantState, Flows]:
        """Next state and Flows of one control step.

        Parameters
        ----------
        state : PlantState
        in_force : mapping
            Setpoints ``{channel: (k, B)}``.
        outside, load : Outside, Load
            Signals of the step.
        lost : Availability
            Machines lost to faults in the step.
        t : array (B,)
            Control steps since the episode began.
        """
        now = self.step_conditions(state, in_force, outside, load, lost, self.substep_s)
        return self.control_step(state, now, load, t, self.substep)

    def control_step(
        self, start: PlantState, now: StepConditions, load: Load, t: Array, substep: Substep
    ) -> tuple[PlantState, Flows]:
        """Close a control step: its sub-steps, summed, the ledger of work and the Flows.

        Parameters
        ----------
        start : PlantState
        now : StepConditions
            What holds for the whole step.
        load, t
            As in `step`.
        substep : callable
            ``(state, now)`` to the next state and the books of one sub-step: ours, or that of another plant.
        """
        state, total = repeated(
            lambda at: substep(at, now), ledger.sum_of_substeps, start._replace(pace=None), self.substeps
        )
        done, work_flows = work.settle_work(
            self.layout.work,
            start.work,
            self.layout.racks,
            load,
            ledger.ran(self, total, now.activity),
            t,
            self.substeps * self.substep_s / 3600.0,
        )
        state = state._replace(work=done, pace=work_flows.pace if self.keeps_pace else None)
        return state, ledger.flows(self, start, state, total, work_flows, load)

    def step_conditions(
        self,
        state: PlantState,
        in_force: Mapping[str, Array],
        outside: Outside,
        load: Load,
        lost: Availability,
        dt_s: float,
    ) -> StepConditions:
        """What holds for a whole control step; arguments as in `step`, ``dt_s`` the sub-step [s]."""
        s, lay = self.scenario, self.layout
        step_h = self.substeps * self.substep_s / 3600.0
        activity = work.running_activity(lay.work, state.work, load.activity, step_h)
        limit = in_force["rack_power_limit_frac"].take(lay.row_of, axis=0) * lay.rack_rated_kw
        if s.jobs is not None:
            limit = namespace(limit).minimum(limit, self._class_limit_kw(in_force, activity))
        tower_weather = air_terms = dx = None
        if s.tower is not None:
            tower_weather = cooling_tower.weather_terms(
                s.tower, outside.wet_bulb_c, outside.dry_bulb_c, outside.humidity_ratio, outside.pressure_kpa
            )
        if s.chilled_water is not None and s.tower is None:
            air_terms = chiller.air_terms(chiller.MACHINES[s.chilled_water.machine], outside.dry_bulb_c)
        if s.dx is not None:
            units = upper(s.dx.units_installed - lost.crah_units_lost[0], 0.0)
            dx = dx_unit.conditions(s.dx, outside.dry_bulb_c, units)
        demand = rack.demand_terms(lay.racks, activity, load.swing)
        fit, utility = self._available(lost), lost.utility_limit_frac
        floor = None
        if s.coolant is not None:
            moist = namespace(limit).max(state.air.humidity_ratio, axis=0)
            floor = liquid_loop.condensation_floor_c(dew_point_from_humidity_ratio_c(moist, lay.pressure_kpa))
        return StepConditions(
            air_side.zones_at_pressure(lay.zones, outside.pressure_kpa),
            rack.racks_at_pressure(lay.racks, outside.pressure_kpa),
            in_force,
            outside,
            limit,
            activity,
            demand,
            load.job,
            tower_weather,
            air_terms,
            dx,
            fit,
            utility,
            floor,
            self._inlet_limits(outside.elevation_m),
            water_side.pump_water_kg_s(s.chilled_water, fit.chw_pumps),
            dt_s,
        )

    def _class_limit_kw(self, in_force: Mapping[str, Array], activity: Array) -> Array:
        """Limits of the racks by the classes at work on them, weighted by their activity ``(R, B)`` [kW]."""
        lay = self.layout
        limits = in_force["class_power_limit_frac"].take(lay.cap_row.reshape(-1), axis=0).reshape(activity.shape)
        at_work = activity * lay.capped_slot
        spared = ((1.0 - limits) * at_work).sum(axis=0) / upper(at_work.sum(axis=0), LEAST_ACTIVITY)
        return (1.0 - spared) * lay.rack_rated_kw

    def _inlet_limits(self, elevation_m: Array) -> InletLimits:
        """Limits of the inlets at a height ``(B,)`` [m]: the recommended one and the alarm fall together."""
        reward, derating_k = self.scenario.reward, recommended_derating_k(elevation_m)
        recommended_c = reward.inlet_limit_c - derating_k
        allowable_c = reward.inlet_limit_c + reward.inlet_margin_k - allowable_derating_k(elevation_m)
        least_c = recommended_c + LEAST_INLET_MARGIN_K
        return InletLimits(recommended_c, upper(allowable_c, least_c), INLET_ALARM_C - derating_k)

    def _available(self, lost: Availability) -> Available:
        """Count what faults leave of each kind of machine; none runs without its pump, and one pump stands by."""
        s, none = self.scenario, lost.chillers_lost * 0.0
        chillers = cells = fws_pumps = cdus = pumped = none
        if s.chilled_water is not None:
            pumped = s.chilled_water.pumps_duty + 1.0 - lost.chw_pumps_lost
            intact = s.chilled_water.chillers_installed - lost.chillers_lost
            chillers = namespace(none).minimum(intact, pumped)
        if s.tower is not None:
            cells = s.tower.cells - namespace(none).maximum(lost.tower_cells_lost, lost.cw_pumps_lost)
        if s.dry_cooler is not None:
            cells = s.dry_cooler.units - lost.tower_cells_lost
        if s.coolant is not None and s.facility_water is not None:
            cdus = s.coolant.cdus - namespace(none).maximum(lost.cdus_lost, lost.tcs_pumps_lost)
            fws_pumps = s.facility_water.pumps_running + 1.0 - lost.fws_pumps_lost
        units = self.layout.zones.crah_units - lost.crah_units_lost
        return Available(*(upper(x, 0.0) for x in (units, chillers, cells, fws_pumps, cdus, pumped)))

    # ---- one sub-step ---------------------------------------------------------------------------------------------

    def substep(self, state: PlantState, now: StepConditions) -> tuple[PlantState, ledger.SubStepFlows]:
        """Next state and the books of one sub-step, in the order of the day."""
        p, lay, dt_s = self.scenario, self.layout, now.dt_s
        now = now._replace(fit=powered_machines(now.fit, state.ups_alive))
        fans = rack.server_fans(now.racks, state.rack, state.inlet_c, now.demand, state.alive, dt_s)
        balance, inlets, alarm = self._rack_inlets(state, now, fans.airflow_kg_s)
        inlet_c = inlets.mean_c
        xp = namespace(inlet_c)
        flow_frac = coolant_c = state.alive[0] * 0.0
        if p.coolant is not None and state.tcs is not None:
            coolant_c = state.tcs.supply_c
            flow_frac = liquid_loop.tcs_flow_frac(p.coolant, state.tcs.pump_speed_frac, now.fit.cdus)
        limit = xp.minimum(now.limit_kw, state.protective_kw) if p.capper.enabled else now.limit_kw
        rack_state, racks = rack.advance(
            now.racks, state.rack, inlet_c, coolant_c, flow_frac, now.demand, limit, state.alive, dt_s, fans
        )
        liquid = water_side.liquid_side(p, state, now, racks, self.smooth)
        zones = now.zones
        fan_kw = air_side.fans_kw(zones, balance).sum(axis=0)
        pumps = 0.0
        if liquid.tcs is not None and liquid.fws is not None:
            pumps = liquid.tcs.pump_power_kw + liquid.fws.pump_power_kw
        power = power_chain.losses(p.power, lay.tree, racks.power_kw, fan_kw + pumps, fan_kw * 0.0)
        response = air_side.heat_response(zones, racks.air_gain_kw_k, inlets.share, lay.membership)
        air_state, air, dx = self._room(state, now, balance, racks, power, response)
        rise_k = air_side.inlet_rise_k(zones, air, inlets.share, lay.membership)
        inlet_c = inlet_c + rise_k
        top_c = inlets.top_c + air_side.inlet_rise_k(zones, air, inlets.top_share, lay.membership)
        rack_state, racks = rack.with_inlet_rise(now.racks, rack_state, racks, top_c, rise_k, state.alive, dt_s)
        racks = water_side.with_coolant_trip(p.coolant, lay.liquid_cooled, racks, liquid.tcs_state, state.alive)
        chw_state, chw = water_side.chilled_water_side(p, state, now, air, power)
        tower_state, tower = water_side.tower_side(p, state, now, chw, liquid.fws)
        did = SubStep(inlet_c, top_c, now.inlet, balance, racks, liquid, power, air_state, air, dx, chw, tower)
        site = electrical.electrical_substep(self, state, now, did)
        new = PlantState(
            rack=rack_state,
            air=air_state,
            tcs=liquid.tcs_state,
            fws=liquid.fws_state,
            chw=chw_state,
            tower=tower_state,
            dry=liquid.dry_state,
            breaker=site.breaker_state,
            capper=site.capper_state,
            battery=site.battery_state,
            work=state.work,
            inlet_c=inlet_c,
            top_inlet_c=top_c,
            exhaust_c=racks.exhaust_c,
            ups_alive=site.ups_alive,
            rack_down_s=site.rack_down_s,
            alive=site.alive,
            protective_kw=site.capped.limit_kw,
            alarm=alarm,
            coolant_alarm=self._coolant_alarm(liquid, air_state),
        )
        return new, ledger.substep_flows(self, state, did, site)

    def _rack_inlets(
        self, state: PlantState, now: StepConditions, airflow_kg_s: Array
    ) -> tuple[air_side.AirBalance, RackInlets, Array]:
        """Who breathes whose air: air balance, inlets of every rack, and the inlet alarm of every zone.

        The alarm acts in the sub-step in which the commanded air would let the inlets pass it, and holds until that
        air would keep them well below.
        """
        command = now.in_force["crah_fan_speed_frac"]
        if not self.alarms:
            return (*self._air_at(state, now, command, airflow_kg_s), state.alarm)
        _, inlets = self._air_at(state, now, command, airflow_kg_s)
        warmest = self.layout.zone_max(inlets.top_c)
        alarm = as_mask(warmest > now.inlet.alarm_c - INLET_ALARM_RELEASE_K * state.alarm, warmest)
        return (*self._air_at(state, now, command + (1.0 - command) * alarm, airflow_kg_s), alarm)

    def _air_at(
        self, state: PlantState, now: StepConditions, command: Array, airflow_kg_s: Array
    ) -> tuple[air_side.AirBalance, RackInlets]:
        """Air balance and inlets where the room fans are told ``command (Z, B)``."""
        lay = self.layout
        speed = air_side.fan_speed(state.air, command, now.dt_s)
        balance = air_side.balance(now.zones, speed, now.fit.crah_units, lay.membership @ airflow_kg_s)
        inlets = air_side.inlet_temperatures(
            now.zones, state.air, balance, state.exhaust_c, lay.recirculation, lay.spread, lay.membership
        )
        return balance, inlets

    def _room(
        self,
        state: PlantState,
        now: StepConditions,
        balance: air_side.AirBalance,
        racks: rack.RackFlows,
        power: power_chain.PowerFlows,
        response: air_side.HeatResponse,
    ) -> tuple[air_side.AirState, air_side.AirFlows, dx_unit.DxFlows | None]:
        """The zones: rack heat, busway losses and light. The electrical room is cooled past the coils; what direct
        expansion cannot take of it spills into the zone.
        """
        lay, p = self.layout, self.scenario
        gain = power.pdu_loss_kw + p.power.lighting_kw
        limit = None
        if now.dx is not None:
            left = now.dx.capacity_kw - power.ups_loss_kw
            gain = gain - lower(left, 0.0)
            limit = upper(left, 0.0)[None]
        heat = lay.membership @ racks.air_heat_kw
        chw_c = state.chw.supply_c if state.chw is not None else heat[0]
        air_state, air = air_side.advance(
            now.zones,
            state.air,
            balance,
            heat,
            lay.zone_share * gain,
            now.in_force["supply_air_temp_setpoint_c"],
            chw_c,
            air_side.OutdoorAir(now.outside.dry_bulb_c, now.outside.humidity_ratio),
            now.dt_s,
            limit,
            water_side.coil_water_frac(p.chilled_water, now.zones, now, power.ups_loss_kw),
            response,
        )
        dx = None
        if now.dx is not None:
            electrical = namespace(heat).minimum(power.ups_loss_kw, now.dx.capacity_kw)
            latent = air.coil_latent_kw[0]  # of what leaks in; the units are rated by their sensible heat
            rated = now.dx._replace(capacity_kw=now.dx.capacity_kw + latent)
            dx = dx_unit.performance(rated, air.coil_sensible_kw[0] + electrical + latent)
        return air_state, air, dx

    def _coolant_alarm(self, liquid: Liquid, air: air_side.AirState) -> Array:
        coolant = self.scenario.coolant
        if coolant is None or liquid.tcs_state is None or not self.alarms:
            return air.supply_c[0] * 0.0
        return as_mask(liquid.tcs_state.supply_c > coolant.tcs_limit_c, air.supply_c)

    # ---- a start ----------------------------------------------------------------------------------------------------

    def steady_state(
        self,
        outside: Outside,
        load: Load,
        in_force: Mapping[str, Array],
        lost: Availability,
        warmth_k: Array,
        soc_frac: Array,
    ) -> tuple[PlantState, Flows]:
        """State that has settled under constant conditions, and the Flows of one step: `start.steady_state`."""
        return start.steady_state(self, outside, load, in_force, lost, warmth_k, soc_frac)

    def stored_energy(self, state: PlantState, start: Stores) -> tuple[Array, Array]:
        """Energy gained since ``start`` by the battery, and heat by all masses ``(B,)`` [kWh]."""
        charge, now = state.alive[0] * 0.0, stores_of(state)
        if self.scenario.battery is not None and now.soc_frac is not None and start.soc_frac is not None:
            charge = (now.soc_frac - start.soc_frac) * self.scenario.battery.capacity_kwh
        return charge, ledger.stored_kj(self, now, start) * (1.0 / 3600.0)
