"""Half the sub-step, the same day: energy within half a percent."""

import numpy as np
import pytest
from plant_rig import SCENARIOS, core_of

N = 4
DAY = ("site.climates=[sterling_va,phoenix_az]",)


HOURS = {"ai_hall_power_cap": 2}  # steps of 60 s


def energy(name, substep_s, ruled):
    """Energies [kWh] of N episodes in one plant with another sub-step.

    A day under the building's rules, half a day under the first setpoints with the fans at 0.7; two hours of the
    power-cap hall, whose steps are short.
    """
    core = core_of(name, N, (*DAY, f"episode.substep_s={substep_s}"), "float64")
    core.reset(seed=5)
    held = {k: v.copy() for k, v in core.in_force.items()}
    held["crah_fan_speed_frac"] = held["crah_fan_speed_frac"] * 0.0 + 0.7
    for _ in range(round(HOURS.get(name, 24 if ruled else 12) * 3600 / core.step_s)):
        core.step_setpoints(core.rules.act(core.measured) if ruled else held)
    return core.sums.by_name(core.t)


@pytest.mark.parametrize("ruled", [False, True], ids=["held", "ruled"])
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.quick_for("ai_hall-ruled", "ai_hall_power_cap-ruled", "edge_room-held", "legacy_air-held")
def test_halving_the_sub_step_moves_energy_by_under_half_a_percent(name, ruled):
    usual_s = 10 if name == "ai_hall_power_cap" else 60
    usual, half = energy(name, usual_s, ruled), energy(name, usual_s / 2, ruled)
    np.testing.assert_allclose(usual["facility_power_kwh"], half["facility_power_kwh"], rtol=5e-3)
    np.testing.assert_allclose(usual["it_power_kwh"], half["it_power_kwh"], rtol=5e-3)
    cooling = usual["cooling_power_kwh"], half["cooling_power_kwh"]
    np.testing.assert_allclose(*(each.sum() for each in cooling), rtol=1e-2)
    np.testing.assert_allclose(*cooling, rtol=3e-2)  # a stage that switches a step later is seen in one day's cooling
    np.testing.assert_allclose(usual["makeup_kg"], half["makeup_kg"], rtol=2e-2, atol=1.0)
