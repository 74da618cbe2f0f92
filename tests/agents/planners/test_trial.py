from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.best_constant import held
from agents.planners.trial import INFEASIBLE_USD, Bench, Trial, gated_cost, limits_of
from agents.planners.tuning import rules_with

BenchOf = Callable[[str], Bench]


@pytest.fixture
def bench(bench_of: BenchOf) -> Bench:
    return bench_of("edge_room")


def made_up(hot: float, work: float, reward: float) -> Trial:
    zero = np.zeros((1, 2))
    sums = {
        "inlet_degree_minutes": zero + hot,
        "tcs_excess_degree_minutes": zero,
        "limit_excess_kwh": zero,
        "trips": zero,
        "work_done_h": zero + work,
        "r": zero + reward,
    }
    return Trial(sums, days=1.0, usd_per_reward=5.0)


def test_candidate_in_a_batch_scores_what_it_scores_alone(bench: Bench) -> None:
    points = np.random.default_rng(0).uniform(0.2, 0.8, (3, bench.single.decoder.size))
    open_limits = {**dict.fromkeys(limits_of(bench.judge(lambda core: rules_with(core, {}))), 1e9), "work_done_h": 0.0}
    together = bench.cost(held, open_limits)(points)
    alone = [float(bench.judge(lambda core, p=p: held(core, p)).cost_usd_day()[0]) for p in points]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_same_controller_twice_gives_the_same_sums(bench: Bench) -> None:
    first, again = (bench.judge(lambda core: rules_with(core, {})) for _ in range(2))
    for name, values in first.sums.items():
        np.testing.assert_array_equal(values, again.sums[name], err_msg=name)


def test_cost_is_minus_the_reward_in_dollars_per_day() -> None:
    assert made_up(0.0, 10.0, -7.0).cost_usd_day()[0] == pytest.approx(35.0)


def test_breach_of_a_gate_ranks_after_every_feasible_candidate_and_by_its_size() -> None:
    limits = limits_of(made_up(0.5, 100.0, 0.0))
    fine, hot, hotter, idle = (
        float(gated_cost(t, limits)[0])
        for t in (
            made_up(0.4, 100.0, -900.0),
            made_up(2.0, 100.0, 0.0),
            made_up(9.0, 100.0, 0.0),
            made_up(0.0, 90.0, 0.0),
        )
    )
    assert fine == pytest.approx(4500.0)
    assert INFEASIBLE_USD < hot < hotter
    assert idle > INFEASIBLE_USD


def test_work_within_a_thousandth_is_equal_work() -> None:
    limits = limits_of(made_up(0.0, 100.0, 0.0))
    assert gated_cost(made_up(0.0, 99.95, -1.0), limits)[0] < INFEASIBLE_USD
    assert gated_cost(made_up(0.0, 99.8, -1.0), limits)[0] > INFEASIBLE_USD


def test_reference_that_runs_away_opens_no_gate() -> None:
    assert limits_of(made_up(700.0, 100.0, 0.0))["inlet_degree_minutes"] == 1.0
