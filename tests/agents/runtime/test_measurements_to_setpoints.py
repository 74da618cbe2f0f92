"""A bundle alone gives, from measurements, the setpoints that the trained policy gives inside its environment."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learning.algorithms import ALGORITHMS
from agents.learning.build import build_model
from agents.policy import interface_data
from agents.runtime.export import export_bundle
from agents.runtime.exported_policy import ExportedPolicy
from envs.core import DataCenterCore
from envs.faults import KINDS, Fault
from envs.interface.channel import ENCODINGS
from envs.interface.channels import CHANNELS
from envs.interface.points import RULE
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import SHIPPED
from envs.scenario.checks import require_machines

STEPS, SITES = 60, 3
SHORT = ("site.workload_weeks=1",)
EVERY_ENCODING = (
    "encodings.supply_air_temp_setpoint_c=delta",
    "encodings.rack_power_limit_frac=feeder_share",
    "encodings.crah_fan_speed_frac=residual",
    "encodings.chw_supply_temp_setpoint_c=residual",
    *SHORT,
)
ON_THE_RULE = tuple(f"encodings.{name}=residual" for name in CHANNELS)
CASES = [("ai_hall", EVERY_ENCODING, name) for name in ALGORITHMS]
CASES += [(scenario, SHORT, "ppo") for scenario in SHIPPED]
CASES += [("ai_hall", (*ON_THE_RULE, *SHORT), "ppo"), ("ai_hall_power_cap", (*ON_THE_RULE, *SHORT), "ppo")]
HEAVY = (
    "gymnasium", "torch", "stable_baselines3", "sb3_contrib", "onnx", "onnxruntime",
    "scipy", "pandas", "hydra", "omegaconf", "mlflow", "matplotlib", "yaml", "envs.core",
)  # fmt: skip
Exported = tuple[Any, Path, DataCenterCore]


@pytest.fixture(scope="module")
def exported(
    small_settings: Any, spread: Any, bundle_content: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Exported]:
    def make(scenario: str, overrides: tuple[str, ...], algorithm: str, num_envs: int = SITES) -> Exported:
        sites = DataCenterSB3VecEnv(scenario, num_envs, overrides)
        model = build_model(algorithm, sites, small_settings[algorithm], seed=1)
        spread(model)
        content = {**bundle_content, "interface": interface_data(sites.core)}
        return model, export_bundle(model, tmp_path_factory.mktemp("bundle"), content), sites.core

    return make


@pytest.fixture(scope="module")
def edge_room(exported: Callable[..., Exported]) -> tuple[ExportedPolicy, dict[str, np.ndarray]]:
    """The policy of a bundle, and what one site measures at some moment, ``{point: (k,)}``."""
    _, folder, core = exported("edge_room", SHORT, "ppo")
    core.reset(seed=3)
    return ExportedPolicy(folder), {name: value[:, 0].copy() for name, value in core.measurements().items()}


@pytest.mark.parametrize(("scenario", "overrides", "algorithm"), CASES)
def test_the_bundle_gives_the_setpoints_of_the_trained_policy_in_its_environment(
    scenario: str, overrides: tuple[str, ...], algorithm: str, exported: Callable[..., Exported]
) -> None:
    model, folder, core = exported(scenario, overrides, algorithm)
    policy, observation = ExportedPolicy(folder), core.reset(seed=7)
    reached = {c.name: [c.high, c.low] for c in core.agent_channels}
    for _ in range(STEPS):
        wanted = policy.act(core.measurements())
        observation = core.step(model.predict(observation, deterministic=True)[0])[0]
        on_the_rule = any(c.encoding == "residual" for c in core.agent_channels)
        assert set(wanted) == ({c.name for c in core.channels} if on_the_rule else set(reached))
        for c in core.agent_channels:
            deviation = np.abs(wanted[c.name] - core.in_force[c.name]).max() / (c.high - c.low)
            assert deviation <= 1e-5, c.name
            reached[c.name][0] = min(reached[c.name][0], float(wanted[c.name].min()))
            reached[c.name][1] = max(reached[c.name][1], float(wanted[c.name].max()))
    assert sum(high > low for low, high in reached.values()) >= 2, "the policy moves nothing: nothing is compared"


def test_every_encoding_of_the_table_is_played() -> None:
    core = DataCenterCore("ai_hall", 1, EVERY_ENCODING)
    assert {c.encoding for c in core.agent_channels} == set(ENCODINGS)


def test_one_site_without_a_batch_axis_gets_what_it_gets_in_a_batch(edge_room: Any) -> None:
    policy, measured = edge_room
    alone = policy.act({name: float(v[0]) if len(v) == 1 else v.tolist() for name, v in measured.items()})
    batch = policy.act({name: np.stack([v, v], axis=1) for name, v in measured.items()})
    for c in policy.interface.decoder.channels:
        assert alone[c.name].shape == (c.rows,) and batch[c.name].shape == (c.rows, 2)
        np.testing.assert_allclose(alone[c.name], batch[c.name][:, 1], atol=1e-6 * (c.high - c.low))


def test_setpoints_leave_neither_range_nor_slew_whatever_is_in_force(edge_room: Any) -> None:
    policy, measured = edge_room
    hot = {**measured, "in_force.chw_supply_temp_setpoint_c": np.array([20.0])}  # the site's own, over our 7..15
    assert policy.act(hot)["chw_supply_temp_setpoint_c"][0] == pytest.approx(19.5)  # 0.5 K per 300 s
    assert 7.0 <= policy.act(measured)["chw_supply_temp_setpoint_c"][0] <= 15.0
    slow = ExportedPolicy(policy.folder, step_s=60.0)
    assert slow.act(hot)["chw_supply_temp_setpoint_c"][0] == pytest.approx(19.9)


@pytest.mark.parametrize(
    ("point", "value", "words"),
    [
        ("wet_bulb_c", None, "measurements lack wet_bulb_c"),
        ("wet_bulb_c", np.nan, r"wet_bulb_c\[0\] = nan is not a finite number"),
        ("wet_bulb_c", "wet", "wet_bulb_c = 'wet' is not a real number; give .* in degC"),
        ("wet_bulb_c", "18.0", "wet_bulb_c = '18.0' is not a real number"),
        ("wet_bulb_c", np.timedelta64(18, "s"), "wet_bulb_c = .* is not a real number"),
        ("wet_bulb_c", 18.0 + 1.0j, "wet_bulb_c = .* is not a real number"),
        ("rack_down_frac", True, "rack_down_frac = True is not a real number"),
        ("dry_bulb_c", np.ma.masked_equal([18.0], 18.0), "dry_bulb_c has masked entries"),
        ("wet_bulb_c", [18.0, 19.0], r"wet_bulb_c has shape \(2,\); give \(1,\) for one site"),
        ("wet_bulb_c", [[18.0, 19.0]], r"wet_bulb_c has shape \(1, 2\) where .* has the sites \(\)"),
        ("dry_bulb_c", 95.0, r"dry_bulb_c\[0\] = 95.0 degC is impossible, outside \[-90, 75\]"),
        ("dry_bulb_c", 303.15, "dry_bulb_c.*impossible"),
        ("wet_bulb_c", 64.0, "wet_bulb_c.*impossible"),
        ("wet_bulb_c", 44.0, "wet_bulb_c = 44.0 degC is impossible, over dry_bulb_c"),
        ("chw_supply_c", 281.0, r"chw_supply_c\[0\] = 281.0 degC is impossible beside chip_max_c; .* not in kelvin"),
        ("zone_return_c", [303.0], r"zone_return_c\[0\] = 303.0 degC is impossible beside chip_max_c"),
        (
            "chip_max_c",
            335.0,
            "chip_max_c.* is impossible beside zone_inlet_max_c and .*chw_return_c; .* not in kelvin",
        ),
        ("zone_fan_speed_frac", [62.0], r"zone_fan_speed_frac\[0\] = 62.0 1 is impossible"),
        ("chillers_running", -1.0, r"chillers_running\[0\] = -1.0 1 is impossible"),
        ("restart_frac", -0.1, "restart_frac.*impossible"),
        ("carbon_g_kwh", -5.0, "carbon_g_kwh.*impossible"),
        ("carbon_g_kwh", 400_000.0, "carbon_g_kwh.*impossible"),
        ("in_force.chw_supply_temp_setpoint_c", 45.0, r"in_force.chw.* = 45.0 degC is impossible"),
        ("price_usd_mwh", -3000.0, r"price_usd_mwh.* outside \[-2000, 20000\]"),
    ],
)
def test_a_measurement_that_is_missing_or_cannot_be_is_refused_by_name(
    point: str, value: Any, words: str, edge_room: Any
) -> None:
    policy, measured = edge_room
    given = {name: v for name, v in measured.items() if name != point}
    with pytest.raises(ValueError, match=words):
        policy.act(given if value is None else {**given, point: value})


def test_a_price_spike_that_markets_know_is_believed(edge_room: Any) -> None:
    policy, measured = edge_room
    assert policy.act({**measured, "price_usd_mwh": 9000.0})


@pytest.mark.parametrize(
    ("point", "value"),
    [
        ("chip_max_c", 180.0),  # a hall without air
        ("chw_supply_c", 44.0),  # no chiller runs
        ("zone_inlet_max_c", [97.0]),
        ("it_power_share", -0.02),  # the noise of a meter
        ("chillers_running", 12.0),  # of another hall's plant
        ("chillers_running", 1000.0),  # the most that is believed
        ("chiller_plr_frac", 2.0),
    ],
)
def test_what_a_plant_in_trouble_shows_is_believed(point: str, value: Any, edge_room: Any) -> None:
    policy, measured = edge_room
    assert policy.act({**measured, point: value})


def test_a_hall_as_hot_as_kelvin_is_believed_where_its_chips_are_hot_too(edge_room: Any) -> None:
    policy, measured = edge_room
    assert policy.act({**measured, "chip_max_c": 402.0, "chw_return_c": 380.0, "zone_return_c": [320.0]})


def every_fault(core: DataCenterCore) -> list[Fault]:
    """One fault of each kind and size that this hall can have, sensors row by row, from step 12 to the end."""
    sizes = {kind: {1.0, 2.0, most, -most} for kind, (_, most) in KINDS.items()} | {"sensor_drift": {3.0, -1.0}}
    rows = {"crah_fan": core.plant.layout.n_zones}
    rows |= dict.fromkeys(("sensor_stuck", "sensor_drift"), core.instruments.rows)
    faults = []
    for kind, index in [(name, i) for name in KINDS for i in range(rows.get(name, 1))]:
        for size in sizes[kind]:
            with contextlib.suppress(ValueError):  # a machine that this hall has not, a size that no fault has
                fault = Fault(kind, 3600.0, float("inf"), index, size)
                require_machines([fault], core.plant.layout.present, "this hall")
                faults.append(fault)
    return faults


@pytest.mark.parametrize("scenario", SHIPPED)
@pytest.mark.quick_for("ai_hall", "ai_hall_power_cap", "legacy_air")
def test_under_every_fault_the_bundle_gives_the_setpoints_of_its_run(
    scenario: str, exported: Callable[..., Exported]
) -> None:
    faults = every_fault(DataCenterCore(scenario, 1, SHORT))
    assert {f.kind for f in faults} >= {"crah_fan", "sensor_stuck", "sensor_drift", "weather_hot", "load_loss"}
    model, folder, core = exported(scenario, SHORT, "ppo", len(faults))
    policy, observation = ExportedPolicy(folder), core.reset(seed=7)
    core.set_faults([[fault] for fault in faults])
    for step in range(100):
        wanted = policy.act(core.measurements())
        observation = core.step(model.predict(observation, deterministic=True)[0])[0]
        for c in core.agent_channels:
            deviation = np.abs(wanted[c.name] - core.in_force[c.name]).max(axis=0) / (c.high - c.low)
            assert deviation.max() <= 1e-5, (step, c.name, faults[int(deviation.argmax())])


@pytest.mark.parametrize("encodings", [(), ON_THE_RULE])
def test_numpy_is_all_that_an_operators_box_needs(
    exported: Callable[..., Exported], encodings: tuple[str, ...], tmp_path: Path
) -> None:
    _, folder, core = exported("edge_room", (*encodings, *SHORT), "ppo")
    core.reset(seed=3)
    policy = ExportedPolicy(folder)
    measured = {name: value[:, 0].copy() for name, value in core.measurements().items() if not name.startswith(RULE)}
    here = policy.act({name: value.astype(np.float64) for name, value in measured.items()})
    file = tmp_path / "measured.json"
    file.write_text(json.dumps({name: value.tolist() for name, value in measured.items()}))
    program = (
        f"import json, sys; sys.modules.update(dict.fromkeys({HEAVY!r}));"
        "from agents.runtime.exported_policy import ExportedPolicy;"
        f"found = ExportedPolicy({str(policy.folder)!r}).act(json.load(open({str(file)!r})));"
        "print(json.dumps({name: value.tolist() for name, value in found.items()}));"
        "rooms = {n for n, m in sys.modules.items() if m and n.startswith(('envs.', 'agents.', 'experiments.'))};"
        "print(json.dumps(sorted(rooms)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    there, rooms = (json.loads(line) for line in done.stdout.splitlines())
    assert there == {name: value.tolist() for name, value in here.items()}
    box = ("agents.runtime", "envs.interface", "envs.controllers", "envs.parameters", "envs.unknown_name")
    assert [room for room in rooms if not room.startswith(box)] == []


def test_a_wet_bulb_is_believed_up_to_45_degrees(edge_room: Any) -> None:
    policy, measured = edge_room
    assert policy.act({**measured, "dry_bulb_c": 60.0, "wet_bulb_c": 45.0})
    with pytest.raises(ValueError, match="wet_bulb_c.*impossible"):
        policy.act({**measured, "dry_bulb_c": 60.0, "wet_bulb_c": 45.1})
