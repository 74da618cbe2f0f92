"""The headline's figure shows the headline table, every row of it, and nothing else."""

import pytest

from scripts.headline_figure import DOCS, FIGURE, LEAST, MOST, figure, rows

RESULTS = (DOCS / "results.md").read_text(encoding="utf-8")
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")


def test_the_figure_is_that_of_the_table() -> None:
    assert FIGURE.read_text(encoding="utf-8") == figure(rows(RESULTS)), "type: python -m scripts.headline_figure"
    assert FIGURE.relative_to(DOCS.parent).as_posix() in README


def test_every_row_of_the_table_is_in_the_figure_and_on_its_axis() -> None:
    table = RESULTS.split("\n## ", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    found = rows(RESULTS)
    assert len(found) == len(lines) > 3
    for row, line in zip(found, lines):
        assert LEAST <= row.low <= row.point <= row.high <= MOST
        assert f"{row.point:+.1f} %" in line


def test_the_readme_says_the_same_of_each_hall_as_the_results() -> None:
    told = [line for line in README.splitlines() if line.startswith("| `") and " [" in line]
    assert told and all("".join(line.split("|")[2].split()) in "".join(RESULTS.split()) for line in told)


def test_a_page_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no headline table"):
        rows("# Results\n\n## Later\n\n| `ai_hall` | 492.05 | -7.23 [-11.85, -4.09] | -1.5 % |\n")
