from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.forecasting.engine import ForecastSettings
from agents.planners.cem import Budget
from agents.planners.load_ahead import ROW_POWER, EngineOutlook, Persistence
from agents.planners.mpc import Mpc, MpcSettings
from agents.planners.trial import CandidateTrials
from agents.planners.tuning import rules_from
from envs.twin.telemetry.telemetry import INLET, RACK_POWER, Telemetry
from experiments.evaluation.telemetry_before import earlier_plan

BenchOf = Callable[[str], CandidateTrials]
PER_DAY, DAYS = 288, 12
SMALL = MpcSettings(horizon_s=600.0, budget=Budget(population=6, elites=2, iterations=1, spread=0.15))


def daily(steps: int, rows: int, racks: int, sites: int) -> dict[str, Any]:
    """Points of a hall that works from eight to sixteen o'clock, with noise."""
    rng = np.random.default_rng(0)
    hour = np.arange(steps) % PER_DAY / 12.0
    busy = ((hour >= 8.0) & (hour < 16.0)).astype(np.float32)
    share = 0.3 + 0.4 * busy[:, None, None] * np.ones((1, rows, sites))
    return {
        INLET: np.full((steps, racks, sites), 24.0, np.float32),
        ROW_POWER: (share + 0.005 * rng.standard_normal(share.shape)).astype(np.float32),
        "dry_bulb_c": np.full((steps, 1, sites), 20.0, np.float32),
        "wet_bulb_c": np.full((steps, 1, sites), 15.0, np.float32),
        "site_elevation_m": np.full((steps, 1, sites), 90.0, np.float32),
    }


def before(points: dict[str, Any], rows: int) -> Telemetry:
    begin = np.full(points[INLET].shape[-1], np.datetime64("2023-01-01T00:00:00", "s"))
    return Telemetry({n: v[:rows] for n, v in points.items()}, 300.0, begin)


@pytest.fixture(scope="module")
def points(bench_of: BenchOf) -> dict[str, Any]:
    layout = bench_of("edge_room").single.plant.layout
    return daily(DAYS * PER_DAY, len(layout.row_rated_kw), layout.n_racks, 4)


@pytest.fixture(scope="module")
def outlook(bench_of: BenchOf, points: dict[str, Any]) -> EngineOutlook:
    bench = bench_of("edge_room")
    past = before(points, 11 * PER_DAY + 7 * 12)  # seven o'clock
    settings = ForecastSettings(horizon_h=3.0, stride_h=1.0)
    return EngineOutlook(bench.scenario, bench.single.plant.layout, past, settings)


def measured(points: dict[str, Any], row: int) -> dict[str, Any]:
    seen = {name: values[row] for name, values in points.items()}
    return {**seen, "row_demand_share": seen[ROW_POWER]}


def test_the_engine_expects_the_working_day_that_persistence_misses(
    bench_of: BenchOf, outlook: EngineOutlook, points: dict[str, Any]
) -> None:
    outlook.reset()
    rated_kw = bench_of("edge_room").single.plant.layout.row_rated_kw
    first = 11 * PER_DAY + 7 * 12
    for row in range(first, first + 6):
        outlook.update(measured(points, row))
    now = measured(points, first + 5)
    came = points[ROW_POWER][first + 6 : first + 24] * rated_kw
    error = np.abs(outlook.expectation(now, 18).row_kw - came).mean()
    lasting = np.abs(Persistence(bench_of("edge_room").single.plant.layout).expectation(now, 18).row_kw - came).mean()
    assert error < 0.5 * lasting


def test_what_caps_hold_back_now_is_demanded_on(outlook: EngineOutlook, points: dict[str, Any]) -> None:
    outlook.reset()
    now = measured(points, 11 * PER_DAY)
    held = {**now, "row_demand_share": now[ROW_POWER] + 0.1}
    more = outlook.expectation(held, 3).row_kw - outlook.expectation(now, 3).row_kw
    np.testing.assert_allclose(more, np.broadcast_to(0.1 * outlook.rated_kw, more.shape), rtol=1e-3)


def test_forgetting_goes_back_to_the_telemetry_before_where_the_mask_says(
    outlook: EngineOutlook, points: dict[str, Any]
) -> None:
    outlook.reset()
    outlook.update(measured(points, 5))
    outlook.reset(np.array([True, False, False, False]))
    same = (outlook.past.values[RACK_POWER] == outlook.before.values[RACK_POWER]).all(axis=(0, 1))
    assert same.tolist() == [True, False, False, False]
    assert (outlook.past.now - outlook.before.now).tolist() == [0, 1, 1, 1]


def test_racks_of_a_row_share_its_power_by_their_rating(bench_of: BenchOf, outlook: EngineOutlook) -> None:
    layout = bench_of("edge_room").single.plant.layout
    rack_kw = outlook.past.values[RACK_POWER][-1]
    load_frac = rack_kw / layout.rack_rated_kw
    assert rack_kw.shape == (layout.n_racks, 4)
    for row in range(len(layout.row_rated_kw)):
        np.testing.assert_allclose(np.ptp(load_frac[layout.row_of == row], axis=0), 0.0, atol=1e-6)


def test_moves_on_the_engines_outlook_stay_in_range(bench_of: BenchOf, outlook: EngineOutlook) -> None:
    core = bench_of("edge_room").single
    core.reset(seed=0, plan=bench_of("edge_room").plan)
    mpc = Mpc(core, rules_from(core, {}), SMALL, ahead=outlook)
    mpc.reset(core.num_envs)
    wanted = mpc.act(core.measurements())
    for c in core.agent_channels:
        assert (wanted[c.name] >= c.low - 1e-4).all()
        assert (wanted[c.name] <= c.high + 1e-4).all()


def test_the_weeks_before_an_episode_are_none_that_it_meets(bench_of: BenchOf) -> None:
    core = bench_of("edge_room").single
    core.reset(seed=0, plan=bench_of("edge_room").plan)
    week, steps = core.world.steps_per_week, 28 * PER_DAY
    found = earlier_plan(core, steps)
    episode = core.plan.load_start[:, None] + np.arange(core.scenario.episode.steps)
    told = found.load_start[:, None] + np.arange(steps)
    assert found.load_start.min() >= 0
    assert not any(np.isin(a, b).any() for a, b in zip(told, episode))
    assert ((found.load_start + steps - core.plan.load_start) % week == 0).all()
    assert ((core.plan.site_start - found.site_start - steps) % core.world.site_steps == 0).all()
