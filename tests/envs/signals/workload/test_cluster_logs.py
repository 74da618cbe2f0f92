"""Logs that clusters published become lists of jobs, and a hall runs them; a wrong file is refused by its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scenario import load
from envs.signals.stamps import SiteClock
from envs.signals.workload.cluster_logs import read_job_log

UTC = SiteClock(0.0, "")
HEAD = "job_id,user,gpu_num,cpu_num,state,submit_time,start_time,end_time,duration,queue"
ACME = f"""{HEAD}
11,u1,8,128,FAILED,2023-03-01 00:18:22+08:00,2023-03-01 00:18:54+08:00,2023-03-01 00:20:51+08:00,117,32
12,u1,16,128,COMPLETED,2023-03-01 00:23:58+08:00,2023-03-01 00:24:11+08:00,2023-03-01 01:09:04+08:00,2693,13
13,u2,0,4,COMPLETED,2023-03-01 00:24:00+08:00,2023-03-01 00:24:11+08:00,2023-03-01 01:09:04+08:00,2693,11
14,u2,8,4,CANCELLED,2023-03-01 00:30:00+08:00,,2023-03-01 01:09:04+08:00,0,0
"""
HELIOS = ACME.replace("+08:00", "")
HOST = {"ip": "m1", "gpus": ["gpu0", "gpu1"]}


def attempt(start: str | None, end: str | None, hosts: int = 1) -> dict[str, Any]:
    return {"start_time": start, "end_time": end, "detail": [HOST] * hosts}


PHILLY: list[dict[str, Any]] = [
    {
        "jobid": "a",
        "submitted_time": "2017-10-07 01:00:00",
        "attempts": [
            attempt("2017-10-07 01:10:00", "2017-10-07 01:20:00"),
            attempt("2017-10-07 02:00:00 PDT", "2017-10-07 03:00:00 PDT", 2),
        ],
    },
    {"jobid": "b", "submitted_time": "2017-10-07 01:30:00", "attempts": [attempt("2017-10-07 01:31:00", None)]},
    {"jobid": "c", "submitted_time": "2017-10-07 00:30:00", "attempts": []},
    {
        "jobid": "d",
        "submitted_time": "2017-10-07 01:05:00",
        "attempts": [attempt("2017-10-07 01:05:00", "2017-10-07 01:06:00")],
    },
]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", [ACME, HELIOS])
def test_tables_of_acme_and_helios_are_read(text: str, tmp_path: Path) -> None:
    log = read_job_log(written(tmp_path, "log.csv", text), UTC)
    assert log.accelerators.tolist() == [8.0, 16.0] and log.left_out == 2
    assert log.submit_s.tolist() == [0.0, 336.0] and log.duration_s.tolist() == [117.0, 2693.0]


def test_a_log_tells_its_place_in_the_week_of_the_site(tmp_path: Path) -> None:
    wednesday_s = 2 * 86_400.0
    here = read_job_log(written(tmp_path, "log.csv", HELIOS), UTC).week_start_s
    assert here == wednesday_s + 18 * 60 + 22
    east = read_job_log(written(tmp_path, "east.csv", ACME), SiteClock(8.0, "")).week_start_s
    assert east == here


def test_philly_s_attempts_are_added_up_and_the_largest_counts(tmp_path: Path) -> None:
    log = read_job_log(written(tmp_path, "cluster_job_log.json", json.dumps(PHILLY)), UTC)
    assert log.accelerators.tolist() == [4.0, 2.0] and log.left_out == 2
    assert log.duration_s.tolist() == [4200.0, 60.0] and log.submit_s.tolist() == [0.0, 300.0]


def test_a_standard_log_with_a_unix_start_stands_in_the_week(tmp_path: Path) -> None:
    text = "; UnixStartTime: 1700000000\n1 60 5 600 8 -1 -1 8 -1 -1 1 1 1 1 1 -1 -1 -1\n"  # Tuesday 22:13:20 UTC
    log = read_job_log(written(tmp_path, "log.swf", text), UTC)
    assert log.week_start_s == 86_400.0 + 22 * 3600.0 + 13 * 60.0 + 20.0 + 60.0 and log.start_s.tolist() == [5.0]


WRONG = {
    "no column": ("log.csv", ACME.replace("gpu_num", "gpus"), "line 1: no columns"),
    "words for a number": ("log.csv", ACME.replace("u1,8,", "u1,many,"), "line 2, column 'gpu_num'"),
    "ends before it starts": ("log.csv", ACME.replace("00:20:51", "00:18:51"), "line 2: End is before Start"),
    "no job": ("log.csv", HEAD + "\n", "log.csv"),
    "no JSON": ("log.json", "[{", "cannot be read as JSON"),
    "another JSON": ("log.json", '{"jobs": []}', "expected a list of jobs"),
    "no attempts": ("log.json", '[{"submitted_time": "2017-10-07 01:00:00"}]', "entry 1: KeyError 'attempts'"),
    "nothing ran": ("log.json", json.dumps(PHILLY[1:3]), "none of its 2 jobs ran"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_log_that_is_wrong_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    name, text, words = WRONG[case]
    with pytest.raises(ValueError, match=words):
        read_job_log(written(tmp_path, name, text), UTC)


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_job_log(tmp_path / "log.csv", UTC)


def swf(folder: Path, days: float, gpus: int = 8, every_s: int = 1800) -> Path:
    """A log from Sunday 12:00 (UTC) on: a job each half an hour, of half an hour each."""
    rows = ["; UnixStartTime: 1700395200"]  # 19 November 2023 12:00
    count = int(days * 86_400 / every_s)
    rows += [f"{k + 1} {k * every_s} 0 1500 {gpus} -1 -1 {gpus} -1 -1 1 1 1 1 1 -1 -1 -1" for k in range(count)]
    return written(folder, "log.swf", "\n".join(rows) + "\n")


def test_a_hall_runs_the_jobs_of_a_log_as_they_were_submitted(tmp_path: Path) -> None:
    overrides = (f"jobs={{log: {swf(tmp_path, 9.0)}}}", "site.workload_weeks=1", "site.climates=[frankfurt_de]")
    core = DataCenterCore("ai_hall", 2, overrides)
    core.reset(seed=0)
    assert core.jobs is not None and core.world.jobs is not None
    submit_s = core.world.jobs.arrivals.facts.submit_s[:, 0]
    zone_s = 3600.0  # Frankfurt's Monday begins an hour before that of UTC
    assert submit_s[0] == -12 * 3600.0 + zone_s
    before = core.jobs.jobs.arrivals.taken.copy()
    for _ in range(24):
        core.step_setpoints({})
    assert (core.jobs.jobs.arrivals.taken - before == 4).all()
    assert core.jobs.jobs.ledger.done.sum() == pytest.approx(2 * 4 * 8 * 1500 / 3600.0, rel=0.3)
    assert np.abs(core.jobs.residual_h()).max() < 1e-9


@pytest.mark.parametrize(
    ("days", "gpus", "words"),
    [(0.3, 8, "end before their first Monday"), (1.2, 8, "an episode lasts 1.00"), (9.0, 512, "asks 512 accelerators")],
)
def test_a_log_that_does_not_fit_the_hall_or_the_episode_is_refused(
    days: float, gpus: int, words: str, tmp_path: Path
) -> None:
    scenario = load("ai_hall", (f"jobs={{log: {swf(tmp_path, days, gpus)}}}", "site.workload_weeks=1"))
    with pytest.raises(ValueError, match=words):
        DataCenterCore(scenario)
