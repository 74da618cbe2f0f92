"""The page: a failing row stays visible with its reason, one that was not run says why and never counts as a pass."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from experiments.published.page import number, write
from experiments.published.row import Check, NotRun, Row, RowOutcome, check_between, check_near, measure_row


def row(name: str, *checks: Check) -> Row:
    return Row(name, f"target {name}", "1", "0.1", "a source", lambda: list(checks))


def absent() -> list[Check]:
    raise NotRun("the file is not here")


GOOD, BAD = Check("good", 1.0, "1", 0.9, 1.1, "kW"), Check("first server down", math.inf, "180", 90.0, 360.0, "s")


def page(tmp_path: Path, *rows: Row) -> str:
    return write([measure_row(r) for r in rows], tmp_path, "abc").read_text()


def test_a_failing_row_stays_visible_with_its_reason(tmp_path: Path) -> None:
    text = page(tmp_path, row("7", GOOD), row("15", Check("5 kW per cabinet: first server down", *BAD[1:])))
    assert "1 of 2 rows pass, 1 fail, 0 not run" in text
    assert "**FAIL**" in text and "our servers switch themselves off" in text and "| never |" in text


def test_a_miss_that_nobody_knows_says_so(tmp_path: Path) -> None:
    assert "**not known**" in page(tmp_path, row("7", BAD))


def test_a_row_that_was_not_run_never_counts_as_a_pass(tmp_path: Path) -> None:
    text = page(tmp_path, Row("20", "target", "1", "0.1", "a source", absent))
    assert "0 of 1 rows pass, 0 fail, 1 not run" in text and "**not run**" in text and "the file is not here" in text
    assert RowOutcome(row("8")).verdict == "not run"


def test_the_table_holds_a_line_for_every_number(tmp_path: Path) -> None:
    page(tmp_path, row("7", GOOD, BAD), Row("20", "target", "1", "0.1", "a source", absent))
    with (tmp_path / "published.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["row"], line["verdict"]) for line in lines] == [("7", "pass"), ("7", "FAIL"), ("20", "not run")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (12.3456, "12.35"), (8509.0, "8509"), (math.inf, "never"), (1e-15, "1e-15")],
)
def test_numbers_are_short_and_zero_has_no_sign(value: float, text: str) -> None:
    assert number(value) == text


def test_bands_are_those_of_the_table() -> None:
    assert check_near("x", 1.0, 2.0, "kW", rel=0.1)[3:5] == (1.8, 2.2)
    assert check_near("x", 1.0, -2.0, "kW", plus_minus=0.5)[3:5] == (-2.5, -1.5)
    assert check_between("x", 1.0, 10.0, 20.0, "s", factor=2.0)[3:5] == (5.0, 40.0)
    assert check_between("x", 1.0, -4.0, -3.0, "s", more=0.5)[3:5] == (-4.5, -2.5)


def test_what_is_not_a_number_never_passes() -> None:
    assert not Check("x", math.nan, "1", -math.inf, math.inf, "1").passed
