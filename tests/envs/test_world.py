"""Signals of the step: the same weekday and hour on both clocks, pools that begin again, forecasts that come true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.episode import EpisodePlan, draw_plan
from envs.scenario import load
from envs.world import World
from experiments.episodes import explicit_plan, restricted
from experiments.splits import load_split, plan_episodes

ONE_WEEK = ("site.workload_weeks=1",)


@pytest.fixture(scope="module")
def world() -> World:
    return World.build(load("edge_room", ONE_WEEK))


def plan_at(site_start: int, load_start: int = 0) -> EpisodePlan:
    one = np.zeros(1, np.int64)
    half = np.full(1, 0.5)
    return EpisodePlan(one, one + site_start, one, one + load_start, one, one, half, half, half * 0.0)


def at(world: World, site_start: int, t: int = 0, load_start: int = 0):
    return world.at(plan_at(site_start, load_start), np.array([t]), np.dtype("float64"))


def test_midnight_is_at_the_top_of_the_clock(world: World) -> None:
    outside, _ = at(world, 0)
    assert outside.hour_cos[0] == pytest.approx(1.0) and outside.hour_sin[0] == pytest.approx(0.0, abs=1e-6)
    noon, _ = at(world, world.steps_per_day // 2)
    assert noon.hour_cos[0] == pytest.approx(-1.0)


def test_a_year_and_a_pool_that_end_begin_again(world: World) -> None:
    last, load_last = at(world, world.site_steps - 1, load_start=world.load_steps - 1)
    first, load_first = at(world, world.site_steps - 1, t=1, load_start=world.load_steps - 1)
    again, load_again = at(world, 0)
    np.testing.assert_array_equal(first.dry_bulb_c, again.dry_bulb_c)
    np.testing.assert_array_equal(load_first.activity, load_again.activity)
    assert not np.array_equal(load_last.activity, load_again.activity)


def test_a_forecast_is_what_comes(world: World) -> None:
    now, _ = at(world, 1000)
    hour, _ = at(world, 1000, t=12)
    four, _ = at(world, 1000, t=48)
    assert now.forecast_wet_bulb_1h_c[0] == hour.wet_bulb_c[0]
    assert now.forecast_wet_bulb_4h_c[0] == four.wet_bulb_c[0]
    assert now.forecast_price_4h_usd_mwh[0] == four.price_usd_mwh[0]


def test_load_and_site_share_weekday_and_hour(world: World) -> None:
    scenario = load("edge_room", ONE_WEEK)
    rngs = [np.random.default_rng(k) for k in range(200)]
    plan = draw_plan(scenario, world, rngs, np.zeros(200, np.int64))
    np.testing.assert_array_equal(plan.site_start % world.steps_per_day, plan.load_start % world.steps_per_day)
    weekday = (plan.site_start // world.steps_per_day + 6) % 7
    np.testing.assert_array_equal(weekday, (plan.load_start // world.steps_per_day) % 7)


def test_starts_cover_the_days_that_the_scenario_allows(world: World) -> None:
    scenario = load(
        "edge_room", (*ONE_WEEK, "episode.start_day_low=10", "episode.start_day_high=13", "episode.random_hour=false")
    )
    plan = draw_plan(scenario, world, [np.random.default_rng(k) for k in range(60)], np.zeros(60, np.int64))
    assert set(plan.site_start.tolist()) == {d * world.steps_per_day for d in (10, 11, 12)}
    assert plan.billing_frac.min() >= 0.80 and plan.billing_frac.max() <= 0.95


def test_a_step_that_does_not_divide_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide a day"):
        World.build(load("edge_room", ("episode.step_s=420", "episode.substep_s=60")))


def test_a_step_of_part_minutes_is_refused_by_the_generator() -> None:
    with pytest.raises(ValueError, match="needs whole minutes"):
        World.build(load("edge_room", ("episode.step_s=90", "episode.substep_s=30")))


def test_two_seeds_are_two_loads() -> None:
    pools = [World.build(load("edge_room", (*ONE_WEEK, f"site.workload_seeds=[{k}]"))).activity_pool for k in (1, 2)]
    assert pools[0].shape == pools[1].shape and not np.array_equal(*pools)


@pytest.mark.parametrize("days", [3, 10])
def test_a_trace_keeps_its_place_in_the_week_and_may_be_shorter(days: int, tmp_path: Path) -> None:
    scenario = load("edge_room")
    racks = sum(group.count for group in scenario.racks.values())
    stamps = np.datetime64("2024-01-03T12:00:00") + np.arange(days * 24) * np.timedelta64(1, "h")  # a Wednesday
    rows = [f"{stamp}," + ",".join(["0.5"] * racks) for stamp in stamps]
    file = tmp_path / "trace.csv"
    file.write_text("\n".join(["time," + ",".join(f"rack_{k}" for k in range(racks)), *rows]) + "\n")
    traced = load("edge_room", [f"site.workload_file={file}"])
    world = World.build(traced)
    episodes = plan_episodes(load_split("test"), 24, 1)
    site = restricted(traced, episodes)
    explicit = explicit_plan(site, World.build(site), episodes)
    drawn = draw_plan(traced, world, [np.random.default_rng(k) for k in range(50)], np.zeros(50, np.int64))
    for plan in (explicit, drawn):
        assert np.all(plan.load == 0) and plan.load_start.max() < world.load_steps
        noon, day = world.steps_per_day // 2, world.steps_per_day
        of_trace = plan.load_start + 2 * day + noon  # since Monday
        week = 7 * day if days >= 7 else day
        np.testing.assert_array_equal(of_trace % week, (plan.site_start + 6 * day) % week)
