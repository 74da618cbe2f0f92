"""The pages of ``docs/reference`` say what the tables of the code say."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from envs.interface.channels import CHANNELS
from envs.interface.points import POINTS
from envs.interface.reward import TERMS, RewardConfig
from envs.scenario import Scenario
from experiments.keys import parameter_groups
from scripts.generate_docs import FOLDER, pages

MEND = "write it anew with: python -m scripts.generate_docs"
MADE = pages()


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_reference_page_is_what_its_table_gives(name: str) -> None:
    stored = (FOLDER / name).read_text(encoding="utf-8") if (FOLDER / name).exists() else ""
    assert stored == MADE[name], f"docs/reference/{name} is stale; {MEND}"


def test_no_page_is_left_behind() -> None:
    assert {f.name for f in FOLDER.glob("*.md")} == set(MADE), MEND


def test_every_row_of_a_table_is_on_its_page() -> None:
    for page, names in (
        ("channels.md", list(CHANNELS)),
        ("points.md", [p.name for p in POINTS]),
        ("terms.md", [t.name for t in TERMS]),
    ):
        assert all(f"| `{name}` | " in MADE[page] for name in names), page


def test_every_price_belongs_to_a_term() -> None:
    priced = {name for term in TERMS for name in term.prices}
    assert priced == {f.name for f in fields(RewardConfig)} - {"scale_usd"}


def test_every_parameter_of_a_scenario_is_listed_once_in_its_group() -> None:
    text = MADE["scenarios.md"]
    for path, cls in parameter_groups(Scenario):
        block = text.split(f"## `{path}`\n" if path else "## The scenario itself\n")[1].split("\n## ")[0]
        listed = re.findall(r"^\| `(\w+)` \|", block, re.MULTILINE)
        assert len(set(listed)) == len(listed) and set(listed) <= {f.name for f in fields(cls)}, path
    assert "| `cells` | 3 | 1 to 64 | 1 | `legacy_air`: 3 |" in text


def test_lines_of_prose_end_by_column_100() -> None:
    long = [(n, line) for n, text in MADE.items() for line in text.split("\n") if len(line) > 100 and line[0] != "|"]
    assert not long
