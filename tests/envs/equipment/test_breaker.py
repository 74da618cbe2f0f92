"""Breakers: trip times of PHYSICS F3 at any sub-step, what is dark afterwards, and that a trip pays nobody."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.equipment import breaker
from envs.equipment.breaker import MSB_CURVE, RPP_CURVE, Breaker, BreakerState

THERMAL = [(1.2, 362.0), (1.35, 208.0), (1.5, 142.0), (2.0, 62.0), (3.0, 24.0)]
ROWS = [0, 0, 1]
CURVE_FROM = 1.001  # up to it nothing is added


def thermal_trip_time_s(p: Breaker, load: float, preload: float = 0.8) -> float:
    """Time to trip [s] of the thermal form at a constant load ratio after a settled pre-load; infinite below pickup."""
    heat, pickup = load * load, p.pickup_ratio * p.pickup_ratio
    if heat <= pickup:
        return math.inf
    return p.tau_s * math.log((heat - preload * preload) / (heat - pickup))


def curve_trip_time_s(load: float, curve: tuple[float, float]) -> float:
    """Time to trip [s] on a power-law curve ``t = c (i - 1)^-n``; infinite up to ``i = 1.001``."""
    return curve[0] * (load - 1.0) ** -curve[1] if load > CURVE_FROM else math.inf


def iec_trip_time_s(load: float) -> float:
    """Time to trip [s], IEC 60255 extremely inverse ``80/(i^2 - 1)``; infinite up to ``i = 1``."""
    return 80.0 / (load * load - 1.0) if load > 1.0 else math.inf


def nodes(dtype: type = np.float64) -> breaker.BreakerNodes:
    """Three racks of 100 kW on two rows of 150 and 80 kW, one UPS of 200 kW."""
    return breaker.breaker_nodes([100.0, 100.0, 100.0], [150.0, 80.0], 200.0, ROWS, dtype)


def time_to_trip(p: Breaker, node: int, load: float, dt_s: float, preload: float = 0.8) -> float:
    """Seconds until node trips when only it is overloaded, from the step function."""
    n = nodes()
    state = breaker.initial(p, n, 1, preload)
    power = np.zeros((6, 1))
    power[node] = load / n.per_limit[node]
    for k in range(2_000):
        before = state
        state, flows = breaker.advance(p, n, state, power[:3], power[3:5], power[5], dt_s)
        if flows.trips[0] > 0:
            down = state.down_s[node, 0] - before.down_s[node, 0]
            return (k + 1) * dt_s - (p.restart_s - down)
    return math.inf


@pytest.mark.parametrize(("load", "expected_s"), THERMAL)
def test_thermal_form_trips_at_the_published_times(load: float, expected_s: float) -> None:
    assert thermal_trip_time_s(Breaker(), load) == pytest.approx(expected_s, abs=0.6)


@pytest.mark.parametrize("dt_s", [1.0, 7.0, 60.0, 300.0])
@pytest.mark.parametrize(("load", "expected_s"), THERMAL)
def test_trip_instant_does_not_depend_on_the_sub_step(load: float, expected_s: float, dt_s: float) -> None:
    exact = thermal_trip_time_s(Breaker(), load)
    assert time_to_trip(Breaker(), 0, load, dt_s) == pytest.approx(exact, rel=1e-6)
    assert exact == pytest.approx(expected_s, abs=0.6)


def test_below_pickup_never_trips() -> None:
    assert time_to_trip(Breaker(), 0, 1.049, 3600.0) == math.inf
    assert thermal_trip_time_s(Breaker(), 1.049) == math.inf


@pytest.mark.parametrize(
    ("load", "curve", "expected_s"), [(1.2, RPP_CURVE, 247.0), (1.2, MSB_CURVE, 50.0)], ids=["rpp", "msb"]
)
def test_power_law_curves_give_the_published_times(load: float, curve: tuple[float, float], expected_s: float) -> None:
    assert curve_trip_time_s(load, curve) == pytest.approx(expected_s, abs=0.7)


@pytest.mark.parametrize(("load", "minutes_s"), [(1.10, 17.0 * 60.0), (1.40, 60.0)])
def test_panel_curve_passes_through_the_field_points(load: float, minutes_s: float) -> None:
    assert curve_trip_time_s(load, RPP_CURVE) == pytest.approx(minutes_s, rel=0.01)


@pytest.mark.parametrize("dt_s", [1.0, 60.0])
@pytest.mark.parametrize(("node", "expected_s"), [(0, 247.4), (3, 247.4), (5, 50.05)], ids=["rack", "row", "ups"])
def test_power_law_form_integrates_its_curve(node: int, expected_s: float, dt_s: float) -> None:
    assert time_to_trip(Breaker(form="power_law"), node, 1.2, dt_s) == pytest.approx(expected_s, abs=0.1)


@pytest.mark.parametrize(("load", "expected_s"), [(1.2, 181.8), (2.0, 26.7)])
def test_iec_extremely_inverse_gives_its_times(load: float, expected_s: float) -> None:
    assert iec_trip_time_s(load) == pytest.approx(expected_s, abs=0.05)
    assert time_to_trip(Breaker(form="iec"), 0, load, 60.0) == pytest.approx(expected_s, abs=0.05)


def test_instantaneous_trip_comes_at_once() -> None:
    assert time_to_trip(Breaker(), 0, 8.5, 60.0) == pytest.approx(0.0, abs=1e-9)


def test_repeated_overloads_are_remembered() -> None:
    p, n = Breaker(), nodes()
    once = twice = breaker.initial(p, n, 1, 0.8)
    over, rest = np.full((3, 1), 130.0), np.full((3, 1), 80.0)
    quiet = np.full((2, 1), 50.0)
    for _ in range(3):
        twice, f = breaker.advance(p, n, twice, over, quiet, np.full(1, 50.0), 60.0)
        twice, _ = breaker.advance(p, n, twice, rest, quiet, np.full(1, 50.0), 60.0)
        assert f.trips[0] == 0.0
        once, _ = breaker.advance(p, n, once, rest, quiet, np.full(1, 50.0), 120.0)
    assert np.all(twice.memory[:3] > once.memory[:3] + 0.1)


def test_damage_decays_when_the_overload_is_gone() -> None:
    p, n = Breaker(form="power_law"), nodes()
    state = breaker.initial(p, n, 1)
    state, _ = breaker.advance(p, n, state, np.full((3, 1), 120.0), np.full((2, 1), 1.0), np.ones(1), 100.0)
    after, _ = breaker.advance(p, n, state, np.full((3, 1), 90.0), np.full((2, 1), 1.0), np.ones(1), 600.0)
    np.testing.assert_allclose(after.memory[:3], state.memory[:3] * math.exp(-1.0))


def trip_one(node: int, restart_s: float = 1800.0) -> tuple[Breaker, breaker.BreakerNodes, BreakerState, object]:
    p, n = Breaker(restart_s=restart_s), nodes()
    power = np.full((6, 1), 10.0)
    power[node] = 9.0 / n.per_limit[node]
    state, flows = breaker.advance(p, n, breaker.initial(p, n, 1), power[:3], power[3:5], power[5], 60.0)
    return p, n, state, flows


@pytest.mark.parametrize(
    ("node", "alive"), [(1, [1, 0, 1]), (3, [0, 0, 1]), (4, [1, 1, 0]), (5, [0, 0, 0])], ids=["rack", "r0", "r1", "ups"]
)
def test_a_trip_darkens_the_node_and_its_children_only(node: int, alive: list[int]) -> None:
    _, _, _, flows = trip_one(node)
    np.testing.assert_array_equal(flows.alive[:, 0], alive)
    np.testing.assert_array_equal(flows.powered_frac[:, 0], alive)
    assert flows.ups_alive[0] == float(node != 5)
    assert flows.trips[0] == 1.0


def test_down_time_is_never_shorter_than_the_restart_time() -> None:
    for restart_s, dt_s in [(1800.0, 60.0), (90.0, 60.0), (1800.0, 7.0)]:
        p, n, state, _ = trip_one(3, restart_s)
        dark_s, power = 0.0, np.full((6, 1), 10.0)
        while True:
            state, flows = breaker.advance(p, n, state, power[:3] * 0.0, power[3:5] * 0.0, power[5], dt_s)
            dark_s += dt_s
            if flows.alive[0, 0] > 0.0:
                break
        first_step_s = 60.0
        assert restart_s <= dark_s + first_step_s <= restart_s + dt_s + 1e-9


def test_a_tripped_breaker_is_counted_once_and_starts_with_a_clear_memory() -> None:
    p, n, state, flows = trip_one(0)
    assert state.memory[0, 0] == 0.0
    _, again = breaker.advance(p, n, state, np.zeros((3, 1)), np.zeros((2, 1)), np.zeros(1), 60.0)
    assert flows.trips[0] == 1.0 and again.trips[0] == 0.0 and again.alive[0, 0] == 0.0


def test_powered_share_is_the_time_to_the_trip() -> None:
    p, n = Breaker(), nodes()
    state = breaker.initial(p, n, 1, 0.8)
    power = np.full((3, 1), 10.0)
    power[0] = 200.0
    _, flows = breaker.advance(p, n, state, power, np.full((2, 1), 10.0), np.full(1, 10.0), 300.0)
    assert flows.powered_frac[0, 0] == pytest.approx(thermal_trip_time_s(p, 2.0) / 300.0, rel=1e-9)
    np.testing.assert_array_equal(flows.powered_frac[1:], 1.0)


def test_more_load_never_trips_later() -> None:
    times = [time_to_trip(Breaker(), 0, load, 60.0) for load in (1.06, 1.1, 1.3, 1.7, 2.5, 5.0, 7.9, 8.1)]
    assert all(a >= b for a, b in zip(times, times[1:]))


def test_ratings_may_differ_per_environment() -> None:
    n = breaker.breaker_nodes([100.0] * 3, [150.0, 80.0], np.array([200.0, 20.0]), ROWS, np.float64)
    assert n.per_limit.shape == (6, 2)
    _, flows = breaker.advance(
        Breaker(),
        n,
        breaker.initial(Breaker(), n, 2),
        np.full((3, 2), 20.0),
        np.full((2, 2), 20.0),
        np.full(2, 180.0),
        60.0,
    )
    np.testing.assert_array_equal(flows.trips, [0.0, 1.0])


@pytest.mark.parametrize("form", breaker.FORMS)
def test_float32_stays_float32_and_agrees_with_float64_and_torch(form: str) -> None:
    torch = pytest.importorskip("torch")
    p, rng = Breaker(form=form), np.random.default_rng(3)
    racks, rows, ups = rng.uniform(20, 190, (3, 64)), rng.uniform(20, 190, (2, 64)), rng.uniform(20, 390, 64)
    results = []
    for kind in ("f64", "f32", "torch"):
        dtype = np.float32 if kind == "f32" else np.float64
        n = nodes(dtype)
        state = breaker.initial(p, n, 64)
        arrays = [a.astype(dtype) for a in (racks, rows, ups)]
        if kind == "torch":
            n = breaker.BreakerNodes(*(torch.as_tensor(a) for a in n))
            state = BreakerState(*(torch.as_tensor(a) for a in state))
            arrays = [torch.as_tensor(a) for a in arrays]
        for _ in range(5):
            state, flows = breaker.advance(p, n, state, *arrays, 20.0)
            if kind == "f32":
                assert all(a.dtype == np.float32 for a in (*state, *flows))
        results.append([np.asarray(a) for a in (*state, *flows)])
    assert results[0][-1].sum() >= 0.0 and results[0][2].min() == 0.0
    for a, b, c in zip(*results):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(c, a, rtol=1e-6, atol=1e-9)


def test_without_rack_breakers_rows_and_ups_trip_as_before() -> None:
    p, full, few = Breaker(), nodes(), breaker.breaker_nodes(None, [150.0, 80.0], 200.0, ROWS, np.float64)
    power = (np.full((3, 1), 90.0), np.array([[180.0], [70.0]]), np.full(1, 190.0))
    a, b = breaker.initial(p, full, 1), breaker.initial(p, few, 1)
    for _ in range(12):
        a, fa = breaker.advance(p, full, a, *power, 60.0)
        b, fb = breaker.advance(p, few, b, *power, 60.0)
        for x, y in zip(fa, fb):
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(fa.alive[:, 0], [0.0, 0.0, 1.0])


def test_unknown_form_and_zero_ratings_are_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match="power_law"):
        Breaker(form="fuse")
    with pytest.raises(ValueError, match="above 0 kW"):
        breaker.breaker_nodes([0.0], [1.0], 1.0, [0])
