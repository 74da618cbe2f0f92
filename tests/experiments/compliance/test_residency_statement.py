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
from experiments.compliance.simulated_year import YEAR

T = "2025-03-01T0{}:00:00Z"


def judged(folder: Path, *rows: tuple[str, ...]) -> tuple[str, ...]:
    path = folder / "jobs.csv"
    path.write_text("\n".join(",".join(row) for row in [COLUMNS, *rows]) + "\n")
    return residency(path, 2025).violations


def ran(hour: int, site: str, allowed: str = "a+b") -> tuple[str, ...]:
    return T.format(hour), "ran", "", "j", "finetune", "8", "a", allowed, site, "", ""


def lost(hour: int, allowed: str) -> tuple[str, ...]:
    return T.format(hour), "lost", "", "j", "finetune", "8", "a", allowed, "a", "", ""


def moved(hour: int, site: str, to: str, there: int, allowed: str = "a+b") -> tuple[str, ...]:
    return T.format(hour), "moved", "", "j", "finetune", "8", "a", allowed, site, to, T.format(there)


def test_a_job_that_moved_where_it_may_and_ran_behind_its_data_breaks_nothing(tmp_path: Path) -> None:
    assert judged(tmp_path, moved(1, "a", "b", 2), ran(3, "b")) == ()
    found = residency(tmp_path / "jobs.csv", 2025)
    assert (found.first, found.last) == (T.format(1), T.format(3))
    assert found.ran == (Ran("finetune", "b", 1, 1),) and found.moved == {"a+b": 1} and found.rows == 2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ran(1, "b", "b")], "line 2: job j came with its data to a; allowed: b"),
        ([lost(1, "b")], "line 2: job j came with its data to a; allowed: b"),
        ([moved(1, "a", "b", 2, "b"), ran(3, "b", "b")], "line 2: job j came with its data to a; allowed: b"),
        ([ran(1, "c")], "line 2: job j ran on c; allowed: a+b"),
        (
            [ran(1, "a"), moved(2, "a", "c", 3, "a+b+c")],
            "line 3: job j is now allowed a+b+c; line 2 allowed a+b, which",
        ),
        ([ran(1, "a"), (*ran(2, "a")[:6], "b", *ran(2, "a")[7:])], "line 3: job j is now said to have come to b; line"),
        ([moved(1, "a", "c", 2)], "line 2: job j was sent to c; allowed: a+b"),
        ([ran(1, "b")], "line 2: job j is said to be on b; its data lay on a"),
        ([moved(1, "a", "b", 4), ran(3, "b")], "line 3: job j is on b before its data, which came at"),
    ],
)
def test_what_breaks_residency_is_named(tmp_path: Path, rows: list[tuple[str, ...]], words: str) -> None:
    assert judged(tmp_path, *rows)[0].startswith(words)


def test_an_origin_that_is_not_allowed_is_told_once_and_a_row_that_widens_what_was_allowed_frees_nothing(
    tmp_path: Path,
) -> None:
    rows = [moved(1, "a", "b", 2, "b"), ran(3, "b", "b"), ran(4, "b", "b")]
    assert judged(tmp_path, *rows) == ("line 2: job j came with its data to a; allowed: b",)
    found = judged(tmp_path, ran(1, "a"), moved(2, "a", "c", 3, "a+b+c"))
    assert "line 3: job j was sent to c; allowed: a+b" in found and len(found) == 2


def test_blanks_around_sites_and_another_order_of_them_break_nothing(tmp_path: Path) -> None:
    assert judged(tmp_path, moved(1, " a ", "b ", 2, "a + b"), ran(3, "b", " b+a")) == ()
    assert residency(tmp_path / "jobs.csv", 2025).moved == {"a+b": 1}


def test_the_year_is_that_of_the_sites_clock(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    rows = [COLUMNS, ("2024-12-31T23:30:00Z", *ran(1, "a")[1:]), ("2025-12-31T23:30:00", *ran(1, "a")[1:])]
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    assert residency(path, 2025, 1.0).last == "2025-12-31T22:30:00Z"
    with pytest.raises(ValueError, match=r"line 2, column 'time': found 2024-12-31T23:30:00Z, outside 2025.*1 of 2"):
        residency(path, 2025)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("x", *ran(1, "a")[1:])], "line 2, column 'time'"),
        ([(T.format(1), "run", *ran(1, "a")[2:])], "line 2, column 'event': found 'run', expected one of ran"),
        ([ran(3, "a"), ran(2, "a")], "line 3: earlier than the row above it"),
        ([ran(1, "")], "line 2, column 'site': found nothing"),
        ([(*moved(1, "a", "b", 2)[:-1], "soon")], "column 'there'"),
        ([moved(2, "a", "b", 1)], "line 2, column 'there': found 2025-03-01T01:00:00Z, before the move.*give the time"),
        (
            [("2001-01-01T00:00:00Z", *ran(1, "a")[1:])],
            "line 2, column 'time': found 2001-.*outside 2025.*give the rows",
        ),
        ([ran(1, "a", " + ")], "line 2, column 'allowed': found nothing"),
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
        residency(tmp_path / "jobs.csv", 2025)


def test_records_of_a_campus_tell_every_start_and_move_and_break_nothing(tmp_path: Path) -> None:
    scenario = load("inference_hall", ["jobs.occupancy=0.9"])
    sites = {"a": CampusSite("sterling_va", "PJM", "us"), "b": CampusSite("frankfurt_de", "DE-LU", "eu")}
    campus = Campus(sites, Wire(data_gb=1.0), Residency(home_frac=0.3, region_frac=0.2))
    stage = staged(scenario, campus, 2, 2.0 / 24.0, seed=3)
    records = Records(list(sites), stage.cards)
    day = CampusDay(*stage, RULES["emptiest"], 900.0, 1.0, records)
    for _ in range(stage.scenario.episode.steps):
        day.step()
    found = residency(records.write(tmp_path), YEAR)
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
