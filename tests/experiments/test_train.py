from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from agents.encoding import agent_scenario, best_rules
from agents.learning.algorithms import ALGORITHMS, Algorithm, Learner
from agents.learning.model_file import load_model
from agents.policy import interface_data, interface_of
from agents.runtime.exported_policy import ExportedPolicy
from envs.core import DataCenterCore
from envs.scenario import load
from experiments.evaluate import evaluate
from experiments.evaluation.policies import learned_policies
from experiments.evaluation.results import save
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.export import export_run
from experiments.overrides import remembered
from experiments.records.tracking import NoTracker
from experiments.rollout import rollout
from experiments.schema import TrainingPlan, agent_config, learner_from
from experiments.train import resumed_learner, run_summary, train

QUARTER_HOURS = ["episode.step_s=900", "episode.substep_s=180"]
SAC = Learner("sac", 4, {"hidden": [8]})
PPO = Learner("ppo", 4, {"hidden": [8], "batch_size": 32})


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    seen: dict[str, float] = {}

    class Tracker(NoTracker):
        def log_metrics(self, values, step=0):
            seen.update(values)

    train(load("edge_room"), PPO, TrainingPlan(1200, seed=1, split="none", checkpoint_every=64), folder, Tracker())
    (folder / "seen.json").write_text(json.dumps(seen))
    return folder


@pytest.mark.parametrize("row", ALGORITHMS.values(), ids=list(ALGORITHMS))
def test_who_goes_on_learning_keeps_the_settings_of_its_run_but_for_those_typed(row: Algorithm) -> None:
    agent = OmegaConf.to_container(OmegaConf.structured(agent_config(row)))
    silent = resumed_learner(agent, ["seed=3", "total_steps=9"])
    assert silent == replace(learner_from(agent), settings={})
    typed = resumed_learner(agent | {"gamma": 0.9}, ["++agent.gamma=0.9", "agent.environments=8"])
    assert typed.settings == {"gamma": 0.9}


def test_a_run_leaves_a_model_a_card_and_checkpoints(run_folder: Path) -> None:
    card = json.loads((run_folder / "run.json").read_text())
    scenario = load("edge_room")
    core = DataCenterCore(agent_scenario(scenario, "residual", 0.15), 1, rules=best_rules(scenario))
    assert card["interface"] == json.loads(json.dumps(interface_data(core)))
    assert (card["settings"]["encoding"], card["settings"]["reach_frac"]) == ("residual", 0.15)
    assert {"git_hash", "versions", "config_hash"} <= set(card)
    assert (run_folder / "model.npz").exists()
    assert list((run_folder / "checkpoints").glob("step_*"))


def test_a_policy_on_top_of_its_rule_is_judged_on_the_scenario_as_it_is(run_folder: Path) -> None:
    core = DataCenterCore(load("edge_room"), 2)
    core.reset(seed=0)
    policy = learned_policies("mine", run_folder)["mine"](core)
    policy.reset(2)
    wanted = policy.act(core.measurements())
    core.step_setpoints(wanted)
    assert set(wanted) == {c.name for c in core.channels}


def test_an_absolute_run_acts_as_the_scenario_says(tmp_path: Path) -> None:
    learner = replace(PPO, encoding="absolute")
    train(load("edge_room"), learner, TrainingPlan(32, split="none"), tmp_path, NoTracker())
    card = json.loads((tmp_path / "run.json").read_text())
    assert card["interface"] == interface_of(DataCenterCore("edge_room", 1)).plain()


def test_a_run_does_not_go_on_on_another_rule(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.encoding.tuned_of", lambda scenario: None)
    plan = TrainingPlan(1600, seed=1, split="none", resume=str(run_folder))
    with pytest.raises(ValueError, match="another rule"):
        train(load("edge_room"), PPO, plan, tmp_path, NoTracker())


def test_every_reward_term_is_tracked_by_name(run_folder: Path) -> None:
    seen = json.loads((run_folder / "seen.json").read_text())
    core = DataCenterCore("edge_room", 1)
    core.reset(seed=0)
    terms = core.step(np.zeros((1, core.action_size), np.float32))[3]
    assert {f"terms/{name}" for name in terms} <= set(seen)
    assert seen["compute/environment_steps"] >= 1200


def test_a_run_is_resumed_from_its_folder(run_folder: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(1600, seed=1, split="none", resume=str(run_folder))
    cost = train(load("edge_room"), PPO, plan, tmp_path, NoTracker())
    assert 350 <= cost["environment_steps"] <= 450


def test_run_and_bundle_score_alike_and_the_card_says_what_was_found(run_folder: Path, tmp_path: Path) -> None:
    bundle = export_run(run_folder, tmp_path / "bundle")
    policies = {"rules": lambda core: core.rules, **learned_policies("run", run_folder)}
    policies |= learned_policies("bundle", bundle) | learned_policies("one model", run_folder / "model.npz")
    found = evaluate(policies, load("edge_room", QUARTER_HOURS), plan_episodes(load_split("test"), 2, 1))
    assert set(found.scores) == {"rules", "run", "run untrained", "bundle", "one model"}
    np.testing.assert_array_equal(found.scores["run"]["facility_kwh"], found.scores["one model"]["facility_kwh"])
    np.testing.assert_allclose(found.scores["run"]["facility_kwh"], found.scores["bundle"]["facility_kwh"], rtol=1e-4)
    folder = save(found, tmp_path / "evaluation", "rules")
    card = ExportedPolicy(export_run(run_folder, tmp_path / "again", folder, "run")).manifest
    assert card["evaluation_card"]["baseline"] == "rules"
    assert card["evaluation_card"]["totals"]["facility_kwh"] > 0.0
    assert card["interface"] == json.loads((run_folder / "run.json").read_text())["interface"]
    assert card["scenario_hash"] == load("edge_room").hash()


def test_a_rollout_of_a_bundle_is_that_of_its_run(run_folder: Path, tmp_path: Path) -> None:
    bundle = export_run(run_folder, tmp_path / "bundle")
    makers = learned_policies("run", run_folder), learned_policies("bundle", bundle)
    (episode,) = plan_episodes(load_split("test"), 1, 1)
    run, again = (rollout(m[n], load("edge_room", QUARTER_HOURS), episode) for m, n in zip(makers, ("run", "bundle")))
    for name in [column for column in run if column.startswith("in_force.")]:
        assert run[name].nunique() > 1 or "limit" in name or "battery" in name
        np.testing.assert_allclose(again[name], run[name], rtol=1e-5, atol=1e-5, err_msg=name)


def test_a_bundle_that_shares_a_feeder_is_refused_on_another_feeder(tmp_path: Path) -> None:
    shares = ["encodings.rack_power_limit_frac=feeder_share"]
    plan = TrainingPlan(32, split="none")
    learner = replace(PPO, encoding="absolute")
    train(load("edge_room", [*QUARTER_HOURS, *shares]), learner, plan, tmp_path, NoTracker())
    make = learned_policies("mine", export_run(tmp_path, tmp_path / "bundle"))["mine"]
    assert make(DataCenterCore("edge_room", 1, shares))
    with pytest.raises(ValueError, match="shares a feeder of .* kW over rows of .*this scenario has"):
        make(DataCenterCore("edge_room", 1, [*shares, "power.ups_limit_kw=90"]))


def test_a_run_whose_rule_shares_a_feeder_is_refused_on_another_feeder(run_folder: Path) -> None:
    make = learned_policies("mine", run_folder)["mine"]
    with pytest.raises(ValueError, match="shares a feeder of .* kW over rows of .*this scenario has"):
        make(DataCenterCore("edge_room", 1, ["power.ups_limit_kw=90"]))


@pytest.mark.slow
def test_a_sweep_makes_one_parent_run_with_a_child_per_job(tmp_path: Path) -> None:
    small = ["agent.environments=2", "agent.hidden=[8]", "total_steps=16", "split=none", "progress=false"]
    command = [sys.executable, "-m", "experiments.train", "-m", "seed=0,1", "scenario=edge_room", *small]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=tmp_path, check=True, env=quiet, capture_output=True)
    from experiments.records.tracking import open_store

    client, experiment = open_store(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}", "coldaisle")
    runs = client.search_runs([experiment])
    parents = {r.data.tags.get("mlflow.parentRunId") for r in runs}
    assert len(runs) == 3
    assert len(parents - {None}) == 1
    assert all(r.info.status == "FINISHED" for r in runs)


def test_fewer_steps_than_a_rollout_are_refused_with_the_least_that_works(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"total_steps = 10 is less than one rollout of 32 steps \(4 environments x 8\)"
    ):
        train(load("edge_room", QUARTER_HOURS), PPO, TrainingPlan(10, split="none"), tmp_path, NoTracker())
    with pytest.raises(ValueError, match=r"one rollout of 4 steps \(4 environments x 1\); give at least 4"):
        train(load("edge_room", QUARTER_HOURS), SAC, TrainingPlan(3, split="none"), tmp_path, NoTracker())


@pytest.mark.parametrize("steps", [5000, 64])
def test_a_run_that_would_end_before_its_first_update_is_refused_and_leaves_no_card(steps: int, tmp_path: Path) -> None:
    plan = TrainingPlan(steps, split="none")
    with pytest.raises(
        ValueError, match=f"total_steps = {steps}: nothing is learnt in the first agent.learning_starts"
    ):
        train(load("edge_room", QUARTER_HOURS), SAC, plan, tmp_path, NoTracker())
    assert not (tmp_path / "run.json").exists()


def test_a_run_one_step_longer_than_its_start_makes_an_update(tmp_path: Path) -> None:
    settings = {"hidden": [8], "learning_starts": 32, "batch_size": 16, "buffer_size": 500}
    train(
        load("edge_room", QUARTER_HOURS),
        Learner("sac", 4, settings),
        TrainingPlan(33, split="none"),
        tmp_path,
        NoTracker(),
    )
    assert load_model("sac", tmp_path / "model.npz")._n_updates > 0


def test_a_run_in_which_no_episode_ended_says_so_and_not_nan(tmp_path: Path) -> None:
    cost = train(load("edge_room", QUARTER_HOURS), PPO, TrainingPlan(32, split="none"), tmp_path, NoTracker())
    said = run_summary(cost, tmp_path, load("edge_room", ["episode.steps=288"]), 4)
    assert "no episode ended in 32 steps: 4 environments need 1152" in said and "nan" not in said


def test_a_run_s_numbers_stand_as_a_table_in_its_folder(run_folder: Path) -> None:
    rows = list(csv.DictReader((run_folder / "metrics.csv").open(newline="")))
    assert {"terms/energy", "train/learning_rate"} <= {row["name"] for row in rows}
    seen = json.loads((run_folder / "seen.json").read_text())
    last = {row["name"]: float(row["value"]) for row in rows}
    assert last == pytest.approx({name: seen[name] for name in last})
    assert [int(row["step"]) for row in rows] == sorted(int(row["step"]) for row in rows)


def test_a_run_that_goes_on_adds_to_its_table(tmp_path: Path) -> None:
    for total, resume in ((32, ""), (64, str(tmp_path))):
        plan = TrainingPlan(total, split="none", checkpoint_every=32, resume=resume)
        train(load("edge_room"), PPO, plan, tmp_path, NoTracker())
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open(newline="")))
    assert {int(row["step"]) for row in rows} == {32, 64}


def test_event_files_are_written_or_refused_with_the_mend(tmp_path: Path) -> None:
    plan = TrainingPlan(32, split="none", tensorboard=True)
    if find_spec("tensorboard"):
        train(load("edge_room"), PPO, plan, tmp_path, NoTracker())
        assert list((tmp_path / "tensorboard").glob("events.out.*"))
        return
    with pytest.raises(ValueError, match=r"pip install 'coldaisle\[tensorboard\]'"):
        train(load("edge_room"), PPO, plan, tmp_path, NoTracker())


def test_a_run_says_which_sites_it_plays_and_the_next_step_states_the_split_that_is_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hall = tmp_path / "my_hall.yaml"
    hall.write_text("base: edge_room\nname: my_hall\nepisode: {steps: 4}\n")
    caplog.set_level("INFO")
    for scenario, split, words, stated in (
        (load("edge_room"), "none", "the scenario's own sites and seeds: sterling_va; weather seeds [0]", "split=none"),
        (load("edge_room"), "", "split train, not the scenario's own sites: ", ""),
        (load(str(hall)), "train", "split train, not the scenario's own sites: ", "split=test"),
    ):
        cost = train(scenario, PPO, TrainingPlan(32, split=split), tmp_path / f"run {stated}", NoTracker())
        assert words in caplog.text
        said = run_summary(cost, Path("runs/x"), scenario, 4, split or "train")
        assert said.endswith(f"next: coldaisle evaluate policies.mine=runs/x {stated}".rstrip() + "\n")
    with pytest.raises(ValueError, match="scenario 'my_hall' is no shipped one.*split=none"):
        train(load(str(hall)), PPO, TrainingPlan(32), tmp_path / "refused", NoTracker())


def stated(verb: str, *words: str) -> dict[str, str]:
    """What a verb's command line says after the run's card has had its word."""
    given = [f"coldaisle {verb}", *words]
    return dict(word.partition("=")[::2] for word in [*given, *remembered(given)] if "=" in word)


def test_the_scenario_of_a_policy_comes_from_its_run_or_its_bundle_and_what_is_typed_counts_more(
    run_folder: Path, tmp_path: Path
) -> None:
    bundle, far = export_run(run_folder, tmp_path / "bundle"), tmp_path / "far"
    own = str(run_folder / "scenario.yaml")
    for words in (f"policies.mine={run_folder}", f"policies.best={run_folder / 'model.npz'}"):
        assert stated("evaluate", words)["scenario"] == own
        assert stated("evaluate", words, "scenario=ai_hall")["scenario"] == "ai_hall"
    assert stated("rollout", f"policy={run_folder}")["scenario"] == own
    assert stated("rollout", f"policy={Path(shutil.copytree(bundle, far))}")["scenario"] == "edge_room"
    assert stated("train", f"resume={run_folder}")["seed"] == "1"
    shielded = Path(shutil.copytree(run_folder, tmp_path / "shielded"))
    card = json.loads((shielded / "run.json").read_text())
    card["settings"]["shield"] = True
    (shielded / "run.json").write_text(json.dumps(card))
    assert stated("train", f"resume={shielded}")["shield"] == "True"
    assert stated("train", f"resume={shielded}", "shield=false")["shield"] == "false"
    assert "scenario" not in stated("rollout", "policy=rules")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("scenario=liquid_hall",),
        ("scenario=edge_room", "scenario.agent_channels=[crah_fan_speed_frac]", "split=none"),
    ],
)
def test_the_printed_next_steps_work_for_every_scenario(words: tuple[str, ...], tmp_path: Path) -> None:
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}

    def done(*line: str) -> str:
        command = [sys.executable, "-m", "experiments.cli", *line]
        out = subprocess.run(command, cwd=tmp_path, env=quiet, check=True, capture_output=True, text=True)
        return out.stdout

    small = ("agent.environments=2", "agent.hidden=[8]", "total_steps=16", "progress=false", "hydra.run.dir=a run")
    said = done("train", *words, *small)
    following = shlex.split(said.split("next: coldaisle ", 1)[1])
    said = done(*following, "episodes=1", "days=1", "hydra.run.dir=evaluation")
    report = re.search(r"^report: (.*)$", said, re.M)
    assert report is not None and Path(report[1]).is_file()
    done(*shlex.split(said.split("next: coldaisle ", 1)[1]))
    assert ExportedPolicy(tmp_path / "a run" / "bundle").manifest["evaluation_card"]["policy"] == "mine"
    from experiments.records.tracking import open_store

    client, experiment = open_store(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}", "coldaisle")
    for run in client.search_runs([experiment]):
        kept = run.data.params
        if "total_steps" in kept:
            assert {word.partition("=")[0] for word in (*words, *small) if not word.startswith("hydra")} <= set(kept)
        else:
            assert kept["episodes"] == "1" and kept["policies.mine"].endswith("a run")


def test_another_seed_than_that_of_the_resumed_run_is_refused(run_folder: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(1600, seed=5, split="none", resume=str(run_folder))
    with pytest.raises(ValueError, match="seed = 5: the run of .* goes on with its seed; give seed=1"):
        train(load("edge_room"), PPO, plan, tmp_path, NoTracker())


def test_the_card_of_a_resumed_run_says_what_the_model_has(run_folder: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(1400, seed=1, split="none", resume=str(run_folder))
    changed = Learner("ppo", 4, {"gamma": 0.5, "learning_rate": 1e-6})
    train(load("edge_room"), changed, plan, tmp_path, NoTracker())
    before, after = (json.loads((f / "run.json").read_text())["settings"] for f in (run_folder, tmp_path))
    assert after == {**before, "gamma": 0.5, "learning_rate": 1e-6}
    assert load_model("ppo", tmp_path / "model.npz").gamma == 0.5


def test_the_name_of_a_reference_is_refused_for_a_policy(run_folder: Path) -> None:
    with pytest.raises(ValueError, match="'rules_tuned' is the name of a reference; choose another"):
        learned_policies("rules_tuned", run_folder)


def test_a_demo_removes_its_own_run_and_nobody_else_s(run_folder: Path, tmp_path: Path) -> None:
    from experiments.demo import demo

    theirs = Path(shutil.copytree(run_folder, tmp_path / "run"))
    with pytest.raises(ValueError, match="holds a run already; give another folder"):
        demo(tmp_path, training_s=0.0)
    assert (theirs / "model.npz").exists() and (theirs / "checkpoints").exists()


def test_a_run_of_an_older_version_is_refused_with_the_mend(run_folder: Path, tmp_path: Path) -> None:
    card = json.loads((run_folder / "run.json").read_text())
    del card["interface"]
    shutil.copytree(run_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="no interface.*train it again"):
        export_run(tmp_path, tmp_path / "bundle")
