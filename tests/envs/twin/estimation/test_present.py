"""A model that is the hall itself, with sensors that do not err, must find and continue it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from agents.forecasting.closed_loop import ForecastInputs, model_path
from agents.forecasting.outlook import signals_that_came
from envs.faults import Fault
from envs.interface.sensors import SensorModel
from envs.scenario import Scenario, load
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.present import Present, ReplaySettings, present
from envs.twin.telemetry.telemetry import COOLING, INLET, RACK_POWER, Telemetry
from experiments.forecasting.halls import HallDraw, Halls, simulate

PER_DAY, AHEAD = 288, 36  # steps of five minutes
EXACT = SensorModel(
    temperature_noise_k=0.0,
    temperature_bias_k=0.0,
    power_noise_frac=0.0,
    power_bias_frac=0.0,
    flow_noise_frac=0.0,
    flow_bias_frac=0.0,
    fraction_noise=0.0,
)


@pytest.fixture(scope="module")
def exact() -> Scenario:
    return replace(load("ai_hall", ["site.workload_weeks=2"]), sensors=EXACT)


@pytest.fixture(scope="module")
def twin(exact: Scenario) -> Halls:
    return simulate(exact, HallDraw(halls=2, days=1, spread=0.0, seed=5), keep=[PER_DAY - AHEAD - 1])


@pytest.fixture(scope="module")
def model(exact: Scenario) -> HallModel:
    return HallModel(exact)


@pytest.fixture(scope="module")
def past(twin: Halls) -> Telemetry:
    return twin.telemetry.part(0, PER_DAY - AHEAD)


@pytest.fixture(scope="module")
def start(model: HallModel, past: Telemetry) -> Present:
    return present(model, past, ReplaySettings())


def test_the_replayed_state_is_the_halls_own(twin: Halls, start: Present) -> None:
    true = twin.moments[0].state
    assert np.abs(start.state.air.supply_c - true.air.supply_c).max() < 0.05
    assert np.abs(start.state.chw.supply_c - true.chw.supply_c).max() < 0.1
    assert np.abs(start.state.air.hot_c - true.air.hot_c).max() < 0.5
    assert np.array_equal(start.state.chw.stages.running, true.chw.stages.running)


def test_the_rules_remember_what_the_buildings_own_do(twin: Halls, start: Present) -> None:
    moment = twin.moments[0]
    rules = deepcopy(moment.rules)
    rules.act(moment.measured)
    for ours, theirs in zip(start.rules.parts, rules.parts):
        for name in ("integral", "setpoint"):
            if hasattr(theirs, name):
                assert np.allclose(getattr(ours, name), getattr(theirs, name), atol=1e-3), name


def test_racks_draw_the_power_that_was_metered(model: HallModel, past: Telemetry, start: Present) -> None:
    drawn = past.values[RACK_POWER][-1]
    again = model.load(drawn)
    assert np.all((again.activity >= 0.0) & (again.activity <= 1.0))
    assert np.abs(start.power_gain - 1.0).max() < 0.05


def test_a_known_hall_under_known_load_and_weather_is_continued(twin: Halls, model: HallModel, start: Present) -> None:
    after = twin.telemetry.part(PER_DAY - AHEAD - 1, PER_DAY)
    path = model_path(model, start, signals_that_came(after), ForecastInputs())
    inlet_error = (path.rack_inlet_c - after.values[INLET][1:])[:12]
    cooling_error = path.cooling_power_kw / after.values[COOLING][1:, 0] - 1.0
    assert np.sqrt((inlet_error**2).mean()) < 0.2
    assert np.sqrt((cooling_error[:12] ** 2).mean()) < 0.04
    assert abs(cooling_error.mean()) < 0.06


def test_a_failure_warms_the_racks_and_leaves_the_start_as_it_was(
    twin: Halls, model: HallModel, start: Present
) -> None:
    signals = signals_that_came(twin.telemetry.part(PER_DAY - AHEAD - 1, PER_DAY))
    quiet = model_path(model, start, signals, ForecastInputs())
    broken = model_path(model, start, signals, ForecastInputs(faults=(Fault("crah_fan", 0.0, 1e9, 0, 2.0),)))
    assert (broken.rack_inlet_c[-1] - quiet.rack_inlet_c[-1])[:10].min() > 0.5  # the racks of its zone
    assert np.array_equal(model_path(model, start, signals, ForecastInputs()).rack_inlet_c, quiet.rack_inlet_c)


def test_setpoints_that_are_told_replace_the_rules(twin: Halls, model: HallModel, start: Present) -> None:
    signals = signals_that_came(twin.telemetry.part(PER_DAY - AHEAD - 1, PER_DAY))
    fan = "crah_fan_speed_frac"

    def full(value: float) -> np.ndarray:
        return np.full((2, signals.rack_kw.shape[-1]), value, np.float32)

    cold, warm = (
        model_path(
            model, start, signals, ForecastInputs(setpoints={fan: full(0.9), "supply_air_temp_setpoint_c": full(c)})
        )
        for c in (18.0, 24.0)
    )
    assert (warm.rack_inlet_c[-1] - cold.rack_inlet_c[-1]).min() > 3.0


def test_too_short_a_history_is_refused(model: HallModel, past: Telemetry) -> None:
    with pytest.raises(ValueError, match="replay.hours"):
        present(model, past.part(0, 5), ReplaySettings())
