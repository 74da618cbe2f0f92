from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.planners.trial import CandidateTrials
from agents.planners.tuned import TunedRules, load_tuned
from agents.references import CAPPING, channels_of, reference_controllers
from envs.controllers.marginal_value import MarginalValueCaps
from envs.controllers.three_band import ThreeBandCaps
from envs.controllers.water_filling import WaterFillingCaps
from envs.core import DataCenterCore
from envs.interface.action import APPROACH_HIGH_K, APPROACH_LOW_K
from envs.play import play
from envs.scenario import SHIPPED, load

BenchOf = Callable[[str], CandidateTrials]
ALWAYS = {"random", "legacy_fixed", "rules_as_given", "rules_proportional_caps"}


def with_search(bench: CandidateTrials) -> TunedRules:
    scenario, core = bench.scenario, bench.single
    return TunedRules(
        scenario.name,
        "none",
        rules={"fan.kp_per_k": 0.02},
        fixed={"crah_fan_speed_frac": 0.8, "supply_air_temp_setpoint_c": 22.0},
        constant={"channels": channels_of(scenario), "action": [0.0] * core.decoder.size},
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_every_controller_writes_channels_of_the_right_shape_inside_their_ranges(bench_of: BenchOf, name: str) -> None:
    bench = bench_of(name)
    core = bench.single
    channels = {c.name: c for c in core.channels}
    for who, make in reference_controllers(bench.scenario, with_search(bench)).items():
        core.reset(seed=0, plan=bench.plan)
        controller = make(core)
        controller.reset(core.num_envs)
        for step in play(core, controller, 4):
            for key, value in step.wanted.items():
                c = channels[key]
                assert value.shape == (c.rows, core.num_envs), (who, key)
                assert value.dtype == np.float32, (who, key)
                low, high = c.low, c.high
                if c.encoding == "approach":  # over the wet bulb, before the range
                    wet = step.measured["wet_bulb_c"]
                    low, high = min(low, wet.min() + APPROACH_LOW_K), max(high, wet.max() + APPROACH_HIGH_K)
                assert low - 1e-4 <= value.min() and value.max() <= high + 1e-4, (who, key)
            for c in core.channels:
                assert core.in_force[c.name].min() >= c.low - 1e-4, (who, c.name)
                assert core.in_force[c.name].max() <= c.high + 1e-4, (who, c.name)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_controller_holds_every_channel_of_the_agent(bench_of: BenchOf, name: str) -> None:
    bench = bench_of(name)
    core = bench.single
    held = {c.name for c in core.agent_channels}
    made = reference_controllers(bench.scenario, with_search(bench))
    complete = {who: make for who, make in made.items() if who not in ("tuned_fixed", "pi")}
    for who, make in complete.items():
        core.reset(seed=0, plan=bench.plan)
        controller = make(core)
        controller.reset(core.num_envs)
        assert held <= set(controller.act(core.measurements())), who


def test_without_a_search_the_references_name_what_needs_none() -> None:
    scenario = load("edge_room")
    made = set(
        reference_controllers(scenario, TunedRules("edge_room", "none", constant={"channels": {}, "action": []}))
    )
    assert made >= ALWAYS
    assert "best_constant" not in made


def test_all_are_scored_from_the_same_flows_by_the_same_formula(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    trials = {
        who: bench.columns_of(make) for who, make in reference_controllers(bench.scenario, with_search(bench)).items()
    }
    demanded = {who: t.sums["work_demanded_h"] for who, t in trials.items()}
    columns = {who: set(t.sums) for who, t in trials.items()}
    for who in trials:
        np.testing.assert_array_equal(demanded[who], demanded["random"], err_msg=who)
        assert columns[who] == columns["random"], who


def test_random_policy_repeats_with_its_seed(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    first, again, other = (
        bench.columns_of(reference_controllers(bench.scenario, seed=s)["random"]).sums["r"] for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_rule_that_shares_the_feeder_best_is_tuned_and_the_given_one_stays_a_row() -> None:
    found = load_tuned("ai_hall_power_cap")
    assert found is not None and found.caps == "marginal_value"
    core = DataCenterCore("ai_hall_power_cap", 1, ("site.workload_weeks=1",))
    kinds = {
        who: {type(p) for p in make(core).parts}
        for who, make in reference_controllers(core.scenario).items()
        if "rules" in who
    }
    assert MarginalValueCaps in kinds["rules_tuned"]
    assert WaterFillingCaps in kinds["rules_water_filling_caps"] & kinds["rules_as_given"]
    assert found.scores["rules_tuned"]["cost_usd"] < found.scores["best_constant"]["cost_usd"]
    assert ThreeBandCaps in kinds["rules_three_band_caps"]
    assert MarginalValueCaps in kinds["rules_marginal_value_caps"]
    assert not {n for n in reference_controllers(load("ai_hall")) if n in CAPPING}


def test_the_pi_row_moves_fans_alone(bench_of: BenchOf) -> None:
    bench = bench_of("edge_room")
    core, found = bench.single, load_tuned("edge_room")
    assert found is not None
    core.reset(seed=0, plan=bench.plan)
    controller = reference_controllers(bench.scenario)["pi"](core)
    controller.reset(core.num_envs)
    wanted = [step.wanted for step in play(core, controller, 6)]
    fans, air = (np.stack([w[name] for w in wanted]) for name in ("crah_fan_speed_frac", "supply_air_temp_setpoint_c"))
    assert np.ptp(fans, axis=0).min() > 0.0
    np.testing.assert_allclose(air, found.fixed["supply_air_temp_setpoint_c"], rtol=1e-6)
