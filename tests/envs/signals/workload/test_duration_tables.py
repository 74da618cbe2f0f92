"""Published tables that tell how long jobs ran: Microsoft ITP, Philly and Alibaba 2023; a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.signals.stamps import SiteClock
from envs.signals.workload.cluster_logs import read_job_log
from envs.signals.workload.job_logs import JobLog

ITP = "job_id,submission_time,duration,num_gpu\na,16566,3890,4\nb,16000,60,64\nc,17000,0,8\n"
PHILLY = (
    "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,66.0,1,66.0,a\n2017-10-09 06:01:55,9,2,18,b\n\n"
)
ALIBABA = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
    "p0,12000,16384,1,460,,LS,Running,0,500,0\np1,1,1,0,0,,BE,Failed,5,90,\np2,1,1,8,1000,,BE,Failed,86400,90000,\n"
)


def read(folder: Path, text: str, clock: SiteClock | None = None) -> JobLog:
    path = folder / "trace.csv"
    path.write_text(text)
    return read_job_log(path, clock or SiteClock())


def test_seconds_count_from_the_day_on_which_the_collection_began(tmp_path: Path) -> None:
    log = read(tmp_path, ITP, SiteClock(-5.0))
    np.testing.assert_array_equal(log.submit_s, [0.0, 566.0])
    np.testing.assert_array_equal(log.duration_s, [60.0, 3890.0])
    assert log.accelerators.tolist() == [64.0, 4.0] and log.left_out == 1
    assert log.week_start_s == 3 * 86_400.0 + 16_000.0  # 4 March 2021 was a Thursday, whatever the site's offset


def test_stamps_are_read_and_an_empty_line_at_the_end_is_no_job(tmp_path: Path) -> None:
    log = read(tmp_path, PHILLY)
    assert log.submit_s.tolist() == [0.0, 3600.0] and log.accelerators.tolist() == [2.0, 1.0] and log.left_out == 0
    assert log.week_start_s == 6 * 3600.0 + 115.0  # a Monday


def test_a_pod_lasts_from_its_creation_to_its_deletion_and_one_without_accelerators_is_left_out(tmp_path: Path) -> None:
    log = read(tmp_path, ALIBABA)
    assert log.duration_s.tolist() == [500.0, 3600.0] and log.accelerators.tolist() == [1.0, 8.0] and log.left_out == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ITP.replace("3890", "long"), "line 2, column 'duration': found 'long', expected a number from 0"),
        (ITP.replace("16566", "-1"), "line 2, column 'submission_time'"),
        (ITP.replace(",64\n", ",\n"), "line 3, column 'num_gpu'"),
        (PHILLY.replace("2017-10-09 06:01:55", "yesterday"), "line 3, column 'timestamp': found 'yesterday'"),
        (ALIBABA.replace("0,500,0", "700,500,0"), "line 2: deletion_time is before creation_time"),
        (ITP.splitlines()[0] + "\n", "no rows"),
        (ITP.replace(",4\n", ",0\n").replace(",64\n", ",0\n"), "none of its 3 rows is a job that ran"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_place_and_mend(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(tmp_path, text)
