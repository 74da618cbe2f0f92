from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from envs.twin.telemetry.telemetry import EPOCH, INLET, Telemetry, joined_batch, moments

ROOT = Path(__file__).parents[4]
ROWS, RACKS = 60, 3
STEP_S = 300.0
BEGIN = np.datetime64("2023-01-01T00:05:00", "s")


def one_hall(seed: int = 0) -> Telemetry:
    values = np.random.default_rng(seed).standard_normal((ROWS, RACKS))
    return Telemetry.of_hall({INLET: values, "dry_bulb_c": values[:, :1]}, STEP_S, BEGIN, {"dry_bulb_c": ("OAT",)})


def test_a_part_begins_at_the_moment_of_its_first_row() -> None:
    part = one_hall().part(12, 20)
    assert part.rows == 8 and part.start_utc[0] == BEGIN + np.timedelta64(1, "h")
    assert np.array_equal(part.values[INLET], one_hall().values[INLET][12:20])
    assert part.names == {"dry_bulb_c": ("OAT",)}


def test_the_last_row_is_numbered_by_the_clock_wherever_a_part_begins() -> None:
    whole = one_hall()
    assert whole.now[0] == (BEGIN - EPOCH) / np.timedelta64(300, "s") + ROWS - 1
    assert whole.part(50, ROWS).now[0] == whole.now[0]
    assert whole.part(0, 50).now[0] == whole.now[0] - 10


def test_moments_are_views_that_end_where_they_say() -> None:
    whole = one_hall()
    cut = moments(whole, 20, 4, 5, before=10, after=6)
    assert cut.values[INLET].shape == (16, RACKS, 5)
    assert np.shares_memory(cut.values[INLET], whole.values[INLET])
    past = cut.part(0, 10)
    for i, row in enumerate(range(20, 40, 4)):
        assert np.array_equal(past.values[INLET][-1, :, i], whole.values[INLET][row, :, 0])
        assert past.now[i] == whole.now[0] - (ROWS - 1) + row


def test_moments_beyond_the_telemetry_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        moments(one_hall(), ROWS - 1, 1, 1, before=10, after=1)


def test_pieces_side_by_side_are_found_again_with_their_clocks() -> None:
    pieces = [one_hall(0).part(0, 10), one_hall(1).part(20, 30)]
    together = joined_batch(pieces)
    for i, piece in enumerate(pieces):
        assert np.array_equal(together.hall(i).values[INLET], piece.values[INLET])
        assert together.hall(i).start_utc == piece.start_utc


def test_several_halls_are_no_single_halls_series() -> None:
    with pytest.raises(ValueError, match=r"2 environments.*hall\(index\)"):
        joined_batch([one_hall(), one_hall()]).series()


def test_quantities_that_do_not_fit_together_are_refused_with_the_shape_they_need() -> None:
    with pytest.raises(ValueError, match=r"dry_bulb_c has shape \(60, 1\); give \(T, k, B\) = \(60, k, 1\)"):
        Telemetry({INLET: np.zeros((60, 3, 1)), "dry_bulb_c": np.zeros((60, 1))}, STEP_S, np.array([BEGIN]))
    with pytest.raises(ValueError, match=r"= \(60, k, 2\)"):
        Telemetry({INLET: np.zeros((60, 3, 1))}, STEP_S, np.array([BEGIN, BEGIN]))


def test_telemetry_needs_neither_a_simulator_nor_a_table_library() -> None:
    lacking = ("gymnasium", "torch", "scipy", "pandas", "stable_baselines3", "omegaconf", "hydra")
    code = f"import sys; sys.modules.update(dict.fromkeys({lacking!r})); import envs.twin.telemetry.telemetry"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
