from __future__ import annotations

import numpy as np
import pytest

from envs.twin.screening.clocks import Lag, clock_findings, pair_lags
from envs.twin.screening.place import Naming
from envs.twin.telemetry.lag import around_their_mean, best_lag
from envs.twin.telemetry.synthetic import synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry
from tests.envs.twin.conftest import Hall

RNG = np.random.default_rng(6)
WALK = np.cumsum(RNG.normal(0.0, 1.0, (400, 3)), axis=0)


def late(rows: int, noise: float = 0.0) -> np.ndarray:
    x = np.full_like(WALK, np.nan)
    x[max(rows, 0) : 400 + min(rows, 0)] = WALK[max(-rows, 0) : 400 - max(rows, 0)]
    return x + RNG.normal(0.0, noise, WALK.shape)


@pytest.mark.parametrize("rows", [-12, -4, 4, 12, 24])
def test_a_lag_is_found_to_the_step_in_stretches_side_by_side(rows: int) -> None:
    found = best_lag(around_their_mean(late(rows, 0.5), 48), around_their_mean(WALK, 48), 300.0)
    assert found is not None and found[0] == 300.0 * rows and found[1] > 0.8


@pytest.mark.parametrize("rows", [0, 1, -1])
def test_a_step_more_or_less_is_no_lag(rows: int) -> None:
    assert best_lag(around_their_mean(late(rows), 48), around_their_mean(WALK, 48), 300.0) is None


def test_noise_beside_noise_has_no_lag() -> None:
    assert best_lag(RNG.normal(size=(400, 3)), RNG.normal(size=(400, 3)), 300.0) is None


@pytest.fixture
def clean(hall: Hall) -> Telemetry:
    return synthetic_telemetry(hall.truth, 0, hall.scenario.sensors, 1, gaps_frac=0.0)


def lag(name: str, seconds: float) -> Lag:
    return Lag(name, (0,), seconds, 0.9, 0.1)


def test_an_answer_before_its_cause_means_that_the_cause_is_late(clean: Telemetry) -> None:
    said, points = clock_findings([lag("ups_power_kw", -3600.0), lag("facility_power_kw", -3600.0)], Naming(clean))
    assert [f.point for f in said] == ["rack_power_kw[0] and 7 more"] and not points
    assert said[0].in_use and "shift_s: -3600" in said[0].mend


def test_one_early_answer_alone_is_the_clock_of_its_own_point(clean: Telemetry) -> None:
    said, points = clock_findings([lag("ups_power_kw", -3600.0)], Naming(clean))
    assert points == {("ups_power_kw", 0)} and not said[0].in_use and "shift_s: 3600" in said[0].mend


def test_a_late_fan_command_is_told_from_a_late_feedback(clean: Telemetry) -> None:
    def lags(name: str) -> dict[str, float]:
        x = np.roll(clean.values[name], 12, axis=0)
        return {lag.name: lag.seconds for lag in pair_lags(clean.with_values({**clean.values, name: x}))}

    assert lags("crah_fan_speed_frac") == {"zone_fan_speed_frac": -3600.0, "crah_fan_power_kw": -3600.0}
    assert lags("zone_fan_speed_frac") == {"zone_fan_speed_frac": 3600.0}
