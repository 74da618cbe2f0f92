from __future__ import annotations

import numpy as np
import pytest

from envs.twin.screening.readings import outliers, spikes, stuck_readings
from envs.twin.telemetry.quantities import QUANTITIES

RETURN, LOAD = QUANTITIES["zone_return_c"], QUANTITIES["rack_power_kw"]
SETPOINT, DRY = QUANTITIES["supply_air_temp_setpoint_c"], QUANTITIES["dry_bulb_c"]
RNG = np.random.default_rng(5)
HOURS = np.arange(864) / 12.0
TRUE = 32.0 + 2.0 * np.sin(HOURS / 4.0)
READ = TRUE + RNG.normal(0.0, 0.2, 864)


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("size", [-30.0, 12.0])
def test_spikes_are_found_whatever_their_share(share: float, size: float) -> None:
    where = RNG.random(864) < share
    where[1:] &= ~where[:-1]
    flags = spikes(np.where(where, READ + size, READ), TRUE)
    inside = np.arange(6, 858)
    assert np.array_equal(flags[inside], where[inside])


def test_a_pulse_that_its_replay_shows_is_no_spike() -> None:
    pulse = np.zeros(864)
    pulse[400:402] = 15.0
    assert spikes(READ + pulse, TRUE)[400:402].all() and not spikes(READ + pulse, TRUE + 0.7 * pulse).any()


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05])
def test_lonely_zeros_of_a_load_are_found_whatever_their_share(share: float) -> None:
    load = 6.0 + RNG.normal(0.0, 0.3, 864)
    where = RNG.random(864) < share
    where[[0, 1, 862, 863]] = False
    where[2:] &= ~(where[:-2] | where[1:-1])
    assert np.array_equal(outliers(LOAD, np.where(where, 0.0, load)), where)


def test_a_rack_that_is_down_for_an_hour_is_no_outlier_and_a_short_job_neither() -> None:
    load = 6.0 + RNG.normal(0.0, 0.1, 864)
    load[300:312], load[500:502] = 0.0, 11.0
    assert not outliers(LOAD, load).any()


def test_weather_that_steps_is_no_outlier_and_a_lonely_zero_is() -> None:
    air = 15.0 + np.where(np.arange(864) > 400, -8.0, 0.0) + RNG.normal(0.0, 0.2, 864)
    assert not outliers(DRY, air).any()
    air[600] = 0.0
    assert np.flatnonzero(outliers(DRY, air)).tolist() == [600]


def test_a_setpoint_beyond_its_usual_range_for_a_moment_is_an_outlier_and_for_hours_it_is_not() -> None:
    setpoint = np.repeat([20.0, 24.0, 10.0, 22.0], 100)
    setpoint[150] = 0.0
    assert np.flatnonzero(outliers(SETPOINT, setpoint, (13.5, 31.5))).tolist() == [150]


@pytest.mark.parametrize("gaps", [0.0, 0.05, 0.08, 0.3])
def test_gaps_do_not_hide_a_stuck_sensor(gaps: float) -> None:
    read = READ.copy()
    read[100:700] = 33.3
    read[RNG.random(864) < gaps] = np.nan
    hangs = np.isfinite(read) & (read == 33.3)
    assert np.array_equal(stuck_readings(RETURN, read, 300.0), hangs)


def test_a_coarse_sensor_that_repeats_itself_is_not_stuck() -> None:
    coarse = np.round(32.0 + 0.3 * np.sin(HOURS / 12.0) + RNG.normal(0.0, 0.02, 864), 0)
    fine = np.round(TRUE, 0)
    assert not stuck_readings(RETURN, fine, 300.0).any()
    assert np.unique(coarse).size == 1  # such a sensor says nothing, and is told as stuck
    assert stuck_readings(RETURN, coarse, 300.0).all()
