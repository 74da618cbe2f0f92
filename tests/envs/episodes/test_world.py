"""Signals of the step: the same weekday and hour on both clocks, pools that begin again, forecasts that come true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.episodes.episode import EpisodePlan, draw_plan
from envs.episodes.world import World
from envs.physics.psychrometrics import humidity_ratio, wet_bulb_c
from envs.scenario import load
from envs.signals.step import LEAST_HUMIDITY, Load, outside_from_bulbs
from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes
from experiments.evaluation.splits import load_split, plan_episodes

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


def test_after_the_last_hour_of_a_site_s_year_comes_its_first(world: World) -> None:
    last, first, again = at(world, world.site_steps - 1), at(world, world.site_steps - 1, t=1), at(world, 0)
    np.testing.assert_array_equal(first[0].dry_bulb_c, again[0].dry_bulb_c)
    assert not np.array_equal(last[0].dry_bulb_c, again[0].dry_bulb_c)


def met(world: World, load_start: int, steps: np.ndarray) -> Load:
    """Load at many steps of one episode, side by side."""
    zero = np.zeros(len(steps), np.int64)
    half = np.full(len(steps), 0.5)
    plan = EpisodePlan(zero, zero, zero, zero + load_start, zero, zero, half, half, half * 0.0)
    return world.at(plan, steps, np.dtype("float32"))[1]


@pytest.mark.parametrize("name", ["edge_room", "ai_hall", "liquid_hall"])
def test_a_year_drawn_from_a_shipped_world_never_sees_a_week_twice(name: str) -> None:
    """No two of 52 weeks agree: the racks' mean load differs by more than 0.03 of its mean (WORKLOAD 6d)."""
    world = World.build(load(name))
    start = world.drawn_steps - world.steps_per_day  # the last day on which an episode may begin
    week = world.steps_per_week
    activity = met(world, start, np.arange(0, 52 * week, 12)).activity.sum(axis=(0, 1)).reshape(52, -1)
    assert world.load_steps >= start + 52 * week - 12
    for apart in range(1, 52):
        differ = np.abs(activity[apart:] - activity[:-apart]).max(axis=1) / activity.mean()
        assert differ.min() > 0.03, f"weeks {apart} apart differ by {differ.min():.3f}"


def test_a_week_s_episode_that_begins_on_the_last_day_goes_on_into_new_load() -> None:
    world = World.build(load("edge_room", ("episode.steps=2016",)))
    start, short = world.drawn_steps - world.steps_per_day, world.load_steps
    met(world, start, np.array([2016]))
    assert short == 8 * world.steps_per_week and world.load_steps == 9 * world.steps_per_week
    goes_on = met(world, start, np.arange(2017)).activity
    for week in range(8):
        kept = world.activity_pool[week * 2016 : (week + 1) * 2016].T
        assert not np.array_equal(goes_on[:, :, 288:].reshape(len(kept), -1)[:, :1728], kept[:, :1728])


def test_when_the_load_was_made_longer_changes_nothing() -> None:
    short, early = (World.build(load("edge_room", ONE_WEEK)) for _ in range(2))
    long = World.build(load("edge_room", ("site.workload_weeks=3",)))
    steps = np.arange(0, 3 * short.steps_per_week, 7)
    met(early, 0, np.array([2 * early.steps_per_week]))
    by_step = [met(short, 0, steps[k : k + 1]) for k in range(len(steps))]
    for name in Load._fields:
        one_go, before = getattr(met(long, 0, steps), name), getattr(met(early, 0, steps), name)
        np.testing.assert_array_equal(np.concatenate([getattr(step, name) for step in by_step], axis=-1), one_go)
        np.testing.assert_array_equal(before, one_go)


def test_drawn_weeks_do_not_depend_on_how_long_the_load_was_made() -> None:
    scenario = load("edge_room", ("site.workload_weeks=2",))
    worlds = [World.build(scenario) for _ in range(2)]
    met(worlds[1], 0, np.array([9 * worlds[1].steps_per_week]))
    plans = [draw_plan(scenario, w, [np.random.default_rng(k) for k in range(64)], np.zeros(64, int)) for w in worlds]
    np.testing.assert_array_equal(plans[0].load_start, plans[1].load_start)
    assert plans[0].load_start.max() < worlds[0].drawn_steps < worlds[1].load_steps


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
    site = scenario_of_episodes(traced, episodes)
    explicit = explicit_plan(site, World.build(site), episodes)
    drawn = draw_plan(traced, world, [np.random.default_rng(k) for k in range(50)], np.zeros(50, np.int64))
    for plan in (explicit, drawn):
        assert np.all(plan.load == 0) and plan.load_start.max() < world.load_steps
        noon, day = world.steps_per_day // 2, world.steps_per_day
        of_trace = plan.load_start + 2 * day + noon  # since Monday
        week = 7 * day if days >= 7 else day
        np.testing.assert_array_equal(of_trace % week, (plan.site_start + 6 * day) % week)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_bulbs_tell_the_humidity_of_air_in_frost_and_heat(dtype: type) -> None:
    dry, rh = np.array([-15.0, -5.0, -0.5, 3.0, 20.0, 38.0]), np.array([0.8, 0.6, 0.9, 0.5, 0.4, 0.2])
    true, wet = humidity_ratio(dry, rh, 101.325), wet_bulb_c(dry, rh, 101.325)
    made = outside_from_bulbs(dry.astype(dtype), wet.astype(dtype), 0.0)
    np.testing.assert_allclose(made.humidity_ratio, true, rtol=2e-3)
    assert all(value.dtype == dtype for value in made)


def test_noise_makes_no_air_wetter_than_wet_nor_drier_than_dry() -> None:
    made = outside_from_bulbs(np.array([20.0, -10.0]), np.array([20.4, -25.0]), 0.0)
    np.testing.assert_array_equal(made.wet_bulb_c, [20.0, -25.0])
    assert made.humidity_ratio[1] == LEAST_HUMIDITY


def test_what_was_measured_besides_is_taken_as_it_is_and_the_rest_is_zero() -> None:
    ten = np.array([10.0])
    made = outside_from_bulbs(2.0 * ten, ten, 540.0, humidity_ratio=0.001 * ten, price_usd_mwh=4.0 * ten)
    assert made.humidity_ratio[0] == 0.01 and made.price_usd_mwh[0] == 40.0
    assert made.elevation_m[0] == 540.0 and made.pressure_kpa[0] == pytest.approx(95.0, abs=0.02)
    assert made.carbon_g_kwh[0] == made.hour_sin[0] == 0.0


def test_worlds_of_one_scenario_share_their_signals_and_nothing_else() -> None:
    scenario = load("edge_room", ["site.workload_weeks=1"])
    one, other = World.shared(scenario), World.shared(scenario)
    assert one is not other and one.site_pool is other.site_pool and not one.site_pool.flags.writeable
    for name in ("site_pool", "activity_pool", "job_pool", "queue_pool", "swing_pool"):
        np.testing.assert_array_equal(getattr(one, name), getattr(World.build(scenario), name))
    one._lengthen(one.load_steps)
    one.swing_pool = one.swing_pool * np.float32(0.0)
    assert World.shared(scenario).load_steps == other.load_steps < one.load_steps
    assert World.shared(scenario).swing_pool is other.swing_pool
    another = World.shared(load("edge_room", ["site.workload_weeks=2"]))
    assert another.load_steps == 2 * other.load_steps
