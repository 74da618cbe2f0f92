"""What rack groups would draw and do: the plant's own racks, moment by moment, with power alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scenario import load
from experiments.power_planning.hall_demand import HallDemand, grown, hall_demand


@cache
def hall() -> HallDemand:
    return hall_demand(load("ai_hall", ["site.workload_weeks=1"]), (3,), 1)


def test_without_limits_all_work_is_done_and_all_demand_is_drawn() -> None:
    drawn, done = hall().capped(np.full_like(hall().wanted_kw, np.inf))
    np.testing.assert_allclose(drawn, hall().wanted_kw)
    np.testing.assert_allclose(done, hall().asked_h())


def test_under_a_lower_limit_less_is_drawn_and_done_but_never_less_than_the_driver_s_lowest_cap() -> None:
    before = hall().capped(hall().wanted_kw)
    for share in (0.9, 0.6, 0.3, 0.0):
        drawn, done = hall().capped(share * hall().wanted_kw)
        assert (drawn <= before[0] + 1e-9).all() and (done <= before[1] + 1e-9).all()
        assert (drawn >= hall().floor_kw - 1e-9).all()
        before = drawn, done
    np.testing.assert_allclose(before[0], hall().floor_kw)


def test_the_pieces_cover_each_outlet_from_its_floor_to_full_activity() -> None:
    pieces = hall().pieces()
    top = pieces.floor_kw.copy()
    np.add.at(top, pieces.outlet, pieces.width_kw)
    full = np.array([[w.full_kw] for w in hall().classes])
    np.testing.assert_allclose(top[len(hall().groups) :], np.maximum(full, hall().wanted_kw[len(hall().groups) :]))
    assert (pieces.width_kw >= 0.0).all()


def test_a_moment_is_decided_on_the_one_before_and_a_seed_s_first_on_itself() -> None:
    watched = hall().watched()
    np.testing.assert_array_equal(watched.seen.activity[:, 1:], hall().activity[:, :-1])
    np.testing.assert_array_equal(watched.seen.activity[:, 0], hall().activity[:, 0])


def test_racks_are_added_in_proportion_and_none_is_lost_in_rounding() -> None:
    base = load("ai_hall")
    have = {name: group.count for name, group in base.racks.items()}
    for added in (1, 7, 20):
        larger = grown(base, added)
        more = {name: group.count - have[name] for name, group in larger.racks.items()}
        assert sum(more.values()) == added and min(more.values()) >= 0
    assert {n: g.count - have[n] for n, g in grown(base, 20).racks.items()} == have
    assert grown(base, 4, ("r1",)).racks["r1"].count == have["r1"] + 4
    with pytest.raises(ValueError, match="choose from"):
        grown(base, 1, ("r9",))


def test_the_hall_draws_what_the_plant_draws_at_a_cool_inlet() -> None:
    scenario = load("ai_hall", ["site.workload_weeks=1"])
    core = DataCenterCore(scenario, 1)
    reference = [
        float(core.plant.layout.reference_kw(row.reshape(core.world.slots, core.world.racks, 1))[0])
        for row in core.world.activity_pool[:200]
    ]
    ours = hall_demand(scenario, (scenario.site.workload_seeds[0],), 1)
    batch = [w.kind for w in ours.classes].index("batch")
    queue_kw = ours.wanted_kw[len(ours.groups) + batch][:200]
    assert ours.wanted_kw.sum(axis=0)[:200] == pytest.approx(np.array(reference) + queue_kw, rel=0.02)
