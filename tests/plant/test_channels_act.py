"""No dead lever: each channel moves a flow in the step it is given; a cap that does not bind moves none."""

import numpy as np
import pytest
from plant_rig import SCENARIOS, Rig

from envs.trees import map_leaves

MOVES = {  # from an unsaturated point: what must move, by a thousandth at least
    "crah_fan_speed_frac": "crah_fan_power_kw",
    "supply_air_temp_setpoint_c": "zone_supply_c",
    "chw_supply_temp_setpoint_c": "chiller_power_kw",
    "cw_supply_temp_setpoint_c": "tower_fan_power_kw",
    "fws_supply_temp_setpoint_c": ("tower_fan_power_kw", "dry_cooler_fan_power_kw", "heat_rejected_kw"),
    "tcs_supply_temp_setpoint_c": "cdu_valve_frac",
    "tcs_pump_speed_frac": "tcs_pump_power_kw",
    "rack_power_limit_frac": "it_power_kw",
    "battery_power_kw": "grid_power_kw",
}
NUDGE = {
    "crah_fan_speed_frac": 0.1,
    "tcs_pump_speed_frac": -0.05,
    "rack_power_limit_frac": -0.45,
    "battery_power_kw": 20.0,
}


@pytest.fixture(scope="module", params=SCENARIOS)
def point(request):
    """Warm day, 80 % load, everything within its range: rig, state, setpoints, weather, load of one environment."""
    rig = Rig(request.param)
    outside, asked = rig.outside(26.0, 0.5, n=1), rig.load(0.8, 1)
    rules = rig.scenario.rules
    air_c = max(rules.supply_air.start, rules.chilled_water.start + 4.0)  # the coils are not wide open
    setpoints = rig.setpoints(1, crah_fan_speed_frac=0.7, supply_air_temp_setpoint_c=air_c)
    return rig, rig.steady_state(outside, asked, setpoints), setpoints, outside, asked


def has_accelerators(rig, row):
    """Whether any rack of a power row carries accelerators."""
    return any(a.accelerators for a, r in zip(rig.layout.archetypes, rig.layout.row_of) if r == row)


def moved(flows, still, names):
    """Largest relative change among the named flows."""
    names = (names,) if isinstance(names, str) else names
    return max(
        np.abs(getattr(flows, n) - getattr(still, n)).max() / max(np.abs(getattr(still, n)).max(), 1.0) for n in names
    )


def test_each_channel_moves_a_flow_in_the_very_step_it_is_given(point):
    rig, state, setpoints, outside, asked = point
    _, still = rig.step(state, setpoints, outside, asked)
    for name, channel in rig.channels.items():
        for row in range(channel.rows):
            if name == "rack_power_limit_frac" and not has_accelerators(rig, row):
                continue  # a limit acts on accelerators alone (PHYSICS B4): rows of plain servers have no such lever
            changed = {k: v.copy() for k, v in setpoints.items()}
            changed[name][row] += NUDGE.get(name, 1.0)
            _, flows = rig.step(state, changed, outside, asked)
            assert moved(flows, still, MOVES[name]) > 1e-3, f"{name}[{row}] is dead"
            assert flows.facility_power_kw != still.facility_power_kw or name == "battery_power_kw"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_cap_above_demand_moves_nothing_to_the_last_bit(name, dtype):
    rig = Rig(name, dtype)
    outside, asked = rig.outside(26.0, 0.5, n=1), rig.load(0.4, 1)
    free = rig.setpoints(1)
    state = rig.steady_state(outside, asked, free)
    _, still = rig.step(state, free, outside, asked)
    share = (still.row_demand_kw / rig.layout.row_rated_kw).max()
    capped = free | {"rack_power_limit_frac": free["rack_power_limit_frac"] * 0.0 + min(0.98, float(share) * 1.25)}
    _, flows = rig.step(state, {k: v.astype(rig.dtype) for k, v in capped.items()}, outside, asked)
    for field in flows._fields:
        np.testing.assert_array_equal(getattr(flows, field), getattr(still, field), err_msg=field)


def test_a_setpoint_acts_the_right_way(point):
    """A colder setpoint makes colder air or water."""
    rig, state, setpoints, outside, asked = point
    two = map_leaves(state, lambda x: np.repeat(x, 2, axis=-1))
    weather, load = rig.outside(26.0, 0.5, n=2), rig.load(0.8, 2)
    colder = {"supply_air_temp_setpoint_c": "zone_supply_c", "chw_supply_temp_setpoint_c": "chw_supply_c",
              "cw_supply_temp_setpoint_c": "cw_supply_c", "fws_supply_temp_setpoint_c": "fws_supply_c",
              "tcs_supply_temp_setpoint_c": "tcs_supply_c"}  # fmt: skip
    for name, flow in colder.items():
        if name in rig.channels:
            both = {k: np.repeat(v, 2, axis=-1) for k, v in setpoints.items()}
            both[name][:, 1] += 1.0
            _, flows = rig.step(two, both, weather, load)
            value = getattr(flows, flow).reshape(-1, 2)
            assert np.all(value[:, 0] < value[:, 1] - 0.3), name
