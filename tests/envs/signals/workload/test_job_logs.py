"""Logs of Slurm and of the Standard Workload Format become lists of jobs; a file that is wrong is refused by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.scheduling.arrivals import job_arrivals
from envs.signals.stamps import SiteClock
from envs.signals.workload.job_logs import jobs_of_log, read_sacct, read_swf

CLOCK = SiteClock(-5.0, "America/New_York")
SACCT = """JobID|JobName|Submit|Start|End|AllocTRES|State
1041|big|2026-03-02T08:00:00|2026-03-02T08:05:00|2026-03-02T10:05:00|billing=64,cpu=64,gres/gpu:h100=16,gres/gpu=16,node=2|COMPLETED
1041.batch|batch|2026-03-02T08:05:00|2026-03-02T08:05:00|2026-03-02T10:05:00|cpu=32,gres/gpu=8|COMPLETED
1042|small|2026-03-02T07:59:00|2026-03-02T08:00:00|2026-03-02T08:30:00|cpu=8,gres/gpu:a100=1,gres/gpu:h100=2|FAILED
1043|waits|2026-03-02T09:00:00|Unknown|Unknown||PENDING
1044|cpu only|2026-03-02T09:00:00|2026-03-02T09:00:00|2026-03-02T09:10:00|cpu=8,node=1|COMPLETED
1045|runs|2026-03-02T09:00:00|2026-03-02T09:30:00|Unknown|gres/gpu=8|RUNNING
"""
SWF = """; Version: 2.2
; MaxProcs: 64
1 0 10 3600 8 -1 -1 8 -1 -1 1 3 1 1 1 -1 -1 -1
2 60 0 120 -1 -1 -1 4 -1 -1 0 3 1 1 1 -1 -1 -1
3 90 -1 -1 4 -1 -1 4 -1 -1 5 3 1 1 1 -1 -1 -1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "log.txt"
    path.write_text(text)
    return path


def test_slurm_s_jobs_that_ran_are_read_and_all_other_rows_are_counted(tmp_path: Path) -> None:
    log = read_sacct(written(tmp_path, SACCT), CLOCK)
    assert log.accelerators.tolist() == [3.0, 16.0] and log.left_out == 4
    assert log.submit_s.tolist() == [0.0, 60.0] and log.start_s.tolist() == [60.0, 360.0]
    assert log.duration_s.tolist() == [1800.0, 7200.0]


def test_a_job_across_the_change_to_summer_time_lasts_as_long_as_it_ran(tmp_path: Path) -> None:
    row = "7|2026-03-08T01:00:00|2026-03-08T01:30:00|2026-03-08T03:30:00|gres/gpu=8|COMPLETED"
    log = read_sacct(written(tmp_path, f"JobID|Submit|Start|End|AllocTRES|State\n{row}\n"), CLOCK)
    assert log.duration_s.tolist() == [3600.0]  # the clock sprang from 2 to 3


def test_a_standard_log_is_read_with_what_was_requested_where_nothing_was_allocated(tmp_path: Path) -> None:
    log = read_swf(written(tmp_path, SWF))
    assert log.accelerators.tolist() == [8.0, 4.0] and log.left_out == 1
    assert log.start_s.tolist() == [10.0, 60.0] and log.duration_s.tolist() == [3600.0, 120.0]


def test_a_log_s_jobs_arrive_with_their_work(tmp_path: Path) -> None:
    log = read_swf(written(tmp_path, SWF))
    arrivals = job_arrivals([jobs_of_log(log)])
    np.testing.assert_allclose(arrivals.facts.work_h[:, 0], log.accelerators * log.duration_s / 3600.0)


WRONG_SACCT = {
    "other columns": (SACCT.replace("AllocTRES", "ReqTRES"), "AllocTRES"),
    "end before start": (SACCT.replace("2026-03-02T08:30:00", "2026-03-02T07:30:00"), "line 4: End is before Start"),
    "start before submit": (
        SACCT.replace("2026-03-02T08:05:00|2026-03-02T10", "2026-03-02T07:05:00|2026-03-02T10"),
        "line 2",
    ),
    "no time": (SACCT.replace("2026-03-02T08:30:00", "noon"), "noon"),
    "nothing ran": ("JobID|Submit|Start|End|AllocTRES\n1|2026-03-02T08:00:00|Unknown|Unknown|\n", "none of its 1 rows"),
    "empty": ("", "cannot be read"),
}
WRONG_SWF = {
    "short line": (SWF.replace("2 60 0 120 -1", "2 60 0 120"), "line 4: found 17 fields"),
    "words": (SWF.replace("2 60 0 120", "2 60 0 long"), "line 4"),
    "out of order": (SWF.replace("3 90", "3 30"), "line 5"),
    "no jobs": ("; Version: 2.2\n", "no jobs"),
}


@pytest.mark.parametrize("case", sorted(WRONG_SACCT))
def test_a_slurm_log_that_is_wrong_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    text, words = WRONG_SACCT[case]
    with pytest.raises(ValueError, match=words):
        read_sacct(written(tmp_path, text), CLOCK)


@pytest.mark.parametrize("case", sorted(WRONG_SWF))
def test_a_standard_log_that_is_wrong_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    text, words = WRONG_SWF[case]
    with pytest.raises(ValueError, match=words):
        read_swf(written(tmp_path, text))
