from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.best_constant import constant_action
from agents.planners.trial import INFEASIBLE_USD, CandidateTrials, Trial, gated_cost, gated_cost_each, limits_of
from agents.planners.tuning import rules_from
from envs.interface.constraints import CONSTRAINTS, GATES, Constraint
from experiments.evaluation.gates import failed_gates

BenchOf = Callable[[str], CandidateTrials]


@pytest.fixture
def bench(bench_of: BenchOf) -> CandidateTrials:
    return bench_of("edge_room")


def made_up(hot: float, work: float, reward: float) -> Trial:
    zero = np.zeros((1, 2))
    sums = {
        "degree_minutes_worst_rack": zero + hot,
        "tcs_degree_minutes": zero,
        "overload_kwh": zero,
        "protection_s": zero,
        "trips": zero,
        "actuator_travel": zero,
        "busiest_setpoint_travel": zero,
        "work_done_h": zero + work,
        "r": zero + reward,
    }
    return Trial(sums, days=1.0, usd_per_reward=5.0)


def test_candidate_in_a_batch_scores_what_it_scores_alone(bench: CandidateTrials) -> None:
    points = np.random.default_rng(0).uniform(0.2, 0.8, (3, bench.single.decoder.size))
    open_limits = {
        **dict.fromkeys(limits_of(bench.columns_of(lambda core: rules_from(core, {}))), 1e9),
        "work_done_h": 0.0,
    }
    together = bench.cost(constant_action, open_limits)(points)
    alone = [float(bench.columns_of(lambda core, p=p: constant_action(core, p)).cost_usd_day()[0]) for p in points]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_same_controller_twice_gives_the_same_sums(bench: CandidateTrials) -> None:
    first, again = (bench.columns_of(lambda core: rules_from(core, {})) for _ in range(2))
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
    assert gated_cost(made_up(0.0, 99.85, -1.0), limits)[0] < INFEASIBLE_USD  # a thousandth, and 0.1 h a day
    assert gated_cost(made_up(0.0, 99.75, -1.0), limits)[0] > INFEASIBLE_USD


def test_reference_that_runs_away_opens_no_gate() -> None:
    assert limits_of(made_up(700.0, 100.0, 0.0))["degree_minutes_worst_rack"] == 1.0


def test_what_even_the_safest_controller_needs_is_no_breach_of_the_budget() -> None:
    limits = limits_of(made_up(40.2, 100.0, 0.0), made_up(39.5, 100.0, 0.0))
    assert limits["degree_minutes_worst_rack"] == 39.5
    assert gated_cost(made_up(39.5, 100.0, -1.0), limits)[0] < INFEASIBLE_USD


@pytest.mark.parametrize("gate", GATES, ids=lambda c: c.name)
def test_a_search_breaks_on_the_very_gates_that_a_report_has(gate: Constraint) -> None:
    fine = made_up(0.0, 100.0, -1.0)
    reference = {c.name: 100.0 if c.at_least else 0.0 for c in GATES}
    worse = 90.0 if gate.at_least else gate.allowance_per_day + 1.0
    broken = fine._replace(sums={**fine.sums, gate.name: np.full((1, 2), worse)})
    assert gated_cost(fine, reference)[0] < INFEASIBLE_USD < gated_cost(broken, reference)[0]
    assert np.all(gated_cost_each(broken, fine) > INFEASIBLE_USD) and np.all(gated_cost_each(fine, fine) < 6.0)
    days, one = np.ones(2), {name: values[0] for name, values in fine.sums.items()}
    judged = failed_gates({**one, gate.name: np.full(2, worse), "days": days}, {**one, "days": days})
    assert len(judged) == 1 and gate.meaning in judged[0]


def test_a_trial_uses_what_the_evaluation_scores(bench: CandidateTrials) -> None:
    from experiments.evaluate import score_and_trace

    found = bench.columns_of(lambda core: core.rules)
    bench.single.reset(seed=bench.seed, plan=bench.plan)
    table, _ = score_and_trace(bench.single, bench.single.rules, bench.scenario.episode.steps)
    for c in CONSTRAINTS:
        np.testing.assert_allclose(found.sums[c.name][0], table[c.name], rtol=1e-9, err_msg=c.name)
    np.testing.assert_allclose(found.cost_usd_day_each()[0], table["cost_usd_day"], rtol=1e-5)
