"""Writes ``docs/figures/headline.svg`` from the first table of ``docs/results.md``.

``python -m scripts.headline_figure`` draws one line for each row: what the policy costs more or less than the best
opponent, as a share of that opponent's cost, with its 95 % interval.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from envs.whole_file import write_whole

DOCS = Path(__file__).parents[1] / "docs"
FIGURE = DOCS / "figures" / "headline.svg"
ROW = re.compile(
    r"\| `(?P<hall>\w+)`(?P<held>[^|]*) \| (?P<cost>[\d.]+) \| (?P<point>[-+][\d.]+) \[(?P<low>[-+][\d.]+), "
    r"(?P<high>[-+][\d.]+)\] \|"
)
WIDTH, LEFT, LINE, TOP = 760, 230, 34, 46  # [px]
LEAST, MOST = -8.0, 1.0  # of the axis [% of the opponent's cost]
STYLE = (
    "text { font: 14px sans-serif; fill: #24292f } .quiet { fill: #57606a; font-size: 12px } .zero { stroke: #57606a } "
    ".grid { stroke: #d0d7de } .bar { stroke: #0072B2; stroke-width: 3 } .dot { fill: #0072B2 }"
)


class Row(NamedTuple):
    """One policy against the best opponent [% of the opponent's cost]."""

    words: str
    point: float
    low: float
    high: float


def rows(page: str) -> list[Row]:
    """The rows of the headline table, in its order.

    Raises
    ------
    ValueError
        Where the page has no such table.
    """
    table = page.split("\n## ", 1)[0]
    found = []
    for m in ROW.finditer(table):
        share = 100.0 / float(m["cost"])
        found.append(Row(m["hall"] + m["held"], *(share * float(m[key]) for key in ("point", "low", "high"))))
    if not found:
        raise ValueError("docs/results.md has no headline table before its first heading; write it there")
    return found


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - 20) * (share - LEAST) / (MOST - LEAST)


def figure(found: list[Row]) -> str:
    """The figure as SVG."""
    height = TOP + LINE * len(found) + 48
    title = "Cost against the best of tuned rules and constants, unseen sites, 95 % interval"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24">{title}</text>',
    ]
    bottom = TOP + LINE * len(found)
    for tick in range(int(LEAST), int(MOST) + 1):
        kind = "zero" if tick == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{_x(tick):.1f}" x2="{_x(tick):.1f}" y1="{TOP - 8}" y2="{bottom}"/>')
        sign = f"{tick:+d}".replace("+0", "0")
        parts.append(f'<text class="quiet" x="{_x(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{sign} %</text>')
    parts.append(f'<text class="quiet" x="{_x(0.0):.1f}" y="{bottom + 36}" text-anchor="end">\u2190 cheaper</text>')
    for k, row in enumerate(found):
        y = TOP + LINE * k + LINE // 2
        parts.append(f'<text x="12" y="{y + 5}">{row.words}</text>')
        parts.append(f'<line class="bar" x1="{_x(row.low):.1f}" x2="{_x(row.high):.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="dot" cx="{_x(row.point):.1f}" cy="{y}" r="6"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    """Write the figure."""
    write_whole(FIGURE, figure(rows((DOCS / "results.md").read_text(encoding="utf-8"))))
    print(FIGURE.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
