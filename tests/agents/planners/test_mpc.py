from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.cem import Budget
from agents.planners.mpc import Mpc, MpcSettings
from agents.planners.trial import CandidateTrials
from agents.planners.tuning import rules_from
from envs.play import play, play_through

BenchOf = Callable[[str], CandidateTrials]
SMALL = MpcSettings(horizon_s=600.0, budget=Budget(population=6, elites=2, iterations=2, spread=0.15))


@pytest.mark.parametrize("name", ["edge_room", "ai_hall", "liquid_hall", "ai_hall_power_cap"])
def test_moves_stay_in_range_and_have_the_shape_of_their_channel(bench_of: BenchOf, name: str) -> None:
    bench = bench_of(name)
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    mpc = Mpc(core, rules_from(core, {}), SMALL)
    mpc.reset(core.num_envs)
    for step in play(core, mpc, 2):
        for c in core.agent_channels:
            value = step.wanted[c.name]
            assert value.shape == (c.rows, core.num_envs)
            assert value.dtype == np.float32
            assert value.min() >= c.low - 1e-4
            assert value.max() <= c.high + 1e-4


def test_same_measurements_give_the_same_move_whatever_the_plant_is_in(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    seen = {name: value.copy() for name, value in core.measurements().items()}
    first = Mpc(core, rules_from(core, {}), SMALL).act(seen)
    play_through(core, core.rules, 3)
    again = Mpc(core, rules_from(core, {}), SMALL).act(seen)
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)


def test_controller_moves_a_wasteful_rule_to_less_energy(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    base = bench.columns_of(lambda core: rules_from(core, {"fan.setpoint_c": 21.0, "supply_air.high": 19.0}))
    moved = bench.columns_of(
        lambda core: Mpc(core, rules_from(core, {"fan.setpoint_c": 21.0, "supply_air.high": 19.0}), SMALL)
    )
    assert moved.sums["facility_power_kwh"].sum() < base.sums["facility_power_kwh"].sum()


def test_a_masked_reset_forgets_the_plan_there_alone(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core = bench.single
    core.reset(seed=0, plan=bench.plan)
    mpc = Mpc(core, rules_from(core, {}), SMALL)
    mpc.reset(core.num_envs)
    play_through(core, mpc, 1)
    mpc.reset(core.num_envs, np.array([True, False, False, False]))
    assert mpc.plan is not None
    plan = mpc.plan["crah_fan_speed_frac"]
    assert np.isnan(plan[:, 0]).all() and np.isfinite(plan[:, 1:]).all()
    wanted = mpc.act(core.measurements())
    assert all(np.isfinite(value).all() for value in wanted.values())


def test_a_repeated_run_makes_the_same_moves(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    mpc = Mpc(bench.single, rules_from(bench.single, {}), SMALL)
    first, again = (bench.columns_of(lambda core: mpc).sums["r"] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_what_cannot_be_planned_stays_with_the_rule(bench_of: BenchOf) -> None:
    core = bench_of("edge_room").single
    core.reset(seed=0, plan=bench_of("edge_room").plan)
    wanted = Mpc(core, rules_from(core, {}), SMALL).act(core.measurements())
    rule = rules_from(core, {}).act(core.measurements())
    for name in ("battery_power_kw", "rack_power_limit_frac"):
        np.testing.assert_array_equal(wanted[name], rule[name])
