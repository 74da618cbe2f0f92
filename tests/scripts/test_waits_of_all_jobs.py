"""Every job is counted once, however short, and each size's work adds up to what the hall did."""

from __future__ import annotations

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scheduling.job_table import RUNNING, WAITING
from scripts.hall_days import Waits, work_left_h
from scripts.trace_rules import SIZES, Day, rows_by_size

SHORT = ("site.workload_weeks=1",)


@pytest.fixture(scope="module")
def morning() -> tuple[DataCenterCore, Waits, int, list[np.ndarray]]:
    """Four hours of four days in a hall, its waits, how many of them only ran past a step, and work by size asked."""
    core = DataCenterCore("ai_factory", 4, SHORT)
    core.reset(seed=1)
    assert core.jobs is not None
    waits, steps, outlast = Waits(core.jobs), 48, 0
    until = core.jobs.now_s + steps * core.step_s
    asked = [work_left_h(core.jobs, until, low, high) for low, high in zip((0.0, *SIZES), SIZES)]
    for _ in range(steps):
        waits.remember()
        now_s = core.jobs.now_s.copy()
        core.step_setpoints(core.rules.act(core.measurements()))
        outlast += int((waits.note(now_s) & (core.jobs.jobs.table.state == RUNNING)).sum())
    return core, waits, outlast, asked


def test_who_starts_and_who_waits_are_all_that_waited_or_came(
    morning: tuple[DataCenterCore, Waits, int, list[np.ndarray]],
) -> None:
    core, waits, outlast, _ = morning
    assert core.jobs is not None
    begun = DataCenterCore("ai_factory", 4, SHORT)
    begun.reset(seed=1)
    assert begun.jobs is not None
    facts, of, taken = begun.jobs.jobs.arrivals
    submit = facts.submit_s[:, of]
    coming = (submit <= core.jobs.now_s) & (np.arange(len(submit))[:, None] >= taken)
    there = int((begun.jobs.jobs.table.state == WAITING).sum() + coming.sum())
    started = waits.all().shape[1]
    waits.end(core.jobs.now_s)
    assert waits.all().shape[1] == there
    assert outlast < 0.8 * started  # many end in the step in which they start, and count


def test_the_work_of_all_sizes_is_what_the_hall_did(
    morning: tuple[DataCenterCore, Waits, int, list[np.ndarray]],
) -> None:
    core, _, _, asked = morning
    assert core.jobs is not None
    left = [work_left_h(core.jobs, core.jobs.now_s, low, high) for low, high in zip((0.0, *SIZES), SIZES)]
    done_h = np.sum(asked, axis=0) - np.sum(left, axis=0)
    assert (np.asarray(asked)[:, :].sum(axis=1)[0] > 0.0) and (done_h > 0.0).all()
    booked = np.asarray(core.jobs.jobs.ledger.done).sum(axis=0)
    np.testing.assert_allclose(done_h, booked, rtol=1e-9)


def test_the_table_by_size_names_who_waits_and_who_works_less() -> None:
    def day(large_wait_s: float, large_h: float) -> Day:
        waits, sizes = np.array([10.0, large_wait_s]), np.array([4.0, 40.0])
        by_size = np.zeros((len(SIZES), 2))
        by_size[0], by_size[3] = 5.0, large_h
        total = by_size.sum(axis=0)
        return Day(total, total, [waits, waits], 0.0, [sizes, sizes], np.maximum(by_size, 8.0), by_size)

    found = {"best_fit": day(3600.0, 4.0), "edf": day(7200.0, 3.0)}
    told = rows_by_size(found, np.zeros((8, 2), np.intp))
    assert len(told) == 4 and told[2].startswith("| `edf` | 1 to 8 | 2 |") and "+0.00 | +0.00 to +0.00" in told[2]
    assert told[3].startswith("| `edf` | 33 to 72 | 2 |")
    assert "-25.00 | -25.00 to -25.00 | 2.0 | 2.0 | -1.0 | -1.00 to -1.00 |" in told[3]
