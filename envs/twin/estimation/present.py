"""The present of a hall: the model run along the last hours' telemetry until it stands where the sensors say.

Setpoints in force, weather and rack power of the last hours are played on the model. At every step the observer
corrects it. The building's rules see the measured points, so that their memory (integrals, setpoints in mind, timers)
is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from envs.controllers.base import CombinedController
from envs.controllers.pid import FanPiController
from envs.parameters import Parameters, parameter
from envs.physics.namespace import Floats
from envs.plant.state import PlantState
from envs.signals.step import Outside
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.observer import GAIN, correct
from envs.twin.telemetry.telemetry import INLET, RACK_POWER, Telemetry

GUESS = "engineering guess"
LONG_AGO_S = 1e6


@dataclass(frozen=True)
class ReplaySettings(Parameters):
    """How the present is found."""

    hours: float = parameter(6.0, 0.5, 48.0, "h", "several times the slowest loop: buffer and basin, half an hour")
    gain: float = parameter(GAIN, 0.0, 1.0, "1 per step", f"{GUESS}: sensor noise 0.2 K against loops of 30 min")
    offset_memory_h: float = parameter(1.0, 0.1, 24.0, "h", f"{GUESS}: how long measured less modelled is averaged")


class Present(NamedTuple):
    """Where a forecast starts.

    Attributes
    ----------
    state : PlantState
        Of the model.
    rules : CombinedController
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

    state: PlantState
    rules: CombinedController
    in_force: dict[str, Floats]
    wanted: dict[str, Floats]
    offset: dict[str, Floats]
    power_gain: Floats


CORRECTED = (INLET, "zone_inlet_max_c", "zone_supply_c", "wet_bulb_c", "row_demand_share")


def present(model: HallModel, history: Telemetry, replay: ReplaySettings) -> Present:
    """Replay the end of a history.

    Parameters
    ----------
    model : HallModel
    history : Telemetry
        At least ``replay.hours`` long.
    replay : ReplaySettings
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
    state, flows = model.steady_state(outside, points[RACK_POWER][0], in_force)
    rules = primed_rules(model, setpoints(model, past, 1), {name: values[0] for name, values in points.items()})
    offset: dict[str, Floats] = {}
    keep = float(np.exp(-model.step_s / (3600.0 * replay.offset_memory_h)))
    load_meter_kw = modelled_kw = 0.0
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
        load_meter_kw, modelled_kw = keep * load_meter_kw + rack_kw, keep * modelled_kw + flows.rack_power_kw
        state = correct(model.plant, state, flows, seen, replay.gain)
        wanted = rules.act(seen)
    gain = np.clip(load_meter_kw / np.maximum(modelled_kw, 1e-3), 0.5, 2.0).astype(model.dtype)
    return Present(state, rules, in_force, wanted, offset, gain)


def setpoints(model: HallModel, history: Telemetry, row: int) -> dict[str, Floats]:
    """Setpoints that were in force in the step before ``row``."""
    return {c.name: np.ascontiguousarray(history.values[f"in_force.{c.name}"][row]) for c in model.channels}


def weather(model: HallModel, history: Telemetry, row: int) -> Outside:
    """Weather measured at ``row``, for the step after it."""
    return model.outside(*(history.values[name][row, 0] for name in ("dry_bulb_c", "wet_bulb_c", "site_elevation_m")))


def primed_rules(model: HallModel, in_force: dict[str, Floats], seen: dict[str, Floats]) -> CombinedController:
    """Rules that have long run and have just put ``in_force`` into force after they had ``seen`` the points."""
    rules = model.rules()
    rules.reset(seen[INLET].shape[-1])
    for part in rules.parts:
        if isinstance(part, FanPiController):
            above = seen["zone_inlet_max_c"] - part.constants.setpoint_c
            error = np.sign(above) * np.maximum(np.abs(above) - part.constants.dead_band_k, 0.0)
            integral = in_force["crah_fan_speed_frac"] - part.kp * error
            part.integral = np.clip(integral, part.constants.low, part.constants.high).astype(model.dtype)
        channel = getattr(part, "channel", None)
        if channel is not None:
            part.setpoint = in_force[channel].copy()  # type: ignore[attr-defined]
            part.age_s = np.full_like(in_force[channel], LONG_AGO_S)  # type: ignore[attr-defined]
    return rules
