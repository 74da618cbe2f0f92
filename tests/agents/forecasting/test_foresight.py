"""Which rack is first over the limit if a unit fails now: what is said of a hall, and what happens in it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.forecasting.engine import Forecaster
from agents.forecasting.first_over import FirstOver
from agents.forecasting.lags import lookback_steps
from envs.scenario import Scenario, load
from experiments.forecasting.failures import true_crossings
from experiments.forecasting.foresight import (
    GUESSED,
    KNOWN,
    Whose,
    case_of,
    crossing_of,
    held,
    held_foresight,
    true_hall,
)
from experiments.forecasting.halls import HallDraw, Halls
from experiments.forecasting.judge import Judging
from experiments.forecasting.own_hall import Asked, Failure, failures
from scripts.lost_unit import FOLDER, stored, summaries, verdict

NEVER, WHOSE = math.inf, Whose("hall", GUESSED, 0, 4)
COARSE = ["episode.step_s=1200", "episode.substep_s=300", "site.workload_weeks=4"]


def happened(after_s: list[float], highest_c: float) -> FirstOver:
    by_rack = np.array(after_s)[:, None]
    first = by_rack.min(axis=0)
    rack = np.where(np.isfinite(first), by_rack.argmin(axis=0), -1)
    return FirstOver(rack, first, by_rack, np.full_like(by_rack, highest_c), np.zeros_like(by_rack))


def test_an_answer_on_which_the_plants_agree_is_held_against_rack_and_time() -> None:
    told = Failure("a", 1.0, (55.0, 60.0, 70.0), (34.0, 33.5, 33.0), (2, 0, 1), 0.15)
    found = held(WHOSE, told, happened([90.0, 40.0, 45.0], 35.0))
    assert (found.said, found.said_after_s, found.true_after_s, found.true_rack) == ("over", 60.0, 40.0, 1)
    assert found.named_late_s == 5.0, "rack 2 goes over 5 s after rack 1"
    none = held(WHOSE, told._replace(after_s=(NEVER, NEVER, NEVER), racks=()), happened([NEVER] * 3, 30.0))
    assert (none.said, none.true_rack) == ("none", -1) and math.isnan(none.named_late_s)


def test_an_answer_on_which_the_plants_differ_counts_as_not_foreseen() -> None:
    told = Failure("a", 1.0, (40.0, NEVER, NEVER), (38.0, 31.0, 27.0), (), 0.15)
    assert held(WHOSE, told, happened([40.0], 38.0)).said == "not foreseen"


def test_units_that_fail_in_the_hall_itself_bear_out_what_was_said(
    forecaster: Forecaster, halls: Halls, small: Scenario
) -> None:
    row, asked = halls.moments[0].row, Asked(match=False, failure_h=0.1)
    past = halls.telemetry.hall(0).part(row + 1 - lookback_steps(halls.telemetry.step_s), row + 1).own_copy()
    told = failures(forecaster, past, asked, {})
    true = true_crossings(halls, Judging(failures=1, failure_h=asked.failure_h, limit_c=asked.limit_c))
    found = [held(WHOSE, f, crossing_of(true[case_of(f, small)], 0)) for f in told]
    assert [f.units for f in found] == [1.0, 3.0]
    one, every = found
    assert every.said == "over" and abs(every.said_after_s - every.true_after_s) < 5.0
    assert one.said == "not foreseen" or (one.said == "over") == math.isfinite(one.true_after_s)


def test_a_hall_known_as_it_is_has_the_parameters_that_were_drawn_for_it(halls: Halls, small: Scenario) -> None:
    own = true_hall(small, halls, 1)
    flow = halls.parameters["zones.room.unit_flow_m3_s"]
    assert own.zones["room"].unit_flow_m3_s == flow[1] != flow[0]
    (name, group) = next(iter(own.racks.items()))
    assert group.overrides["airflow_m3_s_kw"] == halls.parameters[f"racks.{name}.airflow_m3_s_kw"][1]


@pytest.mark.slow
def test_on_the_log_of_a_building_the_foresight_says_no_crossing_away() -> None:
    halls = HallDraw(halls=2, days=15, spread=0.2, seed=0)
    found = held_foresight(
        load("edge_room", COARSE), halls, Asked(failure_h=0.25), (GUESSED, KNOWN), lambda words: None
    )
    assert len(found) == 8
    assert all(f.said != "none" or math.isinf(f.true_after_s) for f in found)
    assert all(f.said == "over" and math.isfinite(f.true_after_s) for f in found if f.units == 3.0)


def test_the_stored_answers_say_no_crossing_away_and_the_page_says_what_they_say() -> None:
    rows = stored(FOLDER)
    assert {row.scenario for row in rows} >= {"ai_hall", "edge_room"}
    assert not [row for row in rows if row.said == "none" and math.isfinite(row.true_after_s)]
    assert {(row.said, math.isfinite(row.true_after_s)) for row in rows if row.units > 1.0} == {("over", True)}
    page = " ".join((FOLDER / "lost_unit.md").read_text(encoding="utf-8").split())
    assert verdict(rows) in page
    assert verdict(rows).startswith(
        "**Of 4 answers after one lost unit where a rack went over (2 crossings), 1 foresaw"
    )
    assert '3 read "not foreseen" and 0 said that none' in verdict(rows), "the crossings stand first"
    assert all(f"| {' | '.join(line)} |" in page for line in summaries(rows))
