"""The present of a hall: the model run along the last hours' telemetry until it stands where the sensors say.

Setpoints in force, weather and rack power of the last hours are played on the model. At every step loops and rooms are
drawn towards what is measured (a constant-gain observer), staged machines and fans are set to what is exactly known,
and the building's rules see the measured points, so that their memory (integrals, setpoints in mind, timers) is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Together
from envs.controllers.pid import FanPiController
from envs.parameters import Parameters, parameter
from envs.plant.datacenter import INLET_ALARM_C
from envs.twin.estimation.hall_model import HallModel
from envs.twin.telemetry.telemetry import INLET, RACK_POWER, Telemetry

Array = NDArray[Any]

GUESS = "engineering guess"
LONG_AGO_S = 1e6


@dataclass(frozen=True)
class Replay(Parameters):
    """How the present is found."""

    hours: float = parameter(6.0, 0.5, 48.0, "h", "several times the slowest loop: buffer and basin, half an hour")
    gain: float = parameter(0.3, 0.0, 1.0, "1 per step", f"{GUESS}: sensor noise 0.2 K against loops of 30 min")
    offset_memory_h: float = parameter(1.0, 0.1, 24.0, "h", f"{GUESS}: how long measured less modelled is averaged")


class Present(NamedTuple):
    """Where a forecast starts.

    Attributes
    ----------
    state : PlantState
        Of the model.
    rules : Together
        The building's controllers with what they remember.
    in_force : dict
        Setpoints of the step that has passed ``{channel: (k, B)}``.
    wanted : dict
        What the rules ask for next.
    offset : dict
        Measured less modelled, averaged, of the points that the rules read and of every inlet ``{name: (k, B)}``.
    power_gain : array (R, B)
        Measured over modelled rack power.
    """

    state: Any
    rules: Together
    in_force: dict[str, Array]
    wanted: dict[str, Array]
    offset: dict[str, Array]
    power_gain: Array


CORRECTED = (INLET, "zone_inlet_max_c", "zone_supply_c", "wet_bulb_c", "row_demand_share")


def present(model: HallModel, history: Telemetry, replay: Replay) -> Present:
    """Replay the end of a history.

    Parameters
    ----------
    model : HallModel
    history : Telemetry
        At least ``replay.hours`` long.
    replay : Replay
    """
    rows = round(replay.hours * 3600.0 / model.step_s) + 1
    if history.rows < rows:
        raise ValueError(
            f"history has {history.rows} rows; give at least {rows} (replay.hours = {replay.hours} and the present)"
        )
    past = history.part(history.rows - rows, history.rows)
    points = past.values
    in_force = setpoints(model, past, 0)
    outside = weather(model, past, 0)
    state, flows = model.settled(outside, points[RACK_POWER][0], in_force)
    rules = primed(model, setpoints(model, past, 1), {name: values[0] for name, values in points.items()})
    offset: dict[str, Array] = {}
    keep = float(np.exp(-model.step_s / (3600.0 * replay.offset_memory_h)))
    drawn_kw = modelled_kw = 0.0
    lost = model.nothing_lost(history.batch)
    wanted = dict(in_force)
    for t in range(1, rows):
        in_force, rack_kw = setpoints(model, past, t), points[RACK_POWER][t]
        state, flows = model.step(state, in_force, outside, rack_kw, lost)
        outside = weather(model, past, t)
        seen = {name: values[t] for name, values in points.items()}
        shown = model.readings(flows, state, in_force, outside)
        for name in (n for n in CORRECTED if n in seen):
            error = seen[name] - shown[name]
            offset[name] = error if name not in offset else keep * offset[name] + (1.0 - keep) * error
        drawn_kw, modelled_kw = keep * drawn_kw + rack_kw, keep * modelled_kw + flows.rack_power_kw
        state = drawn_to(model, state, seen, replay.gain)
        wanted = rules.act(seen)
    gain = np.clip(drawn_kw / np.maximum(modelled_kw, 1e-3), 0.5, 2.0).astype(model.dtype)
    return Present(state, rules, in_force, wanted, offset, gain)


def setpoints(model: HallModel, history: Telemetry, row: int) -> dict[str, Array]:
    """Setpoints that were in force in the step before ``row``."""
    return {c.name: np.ascontiguousarray(history.values[f"in_force.{c.name}"][row]) for c in model.channels}


def weather(model: HallModel, history: Telemetry, row: int) -> Any:
    """Weather measured at ``row``, for the step after it."""
    return model.outside(history.values["dry_bulb_c"][row, 0], history.values["wet_bulb_c"][row, 0])


def primed(model: HallModel, in_force: dict[str, Array], seen: dict[str, Array]) -> Together:
    """Rules that have long run and have just put ``in_force`` into force after they had ``seen`` the points."""
    rules = model.rules()
    rules.reset(seen[INLET].shape[-1])
    for part in rules.parts:
        if isinstance(part, FanPiController):
            above = seen["zone_inlet_max_c"] - part.constants.setpoint_c
            error = np.sign(above) * np.maximum(np.abs(above) - part.constants.dead_band_k, 0.0)
            integral = in_force["crah_fan_speed_frac"] - part.constants.kp_per_k * error
            part.integral = np.clip(integral, part.constants.low, part.constants.high).astype(model.dtype)
        channel = getattr(part, "channel", None)
        if channel is not None:
            part.setpoint = in_force[channel].copy()  # type: ignore[attr-defined]
            part.age_s = np.full_like(in_force[channel], LONG_AGO_S)  # type: ignore[attr-defined]
    return rules


def drawn_to(model: HallModel, state: Any, seen: dict[str, Array], gain: float) -> Any:
    """State drawn towards what is measured; what is known exactly is set."""

    def towards(value: Array, name: str, row: Any = 0) -> Array:
        return (value + gain * (seen[name][row] - value)).astype(model.dtype)

    every = slice(None)
    air = state.air._replace(
        supply_c=towards(state.air.supply_c, "zone_supply_c", every),
        fan_speed_frac=seen["zone_fan_speed_frac"].astype(model.dtype),
    )
    warm = seen["zone_inlet_max_c"] > INLET_ALARM_C
    changed: dict[str, Any] = {"air": air, "alarm": warm.astype(model.dtype)}
    changed["inlet_c"] = towards(state.inlet_c, INLET, every)  # server fans follow it
    if state.chw is not None:
        changed["chw"] = _chilled_water(model, state.chw, seen, towards(state.chw.supply_c, "chw_supply_c"))
    if state.tower is not None:
        hold_s = model.instruments.cell_hold_s
        stages = state.tower.stages._replace(
            running=_exact(model, seen, "tower_cells_running"),
            since_change_s=_exact(model, seen, "tower_hold_frac") * hold_s,
        )
        changed["tower"] = state.tower._replace(basin_c=towards(state.tower.basin_c, "cw_supply_c"), stages=stages)
    if state.dry is not None:
        changed["dry"] = state.dry._replace(pad_on=_exact(model, seen, "dry_cooler_pad_on"))
    if state.tcs is not None:
        changed["tcs"] = state.tcs._replace(supply_c=towards(state.tcs.supply_c, "tcs_supply_c"))
        changed["fws"] = state.fws._replace(supply_c=towards(state.fws.supply_c, "fws_supply_c"))
    if state.battery is not None and "battery_soc_frac" in seen:
        changed["battery"] = state.battery._replace(soc_frac=_exact(model, seen, "battery_soc_frac"))
    return state._replace(**changed)


def _chilled_water(model: HallModel, chw: Any, seen: dict[str, Array], supply_c: Array) -> Any:
    """Loop, stages, mode and their timers."""
    instruments = model.instruments
    running = _exact(model, seen, "chillers_running")
    stages = chw.stages._replace(
        running=running, since_change_s=_exact(model, seen, "chiller_hold_frac") * instruments.stage_hold_s
    )
    started = running > chw.stages.running
    online = np.where(started, np.minimum(chw.online, running), running).astype(model.dtype)
    changed = {"supply_c": supply_c, "stages": stages, "online": online}
    if "economizer_on" in seen:
        changed["economizer_on"] = _exact(model, seen, "economizer_on")
        changed["economizer_since_s"] = _exact(model, seen, "economizer_hold_frac") * instruments.economizer_lockout_s
    return chw._replace(**changed)


def _exact(model: HallModel, seen: dict[str, Array], name: str) -> Array:
    return seen[name][0].astype(model.dtype)
