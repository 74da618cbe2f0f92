"""Alibaba's table of tasks becomes a list of jobs, with and without the table of jobs; a wrong cell names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from envs.signals.stamps import SiteClock
from envs.signals.workload.cluster_logs import read_job_log

UTC = SiteClock(0.0, "")
# job, task, instances, status, start, end, cpu, memory, share of an accelerator in percent, type
TASKS = """j1,ps,2.0,Terminated,1000.0,5000.0,600.0,29.3,,CPU
j1,worker,3.0,Terminated,1100.0,5000.0,600.0,29.3,50.0,MISC
j2,tensorflow,16.0,Terminated,400.0,900.0,600.0,29.3,100.0,V100
j3,worker,1.0,Failed,2000.0,,600.0,29.3,100.0,T4
j4,worker,4.0,Running,,,600.0,29.3,100.0,T4
"""
HEADINGS = "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,plan_gpu,gpu_type\n"
JOBS = "j1,i1,u1,Terminated,700.0,5000.0\nj2,i2,u1,Terminated,400.0,900.0\nj9,i9,u2,Waiting,,\n"


def written(folder: Path, tasks: str = TASKS, jobs: str = "") -> Path:
    path = folder / "pai_task_table.csv"
    path.write_text(tasks)
    if jobs:
        (folder / "pai_job_table.csv").write_text(jobs)
    return path


@pytest.mark.parametrize("headings", ["", HEADINGS])
def test_tasks_of_a_job_are_one_job_of_whole_accelerators(tmp_path: Path, headings: str) -> None:
    log = read_job_log(written(tmp_path, headings + TASKS), UTC)
    assert log.accelerators.tolist() == [16.0, 2.0]  # 3 instances of half an accelerator each take two
    assert log.submit_s.tolist() == [0.0, 700.0] and log.duration_s.tolist() == [500.0, 3900.0]
    assert log.left_out == 3


def test_the_table_of_jobs_tells_when_they_were_submitted(tmp_path: Path) -> None:
    log = read_job_log(written(tmp_path, jobs=JOBS), UTC)
    assert log.submit_s.tolist() == [0.0, 300.0] and log.start_s.tolist() == [0.0, 700.0]


@pytest.mark.parametrize("offset_h", [-6.0, 0.0, 8.0])
def test_the_hour_of_the_week_is_that_of_the_log_wherever_the_site_stands(tmp_path: Path, offset_h: float) -> None:
    log = read_job_log(written(tmp_path), SiteClock(offset_h, ""))
    thursday_s = 3 * 86_400.0  # second 0 of Unix time is a Thursday, at 8 in the morning of UTC+8
    assert log.week_start_s == pytest.approx(thursday_s + 8 * 3600.0 + 400.0)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1100.0,5000.0", "1100.0,500.0", "line 2: end_time 500 is before start_time 1100"),
        ("3.0,Terminated", "three,Terminated", "line 2, column 'inst_num': found 'three', expected a number"),
        ("50.0,MISC", "-50.0,MISC", "line 2, column 'plan_gpu': found '-50.0'"),
        ("j1,ps,2.0,", "j1,ps,", "line 1: found 9 cells, expected 10"),
    ],
)
def test_a_wrong_cell_is_refused_by_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in TASKS
    with pytest.raises(ValueError, match=f"pai_task_table.csv, {words}"):
        read_job_log(written(tmp_path, TASKS.replace(old, new)), UTC)


def test_headings_without_what_is_needed_are_refused(tmp_path: Path) -> None:
    table = (HEADINGS + TASKS).replace("plan_gpu", "gpus")
    with pytest.raises(ValueError, match="line 1: no column 'plan_gpu'; the trace has"):
        read_job_log(written(tmp_path, table), UTC)
