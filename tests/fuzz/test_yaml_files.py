"""Any YAML file of a user is a value or an error that names it; any override is one that names its key."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from agents.live.point_map import read_live_map
from envs.plain_yaml import read_mapping
from envs.plant.datacenter import Plant
from envs.scenario import Scenario, load
from envs.scenario.reading import FOLDER, typed_node
from envs.twin.calibration.spread import scenario_draws
from envs.twin.telemetry.point_map import point_map_text, read_point_map
from experiments.benchmarks.row_file import rows_in
from experiments.benchmarks.task import load_task, task_hash
from experiments.campaigns.plan_file import read_plan
from experiments.evaluation.splits import read_split
from experiments.overrides import experiment_words
from experiments.power_planning.hall_feeders import read_tree
from tests.fuzz.answers import FUZZ, refusal_of
from tests.fuzz.damage import damaged_bytes

SCENARIO = load("edge_room")
LAYOUT = Plant(SCENARIO, "float64").layout
POINTS = point_map_text({"rack_inlet_c": 8, "chw_supply_c": 1, "chiller_power_kw": 1, "coil_valve_frac": 1})
HALL = FOLDER.joinpath("edge_room.yaml").read_text(encoding="utf-8")
SNIPPETS = (
    b"&a [*a]", b"*a", b"!!python/object/apply:os.system [x]", b"!!binary x", b"!!set {a}",
    b"!!timestamp 2023-13-01", b"2023-02-30",
    b"2023-01-01", b"0o777", b"1e999", b".nan", b"-.inf", b"5:30", b"0x1F", b"~", b"<<: {a: 1}", b"? [a]\n: b",
    b"---\n", b"...\n",
    b"%YAML 9.9\n---\n", b"${oc.env:HOME}", b"${name}", b"${..a}", b"???", b"{}", b"[]", b"\t", b"'", b'"',
    b"|\n", b"base: edge_room\n",
    b"base: 5\n", b"9" * 5000, b"[" * 400, b"{a: " * 60, b"\xff", b"\xef\xbb\xbf", b"1_000", b"yes", b"=",
    b"!!float x", b"!!int x",
)  # fmt: skip
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((0, -1, 1, 2, 10**9, 10**30, 10**400))
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=4)
    | st.text(max_size=8)
    | st.sampled_from(("degC", "time", "edge_room", "1e999", "${name}", "${oc.env:HOME}", "???", "a" * 3000)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


Damage = Callable[[str], st.SearchStrategy[bytes]]


def read_points(path: Path) -> object:
    return read_point_map(path, SCENARIO, LAYOUT)


def read_scenario(path: Path) -> Scenario:
    return load(str(path))


#: A hall takes a fifth of a second to build.
FEW = settings(FUZZ, max_examples=FUZZ.max_examples // 4)
LIVE_MAP = resources.files("configs").joinpath("points/bacnet.yaml").read_text(encoding="utf-8")
PLAN = """\
name: small
entries:
  - {name: rules, scenarios: [edge_room], policies: {rules_tuned: reference}, split: test, episodes: 3, days: 1}
  - name: changed
    scenarios: [ai_hall]
    policies: {mine: runs/seed_*}
    episodes_per_shard: 6
    seed: 2
    variants: {cold: {needs: tower, scale: {zones.*.coil_ua_kw_k: 0.8}, set: [sensors.temperature_bias_k=1.0]}}
"""
TREE = """\
feeders:
  utility: {limit_kw: 900, may_fail: false}
  ups a: {limit_kw: 800, feeds: [utility]}
  ups b: {limit_kw: 800.5, feeds: [utility], standby: [ups a], may_fail: true}
groups: {r1: [ups a, ups b], r2: [ups b]}
"""
ROWS = yaml.safe_dump({"rows": [{
    "task": "cooling-v1", "task_hash": task_hash(load_task("cooling")), "scenario": "edge_room", "policy": "mine",
    "opponent": "rules_tuned", "seeds": 5, "episodes": 36, "difference_usd_day": [-5.0, -6.0, -4.0],
    "share_frac": -0.01, "chance": 0.99, "failures": [], "plant": "0" * 64, "git": "unknown", "by": "me",
    "link": "https://example.org/me",
}]})  # fmt: skip


SPLIT = resources.files("configs").joinpath("splits/test.yaml").read_text(encoding="utf-8")


SPREAD = yaml.safe_dump({
    "parameters": {
        "chilled_water.power_factor": {"value": 1.1, "sd": 0.05, "scale": "log", "low": 0.5, "high": 2.0},
        "zones.room.coil_ua_kw_k": {"value": 3.0, "sd": 0.3, "scale": "linear", "low": 1.0, "high": 9.0},
    },
    "correlation": [[1.0, 0.2], [0.2, 1.0]],
})  # fmt: skip


def read_spread(path: Path) -> object:
    return scenario_draws(SCENARIO, path, 2)


def read_power_tree(path: Path) -> object:
    return read_tree(path, ("r1", "r2"))


EXPERIMENT = resources.files("configs").joinpath("experiment/edge_room_apg.yaml").read_text(encoding="utf-8")


def read_experiment(path: Path) -> object:
    return experiment_words(["coldaisle train", f"experiment={path}"])


READERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "point map": (read_points, POINTS),
    "mapping": (read_mapping, HALL),
    "scenario": (read_scenario, HALL),
    "live point map": (read_live_map, LIVE_MAP),
    "campaign plan": (read_plan, PLAN),
    "power tree": (read_power_tree, TREE),
    "leaderboard": (rows_in, ROWS),
    "split": (read_split, SPLIT),
    "spread": (read_spread, SPREAD),
    "experiment": (read_experiment, EXPERIMENT),
}


def nodes_of(content: Any) -> list[tuple[Any, Any]]:
    """Every container of nested data, with each of its keys."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    found = [(content, key) for key in keys]
    return found + [pair for key in keys if isinstance(content[key], (dict, list)) for pair in nodes_of(content[key])]


@pytest.mark.parametrize("kind", READERS)
def test_the_whole_file_is_read(kind: str, tmp_path: Path) -> None:
    read, text = READERS[kind]
    (tmp_path / "a.yaml").write_text(text)
    assert refusal_of(read, tmp_path / "a.yaml") is None


@st.composite
def damaged_text(draw: st.DrawFn, text: str) -> bytes:
    """Bytes of a file with a snippet put in somewhere, or damaged in a few places."""
    content = text.encode()
    if draw(st.booleans()):
        return draw(damaged_bytes(content))
    at = draw(st.integers(0, len(content)))
    return content[:at] + draw(st.sampled_from(SNIPPETS)) + content[at:]


@st.composite
def odd_values(draw: st.DrawFn, text: str) -> bytes:
    """A file in which one or two values are odd, and perhaps a key that nobody asked for."""
    content = deepcopy(yaml.safe_load(text))
    for _ in range(draw(st.integers(1, 2))):
        owner, key = draw(st.sampled_from(nodes_of(content)))
        owner[key] = draw(PLAIN)
        if isinstance(owner, dict) and draw(st.booleans()):
            owner[draw(st.text(max_size=6) | st.sampled_from(("row", "rows", "hold", "shift_s", "base", "scale")))] = (
                owner[key]
            )
    return yaml.safe_dump(content, sort_keys=False).encode()


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != "scenario"])
@pytest.mark.parametrize("damage", [damaged_text, odd_values])
@settings(FUZZ)
@given(data=st.data())
def test_a_damaged_file_is_a_value_or_an_error_that_names_it(
    damage: Damage, kind: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.yaml"
    path.write_bytes(data.draw(damage(READERS[kind][1])))
    refusal_of(READERS[kind][0], path)


@pytest.mark.parametrize("damage", [damaged_text, odd_values])
@settings(FEW)
@given(data=st.data())
def test_a_damaged_scenario_is_a_hall_or_an_error_that_names_the_file(
    damage: Damage, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.yaml"
    path.write_bytes(data.draw(damage(HALL)))
    refusal_of(read_scenario, path)


def leaves_of(tree: dict[str, Any], above: str = "") -> list[str]:
    """Dotted keys of nested data."""
    found = []
    for key, value in tree.items():
        found += leaves_of(value, f"{above}{key}.") if isinstance(value, dict) else []
        found.append(f"{above}{key}")
    return found


LEAVES = leaves_of(OmegaConf.to_container(typed_node("ai_hall")))  # type: ignore[arg-type]


@settings(FEW)
@given(key=st.sampled_from(LEAVES), value=PLAIN | st.sampled_from([s.decode("latin-1") for s in SNIPPETS]))
def test_an_override_is_taken_or_refused_by_an_error_that_names_it(key: str, value: object) -> None:
    text = f"{key}={value}"
    refusal_of(lambda _: load("ai_hall", [text]), Path("ai_hall"), name="ai_hall")
