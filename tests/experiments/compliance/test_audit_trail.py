"""The audit trail: what changed behind a report is found, and named where it changed first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agents.live.decision_log import DecisionLog
from experiments.compliance.audit import verified
from experiments.compliance.residency import COLUMNS
from experiments.compliance.trail import appended, links
from experiments.comply import report_year

SITE = """name: hall
year: 2025
utc_offset_h: 1
meters:
  - {name: feeder, quantity: total_energy, file: a.csv, column: kwh, unit: kWh}
  - {name: ups, quantity: it_energy, file: b.csv, column: mw, unit: MW, reads: mean}
"""
MOVES = [
    ("2025-03-01T00:00:00Z", "ran", "", "a", "finetune", "8", "here", "here+there", "here", "", ""),
    ("2025-03-01T01:00:00Z", "moved", "", "b", "pretrain", "64", "here", "here+there", "here", "there",
     "2025-03-01T02:00:00Z"),
    ("2025-03-01T03:00:00Z", "ran", "", "b", "pretrain", "64", "here", "here+there", "there", "", ""),
]  # fmt: skip


def table(path: Path, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Path:
    path.write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")
    return path


@pytest.fixture
def year(tmp_path: Path) -> Path:
    """A folder with meters of a year, records of residency and a loop's log."""
    at = np.datetime_as_string(np.datetime64("2024-12-31T23:00") + np.arange(366) * np.timedelta64(1, "D"))
    for name, column, value in (("a.csv", "kwh", "24000"), ("b.csv", "mw", "0.8")):
        table(tmp_path / name, ("time", column), [(f"{stamp}Z", value) for stamp in at])
    (tmp_path / "meters.yaml").write_text(SITE)
    table(tmp_path / "jobs.csv", COLUMNS, MOVES)
    log = DecisionLog(tmp_path / "log", "run")
    for cycle in (1, 2):
        log.append(cycle, cycle_row(cycle))
    log.close()
    return tmp_path


def cycle_row(cycle: int) -> dict[str, float | int | str]:
    time_s = datetime(2025, 6, 1, 12, 5 * cycle, tzinfo=UTC).timestamp()
    told = {"mode": "auto", "state": "in control", "approved_by": "anna, ben", "policy_hash": "ab" * 32}
    why = {"reason": "supply up", "shield": "passed", "kind": "cycle", "run": "run", "cycle": cycle}
    return {**told, **why, "time_s": time_s, "written.supply[0]": 23.5, "read_back.supply[0]": 23.5}


def reported(folder: Path) -> str:
    return report_year(folder / "meters.yaml", folder / "out", "coldaisle comply", folder / "jobs.csv", folder / "log")


def test_a_trail_leads_from_files_over_meters_to_the_page_and_comes_out_again(year: Path) -> None:
    seal = reported(year)
    mine = verified(year / "out/audit.jsonl", seal)
    kinds = [link.kind for link in mine]
    assert kinds[:2] == ["report", "file"] and kinds[-2:] == ["page", "end"]
    pue = next(link for link in mine if link.kind == "figure" and link.name == "PUE")
    meters = {link.name: link.facts["file_sha256"] for link in mine if link.kind == "meter"}
    assert pue.facts["meters"] == meters and pue.facts["value"] == pytest.approx(1.25)
    text = (year / "out/comply.md").read_text()
    assert "Every job ran, and its data lay, where its owner allows" in text and "2 setpoints were written" in text
    assert "anna, ben" in (year / "out/setpoints.csv").read_text()


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("a.csv", "24000", "24001", r"line 3 \(file a.csv\): .*is not the file that was read; sha256 was"),
        ("meters.yaml", "unit: kWh", "unit: MWh", r"line 2 \(file meters.yaml\): .*is not the file"),
        ("jobs.csv", "pretrain", "finetune", r"\(file jobs.csv\): .*is not the file"),
        ("out/comply.md", "PUE", "pue", r"\(page comply.md\): .*is not the file"),
        ("out/setpoints.csv", "23.5", "23.6", r"\(page setpoints.csv\)"),
        ("out/audit.jsonl", "24000", "24001", r"audit.jsonl, line \d+ .*its seal does not fit its words"),
        ("out/audit.jsonl", '"unit": "kWh"', '"unit": "MWh"', r"line 5 \(meter feeder\): its seal does not fit"),
    ],
)
def test_a_changed_byte_is_named_where_it_stands(year: Path, file: str, old: str, new: str, words: str) -> None:
    reported(year)
    path = year / file
    text = path.read_text()
    if file.endswith("audit.jsonl") and old == "24000":
        old, new = '"rows": 366', '"rows": 367'
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=words):
        verified(year / "out/audit.jsonl")


def test_a_changed_row_of_the_loops_log_is_named_by_its_day_and_later_rows_are_not_held_against_it(year: Path) -> None:
    reported(year)
    log = DecisionLog(year / "log", "run")
    log.append(3, cycle_row(3))
    assert verified(year / "out/audit.jsonl")
    log.append(2, cycle_row(2) | {"written.supply[0]": 21.0})
    log.close()
    with pytest.raises(ValueError, match=r"\(day 2025-06-01\): differs now; sha256 was"):
        verified(year / "out/audit.jsonl")


def test_a_line_taken_out_or_cut_off_breaks_the_trail(year: Path) -> None:
    seal = reported(year)
    path = year / "out/audit.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3] + lines[4:]))
    with pytest.raises(ValueError, match=r"line 4 .*does not follow the line before it"):
        verified(path)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="its last report has no end"):
        verified(path)
    path.write_text("".join(lines)[:-5])
    with pytest.raises(ValueError, match="ends within a line"):
        verified(path)
    path.unlink()
    (year / "a.csv").write_text((year / "a.csv").read_text().replace("24000", "23000"))
    reported(year)  # trail, page and files were all made anew: only the seal tells
    assert verified(path)
    with pytest.raises(ValueError, match="its seal is .*, not"):
        verified(path, seal)


def test_reports_are_appended_to_one_trail_and_a_broken_one_takes_no_more(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    appended(path, [("file", "a", {"sha256": "x"})])
    seal = appended(path, [("file", "b", {})])
    assert [link.number for link in links(path)] == [1, 2] and links(path)[-1].sha256 == seal
    first = json.loads(path.read_text().splitlines()[0]) | {"name": "c"}
    path.write_text(json.dumps(first) + "\n")
    with pytest.raises(ValueError, match=r"line 1 \(file c\): its seal"):
        appended(path, [("file", "d", {})])
