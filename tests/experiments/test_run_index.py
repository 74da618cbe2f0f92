from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from experiments.evaluation.results import save
from experiments.report import write_report
from experiments.run_index import write_index
from tests.experiments.test_report import evaluation


def rows(page: str) -> list[list[str]]:
    """Cells of each line, without marks."""
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    return [
        [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
    ]


def test_the_list_names_each_evaluation_with_its_verdict_and_links_its_report(tmp_path: Path) -> None:
    write_report(save(evaluation(), tmp_path / "evaluate" / "a b", "rules"))
    save(evaluation(learned=0.9), tmp_path / "evaluate" / "second", "rules")
    page = write_index(tmp_path).read_text()
    told = {row[4]: row for row in rows(page)}
    assert set(told) == {"evaluate/a b", "evaluate/second"}
    assert told["evaluate/a b"][1].startswith("Nothing is told apart from rules: learned is 6.00 %")
    assert told["evaluate/second"][1].startswith("rules stays ahead: learned fails one gate")
    assert re.findall(r'<a href="([^"]+)"', page) == ["evaluate/a%20b/report.html"]
    assert str(tmp_path) not in page


def test_runs_and_bundles_are_listed_and_what_is_damaged_says_so(tmp_path: Path) -> None:
    for place, name, text in (
        ("run", "run.json", {"algorithm": "ppo", "status": "finished", "steps": "2555904", "scenario": "ai_hall"}),
        ("run/bundle", "manifest.json", {"algorithm": "ppo", "scenario": "ai_hall", "interface": {"channels": [1]}}),
    ):
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_text(json.dumps(text))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "evaluation.json").write_text("{")
    told = {row[4]: row for row in rows(write_index(tmp_path).read_text())}
    assert told["run"][:3] == ["training run", "ppo, finished, 2 555 904 steps", "ai_hall"]
    assert told["run/bundle"][0] == "bundle"
    assert told["broken"][1].startswith("cannot be read")


def test_an_empty_folder_gives_a_page_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    assert "Nothing yet" in write_index(tmp_path).read_text()
    with pytest.raises(FileNotFoundError, match="is no folder"):
        write_index(tmp_path / "nowhere")
