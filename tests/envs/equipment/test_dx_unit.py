"""Direct-expansion units: their rating, the shape they borrow from machine F, ledgers and signs."""

import numpy as np
import pytest

from envs.equipment.chiller import MACHINES, biquadratic, temperature_factors
from envs.equipment.dx_unit import DxUnits, advance, capacity_kw, conditions, performance

HALL = DxUnits()
OUTSIDE = np.linspace(-20.0, 50.0, 1401)


def test_the_design_day_of_liquid_hall():
    flows = advance(HALL, np.array([135.0]), np.array([35.0]), 4.0)
    assert flows.power_kw[0] == pytest.approx(135.0 / 3.5)
    assert flows.capacity_kw[0] == pytest.approx(150.0)
    assert flows.fan_power_kw[0] == pytest.approx(8.0)


def test_efficiency_has_the_temperature_shape_of_machine_f():
    f = MACHINES["F"]
    _, eir = temperature_factors(f, OUTSIDE * 0.0 + 6.67, OUTSIDE)
    _, rating = temperature_factors(f, np.array([6.67]), np.array([35.0]))
    np.testing.assert_allclose(conditions(HALL, OUTSIDE, 4.0).power_per_heat, eir / rating / 3.5, rtol=1e-7)


def test_capacity_has_the_temperature_shape_of_machine_f():
    f = MACHINES["F"]
    shape = biquadratic(f.cap_ft, 6.67, np.clip(OUTSIDE, 29.44, 46.11)) / biquadratic(f.cap_ft, 6.67, 35.0)
    np.testing.assert_allclose(capacity_kw(HALL, OUTSIDE, 3.0), 150.0 * shape, rtol=1e-7)


def test_hotter_outside_never_saves_power_and_never_gives_capacity():
    flows = advance(HALL, OUTSIDE * 0.0 + 100.0, OUTSIDE, 4.0)
    assert np.diff(flows.power_kw).min() >= 0.0
    assert np.diff(flows.capacity_kw).max() <= 0.0
    assert flows.capacity_kw[-1] > 0.75 * flows.capacity_kw[0]


def test_power_has_no_jump_along_outdoor_temperature_or_load():
    by_air = advance(HALL, OUTSIDE * 0.0 + 100.0, OUTSIDE, 4.0).power_kw
    by_load = advance(HALL, np.linspace(0.0, 200.0, 1401), OUTSIDE * 0.0 + 30.0, 4.0).power_kw
    for power in (by_air, by_load):
        assert np.abs(np.diff(power)).max() < 3e-3 * power.max()
    assert by_load[0] == 0.0


def test_what_goes_outside_is_heat_and_power_and_heat_stops_at_capacity():
    heat = np.linspace(-10.0, 400.0, 83)
    flows = advance(HALL, heat, heat * 0.0 + 42.0, 4.0)
    np.testing.assert_array_equal(flows.rejected_kw, flows.heat_kw + flows.power_kw)
    np.testing.assert_array_equal(flows.heat_kw, np.clip(heat, 0.0, flows.capacity_kw))


def test_the_standby_unit_takes_the_place_of_a_failed_one_and_no_unit_gives_no_cooling():
    units = np.array([4.0, 3.0, 2.0, 0.0])
    got = capacity_kw(HALL, np.full(4, 35.0), units)
    assert got == pytest.approx([150.0, 150.0, 100.0, 0.0])
    flows = advance(HALL, np.full(4, 120.0), np.full(4, 35.0), units)
    assert flows.fan_power_kw == pytest.approx([8.0, 8.0, 16.0 / 3.0, 0.0])
    assert flows.power_kw[3] == 0.0


def test_conditions_given_once_change_nothing():
    heat, air = np.linspace(0.0, 180.0, 9), np.linspace(-5.0, 45.0, 9)
    np.testing.assert_array_equal(performance(conditions(HALL, air, 3.0), heat), advance(HALL, heat, air, 3.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_inputs_is_kept(dtype):
    flows = advance(HALL, np.full(5, 90.0, dtype), np.full(5, 30.0, dtype), 4.0)
    assert {(x.dtype, x.shape) for x in flows} == {(np.dtype(dtype), (5,))}


def test_torch_gives_the_same_units():
    torch = pytest.importorskip("torch")
    heat, air = np.linspace(0.0, 180.0, 30), np.linspace(-5.0, 48.0, 30)
    ours = advance(HALL, heat, air, 4.0)
    theirs = advance(HALL, torch.from_numpy(heat), torch.from_numpy(air), 4.0)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-6)


def test_more_duty_units_than_installed_are_refused_by_name():
    with pytest.raises(ValueError, match="units_duty = 5 exceeds units_installed"):
        DxUnits(units_duty=5)
