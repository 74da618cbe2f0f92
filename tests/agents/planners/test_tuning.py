from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.encoding import best_rules
from agents.planners import tuned as tuned_file
from agents.planners.cem import Budget
from agents.planners.trial import CandidateTrials, gated_cost, limits_of
from agents.planners.tuned import TunedRules, load_tuned, plant_hash, save_tuned, tuned_of
from agents.planners.tuning import RuleBox, changed_constants, find_rules, rules_from, with_rules
from agents.references import reference_controllers
from envs.scenario import SHIPPED, Scenario, load
from experiments.campaigns.policy_hash import policy_hash

BenchOf = Callable[[str], CandidateTrials]


@pytest.fixture
def bench(bench_of: BenchOf) -> CandidateTrials:
    return bench_of("edge_room")


def test_constants_survive_the_way_through_the_box(bench: CandidateTrials) -> None:
    box = RuleBox(bench.single.plant.layout)
    inside = box.decode(np.full(len(box.knobs), 0.3))
    rules = with_rules(bench.scenario, inside).rules
    assert box.decode(box.encode(rules)) == pytest.approx(inside)


def test_a_frozen_line_over_the_weather_stays_in_the_range_of_its_channel(bench_of: BenchOf) -> None:
    box = RuleBox(bench_of("ai_hall").single.plant.layout)
    ranges = {k.key: (k.low, k.high) for k in box.knobs}
    for corner in (0.0, 0.05, 0.95, 1.0):
        found = box.frozen_constants(np.full(len(box.knobs), corner))
        for held, added in (("fws_setpoint_c", "outdoor.fws_k"), ("tcs_setpoint_c", "outdoor.tcs_k")):
            low, high = ranges[held]
            assert low - 1e-9 <= found[held] + found[added] <= high + 1e-9


def test_plant_without_a_tower_has_no_knob_for_one(bench: CandidateTrials) -> None:
    keys = {k.key for k in RuleBox(bench.single.plant.layout).knobs}
    assert "fan.setpoint_c" in keys
    assert not any(k.startswith(("condenser", "tcs", "fws")) for k in keys)


@pytest.mark.parametrize("name", ["edge_room", "ai_hall"])
def test_constants_per_environment_act_as_each_would_alone(bench_of: BenchOf, name: str) -> None:
    bench = bench_of(name)
    box = RuleBox(bench.single.plant.layout)
    points = np.random.default_rng(1).uniform(0.1, 0.9, (2, len(box.knobs))).astype(np.float32)
    bounds = {**dict.fromkeys(limits_of(bench.columns_of(lambda core: rules_from(core, {}))), 1e9), "work_done_h": 0.0}
    together = bench.cost(lambda core, x: rules_from(core, box.decode(x)), bounds)(points)
    alone = [
        float(bench.columns_of(lambda core, p=p: rules_from(core, box.decode(p))).cost_usd_day()[0]) for p in points
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-3)


def test_tuned_rules_are_never_worse_than_as_given(bench: CandidateTrials) -> None:
    given = bench.columns_of(lambda core: rules_from(core, {}))
    bounds = limits_of(given)
    values = find_rules(bench, bounds, Budget(population=8, elites=3, iterations=3), seed=0)
    tuned = bench.columns_of(lambda core: rules_from(core, values))
    assert gated_cost(tuned, bounds)[0] <= gated_cost(given, bounds)[0] * (1.0 + 1e-6)


def test_what_moved_is_written_down(bench: CandidateTrials) -> None:
    assert changed_constants(bench.scenario.rules, {"fan.setpoint_c": 24.0}) == {"fan.setpoint_c": [25.5, 24.0]}


@pytest.mark.parametrize("name", [name for name in SHIPPED if load_tuned(name) is not None])
def test_the_stored_constants_are_of_the_plant_that_is_shipped(name: str) -> None:
    """A parameter that is new and not in use must not change a hash: `Scenario.hashed_parts`."""
    found = load_tuned(name)
    assert found is not None and found.plant_hash == plant_hash(load(name))


def test_other_signals_leave_the_plant_hash_and_another_coil_changes_it() -> None:
    scenario = load("edge_room")
    assert plant_hash(load("edge_room", ["episode.steps=7", "site.workload_seeds=[5]"])) == plant_hash(scenario)
    assert plant_hash(load("edge_room", ["zones.room.coil_ua_kw_k=4"])) != plant_hash(scenario)


@pytest.mark.parametrize("change", ["jobs.rule=edf", "jobs.starts=4", "jobs.preempt=true", "jobs.curtail=tiers"])
def test_another_scheduling_rule_is_no_other_plant_and_is_named(change: str) -> None:
    other = load("ai_factory", [change])
    assert plant_hash(other) == plant_hash(load("ai_factory")) and other.hash() != load("ai_factory").hash()
    with pytest.warns(UserWarning) as told:
        tuned_of(other)
    key, value = change.split("=")
    (message,) = [str(one.message) for one in told]
    assert (
        "other scheduling" in message
        and key in message
        and f"(here {value.title() if value == 'true' else value})" in message
    )
    assert "another plant" not in message


def test_the_rule_as_shipped_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    assert tuned_of(load("ai_factory", ["jobs.rule=slurm_block"])) is not None and not recwarn.list


@pytest.mark.parametrize("change", ["jobs.occupancy=0.5", "jobs.slots=128", "jobs.out_gb_s=25"])
def test_other_jobs_and_another_network_are_another_plant(change: str) -> None:
    with pytest.warns(UserWarning, match="another plant"):
        tuned_of(load("ai_factory", [change]))


def test_frozen_result_reads_back_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = TunedRules(
        "edge_room", "abc", "a command", {"seed": 0}, {"fan.setpoint_c": 24.5}, {"x": 1.0}, {"action": [0.5]}
    )
    save_tuned(written, tmp_path / "tuned" / "edge_room.yaml")
    monkeypatch.setattr(tuned_file, "files", lambda package: tmp_path)
    assert load_tuned("edge_room") == written
    assert load_tuned("nowhere") is None


def test_a_copied_file_that_keeps_a_shipped_name_is_told_that_its_plant_is_another(tmp_path: Path) -> None:
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text("base: edge_room\nepisode: {steps: 7}\n")
    other.write_text("base: edge_room\nzones: {room: {coil_ua_kw_k: 4}}\n")
    copied, words = load(str(other)), "edge_room were found on another plant.*a name of its own"
    for taken in (tuned_of, best_rules, lambda s: policy_hash("rules_tuned", "", s), reference_controllers):
        with pytest.warns(UserWarning, match=words):
            taken(copied)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            taken(load(str(same)))


def shipped_results() -> list[TunedRules]:
    names = ("ai_hall", "ai_hall_power_cap", "legacy_air", "liquid_hall", "edge_room")
    return [t for t in map(load_tuned, names) if t is not None]


@pytest.mark.parametrize("frozen", shipped_results(), ids=lambda t: t.scenario)
def test_frozen_constants_are_accepted_by_their_scenario_and_say_how_they_were_found(frozen: TunedRules) -> None:
    scenario: Scenario = with_rules(load(frozen.scenario), frozen.rules)
    assert replace(scenario).rules != load(frozen.scenario).rules
    assert frozen.command.startswith("python -m scripts.tune_rules")
    assert {"split", "split_sha256", "seed", "candidates_per_search"} <= set(frozen.found_on)
