"""An evaluation on disk comes back as it was, under any name; what is cut, mixed or secret does not."""

from __future__ import annotations

import csv
import html
import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.evaluation.results import print_table, save, stored_evaluation
from experiments.report import write_report
from tests.experiments.test_report import evaluation

NAMES = ("NA", "nan", "null", "", "a|b", "$x_{", "[bold]x[/]", "<script>alert(1)</script>", "=1+1", "x,y", "_hidden")
FORMULAS = ("=cmd|' /C calc'!A0", "+1", "-1", "@x", "'quoted", "'=1", "\t=1")


@pytest.mark.parametrize("name", [*NAMES, "+1", "-1", "@x"])
def test_a_policy_of_any_name_has_its_row_in_file_report_and_terminal(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluation()
    renamed = found._replace(
        scores={name if n == "learned" else n: table for n, table in found.scores.items()},
        traces={name if n == "learned" else n: series for n, series in found.traces.items()},
    )
    for baseline in ("rules", name):
        folder = save(renamed, tmp_path, baseline)
        stored = stored_evaluation(folder)
        assert list(stored.scores) == list(renamed.scores) and list(stored.traces) == list(renamed.traces)
        np.testing.assert_allclose(stored.scores[name]["facility_kwh"], found.scores["learned"]["facility_kwh"])
        page = write_report(folder).read_text()
        assert "<script>alert" not in page and page.count("<script") == page.count("</script") == 3
        assert html.escape(name) in page.replace("<wbr>", "")
        print_table(renamed, baseline)
        assert name in capsys.readouterr().out


@pytest.mark.parametrize("name", FORMULAS)
def test_a_name_that_a_spreadsheet_would_calculate_stands_as_text_in_every_table(name: str, tmp_path: Path) -> None:
    found = evaluation()
    scores = {name if n == "learned" else n: table for n, table in found.scores.items()}
    save(found._replace(scores=scores), tmp_path, "rules")
    for file in ("scores.csv", "summary.csv"):
        with (tmp_path / file).open(newline="", encoding="utf-8") as rows:
            cells = {row["policy"] for row in csv.DictReader(rows)}
        assert f"'{name}" in cells and not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_a_score_that_is_no_number_comes_back_as_none(tmp_path: Path) -> None:
    found = evaluation()
    found.scores["random"]["energy_per_work_kwh_h"] = np.full(12, np.nan)
    assert np.isnan(stored_evaluation(save(found, tmp_path, "rules")).scores["random"]["energy_per_work_kwh_h"]).all()


PIECES = ("scores.csv", "summary.csv", "traces.npz")


@pytest.mark.parametrize("piece", PIECES)
def test_a_file_of_another_evaluation_or_a_cut_one_is_refused_by_name(piece: str, tmp_path: Path) -> None:
    other = evaluation(learned=0.9)
    other.traces["random"]["worst_inlet_c"] += 1.0
    one, two = save(evaluation(), tmp_path / "1", "rules"), save(other, tmp_path / "2", "rules")
    whole = (one / piece).read_bytes()
    for content in ((two / piece).read_bytes(), whole[: len(whole) // 2], whole[:-20], b""):
        (one / piece).write_bytes(content)
        with pytest.raises(ValueError, match=f"{piece} is not the file that belongs to evaluation.json; evaluate"):
            write_report(one)
    (one / piece).unlink()
    with pytest.raises(ValueError, match=piece):
        write_report(one)
    (one / piece).write_bytes(whole)
    assert write_report(one).exists()


def test_facts_that_are_cut_anywhere_are_refused_by_name(tmp_path: Path) -> None:
    path = save(evaluation(), tmp_path, "rules") / "evaluation.json"
    whole = path.read_bytes()
    for share in (0.0, 0.2, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match="evaluation.json is damaged"):
            stored_evaluation(tmp_path)


@pytest.mark.parametrize("renames", range(4))
def test_an_evaluation_that_is_killed_while_it_is_written_over_another_is_none(renames: int, tmp_path: Path) -> None:
    folder = save(evaluation(), tmp_path, "rules")
    if not (child := os.fork()):
        done = itertools.count()
        sys.addaudithook(lambda event, _: event == "os.rename" and next(done) == renames and os._exit(9))
        save(evaluation(learned=0.9), folder, "rules")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with pytest.raises(FileNotFoundError, match=r"holds no evaluation\.json"):
        write_report(folder)


def test_tokens_and_home_folders_of_a_configuration_are_not_written(tmp_path: Path) -> None:
    config = (
        "tracking:\n  uri: https://user:hunter2@host:5000/x?token=hunter3\n  api_key: hunter4\n"
        f"folder: {Path.home()}/runs/x\nseed: 5\n"
    )
    folder = save(evaluation(), tmp_path, "rules", config)
    write_report(folder)
    for path in folder.iterdir():
        content = path.read_bytes().decode(errors="ignore")
        assert "hunter" not in content and f"{Path.home()}/runs" not in content
    kept = json.loads((folder / "evaluation.json").read_text())["config"]
    assert "https://***@host:5000/x?token=***" in kept and "seed: 5" in kept and "folder: ~/runs/x" in kept
