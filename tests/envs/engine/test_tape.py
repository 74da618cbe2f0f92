"""A tape gives the bits of the function it recorded, or says that it cannot."""

import copy
import pickle
import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.engine import TapedFunction
from envs.trees import leaves


class Pair(NamedTuple):
    a: Any
    b: Any


COLUMN = np.array([[1.5], [2.5], [0.5]], np.float32)
ROWS = np.array([2, 0, 0, 1])


def mixture(pair: Pair, by_name: dict[str, Any]) -> tuple[Pair, dict[str, Any]]:
    """Every kind of operation that a plant uses, with results that overlap and pass through."""
    x, y = pair
    z = np.maximum(x * COLUMN + 0.5, np.minimum(y, 1.0))
    hot = (z > 0.7).astype(z.dtype)
    total = np.sum(z * hot, axis=0)
    picked = z[ROWS] + np.concatenate([total[None], y[:1], x[:2]], axis=0)
    stacked = np.stack([total, by_name["t"] * 2.0, -total])
    return Pair(picked[1:3], np.clip(stacked @ np.ones((x.shape[1], 1), x.dtype) * total, -3.0, 3.0)), {
        "same": by_name["t"],
        "mean": np.mean(x.reshape(3, -1), axis=0),
        "exp": np.exp(-(z**2))[None],
    }


def arguments(seed: int, n: int = 5, dtype: str = "float32") -> tuple[Pair, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return Pair(rng.normal(size=(3, n)).astype(dtype), rng.normal(size=(3, n)).astype(dtype)), {
        "t": rng.normal(size=n).astype(dtype)
    }


def flat(tree: Any) -> list[np.ndarray]:
    out: list[np.ndarray] = []
    leaves(tree, out)
    return out


class Counted:
    """A function that counts its calls: a tape that answers makes none."""

    def __init__(self, function: Any) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *given: Any) -> Any:
        self.calls += 1
        return self.function(*given)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_replay_gives_the_bits_of_the_function(dtype: str) -> None:
    counted = Counted(mixture)
    taped = TapedFunction(counted, after=0, engine="numpy")
    for seed in range(6):
        for found, expected in zip(
            flat(taped(*arguments(seed, dtype=dtype))), flat(mixture(*arguments(seed, dtype=dtype))), strict=True
        ):
            assert found.dtype == expected.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(found, expected)
    assert counted.calls < 6, "the tape answers no call"


def test_results_are_fresh_and_arguments_untouched() -> None:
    taped = TapedFunction(mixture, after=0, engine="numpy")
    given = [arguments(seed) for seed in range(5)]
    kept = [[x.copy() for x in flat(g)] for g in given]
    results = [taped(*g) for g in given]
    for g, before, result in zip(given, kept, results):
        for now, then in zip(flat(g), before):
            np.testing.assert_array_equal(now, then)
        for found, expected in zip(flat(result), flat(mixture(*g))):
            np.testing.assert_array_equal(found, expected)


def test_another_batch_size_is_recorded_anew() -> None:
    taped = TapedFunction(mixture, after=1, engine="numpy")
    for n in (5, 7, 5):
        for seed in range(4):
            np.testing.assert_array_equal(taped(*arguments(seed, n))[0].a, mixture(*arguments(seed, n))[0].a)


def branching(x: Any) -> Any:
    return x * 2.0 if x.sum() > 0.0 else x


def hiding(x: Any) -> Any:
    return x * float(np.asarray(x).max())


@pytest.mark.parametrize("function", [branching, hiding])
def test_what_depends_on_values_is_never_frozen(function: Any) -> None:
    counted = Counted(function)
    taped = TapedFunction(counted, after=0, engine="numpy")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for seed in range(6):
            x = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
            np.testing.assert_array_equal(taped(x), function(x))
    assert len(seen) == 1 and "tape" in str(seen[0].message)
    assert counted.calls >= 6


def test_a_tape_survives_copies_and_pickles() -> None:
    taped = TapedFunction(mixture, after=0, engine="numpy")
    for seed in range(3):
        taped(*arguments(seed))
    for other in (copy.deepcopy(taped), pickle.loads(pickle.dumps(taped))):
        np.testing.assert_array_equal(other(*arguments(9))[0].b, mixture(*arguments(9))[0].b)


@pytest.mark.parametrize("scenario", ["ai_hall", "ai_hall_power_cap", "legacy_air", "liquid_hall", "edge_room"])
def test_every_plant_runs_on_a_tape_with_the_same_bits(scenario: str) -> None:
    core = DataCenterCore(scenario, 3)
    core.reset(seed=4)
    counted = Counted(core.plant.step)
    taped = TapedFunction(counted, after=0, engine="numpy")
    rng = np.random.default_rng(0)
    for _ in range(6):
        before = (core.state, core.in_force, core.outside, core._load, core.lost, core.t.copy())
        for found, expected in zip(flat(taped(*before)), flat(core.plant.step(*before)), strict=True):
            np.testing.assert_array_equal(found, expected)
        core.step(rng.uniform(-1.0, 1.0, (3, core.action_size)).astype(np.float32))
    assert counted.calls < 6, "the tape answers no call"
