"""A building's own log as a forecaster's telemetry: what was read stays, what was not is the model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import pytest

from agents.forecasting.hall_log import hall_history
from envs.core import DataCenterCore
from envs.interface.sensors import SensorModel
from envs.play import play
from envs.scenario import Scenario, load
from envs.twin.calibration.free_parameters import with_values
from envs.twin.telemetry.quantities import quantities_of
from envs.twin.telemetry.recorder import PointReader, Recorder, true_value_reader
from envs.twin.telemetry.synthetic import NOT_LOGGED
from envs.twin.telemetry.telemetry import COOLING, INLET, RACK_POWER, Telemetry

ROWS = 60


@pytest.fixture(scope="module")
def hall() -> Scenario:
    exact = [f"sensors.{spec.name}=0" for spec in fields(SensorModel)]
    return load("edge_room", ["episode.step_s=1200", "episode.substep_s=300", *exact])


@pytest.fixture(scope="module")
def both(hall: Scenario) -> tuple[Telemetry, Telemetry]:
    """The same hours as a building logs them, and as a core's points show them."""
    core = DataCenterCore(hall, 1)
    core.reset(seed=3)
    names = [n for n in quantities_of(core.plant.layout, hall) if n not in NOT_LOGGED]
    log, points = Recorder(core, true_value_reader(core, names), ROWS), Recorder(core, PointReader(core), ROWS)
    for step in play(core, core.rules, ROWS):
        log.add(step)
        points.add(step)
    return log.telemetry(), points.telemetry()


def without(log: Telemetry, *names: str, **changed: np.ndarray) -> Telemetry:
    """The log without some quantities, and others changed."""
    kept: Mapping[str, np.ndarray] = {n: v for n, v in log.values.items() if n not in names}
    return log.with_values({**kept, **changed})


def test_what_was_logged_stands_where_a_core_s_own_points_stand(
    hall: Scenario, both: tuple[Telemetry, Telemetry]
) -> None:
    log, points = both
    found = hall_history(hall, log)
    for name in (INLET, "zone_inlet_max_c", "zone_supply_c", COOLING):
        assert np.allclose(found.telemetry.values[name], points.values[name], rtol=1e-3, atol=0.05), name
    assert np.allclose(found.telemetry.values["dry_bulb_c"][:-1], points.values["dry_bulb_c"][:-1], atol=1.0)
    assert found.telemetry.values["in_force.crah_fan_speed_frac"].shape == (ROWS, 1, 1)
    assert max(found.modelled_frac[n] for n in (INLET, COOLING)) == 0.0
    assert all(np.isfinite(v).all() for v in found.telemetry.values.values())


def test_return_air_tells_how_much_air_the_room_units_blow_and_without_it_nobody_knows(hall: Scenario) -> None:
    (zone,) = hall.zones
    more = with_values(hall, {f"zones.{zone}.unit_flow_m3_s": 1.15 * float(np.max(hall.zones[zone].unit_flow_m3_s))})
    core = DataCenterCore(more, 1)
    core.reset(seed=3)
    names = [n for n in quantities_of(core.plant.layout, hall) if n not in NOT_LOGGED]
    log = Recorder(core, true_value_reader(core, names), ROWS)
    for step in play(core, core.rules, ROWS):
        log.add(step)
    assert hall_history(hall, log.telemetry()).airflow_frac == pytest.approx([1.15], abs=0.03)
    assert np.isnan(hall_history(hall, without(log.telemetry(), "zone_return_c")).airflow_frac).all()


def test_a_long_gap_and_a_rack_without_a_sensor_are_the_model_s_and_are_told(
    hall: Scenario, both: tuple[Telemetry, Telemetry]
) -> None:
    log, points = both
    inlets = log.values[INLET].copy()
    inlets[20:40] = np.nan
    inlets[:, 0] = np.nan
    found = hall_history(hall, without(log, **{INLET: inlets}))
    racks = inlets.shape[1]
    assert found.modelled_frac[INLET] == pytest.approx((ROWS + 20 * (racks - 1)) / (ROWS * racks))
    error = found.telemetry.values[INLET] - points.values[INLET]
    assert np.isfinite(error).all() and np.sqrt((error**2).mean()) < 1.0


def test_rows_or_the_whole_hall_are_split_over_racks_by_rating(
    hall: Scenario, both: tuple[Telemetry, Telemetry]
) -> None:
    log, _ = both
    total = log.values[RACK_POWER].sum(axis=1, keepdims=True)
    found = hall_history(hall, without(log, RACK_POWER, it_power_kw=total)).telemetry.values[RACK_POWER]
    assert np.allclose(found.sum(axis=1), total[:, 0], rtol=0.05)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (INLET, "map the racks' inlet sensors"),
        (RACK_POWER, "no load is mapped"),
        ("dry_bulb_c", "weather is not mapped"),
        ("chiller_power_kw", "also chiller_power_kw"),
    ],
)
def test_what_a_forecast_cannot_do_without_is_asked_for_by_name(
    hall: Scenario, both: tuple[Telemetry, Telemetry], gone: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        hall_history(hall, without(both[0], gone))


def test_a_meter_of_the_whole_cooling_power_needs_no_others(hall: Scenario, both: tuple[Telemetry, Telemetry]) -> None:
    log, points = both
    found = hall_history(hall, without(log, "chiller_power_kw", **{COOLING: points.values[COOLING]}))
    assert np.allclose(found.telemetry.values[COOLING], points.values[COOLING], rtol=1e-3)
