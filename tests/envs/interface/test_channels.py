"""The table of channels: every row is whole, and what exported policies are bound to stays as it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from agents.planners.best_constant import FixedBox
from agents.planners.mpc import Mpc, MpcSettings
from envs.building.rules import LOOPS, constants, first_setpoints, legacy_fixed
from envs.core import DataCenterCore
from envs.interface.channel import CONTRACT, ENCODINGS, KINDS, NEEDS
from envs.interface.channels import CHANNELS, bind_channels, channels_of_kind, channels_of_site, table_hash
from envs.interface.points import POINTS
from envs.plant.layout import Layout
from envs.scenario import SHIPPED, load
from envs.scenario.checks import machines
from envs.twin.telemetry.excitation import Excitation
from envs.twin.telemetry.quantities import QUANTITIES

ONE_WEEK = ("site.workload_weeks=1",)
#: Hash of the agent's channels, of all channels, and of the rows of the observation, as bundles carry them.
EXPORTED = {
    "ai_factory_feeder": ("7b418cf3283c", "7b418cf3283c", "621bccd79037"),
    "ai_hall": ("7b418cf3283c", "7e9eea2e15ea", "ce43e80dad53"),
    "ai_hall_power_cap": ("550b8a8739ba", "7e9eea2e15ea", "aa00306e7aef"),
    "ai_factory": ("5e79b8dfcc49", "2551ae16a771", "da0e937f8060"),
    "hot_water_hall": ("e99c4aa89ada", "e99c4aa89ada", "0bf75bdca4dd"),
    "inference_hall": ("46923ab869a7", "a1103401bca3", "2c8a41a01741"),
    "edge_room": ("e8062f207b69", "e8062f207b69", "8fac9770c558"),
    "legacy_air": ("8764b34df47c", "6cac8250459e", "a49828975b80"),
    "liquid_hall": ("664a703e454d", "664a703e454d", "3c1e9e29a97d"),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_exported_bundles_stay_valid(name: str) -> None:
    core = DataCenterCore(name, 1, ONE_WEEK)
    rows = [
        {"name": p.name, "row": k, "low": p.low, "high": p.high, "unit": p.unit}
        for p in core.observer.points
        for k in range(p.rows * p.observed)
    ]
    seen = hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]
    assert (core.channel_hash, table_hash(core.channels), seen) == EXPORTED[name]


def test_what_documents_say_of_a_channel_leaves_its_hash_alone() -> None:
    (fan,) = bind_channels(["crah_fan_speed_frac"], {"zone": 2}, {}, {})
    assert table_hash([replace(fan, meaning="", symbol="x", followed_by=())]) == table_hash([fan])
    assert table_hash([replace(fan, deadband=0.5)]) != table_hash([fan])
    assert set(fan.contract()) == set(CONTRACT)
    assert set(replace(fan, encoding="residual").contract()) == {*CONTRACT, "reach_frac"}


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_row_agrees_with_the_tables_that_it_names(name: str) -> None:
    row = CHANNELS[name]
    assert row.meaning and row.kind in KINDS and set(row.encodings) <= set(ENCODINGS)
    assert (row.possible is None) == bool(row.limited_by)
    low, high = row.possible or (row.low, row.high)
    assert low <= row.low < row.high <= high
    assert set(row.followed_by) <= set(QUANTITIES)
    assert (row.idle is None) == (row.kind == "cooling") == (row.replayed_at is None)
    assert not row.needs or row.needs in NEEDS


def test_every_point_has_a_meaning_and_a_known_need() -> None:
    assert all(p.meaning and (not p.needs or p.needs in NEEDS) for p in POINTS)


def test_every_machine_and_condition_of_the_shipped_sites_is_named() -> None:
    found = {need for name in SHIPPED for need in Layout(load(name), np.dtype("float32")).present}
    assert found <= set(NEEDS) and {"chw", "tower", "tcs", "battery", "feeder", "batch"} <= found


@pytest.mark.parametrize("name", SHIPPED)
def test_the_plant_has_the_channels_of_its_machines_and_the_building_drives_each_once(name: str) -> None:
    core = DataCenterCore(name, 2, ONE_WEEK)
    assert tuple(core.plant.layout.channels) == channels_of_site(machines(core.scenario))
    core.reset(seed=0)
    driven = core.rules.act(core.measured)
    assert {n: v.shape for n, v in driven.items()} == {c.name: (c.rows, 2) for c in core.channels}
    assert set(constants(core.scenario, core.plant.layout.channels)) == set(core.plant.layout.channels) - set(LOOPS)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_in_force_at_first_lies_in_the_range(name: str) -> None:
    scenario = load(name)
    channels = Layout(scenario, np.dtype("float32")).channels
    for wet_bulb in (-20.0, 15.0, 40.0):
        bulbs = np.full(3, wet_bulb), np.full(3, wet_bulb + 5.0)
        first = first_setpoints(scenario, channels.values(), *bulbs, np.dtype("float64"))
        assert all(first[n].shape == (c.rows, 3) for n, c in channels.items())
        assert all((first[n] >= c.low).all() and (first[n] <= c.high).all() for n, c in channels.items())
    found = legacy_fixed(scenario, Layout(scenario, np.dtype("float32"))).values
    assert all((found[n] >= c.low).all() and (found[n] <= c.high).all() for n, c in channels.items())


def test_a_battery_s_range_is_its_power() -> None:
    scenario = load("edge_room", ["battery.power_kw=20"])
    battery = Layout(scenario, np.dtype("float32")).channels["battery_power_kw"]
    assert (battery.low, battery.high) == (-20.0, 20.0)


def test_the_kinds_part_the_table() -> None:
    assert sorted(n for kind in KINDS for n in channels_of_kind(kind)) == sorted(CHANNELS)


def test_a_row_is_all_that_a_new_channel_needs_beside_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    spare = replace(CHANNELS["tcs_pump_speed_frac"], name="spare_speed_frac", needs="", start=0.8, low=0.5)
    monkeypatch.setitem(CHANNELS, spare.name, spare)
    core = DataCenterCore("edge_room", 2, ONE_WEEK, agent_channels=[spare.name])
    core.reset(seed=0)
    assert (core.in_force[spare.name] == np.float32(0.8)).all() and core.action_size == 1
    core.step(np.ones((2, 1)))
    assert core.measured[f"in_force.{spare.name}"] == pytest.approx(0.85)  # by the slew of one step
    assert core.rules.act(core.measured)[spare.name] == pytest.approx(0.8)
    assert legacy_fixed(core.scenario, core.plant.layout).values[spare.name] == [[1.0]]
    assert spare.name in FixedBox(core).names and spare.name in Excitation(core.rules, core.channels, 300.0).channels
    assert [c.name for c in Mpc(core, core.rules, MpcSettings(), 0).moves] == [spare.name]
