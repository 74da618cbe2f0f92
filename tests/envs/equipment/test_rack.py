from dataclasses import replace

import numpy as np
import pytest

from envs.equipment import rack
from envs.equipment.rack import ENTERPRISE_AIR, HGX_AIR, LEGACY_AIR, LIQUID_200, NVL72
from envs.equipment.rack_archetypes import psu_loss_lines
from envs.equipment.rack_chips import LEAKAGE_REFERENCE_C
from envs.equipment.throughput import CLASSES, throughput

FREE = 1e6
ARCHETYPES = {"hgx": HGX_AIR, "nvl72": NVL72, "liquid": LIQUID_200, "enterprise": ENTERPRISE_AIR, "legacy": LEGACY_AIR}


class Hall:
    """Racks of one kind under constant conditions, one environment per value of whatever varies."""

    def __init__(self, archetype, activity, inlet=25.0, coolant=35.0, flow=1.0, limit=FREE, dtype=np.float64):
        classes = list(activity) + ["none"] * (2 - len(activity))
        shares = list(activity.values()) + [0.0] * (2 - len(activity))
        n = max(np.size(v) for v in (*shares, inlet, coolant, flow, limit))

        def row(value):
            return np.broadcast_to(np.asarray(value, dtype=dtype), (n,)).copy()

        self.table = rack.rack_table([archetype], [[CLASSES.index(c)] for c in classes], dtype)
        self.demand = rack.demand_terms(self.table, np.stack([row(a)[None] for a in shares]))
        self.inlet, self.coolant, self.flow, self.limit = row(inlet)[None], row(coolant), row(flow), row(limit)[None]
        self.alive = np.ones((1, n), dtype=dtype)
        self.state = rack.initial(self.table, self.demand, self.inlet, self.coolant, self.flow)

    def step(self, dt_s=60.0):
        before = self.state
        args = (self.inlet, self.coolant, self.flow, self.demand, self.limit, self.alive, dt_s)
        self.state, flows = rack.advance(self.table, before, *args)
        return flows

    def settle(self):
        for dt_s in (*[1e5] * 6, *[60.0] * 12):  # minutes for fans and chips, which answer to each other
            flows = self.step(dt_s)
        return flows

    def residual_kw(self, before, flows, dt_s):
        stored = self.table.solids_kj_k * (self.state.solids_c - before.solids_c)
        stored = stored + self.table.package_kj_k * (self.state.chip_c - before.chip_c)
        return flows.power_kw - flows.air_heat_kw - flows.liquid_heat_kw - stored / dt_s


def full(archetype):
    return {"cpu": 1.0} if archetype.accelerators == 0 else {"prefill": 1.0}


@pytest.mark.parametrize("archetype", ARCHETYPES.values(), ids=ARCHETYPES.keys())
def test_full_activity_at_25_degrees_draws_the_peak(archetype):
    power = Hall(archetype, full(archetype)).settle().power_kw[0, 0]
    assert power == pytest.approx(archetype.peak_kw, rel=0.02)
    assert power < archetype.nameplate_kw


def test_hgx_rack_meets_the_measured_share_of_its_nameplate():
    peak = Hall(HGX_AIR, {"prefill": 1.0}).settle().power_kw[0, 0] / HGX_AIR.nameplate_kw
    training = [Hall(HGX_AIR, {name: 1.0}).settle().power_kw[0, 0] for name in ("pretrain", "finetune")]
    assert peak == pytest.approx(0.82, abs=0.03)
    assert np.mean(training) / HGX_AIR.nameplate_kw == pytest.approx(0.76, abs=0.03)


def test_base_to_accelerator_ratio_is_that_of_real_nodes():
    for archetype in (HGX_AIR, NVL72, LIQUID_200):
        assert 0.32 <= archetype.base_power_kw / (archetype.accelerators * archetype.accelerator_tdp_kw) <= 0.5


def test_idle_rack_draws_a_third_to_a_half_of_its_peak():
    for archetype in ARCHETYPES.values():
        assert 0.3 < Hall(archetype, {"none": 0.0}).settle().power_kw[0, 0] / archetype.peak_kw < 0.5


def test_cpu_server_follows_the_measured_law_of_use():
    u = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    hall = Hall(ENTERPRISE_AIR, {"cpu": u})
    span = ENTERPRISE_AIR.cpu_max_kw - ENTERPRISE_AIR.cpu_idle_kw
    np.testing.assert_allclose(hall.demand.total_kw[0], span * (2 * u - u**1.4), atol=1e-9)


def test_leakage_is_that_of_the_chip_temperature():
    hall = Hall(HGX_AIR, {"prefill": 1.0}, inlet=np.array([5.0, 25.0, 39.0]))  # none throttles
    flows = hall.settle()
    share = 1.0 + (flows.accelerator_power_kw[0] / (32 * 0.7) - 1.0) / HGX_AIR.leakage_frac
    np.testing.assert_allclose(share, 1.0 + 0.008 * (flows.chip_c[0] - 60.0), atol=1e-9)
    check = 1.0 + HGX_AIR.leakage_per_k * (np.array([40.0, 80.0, 90.0]) - LEAKAGE_REFERENCE_C)
    np.testing.assert_allclose(check, [0.84, 1.16, 1.24])


def test_server_fans_follow_the_inlet():
    flows = Hall(ENTERPRISE_AIR, {"cpu": 1.0}, inlet=np.array([20.0, 25.0, 30.0, 35.0, 40.0, 44.0])).settle()
    share = flows.fan_power_kw[0] / ENTERPRISE_AIR.peak_kw * (0.15 / ENTERPRISE_AIR.fan_max_frac)
    np.testing.assert_allclose(share, [0.0137, 0.0137, 0.0381, 0.0817, 0.15, 0.15], atol=1e-4)


def test_server_airflow_rises_16_percent_at_27_and_41_at_30():
    flow = Hall(ENTERPRISE_AIR, {"cpu": 1.0}, inlet=np.array([25.0, 27.0, 30.0])).settle().airflow_kg_s[0]
    np.testing.assert_allclose(flow / flow[0], [1.0, 1.16, 1.41], atol=0.01)
    assert flow[0] / 1.19 == pytest.approx(0.0601 * 10.0, rel=0.03)


def fan_speed(archetype, **conditions):
    hall = Hall(archetype, **conditions)
    hall.settle()
    return hall.state.fan_speed_frac[0]


def test_air_cooled_accelerators_at_full_load_are_as_warm_as_measured_ones():
    """Measured H100 air nodes: 54-72 degC (PHYSICS B7)."""
    for activity in ({"prefill": 1.0}, {"pretrain": 1.0}, {"finetune": 1.0}):
        chip = Hall(HGX_AIR, activity, inlet=np.array([20.0, 25.0])).settle().chip_c[0]
        assert chip.min() >= 54.0 and chip.max() <= 72.0


def test_air_cooled_accelerators_at_full_load_throttle_at_45_degrees_and_not_at_30():
    flows = Hall(HGX_AIR, {"prefill": 1.0}, inlet=np.array([30.0, 35.0, 45.0, 48.0])).settle()
    assert np.all(flows.throttle_frac[0, :2] == 1.0)
    assert flows.throttle_frac[0, 3] < flows.throttle_frac[0, 2] < 0.95


def test_fans_of_accelerators_rise_with_their_chips_at_one_inlet():
    for inlet in (20.0, 25.0, 30.0):
        light, heavy = (fan_speed(HGX_AIR, activity={k: 1.0}, inlet=inlet)[0] for k in ("decode", "prefill"))
        assert heavy > light + 0.03
    hot_chips = replace(HGX_AIR, chip_resistance_k_w=0.08)
    assert fan_speed(hot_chips, activity={"prefill": 1.0})[0] > fan_speed(HGX_AIR, activity={"prefill": 1.0})[0] + 0.1


def test_fans_rise_with_the_inlet_for_every_load_and_settle():
    inlet = np.linspace(10.0, 49.0, 79)
    for archetype, name in ((HGX_AIR, "prefill"), (HGX_AIR, "decode"), (ENTERPRISE_AIR, "cpu"), (NVL72, "prefill")):
        hall = Hall(archetype, {name: 1.0}, inlet=inlet)
        hall.settle()
        speeds = [hall.state.fan_speed_frac[0]]
        for _ in range(3):
            hall.step(60.0)
            speeds.append(hall.state.fan_speed_frac[0])
        assert np.all(np.diff(speeds[0]) >= -1e-6) and np.ptp(speeds, axis=0).max() < 1e-3


def test_less_air_through_the_heat_sinks_makes_chips_hotter():
    hall = Hall(HGX_AIR, {"prefill": 1.0}, inlet=25.0)
    fans = rack.server_fans(hall.table, hall.state, hall.inlet, hall.demand, hall.alive, 1e5)
    chips = []
    for share in (1.0, 0.75):
        args = (hall.inlet, hall.coolant, hall.flow, hall.demand, hall.limit, hall.alive, 1e5)
        thin = fans._replace(airflow_kg_s=fans.airflow_kg_s * share)
        chips.append(rack.advance(hall.table, hall.state, *args, thin)[1].chip_c[0, 0])
    assert chips[1] - chips[0] == pytest.approx(0.065 * 0.3 * 700.0 * (0.75**-0.5 - 1.0), rel=0.2)


def test_fans_of_liquid_racks_and_of_servers_do_not_follow_their_chips():
    cool, hot = fan_speed(NVL72, activity={"prefill": 1.0}, coolant=np.array([30.0, 45.0]))
    assert cool == hot
    assert fan_speed(ENTERPRISE_AIR, activity={"cpu": 1.0}, inlet=20.0) == pytest.approx(0.45)


def test_exhaust_is_14_kelvin_above_the_inlet_at_peak():
    for archetype in ARCHETYPES.values():
        assert Hall(archetype, full(archetype)).settle().exhaust_c[0, 0] - 25.0 == pytest.approx(13.9, abs=0.5)


def test_idle_rack_also_blows():
    flow = Hall(ENTERPRISE_AIR, {"cpu": np.array([0.0, 1.0])}).settle().airflow_kg_s[0]
    assert flow[0] / flow[1] == pytest.approx(0.30 / 0.45, rel=0.02)
    assert fan_speed(HGX_AIR, activity={"prefill": 0.0})[0] == pytest.approx(0.30)


def test_room_of_servers_feels_the_inlet_as_measured():
    inlet = np.array([23.0, 27.0, 30.0, 37.0])
    rooms = ((HGX_AIR, {"finetune": 1.0}), (ENTERPRISE_AIR, {"cpu": 0.6}), (LEGACY_AIR, {"cpu": 0.6}))
    for archetype, activity in rooms:
        power = Hall(archetype, activity, inlet=inlet).settle().power_kw[0]
        assert 0.30 <= (power[2] / power[0] - 1.0) / 7.0 * 100.0 <= 0.60
        assert 1.02 <= power[3] / power[1] <= 1.12


def test_throttling_settles_where_the_closed_form_says():
    chip = replace(
        HGX_AIR, accelerators=1, accelerator_tdp_kw=1.0, leakage_frac=0.0, chip_resistance_k_w=0.05, base_power_kw=0.1,
        sink_film_frac=0.0,
    )  # fmt: skip
    hall = Hall(chip, {"prefill": 1.0}, inlet=45.0)
    assert hall.settle().chip_c[0, 0] == pytest.approx(87.86, abs=0.01)
    temps = [hall.step(60.0).chip_c[0, 0] for _ in range(20)]
    assert np.ptp(temps) < 1e-9


def test_cold_plate_is_that_of_the_handbook():
    plate = replace(NVL72, accelerator_tdp_kw=1.0, leakage_frac=0.0, interface_resistance_k_w=0.0, coolant_rise_k=2.0)
    flows = Hall(plate, {"prefill": 1.0}, coolant=40.0).settle()
    assert flows.chip_c[0, 0] == pytest.approx(60.0 + 1.0, abs=1e-6)
    plate = replace(plate, accelerator_tdp_kw=0.7)
    flows = Hall(plate, {"prefill": 1.0}, coolant=32.0, flow=0.6).settle()
    assert flows.chip_c[0, 0] == pytest.approx(50.07 + 1.0 / 0.6, abs=0.01)


def test_warmest_technology_coolant_does_not_throttle():
    for archetype in (NVL72, LIQUID_200):
        assert Hall(archetype, {"prefill": 1.0}, coolant=42.0).settle().throttle_frac[0, 0] == 1.0


@pytest.mark.parametrize("dt_s", [1.0, 5.0, 10.0])
def test_chips_without_coolant_heat_from_50_to_90_in_12_to_40_seconds(dt_s):
    hall = Hall(NVL72, {"finetune": 1.0})
    hall.state = hall.state._replace(chip_c=np.full((1, 1), 50.0))
    hall.flow = np.zeros(1)
    seconds = 0.0
    while hall.step(dt_s).chip_c[0, 0] < 90.0:
        seconds += dt_s
        assert seconds < 60.0
    assert 12.0 - dt_s <= seconds <= 40.0


def test_chips_without_coolant_shut_down_in_about_a_minute_at_any_step():
    for dt_s in (1.0, 10.0, 60.0):
        hall = Hall(NVL72, {"prefill": 1.0})
        hall.flow = np.zeros(1)
        flags = [hall.step(dt_s).shutdown[0, 0] for _ in range(round(60.0 / dt_s))]
        assert flags[-1] == 1.0
        assert all(np.isfinite(part).all() for part in hall.state)


def test_servers_switch_off_at_50_degrees_of_inlet_air_and_stay_off_until_40():
    hall = Hall(HGX_AIR, {"prefill": 0.5}, inlet=np.array([49.0, 51.0, 45.0, 39.0]))
    hall.alive[0, 2:] = 0.0
    before = hall.state._replace(chip_c=np.full((1, 4), 50.0))
    args = (hall.inlet, hall.coolant, hall.flow, hall.demand, hall.limit, hall.alive, 60.0)
    state, flows = rack.advance(hall.table, before, *args)
    _, flows = rack.with_inlet_rise(hall.table, state, flows, hall.inlet, hall.inlet * 0.0, hall.alive, 60.0)
    np.testing.assert_array_equal(flows.shutdown[0], [0.0, 1.0, 1.0, 0.0])


def test_an_inlet_that_warms_within_the_step_keeps_its_heat_in_the_solids():
    """The ledger of `advance` holds after `with_inlet_rise` too, and both agree with a step at the inlet that came."""
    hall = Hall(HGX_AIR, {"prefill": 0.7}, inlet=25.0)
    before, rise = hall.state, np.full((1, 1), 3.0)
    fans = rack.server_fans(hall.table, before, hall.inlet, hall.demand, hall.alive, 60.0)
    args = (hall.coolant, hall.flow, hall.demand, hall.limit, hall.alive, 60.0, fans)
    state, flows = rack.advance(hall.table, before, hall.inlet, *args)
    hall.state, flows = rack.with_inlet_rise(hall.table, state, flows, hall.inlet + rise, rise, hall.alive, 60.0)
    assert abs(hall.residual_kw(before, flows, 60.0)[0, 0]) < 1e-9
    known, _ = rack.advance(hall.table, before, hall.inlet + rise, *args)
    assert hall.state.solids_c[0, 0] == pytest.approx(known.solids_c[0, 0], abs=0.4)  # its chips feel it a step later


def test_power_supplies_have_the_stated_efficiency():
    intercepts, slopes = psu_loss_lines(HGX_AIR)
    for load, eta in zip([0.1, 0.2, 0.5, 1.0], [0.90, 0.94, 0.96, 0.91]):
        output = load * HGX_AIR.psu_rated_kw
        loss = max(a + b * output for a, b in zip(intercepts, slopes))
        assert output / (output + loss) == pytest.approx(eta, abs=1e-9)
    flows = Hall(NVL72, {"prefill": 1.0}).settle()
    assert (flows.psu_loss_kw / flows.power_kw)[0, 0] == pytest.approx(0.025, abs=1e-9)


def test_power_supply_loss_in_the_step_is_that_of_the_curve():
    flows = Hall(HGX_AIR, {"prefill": np.linspace(0.0, 1.0, 7)}, inlet=32.0).settle()
    output = flows.power_kw - flows.psu_loss_kw
    load = 79.2 * np.array([0.1, 0.2, 0.5])
    expected = np.interp(output, load, load * (1.0 / np.array([0.90, 0.94, 0.96]) - 1.0))
    np.testing.assert_allclose(flows.psu_loss_kw, expected, rtol=1e-9)


def test_power_supply_curve_that_bends_the_wrong_way_is_refused():
    with pytest.raises(ValueError, match="psu_efficiency_frac"):
        replace(HGX_AIR, psu_efficiency_frac=[0.9, 0.85, 0.96, 0.97])


@pytest.mark.parametrize("archetype", ARCHETYPES.values(), ids=ARCHETYPES.keys())
@pytest.mark.parametrize("dt_s", [1.0, 10.0, 60.0, 300.0])
def test_every_kilowatt_leaves_or_stays(archetype, dt_s):
    rng = np.random.default_rng(3)
    hall = Hall(archetype, {**full(archetype), "decode": rng.random(16) * 0.3})
    for _ in range(12):
        hall.inlet = 18.0 + 25.0 * rng.random((1, 16))
        hall.coolant, hall.flow = 20.0 + 30.0 * rng.random(16), rng.random(16) ** 2
        hall.limit = archetype.peak_kw * (0.3 + rng.random((1, 16)))
        hall.alive = (rng.random((1, 16)) > 0.2) * 1.0
        before = hall.state
        flows = hall.step(dt_s)
        np.testing.assert_allclose(hall.residual_kw(before, flows, dt_s) / archetype.peak_kw, 0.0, atol=1e-12)


def test_liquid_takes_its_share_of_the_heat():
    flows = Hall(NVL72, {"prefill": 1.0}).settle()
    assert flows.liquid_heat_kw[0, 0] == pytest.approx(102.0, rel=0.01)
    assert flows.air_heat_kw[0, 0] == pytest.approx(18.0, rel=0.02)


def test_cap_above_demand_changes_nothing_at_all():
    for dtype in (np.float64, np.float32):
        free = Hall(HGX_AIR, {"prefill": 0.3, "decode": 0.5}, inlet=30.0, dtype=dtype)
        capped = Hall(HGX_AIR, {"prefill": 0.3, "decode": 0.5}, inlet=30.0, limit=40.0, dtype=dtype)
        need = free.settle().power_kw[0, 0]
        capped.limit = np.full_like(capped.limit, need * 1.001)
        capped.settle()
        for a, b in zip(free.step()._replace(swing=0.0), capped.step()._replace(swing=0.0)):
            np.testing.assert_array_equal(a, b)


def test_limit_is_met_on_the_input_power():
    limit = np.linspace(22.0, 33.0, 12)
    flows = Hall(HGX_AIR, {"prefill": 0.4, "finetune": 0.6}, inlet=28.0, limit=limit).settle()
    np.testing.assert_allclose(flows.power_kw[0], np.minimum(limit, flows.uncapped_power_kw[0]), rtol=2e-3)
    assert np.all(flows.power_kw[0] <= limit + 1e-4)


def test_uncapped_power_is_what_the_free_rack_draws():
    free = Hall(NVL72, {"pretrain": 1.0}).settle().power_kw[0, 0]
    capped = Hall(NVL72, {"pretrain": 1.0}, limit=85.0).settle()
    assert capped.power_kw[0, 0] == pytest.approx(85.0, rel=1e-6)
    assert capped.uncapped_power_kw[0, 0] == pytest.approx(free, rel=0.025)


def test_cap_cannot_reach_the_base_nor_go_below_the_floor():
    hall = Hall(HGX_AIR, {"prefill": 1.0}, limit=np.array([0.0, 5.0, 10.0]))
    flows = hall.settle()
    np.testing.assert_allclose(flows.cap_frac[0, 0], HGX_AIR.cap_floor_frac)
    assert np.all(flows.power_kw > HGX_AIR.base_power_kw)
    cpu = Hall(ENTERPRISE_AIR, {"cpu": 1.0}, limit=np.array([1.0, FREE])).settle()
    assert cpu.power_kw[0, 0] == pytest.approx(cpu.power_kw[0, 1])
    np.testing.assert_array_equal(cpu.cap_frac, 1.0)


def test_cap_at_60_percent_of_tdp_leaves_decode_alone():
    hall = Hall(HGX_AIR, {"decode": 1.0})
    fixed = HGX_AIR.base_power_kw + hall.settle().fan_power_kw[0, 0]
    hall.limit = np.full((1, 1), (fixed + 0.6 * 32 * 0.7) / 0.955)
    flows = hall.settle()
    assert throughput(hall.table, flows.cap_frac, flows.throttle_frac)[0, 0, 0] > 0.98


def test_cap_takes_from_the_slot_that_draws_most():
    free = Hall(HGX_AIR, {"decode": 0.5, "prefill": 0.5}).settle()
    capped = Hall(HGX_AIR, {"decode": 0.5, "prefill": 0.5}, limit=free.power_kw[0, 0] * 0.92).settle()
    assert capped.cap_frac[0, 0, 0] == 1.0
    assert 0.6 < capped.cap_frac[1, 0, 0] < 0.9


def test_capped_training_loses_what_the_handbook_says():
    for class_name, expected in (("finetune", [0.94, 0.88, 0.79]), ("pretrain", [0.884, 0.824, 0.733])):
        hall = Hall(HGX_AIR, {class_name: 1.0})
        hall.settle()
        draw = hall.demand.total_kw[0, 0]
        for share, done in zip((0.8, 0.7, 0.6), expected):
            for dt_s in (*[1e5] * 6, *[60.0] * 12):
                flows = hall.step(dt_s)
                leak = hall.demand.leak_kw_k * (flows.chip_c - 60.0)
                hall.limit = HGX_AIR.base_power_kw + flows.fan_power_kw + share * draw + leak + flows.psu_loss_kw
            assert flows.cap_frac[0, 0, 0] == pytest.approx(share, abs=1e-3)
            assert throughput(hall.table, flows.cap_frac, flows.throttle_frac)[0, 0, 0] == pytest.approx(done, abs=0.03)


@pytest.mark.parametrize("archetype", [HGX_AIR, ENTERPRISE_AIR, NVL72], ids=["hgx", "enterprise", "nvl72"])
def test_hotter_inlet_never_saves_power(archetype):
    flows = Hall(archetype, full(archetype), inlet=np.linspace(10.0, 45.0, 3501), coolant=30.0).settle()
    unthrottled = flows.throttle_frac[0] == 1.0
    change = np.diff(flows.power_kw[0])[unthrottled[1:]]
    assert unthrottled[:3000].all()  # up to 40 degC
    assert change.min() >= -1e-9
    assert change.max() < 0.01 * 0.05 * archetype.peak_kw  # no jump: under 5 %/K everywhere


def test_lower_cap_never_takes_more_power_and_never_jumps():
    limit = np.linspace(5.0, 40.0, 3501)
    for inlet in (25.0, 38.0, 60.0):
        hall = Hall(HGX_AIR, {"pretrain": 0.6, "decode": 0.4}, inlet=inlet, limit=limit)
        for flows in (hall.step(10.0), hall.step(60.0), hall.settle()):
            change = np.diff(flows.power_kw[0])
            assert change.min() >= -1e-9
            assert change.max() <= 0.01 * 1.6


def test_more_activity_never_takes_less_power_and_never_jumps():
    share = np.linspace(0.0, 1.0, 2001)
    for archetype, name in ((HGX_AIR, "pretrain"), (NVL72, "decode"), (ENTERPRISE_AIR, "cpu")):
        change = np.diff(Hall(archetype, {name: share}, inlet=30.0).settle().power_kw[0])
        assert change.min() >= -1e-9
        assert change.max() < 2.0 * archetype.peak_kw / 2000


def test_hot_chips_do_not_flip_between_states():
    for inlet in (52.0, 60.0, 75.0, 90.0):
        hall = Hall(HGX_AIR, {"prefill": 1.0})
        hall.inlet = np.full((1, 1), inlet)
        temps = np.array([hall.step(60.0).chip_c[0, 0] for _ in range(40)])
        assert np.all(np.diff(temps) >= -1e-6)
        assert abs(temps[-1] - temps[-2]) < 1e-3


def test_short_steps_and_long_steps_tell_the_same_story():
    ends, means = [], []
    for dt_s in (1.0, 10.0, 60.0):
        hall = Hall(NVL72, {"pretrain": 0.9}, coolant=30.0)
        hall.inlet, hall.coolant = np.full((1, 1), 32.0), np.full(1, 40.0)
        power = [hall.step(dt_s).power_kw[0, 0] for _ in range(round(600 / dt_s))]
        ends.append([hall.state.chip_c[0, 0], hall.state.solids_c[0, 0], hall.state.fan_speed_frac[0, 0]])
        means.append(np.mean(power))
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, atol=0.1)
    np.testing.assert_allclose(means[1:], means[0], rtol=2e-3)


def test_solids_cool_in_minutes():
    hall = Hall(ENTERPRISE_AIR, {"cpu": 1.0})
    start = hall.state.solids_c[0, 0]
    hall.demand = Hall(ENTERPRISE_AIR, {"cpu": 0.0}).demand
    end = Hall(ENTERPRISE_AIR, {"cpu": 0.0}).settle().exhaust_c[0, 0]
    seconds = 0.0
    while (hall.step(10.0).exhaust_c[0, 0] - end) / (start - end) > np.exp(-1):
        seconds += 10.0
    assert 250.0 < seconds < 700.0


def test_rack_that_is_down_draws_nothing_and_cools_slowly():
    hall = Hall(HGX_AIR, {"prefill": 1.0})
    hall.alive = np.zeros((1, 1))
    start = hall.state.solids_c[0, 0]
    flows = hall.step(60.0)
    for name in ("power_kw", "accelerator_power_kw", "fan_power_kw", "psu_loss_kw"):
        assert getattr(flows, name)[0, 0] == 0.0
    assert 0.0 < flows.airflow_kg_s[0, 0] < 0.05 * 2.4
    assert flows.air_heat_kw[0, 0] > 0.0
    assert 20.0 + 0.5 * (start - 25.0) < hall.state.solids_c[0, 0] <= start + 3.0


def test_rack_comes_back_as_it_was():
    hall = Hall(HGX_AIR, {"prefill": 1.0})
    before = hall.settle()
    hall.alive = np.zeros((1, 1))
    hall.step(300.0)
    hall.alive = np.ones((1, 1))
    np.testing.assert_allclose(hall.settle().power_kw, before.power_kw)


def mixed(dtype, n=8):
    rng = np.random.default_rng(7)
    kinds = [NVL72, NVL72, HGX_AIR, ENTERPRISE_AIR]
    table = rack.rack_table(kinds, [[0, 2, 1, 5], [6, 3, 4, 6]], dtype)
    activity = (0.5 * rng.random((2, 4, n))).astype(dtype)
    inlet, limit = (20 + 20 * rng.random((4, n))).astype(dtype), (10 + 80 * rng.random((4, n))).astype(dtype)
    return table, activity, inlet, (25 + 15 * rng.random(n)).astype(dtype), rng.random(n).astype(dtype), limit


def run(table, activity, inlet, coolant, flow, limit):
    demand = rack.demand_terms(table, activity)
    state = rack.initial(table, demand, inlet, coolant, flow)
    state, flows = rack.advance(table, state, inlet, coolant, flow, demand, limit, 0.0 * inlet + 1.0, 60.0)
    done = throughput(table, flows.cap_frac, flows.throttle_frac)
    return [x for x in (*demand, *state, *flows, done) if x is not None]


def test_float32_stays_float32_and_near_float64():
    single, double = run(*mixed(np.float32)), run(*mixed(np.float64))
    for a, b in zip(single, double):
        assert a.dtype == np.float32
        assert b.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3)


def test_mixed_hall_equals_halls_of_one_kind():
    table, activity, inlet, coolant, flow, limit = mixed(np.float64)
    together = run(table, activity, inlet, coolant, flow, limit)
    alone = rack.rack_table([HGX_AIR], [[1], [4]], np.float64)
    single = run(alone, activity[:, 2:3], inlet[2:3], coolant, flow, limit[2:3])
    for a, b in zip(together, single):
        np.testing.assert_allclose(a[..., 2:3, :], b, rtol=1e-9, atol=1e-9)


def test_arguments_are_not_changed():
    given = mixed(np.float64)
    copies = [np.copy(x) for x in given[1:]]
    run(*given)
    for a, b in zip(given[1:], copies):
        np.testing.assert_array_equal(a, b)


def test_parameters_may_vary_by_environment():
    varied = replace(HGX_AIR, base_power_kw=np.array([7.0, 7.8, 9.0]))
    power = Hall(varied, {"prefill": np.full(3, 1.0)}).settle().power_kw[0]
    assert power[1] == pytest.approx(Hall(HGX_AIR, {"prefill": 1.0}).settle().power_kw[0, 0])
    assert power[0] < power[1] < power[2]


def test_torch_tells_the_same_story():
    torch = pytest.importorskip("torch")

    def convert(value):
        if isinstance(value, np.ndarray):
            return torch.as_tensor(value)
        return type(value)(*map(convert, value)) if isinstance(value, tuple) else value  # numbers and None stay

    given = mixed(np.float64)
    for a, b in zip(run(*given), run(*map(convert, given))):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-6, atol=1e-6)
