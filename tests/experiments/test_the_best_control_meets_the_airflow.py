"""The best controls supply the air that the racks draw, with no gate that asks for it: a warm top costs them more."""

from __future__ import annotations

import pytest

from agents.references import RULES_TUNED
from envs.scenario import load
from experiments.evaluate import evaluate
from experiments.evaluation.policies import reference_policies
from experiments.evaluation.splits import load_split, plan_episodes

LEAST_SUPPLY = 0.95  # over what the racks draw


@pytest.mark.parametrize("name", ["legacy_air", "edge_room", "ai_hall"])
@pytest.mark.quick_for("legacy_air", "edge_room")
def test_the_best_control_supplies_the_air_that_racks_draw(name: str) -> None:
    scenario = load(name)
    makers = reference_policies(scenario)
    chosen = {who: makers[who] for who in (RULES_TUNED, "best_constant")}
    found = evaluate(chosen, scenario, plan_episodes(load_split("validation"), 4, 1))
    for who, scores in found.scores.items():
        supplied, over = scores["air_supply_frac"], scores["degree_minutes_worst_rack"]
        assert supplied.min() > LEAST_SUPPLY, (who, supplied)
        assert over.max() < 30.0, (who, over)
