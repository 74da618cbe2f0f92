"""Loss of cooling: how fast the plant heats up, at seconds and at the usual minute (PHYSICS j15, j16)."""

import numpy as np
import pytest
from plant_rig import Rig

from envs.trees import map_leaves

FINE = ("episode.step_s=5", "episode.substep_s=1")
MINUTE = ("episode.step_s=60", "episode.substep_s=60")


def without(rig, n, **lost):
    """Availability with machines missing."""
    nothing = rig.nothing_lost(n)
    return nothing._replace(**{k: getattr(nothing, k) + v for k, v in lost.items()})


def heat_up(name, overrides, seconds, level=1.0, **lost):
    """Flows after every step from a settled warm day on which machines are lost, and the times."""
    rig = Rig(name, overrides=overrides)
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=1), rig.load(level, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, setpoints)
    step_s, trace = rig.scenario.episode.step_s, []
    for _ in range(int(seconds / step_s)):
        state, flows = rig.step(state, setpoints, outside, asked, without(rig, 1, **lost))
        trace.append(flows)
    return step_s * np.arange(1, len(trace) + 1), trace


def crossing_s(times, values, target):
    """First time at which a rising value passes a target."""
    return float(np.interp(target, values, times))


def test_air_at_five_kilowatts_a_cabinet_needs_minutes_from_22_to_40():
    """j15, factor 2: 290-610 s from 22 to 40 degC."""
    times, trace = heat_up("legacy_air", FINE, 900, crah_units_lost=8.0)
    inlet = np.array([f.rack_inlet_c.mean() for f in trace])
    seconds = crossing_s(times, inlet, 40.0) - crossing_s(times, inlet, 22.0)
    assert 145.0 <= seconds <= 1220.0


def test_coolant_without_facility_water_rises_by_ten_to_forty_five_kelvin_a_minute():
    """j16, factor 1.5: 12-30 K/min."""
    times, trace = heat_up("ai_hall", FINE, 60, fws_pumps_lost=9.0)
    supply = np.array([f.tcs_supply_c[0] for f in trace])
    assert 8.0 <= supply[-1] - supply[0] <= 45.0


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air", "liquid_hall", "edge_room"])
def test_a_room_that_lost_all_its_units_heats_up_and_never_oscillates(name):
    """At the usual minute too: no inlet falls while the racks run without cooling."""
    for overrides in (FINE, MINUTE):
        _, trace = heat_up(name, overrides, 600, level=0.8, crah_units_lost=99.0)
        running = int(np.argmax([f.rack_down_frac[0] > 0.0 for f in trace] + [True]))
        inlet = np.array([f.rack_inlet_c.mean() for f in trace[:running]])
        assert np.all(np.diff(inlet) > -0.05) and inlet[-1] > inlet[0] + 2.0


@pytest.mark.parametrize(
    "lost", ["crah_units_lost", "chw_pumps_lost", "chillers_lost", "tower_cells_lost", "cdus_lost"]
)
@pytest.mark.parametrize("name", ["ai_hall", "legacy_air", "liquid_hall", "edge_room"])
def test_a_lost_hall_switches_itself_off_before_it_melts(name, lost):
    """Racks stop at 50 degC of inlet air, chillers at their pressure limit: nothing runs away for six hours."""
    _, trace = heat_up(name, ("episode.step_s=300",), 6 * 3600, level=1.0, **{lost: 99.0})
    inlet = np.array([f.worst_inlet_c[0] for f in trace])
    assert np.all(np.isfinite(inlet)) and inlet.max() < 90.0
    assert max(f.cw_supply_c[0] for f in trace) < 60.0  # the chillers stop at 50
    assert max(f.tcs_supply_c[0] for f in trace) < 105.0  # no coolant is hotter than a chip may be
    assert trace[-1].it_power_kw[0] < 0.6 * trace[0].it_power_kw[0] or inlet[-1] < 35.0


@pytest.mark.parametrize("name", ["ai_hall", "edge_room"])
def test_air_without_chilled_water_warms_alike_at_a_minute_and_at_five_seconds(name):
    """Racks, hot aisle and plenum take a joint step: their loop, which no coil breaks, neither swings nor drifts."""
    inlets, first_trip = [], []
    for substep_s in (5, 60):
        times, trace = heat_up(name, ("episode.step_s=60", f"episode.substep_s={substep_s}"), 900, chw_pumps_lost=99.0)
        inlets.append(np.array([f.rack_inlet_c.mean() for f in trace]))
        first_trip.append(times[np.argmax([f.rack_down_frac[0] > 0.0 for f in trace])])
    before = int(min(first_trip) // 60) - 1
    assert before >= 3 and abs(first_trip[0] - first_trip[1]) <= 120.0
    np.testing.assert_allclose(inlets[0][1:before], inlets[1][1:before], atol=2.0)


def test_racks_that_lost_their_air_trip_within_minutes_and_count_as_trips():
    _, trace = heat_up("legacy_air", MINUTE, 3600, crah_units_lost=8.0)
    trips = sum(f.trips[0] for f in trace)
    assert trips >= 80 and trace[-1].rack_down_frac[0] == 1.0 and trace[-1].it_power_kw[0] == 0.0


def test_the_minute_tells_the_same_heat_up_as_the_second():
    """Within factor 1.5 in time to 35 degC."""
    at = {}
    for overrides in (FINE, MINUTE):
        times, trace = heat_up("legacy_air", overrides, 900, crah_units_lost=8.0)
        at[overrides] = crossing_s(times, np.array([f.rack_inlet_c.mean() for f in trace]), 35.0)
    assert 1.0 / 1.5 <= at[FINE] / at[MINUTE] <= 1.5


def test_cooling_that_returns_brings_the_room_back():
    rig = Rig("legacy_air")
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=2), rig.load(0.8, 2), rig.setpoints(2)
    state = rig.steady_state(outside, asked, setpoints)
    _, healthy = rig.step(state, setpoints, outside, asked)
    lost = map_leaves(without(rig, 2, crah_units_lost=8.0)._replace(sensor_stuck=None, sensor_offset=None), lambda x: x)
    for _ in range(2):
        state, hot = rig.step(state, setpoints, outside, asked, lost)
    for _ in range(24):
        state, flows = rig.step(state, setpoints, outside, asked)
    assert hot.worst_inlet_c.min() > 35.0
    np.testing.assert_allclose(flows.rack_inlet_c, healthy.rack_inlet_c, atol=0.3)


def test_free_cooling_stops_with_the_chilled_water_pumps():
    """Without a pump the economizer takes nothing, no pump draws power, and the buffer warms by its load."""
    rig = Rig("ai_hall", overrides=("episode.substep_s=60",))
    outside, asked, setpoints = (
        rig.outside(5.0, 0.6, n=2),
        rig.load(0.8, 2),
        rig.setpoints(2, cw_supply_temp_setpoint_c=15.6),
    )
    lost = without(rig, 2, chw_pumps_lost=np.array([0.0, 9.0]))
    state = rig.steady_state(outside, asked, setpoints)
    start = state.chw.supply_c
    for _ in range(12):
        state, flows = rig.step(state, setpoints, outside, asked, lost)
    assert flows.chw_pump_power_kw[0] > 1.0 and flows.chw_pump_power_kw[1] == 0.0
    warmed = state.chw.supply_c - start
    assert abs(warmed[0]) < 2.0 < 3.0 < warmed[1]


@pytest.mark.parametrize(("name", "limit_c"), [("ai_hall", 45.0), ("liquid_hall", 42.0)])
@pytest.mark.parametrize("step", [FINE, MINUTE])
def test_liquid_racks_stop_on_coolant_over_its_limit_once_facility_water_is_lost(name, limit_c, step):
    """PHYSICS D8: 5 K over the limit for a minute; racks do not work on 85 degC coolant until their chips pass 105."""
    rig = Rig(name, overrides=step)
    liquid = rig.layout.liquid_cooled[:, 0] > 0.0
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=1), rig.load(1.0, 1), rig.setpoints(1)
    state, trips, hottest = rig.steady_state(outside, asked, setpoints), 0.0, 0.0
    over_s = 0.0
    for _ in range(int(480 / rig.scenario.episode.step_s)):
        running = state.alive[liquid, 0].any()
        state, flows = rig.step(state, setpoints, outside, asked, without(rig, 1, fws_pumps_lost=9.0))
        trips += float(flows.trips[0])
        hottest = max(hottest, float(flows.tcs_supply_c[0]) if running else 0.0)
        over_s += rig.scenario.episode.step_s * float(running and flows.tcs_supply_c[0] > limit_c + 5.0)
    assert trips == liquid.sum() and not state.alive[liquid].any()
    assert limit_c + 5.0 < hottest < 80.0 and 55.0 <= over_s <= 120.0


def test_racks_that_their_coolant_stopped_start_again_when_it_is_cool_and_not_before():
    rig = Rig("ai_hall", overrides=MINUTE)
    liquid = rig.layout.liquid_cooled[:, 0] > 0.0
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=1), rig.load(1.0, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, setpoints)
    for _ in range(30):
        state, hot = rig.step(state, setpoints, outside, asked, without(rig, 1, fws_pumps_lost=9.0))
    assert hot.tcs_supply_c[0] > 47.0 and not state.alive[liquid].any()  # down far beyond restart_s, as it is hot
    trips = 0.0
    for _ in range(20):
        state, flows = rig.step(state, setpoints, outside, asked)
        trips += float(flows.trips[0])
    assert trips == 0.0 and state.alive.all() and flows.tcs_supply_c[0] < 45.0


def test_a_short_spell_of_hot_coolant_stops_no_rack():
    rig = Rig("ai_hall", overrides=(*FINE, "coolant.trip_delay_s=300"))
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=1), rig.load(1.0, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, setpoints)
    state = state._replace(tcs=state.tcs._replace(supply_c=state.tcs.supply_c * 0.0 + 55.0))
    for _ in range(60):
        state, flows = rig.step(state, setpoints, outside, asked)
        assert flows.trips[0] == 0.0
    assert state.alive.all() and state.tcs.hot_s[0] == 0.0
