"""Load targets and the limits that hold them: what each tier gives, what it costs, and what is never asked."""

from __future__ import annotations

import numpy as np
import pytest

from envs.equipment.rack import demand_terms
from envs.equipment.rack_archetypes import RackArchetype
from envs.equipment.rack_table import rack_table
from envs.equipment.throughput import CLASSES, POWER_SHARE
from envs.scheduling.curtailment import Curtailment, LoadTarget, checked_target
from envs.scheduling.tier_limits import LOWEST_RHO, TIER_THROUGHPUT, TierCurves, unlimited

IDLE = 0.16
KINDS = 2


def target(**changes: object) -> LoadTarget:
    whole = LoadTarget(np.array([750.0]), np.array([600.0]), np.array([4200.0]), np.array([1000.0]))
    return whole._replace(**changes)


def test_without_a_limit_nobody_gives_anything() -> None:
    free, known = TierCurves(KINDS, IDLE).at(np.ones(3)), unlimited(KINDS, 3)
    np.testing.assert_allclose(free.activity, known.activity)
    np.testing.assert_allclose(free.work, known.work)


def test_each_tier_keeps_its_least_throughput_and_tier_0_all_of_it() -> None:
    least = TierCurves(KINDS, IDLE).at(np.zeros(1)).work[:, :, 0]
    assert (least[:, 0] == 1.0).all()
    np.testing.assert_allclose(least, np.broadcast_to(TIER_THROUGHPUT, least.shape), atol=1e-9)


def test_one_limit_for_all_slows_tier_0_too() -> None:
    curves = TierCurves(KINDS, IDLE, tiered=False)
    assert (curves.floor == LOWEST_RHO).all() and (curves.at(np.array([0.5])).work < 0.75).all()


def test_a_limit_costs_less_work_than_power() -> None:
    for rho in (0.6, 0.7, 0.8, 0.9):
        assert (TierCurves(KINDS, IDLE, tiered=False).at(np.array([rho])).work > rho).all()


@pytest.mark.parametrize("kind", [0, 1])
def test_the_activity_of_a_limit_draws_what_the_limit_says(kind: int) -> None:
    archetype, rho = RackArchetype(), 0.7
    racks = rack_table([archetype], np.array([[kind], [CLASSES.index("none")]]), np.float64)
    given = TierCurves(KINDS, archetype.accelerator_idle_frac, tiered=False).at(np.array([rho])).activity[kind, 3, 0]

    def accelerators_kw(activity: float) -> float:
        demand = demand_terms(racks, np.array([[[activity]], [[0.0]]]))
        return float(demand.total_kw[0, 0] + demand.idle_kw[0, 0])

    whole = archetype.accelerators * archetype.accelerator_tdp_kw * POWER_SHARE[kind]
    assert accelerators_kw(1.0) == pytest.approx(whole)
    assert accelerators_kw(given) == pytest.approx(rho * whole)


def test_power_falls_in_the_ramp_is_held_and_rises_to_the_ceiling_until_the_recovery_is_over() -> None:
    asked = target(ramp_s=120.0, release_s=600.0, recovery_s=1200.0)
    at = {since: float(asked.at(float(since), 60.0)[0]) for since in (540, 600, 660, 720, 4140, 4200, 4740, 4800, 5340)}
    assert at[540] == np.inf
    assert (at[600], at[660], at[720], at[4140]) == pytest.approx((937.5, 812.5, 750.0, 750.0))
    assert (at[4200], at[4740], at[4800]) == pytest.approx((762.5, 987.5, 1000.0))
    assert float(asked.at(5400.0, 60.0)[0]) == np.inf


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"power_kw": np.array([0.0])}, "give 0 < power_kw"),
        ({"power_kw": np.array([1200.0])}, "power_kw <= ceiling_kw"),
        ({"ceiling_kw": np.array([np.nan])}, "ceiling_kw"),
        ({"end_s": np.array([600.0])}, "the end behind the start"),
        ({"ramp_s": -1.0}, "ramp_s = -1.0"),
    ],
)
def test_a_target_that_cannot_be_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_target(target(**wrong), 1)


def test_an_unknown_way_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="did you mean 'tiers'"):
        Curtailment(checked_target(target(), 1), "tier", [RackArchetype()], np.array([True]), KINDS)
