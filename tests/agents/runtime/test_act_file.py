"""``act.py`` alone gives what the trained policy gives, refuses what it must, and carries what it remembers."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.policy import interface_data, site_data
from agents.runtime.act_command import Policy, decided, read_json
from agents.runtime.assembly import act_text, modules
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy
from agents.runtime.hall_clock import HallClock
from agents.runtime.kept_memory import sealed
from agents.runtime.twin_shield import TwinShield
from envs.core import DataCenterCore
from envs.interface.channels import CHANNELS
from envs.interface.interface import interface_from
from envs.interface.points import RULE
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import load
from envs.twin.estimation.foresight import shield_of

INPUTS = 10_000
SHORT = ("site.workload_weeks=1",)
ON_THE_RULE = (*(f"encodings.{name}=residual" for name in CHANNELS), *SHORT)
Made = tuple[Any, Path, DataCenterCore]


@pytest.fixture(scope="module")
def made(small_settings: Any, spread: Any, bundle_content: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Model, bundle and core of an algorithm on a hall, made once."""
    known: dict[Any, Made] = {}

    def of(scenario: str, overrides: tuple[str, ...], algorithm: str) -> Made:
        key = scenario, overrides, algorithm
        if key not in known:
            sites = DataCenterSB3VecEnv(scenario, 1, overrides)
            model = build_model(algorithm, sites, small_settings[algorithm], seed=1)
            spread(model)
            content = {
                **bundle_content,
                "interface": interface_data(sites.core),
                "site": site_data(sites.core.scenario),
            }
            site = asdict(sites.core.scenario)
            known[key] = model, export_bundle(model, tmp_path_factory.mktemp("bundle"), content, site), sites.core
        return known[key]

    return of


def loaded(folder: Path) -> ModuleType:
    """The bundle's own file as a module."""
    spec = importlib.util.spec_from_file_location("act_of_a_bundle", folder / "act.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def readings(policy: Any, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random readings, somewhat beyond the usual, and some at the ends of what is possible ``{point: (k, count)}``."""
    generator = np.random.default_rng(seed)
    found = {}
    for p in policy.read:
        reach = 0.2 * (p["high"] - p["low"])
        usual = generator.uniform(p["low"] - reach, p["high"] + reach, (p["rows"], count))
        ends = generator.choice(p["possible"], (p["rows"], count))
        drawn = np.where(generator.random((p["rows"], count)) < 0.02, ends, usual)
        most = min(p["possible"][1], 200.0 if p["unit"] == "degC" else np.inf)  # over it: kelvin
        found[p["name"]] = np.clip(drawn, p["possible"][0], most)
    found["wet_bulb_c"] = np.minimum(found["wet_bulb_c"], found["dry_bulb_c"] + 15.0)
    return found


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_act_py_gives_the_setpoints_of_the_trained_policy_on_random_and_extreme_readings(
    algorithm: str, made: Callable[..., Made]
) -> None:
    model, folder, core = made("edge_room", SHORT, algorithm)
    policy = loaded(folder).ExportedPolicy(folder)
    given = readings(policy, INPUTS)
    interface = interface_from(interface_data(core))
    actions = model.predict(interface.encode(given), deterministic=True)[0]
    expected = interface.limited(interface.decode(actions, given), given)
    for k in range(INPUTS):
        alone = policy.act({name: value[:, k].tolist() for name, value in given.items()})
        for c in core.agent_channels:
            assert np.abs(alone[c.name] - expected[c.name][:, k]).max() <= 1e-5 * (c.high - c.low), (k, c.name)
    assert policy.plan is not None, "the decision was not compiled"
    assert all(np.ptp(value) > 0.0 for value in expected.values()), "the policy moves nothing: nothing is compared"


@pytest.mark.parametrize("scenario", ["ai_hall", "ai_hall_power_cap", "liquid_hall"])
def test_the_compiled_decision_follows_the_rule_with_its_memory(scenario: str, made: Callable[..., Made]) -> None:
    _, folder, core = made(scenario, ON_THE_RULE, "ppo")
    quick, slow = ExportedPolicy(folder), ExportedPolicy(folder)
    assert quick.plan is not None
    slow.plan = None
    given = readings(quick, 300, seed=1)
    for k in range(300):
        one = {name: value[:, k].copy() for name, value in given.items()}
        found, expected = quick.act(one), slow.act(one)
        for c in core.channels:
            assert np.abs(found[c.name] - expected[c.name]).max() <= 1e-6 * (c.high - c.low), (k, c.name)


def test_a_change_between_one_site_and_many_keeps_the_rule_s_memory(made: Callable[..., Made]) -> None:
    _, folder, core = made("ai_hall", ON_THE_RULE, "ppo")
    policy = ExportedPolicy(folder)
    given = readings(policy, 3, seed=2)
    for k in range(3):
        policy.act({name: value[:, k] for name, value in given.items()})
    kept = policy.memory()
    other = ExportedPolicy(folder)
    other.recall(json.loads(json.dumps(kept)))
    last = {name: value[:, 0] for name, value in given.items()}
    one, two = policy.act(last), other.act(last)
    for c in core.channels:
        np.testing.assert_allclose(one[c.name], two[c.name], atol=1e-6 * (c.high - c.low))


HOUSE = ["envs", "agents", "experiments", "configs", "coldaisle"]
OTHERS = ["torch", "scipy", "pandas", "yaml", "omegaconf", "gymnasium", "array_api_compat", "llvmlite"]


def run_file(
    folder: Path, measured: dict[str, Any], *arguments: str, blocked: list[str] = HOUSE + OTHERS
) -> subprocess.CompletedProcess[str]:
    """``act.py`` in a process that has neither coldaisle nor anything but numpy."""
    program = (
        f"import runpy, sys; sys.modules.update(dict.fromkeys({blocked!r}));"
        f"sys.argv = ['act.py', *{list(arguments)!r}]; runpy.run_path({str(folder / 'act.py')!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", program], input=json.dumps(measured), capture_output=True, text=True, check=False
    )


@pytest.fixture
def hall(made: Callable[..., Made]) -> tuple[Path, dict[str, list[float]]]:
    """A bundle on the rule, and what its hall measures."""
    _, folder, core = made("ai_hall", ON_THE_RULE, "ppo")
    core.reset(seed=3)
    seen = {name: v[:, 0].tolist() for name, v in core.measurements().items() if not name.startswith(RULE)}
    return folder, seen


def test_the_file_alone_prints_setpoints_with_numpy_alone(hall: Any) -> None:
    folder, measured = hall
    done = run_file(folder, measured)
    assert done.returncode == 0, done.stderr
    expected = ExportedPolicy(folder, watchful=True).act(measured)
    assert json.loads(done.stdout) == {name: value.tolist() for name, value in expected.items()}


def hot(measured: dict[str, list[float]]) -> dict[str, list[float]]:
    """A hall that the wanted setpoints would bring over its limit: the room units barely turn."""
    return {
        **measured,
        "in_force.crah_fan_speed_frac": [0.3 for _ in measured["in_force.crah_fan_speed_frac"]],
        "zone_inlet_max_c": [31.5 for _ in measured["zone_inlet_max_c"]],
    }


def test_the_file_alone_looks_one_step_ahead_with_numpy_alone_and_names_the_limit(hall: Any) -> None:
    folder, measured = hall
    done = run_file(folder, hot(measured), "--shield", blocked=[*HOUSE[1:], *OTHERS])
    assert done.returncode == 0, done.stderr
    policy = Policy(folder, shielded=True)
    expected = policy.act(hot(measured))
    free = ExportedPolicy(folder, watchful=True).act(hot(measured))
    found = json.loads(done.stdout)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5)
    assert any((expected[name] != free[name]).any() for name in free)
    assert "shield, inlet_allowable: the warmest inlet would pass the allowable limit less its margin by" in done.stderr
    assert {one.limit for one in policy.interventions} == {"inlet_allowable"}


def test_the_bundle_s_shield_is_that_of_an_evaluation(made: Callable[..., Made]) -> None:
    _, folder, core = made("ai_hall", ON_THE_RULE, "ppo")
    core.reset(seed=3)
    bundled = TwinShield(folder, core.step_s, [c.name for c in core.channels])
    evaluated = shield_of(core.scenario)
    for step in range(4):
        seen = {n: np.asarray(v, np.float64) for n, v in core.measurements().items() if not n.startswith(RULE)}
        wanted = {c.name: np.full((c.rows, 1), c.low if step % 2 else c.high) for c in core.channels}
        expected = evaluated.guarded(wanted, seen).setpoints
        found, changed = bundled.safe({n: v[:, 0] for n, v in wanted.items()}, {n: v[:, 0] for n, v in seen.items()})
        assert changed
        for name, value in found.items():
            np.testing.assert_array_equal(value, expected[name][:, 0])
        core.step_setpoints(expected)


def test_a_site_without_what_the_twin_needs_is_told_by_name(hall: Any) -> None:
    folder, measured = hall
    shield = TwinShield(folder, 300.0, [])
    known = set(measured) - {"dry_bulb_c", "site_elevation_m"}
    assert shield.lacking(known) == ["dry_bulb_c"]  # the height is the site's own, as trained
    with pytest.raises(ValueError, match="lack finite dry_bulb_c"):
        shield.safe({}, {name: value for name, value in measured.items() if name in known})


def test_what_is_remembered_goes_from_process_to_process(hall: Any, tmp_path: Path) -> None:
    folder, measured = hall
    warmer = {**measured, "zone_inlet_max_c": [v + 2.0 for v in measured["zone_inlet_max_c"]]}
    policy = ExportedPolicy(folder, watchful=True)
    policy.act(measured)
    expected = policy.act(warmer)
    memory = str(tmp_path / "memory.json")
    assert run_file(folder, measured, "--memory", memory).returncode == 0
    found = json.loads(run_file(folder, warmer, "--memory", memory).stdout)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-9)
    jumped = {**measured, "dry_bulb_c": [measured["dry_bulb_c"][0] + 30.0]}
    done = run_file(folder, jumped, "--memory", memory)
    assert done.returncode == 1 and "dry_bulb_c moved by 30.0 K" in done.stderr and not done.stdout


def test_an_old_reading_is_refused_and_a_fresh_one_acts(hall: Any) -> None:
    folder, measured = hall
    policy = ExportedPolicy(folder, watchful=True)
    stamped = {**measured, "dry_bulb_c": {"value": measured["dry_bulb_c"], "time": 5000.0}}
    with pytest.raises(ValueError, match="dry_bulb_c is 700 s old"):
        policy.act(stamped, now=5700.0)
    assert policy.act(stamped, now=5100.0)
    done = run_file(folder, {**measured, "time": "2001-01-01T00:00:00Z"})
    assert done.returncode == 1 and "s old, a reading may be 600 s old" in done.stderr


@pytest.mark.parametrize("part", ["policy.npz", "policy.onnx", "act.py", "twin.zip"])
def test_a_changed_byte_in_any_part_is_refused_with_the_part_s_name(part: str, hall: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(hall[0], tmp_path / "copy"))
    whole = bytearray((copy / part).read_bytes())
    whole[len(whole) // 2] ^= 1
    (copy / part).write_bytes(whole)
    with pytest.raises(ValueError, match=f"{part} is not the file that was exported"):
        ExportedPolicy(copy)


@pytest.mark.parametrize("part", ["policy.npz", "twin.zip"])
def test_a_part_that_is_missing_is_said_to_be_missing(part: str, hall: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(hall[0], tmp_path / "copy"))
    (copy / part).unlink()
    with pytest.raises(ValueError, match=f"{part} is missing; copy the whole bundle again"):
        ExportedPolicy(copy)


def test_a_rule_that_follows_goes_on_from_what_is_in_force_and_another_from_what_it_set_last(hall: Any) -> None:
    folder, measured = hall
    fan = "crah_fan_speed_frac"
    moved = {**measured, "in_force." + fan: [0.9] * len(measured["in_force." + fan])}
    made = {}
    for follows in (True, False):
        policy = ExportedPolicy(folder, watchful=True)
        for _ in range(5):
            policy.act(measured)
        if follows:
            policy.follow()
        made[follows] = policy.act(moved)[fan]
    assert np.all(made[True] > 0.85) and np.all(made[False] < 0.82), made


def test_a_changed_number_in_the_manifest_is_refused(hall: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(hall[0], tmp_path / "copy"))
    content = json.loads((copy / "manifest.json").read_text())
    content["interface"]["channels"][0]["high"] += 0.5
    (copy / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"manifest.json is not the file that was exported"):
        ExportedPolicy(copy)


def test_the_file_is_the_modules_as_they_stand(hall: Any) -> None:
    text = act_text()
    assert (hall[0] / "act.py").read_text() == text
    assert "\nfrom envs" not in text and "\nfrom agents" not in text and "pickle.load" not in text
    assert modules()[-1] == "agents.runtime.act_command" and "envs.controllers.marginal_value" in modules()


def test_points_that_no_building_has_may_be_left_out(hall: Any) -> None:
    folder, measured = hall
    policy = ExportedPolicy(folder, watchful=True)
    derived = policy.manifest["derived"]
    none = ("breaker_memory_frac", "economizer_hold_frac", "chiller_hold_frac", "hour_sin", "rack_down_frac")
    assert set(none) <= set(derived) and derived["rack_down_frac"]["fallback"] == 0.0
    left = {name: value for name, value in measured.items() if name not in none and name in policy.filler.rows}
    setpoints = policy.act(left, now=1000.0)
    assert sorted(policy.derived) == sorted(set(none) & set(policy.filler.rows)) and len(setpoints) == 9
    with pytest.raises(ValueError, match="measurements lack zone_supply_c"):
        policy.act({name: value for name, value in left.items() if name != "zone_supply_c"}, now=1300.0)


CLOCK = ("hour_sin", "hour_cos", "week_sin", "week_cos")


def test_the_hour_is_the_hall_s_and_not_that_of_the_box(hall: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, measured = hall
    left = {name: value for name, value in measured.items() if name not in CLOCK}
    noon_utc = 1_782_907_200.0  # 1 July 2026, 12:00
    found = {}
    for box in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", box)
        time.tzset()
        policy = Policy(folder, utc_offset_h=-6.0)
        policy.act(left, now=noon_utc)
        found[box] = float(policy.derived["hour_sin"][0, 0])
    monkeypatch.undo()
    time.tzset()
    assert found["UTC"] == found["Asia/Tokyo"] == pytest.approx(1.0), "six o'clock in the hall"


def test_where_nobody_told_the_hall_s_clock_a_reading_without_the_hour_is_refused(hall: Any) -> None:
    folder, measured = hall
    left = {name: value for name, value in measured.items() if name not in CLOCK}
    policy = Policy(folder)
    policy.clock = HallClock(None)
    with pytest.raises(ValueError, match=r"measurements lack hour_sin, .*the hall's clock is not known; give utc_off"):
        policy.act(left)
    assert policy.act(measured)
    with pytest.raises(ValueError, match=r"utc_offset_h = -330 is outside -14..14"):
        Policy(folder, utc_offset_h=-330)


def test_a_hall_of_one_place_knows_its_clock_and_one_of_two_time_zones_does_not() -> None:
    offsets = {
        places: site_data(load("edge_room", [f"site.climates=[{places}]"])).get("utc_offset_h")
        for places in ("phoenix_az", "sterling_va,miami_fl", "sterling_va,frankfurt_de")
    }
    assert offsets == {"phoenix_az": -7.0, "sterling_va,miami_fl": -5.0, "sterling_va,frankfurt_de": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"rack_down_fraq": [0.5]', "measurement 'rack_down_fraq' is unknown; did you mean 'rack_down_frac'"),
        ('{"dry_bulb_c": [1.0], "dry_bulb_c": [2.0]', "has dry_bulb_c twice"),
        ('{"dry_bulb_c": {"value": [9.0], "tme": 1.0}', "dry_bulb_c has a key 'tme'"),
    ],
)
def test_what_nobody_could_mean_in_a_reading_is_refused_by_name(hall: Any, text: str, words: str) -> None:
    folder, measured = hall
    rest = json.dumps({name: np.asarray(value).tolist() for name, value in measured.items() if name != "dry_bulb_c"})
    with pytest.raises(ValueError, match=words):
        decided(Policy(folder), read_json(f"{text}, {rest[1:]}", "the reading"))


def test_a_memory_that_was_changed_or_is_of_another_bundle_is_refused(hall: Any) -> None:
    folder, measured = hall
    policy = Policy(folder)
    policy.act(measured)
    kept = json.loads(json.dumps(policy.memory()))
    Policy(folder).recall(kept)
    changed = json.loads(json.dumps(kept))
    changed["last"][0] += 1e-9
    for damaged in (changed, {**kept, "rule": []}, {key: v for key, v in kept.items() if key != "sha256"}, {}):
        with pytest.raises(ValueError, match="the memory is damaged"):
            Policy(folder).recall(damaged)
    plain = {key: value for key, value in kept.items() if key not in ("sha256", "bundle")}
    with pytest.raises(ValueError, match="of another bundle"):
        Policy(folder).recall(sealed(plain, "0" * 64))
