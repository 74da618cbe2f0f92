from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.oracle import DescentSettings, Knots, oracle
from agents.planners.replayed import ReplayedSetpoints, setpoint_tape
from agents.planners.trial import CandidateTrials, gated_cost_each
from agents.planners.trial_slopes import TrialSlopes
from agents.planners.tuning import rules_from
from agents.references import reference_controllers
from envs.core import DataCenterCore

BenchOf = Callable[[str], CandidateTrials]
SMALL = DescentSettings(plays=6)


def test_oracle_is_never_worse_than_its_start_on_any_episode(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    base = reference_controllers(bench.scenario)["legacy_fixed"]
    reference = bench.columns_of(base)
    tape = oracle(bench, {"legacy_fixed": base}, base, SMALL).tape
    found = bench.columns_of(lambda core: ReplayedSetpoints(tape))
    before, after = (gated_cost_each(t, reference)[0] for t in (reference, found))
    assert np.all(after <= before * (1.0 + 1e-5) + 1e-4)
    assert after.mean() < 0.99 * before.mean()


def test_two_starts_find_no_worse_plan_than_either(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    makers = reference_controllers(bench.scenario)
    starts = {name: makers[name] for name in ("legacy_fixed", "rules_as_given")}
    alone = [oracle(bench, {n: m}, makers["legacy_fixed"], SMALL).cost_usd_day for n, m in starts.items()]
    both = oracle(bench, starts, makers["legacy_fixed"], SMALL)
    np.testing.assert_array_equal(both.cost_usd_day, np.minimum(*alone))
    assert set(both.begun_from) <= set(starts)


def test_a_plan_without_offsets_is_its_tape(bench_of: BenchOf) -> None:
    bench = bench_of("ai_hall")
    tape = setpoint_tape(bench, lambda core: rules_from(core, {}))
    knots = Knots(bench.single, len(tape), 3600.0)
    moved = knots.moved(tape, np.zeros(knots.shape(bench.episodes)))
    for before, after in zip(tape, moved):
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_offsets_run_straight_between_their_knots(bench_of: BenchOf) -> None:
    core = bench_of("edge_room").single
    knots = Knots(core, 25, 12 * core.step_s)
    assert knots.weights.shape == (25, 3)
    np.testing.assert_allclose(knots.weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(knots.weights @ [0.0, 1.0, 0.0], [*np.linspace(0, 1, 13), *np.linspace(1, 0, 13)[1:]])


@pytest.mark.parametrize("policy", ["rules_as_given", "legacy_fixed"])
def test_a_tape_played_again_does_what_the_controller_did(bench_of: BenchOf, policy: str) -> None:
    bench = bench_of("edge_room")
    make = reference_controllers(bench.scenario)[policy]
    tape = setpoint_tape(bench, make)
    again = bench.columns_of(lambda core: ReplayedSetpoints(tape))
    np.testing.assert_array_equal(again.sums["r"], bench.columns_of(make).sums["r"])


def test_slopes_of_an_episode_are_those_of_its_cost(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    tape = setpoint_tape(bench, lambda core: rules_from(core, {}))
    core = DataCenterCore(bench.scenario, bench.episodes, world=bench.world)
    back = TrialSlopes(core, list(tape[0]), 0.0)
    knots = Knots(core, len(tape), 3600.0)
    middle = np.random.default_rng(0).normal(0.0, 0.05, knots.shape(bench.episodes))  # where no setpoint stands still
    played = back.played(ReplayedSetpoints(knots.moved(tape, middle)), bench.plan, bench.seed)
    slopes = knots.slopes(back.slopes())
    step = 1e-3 * slopes / np.abs(slopes).max(axis=(0, 1))
    moved = back.played(ReplayedSetpoints(knots.moved(tape, middle - step)), bench.plan, bench.seed)
    found = (played.cost_usd_day_each() - moved.cost_usd_day_each())[0] * played.days
    expected = (slopes * step).sum(axis=(0, 1))
    assert np.all(found > 0.0)
    np.testing.assert_allclose(found, expected, rtol=0.2)


def test_an_oracle_without_a_start_says_so(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    with pytest.raises(ValueError, match="at least one controller"):
        oracle(bench, {}, reference_controllers(bench.scenario)["legacy_fixed"], SMALL)
