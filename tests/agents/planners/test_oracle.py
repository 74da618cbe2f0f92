from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.planners.cem import Budget
from agents.planners.oracle import Offset, oracle, plan_size, setpoint_replay
from agents.planners.trial import CandidateTrials, gated_cost_each
from agents.planners.tuning import rules_from
from agents.references import reference_controllers

BenchOf = Callable[[str], CandidateTrials]
SMALL = Budget(population=12, elites=4, iterations=4, spread=0.1)


def test_oracle_is_never_worse_than_its_base_on_any_episode(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    base = reference_controllers(bench.scenario)["legacy_fixed"]
    reference = bench.columns_of(base)
    found = oracle(bench, base, SMALL, seed=0)
    before, after = (gated_cost_each(t, reference)[0] for t in (reference, found.trial))
    assert np.all(after <= before * (1.0 + 1e-5) + 1e-4)
    assert after.mean() < 0.99 * before.mean()


def test_plan_without_offsets_is_its_base(bench_of: BenchOf) -> None:
    bench = bench_of("ai_hall")
    still = np.full((bench.episodes, plan_size(bench.single)), 0.5, np.float32)
    base = bench.columns_of(lambda core: rules_from(core, {}))
    offset = bench.columns_of(lambda core: Offset(core, rules_from(core, {}), still))
    np.testing.assert_allclose(offset.sums["r"], base.sums["r"], rtol=1e-3)


def test_each_episode_has_a_plan_of_its_own(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    found = oracle(bench, reference_controllers(bench.scenario)["legacy_fixed"], SMALL, seed=1)
    assert found.plans.shape == (bench.episodes, plan_size(bench.single))
    assert not np.array_equal(found.plans[0], found.plans[1])


def test_a_replay_does_what_the_controller_did_and_a_plan_on_it_is_never_worse(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    first = bench.columns_of(lambda core: rules_from(core, {}))
    again = setpoint_replay(bench, lambda core: rules_from(core, {}))
    np.testing.assert_array_equal(bench.columns_of(again).sums["r"], first.sums["r"])
    found = oracle(bench, again, Budget(population=4, elites=2, iterations=2, spread=0.05), seed=0)
    assert found.trial.cost_usd_day()[0] <= first.cost_usd_day()[0] * (1.0 + 1e-6)
