"""Judgement of curtailments: what counts as held, as a rebound, and as work that is behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.scenario import load
from experiments.curtail import curtail
from experiments.curtailing.judgement import Judged, judged, natural_rebound
from experiments.curtailing.page import answer_words, way_row
from experiments.curtailing.trial import BEFORE_S, DAY_S, STEP_S, Asked, Trial, load_target, minute_scenario
from experiments.evaluation.bootstrap import Interval

EVENTS = 3
BEFORE, AFTER = round(BEFORE_S / STEP_S), round(DAY_S / STEP_S)
ASKED = Asked(reduce_frac=0.25, hours=1.0)


def trial(inside: float = 750.0, behind: float = 1000.0, done: float = 100.0, tier_0: float = 1.0) -> Trial:
    grid_kw = np.full((BEFORE + AFTER, EVENTS), behind)
    grid_kw[:BEFORE], grid_kw[BEFORE : BEFORE + 60] = 1000.0, inside
    could = np.full((4, EVENTS), 10.0)
    did = could * np.array([tier_0, 0.9, 0.8, 0.5])[:, None]
    return Trial(grid_kw, np.full(EVENTS, done), np.zeros(EVENTS), could, did, np.zeros(EVENTS))


FREE = Trial(
    np.full((BEFORE + AFTER, EVENTS), 1000.0), np.full(EVENTS, 100.0), np.zeros(EVENTS), np.ones((4, EVENTS)),
    np.ones((4, EVENTS)), np.zeros(EVENTS),
)  # fmt: skip


def facts(events: int) -> dict[str, Any]:
    return {"asked": {"reduce_frac": 0.25, "hours": 1.0}, "events": events}


def judge(**changes: float) -> Judged:
    return judged(trial(**changes), FREE, ASKED)


def test_a_quarter_less_all_the_time_and_nothing_behind_keeps_every_bar() -> None:
    found = judge()
    assert all(found.bars().values()) and found.mean_depth == pytest.approx(0.25)
    assert found.tiers == pytest.approx((1.0, 0.9, 0.8, 0.5))


def test_a_bar_that_the_interval_crosses_is_not_told_and_few_events_are_no_result() -> None:
    found = judge()._replace(behind=Interval(0.002, -0.019, 0.0223))
    assert found.bars()["work after a day"] is None
    few, many = (answer_words({"tiers": found}, facts(events)) for events in (6, 20))
    assert "keeps every bar that is told; not told: work after a day" in few
    assert few.endswith("Not a result: 6 of 20 events.") and "esult" not in many
    kept, missed = (found._replace(behind=Interval(x, x - 0.002, x + 0.002)).bars() for x in (0.005, 0.015))
    assert kept["work after a day"] is True and missed["work after a day"] is False


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"inside": 775.0}, {"held", "ramp"}),
        ({"inside": 725.0}, {"held"}),
        ({"tier_0": 0.98}, {"tier 0"}),
        ({"done": 98.5}, {"work after a day"}),
        ({"behind": 1025.0}, {"rebound"}),
    ],
)
def test_each_bar_fails_alone_where_its_own_figure_does(changes: dict[str, float], missed: set[str]) -> None:
    found = judge(**changes)
    assert {name for name, met in found.bars().items() if not met} == missed
    assert found.under == (0.0 if "ramp" in missed else 1.0)
    words = answer_words({"tiers": found}, facts(EVENTS))
    assert all(name in words for name in missed) and way_row("tiers", found)["way"] == "tiers"


def test_power_that_rises_by_itself_behind_the_hour_is_told() -> None:
    risen = FREE.grid_kw.copy()
    risen[BEFORE + 60 :, 0] = 1050.0
    assert natural_rebound(FREE._replace(grid_kw=risen), ASKED) == pytest.approx(1.0 / EVENTS)
    assert natural_rebound(FREE, ASKED) == 0.0


def test_the_target_is_taken_off_the_last_quarter_of_an_hour() -> None:
    power = np.concatenate([np.full((45, 2), 1200.0), np.full((15, 2), 1000.0)])
    target = load_target(power, ASKED)
    np.testing.assert_allclose(target.power_kw, 750.0)
    np.testing.assert_allclose(target.ceiling_kw, 1200.0)


@pytest.mark.parametrize(
    ("key", "value"), [("reduce_frac", 0.0), ("hours", 13.0), ("ramp_s", -1.0), ("least_load_frac", 1.0)]
)
def test_an_event_that_nobody_asks_is_refused(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{key} = "):
        replace(ASKED, **{key: value})


def test_a_hall_without_jobs_and_an_unknown_way_are_refused() -> None:
    with pytest.raises(ValueError, match="has no jobs to curtail"):
        minute_scenario(load("edge_room"))
    with pytest.raises(ValueError, match="did you mean 'caps'"):
        curtail(load("ai_factory"), ASKED, ["cap"], 1)
    with pytest.raises(ValueError, match="events = 0"):
        curtail(load("ai_factory"), ASKED, ["caps"], 0)


@pytest.mark.slow
def test_limits_by_tier_hold_a_quarter_less_for_an_hour_and_touch_no_tier_0() -> None:
    scenario = load("ai_factory", ["jobs.rigid_frac=0.5", "site.workload_weeks=2"])
    found = curtail(scenario, Asked(hours=1.0), ["tiers", "caps"], 8).found
    assert found["tiers"].held == 1.0 and found["tiers"].bars()["tier 0"]
    assert found["caps"].tiers[0] < found["tiers"].tiers[0]
