"""The answers of a power plan: what fits, what caps cost, what a lost feeder does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from envs.equipment.breaker import Breaker
from envs.scenario import Scenario, load
from experiments.power_planning.answer import Planned, class_caps, feeder_curve, most_racks, planned_hall, tried
from experiments.power_planning.hall_feeders import hall_feeders
from experiments.power_planning.page import answer_words
from experiments.power_planning.protection import Protection, cut_kw, opened
from experiments.power_planning.sharing import by_value
from experiments.powerplan import powerplan
from scripts.oversubscription import FIGURES, Published, more_racks

SHORT = Planned(seeds=(1,), weeks=1, years=200)
CROSSED = """
feeders:
  ups a: {limit_kw: 800}
  ups b: {limit_kw: 800}
  ups c: {limit_kw: 800}
groups:
  r1: [ups a, ups b]
  r2_conv: [ups b, ups c]
  r2_code: [ups c, ups a]
  r3_shared: [ups b, ups c]
  r3_batch: [ups c, ups a]
  r4: [ups a, ups c]
"""


@cache
def scenario(ups_limit_kw: float = 1172.0) -> Scenario:
    return load("ai_hall_power_cap", ["episode.step_s=300", f"power.ups_limit_kw={ups_limit_kw}"])


def test_more_racks_fit_under_more_feeder_and_the_answer_keeps_what_is_asked() -> None:
    answers = []
    for limit in (1250.0, 1450.0):
        rows = most_racks(scenario(limit), replace(SHORT, groups=("r2_conv",)))
        fitting = [row.added for row in rows if row.fits(SHORT)]
        assert [row.added for row in rows if not row.fits(SHORT)] and max(fitting, default=0) < rows[-1].added
        answers.append(max(fitting, default=0))
    assert answers[0] < answers[1]


def test_at_a_quarter_more_demand_than_feeder_equal_value_does_more_work_than_tuned_water_filling() -> None:
    row = feeder_curve(scenario(), replace(SHORT, seeds=(1, 2)), [1.25])[0]
    assert row.gain > 0.02 and row.gain_low > 0.0
    assert row.done[1] < row.done[0] < row.done[2]


def test_where_demand_fits_nothing_is_lost() -> None:
    row = feeder_curve(scenario(), SHORT, [0.9])[0]
    assert row.done[0] == pytest.approx(1.0, abs=1e-4)


def test_no_feeder_carries_more_than_its_limit_after_the_protection_and_no_single_loss_trips() -> None:
    row, hall, found = tried(scenario(), SHORT, 4)
    load_kw = hall.feeders.outages.share[0] @ found.drawn_kw
    assert (load_kw <= hall.feeders.graph.limit_kw[:, None] + 1e-6).all()
    assert sum(fault.losses for fault in row.faults) > 200 and row.trips_per_year == 0.0


def test_two_units_that_are_needed_both_trip_the_survivor_where_nothing_reacts_and_not_where_the_cut_is_fast() -> None:
    tight = load("ai_hall", ["power.ups_units=2", "power.ups_unit_kw=700", "power.ups_limit_kw=1400"])
    fast = replace(SHORT, failover="react")
    slow = replace(fast, reaction_s=3600.0)
    assert tried(tight, fast, 0)[0].trips_per_year == 0.0
    assert tried(tight, slow, 0)[0].trips_per_year > 0.1


def test_a_reserve_lets_no_survivor_pass_its_limit_even_before_the_cut() -> None:
    tight = load("ai_hall", ["power.ups_units=3", "power.ups_unit_kw=500", "power.ups_limit_kw=1500"])
    reserve, react = (tried(tight, replace(SHORT, failover=how), 0)[0] for how in ("reserve", "react"))
    assert max(fault.before_frac for fault in reserve.faults) <= 1.0 < max(fault.before_frac for fault in react.faults)
    assert reserve.done_frac < react.done_frac


def test_a_tree_of_one_s_own_may_cross_and_keeps_every_survivor_within_its_limit(tmp_path: Path) -> None:
    pytest.importorskip("highspy", reason="needs the extra [planner]")
    path = tmp_path / "tree.yaml"
    path.write_text(CROSSED)
    asked = replace(SHORT, tree=path)
    hall = planned_hall(scenario(), asked, 0)
    assert hall.feeders.tree is None
    found = by_value(hall.watched, hall.feeders, hall.protection)
    survivors = np.einsum("znl,lt->znt", hall.feeders.outages.share, found.drawn_kw)
    assert (survivors <= 800.0).all() and found.done_frac.mean() > 0.9


def test_a_tree_of_one_s_own_stands_in_the_place_of_the_scenario_s_row_limits(tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    groups = "\n".join(f"  {name}: [utility]" for name in scenario().racks)
    path.write_text(f"feeders:\n  utility: {{limit_kw: 4000}}\ngroups:\n{groups}\n")
    row = tried(scenario(), replace(SHORT, tree=path, groups=("r3_shared",)), 40)[0]
    assert row.fits(SHORT)  # their row of the scenario has 280 kW, less than they draw at rest


def test_racks_that_pass_a_limit_at_rest_do_not_fit() -> None:
    row = tried(scenario(), replace(SHORT, groups=("r3_shared",)), 40)[0]
    assert not row.fits(SHORT) and row.trips_per_year > 0.0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("groups:", "group:", "line 6: key 'group' is unknown; choose one of: feeders, groups; did you mean 'groups'"),
        ("groups:", "minima: {r1: 5}\ngroups:", "line 6: key 'minima' is unknown"),
        ("{limit_kw: 800}", "{}", "line 3: limit_kw is missing; give a number in 0.001..1e+07"),
        ("limit_kw: 800", "limit_kw: true", "line 3: limit_kw = True is outside"),
        ("limit_kw: 800", "limit_kw: .inf", "line 3: limit_kw = inf is outside"),
        ("limit_kw: 800", "limit_kw: -1", "line 3: limit_kw = -1 is outside"),
        ("limit_kw: 800", "limit_kw: 800, colour: red", "line 3: key 'colour' is unknown"),
        ("limit_kw: 800", 'limit_kw: 800, may_fail: "false"', "line 3: may_fail = false; give true or false"),
        ("limit_kw: 800", "limit_kw: 800, feeds: [ups d]", "line 3: feeder 'ups d' is unknown"),
        (
            "limit_kw: 800",
            "limit_kw: 800, feeds: [ups a]",
            "line 3: feeders feed each other in a circle: ups a <- ups a; take one of these feeds away",
        ),
        (
            "  ups b: {limit_kw: 800}\n  ups c: {limit_kw: 800}",
            "  ups b: {limit_kw: 800, standby: [ups c]}\n  ups c: {limit_kw: 800, feeds: [ups a, ups b]}",
            "line 4: feeders feed each other in a circle: ups b <- ups c <- ups b;",
        ),
        ("r1: [ups a, ups b]", "r1: ups a", "line 7: r1 = ups a; give a list of texts"),
        ("r1: [ups a, ups b]", "r1: [ups a, ups a]", "line 7: r1 = ['ups a', 'ups a']; name each feeder once"),
        ("r2_conv:", "r2_con:", "line 8: rack group 'r2_con' is unknown"),
        ("  r2_conv: [ups b, ups c]\n", "", "line 6: groups ['r2_conv'] have no feeds"),
    ],
)
def test_a_tree_that_is_wrong_is_refused_by_file_line_value_and_mend(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text(CROSSED.replace(old, new, 1))
    demand = planned_hall(scenario(), SHORT, 0).demand
    with pytest.raises(ValueError) as refusal:
        hall_feeders(scenario(), demand, path, "reserve", 0.96)
    assert words in str(refusal.value) and str(path) in str(refusal.value)


def test_a_tree_with_a_circle_is_refused_before_any_load_is_made(tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text(CROSSED.replace("limit_kw: 800", "limit_kw: 800, feeds: [ups a]", 1))
    endless = replace(SHORT, tree=path, seeds=tuple(range(10_000)))  # their load would take days
    with pytest.raises(ValueError, match="line 3: feeders feed each other in a circle: ups a <- ups a"):
        powerplan(scenario(), endless, [])


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_a_ratio_at_which_no_curve_can_be_drawn_is_refused_before_anything_is_planned(ratio: float) -> None:
    with pytest.raises(ValueError, match="ratios: demand over feeder of .* is outside 0.1..10"):
        powerplan(scenario(), SHORT, [0.9, ratio])


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": (1, 1)},
        {"seeds": (-1,)},
        {"seeds": ()},
        {"years": 10**9},
        {"weeks": 0},
        {"losses_per_year": 1e12},
        {"trips_per_year": float("nan")},
    ],
)
def test_what_is_asked_out_of_range_is_refused_by_name(wrong: dict[str, object]) -> None:
    ((name, _),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} = .*; give"):
        replace(SHORT, **wrong)  # type: ignore[arg-type]


def test_the_protection_cuts_racks_on_a_full_feeder_alike_and_leaves_the_others() -> None:
    share = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    drawn, floor = np.array([[60.0], [60.0], [50.0]]), np.array([[20.0], [40.0], [10.0]])
    cut = cut_kw(Protection(10.0, 0.99, 0.95), share, drawn, floor, np.array([[100.0], [100.0]]))
    np.testing.assert_allclose(share @ cut, [[95.0], [50.0]])
    np.testing.assert_allclose((cut[:2] - floor[:2]) / (drawn[:2] - floor[:2]), 35.0 / 60.0)


def test_a_breaker_opens_in_the_time_that_its_law_gives() -> None:
    limit, settled = np.array([[100.0]]), np.array([[80.0]])
    over, cut = np.array([[135.0]]), np.array([[80.0]])  # PHYSICS F3: 1.35 times from 0.8 trips after 208 s
    assert opened(Breaker(), limit, settled, over, cut, 200.0) == 0
    assert opened(Breaker(), limit, settled, over, cut, 215.0) == 1


def test_caps_by_class_add_up_to_what_the_racks_draw() -> None:
    hall = planned_hall(scenario(), SHORT, 0)
    found = by_value(hall.watched, hall.feeders, hall.protection)
    rows = class_caps(hall, found)
    assert [row.kind for row in rows] == [w.kind for w in hall.demand.classes]
    assert all(0.0 < row.least <= row.usual <= 1.0 and row.limit_kw <= row.wanted_kw + 1e-9 for row in rows)
    capped = {row.kind: row.usual for row in rows}
    assert capped["prefill"] < capped["decode"]  # decode is a cliff below its draw


def test_a_plan_that_nothing_fits_says_by_how_much_and_what_is_full() -> None:
    asked = replace(SHORT, lost_frac=0.001)
    found = powerplan(scenario(1080.0), asked, tick=lambda words: None)
    words = answer_words(found, {"racks": 20, "asked": {"lost_frac": 0.001, "trips_per_year": 0.0}})
    assert found.most is None and "does not keep what is asked" in words and "ups output" in words


@pytest.mark.parametrize("key, value", [("lost_frac", 2.0), ("failover", "hope"), ("objective", "fame"), ("years", 0)])
def test_a_wrong_wish_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        planned_hall(scenario(), replace(SHORT, **{key: value}), 0)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.source} {f.mix}")
def test_published_oversubscription_is_met_in_sign_and_size(figure: Published) -> None:
    low, high = {"inference": (0.20, 0.45), "training": (0.0, 0.05), "mixed": (0.25, 0.80)}[figure.mix]
    assert low <= more_racks(figure) <= high
