"""float32 is good enough: the same days as in float64 to stated bounds."""

import numpy as np
import pytest
from plant_rig import core_of

ENERGY, TEMPERATURE_K = 3e-4, 0.1


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air", "liquid_hall", "edge_room"])
def test_float32_gives_the_days_of_float64(name):
    """Half a day under held setpoints; a stage that switches a step earlier is inside the bound."""
    cores = [core_of(name, 4, dtype=d) for d in ("float32", "float64")]
    held = {}
    for core in cores:
        core.reset(seed=9)
        held = held or {k: v.astype(np.float64) for k, v in core.in_force.items()}
    for _ in range(144):
        for core in cores:
            core.step_setpoints(held)
            assert core.flows.facility_power_kw.dtype == core.dtype
    single, double = (c.sums.by_name(c.t) for c in cores)
    for what in ("facility_power_kwh", "it_power_kwh", "grid_power_kwh"):
        np.testing.assert_allclose(single[what], double[what], rtol=ENERGY, err_msg=what)
    for what in ("rack_inlet_c", "zone_supply_c", "chip_max_c", "cw_supply_c", "tcs_supply_c"):
        a, b = (getattr(c.flows, what) for c in cores)
        np.testing.assert_allclose(a, b, atol=TEMPERATURE_K, rtol=0.0, err_msg=what)
