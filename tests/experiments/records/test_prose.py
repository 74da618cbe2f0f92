"""Pages that commands write are wrapped, and nothing of them is lost on the way."""

from __future__ import annotations

import pytest

from experiments.records.prose import COLUMNS, wrapped_lines

LONG = "word " * 40


@pytest.mark.parametrize(
    "line", [LONG.strip(), f"- {LONG}".strip(), f"{LONG}`a command of several words` {LONG}".strip()]
)
def test_prose_is_wrapped_and_keeps_every_word(line: str) -> None:
    lines = wrapped_lines([line])
    assert len(lines) > 1 and max(map(len, lines)) <= COLUMNS
    assert " ".join(part.strip() for part in lines) == line


def test_an_item_hangs_below_its_words() -> None:
    first, *rest = wrapped_lines([f"- {LONG}"])
    assert first.startswith("- word") and rest and all(part.startswith("  word") for part in rest)


@pytest.mark.parametrize("line", [f"# {LONG}", f"| {LONG} |", "", "short"])
def test_headings_tables_and_short_lines_stay_as_they_are(line: str) -> None:
    assert wrapped_lines([line]) == [line]


@pytest.mark.parametrize("whole", ["`a command of several words`", "[the words of a link](", "12 %"])
def test_code_links_and_numbers_with_their_unit_are_not_broken(whole: str) -> None:
    for width in range(60, COLUMNS):
        text = "x" * width + f" {whole} " + LONG
        assert any(whole in part for part in wrapped_lines([text]))
