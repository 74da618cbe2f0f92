"""``coldaisle published``: measure every row and write the page and its numbers."""

from __future__ import annotations

import csv
import logging
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from omegaconf import DictConfig

from envs.whole_file import whole_file, write_whole
from experiments.published.known_misses import reason
from experiments.published.row import Check, Row, RowOutcome, measure_row
from experiments.records.markdown_table import markdown_table
from experiments.registration import register
from experiments.verb_main import verb_main

LOG = logging.getLogger(__name__)
COLUMNS = ("row", "number", "ours", "published", "low", "high", "unit", "verdict", "why")
MOST_NUMBERS_IN_A_CELL = 3
TOP = """# Published numbers

**{passed} of {rows} rows pass, {failed} fail, {not_run} not run**; of {numbers} numbers {inside} lie in their band.

- Every number under "ours" was measured by running the plant or the machine as it was at commit
  {commit}.
- A row that fails stays here with its reason. A row that could not be run says what is missing.
- Rows 1 to 24 are those of the physics handbook's table j.
- M1 to M6 hold our curves and our load against measured data. Their series are not shipped;
  `COLDAISLE_DATA` names the folder that has them. M7 and M8 hold our network against published
  slow-downs.

Written by `coldaisle published`; do not edit by hand.

"""


def measure(rows: Iterable[Row]) -> list[RowOutcome]:
    """Measure the rows one after the other."""
    outcomes = []
    for row in rows:
        outcomes.append(measure_row(row))
        LOG.info("row %s, %s: %s", row.number, row.target, outcomes[-1].verdict)
    return outcomes


def write(outcomes: Sequence[RowOutcome], folder: Path, commit: str) -> Path:
    """Write ``published.md`` and ``published.csv`` into ``folder``; return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "published.csv") as draft, draft.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(line for outcome in outcomes for line in _lines(outcome))
    path = folder / "published.md"
    write_whole(path, _page(outcomes, commit))
    return path


def _page(outcomes: Sequence[RowOutcome], commit: str) -> str:
    verdicts = [o.verdict for o in outcomes]
    checks = [c for o in outcomes for c in o.checks]
    parts = [
        TOP.format(
            commit=commit,
            rows=len(outcomes),
            passed=verdicts.count("pass"),
            failed=verdicts.count("FAIL"),
            not_run=verdicts.count("not run"),
            numbers=len(checks),
            inside=sum(c.passed for c in checks),
        ),
        _table(
            ("row", "target", "published", "tolerance", "source", "ours", "verdict"),
            (
                (r.number, r.target, r.published, r.tolerance, r.source, _ours(o), _verdict(o))
                for o in outcomes
                for r in (o.row,)
            ),
        ),
        "\n## What is missed, and why\n\n",
        _table(
            ("row", "number", "ours", "band", "why"),
            (
                (
                    o.row.number,
                    c.what,
                    f"{number(c.ours)} {c.unit}",
                    _band(c),
                    reason(o.row.number, c) or "**not known**",
                )
                for o in outcomes
                for c in o.missed
            ),
        ),
        "\n## Every number\n\n",
        _table(
            ("row", "number", "ours", "published", "band", "unit", ""),
            (
                (o.row.number, c.what, number(c.ours), c.published, _band(c), c.unit, "" if c.passed else "FAIL")
                for o in outcomes
                for c in o.checks
            ),
        ),
    ]
    return "".join(parts)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return markdown_table(heads, lines) + "\n"


def _verdict(outcome: RowOutcome) -> str:
    return outcome.verdict if outcome.verdict == "pass" else f"**{outcome.verdict}**"


def _ours(outcome: RowOutcome) -> str:
    """Name the few numbers of a row, or count the many and name the first that is missed."""
    if outcome.not_run:
        return outcome.not_run
    if len(outcome.checks) <= MOST_NUMBERS_IN_A_CELL:
        return "; ".join(f"{c.what} {number(c.ours)} {_unit(c)}".rstrip() for c in outcome.checks)
    words = f"{sum(c.passed for c in outcome.checks)} of {len(outcome.checks)} numbers in their band"
    if outcome.missed:
        words += f"; missed first: {outcome.missed[0].what} {number(outcome.missed[0].ours)} {_unit(outcome.missed[0])}"
    return words.rstrip()


def _unit(check: Check) -> str:
    return "" if check.unit == "1" or math.isinf(check.ours) else check.unit


def _band(check: Check) -> str:
    if math.isinf(check.high):
        return f"above {number(check.low)}"
    if check.low == check.high:
        return number(check.low)
    return f"{number(check.low)} to {number(check.high)}"


def number(value: float) -> str:
    """Four significant digits without a sign before zero; hours and counts as they are."""
    if math.isinf(value):
        return "never"
    if value == 0.0:
        return "0"
    if abs(value) >= 1000.0:
        return f"{value:.0f}"
    return f"{value:.4g}"


def _lines(outcome: RowOutcome) -> list[tuple[str, ...]]:
    name = outcome.row.number
    if outcome.not_run:
        return [(name, outcome.row.target, "", outcome.row.published, "", "", "", "not run", outcome.not_run)]
    return [
        (
            name,
            c.what,
            f"{c.ours:.6g}",
            c.published,
            f"{c.low:.6g}",
            f"{c.high:.6g}",
            c.unit,
            "pass" if c.passed else "FAIL",
            "" if c.passed else reason(name, c),
        )
        for c in outcome.checks
    ]


@verb_main("published")
def main(config: DictConfig) -> None:
    """Measure and write as configured."""
    from experiments.published.table import ROWS
    from experiments.records.provenance import git_state

    state = git_state()
    commit = state["git_hash"][:12] + (" (with uncommitted changes)" if state["git_dirty"] == "true" else "")
    LOG.info("page written to %s", write(measure(ROWS), Path(config.folder), commit))


def run() -> None:
    """``coldaisle published`` and ``python -m experiments.published.page``."""
    register(sys.argv, "published")
    main()


if __name__ == "__main__":
    run()
