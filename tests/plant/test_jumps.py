"""Within a mode nothing jumps: a finer sweep has closer neighbours. Across a switch, steps are small."""

import numpy as np
import pytest
from plant_rig import Rig

from envs.trees import map_leaves

HALLS = ("ai_hall", "legacy_air", "liquid_hall", "edge_room")
COARSE, FINER = 81, 6
SMALL = 5e-4  # of facility power (or of the water used): below it a step is no cliff
INPUTS = ("dry_bulb", "humidity", "load")


@pytest.fixture(scope="module", params=HALLS)
def hall(request):
    """A rig and a settled state of it on a warm day."""
    rig = Rig(request.param)
    state = rig.steady_state(rig.outside(27.0, 0.45, n=1), rig.load(0.7, 1), rig.setpoints(1))
    return rig, state


def swept(rig, state, name, n):
    """Flows of one step from the same state along a full sweep of one input, weather, load or setpoint."""
    x = np.linspace(0.0, 1.0, n)
    dry = 22.5 + 21.5 * x if name == "dry_bulb" else np.full(n, 27.0)
    rh = 0.05 + 0.9 * x if name == "humidity" else np.full(n, 0.45)
    level = 0.1 + 0.9 * x if name == "load" else np.full(n, 0.7)
    setpoints = rig.setpoints(n)
    if name in rig.channels:
        c = rig.channels[name]
        setpoints[name] = (c.low + (c.high - c.low) * x + np.zeros((c.rows, n))).astype(rig.dtype)
    _, flows = rig.step(rig.held(rig.spread(state, n)), setpoints, rig.outside(dry, rh), rig.load(level, n))
    return flows


def largest_step(rig, flows, what):
    """Largest difference of neighbours in one mode: without the inlet alarm (its full fans are a mode of their own),
    and on one side of the pad's switch point.
    """
    calm = (flows.worst_inlet_c < 29.9) & (flows.zone_fan_speed_frac.max(axis=0) < 0.999)
    alike = calm[1:] & calm[:-1]
    if rig.scenario.dry_cooler is not None:
        wet = flows.evaporation_kg > 0.0
        alike &= wet[1:] == wet[:-1]
    return np.abs(np.diff(getattr(flows, what)))[alike].max()


def test_within_a_mode_no_input_has_a_cliff(hall):
    rig, state = hall
    for name in (*INPUTS, *rig.channels):
        coarse, fine = (swept(rig, state, name, n) for n in (COARSE, FINER * (COARSE - 1) + 1))
        for what in ("facility_power_kw", "cooling_power_kw", "makeup_kg"):
            scale = np.maximum(getattr(fine, what).mean(), 1.0)
            if what == "cooling_power_kw":
                scale = fine.facility_power_kw.mean()
            step, finer = (largest_step(rig, f, what) / scale for f in (coarse, fine))
            assert finer <= max(0.5 * step, SMALL), f"{name}: {what} {finer:.2%}, before {step:.2%}"


def switched(rig, state):
    """The same state with one stage more or fewer of each machine, or the other mode: ``{what: state}``."""
    out = {}
    if state.chw is not None:
        n = state.chw.stages.running
        if rig.scenario.chilled_water.chillers_duty > 1:
            one = state.chw._replace(stages=state.chw.stages._replace(running=3.0 - n), online=3.0 - n)
            out["chiller"] = state._replace(chw=one)
        if rig.scenario.chilled_water.economizer:
            out["economizer"] = state._replace(chw=state.chw._replace(economizer_on=1.0 - state.chw.economizer_on))
    if state.tower is not None and rig.scenario.tower.duty_cells > rig.scenario.tower.min_cells:
        stages = state.tower.stages
        cells = state.tower._replace(stages=stages._replace(running=3.0 - stages.running))
        out["tower cell"] = state._replace(tower=cells)
    return out


@pytest.mark.parametrize("weather", [(4.0, 0.6), (16.0, 0.6), (24.0, 0.6)])
def test_a_switch_of_stage_or_mode_is_a_step_of_at_most_three_percent(hall, weather):
    rig, _ = hall
    outside, asked, setpoints = rig.outside(*weather, n=1), rig.load(0.45, 1), rig.setpoints(1)
    state = rig.steady_state(outside, asked, setpoints)
    _, stay = rig.step(rig.held(state), setpoints, outside, asked)
    for what, other in switched(rig, state).items():
        _, switch = rig.step(rig.held(other), setpoints, outside, asked)
        change = abs(switch.facility_power_kw - stay.facility_power_kw) / stay.facility_power_kw
        assert change[0] <= 0.03, f"{what}: {change[0]:.2%}"


def test_wetting_the_pad_is_a_step_of_at_most_three_percent():
    rig = Rig("liquid_hall")
    edge = np.array([23.99, 24.01, 27.99, 28.01])  # about 5 K under the water's setpoint of 31
    outside, asked, setpoints = rig.outside(edge, 0.5), rig.load(0.9, 4), rig.setpoints(4)
    state = rig.steady_state(outside, asked, setpoints)
    for pad in (0.0, 1.0):
        wet = state._replace(dry=map_leaves(state.dry, lambda x, pad=pad: x * 0.0 + pad))
        _, flows = rig.step(wet, setpoints, outside, asked)
        assert np.ptp(flows.facility_power_kw) <= 0.03 * flows.facility_power_kw.mean()
