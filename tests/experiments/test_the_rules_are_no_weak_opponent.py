"""PROTOCOL 5: on sites that no search has seen, no setpoint that never moves is cheaper than the tuned rules."""

from __future__ import annotations

import pytest

from agents.references import RULES_TUNED, reference_controllers
from envs.scenario import load
from experiments.evaluate import evaluate
from experiments.evaluation.splits import load_split, plan_episodes

CONSTANTS = ("best_constant", "tuned_fixed")
HALLS = ["ai_hall", "legacy_air", "liquid_hall", "edge_room", pytest.param("ai_hall_power_cap", marks=pytest.mark.slow)]
EPISODES = 24  # of one day, on the validation split


@pytest.mark.parametrize("name", HALLS)
@pytest.mark.quick_for("ai_hall", "legacy_air")
def test_no_constant_beats_the_tuned_rules_on_validation(name: str) -> None:
    scenario = load(name)
    made = reference_controllers(scenario)
    policies = {policy: made[policy] for policy in (RULES_TUNED, *CONSTANTS)}
    found = evaluate(policies, scenario, plan_episodes(load_split("validation"), EPISODES, 1))
    cost = {policy: float(table["cost_usd_day"].mean()) for policy, table in found.scores.items()}
    assert cost[RULES_TUNED] <= min(cost[policy] for policy in CONSTANTS), cost
