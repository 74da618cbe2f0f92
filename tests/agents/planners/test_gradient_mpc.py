from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.adam import Adam
from agents.planners.gradient_mpc import GradientMpc, GradientMpcSettings
from agents.planners.mpc import CandidateCosts, MpcSettings
from agents.planners.trial import CandidateTrials
from agents.planners.tuning import rules_from
from envs.play import play, play_through

BenchOf = Callable[[str], CandidateTrials]
SMALL = GradientMpcSettings(horizon_s=900.0, block_s=300.0, iterations=3, rate=0.01)


@pytest.mark.parametrize("name", ["edge_room", "ai_hall"])
def test_moves_stay_in_range_and_have_the_shape_of_their_channel(bench_of: BenchOf, name: str) -> None:
    bench = bench_of(name)
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    mpc = GradientMpc(core, rules_from(core, {}), SMALL)
    mpc.reset(core.num_envs)
    for step in play(core, mpc, 3):
        for c in core.agent_channels:
            value = step.wanted[c.name]
            assert value.shape == (c.rows, core.num_envs)
            assert value.dtype == np.float32
            assert value.min() >= c.low - 1e-4
            assert value.max() <= c.high + 1e-4


def test_its_forecast_costs_what_the_searching_mpc_expects(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    mpc = GradientMpc(core, rules_from(core, {}), SMALL)
    rule, measured = mpc.base.act(core.measurements()), core.measurements()
    mpc.foresight.twin.update(measured)
    mpc.costs.begin(measured, 1)
    held = mpc.costs.cost([rule] * mpc.foresight.steps)
    expected = CandidateCosts(mpc.foresight, measured, 1).cost(rule)
    np.testing.assert_allclose(held, expected, rtol=1e-3, atol=1e-3)


def test_slopes_of_a_forecast_are_those_of_its_cost(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    mpc = GradientMpc(core, rules_from(core, {}), SMALL)
    measured = core.measurements()
    rule = {
        name: value - 0.3 * (name == "supply_air_temp_setpoint_c") for name, value in mpc.base.act(measured).items()
    }
    mpc.foresight.twin.update(measured)
    mpc.costs.begin(measured, 1)
    mpc.costs.cost([rule] * mpc.foresight.steps)
    name, step = "crah_fan_speed_frac", 0.004
    slope = sum(by[name] for by in mpc.costs.slopes()).sum(axis=0)
    up, down = (
        mpc.costs.cost([{**rule, name: rule[name] + d}] * mpc.foresight.steps).astype(np.float64) for d in (step, -step)
    )
    np.testing.assert_allclose((up - down) / (2.0 * step), slope, rtol=0.2, atol=0.05 * np.abs(slope).max())


def test_controller_moves_a_wasteful_rule_to_less_cost(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    wasteful = {"fan.setpoint_c": 21.0, "supply_air.high": 19.0}
    base = bench.columns_of(lambda core: rules_from(core, wasteful))
    moved = bench.columns_of(lambda core: GradientMpc(core, rules_from(core, wasteful), SMALL))
    assert moved.cost_usd_day()[0] < base.cost_usd_day()[0]


def test_a_masked_reset_forgets_the_plan_there_alone(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    mpc = GradientMpc(core, rules_from(core, {}), SMALL)
    mpc.reset(core.num_envs)
    play_through(core, mpc, 1)
    mpc.reset(core.num_envs, np.array([True, False, False, False]))
    assert mpc.plan is not None
    assert np.isnan(mpc.plan[..., 0]).all() and np.isfinite(mpc.plan[..., 1:]).all()
    wanted = mpc.act(core.measurements())
    assert all(np.isfinite(value).all() for value in wanted.values())


def test_a_repeated_run_makes_the_same_moves(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    mpc = GradientMpc(bench.single, rules_from(bench.single, {}), SMALL)
    first, again = (bench.columns_of(lambda core: mpc).sums["r"] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_what_cannot_be_planned_stays_with_the_rule(bench_of: BenchOf) -> None:
    core = bench_of("edge_room").single
    core.reset(seed=0, plan=bench_of("edge_room").plan)
    wanted = GradientMpc(core, rules_from(core, {}), SMALL).act(core.measurements())
    rule = rules_from(core, {}).act(core.measurements())
    for name in ("battery_power_kw", "rack_power_limit_frac"):
        np.testing.assert_array_equal(wanted[name], rule[name])


def test_it_looks_as_far_and_as_carefully_as_the_searching_mpc() -> None:
    ours, theirs = GradientMpcSettings(), MpcSettings()
    assert (ours.horizon_s, ours.margin_k) == (theirs.horizon_s, theirs.margin_k)


def test_adam_moves_by_one_against_a_slope_that_stays_and_stands_still_where_signs_change() -> None:
    adam = Adam((2, 1))
    for k in range(200):
        step = adam.direction(np.array([[5.0], [(-1.0) ** k]]))
    np.testing.assert_allclose(step[0], 1.0, rtol=1e-6)
    assert abs(step[1, 0]) < 0.1
    adam.forget(np.array([True]))
    np.testing.assert_allclose(adam.direction(np.array([[-2.0], [0.0]])), [[-1.0], [0.0]], atol=1e-9)
