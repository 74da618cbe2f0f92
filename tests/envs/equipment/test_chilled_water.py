"""The chilled-water plant: ledgers, staging, economizer, pumps and the scenarios' design days."""

import numpy as np
import pytest

from envs.equipment.chilled_water import ChilledWater, ChwFlows, ChwState, advance, initial, taken_over, weather_terms

AI = ChilledWater()
LEGACY = ChilledWater(
    machine="D", chillers_installed=2, chillers_duty=1, nominal_capacity_kw=560.0, pumps_duty=1, pump_flow_m3_s=0.0225,
    pump_head_kpa=250.0, pump_efficiency_frac=0.6, pump_constant_speed=True, loop_volume_m3=8.0, economizer=False,
)  # fmt: skip
EDGE = ChilledWater(
    machine="F", chillers_installed=2, chillers_duty=1, nominal_capacity_kw=100.0, pumps_duty=1, pump_flow_m3_s=0.0037,
    pump_head_kpa=180.0, pump_efficiency_frac=0.555, loop_volume_m3=5.0, economizer=False,
)  # fmt: skip


def run(p, state, minutes, load, flow, setpoint, condenser, wet_bulb=10.0, available=9.0, tripped=0.0, dt_s=60.0):
    """Constant inputs (numbers) for some minutes; the history of states and flows."""
    one = state.supply_c * 0.0 + 1.0
    inputs = (load * one, flow * one, setpoint * one, condenser * one, wet_bulb * one, available * one, tripped * one)
    history: list[tuple[ChwState, ChwFlows]] = []
    for _ in range(round(minutes * 60 / dt_s)):
        state, flows = advance(p, state, *inputs, dt_s)
        history.append((state, flows))
    return history


def steady_state(p, load, supply, minutes, **inputs):
    start = initial(p, np.array([float(supply)]), np.array([float(load)]))
    return run(p, start, minutes, load, setpoint=supply, **inputs)[-1]


def free_cooling_start(load=400.0):
    start = initial(AI, np.array([18.0]), np.array([load]))
    return run(AI, start, 60, load, 15.6, 18.0, 14.0)[-1]


@pytest.mark.parametrize(
    ("p", "load", "flow", "supply", "condenser", "chiller_kw", "pump_kw"),
    [
        (AI, 524.0, 15.6, 18.0, 29.4, 52.0, 5.0),
        (LEGACY, 505.0, 22.4, 7.0, 29.4, 85.0, 9.4),
        (EDGE, 91.0, 3.6, 12.0, 35.0, 27.0, 1.2),
    ],
)
def test_the_scenarios_draw_their_design_day_power(p, load, flow, supply, condenser, chiller_kw, pump_kw):
    state, flows = steady_state(p, load, supply, 60, flow=flow, condenser=condenser, wet_bulb=25.56)
    assert flows.chiller_power_kw[0] == pytest.approx(chiller_kw, rel=0.03)
    assert flows.pump_power_kw[0] == pytest.approx(pump_kw, rel=0.08)
    assert flows.running[0] == p.chillers_duty
    assert state.supply_c[0] == pytest.approx(supply, abs=0.01)


def random_inputs(rng, n, dtype=np.float64):
    draw = [
        rng.uniform(0, 900, n), rng.uniform(0, 20, n), rng.uniform(10, 22, n), rng.uniform(4, 38, n),
        rng.uniform(-10, 28, n), rng.integers(0, 4, n), rng.random(n) < 0.02,
    ]  # fmt: skip
    return [x.astype(dtype) for x in draw]


@pytest.mark.parametrize("p", [AI, LEGACY, EDGE])
def test_every_kw_has_two_ends_through_staging_trips_and_mode_changes(p):
    rng = np.random.default_rng(1)
    n = 200
    state = initial(p, rng.uniform(8, 25, n), rng.uniform(0, 600, n))
    seen_running, seen_mode = set(), set()
    for k in range(300):
        if k % 20 == 0:
            inputs = random_inputs(rng, n)
        dt_s = float(rng.choice([5.0, 60.0, 300.0]))
        new, f = advance(p, state, *inputs, dt_s)
        stored = p.heat_capacity_kj_k * (new.supply_c - state.supply_c) / dt_s
        scale = 1.0 + inputs[0] + np.abs(stored) + p.heat_capacity_kj_k * np.abs(new.supply_c) / dt_s
        residual = inputs[0] + f.pump_power_kw - f.economizer_heat_kw - f.evaporator_heat_kw - stored
        assert np.abs(residual / scale).max() < 1e-12
        np.testing.assert_array_equal(f.condenser_heat_kw, f.evaporator_heat_kw + f.chiller_power_kw)
        assert min(f.evaporator_heat_kw.min(), f.economizer_heat_kw.min(), f.chiller_power_kw.min()) >= 0.0
        assert (f.running <= np.minimum(inputs[5], p.chillers_duty) * (1 - inputs[6])).all()
        assert (new.online <= f.running).all()
        seen_running |= set(f.running)
        seen_mode |= set(f.mode)
        state = new
    assert seen_running == set(range(p.chillers_duty + 1))
    assert seen_mode == ({0, 1, 2} if p.economizer else {0})


def test_the_loop_is_never_cooled_below_the_lower_of_start_and_setpoint():
    rng = np.random.default_rng(2)
    n = 300
    state = initial(AI, rng.uniform(14, 25, n), np.full(n, 500.0))
    for _ in range(100):
        inputs = random_inputs(rng, n)
        new, _ = advance(AI, state, *inputs, 60.0)
        assert (new.supply_c >= np.minimum(state.supply_c, inputs[2]) - 1e-9).all()
        state = new


def test_what_no_machine_takes_warms_the_loop():
    start = initial(AI, np.array([18.0]), np.array([524.0]))
    history = run(AI, start, 10, 524.0, 15.6, 18.0, 29.4, wet_bulb=25.0, available=0.0)
    flows = history[-1][1]
    assert flows.chiller_power_kw[0] == 0.0
    assert flows.running[0] == 0.0
    put_in = sum(524.0 + f.pump_power_kw[0] for _, f in history) * 60.0
    assert history[-1][0].supply_c[0] - 18.0 == pytest.approx(put_in / AI.heat_capacity_kj_k)


def test_the_supply_follows_its_setpoint_with_the_lag_of_the_local_loop():
    p = ChilledWater(loop_volume_m3=0.5)
    start = initial(p, np.array([18.0]), np.array([524.0]))
    state = run(p, start, 1, 524.0, 15.6, 18.5, 29.4, wet_bulb=25.0)[-1][0]
    assert state.supply_c[0] == pytest.approx(18.5 - 0.5 * np.exp(-1.0))


def test_a_second_chiller_starts_after_ten_minutes_of_high_load_and_ramps_in_three():
    start = initial(AI, np.array([18.0]), np.array([250.0]))
    history = run(AI, start, 20, 320.0, 10.0, 18.0, 29.4, wet_bulb=25.0)
    running = [f.running[0] for _, f in history]
    assert running[:9] == [1.0] * 9
    assert running[9:] == [2.0] * 11
    assert [s.online[0] for s, _ in history[8:13]] == pytest.approx([1.0, 4 / 3, 5 / 3, 2.0, 2.0])


def test_a_chiller_stops_after_fifteen_minutes_of_low_load_and_not_before_its_hold():
    start = initial(AI, np.array([18.0]), np.array([500.0]))
    running = [f.running[0] for _, f in run(AI, start, 40, 150.0, 6.0, 18.0, 29.4, wet_bulb=25.0)]
    assert running.index(1.0) == 14
    fresh = start._replace(stages=start.stages._replace(since_change_s=np.zeros(1)))
    running = [f.running[0] for _, f in run(AI, fresh, 40, 150.0, 6.0, 18.0, 29.4, wet_bulb=25.0)]
    assert running.index(1.0) == 19


def test_between_the_staging_thresholds_nothing_switches():
    for load, wanted in ((200.0, 1.0), (300.0, 2.0)):
        start = initial(AI, np.array([18.0]), np.array([load]))
        running = {f.running[0] for _, f in run(AI, start, 180, load, 8.0, 18.0, 29.4, wet_bulb=25.0)}
        assert running == {wanted}, load


def test_a_trip_stops_all_chillers_and_one_restarts_when_it_is_over():
    start = initial(LEGACY, np.array([7.0]), np.array([505.0]))
    tripped = run(LEGACY, start, 2, 505.0, 22.4, 7.0, 29.4, tripped=1.0)
    assert tripped[-1][1].chiller_power_kw[0] == 0.0
    assert tripped[-1][1].pump_power_kw[0] > 0.0
    after = run(LEGACY, tripped[-1][0], 5, 505.0, 22.4, 7.0, 29.4)
    assert [s.online[0] for s, _ in after] == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0, 1.0])
    assert after[0][1].evaporator_heat_kw[0] < after[3][1].evaporator_heat_kw[0]


def test_the_standby_chiller_takes_the_place_of_a_failed_one():
    start = initial(AI, np.array([18.0]), np.array([524.0]))
    assert run(AI, start, 30, 524.0, 15.6, 18.0, 29.4, wet_bulb=25.0, available=2.0)[-1][1].running[0] == 2.0
    assert run(AI, start, 30, 524.0, 15.6, 18.0, 29.4, wet_bulb=25.0, available=1.0)[-1][1].running[0] == 1.0


def test_the_economizer_has_its_approach_at_design():
    state, flows = steady_state(AI, 524.0, 18.0, 120, flow=16.0 * 0.997, condenser=20.0)
    cold = flows.return_c[0] - flows.economizer_heat_kw[0] / (16.0 * 0.997 * 4.182)
    assert flows.mode[0] == 1.0
    assert cold - 20.0 == pytest.approx(1.5 * flows.economizer_heat_kw[0] / 524.0, rel=1e-4)


@pytest.mark.parametrize("flow", [0.0, 0.5, 4.0, 15.6, 40.0])
def test_the_economizer_never_cools_below_the_condenser_water(flow):
    condenser = np.linspace(2.0, 35.0, 60)
    start = initial(AI, np.full(60, 18.0), np.full(60, 400.0))._replace(economizer_on=np.ones(60))
    _, f = run(AI, start, 1, 400.0, flow, 8.0, condenser)[-1]
    capacity_rate = f.flow_kg_s * 4.182
    left_at = f.return_c - f.economizer_heat_kw / capacity_rate
    assert (left_at >= np.minimum(condenser, f.return_c) - 1e-9).all()
    assert (f.economizer_heat_kw[condenser >= f.return_c] == 0.0).all()


def test_water_that_passes_the_coils_comes_back_cold_and_takes_the_economizer_its_head():
    """At least flow the bypass halves the rise of the return, and with it what the economizer may take."""
    start = initial(AI, np.array([8.0]), np.array([150.0]))._replace(economizer_on=np.ones(1))
    _, little = run(AI, start, 1, 150.0, 3.0, 8.0, 8.0)[-1]
    _, much = run(AI, start, 1, 150.0, 7.2, 8.0, 8.0)[-1]
    assert little.flow_kg_s[0] == pytest.approx(0.45 * 8.0 * 0.997)
    assert little.return_c[0] == pytest.approx(8.0 + 150.0 / (little.flow_kg_s[0] * 4.182))
    assert much.return_c[0] < little.return_c[0]


def test_at_part_load_the_exchanger_comes_closer_than_a_balanced_one():
    """Its condenser side keeps its flow: counterflow with Z = C/C_design, PHYSICS D2."""
    start = initial(AI, np.array([18.0]), np.array([150.0]))._replace(economizer_on=np.ones(1))
    _, f = run(AI, start, 1, 300.0, 8.0, 10.0, 15.0)[-1]
    c, most, ua = 8.0 * 4.182, 16.0 * 0.997 * 4.182, 524.0 / 1.5
    e = np.exp(-ua / c * (1.0 - c / most))
    expected = c * (1.0 - e) / (1.0 - c / most * e) * (f.return_c[0] - 15.0)
    assert f.economizer_heat_kw[0] == pytest.approx(expected, rel=1e-6)
    assert expected > 1.02 * ua * c / (ua + c) * (f.return_c[0] - 15.0)


def test_colder_condenser_water_never_costs_power_with_the_economizer_on():
    condenser = np.linspace(5.0, 33.0, 800)
    one = np.ones(800)
    start = initial(AI, 18.0 * one, 524.0 * one)._replace(economizer_on=one, economizer_since_s=0.0 * one)
    _, f = run(AI, start, 1, 524.0, 15.6, 18.0, condenser)[-1]
    assert np.diff(f.chiller_power_kw).min() >= -1e-9
    assert np.abs(np.diff(f.chiller_power_kw)).max() < 0.02 * f.chiller_power_kw.max()


def test_free_cooling_stops_the_chillers_and_holds_the_setpoint():
    state, flows = free_cooling_start()
    assert flows.mode[0] == 2.0
    assert flows.running[0] == 0.0
    assert flows.chiller_power_kw[0] == 0.0
    assert flows.economizer_heat_kw[0] == pytest.approx(400.0 + flows.pump_power_kw[0])
    assert state.supply_c[0] == pytest.approx(18.0)


def test_a_chiller_returns_when_the_economizer_no_longer_reaches_the_setpoint():
    state, _ = free_cooling_start()
    slow = run(AI, state, 30, 400.0, 15.6, 18.0, 18.3)
    assert [f.running[0] for _, f in slow].index(1.0) == 9
    assert max(s.supply_c[0] for s, _ in slow) < 18.0 + AI.stage_up_error_k
    fast = run(AI, state, 30, 400.0, 15.6, 18.0, 22.0)
    assert [f.running[0] for _, f in fast].index(1.0) < 8
    assert max(s.supply_c[0] for s, _ in fast) < 18.0 + 2 * AI.stage_up_error_k
    assert fast[-1][1].mode[0] == 1.0


def test_the_economizer_switches_at_most_once_per_lockout_however_the_tower_is_driven():
    state = initial(AI, np.array([18.0]), np.array([524.0]))
    modes = []
    for k in range(240):
        state, flows = run(AI, state, 1, 524.0, 15.6, 18.0, 14.0 if k % 2 else 28.0, wet_bulb=5.0)[-1]
        modes.append(state.economizer_on[0])
    assert 2 <= np.abs(np.diff(modes)).sum() <= 240 * 60 / AI.economizer_lockout_s


def test_the_economizer_stays_off_where_the_wet_bulb_promises_nothing():
    _, flows = steady_state(AI, 524.0, 18.0, 60, flow=15.6, condenser=14.0, wet_bulb=23.0)
    assert flows.mode[0] == 0.0
    assert flows.economizer_heat_kw[0] == 0.0


def test_an_economizer_saves_power_in_the_cold_and_never_in_the_heat():
    bare = ChilledWater(economizer=False)
    for condenser, saves in ((10.0, True), (20.0, True), (29.4, False)):
        inputs = {"flow": 15.6, "condenser": condenser, "wet_bulb": condenser - 4.0}
        with_it = steady_state(AI, 500.0, 18.0, 90, **inputs)[1].chiller_power_kw[0]
        without = steady_state(bare, 500.0, 18.0, 90, **inputs)[1].chiller_power_kw[0]
        assert (with_it < 0.9 * without) if saves else (with_it == without)


def test_pump_power_falls_with_the_flow_down_to_the_evaporator_minimum():
    start = initial(AI, np.array([18.0]), np.array([200.0]))
    power = [run(AI, start, 1, 200.0, flow, 18.0, 29.4)[0][1].pump_power_kw[0] for flow in (16.0, 8.0, 3.5, 1.0)]
    assert power[0] > power[1] > power[2] == power[3] > 0.0
    flow = run(AI, start, 1, 200.0, 1.0, 18.0, 29.4)[0][1].flow_kg_s[0]
    assert flow == pytest.approx(0.45 * 8.0 * 0.997)


def test_a_constant_speed_pump_draws_the_same_at_any_flow():
    start = initial(LEGACY, np.array([7.0]), np.array([300.0]))
    power = [run(LEGACY, start, 1, 300.0, flow, 7.0, 29.4)[0][1].pump_power_kw[0] for flow in (22.0, 5.0, 0.0)]
    assert power == pytest.approx([9.375] * 3)


@pytest.mark.parametrize("p", [AI, EDGE])
def test_the_length_of_the_step_does_not_matter(p):
    def energy(dt_s):
        load = 0.75 * p.chillers_duty * p.nominal_capacity_kw
        state = initial(p, np.array([14.0]), np.array([load]))
        total = 0.0
        for setpoint, load_share, condenser in ((14.0, 1.0, 28.0), (15.0, 0.8, 26.0), (14.0, 1.1, 30.0)):
            history = run(p, state, 120, load * load_share, 12.0, setpoint, condenser, wet_bulb=26.0, dt_s=dt_s)
            state = history[-1][0]
            total += sum(f.chiller_power_kw[0] for _, f in history) * dt_s / 3600.0
        return total

    assert energy(60.0) == pytest.approx(energy(5.0), rel=0.005)


def test_weather_terms_given_once_change_nothing():
    start = initial(EDGE, np.array([12.0]), np.array([91.0]))
    one = np.ones(1)
    inputs = (91.0 * one, 3.6 * one, 12.0 * one, 31.0 * one, 20.0 * one, 2.0, 0.0 * one, 60.0)
    assert advance(EDGE, start, *inputs) == advance(EDGE, start, *inputs, weather_terms(EDGE, 31.0 * one))
    assert weather_terms(AI, one) is None


@pytest.mark.parametrize("p", [AI, LEGACY, EDGE])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_state_is_kept(p, dtype):
    inputs = random_inputs(np.random.default_rng(4), 8, dtype)
    state = initial(p, inputs[2], inputs[0])
    new, flows = advance(p, state, *inputs, 60.0)
    arrays = [new.supply_c, *new.stages, new.online, new.economizer_on, new.economizer_since_s, *flows]
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}
    assert {a.shape for a in arrays} == {(8,)}


def test_arguments_are_not_changed():
    inputs = random_inputs(np.random.default_rng(5), 16)
    state = initial(AI, inputs[2] + 1.0, inputs[0])
    before = [a.copy() for a in (*inputs, state.supply_c, *state.stages, state.online)]
    advance(AI, state, *inputs, 60.0)
    for a, b in zip((*inputs, state.supply_c, *state.stages, state.online), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("p", [AI, LEGACY, EDGE])
def test_torch_gives_the_same_plant(p):
    torch = pytest.importorskip("torch")
    inputs = random_inputs(np.random.default_rng(6), 64)
    ours = initial(p, inputs[2], inputs[0])
    tensors = [torch.from_numpy(x) for x in inputs]
    theirs = initial(p, tensors[2], tensors[0])
    for _ in range(30):
        ours, flows = advance(p, ours, *inputs, 60.0)
        theirs, tensor_flows = advance(p, theirs, *tensors, 60.0)
    for a, b in zip(flows, tensor_flows, strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-6, atol=1e-9)


def test_power_factors_may_differ_per_environment():
    p = ChilledWater(power_factor=np.array([1.0, 1.1]))
    _, flows = run(p, initial(p, np.full(2, 18.0), np.full(2, 500.0)), 1, 500.0, 15.6, 18.0, 29.4, wet_bulb=25.0)[-1]
    assert flows.chiller_power_kw[1] == pytest.approx(1.1 * flows.chiller_power_kw[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"machine": "Z"}, "machine = 'Z'.*A, B"),
        ({"machine": "F"}, "air-cooled"),
        ({"chillers_duty": 4}, "exceeds chillers_installed"),
        ({"nominal_capacity_kw": -5.0}, "nominal_capacity_kw = -5.0"),
    ],
)
def test_a_plant_that_cannot_be_is_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        ChilledWater(**wrong)


def test_the_heat_taken_while_a_chiller_ramps_up_does_not_depend_on_the_step():
    start = initial(LEGACY, np.array([12.0]), np.array([505.0]))._replace(online=np.zeros(1))
    taken = [
        sum(f.evaporator_heat_kw[0] for _, f in run(LEGACY, start, 3, 505.0, 22.4, 7.0, 29.4, dt_s=dt_s)) * dt_s
        for dt_s in (60.0, 10.0)
    ]
    assert taken[0] == pytest.approx(taken[1], rel=0.01)
    assert taken[0] == pytest.approx(0.5 * 180.0 * 560.0 * 1.04 * 0.967, rel=0.05)


def test_a_chiller_starts_at_once_when_the_economizer_is_lost():
    state, _ = free_cooling_start()
    _, flows = run(AI, state, 1, 400.0, 15.6, 18.0, 29.4)[0]
    assert flows.mode[0] == 0.0
    assert flows.running[0] == 1.0


def test_another_models_water_and_mode_are_taken_over_and_its_stages_are_not_known():
    start = initial(AI, np.array([18.0, 18.0]), np.array([500.0, 500.0]))
    _, flows = advance(AI, start, *(np.full(2, x) for x in (500.0, 20.0, 18.0, 24.0, 15.0, 9.0, 0.0)), 60.0)
    found = taken_over(start, flows._replace(supply_c=np.array([19.0, 20.0]), mode=np.array([0.0, 2.0])))
    np.testing.assert_array_equal(found.supply_c, [19.0, 20.0])
    np.testing.assert_array_equal(found.economizer_on, [0.0, 1.0])
    assert found.stages is start.stages and found.online is start.online
