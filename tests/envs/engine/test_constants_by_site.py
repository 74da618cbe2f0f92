"""What a function itself holds and what differs from site to site is read as rows: halls are not all alike."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.engine import TapedFunction, repeated
from envs.engine.compiled import CompiledFunction, OtherShapes
from envs.engine.gradient import Adjoint
from envs.engine.layout import flat
from envs.engine.pool import Matrix
from envs.episodes.world import World
from envs.scenario import load
from envs.twin.calibration.free_parameters import free_parameters, with_values
from envs.twin.telemetry.synthetic import hidden_values

pytest.importorskip("llvmlite")
RACKS = 5
MATRIX = np.random.default_rng(1).uniform(0.1, 1.0, (RACKS, RACKS))


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def of_sites(sites: int, dtype: str) -> Callable[[Any, Any], Any]:
    """A function with constants of each kind: of racks and sites, of sites, float64, masks, integers, a matrix."""
    rng = np.random.default_rng(sites)
    by_rack, by_site = rng.normal(size=(RACKS, sites)).astype(dtype), rng.normal(size=sites).astype(dtype)
    wide, whole, mask = rng.normal(size=sites), rng.integers(0, 2**40, sites), rng.random(sites) < 0.5
    matrix = MATRIX.astype(dtype)

    def function(state: Any, y: Any) -> Any:
        def turn(x: Any) -> Any:
            x = x * 0.5 + by_rack * (matrix @ x) / RACKS
            return x, x.sum(axis=0) * by_site

        after, total = repeated(turn, lambda a, b: a + b, state[0], 3)
        return (after,), (total + y, total.astype(np.float64) * wide, np.where(mask, y, by_site), whole + 1, by_site)

    return function


def given(sites: int, dtype: str, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(RACKS, sites)).astype(dtype),), rng.normal(size=sites).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sites", [1, 2, 3, RACKS, 19, 70])
def test_constants_that_differ_by_site_have_a_compiled_form(sites: int, dtype: str) -> None:
    function = of_sites(sites, dtype)
    run = TapedFunction(function, engine="llvm")
    for seed in range(3):
        (state,), others = run(*given(sites, dtype, seed))
        (expected,), rest = function(*given(sites, dtype, seed))
        assert run.engine == "llvm"
        for a, b in zip((state, *others), (expected, *rest), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5)


def test_a_site_has_the_same_bits_among_others() -> None:
    """Constants of the sites go with the sites."""
    sites = 40
    function, arguments = of_sites(sites, "float32"), given(sites, "float32", 4)
    found = [CompiledFunction(function, arguments, lanes=lanes)(*arguments) for lanes in (4, 8, 16)]
    for other in found[1:]:
        for a, b in zip((*found[0][0], *found[0][1]), (*other[0], *other[1]), strict=True):
            np.testing.assert_array_equal(a, b)


def test_machine_code_with_constants_of_its_sites_takes_no_other_number_of_them() -> None:
    function, arguments = of_sites(7, "float64"), given(7, "float64", 0)
    compiled = CompiledFunction(function, arguments)
    assert compiled.lowered.fits(arguments) and not compiled.lowered.fits(given(9, "float64", 0))
    with pytest.raises(OtherShapes, match="9 sites"):
        compiled(*given(9, "float64", 0))


def test_a_matrix_may_be_an_argument_and_is_read_anew() -> None:
    def function(state: Any, tables: Any) -> Any:
        return (np.maximum(np.matmul(tables[0], state[0]), -1.0) * 2.0,)

    run = TapedFunction(function, engine="llvm")
    for sites in (6, 1):
        for seed in range(3):
            x = np.random.default_rng(seed).normal(size=(RACKS, sites))
            matrix = Matrix(np.random.default_rng(seed + 9).normal(size=(RACKS, RACKS)))
            np.testing.assert_allclose(run((x,), (matrix,))[0], function((x,), (matrix.array,))[0], rtol=1e-12)
    assert len(run._compiled) == 1, "one program for all matrices"


def test_slopes_see_constants_by_site_and_matrices() -> None:
    def function(state: Any, y: Any, tables: Any) -> Any:
        (x,), _ = inner(state, y)
        return (np.matmul(tables[0], x * x),)

    inner, matrix = of_sites(6, "float64"), Matrix(MATRIX)
    (x,), y = given(6, "float64", 2)
    _, back = Adjoint(function, ((x,), y, (matrix,)), wrt=(0,))((x,), y, (matrix,))
    ((slopes,),) = back((np.ones((RACKS, 6)),))
    for rack in range(RACKS):
        step = np.zeros_like(x)
        step[rack] = 1e-6
        up, down = (function((x + s,), y, (MATRIX,))[0].sum(axis=0) for s in (step, -step))
        np.testing.assert_allclose(slopes[rack], (up - down) / 2e-6, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("scenario", "dtype"), [("edge_room", "float32"), ("liquid_hall", "float64")])
def test_halls_with_parameters_of_their_own_run_compiled(
    scenario: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their parameters are float64; the plant has the precision that it was asked for, and all start together."""
    monkeypatch.setattr("envs.episodes.settled_start._SITES_AT_ONCE", 2)
    nominal, sites = load(scenario, ["site.workload_weeks=1"]), 5
    hidden = hidden_values(free_parameters(nominal), sites, np.random.default_rng(3))
    halls, world, seen = with_values(nominal, hidden), World.build(nominal), []
    for engine in ("numpy", "llvm"):
        monkeypatch.setenv("COLDAISLE_ENGINE", engine)
        core = DataCenterCore(halls, sites, dtype=dtype, world=world)
        core.reset(seed=5)
        rng = np.random.default_rng(1)
        for _ in range(12):
            core.step(rng.uniform(-1.0, 1.0, (sites, core.action_size)))
        assert core._steps[None].engine == engine and core._settled._begun.engine == engine
        seen.append((core.flows.facility_power_kw, core.flows.rack_inlet_c, core.state.air.hot_c))
        assert {x.dtype for x in flat((core.state,))} == {np.dtype(dtype)}
    for a, b in zip(*seen, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9 if dtype == "float64" else 1e-4)
