"""The log survives kills and joins without loss; graduation counts days that were calibrated in a row."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.live import decision_log
from agents.live.decision_log import DecisionLog, logged_table, segments
from agents.live.graduation import DAY_S, Score, calibrated_days

WRITER = """
import sys
from pathlib import Path
from agents.live.decision_log import DecisionLog
log = DecisionLog(Path(sys.argv[1]), "run")
for cycle in range(1, 1_000_000):
    log.append(cycle, {"cycle": cycle, "value": 0.1 * cycle, "words": "x" * 1000})
    print(cycle, flush=True)
"""


def test_a_kill_loses_at_most_the_running_cycle_and_duckdb_reads_the_rest(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    environ = os.environ | {"PYTHONPATH": os.getcwd()}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environ
    )
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    writer.wait()
    query = f"select cycle, value from read_parquet('{tmp_path}/*.parquet', union_by_name=true) order by cycle"
    rows = duckdb.sql(query).fetchall()
    assert len(rows) - len(told) in (0, 1)
    assert [r[0] for r in rows] == list(range(1, len(rows) + 1))
    assert DecisionLog(tmp_path, "next").folder == tmp_path  # the lock of the dead is free


def test_segments_are_joined_without_loss_and_a_kill_between_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_log, "LOOSE", 4)
    log = DecisionLog(tmp_path, "run")
    for cycle in range(1, 11):
        kept = log.append(cycle, {"cycle": cycle, "value": float(cycle)})
        if cycle == 3:
            copy = kept.read_bytes()
    log.close()
    assert len(segments(tmp_path)) == 4  # two joined, two loose
    (tmp_path / "cycle-run-000000003.parquet").write_bytes(copy)  # as if the kill came before it was removed
    assert logged_table(tmp_path)["cycle"].to_pylist() == list(range(1, 11))
    DecisionLog(tmp_path, "next").close()
    assert not (tmp_path / "cycle-run-000000003.parquet").exists()


def test_two_loops_do_not_write_to_one_folder(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path, "a")
    with pytest.raises(ValueError, match="another loop writes its log there"):
        DecisionLog(tmp_path, "b")
    log.close()


def day_of(number: int, held: int = 9, told: int = 10, widest: float = 0.5, share: float = 1.0) -> list[Score]:
    return [Score(number * DAY_S + 300.0 * k, held, told, widest) for k in range(int(288 * share))]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([day_of(1), day_of(2), day_of(3), day_of(4)], 3),
        ([day_of(1), day_of(2, held=7), day_of(3), day_of(4)], 1),
        ([day_of(1), day_of(3), day_of(4), day_of(5)], 2),
        ([day_of(1), day_of(2, widest=3.0), day_of(3, widest=3.0), day_of(4)], 0),
        ([day_of(1), day_of(2, share=0.3), day_of(3)], 0),
        ([day_of(1, told=0, held=0), day_of(2)], 0),
        ([], 0),
    ],
)
def test_a_day_counts_where_its_intervals_held_and_said_something(days: list[list[Score]], expected: int) -> None:
    assert calibrated_days([score for day in days for score in day], 300.0) == expected


def test_an_interval_that_was_never_told_is_no_calibration() -> None:
    assert calibrated_days([Score(k * 300.0, 0, 0, math.nan) for k in range(2000)], 300.0) == 0
