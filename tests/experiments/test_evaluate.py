from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.planners.cem import Budget
from agents.policy import LearnedPolicy, interface_of
from agents.references import ORACLE
from envs.core import DataCenterCore
from envs.interface.reward import TERM_NAMES
from envs.scenario import load
from experiments.demo import check
from experiments.evaluate import Evaluation, evaluate, score_and_trace, with_bounds
from experiments.evaluation.bounds import bound_rows
from experiments.evaluation.episodes import explicit_plan, first_day, scenario_of_episodes
from experiments.evaluation.policies import reference_policies
from experiments.evaluation.results import save
from experiments.evaluation.score import MEASURES
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.report import write_report

pytestmark = pytest.mark.usefixtures("compiled_engine")  # the engine that users have

QUARTER_HOURS = ["episode.step_s=900", "episode.substep_s=180"]


@pytest.fixture(scope="module")
def found() -> Evaluation:
    """Every reference policy, and the rules a second time, on three days of the smallest scenario."""
    scenario = load("edge_room", QUARTER_HOURS)
    again = {"rules": lambda core: core.rules, "rules again": lambda core: core.rules}
    return evaluate({**reference_policies(scenario), **again}, scenario, plan_episodes(load_split("test"), 3, 1))


def test_a_policy_that_plays_twice_gets_the_same_score(found: Evaluation) -> None:
    for column, values in found.scores["rules"].items():
        np.testing.assert_array_equal(values, found.scores["rules again"][column])


def test_every_policy_meets_the_same_weather_and_the_same_demand(found: Evaluation) -> None:
    for name, table in found.scores.items():
        np.testing.assert_allclose(table["work_demanded_h"], found.scores["rules"]["work_demanded_h"], err_msg=name)
        ours, theirs = (found.traces[n]["outside/price_usd_mwh"] for n in (name, "rules"))
        np.testing.assert_array_equal(ours, theirs)


def test_policies_that_act_differently_score_differently(found: Evaluation) -> None:
    assert not np.allclose(found.scores["random"]["cooling_kwh"], found.scores["rules"]["cooling_kwh"], rtol=1e-3)


def test_every_measure_is_finite_and_the_energy_balance_closes(found: Evaluation) -> None:
    check(found)
    assert all(m.column in found.scores["rules"] for m in MEASURES)


def test_an_open_energy_balance_fails_the_demonstration(found: Evaluation) -> None:
    leaky = {k: dict(v) for k, v in found.scores.items()}
    leaky["rules"]["energy_residual_frac"] = np.array([0.0, 0.1, 0.0])
    with pytest.raises(RuntimeError, match="energy balance"):
        check(found._replace(scores=leaky))


def test_energy_of_the_scores_is_the_sum_that_the_environment_keeps() -> None:
    core = DataCenterCore("edge_room", 2)
    core.reset(seed=3)
    table, _ = score_and_trace(core, core.rules, 20)
    kept = core.episode_statistics()
    np.testing.assert_allclose(table["facility_kwh"], kept["facility_power_kwh"], rtol=1e-6)
    np.testing.assert_allclose(table["work_done_h"], kept["work_done_h"], rtol=1e-6)
    np.testing.assert_allclose(table["water_l"], kept["makeup_kg"], rtol=1e-6)


def test_a_learned_policy_as_a_controller_acts_as_the_box_does() -> None:
    trails = []
    for through_controller in (True, False):
        core = DataCenterCore("ai_hall", 3)
        observation = core.reset(seed=5)
        policy = LearnedPolicy(acted, interface_of(core))
        for _ in range(6):
            if through_controller:
                observation = core.step_setpoints(policy.act(core.measurements()))[0]
            else:
                observation = core.step(acted(observation))[0]
        trails.append(observation)
    np.testing.assert_allclose(*trails, atol=1e-6)


def acted(observation: np.ndarray) -> np.ndarray:
    return np.tanh(observation[:, :13] * 3.0).astype(np.float32)


def test_episodes_begin_in_their_month_at_midnight_and_end_in_it() -> None:
    episodes = plan_episodes(load_split("test"))
    scenario = scenario_of_episodes(load("edge_room"), episodes)
    starts = [first_day(e, i) for i, e in enumerate(episodes)]
    ends = np.cumsum([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    for episode, start in zip(episodes, starts):
        assert ends[episode.month - 1] - start >= episode.days
        assert start >= ([0, *ends])[episode.month - 1]
    assert scenario.episode.steps == 7 * 288


def test_an_explicit_plan_names_each_site_and_seed() -> None:
    episodes = plan_episodes(load_split("validation"), 4, 1)
    site = scenario_of_episodes(load("edge_room"), episodes)
    core = DataCenterCore(site, 4)
    plan = explicit_plan(site, core.world, episodes)
    seeds = len(site.site.weather_seeds)
    assert [site.site.climates[i // seeds] for i in plan.site] == [e.site for e in episodes]
    assert [site.site.weather_seeds[i % seeds] for i in plan.site] == [e.weather_seed for e in episodes]
    assert (plan.site_start % 288 == 0).all()


def test_what_an_agent_is_paid_for_is_its_reward_with_its_sign_turned() -> None:
    scenario = load("edge_room", QUARTER_HOURS)
    episodes = plan_episodes(load_split("test"), 3, 1)
    site = scenario_of_episodes(scenario, episodes)
    core = DataCenterCore(site, 3)
    core.reset(seed=0, plan=explicit_plan(site, core.world, episodes))
    table, _ = score_and_trace(core, core.rules, site.episode.steps)
    sums = core.episode_statistics()
    np.testing.assert_allclose(table["cost_usd_day"], -sums["r"] * site.reward.scale_usd, rtol=1e-5)
    for name in TERM_NAMES:
        np.testing.assert_allclose(table[f"cost_{name}_usd_day"], sums[f"cost_{name}_usd"], rtol=1e-6, atol=1e-9)


def test_bounds_add_an_oracle_that_costs_no_more_than_the_best_and_a_floor_that_nobody_passes() -> None:
    scenario = load("edge_room", QUARTER_HOURS)
    policies = {name: make for name, make in reference_policies(scenario).items() if name != "random"}
    found = evaluate(policies, scenario, plan_episodes(load_split("test"), 2, 1))
    bounded = with_bounds(found, policies, scenario, "rules_tuned", Budget(12, 4, 4), plays=5, seed=0)
    rows = {row.name: row for row in bound_rows(bounded, "rules_tuned")}
    kept = [r.cost_usd_day for r in rows.values() if np.isfinite(r.gap_closed_frac)]
    assert rows[ORACLE].cost_usd_day == min(kept) and rows[ORACLE].gap_closed_frac == 1.0
    assert min(r.energy_over_floor_frac for r in rows.values()) == rows["energy floor"].energy_over_floor_frac == 0.0
    assert bounded.facts["bounds"]["candidates"] == 48 and bounded.facts["bounds"]["plays"] == 5
    assert set(bounded.scores) == {*policies, ORACLE}


def test_the_report_of_a_real_evaluation_is_written(found: Evaluation, tmp_path: Path) -> None:
    page = write_report(save(found, tmp_path, "rules")).read_text()
    assert "edge_room" in page
    assert len(page) < 3_000_000


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["channel_ranges.chw_supply_temp_setpoint_c=[8,15]"], "other channels.*chw_supply_temp_setpoint_c: low is 8"),
        (["agent_channels=[crah_fan_speed_frac]"], "other channels.*only here: supply_air_temp_setpoint_c"),
        (["forecast=true"], "other points.*only there: forecast_wet_bulb_1h_c"),
    ],
)
def test_a_run_of_another_channel_table_is_refused_with_what_differs(
    overrides: list[str], words: str, tmp_path: Path
) -> None:
    from experiments.evaluation.policies import learned_policies

    theirs = interface_of(DataCenterCore("edge_room", 1, overrides)).plain()
    (tmp_path / "run.json").write_text(json.dumps({"algorithm": "ppo", "interface": theirs}))
    (tmp_path / "model.npz").touch()  # refused before it is read
    made: Any = learned_policies("mine", tmp_path)["mine"]
    with pytest.raises(ValueError, match=words):
        made(DataCenterCore("edge_room", 1))


def test_a_better_sentence_in_a_table_makes_no_other_policy() -> None:
    from experiments.evaluation.policies import require_same_box

    ours = interface_of(DataCenterCore("edge_room", 1)).plain()
    theirs = json.loads(json.dumps(ours))
    theirs["points"][0]["meaning"] = "said otherwise"
    require_same_box(Path("run"), theirs, ours)
    theirs["points"][0]["high"] += 1.0
    with pytest.raises(ValueError, match="zone_inlet_max_c: high is 46.0 there and 45.0 here"):
        require_same_box(Path("run"), theirs, ours)
