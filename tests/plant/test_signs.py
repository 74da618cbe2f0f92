"""With actions, modes and stages held and the load met, the sign of every answer is that of nature."""

import numpy as np
import pytest
from plant_rig import Rig

HALLS = ("ai_hall", "legacy_air", "liquid_hall", "edge_room")  # the power-cap variant is ai_hall with other limits
POINTS = 40
STEPS = 12
NEVER = 1e-6  # of facility power: what rounding and the transformer's share of the humidifier may take back
CONDITIONS = [(5.0, {}), (20.5, {"crah_fan_speed_frac": 0.55}), (33.0, {"cw_supply_temp_setpoint_c": 29.4})]


def sweeps(rig, start_c):
    """Hotter, more humid and more loaded, side by side in one batch."""
    hotter = np.linspace(start_c - 2.3, start_c + (8.0 if start_c > 25.0 else 1.4), POINTS)
    same = np.full(POINTS, start_c)
    damp = np.linspace(0.1, 0.95, POINTS)
    dry = np.concatenate([hotter, same, same])
    humidity = np.concatenate([np.full(POINTS, 0.5), damp, np.full(POINTS, 0.5)])
    level = np.concatenate([np.full(2 * POINTS, 0.8), np.linspace(0.25, 1.0, POINTS)])
    return rig.outside(dry, humidity), rig.load(level, 3 * POINTS)


@pytest.fixture(
    scope="module", params=[(h, i) for h in HALLS for i in range(len(CONDITIONS))], ids=lambda p: f"{p[0]}-{p[1]}"
)
def answers(request):
    """Flows of the first step and of the settled plant along the three sweeps."""
    name, which = request.param
    start_c, changed = CONDITIONS[which]
    rig = Rig(name)
    changed = {k: v for k, v in changed.items() if k in rig.channels}
    state = rig.spread(
        rig.steady_state(rig.outside(start_c, n=1), rig.load(0.8, 1), rig.setpoints(1, **changed)), 3 * POINTS
    )
    outside, asked = sweeps(rig, start_c)
    setpoints = rig.setpoints(3 * POINTS, **changed)
    _, first = rig.step(rig.held(state), setpoints, outside, asked)
    _, last = rig.run_held(state, setpoints, outside, asked, STEPS)
    return name, (first, last)


def part(flows, which):
    """One sweep of the batch."""
    where = slice(which * POINTS, (which + 1) * POINTS)
    return type(flows)(*(value[..., where] for value in flows))


def cost(flows):
    """Power but for the humidifier's and the basin heaters': moist air and less frost rightly save those."""
    return flows.facility_power_kw - flows.humidifier_power_kw - flows.basin_heater_power_kw


def usable(flows):
    """Pairs of neighbours in the same mode, the load met, no alarm."""
    fine = (flows.worst_inlet_c < 29.9) & ((flows.chiller_plr_frac >= 0.15) | (flows.chillers_running == 0.0))
    same = (np.diff(flows.chw_mode) == 0.0) & (np.diff(flows.chillers_running) == 0.0)
    return fine[1:] & fine[:-1] & same


@pytest.mark.parametrize(("sweep", "what"), [(0, "hotter"), (1, "more humid"), (2, "more load")])
def test_hotter_or_more_humid_outside_never_saves_power_and_more_load_never_costs_less(answers, sweep, what):
    name, steps = answers
    for flows in steps:
        flows = part(flows, sweep)
        power, pairs = cost(flows), usable(flows)
        assert pairs.sum() >= POINTS // 2, "too little of the sweep is in one mode"
        assert np.all(np.diff(power)[pairs] >= -NEVER * power[1:][pairs]), what


def test_more_load_never_saves_on_cooling(answers):
    name, steps = answers
    flows = part(steps[1], 2)
    pairs = usable(flows)
    assert np.all(np.diff(flows.cooling_power_kw)[pairs] >= -1e-3 * flows.cooling_power_kw[1:][pairs])


def test_along_a_smooth_sweep_no_neighbour_is_a_jump_away(answers):
    """A fiftieth of facility power per 2 % of load or 0.26 K; dry coolers near their limit have a steep, smooth end."""
    name, steps = answers
    for flows in steps:
        for sweep in range(3):
            piece = part(flows, sweep)
            power, pairs = cost(piece), usable(piece)
            bound = 0.12 if name == "liquid_hall" and sweep < 2 else 0.022
            assert np.all(np.abs(np.diff(power)[pairs]) <= bound * power[1:][pairs])
