"""Frost costs what keeps wet equipment from freezing, and every kilowatt of it leaves the site."""

import numpy as np
import pytest
from plant_rig import Rig

OFF = ("tower.basin_heater_kw_k=0",)


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air"])
def test_frost_adds_the_basin_heaters_to_the_facility_and_its_ledger_closes(name):
    taken = []
    for overrides in ((), OFF):
        rig = Rig(name, overrides=overrides)
        outside, asked, setpoints = rig.outside(np.array([-25.0, 10.0]), 0.7), rig.load(0.6, 2), rig.setpoints(2)
        state = rig.steady_state(outside, asked, setpoints)
        for _ in range(6):
            state, flows = rig.step(state, setpoints, outside, asked)
        assert np.abs(flows.energy_residual_kw).max() < 1e-9 * flows.facility_power_kw.max()
        taken.append(flows)
    heated, plain = taken
    added = heated.basin_heater_power_kw
    assert added[0] > 1.0 and added[1] == 0.0 and not plain.basin_heater_power_kw.any()
    np.testing.assert_allclose(heated.cooling_power_kw - plain.cooling_power_kw, added, atol=1e-6)
    assert (heated.facility_power_kw - plain.facility_power_kw)[0] == pytest.approx(added[0], rel=0.02)
    pue = [f.facility_power_kw / f.it_power_kw for f in taken]
    assert pue[0][0] > pue[1][0] and pue[0][1] == pytest.approx(pue[1][1])


@pytest.mark.parametrize("name", ["liquid_hall", "edge_room"])
def test_dry_equipment_has_no_freeze_duty(name):
    rig = Rig(name)
    outside, asked, setpoints = rig.outside(-25.0, 0.7, n=1), rig.load(0.6, 1), rig.setpoints(1)
    _, flows = rig.step(rig.steady_state(outside, asked, setpoints), setpoints, outside, asked)
    assert flows.basin_heater_power_kw[0] == 0.0
