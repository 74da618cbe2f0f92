"""Writes ``docs/reference`` from the tables of the code: ``python -m scripts.generate_docs``.

Nobody edits these pages. A line that is wrong there is wrong in the table that its page names.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from scripts.reference.command_line import command_line
from scripts.reference.interface import CONSTRAINTS, channels, constraints, nomenclature, points, terms
from scripts.reference.scenarios import scenarios

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def pages() -> dict[str, str]:
    """Text of every page by its file's name."""
    made = {
        "nomenclature.md": nomenclature(),
        "channels.md": channels(),
        "points.md": points(),
        "terms.md": terms(),
        "scenarios.md": scenarios(),
        "command-line.md": command_line(),
    }
    if find_spec(CONSTRAINTS) is not None:
        made["constraints.md"] = constraints()
    return made


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
