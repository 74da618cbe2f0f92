"""Headroom of the caps as an action, and the bound of someone who knows the coming minute."""

from __future__ import annotations

import numpy as np
import pytest

from agents.planners.tuned import load_tuned
from agents.planners.tuning import rules_from
from envs.core import DataCenterCore
from envs.scenario import load
from envs.trees import leaves

pytest.importorskip("stable_baselines3")

from scripts.foreseen_caps import ForeseenCaps
from scripts.headroom import FEATURES, HeadroomRule, HeadroomSites

SHORT = ("site.workload_weeks=1", "episode.steps=40")
FOUND = load_tuned("ai_hall_power_cap")
assert FOUND is not None
CONSTANTS = {**FOUND.rules, "caps": "marginal_value"}
CAPS = "rack_power_limit_frac"


def begun(sites: int = 4) -> DataCenterCore:
    core = DataCenterCore("ai_hall_power_cap", sites, SHORT)
    core.reset(seed=3)
    return core


def test_an_action_of_zero_is_the_rule_to_the_bit() -> None:
    core = begun()
    rule, headroom = rules_from(core, CONSTANTS), HeadroomRule(core, CONSTANTS)
    headroom.reset(4)
    for _ in range(20):
        seen = core.measurements()
        wanted, ours = rule.act(seen), headroom.told(np.zeros((4, 2)), seen)
        np.testing.assert_array_equal(wanted[CAPS], ours[CAPS])
        core.step_setpoints(wanted)


def test_less_headroom_gives_the_racks_more_power() -> None:
    power = []
    for action in (-1.0, 1.0):
        core = begun()
        headroom = HeadroomRule(core, CONSTANTS, lambda seen, action=action: np.full((len(seen), 2), action))
        headroom.reset(4)
        limits = [headroom.act(core.measurements())[CAPS]]
        for _ in range(12):
            core.step_setpoints(headroom.act(core.measurements()))
            limits.append(core.in_force[CAPS])
        power.append(np.mean(limits))
    assert power[0] < power[1]


def test_the_rule_beside_its_twin_is_paid_nothing() -> None:
    sites = HeadroomSites(load("ai_hall_power_cap", SHORT), 3, CONSTANTS)
    sites.seed(5)
    assert sites.reset().shape == (3, FEATURES)
    ends = 0
    for _ in range(60):
        seen, paid, ended, infos = sites.step(np.zeros((3, 2)))
        assert (paid == 0.0).all() and (np.abs(seen) <= 5.0).all()
        assert [bool(info) for info in infos] == ended.tolist()
        ends += int(ended.sum())
    assert ends >= 3


def test_trying_a_step_leaves_the_hall_as_it_was() -> None:
    core = begun()
    policy = ForeseenCaps(core, CONSTANTS, swaps=True)
    policy.reset(4)
    before: list[np.ndarray] = []
    leaves(core.now, before)
    kept = [x.copy() for x in before]
    policy.act(core.measurements())
    after: list[np.ndarray] = []
    leaves(core.now, after)
    for old, new in zip(kept, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_who_knows_the_coming_minute_does_not_meet_the_protection() -> None:
    core = begun()
    policy = ForeseenCaps(core, CONSTANTS)
    policy.reset(4)
    held = []
    for _ in range(20):
        core.step_setpoints(policy.act(core.measurements()))
        held.append(np.asarray(core.flows.capper_active_s).max())
    assert max(held[6:]) == 0.0  # episodes may begin under it
