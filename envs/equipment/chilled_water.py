"""Chilled water: loop and buffer, pumps, staging of the chillers and the waterside economizer.

The loop is one well-mixed node. Coils, room losses and pumps heat it; the economizer takes what the condenser water
can take, the running chillers the rest; what nobody takes warms it. The chillers' leaving water is that of the node:
charging the buffer costs a little less than in a plant that must overcool it, and discharging saves as much less.

The chiller machine is a part of this room, kept in `envs.equipment.chiller` for its length alone.

References: PHYSICS C7 (pumps), e1 (staging), E12 (economizer). Sizes: SCENARIOS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from envs.equipment.chiller import (
    MACHINES,
    AirTerms,
    air_terms,
    factors_with_air,
    part_load_factor,
    temperature_factors,
)
from envs.parameters import Parameters, parameter
from envs.physics.fan_pump import pressure_controlled_pump_power_kw
from envs.physics.heat_exchanger import counterflow_effectiveness
from envs.physics.namespace import Array, as_mask, lag_share, lower, upper
from envs.physics.readings import Readings
from envs.physics.staging import (
    StageState,
    advance_stages,
    corrected_stages,
    elapsed_frac,
    elapsed_s,
    settled_stages,
)
from envs.units import CP_WATER_KJ_KG_K, RHO_WATER_KG_M3

_TINY_KW = 1e-3  # keeps a quotient finite where nothing runs
_LEAST_FLOW_FRAC = 0.02  # of design pump flow: below it the return temperature is not resolved
# Staging below one machine, as shares of a machine: free cooling ends above the first, begins below the second [G].
_RESIDUAL_UP, _RESIDUAL_DOWN = 0.06, 0.02


@dataclass(frozen=True)
class ChilledWater(Parameters):
    """The chilled-water plant of one site; the defaults are those of SCENARIOS ai_hall."""

    machine: str = "B"
    chillers_installed: int = parameter(3, 1, 20, "1", "SCENARIOS ai_hall")
    chillers_duty: int = parameter(2, 1, 20, "1", "SCENARIOS ai_hall; the others stand by for a failed one")
    nominal_capacity_kw: float = parameter(350.0, 10.0, 2e4, "kW", "SCENARIOS ai_hall; of each chiller")
    power_factor: float = parameter(1.0, 0.5, 2.0, "1", "on chiller power: fouling, calibration")
    pumps_duty: int = parameter(2, 1, 20, "1", "SCENARIOS ai_hall")
    pump_flow_m3_s: float = parameter(0.008, 1e-4, 1.0, "m3/s", "SCENARIOS ai_hall; of each pump at design")
    pump_head_kpa: float = parameter(200.0, 80.0, 1000.0, "kPa", "SCENARIOS ai_hall")
    pump_setpoint_kpa: float = parameter(80.0, 10.0, 500.0, "kPa", "PHYSICS C7")
    pump_efficiency_frac: float = parameter(0.65, 0.2, 0.95, "1", "engineering guess")
    pump_constant_speed: bool = False
    evaporator_min_flow_frac: float = parameter(0.45, 0.0, 1.0, "1", "PHYSICS C7; of design, per running chiller")
    loop_volume_m3: float = parameter(16.0, 0.5, 500.0, "m3", "SCENARIOS ai_hall: pipework 4, buffer 12")
    control_tau_s: float = parameter(60.0, 1.0, 900.0, "s", "PHYSICS 0, local loops")
    electrical_rise_k: float = parameter(6.0, 2.0, 15.0, "K", "engineering guess, as coils; PHYSICS C7")
    economizer: bool = True
    economizer_design_kw: float = parameter(524.0, 10.0, 2e4, "kW", "SCENARIOS ai_hall")
    economizer_approach_k: float = parameter(1.5, 0.3, 6.0, "K", "SCENARIOS ai_hall; at design heat")
    economizer_enable_k: float = parameter(2.0, 0.2, 10.0, "K", "engineering guess; return over condenser water")
    economizer_disable_k: float = parameter(0.5, 0.0, 10.0, "K", "engineering guess; return over condenser water")
    tower_approach_k: float = parameter(3.0, 1.0, 10.0, "K", "PHYSICS i3; what the wet bulb promises")
    economizer_lockout_s: float = parameter(1200.0, 0.0, 7200.0, "s", "PHYSICS E12")
    stage_up_frac: float = parameter(0.80, 0.3, 1.1, "1", "PHYSICS e1; of the running nominal")
    stage_down_frac: float = parameter(0.65, 0.1, 0.95, "1", "PHYSICS e1; of one machine fewer")
    stage_up_error_k: float = parameter(1.5, 0.2, 10.0, "K", "PHYSICS e1; supply over setpoint")
    stage_up_delay_s: float = parameter(600.0, 0.0, 7200.0, "s", "PHYSICS e1")
    stage_down_delay_s: float = parameter(900.0, 0.0, 7200.0, "s", "PHYSICS e1")
    stage_hold_s: float = parameter(1200.0, 0.0, 7200.0, "s", "PHYSICS e1")
    restart_ramp_s: float = parameter(180.0, 1.0, 1800.0, "s", "PHYSICS e1; to full capacity")

    def __post_init__(self) -> None:
        """Check ranges, the machine's name and what must fit together."""
        super().__post_init__()
        if self.machine not in MACHINES:
            raise ValueError(f"ChilledWater.machine = {self.machine!r} is unknown; give one of {', '.join(MACHINES)}")
        if self.chillers_duty > self.chillers_installed:
            raise ValueError(
                f"ChilledWater.chillers_duty = {self.chillers_duty} exceeds chillers_installed = "
                f"{self.chillers_installed}; count the standby among the installed"
            )
        if self.economizer and self.air_cooled:
            raise ValueError(
                f"ChilledWater.economizer = True needs condenser water, but machine {self.machine!r} is air-cooled; "
                "set economizer: false"
            )

    @property
    def air_cooled(self) -> bool:
        """Whether the condensers give their heat to outdoor air instead of condenser water."""
        return MACHINES[self.machine].air_cooled

    @property
    def design_flow_m3_s(self) -> float:
        """Flow of the pumps on duty at design [m3/s]."""
        return self.pumps_duty * self.pump_flow_m3_s

    @property
    def heat_capacity_kj_k(self) -> float:
        """Heat capacity of the water in loop and buffer [kJ/K]."""
        return self.loop_volume_m3 * RHO_WATER_KG_M3 * CP_WATER_KJ_KG_K


class ChwState(NamedTuple):
    """Loop, stages and mode, each (B,).

    Attributes
    ----------
    supply_c : array
        Water in loop and buffer, supplied to the coils [degC].
    stages : StageState
        Chillers running and the timers of the sequence.
    economizer_on : array
        0/1.
    economizer_since_s : array
        Time since the economizer was last switched [s], not counted beyond the lockout.
    online : array
        Machines' worth of capacity that has come up after their start, at most the number running [1].
    """

    supply_c: Array
    stages: StageState
    economizer_on: Array
    economizer_since_s: Array
    online: Array


class ChwFlows(NamedTuple):
    """What the plant did in a sub-step, each (B,): means in kW, temperatures in degC.

    ``load + pump = economizer + evaporator + C (T_new - T)/dt`` and ``condenser = evaporator + chiller power``.
    ``mode``: 0 mechanical, 1 economizer and chillers, 2 free cooling. ``plr``: load over capacity of the running.
    """

    chiller_power_kw: Array
    pump_power_kw: Array
    condenser_heat_kw: Array
    economizer_heat_kw: Array
    evaporator_heat_kw: Array
    supply_c: Array
    return_c: Array
    flow_kg_s: Array
    running: Array
    plr: Array
    mode: Array


def initial(p: ChilledWater, supply_c: Array, load_kw: Array) -> ChwState:
    """Settled start at ``supply_c`` (B,) [degC] with the chillers that ``load_kw`` (B,) asks for; economizer off."""
    running = supply_c * 0.0 + 1.0
    for n in range(1, p.chillers_duty):
        running = running + as_mask(load_kw > n * p.stage_up_frac * p.nominal_capacity_kw, supply_c)
    zero = running * 0.0
    return ChwState(supply_c, settled_stages(running, p.stage_hold_s), zero, zero + p.economizer_lockout_s, running)


def reported(p: ChilledWater, state: ChwState) -> dict[str, Array]:
    """Mode and timers as the building reports them, each (B,)."""
    return {
        "economizer_on": state.economizer_on,
        "economizer_hold_frac": elapsed_frac(state.economizer_since_s, p.economizer_lockout_s),
        "chiller_hold_frac": elapsed_frac(state.stages.since_change_s, p.stage_hold_s),
    }


def corrected(p: ChilledWater, state: ChwState, seen: Readings, gain: float) -> ChwState:
    """State that follows a real plant: the loop is pulled to its sensor; chillers, mode and timers are as reported.

    A chiller that just started stays on its ramp: capacity is never taken as online because a report says "runs".
    """
    stages = corrected_stages(state.stages, seen, "chillers_running", "chiller_hold_frac", p.stage_hold_s)
    return ChwState(
        supply_c=seen.corrected_value(state.supply_c, "chw_supply_c", gain),
        stages=stages,
        economizer_on=seen.reported_value(state.economizer_on, "economizer_on"),
        economizer_since_s=elapsed_s(state.economizer_since_s, p.economizer_lockout_s, seen, "economizer_hold_frac"),
        online=lower(state.online, stages.running),
    )


def taken_over(state: ChwState, flows: ChwFlows) -> ChwState:
    """State behind what another model of the plant did; its stages and timers are not told."""
    return state._replace(supply_c=flows.supply_c, economizer_on=as_mask(flows.mode > 0.5, flows.supply_c))


def electrical_water_kg_s(p: ChilledWater, heat_kw: Array) -> Array:
    """Flow (B,) [kg/s] through the electrical room's unit: its valve holds the design rise of the water, PHYSICS C7."""
    return heat_kw * (1.0 / (p.electrical_rise_k * CP_WATER_KJ_KG_K))


def weather_terms(p: ChilledWater, dry_bulb_c: Array) -> AirTerms | None:
    """Terms of the dry bulb (B,) [degC] for `advance`, once per control step; None for water-cooled plants."""
    return air_terms(MACHINES[p.machine], dry_bulb_c) if p.air_cooled else None


def advance(
    p: ChilledWater,
    state: ChwState,
    load_kw: Array,
    water_flow_kg_s: Array,
    chw_setpoint_c: Array,
    condenser_in_c: Array,
    wet_bulb_c: Array,
    chillers_available: Array,
    tripped: Array,
    dt_s: float,
    air: AirTerms | None = None,
    pumps_available: Array | None = None,
) -> tuple[ChwState, ChwFlows]:
    """One sub-step of the plant.

    Parameters
    ----------
    p : ChilledWater
    state : ChwState
    load_kw : array (B,)
        Heat of all coils, sensible and latent, and of rooms cooled beside them [kW].
    water_flow_kg_s : array (B,)
        Flows of all coils and of the electrical room [kg/s]; what the evaporators' least flow sends past them comes
        back with it.
    chw_setpoint_c : array (B,)
        Wanted supply temperature [degC].
    condenser_in_c : array (B,)
        Condenser water supply, or outdoor dry bulb for an air-cooled machine [degC].
    wet_bulb_c : array (B,)
        Outdoor wet bulb [degC]; read by the economizer only.
    chillers_available : array (B,) or float
        Chillers fit to run; at most the duty number does.
    tripped : array (B,)
        0/1: all chillers lost now (power dip); the pumps keep running.
    dt_s : float
        Sub-step [s].
    air : AirTerms, optional
        `weather_terms`, where the caller has them for the whole control step; None computes them here.
    pumps_available : array (B,), optional
        Chilled-water pumps fit to run, the standby counted: with none the economizer takes nothing and no pump draws
        power. The coils still warm the loop (its node stands for the water in them), so the buffer rides through.

    Returns
    -------
    tuple of ChwState and ChwFlows
    """
    flow, pump_kw = _pumps(p, water_flow_kg_s, state.stages.running)
    stream_kw_k = upper(flow, _LEAST_FLOW_FRAC * p.design_flow_m3_s * RHO_WATER_KG_M3) * CP_WATER_KJ_KG_K
    return_c = state.supply_c + load_kw / stream_kw_k
    pumped = 1.0 if pumps_available is None else lower(pumps_available, 1.0)
    pump_kw = pump_kw * pumped
    heat_in = load_kw + pump_kw
    error_k = state.supply_c - chw_setpoint_c
    required = upper(heat_in + error_k * (p.heat_capacity_kj_k * lag_share(p.control_tau_s, dt_s) / dt_s), 0.0)
    on, since, free, residual = state.economizer_on, state.economizer_since_s, state.economizer_on * 0.0, heat_in
    if p.economizer:
        gap_k = return_c - condenser_in_c
        promised_k = return_c - (wet_bulb_c + p.tower_approach_k)
        on, since, ua = _economizer(p, state, gap_k, promised_k, stream_kw_k, dt_s)
        ua = ua * pumped
        free = lower(ua * upper(gap_k, 0.0), required)
        residual = heat_in - ua * upper(gap_k - error_k, 0.0)
    stages = _stages(p, state.stages, residual, error_k, on, chillers_available, tripped, dt_s)
    online, evaporator, power, plr = _chillers(p, state, stages.running, required - free, condenser_in_c, air, dt_s)
    supply = state.supply_c + (heat_in - free - evaporator) * (dt_s / p.heat_capacity_kj_k)
    mode = on * (2.0 - lower(stages.running, 1.0))
    condenser = evaporator + power
    flows = ChwFlows(
        power, pump_kw, condenser, free, evaporator, supply, return_c, flow * pumped, stages.running, plr, mode
    )
    return ChwState(supply, stages, on, since, online), flows


def _pumps(p: ChilledWater, water_flow_kg_s: Array, running: Array) -> tuple[Array, Array]:
    """Loop flow [kg/s], with the bypass that keeps the evaporators wet, and pump power [kW], PHYSICS C7."""
    design = p.design_flow_m3_s
    if p.pump_constant_speed:
        flow = water_flow_kg_s * 0.0 + design
    else:
        least = p.evaporator_min_flow_frac * design / p.chillers_duty
        flow = upper(water_flow_kg_s * (1.0 / RHO_WATER_KG_M3), running * least)
    power = pressure_controlled_pump_power_kw(
        flow, design, p.pump_head_kpa, p.pump_setpoint_kpa, p.pump_efficiency_frac
    )
    return flow * RHO_WATER_KG_M3, power


def _economizer(
    p: ChilledWater, state: ChwState, gap_k: Array, promised_k: Array, stream_kw_k: Array, dt_s: float
) -> tuple[Array, Array, Array]:
    """Mode, time since it changed, and the conductance [kW/K] from return water to condenser water, PHYSICS E12.

    The plate exchanger is counterflow (D2), balanced at design, where UA follows from approach and heat; its condenser
    side keeps the design flow (a constant-speed pump's), so that at part load the return is the smaller stream:
    ``min(C, C_design) eps(UA/min, min/max)``, within 0.5 % of EnergyPlus. It is on where the condenser water is
    colder than the return (``gap_k``) and the wet bulb promises that it stays so, off where it no longer is; a lockout
    stands between two switches.
    """
    was_on = state.economizer_on > 0.5
    since = lower(state.economizer_since_s + dt_s, p.economizer_lockout_s)
    wanted = (gap_k > p.economizer_disable_k) & (was_on | (lower(gap_k, promised_k) > p.economizer_enable_k))
    switched = (wanted ^ was_on) & (since >= p.economizer_lockout_s)
    on = as_mask(was_on ^ switched, gap_k)
    ua0 = p.economizer_design_kw / p.economizer_approach_k
    design_kw_k = p.design_flow_m3_s * (RHO_WATER_KG_M3 * CP_WATER_KJ_KG_K)
    least, most = lower(stream_kw_k, design_kw_k), upper(stream_kw_k, design_kw_k)
    return on, since * as_mask(~switched, gap_k), on * least * counterflow_effectiveness(ua0 / least, least / most)


def _stages(
    p: ChilledWater,
    stages: StageState,
    residual_kw: Array,
    error_k: Array,
    economizer_on: Array,
    chillers_available: Array,
    tripped: Array,
    dt_s: float,
) -> StageState:
    """Chillers running, PHYSICS e1 staging, by the heat that the economizer leaves at the setpoint.

    One machine always runs (or cycles) unless the economizer is on and the supply within reach of its setpoint.
    """
    nominal, n = p.nominal_capacity_kw, stages.running
    hot = error_k > p.stage_up_error_k
    up = as_mask(hot | (residual_kw > upper(n, _RESIDUAL_UP) * (p.stage_up_frac * nominal)), n)
    down = as_mask(residual_kw < upper(n - 1.0, _RESIDUAL_DOWN) * (p.stage_down_frac * nominal), n)
    low = as_mask(hot | (economizer_on < 0.5), n) if p.economizer else 1.0
    fit = lower(chillers_available, float(p.chillers_duty)) * (1.0 - tripped)
    return advance_stages(stages, up, down, fit, p.stage_up_delay_s, p.stage_down_delay_s, p.stage_hold_s, low, dt_s)


def _chillers(
    p: ChilledWater,
    state: ChwState,
    running: Array,
    wanted_kw: Array,
    condenser_in_c: Array,
    air: AirTerms | None,
    dt_s: float,
) -> tuple[Array, Array, Array, Array]:
    """Capacity online, heat taken [kW], electric power [kW] and part load of the running chillers, PHYSICS E1."""
    machine = MACHINES[p.machine]
    if air is None:
        cap, eir = temperature_factors(machine, state.supply_c, condenser_in_c)
    else:
        cap, eir = factors_with_air(machine, state.supply_c, air)
    each = cap * p.nominal_capacity_kw
    came = lower(state.online, running)
    online = lower(came + dt_s / p.restart_ramp_s, running)
    evaporator = lower(wanted_kw, (came + online) * each * (0.5 * machine.plr_max))
    available = running * each
    plr = evaporator / upper(available, _TINY_KW)
    power = available * eir * part_load_factor(machine, plr) * (p.power_factor / machine.cop_ref)
    return online, evaporator, power, plr
