"""A later process finds how a function's arguments and results stand, and its machine code: it records nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.engine import TapedFunction, cache_files, machine_code, replay, results
from envs.equipment.battery import BatteryFlows, BatteryState
from tests.envs.engine.test_tape import COLUMN, Counted, Pair, flat

pytest.importorskip("llvmlite")
Process = Callable[..., tuple[Any, int]]


def step(state: BatteryState, rows: Any) -> tuple[BatteryState, BatteryFlows]:
    """A state and what else there is, with rows, a dict's worth of single ones, and what is no number of sites."""
    moved = BatteryState(state.soc_frac + rows[0], rows[1] * 2.0)
    return moved, BatteryFlows({"a": rows[0] * 3.0, "b": rows[2] - 1.0}, (rows * COLUMN)[:, None], (None, COLUMN))


def given(sites: int = 5) -> tuple[BatteryState, np.ndarray]:
    rows = np.random.default_rng(sites).normal(size=(3, sites)).astype(np.float32)
    return BatteryState(rows[0] * 0.5, rows[1]), rows


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Process:
    """Call a function as a new process would; what it returns, and how often it ran as it is written."""
    monkeypatch.setenv("COLDAISLE_CACHE", str(tmp_path))

    def called(function: Any = step, arguments: Any = None, key: Any = "a step") -> tuple[Any, int]:
        monkeypatch.setattr(machine_code, "_LOADED", {})
        monkeypatch.setattr(replay, "_LOWERED", {})
        counted = Counted(function)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = TapedFunction(counted, engine="llvm", key=key)(*(arguments or given()))
        return found, counted.calls

    return called


def test_a_later_process_runs_the_function_once_to_compare_and_has_the_same_bits(process: Process) -> None:
    first, calls = process()
    again, later = process()
    assert (calls, later) == (2, 1), "one call is compared, one recorded"
    for a, b in zip(flat(first), flat(again), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a, b)
    assert [type(x) for x in again] == [BatteryState, BatteryFlows]
    assert again[1].power_kw.keys() == {"a", "b"} and again[1].stored_kw[0] is None


def test_a_function_of_another_effect_or_shape_is_recorded_anew(process: Process) -> None:
    process()
    (state, _), calls = process(lambda state, rows: step(state, rows + 1.0))
    assert calls == 2, "the key said too little: the comparison has to find it"
    np.testing.assert_allclose(state.soc_frac, given()[0].soc_frac + given()[1][0] + 1.0, rtol=1e-6)
    _, calls = process(lambda state, rows: step(state, rows + 1.0))
    assert calls == 1, "what was recorded anew replaces what was stored"
    assert process(arguments=(given()[0], given()[1][[0, 1, 2, 0]][:3].astype(np.float64)))[1] == 2


def test_other_numbers_of_sites_find_what_is_kept_or_compile_it(process: Process, tmp_path: Path) -> None:
    process()
    for sites in (1, 100, 1, 100):
        found, _ = process(arguments=given(sites))
        np.testing.assert_allclose(found[0].power_kw, given(sites)[1][1] * 2.0, rtol=1e-6)
    assert len(list(tmp_path.glob("*.layout"))) == 1
    assert len(list(tmp_path.glob("*.code"))) == 3, "1, 8 and 16 lanes"


@pytest.mark.parametrize("damage", ["half", "list", "block", "class"])
def test_a_damaged_or_foreign_layout_is_made_anew(process: Process, tmp_path: Path, damage: str) -> None:
    expected, _ = process()
    (file,) = tmp_path.glob("*.layout")
    text = (cache_files.stored_file(file.stem, "layout") or b"").decode()
    if damage == "half":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        swap = {"list": (text, "[1]"), "block": ('"numbers"', '"__import__"'), "class": ("envs.equipment.", "os.")}
        assert text != (other := text.replace(*swap[damage]))
        cache_files.write_file(file.stem, "layout", other.encode())
    found, calls = process()
    assert calls == 2
    np.testing.assert_array_equal(found[0].soc_frac, expected[0].soc_frac)
    assert (cache_files.stored_file(file.stem, "layout") or b"").decode() == text


def test_results_of_a_class_of_somebody_else_are_not_stored(process: Process, tmp_path: Path) -> None:
    for _ in range(2):
        _, calls = process(lambda state, rows: Pair(rows[0], rows), key="a pair")
        assert calls == 2
    assert list(tmp_path.glob("*.layout")) == []


def test_descriptions_come_back_from_json_as_they_were() -> None:
    rows = results.Rows("whole", 2, 8, (2, 3), "view", "uint64")
    tree = results.Made(None, (results.Made(BatteryState, (rows, results.Fixed(None))), {"a": rows}))
    assert results.from_plain(json.loads(json.dumps(results.plain(tree)))) == tree
