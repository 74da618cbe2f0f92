"""A campaign gives the same bits whoever runs it, loses one shard to a killed worker, and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from envs.scenario import load
from experiments.campaign import require_all, run_campaign
from experiments.campaigns.executors import EXECUTORS, Executor, InProcess, Joblib, Outcome, Ray, Submitit
from experiments.campaigns.plan import shards_of
from experiments.campaigns.plan_file import read_plan
from experiments.campaigns.shard import ROWS, SHARD_CARD, SHARDS, Shard, run_shard, shard_from
from experiments.overrides import with_first_named

ROOT = Path(__file__).parents[3]
QUARTER_HOURS = ["episode.step_s=900", "episode.substep_s=180", "site.workload_weeks=1"]
PLAN = {
    "name": "small",
    "entries": [
        {
            "name": "rules",
            "scenarios": ["edge_room"],
            "variants": {"nominal": {"set": QUARTER_HOURS}},
            "policies": {"rules_tuned": "reference"},
            "split": "validation",
            "episodes": 3,
            "days": 1,
            "episodes_per_shard": 2,
        }
    ],
}


def plan_file(place: Path, content: object = None) -> Path:
    path = place / "plan.yaml"
    path.write_text(yaml.safe_dump(content or PLAN))
    return path


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Shard]:
    return shards_of(read_plan(plan_file(tmp_path_factory.mktemp("plan"))))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, shards: list[Shard]) -> Path:
    """The campaign as one process runs it."""
    place = tmp_path_factory.mktemp("alone")
    assert run_campaign(place, shards, InProcess()) == []
    return place


def rows_bytes(campaign: Path, shards: Sequence[Shard]) -> list[bytes]:
    return [(shard.folder(campaign) / ROWS).read_bytes() for shard in shards]


# ---- the plan -------------------------------------------------------------------------------------------------------


def test_a_plan_gives_the_same_shards_and_ids_every_time(tmp_path: Path, shards: list[Shard]) -> None:
    again = shards_of(read_plan(plan_file(tmp_path)))
    assert again == shards and [s.id for s in again] == [s.id for s in shards]
    assert len({s.id for s in shards}) == len(shards) == 2
    assert sorted(e.number for s in shards for e in s.episodes) == [0, 1, 2]


def test_a_shard_survives_json(shards: list[Shard]) -> None:
    for shard in shards:
        again = shard_from(json.loads(json.dumps(shard.plain())))
        assert again == shard and again.id == shard.id


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"episodes": 4},
        {"split": "test"},
        {"variants": {"nominal": {"set": [*QUARTER_HOURS, "sensors.temperature_bias_k=1.0"]}}},
    ],
)
def test_another_task_has_another_id(change: dict[str, object], tmp_path: Path, shards: list[Shard]) -> None:
    content = {"name": "small", "entries": [{**PLAN["entries"][0], **change}]}  # type: ignore[dict-item,index]
    other = shards_of(read_plan(plan_file(tmp_path, content)))
    first, *_ = (s.id for s in other)
    assert first not in {s.id for s in shards}


def test_the_same_policy_at_another_place_is_the_same_task(tmp_path: Path, shards: list[Shard]) -> None:
    from dataclasses import replace

    assert replace(shards[0], path=str(tmp_path)).id == shards[0].id
    assert replace(shards[0], policy_hash="another").id != shards[0].id


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"name": "x"}, "line 1: entries is missing"),
        ({"entries": [{"name": "a", "scenario": "edge_room"}]}, "did you mean 'scenarios'"),
        ({"entries": [{"name": "a", "scenarios": ["edge_room"]}]}, "policies is missing"),
        ({"entries": [{**PLAN["entries"][0], "policies": {"mine": "nowhere"}}]}, "neither a run nor a bundle"),  # type: ignore[dict-item,index]
        ({"entries": [{**PLAN["entries"][0], "policies": {"rule": "reference"}}]}, "no reference of that name"),  # type: ignore[dict-item,index]
        ({"entries": [PLAN["entries"][0]] * 2}, "two entries have one name"),  # type: ignore[index]
    ],
)
def test_a_wrong_plan_is_refused_with_its_mend(content: object, words: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        shards_of(read_plan(plan_file(tmp_path, content)))


WHOLE = """\
name: small
entries:
  - name: rules
    scenarios: [edge_room]
    policies: {rules_tuned: reference}
    variants:
      cold: {needs: tower, scale: {zones.*.coil_ua_kw_k: 0.8}, set: [sensors.temperature_bias_k=1]}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: small", "name: ../../../escape", "line 1: name = '../../../escape'; give letters"),
        ("name: small", "name: /etc/escape", "line 1: name = '/etc/escape'"),
        ("name: small", "names: small", "line 1: key 'names' is unknown; choose one of: entries, name; did you mean"),
        (WHOLE[WHOLE.index("\n  - name") :], " 5\n", "line 2: entries = 5; give a list of entries"),
        ("- name: rules\n", "- name: a|b\n", "line 3: name = 'a|b'"),
        ("[edge_room]", "edge_room", "line 4: scenarios = edge_room; give a list of texts"),
        ("{rules_tuned: reference}", "[rules_tuned]", "line 5: policies = ['rules_tuned']; give names and values"),
        ("{rules_tuned: reference}", "{rules_tuned: {}}", "line 5: rules_tuned = {}; give a text"),
        ("    variants:", "    episodes: two\n    variants:", "line 6: episodes = two is outside 0..100000"),
        ("    variants:", "    episodes: -3\n    variants:", "line 6: episodes = -3 is outside"),
        ("    variants:", "    episodes: 1000000000\n    variants:", "line 6: episodes = 1000000000 is outside"),
        ("    variants:", "    days: .nan\n    variants:", "line 6: days = nan is outside 0..366"),
        ("    variants:", "    days: 1000000\n    variants:", "line 6: days = 1000000 is outside"),
        ("    variants:", "    seed: abc\n    variants:", "line 6: seed = abc is outside"),
        ("    variants:", "    split: tets\n    variants:", "line 6: split 'tets' is unknown"),
        ("    variants:", "    episodes_per_shard: 1.5\n    variants:", "line 6: episodes_per_shard = 1.5 is outside"),
        (WHOLE[WHOLE.index("\n      cold") :], " [a, b]\n", "line 6: variants = ['a', 'b']; give names and values"),
        ("needs: tower", "needs: towr", "line 7: machine 'towr' is unknown"),
        ("needs: tower", "need: tower", "line 7: key 'need' is unknown"),
        ("0.8", '"0.8"', "line 7: zones.*.coil_ua_kw_k = 0.8 is outside 0.001..1000; give a number"),
        ("0.8", ".nan", "line 7: zones.*.coil_ua_kw_k = nan is outside"),
        ("zones.*.coil_ua_kw_k", "tower.cell_fn_kw", "did you mean 'cell_fan_kw'"),
        (
            "[sensors.temperature_bias_k=1]",
            '"sensors.temperature_bias_k=1"',
            "line 7: set = sensors.temperature_bias_k=1",
        ),
    ],
)
def test_a_plan_s_fault_is_refused_by_file_line_value_and_mend(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(WHOLE)
    assert read_plan(path).entries[0].variants["cold"].scale == {"zones.*.coil_ua_kw_k": 0.8}
    path.write_text(WHOLE.replace(old, new, 1))
    with pytest.raises(ValueError) as refusal:
        read_plan(path)
    assert words in str(refusal.value) and f"{path}, line" in str(refusal.value)


def test_a_plant_that_cannot_be_is_refused_by_file_entry_and_variant(tmp_path: Path) -> None:
    content = {"entries": [{**PLAN["entries"][0], "variants": {"hot": {"scale": {"zones.hall.coil_ua_kw_k": 2.0}}}}]}  # type: ignore[dict-item,index]
    path = plan_file(tmp_path, content)
    with pytest.raises(ValueError, match=re.escape(f"{path}, entry 'rules': variant 'hot' of edge_room")):
        shards_of(read_plan(path))


def test_two_halls_of_one_name_are_refused_instead_of_merged(tmp_path: Path) -> None:
    from envs.scenario.reading import FOLDER

    text = FOLDER.joinpath("edge_room.yaml").read_text(encoding="utf-8")
    halls = [tmp_path / "a" / "hall.yaml", tmp_path / "b" / "hall.yaml"]
    for hall, name in zip(halls, ("edge_room", "edge_room")):
        hall.parent.mkdir()
        hall.write_text(text)
        assert load(str(hall)).name == name
    content = {"entries": [{**PLAN["entries"][0], "scenarios": [str(hall) for hall in halls]}]}  # type: ignore[dict-item,index]
    with pytest.raises(ValueError, match="both have name: edge_room.*give each hall once, and a name of its own"):
        shards_of(read_plan(plan_file(tmp_path, content)))


def test_the_plan_may_stand_first_on_the_command_line() -> None:
    assert with_first_named(["plan.yaml", "workers=2"], "plan") == ["plan=plan.yaml", "workers=2"]
    assert with_first_named(["plan=plan.yaml"], "plan") == ["plan=plan.yaml"]
    assert with_first_named(["--help"], "plan") == ["--help"]


# ---- the same bits, whoever runs it ---------------------------------------------------------------------------------


def test_a_shard_has_the_scores_of_an_evaluation(alone: Path, shards: list[Shard]) -> None:
    import pandas as pd

    from experiments.evaluate import evaluate
    from experiments.evaluation.policies import reference_policies
    from experiments.evaluation.splits import load_split, plan_episodes

    scenario = load("edge_room", QUARTER_HOURS)
    policies = {"rules_tuned": reference_policies(scenario)["rules_tuned"]}
    found = evaluate(policies, scenario, plan_episodes(load_split("validation"), 3, 1)).scores["rules_tuned"]
    mine = [pd.read_parquet(s.folder(alone) / ROWS) for s in shards]
    rows = pd.concat(mine).sort_values("episode")
    for column in ("cost_usd_day", "facility_kwh", "degree_minutes_worst_rack", "actuator_travel"):
        np.testing.assert_allclose(rows[column], found[column], rtol=1e-4, atol=1e-3, err_msg=column)


@pytest.mark.slow
@pytest.mark.parametrize("executor", [Joblib(1), Joblib(2)])
def test_one_or_two_workers_give_the_same_bits(
    executor: Executor, alone: Path, shards: list[Shard], tmp_path: Path
) -> None:
    assert run_campaign(tmp_path, shards, executor) == []
    assert rows_bytes(tmp_path, shards) == rows_bytes(alone, shards)


@pytest.mark.slow
def test_submitit_s_local_processes_give_the_same_bits(alone: Path, shards: list[Shard], tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs the extra [campaign]")
    assert run_campaign(tmp_path, shards, Submitit(2, "local", {"timeout_min": 5})) == []
    assert rows_bytes(tmp_path, shards) == rows_bytes(alone, shards)


@pytest.mark.slow
def test_slurm_gets_one_array_and_gives_the_same_bits(
    alone: Path, shards: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit", reason="needs the extra [campaign]")
    from fake_slurm import install

    for name, value in install(tmp_path / "bin").items():
        monkeypatch.setenv(name, value)
    assert run_campaign(tmp_path, shards, Submitit(2, "slurm", {"timeout_min": 5})) == []
    (script,) = (tmp_path / "bin" / "submitted").read_text().split()
    assert "--array=0-1%2" in Path(script).read_text()
    assert rows_bytes(tmp_path, shards) == rows_bytes(alone, shards)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra [ray]")
def test_ray_gives_the_same_bits(alone: Path, shards: list[Shard], tmp_path: Path) -> None:
    assert run_campaign(tmp_path, shards, Ray(2)) == []
    assert rows_bytes(tmp_path, shards) == rows_bytes(alone, shards)


# ---- whole or not at all --------------------------------------------------------------------------------------------


class Counting:
    """An executor that notes what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def outcomes(self, campaign: Path, shards: Sequence[Shard]) -> list[Outcome]:
        self.given += [shard.id for shard in shards]
        return list(InProcess().outcomes(campaign, shards))


def test_a_campaign_goes_on_with_what_is_missing(alone: Path, shards: list[Shard], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(alone / SHARDS, tmp_path / SHARDS)
    shutil.rmtree(shards[1].folder(tmp_path))
    counting = Counting()
    assert run_campaign(tmp_path, shards, counting) == []  # type: ignore[arg-type]
    assert counting.given == [shards[1].id]
    assert rows_bytes(tmp_path, shards) == rows_bytes(alone, shards)


def test_a_shard_that_fails_leaves_nothing_and_the_others_go_on(shards: list[Shard], tmp_path: Path) -> None:
    from dataclasses import replace

    wrong = replace(shards[0], policy_hash="of another day")
    lost = run_campaign(tmp_path, [wrong, shards[1]], InProcess())
    assert [o.id for o in lost] == [wrong.id] and "start the campaign again" in lost[0].error
    assert [p.name for p in (tmp_path / SHARDS).iterdir()] == [shards[1].id]
    with pytest.raises(ValueError, match=f"1 shards in .* are not done.*\n  {wrong.id}: ValueError"):
        require_all(lost, tmp_path)


def test_what_a_killed_worker_left_is_cleared_and_is_no_shard(shards: list[Shard], tmp_path: Path) -> None:
    draft = tmp_path / SHARDS / f".{shards[0].id}.abc.part"
    draft.mkdir(parents=True)
    (draft / ROWS).write_bytes(b"half")
    assert not shards[0].is_done(tmp_path)
    run_campaign(tmp_path, [], InProcess())
    assert not draft.exists()


def test_the_second_of_two_workers_leaves_the_first_one_s_files(shards: list[Shard], tmp_path: Path) -> None:
    run_shard(tmp_path, shards[1])
    card = (shards[1].folder(tmp_path) / SHARD_CARD).read_bytes()
    assert run_shard(tmp_path, shards[1]) == 0.0
    assert (shards[1].folder(tmp_path) / SHARD_CARD).read_bytes() == card


@pytest.mark.slow
def test_a_killed_worker_loses_its_shard_and_no_other(alone: Path, shards: list[Shard], tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_one() -> None:
        """The first worker that has begun a shard dies by kill -9."""
        until = time.monotonic() + 120.0
        while not killed and time.monotonic() < until:
            if list((tmp_path / SHARDS).glob(".*.part")):
                pids = [p for p in children() if "experiments.campaigns.worker" in command_of(p)]
                if pids:
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])
            time.sleep(0.01)

    thread = threading.Thread(target=kill_one)
    thread.start()
    lost = run_campaign(tmp_path, shards, Joblib(1))
    thread.join()
    assert killed and len(lost) == 1 and "signal SIGKILL" in lost[0].error
    done = [shard for shard in shards if shard.is_done(tmp_path)]
    assert len(done) == len(shards) - 1
    assert run_campaign(tmp_path, shards, InProcess()) == []
    assert rows_bytes(tmp_path, shards) == rows_bytes(alone, shards)
    assert not list((tmp_path / SHARDS).glob(".*"))


def children() -> list[int]:
    """Processes that this one started."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def command_of(pid: int) -> str:
    """Its command line; empty where it is gone."""
    path = Path(f"/proc/{pid}/cmdline")
    try:
        return path.read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


# ---- merged ---------------------------------------------------------------------------------------------------------


def test_the_merger_reads_every_shard_and_gives_back_paired_tables(alone: Path, shards: list[Shard]) -> None:
    pytest.importorskip("duckdb", reason="needs the extra [campaign]")
    from experiments.campaigns.merge import merge, parts
    from experiments.evaluation.comparison import page

    first = merge(alone, shards).read_bytes()
    assert merge(alone, shards).read_bytes() == first
    ((part, found),) = parts(alone)
    assert part == ("rules", "nominal", "edge_room") and set(found.scores) == {"rules_tuned"}
    assert len(found.episodes) == 3 and found.scores["rules_tuned"]["days"].tolist() == [1.0, 1.0, 1.0]
    assert "| rules_tuned |" in page(found, "rules_tuned")


def test_a_missing_or_damaged_shard_is_not_merged(alone: Path, shards: list[Shard], tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="needs the extra [campaign]")
    import shutil

    from experiments.campaigns.merge import merge

    shutil.copytree(alone / SHARDS, tmp_path / SHARDS)
    (shards[0].folder(tmp_path) / ROWS).write_bytes(b"damaged")
    with pytest.raises(ValueError, match="is not the file of its manifest"):
        merge(tmp_path, shards)
    shutil.rmtree(shards[0].folder(tmp_path))
    with pytest.raises(ValueError, match=f"shard {shards[0].id} is missing"):
        merge(tmp_path, shards)


def test_workers_and_executors_never_import_mlflow() -> None:
    program = (
        "import sys; import experiments.campaigns.worker, experiments.campaigns.executors;"
        "found = {'mlflow', 'torch', 'duckdb', 'submitit', 'ray', 'hydra'} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_every_executor_can_be_named() -> None:
    made = {name: make(3, "local", {}) for name, make in EXECUTORS.items()}
    assert isinstance(made["joblib"], Joblib) and made["joblib"].workers == 3
    assert isinstance(made["submitit"], Submitit) and made["submitit"].cluster == "local"
    assert isinstance(made["ray"], Ray) and made["ray"].address == ""


# ---- scaled parameters ----------------------------------------------------------------------------------------------


def test_a_factor_multiplies_a_parameter_in_every_zone() -> None:
    from experiments.campaigns.scaled import scaled_overrides

    scenario = load("ai_hall")
    made = load("ai_hall", scaled_overrides(scenario, {"zones.*.coil_ua_kw_k": 0.8}))
    for name, zone in scenario.zones.items():
        assert made.zones[name].coil_ua_kw_k == pytest.approx(0.8 * zone.coil_ua_kw_k)
    assert scaled_overrides(load("edge_room"), {"tower.cell_nominal_kw": 0.8}) == []
    with pytest.raises(ValueError, match="names no parameter"):
        scaled_overrides(scenario, {"zones.*.nothing": 0.8})


@pytest.mark.parametrize(
    "key", ["zones.hallx.coil_ua_kw_k", "tower.cell_fn_kw", "tower", "zones.*", "name", "forecast"]
)
def test_a_factor_on_nothing_is_refused_even_where_the_machine_is_missing(key: str) -> None:
    from experiments.campaigns.scaled import scaled_overrides

    with pytest.raises(ValueError, match=f"scale: '{re.escape(key)}'"):
        scaled_overrides(load("edge_room"), {key: 0.8})
