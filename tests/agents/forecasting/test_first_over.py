from __future__ import annotations

import numpy as np
import pytest

from agents.forecasting import first_over as engine
from agents.forecasting.engine import Forecaster
from agents.forecasting.first_over import FirstOver, crah_failure, first_crossing, first_over, first_over_each
from envs.scenario import Scenario
from envs.twin.telemetry.telemetry import Telemetry
from experiments.forecasting.failures import agreement, true_crossings
from experiments.forecasting.halls import Halls
from experiments.forecasting.judge import Judging


def test_the_first_crossing_stands_between_two_steps() -> None:
    inlets = np.array([[25.0, 30.0], [31.0, 30.0], [33.0, 30.0]])[:, :, None]
    found = first_crossing(inlets, 15.0, 32.0)
    assert found.rack.tolist() == [0]
    assert found.after_s[0] == 22.5
    assert np.isinf(found.by_rack_s[1, 0])
    assert found.over_s[:, 0].tolist() == [15.0, 0.0]


def test_none_is_said_where_no_rack_goes_over() -> None:
    found = first_crossing(np.full((5, 3, 2), 25.0), 15.0, 32.0)
    assert found.rack.tolist() == [-1, -1]
    assert np.isinf(found.after_s).all()


def test_without_any_failure_nothing_goes_over_and_without_any_unit_all_does(
    forecaster: Forecaster, halls: Halls, small: Scenario
) -> None:
    past: Telemetry = halls.telemetry.hall(0)
    quiet = first_over(forecaster, past, [], hours=0.5)
    broken = first_over(forecaster, past, crah_failure(0, small.zones["room"].crah_units), hours=0.5)
    assert quiet.rack[0] == -1
    assert np.isfinite(broken.by_rack_s).all()
    assert broken.after_s[0] < 600.0


def test_the_answer_agrees_with_what_happens_in_the_hall(forecaster: Forecaster, halls: Halls) -> None:
    row = halls.moments[0].row
    how = Judging(train_days=(row - 40) // 144 - 7, blocks=1, failures=1, failure_h=0.5)
    true = true_crossings(halls, how)[(0, "all")]
    history = halls.telemetry.part(0, row + 1)
    past = history.hall(0)
    said = first_over(forecaster, past, crah_failure(0, 3.0), hours=0.5)
    found = agreement(true._replace(**{n: getattr(true, n)[..., :1] for n in true._fields}), [said], how.limit_c)
    assert (found.crossings, found.foreseen) == (1, 1)
    assert found.median_error_s < 60.0


def test_failures_played_side_by_side_are_those_played_alone(forecaster: Forecaster, halls: Halls) -> None:
    past = halls.telemetry.hall(0)
    failures = [crah_failure(0, 1.0), crah_failure(0, 3.0)]
    together = first_over_each(forecaster, past, failures, hours=0.25)
    for found, failure in zip(together, failures):
        alone = first_over(forecaster, past, failure, hours=0.25)
        assert np.allclose(found.highest_c, alone.highest_c, atol=2e-3)
        assert np.allclose(found.by_rack_s, alone.by_rack_s, atol=0.1)


def test_halving_the_step_hardly_moves_the_highest_inlet_under_the_alarm(
    forecaster: Forecaster, halls: Halls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def highest_c(step_s: float) -> float:
        monkeypatch.setattr(engine, "FINE_S", step_s)
        return float(first_over(forecaster, halls.telemetry.hall(1), crah_failure(0, 1.0), hours=0.2).highest_c.max())

    ours, finer, coarse = highest_c(engine.FINE_S), highest_c(1.0), highest_c(15.0)
    assert abs(ours - finer) < 0.2
    assert abs(coarse - finer) > 0.3  # the inlet alarm answers a step late: the air goes on warming


def test_the_chance_is_one_half_at_the_limit_and_rises_with_the_highest_inlet() -> None:
    highest_c = np.array([[31.0, 32.0, 33.5]])
    chance = FirstOver(highest_c[0], highest_c[0], highest_c, highest_c, highest_c).chance(32.0)
    assert np.isclose(chance[1], 0.5)
    assert chance[0] < 0.1 < 0.9 < chance[2]
