"""The electrical room's heat is carried by water of its own."""

import numpy as np
import pytest
from plant_rig import Rig

from envs.plant import water_side
from envs.units import CP_WATER_KJ_KG_K

N = 3
LOADS = np.array([0.4, 0.7, 1.0])


def settled(name: str, *overrides: str):
    """A hall after 40 steps of warm weather, and its last sub-step."""
    rig = Rig(name, overrides=("chilled_water.evaporator_min_flow_frac=0", *overrides))
    outside, asked, setpoints = rig.outside(30.0, 0.4, n=N), rig.load(LOADS, N), rig.setpoints(N)
    state = rig.steady_state(outside, asked, setpoints)
    for _ in range(40):
        state, flows = rig.step(state, setpoints, outside, asked)
    now = rig.plant.step_conditions(state, setpoints, outside, asked, rig.nothing_lost(N), 60.0)
    _, sub = rig.plant.substep(state, now)
    return rig, flows, sub.last.did


@pytest.mark.parametrize("name", ["ai_hall", "edge_room"])
def test_the_loop_carries_the_electrical_room_beside_the_coils(name):
    _, _, did = settled(name)
    beside = did.chw.flow_kg_s - did.air.water_flow_kg_s.sum(axis=0)
    np.testing.assert_allclose(beside * CP_WATER_KJ_KG_K * 6.0, did.power.ups_loss_kw, rtol=1e-6)


@pytest.mark.parametrize("name", ["ai_hall", "edge_room"])
def test_the_return_water_is_the_mixture_of_coils_and_electrical_room(name):
    _, flows, did = settled(name)
    coils = did.air.water_flow_kg_s.sum(axis=0)
    heat = (did.air.coil_sensible_kw + did.air.coil_latent_kw).sum(axis=0)
    beside = did.chw.flow_kg_s - coils
    from_coils = heat / (coils * CP_WATER_KJ_KG_K)
    rise = (coils * from_coils + beside * 6.0) / (coils + beside)
    np.testing.assert_allclose(flows.chw_return_c - flows.chw_supply_c, rise, atol=0.05)


def test_the_electrical_room_leaves_less_of_the_pumps_water_to_the_coils():
    rig, _, did = settled("ai_hall")
    setpoints = rig.setpoints(N)
    outside, asked = rig.outside(30.0, 0.4, n=N), rig.load(LOADS, N)
    state = rig.steady_state(outside, asked, setpoints)
    now = rig.plant.step_conditions(state, setpoints, outside, asked, rig.nothing_lost(N), 60.0)
    zones, plant = rig.layout.zones, rig.scenario.chilled_water
    without = water_side.coil_water_frac(plant, zones, now, 0.0 * did.power.ups_loss_kw)
    with_room = water_side.coil_water_frac(plant, zones, now, did.power.ups_loss_kw)
    wide_open = (zones.coil_water_kg_s * zones.crah_running).sum()
    left = (without - with_room) * wide_open * CP_WATER_KJ_KG_K * plant.electrical_rise_k
    np.testing.assert_allclose(left, did.power.ups_loss_kw, rtol=1e-6)
