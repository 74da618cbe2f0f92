"""A core on machine code plays the episodes of one on numpy, but for rounding, and always with the same bits."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.engine import Held
from envs.engine.held import Lazy, numbers_of
from envs.faults import Fault
from envs.hooks import Hooks

pytest.importorskip("llvmlite")
SHORT = ("episode.steps=9", "site.workload_weeks=1")
NEAR = 2e-3  # of the range of an observation: what rounding of ten thousand steps leaves in a few of them
FAR_OFF = Fault("crah_fan", 9e9, 1.0, 0, 1.0)


def played(
    monkeypatch: pytest.MonkeyPatch, engine: str, scenario: str = "edge_room", sites: int = 3, **options: Any
) -> tuple[list[np.ndarray], DataCenterCore]:
    """Observations and rewards of episodes that end and begin anew, under targets and actions in turn."""
    monkeypatch.setenv("COLDAISLE_ENGINE", engine)
    targets, masked = options.pop("targets", False), options.pop("masked", True)
    faults, overrides = options.pop("faults", None), options.pop("overrides", ())
    core = DataCenterCore(scenario, sites, (*SHORT, *overrides), **options)
    seen, rng = [core.reset(seed=3)], np.random.default_rng(0)
    if faults:
        core.set_faults([faults] * sites)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(14):
            actions = rng.uniform(-1.0, 1.0, (12, core.action_size)).astype(np.float32)[:sites]
            if targets and k % 4 == 3:
                result = core.step_setpoints({} if k % 8 == 3 else core.rules.act(core.measurements()))
            else:
                result = core.step(actions)
            seen += [result[0].copy(), result[1].copy(), *(x.copy() for x in result[3].values())]
            if masked and k == 4:
                core.reset(np.arange(sites) == 1)
            if result[2].any():
                seen.append(core.reset(result[2]).copy())
    seen += list(core.episode_statistics().values())
    return seen, core


@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("ai_hall_power_cap", {}),
        ("legacy_air", {}),
        ("edge_room", {"targets": True}),
        ("edge_room", {"dtype": "float64"}),
        ("edge_room", {"faults": [Fault("sensor_drift", 0.0, 1e6, 0, 2.0), Fault("weather_hot", 600.0, 1e6, 0, 4.0)]}),
        ("edge_room", {"overrides": ("encodings.crah_fan_speed_frac=residual",)}),
        ("edge_room", {"overrides": ("encodings.supply_air_temp_setpoint_c=delta",)}),
        ("edge_room", {"overrides": ("sensors.temperature_delay_s=400", "sensors.temperature_resolution_k=0.5")}),
        ("edge_room", {"overrides": ("sensors.temperature_drift_k_day=0.5", "rules.outdoor.fan_frac=0.2")}),
        ("ai_hall_power_cap", {"overrides": ("rules.caps=marginal_value",), "agent_channels": ["battery_power_kw"]}),
        ("ai_hall_power_cap", {"overrides": ("encodings.rack_power_limit_frac=feeder_share",)}),
    ],
)
def test_every_core_plays_on_machine_code_what_it_plays_on_numpy(
    monkeypatch: pytest.MonkeyPatch, scenario: str, options: dict[str, Any]
) -> None:
    expected, _ = played(monkeypatch, "numpy", scenario, **options)
    found, core = played(monkeypatch, "llvm", scenario, **options)
    assert isinstance(core._now, Held) or core.t.min() == 0
    assert all(step.engine == "llvm" for step in core._steps.values())
    for a, b in zip(expected, found, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(b, a, rtol=NEAR, atol=NEAR)


@pytest.mark.parametrize("scenario", ["edge_room"])
def test_a_core_has_the_same_bits_in_any_batch_and_however_signals_come(
    monkeypatch: pytest.MonkeyPatch, scenario: str
) -> None:
    forms = ({"sites": 2}, {"sites": 1}, {"sites": 12}, {"sites": 2, "faults": [FAR_OFF]})
    some, one, many, handed = (played(monkeypatch, "llvm", scenario, masked=False, **o)[0] for o in forms)
    for a, alone, b, c in zip(some, one, many, handed, strict=True):
        sites_first = a.ndim == 2  # observations
        np.testing.assert_array_equal(a, b[:2] if sites_first else b[..., :2])
        np.testing.assert_array_equal(a[:1] if sites_first else a[..., :1], alone)
        np.testing.assert_array_equal(a, c)


def test_what_is_told_of_a_site_is_what_its_fields_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    core = DataCenterCore("edge_room", 2, SHORT)
    core.reset(seed=0)
    for _ in range(2):  # results of the first step are those that were compared with the function's
        _, done = core.advanced(np.zeros((2, core.action_size)))
    assert isinstance(done, Lazy)
    expected = [done.reward[1], *done.shown[:, 1], *(x[1] for x in done.cost.values())]
    for results in (done, copy.deepcopy(done)):  # a copy is the plain named tuple
        assert numbers_of(results, ("reward", "shown", "cost"), 1) == expected
        assert numbers_of(results, ("reward", "truncated", "shown", "cost"), 1)[2:] == expected[1:]


def test_a_copy_of_a_core_goes_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    core = DataCenterCore("edge_room", 2, SHORT)
    core.reset(seed=0)
    actions = np.zeros((2, core.action_size))
    core.step(actions)
    other = copy.deepcopy(core)
    for k in range(3):
        other.step(actions + 1.0 - k)
    found = [core.step(actions)[1].copy() for _ in range(2)]
    again = DataCenterCore("edge_room", 2, SHORT)
    again.reset(seed=0)
    expected = [again.step(actions)[1].copy() for _ in range(3)]
    np.testing.assert_array_equal(found, expected[1:])


def test_own_reward_counts_in_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    core = DataCenterCore("edge_room", 2, SHORT, hooks=Hooks(reward=lambda core, cost: [1.0, -2.0]))
    core.reset(seed=0)
    for _ in range(3):
        core.step(np.zeros((2, core.action_size)))
    np.testing.assert_array_equal(core.episode_statistics()["r"], [3.0, -6.0])


def test_a_load_that_was_made_longer_is_read_at_its_new_place(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {}
    for engine in ("numpy", "llvm"):
        monkeypatch.setenv("COLDAISLE_ENGINE", engine)
        core = DataCenterCore("edge_room", 2, ("site.workload_weeks=1",))
        core.reset(seed=0)
        ends = core.plan._replace(load_start=np.full(2, core.world.load_steps - 3))
        core.reset(plan=ends)
        before, runs[engine] = core.world.load_steps, []
        for _ in range(6):
            core.step(np.zeros((2, core.action_size)))
            runs[engine].append(core.flows.it_power_kw.copy())
        assert core.world.load_steps > before
    np.testing.assert_allclose(runs["llvm"], runs["numpy"], rtol=1e-4)
