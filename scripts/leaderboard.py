"""Writes ``docs/leaderboard.md`` from the files of ``docs/leaderboard``: ``python -m scripts.leaderboard``."""

from __future__ import annotations

from pathlib import Path

from envs.whole_file import write_whole
from experiments.benchmarks.leaderboard import leaderboard
from experiments.benchmarks.row_file import read_rows

DOCS = Path(__file__).parents[1] / "docs"


def page() -> str:
    """The page of the rows that are there."""
    return leaderboard(read_rows(DOCS / "leaderboard"))


def main() -> None:
    """Write the page."""
    write_whole(DOCS / "leaderboard.md", page())
    print("docs/leaderboard.md")


if __name__ == "__main__":
    main()
