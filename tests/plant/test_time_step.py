"""Half the sub-step, the same day: energy within half a percent."""

import numpy as np
import pytest
from plant_rig import SCENARIOS, core_of

N = 4
DAY = ("site.climates=[sterling_va,phoenix_az]",)


def day_energy(name, substep_s, step_s):
    """Energies [kWh] of N days under the first setpoints, in one plant with another sub-step."""
    overrides = (*DAY, f"episode.substep_s={substep_s}")
    core = core_of(name, N, overrides, "float64")
    core.reset(seed=5)
    held = {k: v.copy() for k, v in core.in_force.items()}
    for c in ("crah_fan_speed_frac",):
        held[c] = held[c] * 0.0 + 0.7
    for _ in range(round(86_400 / step_s / 2)):
        core.step_setpoints(held)
    return core.sums.named(core.t)


@pytest.mark.parametrize("name", [s for s in SCENARIOS if s != "ai_hall_power_cap"])
def test_halving_the_sub_step_moves_daily_energy_by_under_half_a_percent(name):
    usual, half = day_energy(name, 60, 300), day_energy(name, 30, 300)
    np.testing.assert_allclose(usual["facility_power_kwh"], half["facility_power_kwh"], rtol=5e-3)
    np.testing.assert_allclose(usual["it_power_kwh"], half["it_power_kwh"], rtol=5e-3)
    np.testing.assert_allclose(usual["cooling_power_kwh"], half["cooling_power_kwh"], rtol=2e-2)
    np.testing.assert_allclose(usual["makeup_kg"], half["makeup_kg"], rtol=2e-2, atol=1.0)
