"""What an agent would find: nothing that beats physics, and nothing that the task pays for by mistake."""

import numpy as np
import pytest
from plant_rig import SCENARIOS, Rig, core_of

from envs.plant.state import stores_of

N = 24
BENIGN = ("energy", "demand", "carbon", "work_delayed")  # may be negative: they are differences against a reference


def any_setpoints(rig, n, rng):
    """Setpoints anywhere in their ranges."""
    return {
        k: rng.uniform(c.low, c.high, (c.rows, n)).astype(rig.dtype)
        for k, c in rig.channels.items()
        if k != "battery_power_kw"
    } | {k: np.zeros((1, n), rig.dtype) for k in rig.channels if k == "battery_power_kw"}


def returns(core, plan_of, steps, seed=1):
    """Return ``(B,)`` and cost sums of one episode, all starting alike, of the targets ``plan_of(k, core)``."""
    core.reset(seed=[seed] * core.num_envs)
    total = 0.0
    for k in range(steps):
        _, reward, _, _ = core.step_setpoints(plan_of(k, core))
        total = total + reward
    return total, core.sums.by_name(core.t)


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air", "liquid_hall", "edge_room"])
def test_nothing_cools_for_free_at_45_degrees(name):
    """Whatever the setpoints: compressors pay at least Carnot's share, and no water is colder than its air."""
    rig, rng = Rig(name), np.random.default_rng(0)
    outside, asked = rig.outside(45.0, 0.3, n=N), rig.load(0.9, N)
    setpoints = any_setpoints(rig, N, rng)
    state = rig.steady_state(outside, asked, rig.setpoints(N))
    for _ in range(60):
        state, flows = rig.step(state, setpoints, outside, asked)
    wet = outside.wet_bulb_c[0]
    if state.chw is not None:
        assert np.all((flows.chw_mode == 0.0) | (flows.chw_return_c > wet + 0.5))
        lift = np.maximum(wet if state.tower is not None else 45.0 + 0.0 * wet, flows.cw_supply_c) - flows.chw_supply_c
        carnot = np.maximum(lift, 0.0) / (flows.chw_supply_c + 273.15)
        heat = flows.it_power_kw if state.tcs is None else 0.2 * flows.it_power_kw
        running = flows.worst_inlet_c < 35.0
        assert running.any() and np.all((flows.chiller_power_kw >= carnot * 0.9 * heat)[running])
    if state.tower is not None:
        assert np.all(flows.cw_supply_c >= wet)
    if state.dry is not None:
        assert np.all(flows.fws_supply_c >= wet) and np.all(flows.dx_power_kw > 0.2 * flows.ups_loss_kw)
    assert np.all(flows.facility_power_kw > 1.03 * flows.it_power_kw)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_work_is_done_without_power(name):
    rig = Rig(name)
    outside, asked, setpoints = rig.outside(25.0, 0.5, n=2), rig.load(0.8, 2), rig.setpoints(2)
    state = rig.steady_state(outside, asked, setpoints)
    dark = state._replace(alive=state.alive * 0.0, rack_down_s=state.rack_down_s + 1e6)
    _, flows = rig.step(dark, setpoints, outside, asked)
    assert np.all(flows.work_done == 0.0) and np.all(flows.it_power_kw < 1e-6)
    assert np.all(flows.work_lost.sum(axis=0) > 0.0)
    _, capped = rig.step(
        state, setpoints | {"rack_power_limit_frac": setpoints["rack_power_limit_frac"] * 0.45}, outside, asked
    )
    _, free = rig.step(state, setpoints, outside, asked)
    less = capped.it_power_kw < free.it_power_kw * (1.0 - 1e-9)
    assert np.all((capped.work_done.sum(axis=0) < free.work_done.sum(axis=0)) | ~less)


@pytest.mark.parametrize("name", ["ai_hall_power_cap", "edge_room"])
def test_a_battery_earns_nothing_without_a_price_spread(name):
    """Neither cycling nor filling up nor emptying by the end, at one price and no price of carbon."""
    steps = 96
    overrides = ("site.tariff=flat", "reward.carbon_usd_t=0", f"episode.steps={steps}")
    core, rng = core_of(name, N, overrides), np.random.default_rng(2)
    most = core.plant.layout.channels["battery_power_kw"].high
    schedule = rng.uniform(-1.0, 1.0, (steps, N)) * most * rng.uniform(0.05, 1.0, N)
    schedule[:, 0] = 0.0
    schedule[-steps // 4 :, 1], schedule[: -steps // 4, 1] = 0.3 * most, 0.0
    schedule[-steps // 4 :, 2], schedule[: -steps // 4, 2] = -0.3 * most, 0.0
    schedule[:, 3] = np.where(np.arange(steps) % 2, most, -most)
    total, _ = returns(core, lambda k, c: {"battery_power_kw": schedule[k][None]}, steps)
    assert np.all(total[1:] < total[0])


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_term_pays_for_a_violation_or_for_what_is_left(name):
    """Limits, losses and leftovers only ever cost, under any actions."""
    steps = 24
    core, rng = core_of(name, N, (f"episode.steps={steps}",)), np.random.default_rng(5)
    core.reset(seed=3)
    ranges = {c.name: (c.low, c.high, c.rows) for c in core.channels}
    for _ in range(steps):
        targets = {k: rng.uniform(low, high, (rows, N)) for k, (low, high, rows) in ranges.items()}
        _, reward, _, cost = core.step_setpoints(targets)
        assert np.all(np.isfinite(reward))
        for term, value in cost.items():
            assert term in BENIGN or np.all(value >= -1e-3), term


def test_cooking_the_racks_never_pays():
    """Fans at their least and air at its warmest save power, and lose."""
    core = core_of("ai_hall", 2, ("episode.steps=72",))
    hot = {"crah_fan_speed_frac": [[0.65, 0.3]] * 2, "supply_air_temp_setpoint_c": [[22.0, 27.0]] * 2}
    total, sums = returns(core, lambda k, c: {k: np.array(v) for k, v in hot.items()}, 72)
    assert sums["worst_inlet_c"][1] > 28.0 and total[1] < total[0]


@pytest.mark.parametrize("name", ["ai_hall", "liquid_hall", "edge_room"])
def test_withholding_power_from_work_never_pays_where_nothing_binds(name):
    """The energy saved is worth less than the work; neither always, nor in turns, nor at the end alone."""
    steps = 96
    core = core_of(name, 4, (f"episode.steps={steps}",))
    rows = core.plant.layout.n_rows

    def caps(k, c):
        low = np.array([1.0, 0.45, 0.45 if k % 24 < 12 else 1.0, 0.45 if k > steps - 13 else 1.0])
        return {"rack_power_limit_frac": np.repeat(low[None], rows, axis=0)}

    total, sums = returns(core, caps, steps)
    assert np.all(total[1:] < total[0]) and sums["it_power_kwh"][1] < sums["it_power_kwh"][0]


def test_tripping_the_feeder_never_pays():
    """Without its fast capper an oversubscribed feeder trips: the power saved is worth less than the work."""
    kept = core_of("ai_hall_power_cap", 2, ("episode.steps=180",))
    bare = core_of("ai_hall_power_cap", 2, ("episode.steps=180", "capper.enabled=false"))
    (safe, _), (tripped, sums) = (
        returns(c, lambda k, core: {"rack_power_limit_frac": np.full((core.plant.layout.n_rows, 2), 1.0)}, 180)
        for c in (kept, bare)
    )
    assert sums["trips"].min() > 0.0 and np.all(tripped < safe)


@pytest.mark.parametrize("name", ["ai_hall", "legacy_air", "liquid_hall", "edge_room"])
def test_cycling_never_pays(name):
    """Swinging a setpoint between two values never needs less energy than the better of the two held."""
    rig = Rig(name)
    channels = [
        k for k in rig.channels if k not in ("rack_power_limit_frac", "battery_power_kw", "tcs_pump_speed_frac")
    ]
    n = 5 * len(channels)
    outside, asked = rig.outside(18.0, 0.6, n=n), rig.load(0.75, n)
    base = rig.setpoints(n)
    state = rig.steady_state(outside, asked, base)
    start, energy = state, 0.0
    for step in range(72):
        now = {k: v.copy() for k, v in base.items()}
        for i, k in enumerate(channels):
            swing = 0.06 if k.endswith("_frac") else 1.5
            for j, side in enumerate((-1.0, 1.0, *(1.0 if step // p % 2 else -1.0 for p in (1, 4, 12)))):
                now[k][:, 5 * i + j] += swing * side
        state, flows = rig.step(rig.held(state), now, outside, asked)
        energy = energy + flows.facility_power_kw
    kept = rig.plant.stored_energy(state, stores_of(start))[1] * (3600.0 / rig.scenario.episode.step_s) / 3.0
    whole = (energy + kept).reshape(len(channels), 5)
    assert np.all(whole[:, 2:].min(axis=1) >= whole[:, :2].min(axis=1) * (1.0 - 2e-4))


def test_an_economizer_left_on_takes_nothing_from_water_colder_than_the_condensers():
    rig = Rig("ai_hall")
    outside, asked, setpoints = rig.outside(45.0, 0.35, n=1), rig.load(0.9, 1), rig.setpoints(1)
    off = rig.held(rig.steady_state(outside, asked, setpoints))
    assert off.chw.economizer_on[0] == 0.0
    left_on = off._replace(chw=off.chw._replace(economizer_on=off.chw.economizer_on + 1.0))
    (_, without), (_, flows) = (rig.step(s, setpoints, outside, asked) for s in (off, left_on))
    np.testing.assert_allclose(flows.chiller_power_kw, without.chiller_power_kw, rtol=1e-9)
