"""The audit trail: what changed behind a report is found, and named where it changed first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.live.decision_log import DecisionLog
from experiments.compliance import audit
from experiments.compliance.audit import verified
from experiments.compliance.decisions import decisions
from experiments.compliance.figures import Told
from experiments.compliance.meters import Reading, Site
from experiments.compliance.residency import COLUMNS
from experiments.compliance.statements import decision_parts
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


def cycle_row(cycle: int) -> dict[str, float | int | str | None]:
    time_s = datetime(2025, 6, 1, 12, 5 * cycle, tzinfo=UTC).timestamp()
    told = {"mode": "auto", "state": "in control", "approved_by": "anna, ben", "policy_hash": "ab" * 32}
    why = {"reason": "supply up", "shield": "passed", "kind": "cycle", "run": "run", "cycle": cycle}
    return {**told, **why, "time_s": time_s, "written.supply[0]": 23.5, "read_back.supply[0]": 23.5}


def reported(folder: Path) -> str:
    return report_year(folder / "meters.yaml", folder / "out", "coldaisle comply", folder / "jobs.csv", folder / "log")


def test_a_trail_leads_from_files_over_meters_to_the_page_and_comes_out_again(year: Path) -> None:
    seal = reported(year)
    mine, later = verified(year / "out/audit.jsonl", seal)
    assert later == 0 and set(mine[0].facts["code"]) == {"coldaisle", "git_hash", "git_dirty"}
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
    with pytest.raises(ValueError, match="none of its 1 reports ends with the seal .*12 or more"):
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


def test_a_key_that_is_put_before_the_real_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    appended(path, [("figure", "PUE", {"value": 1.25})])
    line = path.read_text().replace('"facts": {"value": 1.25}', '"facts": {"value": 1.05}, "facts": {"value": 1.25}')
    assert json.loads(line)["facts"] == {"value": 1.25} and "1.05" in line
    path.write_text(line)
    with pytest.raises(ValueError, match=r"line 1 \(figure PUE\): is not written as it was sealed"):
        links(path)


def test_reports_that_are_written_at_once_are_all_in_the_trail(tmp_path: Path) -> None:
    path = tmp_path / "new" / "t.jsonl"
    with ThreadPoolExecutor(6) as pool:
        seals = list(pool.map(lambda nth: appended(path, [("report", str(nth), {}), ("end", str(nth), {})]), range(12)))
    assert {link.sha256 for link in links(path) if link.kind == "end"} == set(seals) and len(set(seals)) == 12


def test_a_seal_of_before_holds_its_own_report_when_the_next_is_appended(year: Path) -> None:
    trail, meters = year / "all.jsonl", year / "meters.yaml"
    seals = [report_year(meters, year / name, "coldaisle comply", trail=trail) for name in ("one", "two")]
    first, second = (verified(trail, seal) for seal in (seals[0], seals[1][:12]))
    assert (first.later, second.later) == (1, 0) and verified(trail) == second
    assert [link.number for link in second.links] == [link.number + len(first.links) for link in first.links]
    with pytest.raises(ValueError, match="none of its 2 reports ends with the seal"):
        verified(trail, seals[0][:11])
    (year / "one" / "comply.md").write_text("no page")
    assert verified(trail, seals[1])
    with pytest.raises(ValueError, match=r"\(page comply.md\): .*; 1 later reports of this trail may have written it"):
        verified(trail, seals[0])


def test_other_words_are_no_tampering_and_a_figure_that_differs_names_the_code(
    year: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = report_year(year / "meters.yaml", year / "out", "coldaisle comply")
    trail, told = year / "out/audit.jsonl", audit.told

    def reworded(factor: float) -> Callable[[Site, Sequence[Reading]], Told]:
        def said(site: Site, readings: Sequence[Reading]) -> Told:
            found = told(site, readings)
            figures = tuple(f._replace(meaning="said anew", value=factor * f.value) for f in found.figures)
            return Told(figures, dict.fromkeys([*found.missing, "NEW"], "for another reason"))

        return said

    monkeypatch.setattr(audit, "told", reworded(1.0))
    assert verified(trail, seal)
    monkeypatch.setattr(audit, "told", reworded(1.1))
    with pytest.raises(ValueError, match=r"\(figure EDC\): differs now; value was [^;]*, is [^;]*$"):
        verified(trail, seal)
    monkeypatch.setattr(audit, "git_state", lambda: {"git_hash": "0123456789abcdef", "git_dirty": "true"})
    with pytest.raises(
        ValueError, match=r"made by coldaisle .*, this is coldaisle .*0123456789ab, changed.*: verify it"
    ):
        verified(trail, seal)


def test_a_later_run_of_the_day_whose_file_sorts_first_is_not_held_against_the_report(year: Path) -> None:
    seal = reported(year)
    log = DecisionLog(year / "log", "a-run")
    log.append(3, cycle_row(3) | {"run": "a-run"})
    log.close()
    assert verified(year / "out/audit.jsonl", seal)
    assert [write[1] for write in decisions(year / "log", 2025, 1.0).writes] == ["run", "run", "a-run"]


def test_an_empty_cell_of_the_log_stays_empty_and_names_nobody(year: Path) -> None:
    log = DecisionLog(year / "log", "b")
    log.append(3, cycle_row(3) | {"approved_by": " ", "reason": "", "read_back.supply[0]": None, "run": "b"})
    gone = ("approved_by", "policy_hash", "reason")
    empty = pa.table({name: [None if name in gone else value] for name, value in cycle_row(4).items()})
    pq.write_table(empty, year / "log" / "cycle-c-000000004.parquet")
    log.close()
    found = decisions(year / "log", 2025, 1.0)
    assert found.writes[2][5:] == ("", "supply[0]", "23.5", "", "", "passed", "ab" * 6)
    assert found.writes[3][5:] == ("", "supply[0]", "23.5", "23.5", "", "passed", "")
    text = "".join(decision_parts(found))
    assert "nobody named" in text and "None" not in text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("reason", ..., r"cycle-x-000000001.parquet: no segment .*columns \['reason'\]; found: .*; give the folder"),
        ("time_s", None, "row 1 of its log, column 'time_s': found None, expected seconds since 1970; .*from a copy"),
    ],
)
def test_a_log_without_a_column_or_a_time_is_refused_by_name(tmp_path: Path, name: str, value: Any, words: str) -> None:
    row = {key: cell for key, cell in (cycle_row(1) | {name: value}).items() if cell is not ...}
    log = DecisionLog(tmp_path, "x")
    log.append(1, row)
    log.close()
    with pytest.raises(ValueError, match=words):
        decisions(tmp_path, 2025, 1.0)


def test_a_log_whose_segments_differ_in_the_kind_of_a_column_is_refused_by_name(year: Path) -> None:
    log = DecisionLog(year / "log", "x")
    log.append(1, cycle_row(1) | {"reason": 1.5})
    log.close()
    with pytest.raises(ValueError, match=r"log: its log cannot be read \(.*reason"):
        decisions(year / "log", 2025, 1.0)
