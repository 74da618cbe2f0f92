"""Each logged decision says why: parts that add up, the setpoint of the rule, and what the twin makes of both."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import Building

from agents.explain.decision import Explainer
from agents.live.log_explained import day_lines, decision_lines, explained_rows
from agents.live.replay import replayed
from agents.runtime.exported_policy import ExportedPolicy

Make = Callable[..., Building]


def parts_of(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{one['channel']}[{one['row']}]": one for one in json.loads(row["explained"])}


def test_the_parts_of_every_setpoint_add_up_to_what_the_policy_wants(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    for _ in range(4):
        row = b.cycle()
    told = parts_of(row)
    assert "tcs_supply_temp_setpoint_c[0]" in told
    for one in told.values():
        assert sum(adds for _, adds in one["parts"]) == pytest.approx(one["wanted"] - one["usual"], abs=2e-4)
        assert any(abs(adds) > 1e-6 for _, adds in one["parts"])


def test_what_is_explained_is_what_is_wanted_where_no_slew_binds(building: Make, bundle: Path) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    row = b.cycle()
    channels = b.loop.parts.decider.limits.channels
    near = 0
    for key, one in parts_of(row).items():
        c, in_force = channels[one["channel"]], row[f"measured.in_force.{key}"]
        free = min(max(one["wanted"], c.low), c.high)
        if abs(free - in_force) < 0.99 * min(c.slew_up, c.slew_down):
            assert row[f"wanted.{key}"] == pytest.approx(free, abs=1e-4 * (c.high - c.low))
            near += 1
    assert near


def test_the_log_says_what_the_rule_would_set_and_what_the_twin_makes_of_it(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    row = b.cycle()
    rules = [row[name] for name in row if name.startswith("rule.")]
    assert rules and all(math.isfinite(v) for v in rules)
    assert math.isfinite(row["more_kw"]) and math.isfinite(row["warmer_k"])
    assert abs(row["more_kw"]) < 100.0 and abs(row["warmer_k"]) < 5.0
    if row["because"]:
        assert "against the rule" in row["because"]
    (told,) = [e for e in b.told("info") if e["event"] == "cycle"]
    assert told["because"] == row["because"]


def test_the_rule_that_explains_is_the_rule_that_decides(bundle: Path, building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    policy = ExportedPolicy(bundle, watchful=True)
    explainer = Explainer(policy)
    for _ in range(5):
        seen: dict[str, list[float]] = {}
        for key, value in b.hall.values().items():
            seen.setdefault(key.name, []).append(value)
        wanted = policy.act({name: np.array(v) for name, v in seen.items()})
        explainer.explained(seen)
        for c in policy.ruled:  # what the rule alone holds is what it would set
            np.testing.assert_allclose(explainer.rule_setpoints[c.name], wanted[c.name], rtol=1e-6)
        b.clock.sleep(b.loop.cycle_s)


def test_a_fault_of_the_explanation_releases_nothing(building: Make) -> None:
    b = building("simulated")
    b.settled()
    b.loop.reasons.explainer.explained = lambda known: 1 / 0
    row = b.cycle()
    assert not row["fault"] and b.loop.held and row["explained"] == "[]"
    assert [e["event"] for e in b.told("warning")] == ["cannot explain"]


def test_explanations_change_no_decision(building: Make, bundle: Path) -> None:
    b = building("simulated")
    for _ in range(6):
        b.cycle()
    b.loop.end()
    found = replayed(Path(b.settings.folder), bundle)
    assert found.decisions == 6 and found.differences == []


def test_a_decision_and_a_day_are_explained_from_the_log_and_the_parts_still_add_up(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    for _ in range(60):
        b.cycle()
    rows = explained_rows(Path(b.settings.folder))
    lines = decision_lines(rows, 17, most=3)
    assert lines[0].startswith("cycle 17 of run") and "by the twin" in lines[2]
    begin = next(k for k, line in enumerate(lines) if line.startswith("tcs_supply_temp_setpoint_c[0]"))
    numbers = [float(line.split()[0]) for line in lines[begin + 1 : begin + 6]]
    wanted = float(lines[begin].split("wanted ")[1].split(",")[0])
    assert sum(numbers) == pytest.approx(wanted, abs=0.02)
    told = "\n".join(day_lines(rows))
    assert "60 decisions" in told and "kWh in all" in told and "the rule would have set" in told
    assert "as a tree, wanted less the rule's" in told
    with pytest.raises(ValueError, match="cycle = 99 of run any came to no decision; the log explains 1..60"):
        decision_lines(rows, 99)
    with pytest.raises(ValueError, match="is no date"):
        day_lines(rows, "yesterday")
    with pytest.raises(ValueError, match="has no decision"):
        day_lines(rows, "2001-01-01")
