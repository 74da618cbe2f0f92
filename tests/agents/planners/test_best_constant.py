from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.best_constant import ConstantAction, FixedBox, find_constant, find_fixed, fixed_setpoints
from agents.planners.cem import Budget
from agents.planners.trial import CandidateTrials, gated_cost, limits_of
from agents.planners.tuning import rules_from
from agents.references import reference_controllers
from envs.scenario import load

BenchOf = Callable[[str], CandidateTrials]
SMALL = Budget(population=16, elites=4, iterations=6)


@pytest.fixture
def bench(bench_of: BenchOf) -> CandidateTrials:
    return bench_of("edge_room")


def limits(bench: CandidateTrials) -> dict[str, float]:
    return limits_of(bench.columns_of(lambda core: rules_from(core, {})))


def test_best_constant_beats_random_and_legacy_on_its_own_episodes(bench: CandidateTrials) -> None:
    bounds = limits(bench)
    action = find_constant(bench, bounds, SMALL, seed=0)
    best = gated_cost(bench.columns_of(lambda core: ConstantAction(core, action)), bounds)[0]
    references = reference_controllers(bench.scenario)
    for name in ("random", "legacy_fixed"):
        assert best < bench.columns_of(references[name]).cost_usd_day()[0], name


def test_search_of_the_best_constant_is_deterministic(bench: CandidateTrials) -> None:
    tiny = Budget(population=6, elites=2, iterations=2)
    first, again = (find_constant(bench, limits(bench), tiny, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_tuned_fixed_beats_legacy_and_keeps_the_gates(bench: CandidateTrials) -> None:
    bounds = limits(bench)
    values = find_fixed(bench, bounds, SMALL, seed=0)
    trial = bench.columns_of(lambda core: fixed_setpoints(core.channels, values))
    assert (
        gated_cost(trial, bounds)[0]
        < bench.columns_of(reference_controllers(bench.scenario)["legacy_fixed"]).cost_usd_day()[0]
    )


def test_values_survive_the_way_through_the_box(bench: CandidateTrials) -> None:
    box = FixedBox(bench.single)
    values = {c.name: c.low + 0.25 * (c.high - c.low) for c in bench.single.channels if c.name in box.names}
    assert box.decode(box.encode(values)) == pytest.approx(values)


def test_power_limits_are_searched_only_where_the_feeder_binds(bench_of: BenchOf) -> None:
    assert "rack_power_limit_frac" not in FixedBox(bench_of("ai_hall").single).names
    assert load("ai_hall_power_cap").power.ups_limit_kw < 1600
    assert "rack_power_limit_frac" in FixedBox(bench_of("ai_hall_power_cap").single).names
