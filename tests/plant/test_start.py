"""Every episode begins with a whole hall, whatever the first guess of its start drew."""

from __future__ import annotations

import pytest

from envs.core import DataCenterCore
from envs.scenario import SHIPPED

ONE_WEEK = "site.workload_weeks=1"


@pytest.mark.parametrize("scenario", SHIPPED)
def test_no_drawn_episode_begins_with_a_rack_down_or_an_inlet_over_its_allowable_limit(scenario: str) -> None:
    core = DataCenterCore(scenario, 64, (ONE_WEEK,))
    core.reset(seed=100)
    assert (core.flows.rack_down_frac == 0.0).all()
    assert (core.flows.trips == 0.0).all()
    assert (core.flows.rack_inlet_max_c <= core.flows.inlet_allowable_c).all()
    assert (core.flows.breaker_memory_frac < 1.0).all()


def test_a_feeder_that_the_first_guess_overloads_is_capped_and_not_open_at_the_start() -> None:
    core = DataCenterCore("ai_hall_power_cap", 64, (ONE_WEEK, "power.ups_limit_kw=1000"))
    core.reset(seed=100)
    assert (core.flows.rack_down_frac == 0.0).all()
    assert core.flows.it_power_kw.min() > 800.0
    assert core.flows.it_power_kw.max() < 1000.0
