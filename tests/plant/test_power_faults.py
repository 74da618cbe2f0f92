"""What the utility and the UPS take away, the site goes without."""

from types import SimpleNamespace

import numpy as np
import pytest
from plant_rig import Rig

from envs.equipment.breaker import Breaker
from envs.plant.ledger import _overload_kw


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air", "liquid_hall", "edge_room"])
def test_a_curtailment_of_a_half_caps_accelerators_and_shows_as_excess_where_there_are_none(name):
    rig = Rig(name)
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=2), rig.load(0.95, 2), rig.setpoints(2)
    state = rig.steady_state(outside, asked, setpoints)
    nothing = rig.nothing_lost(2)
    lost = nothing._replace(utility_limit_frac=np.array([1.0, 0.5]))
    for _ in range(3):
        state, flows = rig.step(state, setpoints, outside, asked, lost)
    assert flows.capper_active_s[0] == 0.0 < flows.capper_active_s[1]
    if name == "legacy_air":  # CPU servers: nothing that a cap acts on
        assert flows.limit_excess_kwh[0] == 0.0 < flows.limit_excess_kwh[1]
        assert flows.overload_kwh == pytest.approx(flows.limit_excess_kwh)  # the meter's mean is over the limit too
    else:
        assert flows.it_power_kw[1] < 0.97 * flows.it_power_kw[0]


@pytest.mark.parametrize(("form", "counted_kw"), [("thermal", 30.0), ("power_law", 37.0)])
def test_an_excess_counts_once_the_breaker_is_warmer_than_its_rating_makes_it_for_good(form, counted_kw):
    plant = SimpleNamespace(layout=SimpleNamespace(n_rows=2), scenario=SimpleNamespace(breaker=Breaker(form=form)))
    memory = np.array([[1.05], [0.99], [1.01], [0.5]])  # a rack, of which nothing is asked, two rows and the UPS
    site = SimpleNamespace(breaker_state=SimpleNamespace(memory=memory))
    over_kw = np.array([[2.0], [30.0], [5.0], [100.0]])  # rows, UPS and the utility, whose mean over a step counts
    assert _overload_kw(plant, site, over_kw) == pytest.approx([counted_kw])


def test_a_curtailment_is_a_share_of_the_expected_peak_not_of_the_service():
    rig = Rig("ai_hall")
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=1), rig.load(0.95, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, setpoints)
    lost = rig.nothing_lost(1)._replace(utility_limit_frac=np.array([0.75]))
    for _ in range(3):
        state, flows = rig.step(state, setpoints, outside, asked, lost)
    assert flows.grid_power_kw[0] <= 0.75 * rig.scenario.expected_peak_kw * 1.01


@pytest.mark.parametrize("name", ["ai_hall", "liquid_hall"])
def test_without_the_ups_no_fan_turns_and_no_coolant_pump(name):
    rig = Rig(name)
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=2), rig.load(0.8, 2), rig.setpoints(2)
    state = rig.steady_state(outside, asked, setpoints)
    open_one = np.array([1.0, 0.0])
    breaker = state.breaker._replace(down_s=state.breaker.down_s + (1.0 - open_one) * 1e4)
    state = state._replace(ups_alive=open_one, breaker=breaker, alive=state.alive * open_one)
    _, flows = rig.step(state, setpoints, outside, asked)
    for power in (flows.it_power_kw, flows.crah_fan_power_kw, flows.tcs_pump_power_kw, flows.fws_pump_power_kw):
        assert power[0] > 0.5 and power[1] < 1e-9
