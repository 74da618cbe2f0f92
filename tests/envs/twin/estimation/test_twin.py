"""The digital twin: it follows the plant through measurements alone, and remembers what no sensor sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.trial import CandidateTrials
from agents.planners.tuning import rules_from
from envs.core import DataCenterCore
from envs.plant.datacenter import Plant
from envs.play import play
from envs.twin.estimation.row_load import RowLoad
from envs.twin.estimation.twin import ObservedPlant, outside_from_measurements

BenchOf = Callable[[str], CandidateTrials]


def follow(bench: CandidateTrials, steps: int) -> tuple[DataCenterCore, ObservedPlant, list[dict[str, np.ndarray]]]:
    """A twin beside the plant under its rules: what it expected of every step less what came."""
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    rules, twin, errors = rules_from(core, {}), ObservedPlant(Plant(core.scenario, core.dtype), core.channels), []
    rules.reset(core.num_envs)
    for _ in range(steps):
        seen = core.measurements()
        twin.update(seen)
        wanted = rules.act(seen)
        core.step_setpoints(wanted)
        t = np.zeros(core.num_envs, np.int64)
        _, expected = twin.plant.step(twin.state, core.in_force, twin.outside, twin.load, twin.lost, t)
        errors.append(
            {
                "power": expected.facility_power_kw / core.flows.facility_power_kw - 1.0,
                "inlet": expected.zone_inlet_max_c + twin.inlet_bias_k - core.flows.zone_inlet_max_c,
            }
        )
    return core, twin, errors


@pytest.mark.parametrize("name", ["ai_hall", "edge_room", "liquid_hall"])
def test_the_twin_expects_the_power_and_the_warmest_inlets_of_the_next_step(bench_of: BenchOf, name: str) -> None:
    _, _, errors = follow(bench_of(name), 20)
    power = np.array([e["power"] for e in errors[8:]])
    inlet = np.array([e["inlet"] for e in errors[8:]])
    assert abs(power.mean()) < 0.02 and np.abs(power).mean() < 0.03  # chillers of edge_room: 1.5 %
    assert abs(inlet.mean()) < 0.3 and inlet.std() < 0.5


def test_stages_and_modes_are_those_that_the_building_reports(bench_of: BenchOf) -> None:
    core, twin, _ = follow(bench_of("ai_hall"), 16)
    twin.update(core.measurements())
    np.testing.assert_array_equal(twin.state.chw.stages.running, core.state.chw.stages.running)
    np.testing.assert_array_equal(twin.state.chw.economizer_on, core.state.chw.economizer_on)
    np.testing.assert_allclose(twin.state.chw.economizer_since_s, core.state.chw.economizer_since_s, rtol=1e-5)
    np.testing.assert_array_equal(twin.state.tower.stages.running, core.state.tower.stages.running)
    np.testing.assert_allclose(twin.state.chw.supply_c, core.state.chw.supply_c, atol=0.6)


def test_the_twin_knows_nothing_but_measurements(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    tape = [{n: v.copy() for n, v in step.measured.items()} for step in play(core, core.rules, 4)]
    first, again = (ObservedPlant(Plant(core.scenario, core.dtype), core.channels) for _ in range(2))
    for seen in tape:
        first.update(seen)
    core.reset(seed=5)
    for seen in tape:
        again.update(seen)
    np.testing.assert_array_equal(first.state.air.hot_c, again.state.air.hot_c)
    np.testing.assert_array_equal(first.inlet_bias_k, again.inlet_bias_k)


def test_forgetting_where_the_mask_says_begins_anew_there_alone(bench_of: BenchOf) -> None:
    core, twin, _ = follow(bench_of("edge_room"), 6)
    other = follow(bench_of("edge_room"), 6)[1]
    fresh = ObservedPlant(Plant(core.scenario, core.dtype), core.channels)
    mask = np.array([True, False, False, False])
    twin.reset(mask)
    seen = core.measurements()
    for each in (twin, other, fresh):
        each.update(seen)
    np.testing.assert_allclose(twin.state.air.hot_c[:, 0], fresh.state.air.hot_c[:, 0], atol=1e-4)
    np.testing.assert_array_equal(twin.state.air.hot_c[:, 1:], other.state.air.hot_c[:, 1:])
    assert twin.fresh is None


def test_sites_forgotten_one_after_the_other_before_an_update_all_begin_anew(bench_of: BenchOf) -> None:
    core, twin, _ = follow(bench_of("edge_room"), 6)
    other = follow(bench_of("edge_room"), 6)[1]
    twin.reset(np.array([True, False, False, False]))
    twin.reset(np.array([False, False, True, False]))
    other.reset(np.array([True, False, True, False]))
    for each in (twin, other):
        each.update(core.measurements())
    np.testing.assert_array_equal(twin.state.air.hot_c, other.state.air.hot_c)
    np.testing.assert_array_equal(twin.inlet_bias_k, other.inlet_bias_k)


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air"])
def test_the_load_that_is_read_from_the_rows_draws_what_was_measured(bench_of: BenchOf, name: str) -> None:
    plant = bench_of(name).single.plant
    load = RowLoad(plant)
    wanted = load.rest_kw + np.array([[0.2, 0.6, 1.0]]) * (load.busy_kw - load.rest_kw)
    use = load.of(wanted).activity.sum(axis=0)
    np.testing.assert_allclose(use, np.broadcast_to([[0.2, 0.6, 1.0]], use.shape), atol=1e-4)


def test_humidity_comes_back_from_the_wet_bulb() -> None:
    core = DataCenterCore("edge_room", 3, ("site.workload_weeks=1",))
    core.reset(seed=1)
    true = core.outside
    made = outside_from_measurements(
        {name: getattr(true, name)[None] for name in ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh", "carbon_g_kwh")}
        | {"site_elevation_m": true.elevation_m[None]}
    )
    np.testing.assert_allclose(made.humidity_ratio, true.humidity_ratio, rtol=2e-3)
