"""An agent on top of the building's rule: its zero is the rule, its reach is bounded, its rule travels with it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agents.encoding import agent_scenario, best_rules
from agents.planners.tuned import load_tuned
from agents.planners.tuning import rules_from
from agents.policy import interface_data, policy_from_data
from agents.references import reference_controllers
from envs.controllers.base import CombinedController, Controller
from envs.controllers.plain_rule import plain_rule, rule_from
from envs.core import DataCenterCore
from envs.interface.points import RULE
from envs.play import play
from envs.scenario import SHIPPED, load

SHORT = ("site.workload_weeks=1", "episode.steps=9")
REACH, SITES, STEPS = 0.15, 4, 14

TUNED = [name for name in SHIPPED if load_tuned(name) is not None]


def zeros(core: DataCenterCore) -> np.ndarray:
    return np.zeros((core.num_envs, core.action_size), np.float32)


def residual_core(name: str, num_envs: int = SITES) -> DataCenterCore:
    scenario = load(name, SHORT)
    return DataCenterCore(agent_scenario(scenario, "residual", REACH), num_envs, rules=best_rules(scenario))


def ruled(core: DataCenterCore) -> Controller:
    """The tuned rules of every channel."""
    found = load_tuned(core.scenario.name)
    assert found is not None
    return rules_from(core, {**found.rules, "caps": found.caps})


@pytest.mark.parametrize("name", TUNED)
def test_zero_is_the_tuned_rule_to_the_bit(name: str) -> None:
    agent = residual_core(name)
    plain = DataCenterCore(load(name, SHORT), SITES, world=agent.world)
    agent.reset(seed=5)
    plain.reset(seed=5)
    rule = ruled(agent)
    for _ in play(plain, rule, plain.max_episode_steps):
        agent.step(zeros(agent))
        for channel, value in plain.in_force.items():
            np.testing.assert_array_equal(agent.in_force[channel], value, err_msg=channel)


def test_a_feedforward_rule_follows_the_weather_and_answers_no_inlet() -> None:
    scenario = load("ai_hall", SHORT)
    rules = best_rules(scenario, "feedforward")
    core = DataCenterCore(agent_scenario(scenario, "feedforward", REACH), SITES, rules=rules)
    core.reset(seed=5)
    for _ in range(4):
        core.step(zeros(core))
    hot = {name: x + 15.0 if "inlet" in name else x for name, x in core.measured.items()}
    frost = {**core.measured, "wet_bulb_c": core.measured["wet_bulb_c"] * 0.0 - 9.0}
    held, same, moved = (core.followed.act(seen) for seen in (core.measured, hot, frost))
    for channel in ("crah_fan_speed_frac", "supply_air_temp_setpoint_c"):
        np.testing.assert_array_equal(held[channel], same[channel], err_msg=channel)
    assert not np.array_equal(held["tcs_supply_temp_setpoint_c"], moved["tcs_supply_temp_setpoint_c"])


@pytest.mark.parametrize("name", TUNED)
def test_an_untrained_policy_with_zero_output_is_the_tuned_rule_on_a_site_that_knows_no_rule(name: str) -> None:
    agent = residual_core(name)
    core = DataCenterCore(load(name, SHORT), SITES, world=agent.world)
    core.reset(seed=5)
    data = json.loads(json.dumps(interface_data(agent)))
    policy = policy_from_data(lambda seen: np.zeros((len(seen), agent.action_size), np.float32), data, core.step_s)
    policy.reset(SITES)
    rule = ruled(agent)
    channels = {c.name: c for c in core.channels}
    for step in play(core, policy, core.max_episode_steps):
        expected = rule.act(step.measured)
        for channel, value in step.wanted.items():
            held = channels[channel]
            np.testing.assert_allclose(value, np.clip(expected[channel], held.low, held.high), rtol=1e-6)


def test_an_episode_that_begins_anew_leaves_the_rule_of_the_others_alone() -> None:
    alone, beside = residual_core("ai_hall"), residual_core("ai_hall")
    alone.reset(seed=5)
    beside.reset(seed=5)
    for step in range(STEPS):
        alone.step(zeros(alone))
        beside.step(zeros(beside))
        if step % 2:
            beside.reset(mask=np.array([False, True, False, False]))
        for name in (n for n in alone.measured if n.startswith(RULE)):
            np.testing.assert_array_equal(beside.measured[name][:, [0, 2, 3]], alone.measured[name][:, [0, 2, 3]])


def test_the_observation_carries_what_the_rule_would_set() -> None:
    core = residual_core("ai_hall")
    observation = core.reset(seed=5)
    at = core.observation_names.index(f"{RULE}tcs_supply_temp_setpoint_c")
    c = core.plant.layout.channels["tcs_supply_temp_setpoint_c"]
    seen = c.low + 0.5 * (observation[:, at] + 1.0) * (c.high - c.low)
    told = np.clip(core.measured[f"{RULE}tcs_supply_temp_setpoint_c"][0], c.low, c.high)
    np.testing.assert_allclose(seen, told, rtol=1e-5)


@pytest.mark.parametrize("action", [-1.0, 1.0])
def test_the_agent_reaches_no_further_from_the_rule_than_its_reach(action: float) -> None:
    core = residual_core("ai_hall")
    core.reset(seed=5)
    rule = {c.name: np.clip(core.measured[RULE + c.name], c.low, c.high) for c in core.agent_channels}
    whole = np.full((SITES, core.action_size), action, np.float32)
    targets = core.decoder.decode(
        whole, core.in_force, core.measured["wet_bulb_c"][0], core.measured["row_demand_share"], core.step_s, rule
    )
    for c in core.agent_channels:
        np.testing.assert_allclose(targets[c.name] - rule[c.name], action * REACH * (c.high - c.low), rtol=1e-4)


def test_an_agent_that_moves_heat_leaves_power_limits_to_the_building() -> None:
    held = agent_scenario(load("ai_hall"), "residual", REACH).agent_channels
    assert "rack_power_limit_frac" not in held and "crah_fan_speed_frac" in held
    assert agent_scenario(load("ai_hall"), "joint", REACH).agent_channels == load("ai_hall").agent_channels
    capped = load("ai_hall_power_cap")
    assert agent_scenario(capped, "residual", REACH).agent_channels == capped.agent_channels


def test_an_agent_of_a_hall_with_jobs_keeps_them_beside_the_heat() -> None:
    found = agent_scenario(load("ai_factory"), "residual", REACH)
    assert found.agent_channels == load("ai_factory").agent_channels
    assert {"class_power_limit_frac", "place_row_weight", "crah_fan_speed_frac"} <= set(found.encodings)


def test_absolute_leaves_the_scenario_as_it_is_and_delta_moves_every_channel() -> None:
    scenario = load("ai_hall")
    assert agent_scenario(scenario, "absolute", REACH) is scenario
    assert set(agent_scenario(scenario, "delta", REACH).encodings.values()) == {"delta"}


@pytest.mark.parametrize(
    ("encoding", "reach", "words"), [("residul", 0.1, "residual"), ("residual", 0.0, "reach_frac")]
)
def test_an_unknown_encoding_and_a_reach_of_nothing_are_refused(encoding: str, reach: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        agent_scenario(load("ai_hall"), encoding, reach)


@pytest.mark.parametrize("name", TUNED)
def test_a_rule_survives_the_way_through_json(name: str) -> None:
    core = DataCenterCore(load(name, SHORT), SITES)
    core.reset(seed=5)
    rule = reference_controllers(core.scenario)["rules_tuned"](core)
    assert isinstance(rule, CombinedController)
    again = rule_from(json.loads(json.dumps(plain_rule(rule))))
    for step in play(core, rule, core.max_episode_steps):
        for channel, value in again.act(step.measured).items():
            np.testing.assert_array_equal(value, step.wanted[channel], err_msg=channel)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"loop": "fan_pid"}, "fan_pi"),
        ({"loop": "fan_pi", "step_s": 300.0, "outdoor": {}}, "constants"),
        ({"loop": "fan_pi", "constants": {"setpoint_c": 400.0}, "step_s": 300.0, "outdoor": {}}, "setpoint_c"),
        ({"loop": "fan_pi", "constants": {"gain": 1.0}, "step_s": 300.0, "outdoor": {}}, "damaged"),
    ],
)
def test_a_damaged_rule_is_refused_by_name(part: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rule_from([part])
