"""The chiller machine against its published check values (PHYSICS e1, j3, j4) and against what must be true."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from envs.equipment.chiller import (
    MACHINES,
    air_terms,
    biquadratic,
    factors_with_air,
    part_load_factor,
    power_kw,
    temperature_factors,
)
from experiments.published.heat_rejection import MACHINE_B

PUBLISHED = [  # id, x, y, load over Qref, power kW, COP
    *(("B", *point) for point in MACHINE_B),
    ("A", 7.0, 29.0, 0.50, 90.20, 5.848),
    ("A", 8.5, 20.0, 0.75, None, 8.197),
    ("D", 7.0, 29.0, 0.50, 164.17, 5.355),
    ("D", 8.5, 20.0, 0.75, None, 7.828),
    ("E", 7.0, 29.0, 0.50, 8.86, 5.646),
]


def published_power(name: str, x: float, y: float, share: float) -> float:
    q = MACHINES[name].q_ref_kw
    return float(power_kw(MACHINES[name], q, np.array([share * q]), np.array([x]), np.array([y]))[0])


def cop(name: str, x: float, y: float, share: float = 0.6) -> float:
    return share * MACHINES[name].q_ref_kw / published_power(name, x, y, share)


@pytest.mark.parametrize(("name", "x", "y", "share", "power", "wanted_cop"), PUBLISHED)
def test_a_machine_meets_its_published_power_and_cop(name, x, y, share, power, wanted_cop):
    if power is not None:
        assert published_power(name, x, y, share) == pytest.approx(power, rel=1e-3)
    assert cop(name, x, y, share) == pytest.approx(wanted_cop, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y", "cap", "eir", "plr", "share"),
    [(7, 29, 2413.5, 0.9348, 0.4801, 0.5), (8.5, 20, 2535.4, 0.6209, 0.6855, 0.75), (7, 24, 2444.8, 0.7738, 0.9479, 1)],
)
def test_machine_b_has_its_published_capacity_input_ratio_and_part_load(x, y, cap, eir, plr, share):
    q = MACHINES["B"].q_ref_kw
    got_cap, got_eir = temperature_factors(MACHINES["B"], np.array([float(x)]), np.array([float(y)]))
    assert got_cap[0] * q == pytest.approx(cap, rel=1e-4)
    assert got_eir[0] == pytest.approx(eir, rel=1e-4)
    assert share / got_cap[0] == pytest.approx(plr, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y", "share", "power", "plr"),
    [(7, 35, 1.0, 453.91, None), (10, 30, 0.5, 202.87, None), (7, 46, 1.0, 567.34, 1.15)],
)
def test_the_plain_curves_of_machine_f_give_its_published_power(x, y, share, power, plr):
    f = MACHINES["F"]
    available = f.q_ref_kw * biquadratic(f.cap_ft, x, y)
    load = min(share * f.q_ref_kw, f.plr_max * available)
    eir = biquadratic(f.eir_ft, x, y)
    got = available / f.cop_ref * eir * part_load_factor(f, np.array([load / available]))
    assert got[0] == pytest.approx(power, rel=1e-4)
    if plr is not None:
        assert load / available == pytest.approx(plr)


@pytest.mark.parametrize(
    ("name", "x", "y", "cap", "eir"),
    [("A", 6.67, 29.44, 1.0103, 1.0090), ("B", 5.56, 29.44, 0.9710, 0.9925), ("F", 6.67, 35.0, 1.0118, 1.0115)],
)
def test_the_curves_are_near_one_at_reference(name, x, y, cap, eir):
    m = MACHINES[name]
    assert biquadratic(m.cap_ft, x, y) == pytest.approx(cap, abs=1e-4)
    assert biquadratic(m.eir_ft, x, y) == pytest.approx(eir, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [(18, 15, 23.92), (18, 20, 20.97), (18, 25, 14.70), (18, 29.4, 11.48), (22, 29.4, 14.39), (25, 29.4, 17.68)],
)
def test_warm_water_extension_of_machine_b(x, y, wanted):
    assert cop("B", float(x), y) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "cops"),
    [(7.0, (5.05, 5.05, 4.67, 3.94, 3.46, 2.99, 2.33)), (12.0, (6.42, 6.42, 5.84, 4.76, 4.09, 3.46, 2.62))],
)
def test_air_cooled_extension_of_machine_f(x, cops):
    got = [cop("F", x, y) for y in (8.0, 15.0, 20.0, 25.0, 29.44, 35.0, 46.0)]
    assert got == pytest.approx(cops, abs=0.006)


def test_machine_b_lift_sensitivity_at_sixty_percent_load():
    assert [cop("B", 7.0, y) for y in (15.0, 20.0, 25.0, 29.0)] == pytest.approx([13.21, 10.55, 8.61, 7.40], abs=0.006)
    assert [cop("B", x, 25.0) for x in (5.0, 7.0, 8.8)] == pytest.approx([8.01, 8.61, 9.15], abs=0.006)


def test_machine_b_gains_per_kelvin_of_chilled_and_loses_per_kelvin_of_condenser_water():
    chw = [np.log(cop("B", x + 1.0, 25.0) / cop("B", x, 25.0)) for x in (5.0, 6.0, 7.0)]
    cw = [np.log(cop("B", 7.0, y + 1.0) / cop("B", 7.0, y)) for y in (17.0, 20.0, 24.0, 27.0)]
    assert min(chw) > 0.029 and max(chw) < 0.042
    assert min(cw) > -0.0495 and max(cw) < -0.032


SIGNS = [("B", 40.0, 0.0), ("C", 40.0, 0.0), ("D", 40.0, 0.005), ("F", 46.0, 0.0)]  # id, hottest y, tolerance per K


def power_map(name: str, hottest: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Power over load where the load is met, on a grid of (x, y, load)."""
    step = 0.5
    m = MACHINES[name]
    x, y, share = np.meshgrid(
        np.arange(5.0, 26.01, step), np.arange(5.0, hottest + 0.01, step), np.linspace(0.3, 1.0, 15), indexing="ij"
    )
    load = share * m.q_ref_kw
    met = load <= m.plr_max * m.q_ref_kw * temperature_factors(m, x, y)[0]
    return power_kw(m, m.q_ref_kw, load, x, y), met, step


@pytest.mark.parametrize(("name", "hottest", "tolerance"), SIGNS)
def test_a_hotter_condenser_never_saves_power(name, hottest, tolerance):
    power, met, step = power_map(name, hottest)
    rise = np.diff(np.log(power), axis=1) / step
    assert rise[met[:, 1:] & met[:, :-1]].min() >= -tolerance - 1e-12


@pytest.mark.parametrize(("name", "hottest", "tolerance"), SIGNS)
def test_warmer_chilled_water_never_costs_power(name, hottest, tolerance):
    power, met, step = power_map(name, hottest)
    rise = np.diff(np.log(power), axis=0) / step
    assert rise[met[1:] & met[:-1]].max() <= tolerance + 1e-12


@pytest.mark.parametrize(("name", "hottest", "tolerance"), SIGNS)
def test_more_load_never_saves_power(name, hottest, tolerance):
    m = MACHINES[name]
    x, y, share = np.meshgrid(
        [5.0, 9.0, 18.0, 26.0], [5.0, 20.0, 30.0, hottest], np.linspace(0.0, 1.4, 200), indexing="ij"
    )
    power = power_kw(m, m.q_ref_kw, share * m.q_ref_kw, x, y)
    assert np.diff(power, axis=2).min() >= -1e-9
    assert power[..., 0].max() == 0.0


@pytest.mark.parametrize(("name", "hottest", "tolerance"), SIGNS)
def test_power_has_no_jump_along_any_smooth_input(name, hottest, tolerance):
    m = MACHINES[name]
    n, mid = 4201, np.ones(4201)
    lines = [
        (np.linspace(5.0, 26.0, n), 22.0 * mid, 0.6 * mid),
        (7.0 * mid, np.linspace(5.0, hottest, n), 0.6 * mid),
        (18.0 * mid, np.linspace(5.0, hottest, n), 0.6 * mid),
        (9.0 * mid, 25.0 * mid, np.linspace(0.0, 1.0, n)),
    ]
    for x, y, share in lines:
        power = power_kw(m, m.q_ref_kw, share * m.q_ref_kw, x, y)
        assert np.abs(np.diff(power)).max() < 2e-3 * power.max()


def test_colder_condenser_water_than_head_pressure_allows_gains_nothing():
    assert published_power("B", 18.0, 5.0, 0.6) == published_power("B", 18.0, 18.4, 0.6)
    assert published_power("F", 7.0, 0.0, 0.6) == published_power("F", 7.0, 18.0, 0.6)


def test_a_scaled_machine_keeps_its_cop():
    m = MACHINES["B"]
    small = power_kw(m, 350.0, np.array([210.0]), np.array([18.0]), np.array([29.4]))
    assert 210.0 / small[0] == pytest.approx(cop("B", 18.0, 29.4), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "nominal", "load", "x", "y", "wanted", "tolerance"),
    [
        ("B", 350.0, 262.0, 18.0, 29.4, 23.0, 0.03),  # ai_hall: two of them take 524 kW with 46 kW
        ("D", 560.0, 505.0, 7.0, 29.4, 85.0, 0.01),
        ("F", 100.0, 91.0, 12.0, 35.0, 27.0, 0.03),
    ],
)
def test_design_day_power_of_the_scenarios(name, nominal, load, x, y, wanted, tolerance):
    got = power_kw(MACHINES[name], nominal, np.array([load]), np.array([x]), np.array([y]))
    assert got[0] == pytest.approx(wanted, rel=tolerance)


def test_load_beyond_capacity_is_not_paid_for():
    m = MACHINES["D"]
    x, y = np.array([7.0]), np.array([29.0])
    most = m.plr_max * m.q_ref_kw * temperature_factors(m, x, y)[0]
    assert power_kw(m, m.q_ref_kw, 3.0 * most, x, y) == pytest.approx(power_kw(m, m.q_ref_kw, most, x, y))


def test_air_terms_given_once_change_nothing():
    x, y = np.linspace(5.0, 20.0, 40), np.linspace(-10.0, 48.0, 40)
    once = factors_with_air(MACHINES["F"], x, air_terms(MACHINES["F"], y))
    np.testing.assert_array_equal(once, temperature_factors(MACHINES["F"], x, y))


@pytest.mark.parametrize("name", MACHINES)
def test_the_dtype_of_the_inputs_is_kept(name):
    x = np.array([7.0, 18.0], dtype=np.float32)
    m = MACHINES[name]
    assert power_kw(m, 350.0, x * 10.0, x, x + 5.0).dtype == np.float32
    assert power_kw(m, 350.0, (x * 10.0).astype(np.float64), x.astype(np.float64), x + 5.0).dtype == np.float64


@pytest.mark.parametrize("name", ["B", "F"])
def test_torch_gives_the_same_power(name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    load, x, y = rng.uniform(0, 400, 50), rng.uniform(5, 26, 50), rng.uniform(-5, 46, 50)
    ours = power_kw(MACHINES[name], 350.0, load, x, y)
    theirs = power_kw(MACHINES[name], 350.0, *(torch.from_numpy(v) for v in (load, x, y)))
    np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-6)


def test_the_table_is_the_published_one():
    root = os.environ.get("COLDAISLE_DATA")
    if not root:
        pytest.skip("COLDAISLE_DATA is unset: the published coefficient file is not at hand")
    published = json.loads((Path(root) / "plant" / "chillers.json").read_text())
    assert len(published) == len(MACHINES)
    for entry in published.values():
        m = MACHINES[entry["id"]]
        assert m.q_ref_kw == pytest.approx(entry["q_ref_w"] / 1e3)
        assert (m.cop_ref, m.plr_min, m.plr_max) == (entry["cop_ref"], entry["plr_min"], entry["plr_max"])
        assert m.leaving_range_c == entry["t_evap_leave_range_c"]
        assert m.condenser_range_c == entry["t_cond_enter_range_c"]
        assert (m.cap_ft, m.eir_ft, m.eir_fplr) == (entry["cap_ft"], entry["eir_ft"], entry["eir_fplr"])
