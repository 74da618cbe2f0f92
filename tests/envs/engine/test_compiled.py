"""Machine code gives what the function gives, but for rounding, and always the same bits."""

import warnings
from typing import Any

import numpy as np
import pytest
from test_tape import COLUMN, ROWS, Counted, Pair, arguments, branching, flat

from envs.core import DataCenterCore
from envs.engine import TapedFunction, repeated
from envs.engine.compiled import CompiledFunction
from envs.episodes.core_step import CoreState
from envs.faults import Fault
from envs.plant.flows import Flows
from envs.trees import columns
from scripts import bench

pytest.importorskip("llvmlite")
SCENARIOS = ("ai_hall", "ai_hall_power_cap", "legacy_air", "liquid_hall", "edge_room")
STEPS = 288  # a day of five minutes each
ENGINES = (("llvm", "llvm", "float32"), ("numpy", "numpy", "float32"), ("fine", "numpy", "float64"))
#: Room for a difference of one step, in units of the last place of max(|x|, 1). A step rounds some ten thousand times.
ONE_STEP = 2e3
#: Of differences that cancel: kW of megawatts, kg of tonnes.
CANCELLING = {"energy_residual_kw": 2e5, "water_residual_kg": 2e4}
FAULTS = [Fault("crah_fan", 7200.0, 3600.0, 0, 1.0), Fault("weather_hot", 0.0, 86400.0, 0, 4.0)]


def mixture(pair: Pair, by_name: dict[str, Any]) -> tuple[Pair, dict[str, Any]]:
    """Every kind of operation that keeps sites apart, with results that overlap and pass through."""
    x, y = pair
    z = np.maximum(x * COLUMN + 0.5, np.minimum(y, 1.0))
    hot = z > 0.7
    total = np.sum(z * hot.astype(z.dtype), axis=0) / (1.0 + np.abs(x).max(axis=0))
    either = (hot | ~(y < 0.0)) & (x != y) ^ (x <= 0.3)
    picked = z[ROWS] + np.concatenate([total[None], y[:1], x[:2]], axis=0)
    stacked = np.stack([total, by_name["t"] * 2.0, -total])
    unchanged = z[np.array([0, 0, 2])] * 1.0  # is simplified away, and then read row by row
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 2.0]], x.dtype)
    return Pair(picked[1:3], np.clip((weights @ stacked) * total, -3.0, 3.0)), {
        "same": by_name["t"],
        "row by row": unchanged[:2] + unchanged[1:],
        "hot": either,
        "square": (x[:, None] * y[None]).reshape(9, -1).min(axis=0),
        "by row": (x[:, None] * y[None]).sum(axis=1),
        "all": either.all(axis=0),
        "powers": np.sqrt(z**2 + 1.0) + (np.abs(z) + 5.0) ** 1.3 + np.abs(z) ** 0.5 * np.square(y),
        "exp": np.exp(-(z**2))[None] + np.expm1(x) * np.log1p(y**2) - np.log(z**2 + 2.0),
    }


def core_of(scenario: str, sites: int, dtype: str = "float32") -> DataCenterCore:
    core = DataCenterCore(scenario, sites, ["site.workload_weeks=1"], dtype=dtype)
    core.reset(seed=4)
    return core


def step_arguments(core: DataCenterCore) -> tuple[Any, ...]:
    return (core.state, core.in_force, core.outside, core._load, core.lost, core.t.copy())


def actions(core: DataCenterCore, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (core.num_envs, core.action_size)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_kind_of_operation_has_a_compiled_form(dtype: str) -> None:
    counted = Counted(mixture)
    run = TapedFunction(counted, engine="llvm")
    for seed in range(4):
        given = arguments(seed, n=19, dtype=dtype)
        for found, expected in zip(flat(run(*given)), flat(mixture(*given)), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-13)
    assert counted.calls == 2, "one call to compare with, one to record"


class Beside:
    """Steps a core by the numpy engine, and notes how far machine code would have been off."""

    def __init__(self, core: DataCenterCore) -> None:
        self.step = TapedFunction(core.core_step, engine="numpy")
        self.worst: dict[str, float] = {}
        self.compiled: CompiledFunction | None = None
        core._steps[None] = self

    def __call__(self, *given: Any) -> Any:
        self.compiled = self.compiled or CompiledFunction(self.step.function, given)
        expected, found = self.step(*given), self.compiled(*given)
        names = [*CoreState._fields, *Flows._fields, *expected[1].cost, "observation", "reward", "truncated"]
        for name in names:
            far, near = self._named(found, name), self._named(expected, name)
            for a, b in zip(flat(far), flat(near), strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype), name
                if a.dtype.kind != "f":
                    np.testing.assert_array_equal(a, b, err_msg=name)
                    continue
                off = float((np.abs(a - b) / np.maximum(np.abs(b), 1.0)).max())
                self.worst[name] = max(self.worst.get(name, 0.0), off)
        return expected

    def _named(self, result: Any, name: str) -> Any:
        state, done = result
        for place in (state, done, done.flows):
            if name in place._fields:
                return (getattr(place, name),)
        return (done.cost[name],)

    def far(self, dtype: str) -> dict[str, float]:
        """What was farther off than rounding explains, in units of the last place."""
        units = {name: off / float(np.finfo(dtype).eps) for name, off in self.worst.items()}
        return {name: off for name, off in units.items() if not off < CANCELLING.get(name, ONE_STEP)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.quick_for("ai_hall_power_cap-float32", "liquid_hall-float32", "edge_room-*")
def test_a_day_with_faults_is_near_to_numpy_step_by_step(scenario: str, dtype: str) -> None:
    core = core_of(scenario, 3, dtype)
    core.set_faults([FAULTS, FAULTS, []])
    beside = Beside(core)
    for k in range(STEPS):
        core.step(actions(core, k // 12))
    assert beside.far(dtype) == {}


def test_a_free_day_stays_as_near_to_numpy_as_numpy_to_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {}
    for name, engine, dtype in ENGINES:
        monkeypatch.setenv("COLDAISLE_ENGINE", engine)
        core = core_of("edge_room", 12, dtype)
        powers = []
        for k in range(96):
            core.step(actions(core, k // 6))
            powers.append(core.flows.facility_power_kw)
        runs[name] = np.array(powers, np.float64)
    off = np.abs(runs["llvm"] / runs["numpy"] - 1.0).max(axis=0)
    rounding = np.abs(runs["fine"] / runs["numpy"] - 1.0).max(axis=0)
    assert np.quantile(off, 0.9) <= 2.0 * np.quantile(rounding, 0.9) < 1e-3


@pytest.mark.parametrize("scenario", ["ai_hall", "edge_room"])
def test_a_site_has_the_same_bits_in_any_batch_lane_and_thread(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of(scenario, 70)
    core.step(actions(core, 0))
    given = step_arguments(core)
    whole = flat(CompiledFunction(core.plant.step, given)(*given))  # 16 lanes
    monkeypatch.setenv("COLDAISLE_THREADS", "2")
    compiled = CompiledFunction(core.plant.step, given)
    for found, expected in zip(flat(compiled(*given)), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(compiled._shares) == 2, "one thread had all the work"
    for where in (np.arange(3), np.arange(5, 25), np.array([69])):  # 4, 8 and 4 lanes
        for found, expected in zip(flat(compiled(*columns(given, where))), whole, strict=True):
            np.testing.assert_array_equal(found, expected[..., where])


def test_a_state_that_is_handed_on_is_read_in_place_with_the_same_bits() -> None:
    core = core_of("edge_room", 5)
    state, *rest = step_arguments(core)
    resident, packing = (CompiledFunction(core.plant.step, (state, *rest)) for _ in range(2))
    kept = own = state
    for _ in range(5):
        kept, _ = resident(kept, *rest)
        own, flows = packing(columns(own, np.arange(5)), *rest)
        for found, expected in zip(flat(kept), flat(own), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert resident._held is not None and resident._held[0][0] is kept[0]


def test_what_is_handed_out_is_never_written_again() -> None:
    core = core_of("edge_room", 3)
    core.step(actions(core, 0))
    compiled = CompiledFunction(core.core_step, (core.now, core.given(actions(core, 1))))
    state, kept = core.now, []
    for k in range(6):
        state, done = compiled.step(state, core.given(actions(core, k)))
        if k < 3:
            kept += [(x, x.copy()) for x in flat((state.tree, done.flows, done.observation))]
    for now, then in kept:
        np.testing.assert_array_equal(now, then)
    assert len(compiled._pool._sets) < 6, "memory that nobody holds is not used again"


def test_results_are_fresh_and_arguments_untouched() -> None:
    core = core_of("edge_room", 3)
    given = step_arguments(core)
    before = [x.copy() for x in flat(given)]
    compiled = CompiledFunction(core.plant.step, given)
    first = compiled(*given)
    kept = [x.copy() for x in flat(first)]
    compiled(first[0], *given[1:])
    for now, then in zip([*flat(given), *flat(first)], [*before, *kept], strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    "overrides",
    [("racks.r1.count=3",), ("episode.substep_s=20", "episode.step_s=60"), ("battery=null",), bench.HUNDRED_RACKS],
    ids=["fewer racks", "three sub-steps", "no battery", "100 racks"],
)
def test_halls_of_users_run_compiled(overrides: tuple[str, ...]) -> None:
    core = DataCenterCore("ai_hall", 2, ["site.workload_weeks=1", *overrides])
    core.reset(seed=1)
    beside = Beside(core)
    for k in range(12):
        core.step(actions(core, k))
    assert beside.far("float32") == {}


def test_a_core_steps_by_machine_code_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    core = core_of("edge_room", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        core.step(actions(core, 0))
    counted = core.core_step.control.plant.step = Counted(core.plant.step)  # type: ignore[method-assign]
    core.step(actions(core, 1))
    assert counted.calls == 0


def test_cores_of_one_scenario_share_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    one, other = core_of("edge_room", 2), core_of("edge_room", 5)
    one.step(actions(one, 0))
    counted = other.plant.step = Counted(other.plant.step)  # type: ignore[method-assign]
    other.step(actions(other, 0))
    assert counted.calls == 0
    hotter = DataCenterCore("edge_room", 2, ["site.workload_weeks=1", "reward.inlet_limit_c=20"])
    assert hotter.core_step.key != one.core_step.key


def test_arguments_of_other_shapes_are_recorded_anew() -> None:
    counted = Counted(lambda x, y: (x * 2.0, y.sum(axis=0)))
    run = TapedFunction(counted, engine="llvm")
    for rows in (3, 3, 1, 2):
        x, y = np.ones((2, 5)), np.arange(5.0 * rows).reshape(rows, 5)
        np.testing.assert_array_equal(run(x, y)[1], y.sum(axis=0))
    assert counted.calls == 6, "three shapes, two calls each"


# ---- elementary functions -------------------------------------------------------------------------------------------

SPANS = {"exp": (-80.0, 80.0), "expm1": (-20.0, 20.0), "log": (1e-6, 1e6), "log1p": (-0.9, 100.0), "sqrt": (0.0, 1e6)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SPANS)
def test_elementary_functions_are_off_by_a_few_units_at_most(name: str, dtype: str) -> None:
    low, high = SPANS[name]
    function = getattr(np, name)
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(low, high, 4000), rng.normal(0.0, 1e-3, 4000).clip(low)]).astype(dtype)
    found = CompiledFunction(lambda v: (function(v),), (x,))(x)[0]
    exact = function(x.astype(np.longdouble))
    units = np.abs(found - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert units.max() < 4.0


@pytest.mark.parametrize("exponent", [0.5, 2.0, 1.7, -0.8])
def test_powers_are_near(exponent: float) -> None:
    x = np.random.default_rng(1).uniform(0.01, 50.0, 500)
    np.testing.assert_allclose(CompiledFunction(lambda v: (v**exponent,), (x,))(x)[0], x**exponent, rtol=2e-14)


def test_a_logarithm_of_nothing_is_minus_infinity_and_of_less_no_number() -> None:
    x = np.array([0.0, -1.0, 1.0], np.float32)
    compiled = CompiledFunction(lambda v: (np.log(v),), (x[2:],))
    np.testing.assert_array_equal(compiled(x)[0], [-np.inf, np.nan, 0.0])


# ---- loops ----------------------------------------------------------------------------------------------------------


def turns(start: tuple[Any, Any], times: int = 4) -> Any:
    """Two numbers that feed each other, with a sum and two extremes."""

    def turn(state: tuple[Any, Any]) -> tuple[Any, Any]:
        a, b = state
        moved = (b * 0.5 + a[::-1], a * 0.9)
        return moved, (moved[0] + b, moved[1], moved[0], b[0])

    def join(so_far: Any, part: Any) -> Any:
        high, low = np.maximum(so_far[1], part[1]), np.minimum(so_far[2], part[2])
        return so_far[0] + part[0], high, low, part[3]

    state, total = repeated(turn, join, start, times)
    return state, total, total[0] * 2.0 + state[1]


@pytest.mark.parametrize("times", [1, 4])
def test_a_loop_stands_once_and_gives_what_its_turns_give(times: int) -> None:
    rng = np.random.default_rng(2)
    start = (rng.normal(size=(5, 9)), rng.normal(size=(5, 9)))
    compiled = CompiledFunction(lambda s: turns(s, times), (start,))
    assert compiled.program.times == times
    for found, expected in zip(flat(compiled(start)), flat(turns(start, times)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)


def test_turns_that_are_joined_otherwise_run_on_numpy_with_one_warning() -> None:
    def function(start: Any) -> Any:
        return repeated(lambda s: (s * 0.5, s), lambda a, b: a * b, start, 3)

    run = TapedFunction(function, engine="llvm")
    x = np.full((2, 3), 2.0)
    with pytest.warns(RuntimeWarning, match="a sum, a maximum or a minimum"):
        run(x)
    np.testing.assert_array_equal(run(x)[1], function(x)[1])


# ---- what falls back ------------------------------------------------------------------------------------------------


def test_what_differs_from_its_function_runs_on_numpy_with_one_warning() -> None:
    calls = []

    def unsteady(x: Any) -> Any:
        calls.append(x)
        return (x * float(len(calls)),)

    run = TapedFunction(unsteady, engine="llvm")
    x = np.ones((2, 3))
    with pytest.warns(RuntimeWarning, match="differ") as seen:
        results = [run(x)[0][0, 0] for _ in range(3)]
    assert len(seen) == 1
    assert results == [1.0, 3.0, 4.0], "one call is spent on the recording"


@pytest.mark.parametrize("function", [branching, lambda x: x.astype(np.int64), lambda x: np.sort(x, axis=0)])
def test_what_has_no_compiled_form_runs_as_it_is(function: Any) -> None:
    run = TapedFunction(function, engine="llvm")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for seed in range(3):
            x = np.random.default_rng(seed).normal(size=(2, 7))
            np.testing.assert_array_equal(run(x), function(x))
    assert len(seen) == 1 and "numpy" in str(seen[0].message)


@pytest.mark.parametrize("sites", [1, 3, 70])
def test_a_matrix_of_zones_gives_what_the_whole_one_gives_in_fewer_operations(sites: int) -> None:
    """Parts that are 0 are left out: two zones that share no air, and a rack that gets none."""
    racks = 10
    rng = np.random.default_rng(7)
    whole = rng.uniform(0.1, 1.0, (racks, racks)).astype(np.float32)
    zones = whole * (np.arange(racks)[:, None] // 5 == np.arange(racks) // 5)
    zones[9] = 0.0
    x = rng.normal(size=(racks, sites)).astype(np.float32)
    counts = []
    for matrix in (whole, zones):
        run = CompiledFunction(lambda tree, m=matrix: (m @ np.exp(tree[0]),), ((x,),))
        (found,) = run((x,))
        np.testing.assert_allclose(found, matrix @ np.exp(x), rtol=1e-5, atol=1e-6)
        counts.append(run.program.operations()["product"])
    assert counts == [2 * racks**2, 2 * (25 + 20)]
