"""Pullbacks give what central differences and torch give."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from test_compiled import SCENARIOS, actions, core_of, mixture, step_arguments
from test_tape import Pair, arguments, flat

from envs.engine import repeated
from envs.engine.compiled import OtherShapes
from envs.engine.gradient import Adjoint
from envs.equipment import chiller, cooling_tower
from envs.physics import heat_exchanger
from envs.physics.staging import settled_stages
from envs.scenario import load
from envs.trees import columns, map_leaves

pytest.importorskip("llvmlite")
#: Results that are small differences of large numbers: differences of them show rounding alone.
CANCELLING = ("energy_residual_kw", "water_residual_kg")
STEP = 1e-5  # of max(|x|, 1), between rounding and curvature
SMOOTH = 1e-3  # one-sided differences that agree so far: no switch between them


def tree_like(tree: Any, arrays: list[np.ndarray]) -> Any:
    waiting = iter(arrays)
    return map_leaves(tree, lambda x: next(waiting))


class Slopes(NamedTuple):
    """Of a weighted sum of all results, by every row of the arguments."""

    found: np.ndarray
    central: np.ndarray
    smooth: np.ndarray
    """Whether differences to both sides agree."""


def slopes(function: Callable[..., Any], given: tuple[Any, ...], skip: tuple[str, ...] = ()) -> Slopes:
    """What a pullback gives and what differences give, for the first site; each moved row is a site of its own."""
    adjoint = Adjoint(function, given)
    result, pullback = adjoint(*given)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(*x.shape[:-1], 1)) / max(float(np.abs(x).mean()), 1.0) for x in flat(result)]
    for name in skip:
        for k, x in enumerate(flat(result)):
            if any(x is part for part in flat(getattr(result[1], name))):
                weights[k] = 0.0 * weights[k]
    back = pullback(tree_like(result, [w * np.ones(x.shape) for w, x in zip(weights, flat(result), strict=True)]))
    found = np.concatenate([x[..., 0].reshape(-1) for x in flat(back)])
    n = len(found)
    wide = map_leaves(columns(given, np.zeros(1, int)), lambda x: np.repeat(x, 2 * n + 1, axis=-1))
    steps, row = np.zeros(n), 0
    for x in flat(wide):
        rows = x.reshape(-1, 2 * n + 1)
        for k in range(len(rows)):
            if x.dtype.kind == "f":
                steps[row] = STEP * max(abs(rows[k, 0]), 1.0)
                rows[k, 1 + 2 * row] += steps[row]
                rows[k, 2 + 2 * row] -= steps[row]
            row += 1
    moved, _ = adjoint(*wide)
    total = sum((w * x.astype(float)).reshape(-1, 2 * n + 1).sum(axis=0) for w, x in zip(weights, flat(moved)))
    float_rows = steps > 0.0
    above, below = (total[1::2] - total[0])[float_rows], (total[0] - total[2::2])[float_rows]
    steps = steps[float_rows]
    central = 0.5 * (above + below) / steps
    smooth = np.abs(above - below) <= SMOOTH * np.abs(above + below)
    return Slopes(found[float_rows], central, smooth)


def looped(pair: Pair, by_name: dict[str, Any]) -> tuple[Pair, tuple[Any, ...]]:
    """Turns that hand sites and racks on, sum and take extremes, and read what stands before them."""
    weights = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], pair.a.dtype)
    before = np.exp(-np.square(pair.b)) * by_name["t"]

    def turn(state: Pair) -> tuple[Pair, tuple[Any, Any, Any]]:
        a = weights @ (state.a * 0.9) + 0.1 * before
        b = state.b - 0.05 * a.max(axis=0) + np.maximum(state.a, state.b) * before.sum(axis=0)
        return Pair(a, b), (a * b, np.maximum(a, b), b.min(axis=0))

    state, (total, most, least) = repeated(
        turn, lambda x, y: (x[0] + y[0], np.maximum(x[1], y[1]), np.minimum(x[2], y[2])), pair, 5
    )
    return state, (total * by_name["t"], most.sum(axis=0), state.a * least)


@pytest.mark.parametrize("function", [mixture, looped])
def test_every_kind_of_operation_has_its_slopes(function: Callable[..., Any]) -> None:
    for seed in range(3):
        found, central, smooth = slopes(function, arguments(seed, n=7, dtype="float64"))
        np.testing.assert_allclose(found[smooth], central[smooth], rtol=1e-6, atol=1e-8)
        assert smooth.mean() > 0.9


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.quick_for("ai_hall_power_cap", "liquid_hall", "edge_room")
def test_the_slopes_of_a_plant_are_those_of_differences(scenario: str) -> None:
    core = core_of(scenario, 2, "float64")
    for k in range(24):
        core.step(actions(core, k // 6))
    rng = np.random.default_rng(1)

    def parted(x: np.ndarray) -> np.ndarray:  # racks that are alike have switches at the same place
        return x * (1.0 + 1e-3 * rng.uniform(-1.0, 1.0, x.shape)) if x.dtype.kind == "f" else x

    found, central, smooth = slopes(core.plant.step, map_leaves(step_arguments(core), parted), CANCELLING)
    moved = smooth & (np.abs(central) > 1e-6)
    off = np.abs(found[moved] / central[moved] - 1.0)
    assert np.median(off) < 1e-6 and np.quantile(off, 0.9) < 1e-4, (np.median(off), np.quantile(off, 0.9))
    assert moved.sum() > 50 and (np.abs(found[~smooth]) < np.inf).all()


def test_slopes_of_float32_are_those_of_float64() -> None:
    back = {}
    for dtype in ("float32", "float64"):
        core = core_of("liquid_hall", 40, dtype)
        core.step(actions(core, 0))
        given = step_arguments(core)
        result, pullback = Adjoint(core.plant.step, given, wrt=(0, 1))(*given)
        cotangents = map_leaves(result, lambda x: np.zeros(x.shape, x.dtype))
        flows = cotangents[1]._replace(facility_power_kw=np.ones(40, dtype))
        back[dtype] = pullback((None, flows))[1]
    for name, fine in back["float64"].items():
        np.testing.assert_allclose(np.median(back["float32"][name], axis=-1), np.median(fine, axis=-1), rtol=1e-3)


# ---- torch ----------------------------------------------------------------------------------------------------------


def exchanger(x: Any) -> Any:
    return heat_exchanger.counterflow_effectiveness(4.0 * x[0], x[1]) * x[2]


def chiller_kw(x: Any) -> Any:
    machine = next(iter(chiller.MACHINES.values()))
    return chiller.power_kw(machine, 900.0, 1200.0 * x[0], 6.0 + 6.0 * x[1], 18.0 + 12.0 * x[2])


def tower_kw(x: Any) -> Any:
    tower = load("ai_hall").tower
    assert tower is not None
    weather = cooling_tower.weather_terms(tower, 10.0 + 9.0 * x[0], 20.0 + 5.0 * x[0], 0.01 * x[1], 100.0 + x[2])
    basin_c = 20.0 + 3.0 * x[1]
    before = cooling_tower.TowerState(basin_c, settled_stages(0.0 * basin_c + 2.0, tower.stage_hold_s))
    state, flows = cooling_tower.advance(tower, before, 900.0 + 500.0 * x[2], 20.0 + 4.0 * x[0], weather, 3.0, 60.0)
    return flows.fan_power_kw + flows.pump_power_kw + flows.makeup_kg_s + state.basin_c


@pytest.mark.parametrize("machine", [exchanger, chiller_kw, tower_kw])
def test_a_machine_has_the_slopes_that_torch_gives_it(machine: Callable[[Any], Any]) -> None:
    import torch

    x = np.random.default_rng(2).uniform(0.2, 0.9, (3, 11))
    given = torch.tensor(x, requires_grad=True)
    (expected,) = torch.autograd.grad(machine(given).sum(), given)
    y, pullback = Adjoint(lambda tree: (machine(tree[0]),), ((x,),))((x,))
    np.testing.assert_allclose(flat(pullback((np.ones_like(y[0]),)))[0], expected.numpy(), rtol=1e-10)


# ---- edges ----------------------------------------------------------------------------------------------------------


def back_of(function: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    (y,), pullback = Adjoint(lambda tree: (function(tree[0]),), ((x,),))((x,))
    ((back,),) = pullback((np.ones_like(y),))
    return back


def test_where_a_slope_has_no_one_value_the_page_says_which() -> None:
    at_zero = np.zeros((2, 5))
    assert (back_of(np.abs, at_zero) == 0.0).all()
    assert (back_of(np.sqrt, at_zero) == 0.0).all(), "an infinite slope would spoil every sum"
    assert (back_of(lambda x: x**1.3, at_zero) == 0.0).all()
    first, second = back_of(lambda x: np.maximum(x[0], x[1]), at_zero)
    assert (first == 1.0).all() and (second == 0.0).all(), "of equal numbers the first is the maximum"
    back = back_of(lambda x: x.max(axis=0), np.array([[1.0], [1.0], [0.0]]))
    assert back.sum() == 1.0 and back[2] == 0.0


def test_a_switch_has_the_slope_of_its_branch_and_none_of_its_own() -> None:
    x = np.array([[-1.0, 2.0]])
    back = back_of(lambda x: (x[0] > 0.0).astype(x.dtype) * 3.0 * x[0], x)
    np.testing.assert_array_equal(back, [[0.0, 3.0]])


def test_only_wanted_arguments_are_handed_back_and_they_are_the_same() -> None:
    given = arguments(1, n=6)
    result, pullback = Adjoint(looped, given)(*given)
    ones = map_leaves(result, np.ones_like)
    _, all_of_it = pullback(ones)
    _, pullback = Adjoint(looped, given, wrt=(1,))(*given)
    (found,) = pullback(ones)
    np.testing.assert_allclose(found["t"], all_of_it["t"], rtol=1e-6)
    with pytest.raises(ValueError, match="wrt = \\(2,\\)"):
        Adjoint(looped, given, wrt=(2,))


def test_none_stands_for_zeros() -> None:
    given = arguments(2, n=6)
    result, pullback = Adjoint(mixture, given)(*given)
    zeros = map_leaves(result, lambda x: np.zeros(x.shape, np.float32))
    ones = np.ones_like(result[0].a)
    for a, b in zip(flat(pullback((Pair(ones, None), None))), flat(pullback((zeros[0]._replace(a=ones), zeros[1])))):
        np.testing.assert_array_equal(a, b)
    assert any(np.any(x) for x in flat(pullback((Pair(ones, None), None))))


def test_other_shapes_are_refused() -> None:
    adjoint = Adjoint(mixture, arguments(0))
    pair, by_name = arguments(0)
    with pytest.raises(OtherShapes):
        adjoint(Pair(pair.a[:2], pair.b), by_name)


def test_a_site_has_the_same_slopes_in_any_batch_lane_and_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of("edge_room", 70)
    core.step(actions(core, 0))
    given = step_arguments(core)

    def slopes_of(trees: tuple[Any, ...]) -> list[np.ndarray]:
        result, pullback = Adjoint(core.plant.step, given, wrt=(0, 1))(*trees)
        return flat(pullback(map_leaves(result, lambda x: np.ones(x.shape, x.dtype))))

    whole = slopes_of(given)
    monkeypatch.setenv("COLDAISLE_THREADS", "2")
    for where in (np.arange(70), np.arange(3), np.arange(5, 25)):
        for found, expected in zip(slopes_of(columns(given, where)), whole, strict=True):
            np.testing.assert_array_equal(found, expected[..., where])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_gradient_takes_at_most_five_times_the_operations_of_a_step(scenario: str) -> None:
    core = core_of(scenario, 2)
    adjoint = Adjoint(core.plant.step, step_arguments(core), wrt=(0, 1))
    once = adjoint.lowered.program.operations().total()
    assert once < adjoint.program.operations().total() <= 4 * once
