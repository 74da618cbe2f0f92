"""From a hall's own log to the telemetry that a forecaster learns from: one clock, no gaps, every point that is read.

A building logs fewer points than a core shows, and loses readings. The model is played along the whole log, corrected
by what was measured; where a point lacks a reading, what the model shows stands in for it. Which share of each point
that is, is told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.forecasting.air_balance import airflow_frac
from envs.physics.namespace import Floats
from envs.plant.flows import COOLING_POWER
from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.signals.step import Outside
from envs.twin.calibration.windows import drivers, load_weights
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.observer import GAIN, correct
from envs.twin.telemetry.gaps import without_gaps
from envs.twin.telemetry.quantities import QUANTITIES, driving_load, quantities_of
from envs.twin.telemetry.recorder import PLANT_POINTS
from envs.twin.telemetry.telemetry import COOLING, EPOCH, INLET, RACK_POWER, Telemetry

BRIDGE_S = 1800.0  # a shorter gap of a reading is bridged by a line, a longer one by the model
DAY_S = 86_400.0
ZONE_INLET = "zone_inlet_max_c"
SUPPLY, RETURN = "zone_supply_c", "zone_return_c"
SETTLED_S = 3600.0
HEIGHT = "site_elevation_m"


class HallHistory(NamedTuple):
    """A hall's own past.

    Attributes
    ----------
    telemetry : Telemetry
        Of one hall, without gaps, with the points that rules and forecaster read.
    modelled_frac : dict
        Share of the readings of each point that a log may have for which the model stands in: 1 where it is not
        measured.
    airflow_frac : array (Z,)
        Airflow of each zone's room units over the scenario's, where supply and return air are measured; else NaN.
    """

    telemetry: Telemetry
    modelled_frac: dict[str, float]
    airflow_frac: Floats


def hall_history(scenario: Scenario, log: Telemetry) -> HallHistory:
    """Telemetry of one hall as a forecaster needs it.

    Parameters
    ----------
    scenario : Scenario
        The hall, calibrated or as it is guessed.
    log : Telemetry
        As read from a file, in the names of `quantities.QUANTITIES`, screened.

    Raises
    ------
    ValueError
        Where load, weather, inlets or cooling power are not measured.
    """
    model = HallModel(scenario)
    inputs, _ = drivers(log, scenario, model.layout)
    values, measured = log.series(), _measured_points(log, scenario, model.layout)
    load = driving_load(values)
    assert load is not None  # `drivers` has refused what has none
    rack_kw = inputs[load] @ load_weights(load, model.layout)
    played = _Played(model, inputs, rack_kw, float(scenario.elevation_m))
    points = {name: measured.get(name, np.full((log.rows, rows), np.nan)) for name, rows in played.points.items()}
    filled, gaps = played.completed(points), {n: ~np.isfinite(v) for n, v in points.items()}
    known: dict[str, Floats] = {f"in_force.{c.name}": inputs[c.name] for c in model.channels}
    known |= filled | played.weather | {RACK_POWER: rack_kw} | _clock(log)
    deep = {name: np.ascontiguousarray(column, np.float32)[:, :, None] for name, column in known.items()}
    can_be_logged = {*quantities_of(model.layout, scenario), COOLING}
    told = {name: float(missing.mean()) for name, missing in gaps.items() if name in can_be_logged}
    air = airflow_frac(_measured_rise(log, model.layout), played.rise_k)
    return HallHistory(Telemetry(deep, log.step_s, log.start_utc, log.names), told, air)


def _measured_rise(log: Telemetry, layout: Layout) -> Floats:
    """Rise of the air from supply to return ``(T, Z)`` as it was read, once the model has settled."""
    values = log.series()
    if RETURN not in values or SUPPLY not in values:
        return np.full((log.rows, layout.n_zones), np.nan)
    rise = values[RETURN] - values[SUPPLY]
    rise[: round(SETTLED_S / log.step_s)] = np.nan
    return rise


def _measured_points(log: Telemetry, scenario: Scenario, layout: Layout) -> dict[str, Floats]:
    """Measured points of the forecaster ``(T, k)``, short gaps bridged."""
    values = log.series()
    if INLET not in values:
        raise ValueError(f"{INLET} is not mapped, so there is nothing to forecast; map the racks' inlet sensors")
    found = {n: _bridged(values[n], log.step_s, n) for n in (*PLANT_POINTS, COOLING) if n in values and n in QUANTITIES}
    if COOLING not in found:
        found[COOLING] = _cooling_kw(log, scenario, layout)
    return found


def _cooling_kw(log: Telemetry, scenario: Scenario, layout: Layout) -> Floats:
    """Cooling power ``(T, 1)`` as the sum of its machines' meters."""
    values, known = log.series(), quantities_of(layout, scenario)
    needed = [name for name in COOLING_POWER if name in known]
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError(
            f"neither {COOLING} nor all of its machines are mapped; map {COOLING}, or also {', '.join(missing)}"
        )
    total: Floats = np.sum([_bridged(values[name], log.step_s, name) for name in needed], axis=0)
    return total


def _bridged(values: Floats, step_s: float, name: str) -> Floats:
    """Readings with short gaps filled; those in longer gaps stay missing, and so does what was never read."""
    made = values.astype(np.float64).copy()
    hold = QUANTITIES[name].kind == "count"
    for k in np.flatnonzero(np.isfinite(made).any(axis=0)):
        filled, bad = without_gaps(made[:, k : k + 1], round(BRIDGE_S / step_s), hold)
        made[:, k] = np.where(bad, np.nan, filled[:, 0])
    return made


def _clock(log: Telemetry) -> dict[str, Floats]:
    """Hour of the day of every row, in UTC: a forecaster needs no more than that it comes round."""
    start_s = (log.start_utc[0] - EPOCH) / np.timedelta64(1, "s")
    turn = 2.0 * np.pi * (start_s + log.step_s * np.arange(log.rows)) / DAY_S
    return {"hour_sin": np.sin(turn)[:, None], "hour_cos": np.cos(turn)[:, None]}


class _Played:
    """The model along a log."""

    def __init__(self, model: HallModel, inputs: dict[str, Floats], rack_kw: Floats, elevation_m: float) -> None:
        self.model, self.inputs, self.rack_kw = model, inputs, rack_kw
        following = np.minimum(np.arange(len(rack_kw)) + 1, len(rack_kw) - 1)
        # a log's row has the weather of the step that ends there, a forecaster's that of the step that follows
        self.weather = {name: inputs[name][following] for name in ("dry_bulb_c", "wet_bulb_c")}
        self.weather[HEIGHT] = np.full((len(rack_kw), 1), elevation_m)
        zones = model.layout.zone_of
        self.racks_of = [np.flatnonzero(zones == zone) for zone in range(model.layout.n_zones)]
        self.in_force = [self._setpoints(row) for row in range(len(rack_kw))]
        self.first = model.steady_state(self._outside(0), self._load(0), self.in_force[0])
        shown = model.readings(self.first[1], self.first[0], self.in_force[0], self._outside(0))
        own = {*self.weather, "hour_sin", "hour_cos"}
        self.points = {n: len(v) for n, v in shown.items() if n in PLANT_POINTS and n not in own} | {COOLING: 1}

    def completed(self, points: dict[str, Floats]) -> dict[str, Floats]:
        """Points with the model's readings where they lack their own."""
        (state, flows), model = self.first, self.model
        found = {name: values.copy() for name, values in points.items()}
        rise = []
        lost = model.nothing_lost(1)
        for row in range(len(self.rack_kw)):
            if row:
                state, flows = model.step(state, self.in_force[row], self._outside(row - 1), self._load(row), lost)
            shown = model.readings(flows, state, self.in_force[row], self._outside(row))
            shown[COOLING] = np.atleast_2d(flows.cooling_power_kw)
            rise.append((flows.zone_return_c - flows.zone_supply_c)[:, 0])
            for name, values in found.items():
                gap = ~np.isfinite(values[row])
                values[row, gap] = shown[name][gap, 0]
            found[ZONE_INLET][row] = [found[INLET][row, racks].max() for racks in self.racks_of]
            seen = {name: values[row][:, None].astype(model.dtype) for name, values in found.items()}
            state = correct(model.plant, state, flows, seen, GAIN)
        self.rise_k = np.array(rise, np.float64)
        return found

    def _setpoints(self, row: int) -> dict[str, Floats]:
        channels = self.model.channels
        return {c.name: np.ascontiguousarray(self.inputs[c.name][row][:, None], self.model.dtype) for c in channels}

    def _load(self, row: int) -> Floats:
        return self.rack_kw[row][:, None].astype(self.model.dtype)

    def _outside(self, row: int) -> Outside:
        return self.model.outside(*(self.weather[n][row] for n in ("dry_bulb_c", "wet_bulb_c", HEIGHT)))
