"""Residency: each row is held against what was allowed, and the data of a job are followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.scenario import load
from envs.scheduling.job_table import WAITING
from experiments.campuses.campus_day import CampusDay
from experiments.campuses.campus_parts import Campus, CampusSite, Residency, Wire
from experiments.campuses.records import Records
from experiments.campuses.rules import RULES
from experiments.campuses.trial import staged
from experiments.compliance.residency import COLUMNS, Ran, residency

T = "2025-03-01T0{}:00:00Z"


def judged(folder: Path, *rows: tuple[str, ...]) -> tuple[str, ...]:
    path = folder / "jobs.csv"
    path.write_text("\n".join(",".join(row) for row in [COLUMNS, *rows]) + "\n")
    return residency(path).violations


def ran(hour: int, site: str, allowed: str = "a+b") -> tuple[str, ...]:
    return T.format(hour), "ran", "", "j", "finetune", "8", "a", allowed, site, "", ""


def moved(hour: int, site: str, to: str, there: int, allowed: str = "a+b") -> tuple[str, ...]:
    return T.format(hour), "moved", "", "j", "finetune", "8", "a", allowed, site, to, T.format(there)


def test_a_job_that_moved_where_it_may_and_ran_behind_its_data_breaks_nothing(tmp_path: Path) -> None:
    assert judged(tmp_path, moved(1, "a", "b", 2), ran(3, "b")) == ()
    found = residency(tmp_path / "jobs.csv")
    assert found.ran == (Ran("finetune", "b", 1, 1),) and found.moved == {"a+b": 1} and found.rows == 2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ran(1, "a", "b")], "line 2: job j ran on a; allowed: b"),
        ([moved(1, "a", "c", 2)], "line 2: job j was sent to c; allowed: a+b"),
        ([ran(1, "b")], "line 2: job j is said to be on b; its data lay on a"),
        ([moved(1, "a", "b", 4), ran(3, "b")], "line 3: job j is on b before its data, which came at"),
    ],
)
def test_what_breaks_residency_is_named(tmp_path: Path, rows: list[tuple[str, ...]], words: str) -> None:
    assert judged(tmp_path, *rows)[0].startswith(words)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("x", *ran(1, "a")[1:])], "line 2, column 'time'"),
        ([(T.format(1), "run", *ran(1, "a")[2:])], "line 2, column 'event': found 'run', expected one of ran"),
        ([ran(3, "a"), ran(2, "a")], "line 3: earlier than the row above it"),
        ([ran(1, "")], "line 2, column 'site': found nothing"),
        ([(*moved(1, "a", "b", 2)[:-1], "soon")], "column 'there'"),
        ([], "no rows"),
    ],
)
def test_records_that_are_wrong_are_refused_with_place_and_mend(
    tmp_path: Path, rows: list[tuple[str, ...]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        judged(tmp_path, *rows)


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("time,job\n1,2\n")
    with pytest.raises(ValueError, match=r"line 1: no columns \['event'"):
        residency(tmp_path / "jobs.csv")


def test_records_of_a_campus_tell_every_start_and_move_and_break_nothing(tmp_path: Path) -> None:
    scenario = load("inference_hall", ["jobs.occupancy=0.9"])
    sites = {"a": CampusSite("sterling_va", "PJM", "us"), "b": CampusSite("frankfurt_de", "DE-LU", "eu")}
    campus = Campus(sites, Wire(data_gb=1.0), Residency(home_frac=0.3, region_frac=0.2))
    stage = staged(scenario, campus, 2, 2.0 / 24.0, seed=3)
    records = Records(list(sites), stage.cards)
    day = CampusDay(*stage, RULES["emptiest"], 900.0, 1.0, records)
    for _ in range(stage.scenario.episode.steps):
        day.step()
    found = residency(records.write(tmp_path))
    assert found.violations == () and found.moved == {"a+b": day.books["moves"].sum()} and day.books["moves"].sum() > 0
    assert any(each.came_elsewhere for each in found.ran)
    table, arrivals = day.jobs.jobs.table, day.jobs.jobs.arrivals
    told = {(row[2], row[3]) for _, row in records.rows if row[1] in ("ran", "lost")}
    waits = [table.facts.submit_s[table.state == WAITING], *(some.jobs.facts.submit_s for some in day.travelling)]
    for row, (first, last, of) in enumerate(zip(day._taken, arrivals.taken, arrivals.of)):
        campus = row // 2
        came_s = np.setdiff1d(arrivals.facts.submit_s[first:last, of], np.concatenate(waits))
        names = [f"job-{nth:06d}" for nth in np.searchsorted(stage.cards[campus].submit_s, came_s)]
        assert len(names) > 5 and {(str(campus), name) for name in names} <= told
