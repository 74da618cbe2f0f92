"""Cooling tower: cells, basin, condenser-water loop, its constant-speed pumps and its water.

A cell and its condenser pump are switched together, so the water flow of a running cell never changes and stays inside
the map of the tower. The basin is the state; fans are solved in closed form for the basin temperature that the lagged
setpoint asks for.

References: PHYSICS E3, E6, E8, E9, E9a (YorkCalc and free convection: EnergyPlus Engineering Reference, tables 63-64);
sizes SCENARIOS ai_hall. Inside the York polynomial the wet bulb is held in 0..26.7 degC (the water is never colder than
at a wet bulb of 0; above 26.7 the outlet follows the wet bulb one to one); a bypass keeps condenser water at 10 degC or
more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from envs.parameters import Parameters, parameter
from envs.physics.coolants import WATER
from envs.physics.fan_pump import pump_power_kw
from envs.physics.namespace import Array, clip, device_of, lower, namespace, relax, upper
from envs.physics.readings import Readings
from envs.physics.saturated_exit import ExitCurve, exit_curve, moisture_gain
from envs.physics.staging import StageState, advance_stages, corrected_stages, elapsed_frac, settled_stages

#: YorkCalc approach coefficients c[i][j][l] of LG^i range^j wet_bulb^l, PHYSICS E3 (EnergyPlus table 63).
YORK = (
    (
        (-0.359741205, -0.055053608, 0.0023850432),
        (0.173926877, -0.0248473764, 0.00048430224),
        (-0.005589849456, 0.0005770079712, -1.342427256e-05),
    ),
    (
        (2.84765801111111, -0.121765149, 0.0014599242),
        (1.680428651, -0.0166920786, -0.0007190532),
        (-0.025485194448, 4.87491696e-05, 2.719234152e-05),
    ),
    (
        (-0.0653766255555556, -0.002278167, 0.0002500254),
        (-0.0910565458, 0.00318176316, 3.8621772e-05),
        (-0.0034285382352, 8.56589904e-06, -1.516821552e-06),
    ),
)
YORK_WET_BULB_C = (0.0, 26.7)  # where the polynomial's signs are right, PHYSICS E6
MAX_DEPTH_K = 40.0  # hot water over wet bulb; beyond it the range stays as it is there (approach and range bounds, E3)
FREE_CONVECTION = 0.125  # share of the full-fan range with the fan off, PHYSICS E8; of its airflow: engineering guess
MIN_FAN_SPEED = 0.2  # PHYSICS E8
COLDEST_WATER_C = 10.0  # PHYSICS E6
ANCHOR_SHARE = 0.1  # least share of the fans' gain that a cycling fan runs for, engineering guess
SMALL_RANGE_K = 0.05
FADE_K = 0.5  # the slope of the range fades out over this range, so that heat has no jump where cooling ends


@dataclass(frozen=True)
class CoolingTower(Parameters):
    """One condenser-water plant: ``cells`` with their pumps over a common basin; defaults are ai_hall's."""

    cells: int = parameter(3, 1, 64, "1", "SCENARIOS ai_hall")
    duty_cells: int = parameter(2, 1, 64, "1", "SCENARIOS ai_hall: 2+1")
    min_cells: int = parameter(1, 1, 64, "1", "engineering guess")
    cell_nominal_kw: float = parameter(850.0, 10.0, 1e5, "kW", "SCENARIOS ai_hall, 35/29.4/25.56 degC")
    cell_water_kg_s: float = parameter(36.5, 0.5, 5e3, "kg/s", "SCENARIOS ai_hall, design flow of the York map")
    cell_fan_kw: float = parameter(8.9, 0.05, 1e3, "kW", "SCENARIOS ai_hall; 0.0105 W/W, PHYSICS E8")
    cell_air_kg_s: float = parameter(23.0, 0.2, 5e3, "kg/s", "SCENARIOS ai_hall")
    pump_flow_l_s: float = parameter(30.0, 0.3, 5e3, "L/s", "SCENARIOS ai_hall, per running cell")
    pump_head_kpa: float = parameter(180.0, 20.0, 1000.0, "kPa", "SCENARIOS ai_hall")
    pump_efficiency: float = parameter(0.684, 0.2, 0.95, "1", "SCENARIOS ai_hall: 7.9 kW")
    cell_basin_m3: float = parameter(3.0, 0.05, 500.0, "m3", 'SCENARIOS "Masses", engineering guess')
    loop_m3: float = parameter(2.0, 0.0, 5e3, "m3", "engineering guess")
    setpoint_lag_s: float = parameter(60.0, 0.0, 3600.0, "s", "PHYSICS 0, local loops")
    cycles_of_concentration: float = parameter(4.0, 1.5, 20.0, "1", "PHYSICS E9")
    drift_frac: float = parameter(5e-5, 0.0, 5e-3, "1", "PHYSICS E9")
    basin_heater_kw_k: float = parameter(0.3, 0.0, 100.0, "kW/K", "PHYSICS E9a; per idle cell, engineering guess")
    basin_heater_c: float = parameter(4.4, 0.5, 10.0, "degC", "PHYSICS E9a; its thermostat")
    stage_up_load: float = parameter(0.80, 0.2, 1.5, "1", "as chillers, PHYSICS e1; engineering guess")
    stage_down_load: float = parameter(0.65, 0.1, 1.2, "1", "as chillers, PHYSICS e1; engineering guess")
    stage_up_excess_k: float = parameter(1.5, 0.1, 20.0, "K", "as chillers, PHYSICS e1; engineering guess")
    stage_up_delay_s: float = parameter(600.0, 0.0, 7200.0, "s", "as chillers, PHYSICS e1; engineering guess")
    stage_down_delay_s: float = parameter(900.0, 0.0, 7200.0, "s", "as chillers, PHYSICS e1; engineering guess")
    stage_hold_s: float = parameter(1200.0, 0.0, 7200.0, "s", "as chillers, PHYSICS e1; engineering guess")


class TowerState(NamedTuple):
    """Basin (and supply) temperature [degC] (B,) and the running cells."""

    basin_c: Array
    stages: StageState


class TowerFlows(NamedTuple):
    """Means over the sub-step, all (B,).

    ``heat_in_kw`` is what the water took in (the caller's heat plus pump power) and closes with the basin:
    ``heat_in_kw - heat_rejected_kw = heat_capacity_kj_k(p) (basin' - basin)/dt``. ``supply_c`` is the new basin
    temperature; ``fan_speed`` is the time mean of the speed of a running cell, 0..1; ``flow_kg_s`` is the whole loop's.
    ``basin_heater_kw`` keeps idle cells from freezing and goes to the outdoor air; no part of it reaches the loop.
    """

    fan_power_kw: Array
    pump_power_kw: Array
    basin_heater_kw: Array
    heat_in_kw: Array
    heat_rejected_kw: Array
    flow_kg_s: Array
    supply_c: Array
    fan_speed: Array
    evaporation_kg_s: Array
    drift_kg_s: Array
    blowdown_kg_s: Array
    makeup_kg_s: Array
    running: Array


class RangeCurve(NamedTuple):
    """Range against depth (hot water over wet bulb) at one air flow: E6 as ``2 (D - a0)/(b + sqrt(k0 + k1 D))``."""

    a0: Array
    b: Array
    k0: Array
    k1: Array


class TowerWeather(NamedTuple):
    """What the weather means to a tower, made once per control step; all (B,), ``york`` (3, 3, B)."""

    floor_c: Array
    york: Array
    full: RangeCurve
    slow: RangeCurve
    air: ExitCurve
    frost_k: Array  # outdoor air under the thermostat of the basin heaters


def heat_capacity_kj_k(p: CoolingTower) -> Array:
    """Heat capacity of basin and loop water [kJ/K]."""
    return (p.cells * p.cell_basin_m3 + p.loop_m3) * WATER.density_kg_m3 * WATER.cp_kj_kg_k


def cell_flow_kg_s(p: CoolingTower) -> Array:
    """Water flow of one running cell [kg/s]."""
    return p.pump_flow_l_s * (1e-3 * WATER.density_kg_m3)


def weather_terms(
    p: CoolingTower, wet_bulb_c: Array, dry_bulb_c: Array, humidity_ratio: Array, pressure_kpa: Array
) -> TowerWeather:
    """Everything of a tower that depends on the weather alone: York coefficients and the saturation curve around them.

    Parameters
    ----------
    p : CoolingTower
    wet_bulb_c, dry_bulb_c : array (B,)
        Outside air [degC]; any wet bulb, see the module for the clips.
    humidity_ratio : array (B,)
        [kg/kg].
    pressure_kpa : array (B,) or float
        [kPa].
    """
    york = _york_by_wet_bulb(wet_bulb_c)
    lg_full = cell_flow_kg_s(p) / p.cell_water_kg_s
    return TowerWeather(
        floor_c=upper(wet_bulb_c, YORK_WET_BULB_C[0]),
        york=york,
        full=_range_curve(york, lg_full),
        slow=_range_curve(york, lg_full / MIN_FAN_SPEED),
        air=exit_curve(wet_bulb_c, dry_bulb_c, humidity_ratio, pressure_kpa),
        frost_k=upper(p.basin_heater_c - dry_bulb_c, 0.0),
    )


def _york_by_wet_bulb(wet_bulb_c: Array) -> Array:
    """York coefficients (3, 3, B) of LG^i range^j at a wet bulb (B,) [degC], held in the polynomial's box."""
    xp = namespace(wet_bulb_c)
    t = clip(wet_bulb_c, *YORK_WET_BULB_C)
    table = xp.asarray(YORK, dtype=t.dtype, device=device_of(t))
    return table[:, :, 0:1] + t * (table[:, :, 1:2] + t * table[:, :, 2:3])


def _range_curve(york: Array, lg: Array) -> RangeCurve:
    """Collect E3 at a liquid-to-gas ratio ``lg`` to ``a0 + a1 Tr + a2 Tr^2`` and prepare the closed form E6."""
    a = york[0] + lg * (york[1] + lg * york[2])
    b, steep = a[1] + 1.0, 4.0 * a[2]
    return RangeCurve(a[0], b, b * b - steep * a[0], steep)


def _range_k(curve: RangeCurve, depth_k: Array) -> tuple[Array, Array]:
    """Range [K], not below zero, and ``d depth/d range`` [1] of water ``depth_k`` over the wet bulb, PHYSICS E6."""
    root = namespace(depth_k).sqrt(upper(curve.k0 + curve.k1 * depth_k, 0.01))
    return upper(2.0 * (depth_k - curve.a0) / (curve.b + root), 0.0), root


def outlet_c(hot_c: Array, wet_bulb_c: Array, air_flow_frac: Array, water_flow_frac: Array = 1.0) -> Array:
    """Water temperature [degC] behind a cell with its fan running, PHYSICS E6 with its clips.

    Parameters
    ----------
    hot_c, wet_bulb_c : array (B,)
        Entering water and wet bulb [degC].
    air_flow_frac, water_flow_frac : array (B,) or float
        Flows over design [1]; water 0.75..1.25, air 0.2..1.
    """
    curve = _range_curve(_york_by_wet_bulb(wet_bulb_c), water_flow_frac / air_flow_frac)
    depth = lower(hot_c - upper(wet_bulb_c, YORK_WET_BULB_C[0]), MAX_DEPTH_K)
    return upper(hot_c - _range_k(curve, depth)[0], COLDEST_WATER_C)


def initial(p: CoolingTower, basin_c: Array, heat_kw: Array) -> TowerState:
    """Settled start (B,): a basin temperature [degC] and as many cells as the heat [kW] calls for."""
    wanted = namespace(heat_kw).ceil(heat_kw / (p.stage_up_load * p.cell_nominal_kw))
    return TowerState(basin_c, settled_stages(clip(wanted, p.min_cells, p.duty_cells) + basin_c * 0.0, p.stage_hold_s))


def reported(p: CoolingTower, state: TowerState) -> dict[str, Array]:
    """Cells and their timer as the building reports them, each (B,)."""
    return {
        "tower_cells_running": state.stages.running,
        "tower_hold_frac": elapsed_frac(state.stages.since_change_s, p.stage_hold_s),
    }


def corrected(p: CoolingTower, state: TowerState, seen: Readings, gain: float) -> TowerState:
    """State that follows a real tower: the basin is pulled to its sensor; cells and their timer are as reported."""
    stages = corrected_stages(state.stages, seen, "tower_cells_running", "tower_hold_frac", p.stage_hold_s)
    return TowerState(seen.corrected_value(state.basin_c, "cw_supply_c", gain), stages)


def taken_over(state: TowerState, flows: TowerFlows) -> TowerState:
    """State behind what another model of the tower did; its cells and timers are not told."""
    return state._replace(basin_c=flows.supply_c)


def advance(
    p: CoolingTower,
    state: TowerState,
    heat_in_kw: Array,
    cw_setpoint_c: Array,
    weather: TowerWeather,
    available_cells: Array,
    dt_s: float,
) -> tuple[TowerState, TowerFlows]:
    """One sub-step of the condenser-water plant; exact in the basin at any step length.

    The basin tracks its setpoint with a lag (loop node rule) between the coldest it can get with fans at full speed
    and the warmest with fans off, both the exact solution of the linearised E6. The heat rejected follows from the
    state change, the fan speed from E3 solved for the liquid-to-gas ratio that gives this heat.

    Parameters
    ----------
    p : CoolingTower
    state : TowerState
    heat_in_kw : array (B,)
        Heat from the plant into the condenser water [kW], without the condenser pumps (they are added here).
    cw_setpoint_c : array (B,)
        Condenser-water supply setpoint [degC]; below 10 counts as 10.
    weather : TowerWeather
        From `weather_terms`.
    available_cells : array (B,) or float
        Cells without a fault, 0..cells; never more than ``duty_cells`` run.
    dt_s : float
        Sub-step [s].
    """
    stages = _switch_cells(p, state, heat_in_kw, cw_setpoint_c, available_cells, dt_s)
    running, cell_flow = stages.running, cell_flow_kg_s(p)
    pump_power = running * pump_power_kw(p.pump_flow_l_s * 1e-3, p.pump_head_kpa, p.pump_efficiency)
    heat = heat_in_kw + pump_power
    cells = upper(running, 1.0)
    cell_stream = cell_flow * WATER.cp_kj_kg_k
    lift = heat / (cells * cell_stream) - weather.floor_c
    basin, rejected, required, full_range = _basin_step(
        p, state.basin_c, cw_setpoint_c, heat, running * cell_stream, lift, weather, dt_s
    )
    depth = lower(0.5 * (basin + state.basin_c) + lift, MAX_DEPTH_K)
    duty, speed = _fans(p, required / (cells * cell_stream), full_range, depth, weather)
    mean_speed = duty * speed
    air = p.cell_air_kg_s * (mean_speed + (1.0 - duty) * FREE_CONVECTION)
    flow = running * cell_flow
    evaporation = running * air * moisture_gain(weather.air, rejected / (cells * air))
    drift = flow * p.drift_frac
    blowdown = upper(evaporation * (1.0 / (p.cycles_of_concentration - 1.0)) - drift, 0.0)
    flows = TowerFlows(
        fan_power_kw=running * p.cell_fan_kw * duty * speed * speed * speed,
        pump_power_kw=pump_power,
        basin_heater_kw=(p.cells - running) * p.basin_heater_kw_k * weather.frost_k,
        heat_in_kw=heat,
        heat_rejected_kw=rejected,
        flow_kg_s=flow,
        supply_c=basin,
        fan_speed=mean_speed,
        evaporation_kg_s=evaporation,
        drift_kg_s=drift,
        blowdown_kg_s=blowdown,
        makeup_kg_s=evaporation + drift + blowdown,
        running=running,
    )
    return TowerState(basin, stages), flows


def _switch_cells(
    p: CoolingTower, state: TowerState, heat_kw: Array, setpoint_c: Array, available: Array, dt_s: float
) -> StageState:
    """Cells by load and by how far the supply is above its setpoint, PHYSICS e1 (staging)."""
    load = heat_kw * (1.0 / p.cell_nominal_kw)
    excess = state.basin_c - upper(setpoint_c, COLDEST_WATER_C)
    running = state.stages.running
    up = (load > p.stage_up_load * running) | (excess > p.stage_up_excess_k)
    down = (load < p.stage_down_load * (running - 1.0)) & (excess < 0.5 * p.stage_up_excess_k)
    return advance_stages(
        state.stages,
        up,
        down,
        lower(available, p.duty_cells),
        p.stage_up_delay_s,
        p.stage_down_delay_s,
        p.stage_hold_s,
        p.min_cells,
        dt_s,
    )


def _basin_step(
    p: CoolingTower,
    basin_c: Array,
    setpoint_c: Array,
    heat_kw: Array,
    stream_kw_k: Array,
    lift_k: Array,
    weather: TowerWeather,
    dt_s: float,
) -> tuple[Array, Array, Array, Array]:
    """Basin temperature after the step, heat rejected, heat asked for [kW] and mean full-fan range [K].

    ``lift_k`` is the load's range less the wet bulb, so that ``basin_c + lift_k`` is the depth of the hot water.
    """
    xp = namespace(basin_c)
    per_kw = dt_s / heat_capacity_kj_k(p)
    range_k, root = _range_k(weather.full, lower(basin_c + lift_k, MAX_DEPTH_K))
    gain = lower(range_k * (1.0 / FADE_K), 1.0 / root)
    x = upper(stream_kw_k * gain * per_kw, 1e-6)
    most_kw = stream_kw_k * range_k
    x_off = FREE_CONVECTION * x
    coldest = basin_c - (heat_kw - most_kw) * per_kw * xp.expm1(-x) / x
    warmest = basin_c - (heat_kw - FREE_CONVECTION * most_kw) * per_kw * xp.expm1(-x_off) / x_off
    adiabatic = basin_c + heat_kw * per_kw
    bypassed = lower(adiabatic, COLDEST_WATER_C)
    target = upper(relax(basin_c, upper(setpoint_c, COLDEST_WATER_C), p.setpoint_lag_s, dt_s), bypassed)
    new = upper(lower(upper(target, coldest), warmest), bypassed)
    rejected = (adiabatic - new) * (1.0 / per_kw)
    required = (adiabatic - target) * (1.0 / per_kw)
    return new, rejected, required, range_k + (0.5 * gain) * (new - basin_c)


def _fans(
    p: CoolingTower,
    required_k: Array,
    full_range_k: Array,
    depth_k: Array,
    weather: TowerWeather,
) -> tuple[Array, Array]:
    """Share of time the fans run and their speed while they run, for the range [K] that the setpoint asks for.

    Above the range at the lowest speed the fan modulates (E3 solved for LG); below it the fan cycles between off (E8)
    and that speed. Where the map gives less at the lowest speed than free convection, it cycles against a tenth of
    what the fans can add instead, so that power has no jump.
    """
    off = FREE_CONVECTION * full_range_k
    slow, _ = _range_k(weather.slow, depth_k)
    anchor = upper(slow, off + ANCHOR_SHARE * (full_range_k - off))
    duty = clip((required_k - off) / upper(anchor - off, SMALL_RANGE_K), 0.0, 1.0)
    wanted = clip(required_k, anchor, depth_k)
    york = weather.york
    a = york[:, 0] + wanted * (york[:, 1] + wanted * york[:, 2])
    missing = depth_k - wanted - a[0]
    root = namespace(wanted).sqrt(upper(a[1] * a[1] + 4.0 * a[2] * missing, 0.0))
    lg_full = cell_flow_kg_s(p) / p.cell_water_kg_s
    lg = clip(2.0 * missing / upper(a[1] + root, 1e-3), lg_full, lg_full / MIN_FAN_SPEED)
    return duty, lg_full / lg
