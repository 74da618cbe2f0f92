"""A forecaster learns from the weeks before an episode, and from nothing that the episode meets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scenario import load
from experiments.evaluation.telemetry_before import earlier_plan, engine_outlook, telemetry_before

PER_DAY, EPISODE, SITES = 288, 288, 2


def core_of_trace(folder: Path, days: int) -> DataCenterCore:
    """Two edge rooms on a trace of so many days, at the start of an episode of one day."""
    racks = sum(group.count for group in load("edge_room").racks.values())
    stamps = np.datetime64("2024-01-01T00:00:00") + np.arange(days * 24) * np.timedelta64(1, "h")
    share = 0.3 + 0.4 * np.random.default_rng(0).random(len(stamps))
    rows = [f"{stamp}," + ",".join([f"{value:.3f}"] * racks) for stamp, value in zip(stamps, share)]
    file = folder / f"trace_{days}.csv"
    file.write_text("\n".join(["time," + ",".join(f"rack_{k}" for k in range(racks)), *rows]) + "\n")
    core = DataCenterCore("edge_room", SITES, (f"site.workload_file={file}",))
    core.reset(seed=0)
    return core


def rows_of(core: DataCenterCore, start: np.ndarray, steps: int) -> list[set[int]]:
    """Rows of the trace that each site meets in ``steps`` from ``start`` on."""
    return [set((first + np.arange(steps)) % core.world.load_steps) for first in start.tolist()]


@pytest.mark.parametrize(("days", "before"), [(21, 20), (21, 7), (12, 11), (10, 9)])
def test_the_days_before_an_episode_of_a_trace_are_none_that_it_meets(days: int, before: int, tmp_path: Path) -> None:
    core = core_of_trace(tmp_path, days)
    found = earlier_plan(core, before * PER_DAY)
    met = rows_of(core, core.plan.load_start, EPISODE)
    told = rows_of(core, found.load_start, before * PER_DAY)
    assert [len(rows) for rows in (*met, *told)] == [EPISODE] * SITES + [before * PER_DAY] * SITES
    assert not any(a & b for a, b in zip(met, told))
    end = (found.load_start + before * PER_DAY) % core.world.load_steps
    np.testing.assert_array_equal(end, core.plan.load_start)  # the episode goes on where the telemetry ends


def test_a_trace_too_short_for_the_days_asked_is_refused_with_the_length_needed(tmp_path: Path) -> None:
    core = core_of_trace(tmp_path, 21)
    with pytest.raises(ValueError, match="holds 21 days; 28 days before an episode of 1 need at least 29"):
        telemetry_before(core, 28)
    with pytest.raises(ValueError, match="holds 9 days; 9 days before an episode of 1 need at least 10"):
        engine_outlook(core_of_trace(tmp_path, 9))


@pytest.mark.slow
def test_the_outlook_learns_from_the_days_that_a_trace_has_beside_the_episode(tmp_path: Path) -> None:
    core = core_of_trace(tmp_path, 10)
    outlook = engine_outlook(core)
    coming = outlook.expectation(core.measurements(), 12)
    assert coming.row_kw.shape[-1] == SITES and np.isfinite(coming.row_kw).all() and coming.row_kw.min() >= 0.0
