from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.planners.cem import Budget
from agents.planners.floor import energy_floor
from agents.planners.trial import Bench
from agents.references import RULES_AS_GIVEN, roster

BenchOf = Callable[[str], Bench]
SMALL = Budget(population=12, elites=4, iterations=4)


def test_floor_is_not_above_any_controller_at_full_work(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    trials = {who: bench.judge(make) for who, make in roster(bench.scenario).items()}
    rules = trials[RULES_AS_GIVEN]
    floor = energy_floor(bench, rules, SMALL, seed=0, also=trials.values())
    for who, trial in trials.items():
        full = trial.sums["work_done_h"][0] >= rules.sums["work_done_h"][0] * (1.0 - 1e-3)
        assert np.all(floor[full] <= trial.sums["facility_power_kwh"][0][full] + 1e-6), who
    assert np.all(floor > trials["random"].sums["it_power_kwh"][0] * 0.5)


def test_floor_found_without_help_is_below_the_setpoints_as_found(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    legacy = bench.judge(roster(bench.scenario)["legacy_fixed"])
    floor = energy_floor(bench, legacy, SMALL, seed=0)
    assert np.all(floor < 0.99 * legacy.sums["facility_power_kwh"][0])


def test_controller_that_drops_work_does_not_lower_the_floor(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    legacy = bench.judge(roster(bench.scenario)["legacy_fixed"])
    idle = legacy._replace(sums={**legacy.sums, "work_done_h": legacy.sums["work_done_h"] * 0.5})
    cheap = idle._replace(sums={**idle.sums, "facility_power_kwh": idle.sums["facility_power_kwh"] * 0.1})
    alone = energy_floor(bench, legacy, SMALL, seed=0)
    np.testing.assert_array_equal(energy_floor(bench, legacy, SMALL, seed=0, also=[cheap]), alone)
