"""What was found of designs: a table of all, facts, the scenarios of the best, and one page with front and tornado."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import yaml

from envs.whole_file import whole_file, write_whole
from experiments.designing.block import block
from experiments.designing.figures import OBJECTIVES, Figures
from experiments.designing.front import Bar
from experiments.designing.variables import NAMES, VARIABLES, Floats, rows, shown
from experiments.records.plain_page import Page, Section, page_html
from experiments.records.provenance import provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.designing.search import Archive

HTML, TABLE, FACTS, SCENARIOS = "design.html", "designs.csv", "design.json", "scenarios"
MOST_SHOWN = 30
MOST_BARS = 14
_SHOWN = {"pue": "PUE", "wue_l_kwh": "water [L/kWh]", "ride_through_s": "ride-through [s]"}


class Held(NamedTuple):
    """Typical days against all 365 of some designs: the largest error of each figure."""

    designs: int
    energy_frac: float
    pue: float
    wue_l_kwh: float
    peak_frac: float


class Found(NamedTuple):
    """What the verb found.

    Attributes
    ----------
    archive : Archive
    best : ndarray of int
        Numbers of the designs of the front, the cheapest first.
    bars : dict
        Tornado of each shown objective around the cheapest.
    shares : dict
        What each variable explains of each objective ``{objective: (variables,)}``.
    held : Held or None
    """

    archive: Archive
    best: NDArray[np.intp]
    bars: Mapping[str, Sequence[Bar]]
    shares: Mapping[str, Floats]
    held: Held | None


def save(folder: Path, found: Found, climate: str, objectives: Sequence[str], facts: dict[str, Any]) -> Path:
    """Write table, facts, scenarios of the front and page; the page."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    a = found.archive
    on_front = np.isin(np.arange(len(a.faults)), found.best)
    table = {"design": np.arange(len(a.faults)), **_words_of(a.designs), **a.figures._asdict()}
    with whole_file(folder / TABLE) as draft:
        pd.DataFrame({**table, "front": on_front, "ruled_out_by": a.faults}).to_csv(draft, index=False)
    told = {**facts, "front": [int(k) for k in found.best], "ruled_out": dict(Counter(a.faults.tolist()))}
    write_whole(folder / FACTS, json.dumps({**told, **provenance(config=facts)}, indent=2, default=str) + "\n")
    (folder / SCENARIOS).mkdir(exist_ok=True)
    for number in found.best[:MOST_SHOWN]:
        write_whole(folder / SCENARIOS / f"design_{number}.yaml", scenario_text(a.designs, int(number), climate))
    write_whole(folder / HTML, page(found, objectives, facts))
    return folder / HTML


def scenario_text(designs: Mapping[str, Floats], number: int, climate: str) -> str:
    """A design as a scenario file, for every other verb."""
    scenario = block(rows(designs, [number]), climate, f"design_{number}")
    head = f"# Design {number} of a search: a block of eight racks (coldaisle design).\n"
    return head + yaml.safe_dump(_plain(asdict(scenario)), sort_keys=False)


def _plain(value: Any) -> Any:
    """Numbers of numpy as those of Python."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _words_of(designs: Mapping[str, Floats]) -> dict[str, Any]:
    """Columns of the variables; choices by name."""
    made: dict[str, Any] = {}
    for v in VARIABLES:
        values = designs[v.name]
        made[v.name] = [shown(v, value) for value in values] if v.options else values
    return made


def page(found: Found, objectives: Sequence[str], facts: Mapping[str, Any]) -> str:
    """The page as HTML."""
    a, best = found.archive, found.best
    sections = [_front(found, objectives), *_tornados(found), _shares(found, objectives), _ruled_out(a)]
    if found.held is not None:
        sections.append(_held(found.held))
    footer = f"{facts['command']}; {len(a.faults)} designs, seed {facts['seed']}"
    if not len(best):
        return page_html(Page("Designs", "bad", "No design can be built.", (), sections, footer))
    return page_html(Page("Designs", "good", verdict(found), _why(found), sections, footer))


def verdict(found: Found) -> str:
    """The answer in a sentence."""
    a, first = found.archive, int(found.best[0])
    f = _row(a.figures, first)
    words = f"The cheapest of {len(a.faults)} designs is {first}: {f['cost_usd_kw_year']:.0f} USD a year for each "
    return words + f"deployable kW, PUE {f['pue']:.3f}, {f['wue_l_kwh']:.2f} L/kWh. {len(found.best)} are on the front."


def _why(found: Found) -> list[str]:
    a = found.archive
    there = int((a.faults == "").sum())
    return [
        f"{there} of {len(a.faults)} designs can be built; the others are named below with the reason.",
        "A design is a block of eight racks, played on 26 days; a site is filled with whole blocks.",
        "Costs are those of a table that you may replace; most of the shipped ones are guesses.",
    ]


def _row(figures: Figures, number: int) -> dict[str, float]:
    return {name: float(column[number]) for name, column in figures._asdict().items()}


def _front(found: Found, objectives: Sequence[str]) -> Section:
    a = found.archive
    names = dict.fromkeys((*objectives, "deployable_kw", "stranded_kw"))
    moved = [v for v in VARIABLES if np.ptp(a.designs[v.name]) > 0.0]
    same = [f"{v.name} {shown(v, float(a.designs[v.name][0]))}" for v in VARIABLES if v not in moved]
    head = ("design", *names, *(v.name for v in moved))
    cells = []
    for number in found.best[:MOST_SHOWN]:
        f = _row(a.figures, int(number))
        chosen = [shown(v, float(a.designs[v.name][number])) for v in moved]
        cells.append((str(number), *(_figure(f[name]) for name in names), *chosen))
    words = [
        f"No design of the search is better than one of these {len(found.best)} in every objective: "
        + "; ".join(f"{_heading(name)}, {OBJECTIVES[name][2]}" for name in objectives)
        + ".",
        f"The {min(MOST_SHOWN, len(found.best))} cheapest are shown, and each is a scenario file in {SCENARIOS}/. "
        f"All designs stand in {TABLE}.",
        *([f"The same in every design: {', '.join(same)}."] if same else []),
    ]
    return Section("The front", words, head, cells, _scatter(found))


def _figure(value: float) -> str:
    """A figure in four digits, without exponent."""
    return f"{value:.0f}" if abs(value) >= 1000.0 else f"{value:.4g}" if abs(value) >= 5e-4 else "0"


def _heading(name: str) -> str:
    """An objective with its unit, where it has one."""
    unit = OBJECTIVES[name][0]
    return name if unit == "1" else f"{name} [{unit}]"


def _scatter(found: Found) -> str:
    from experiments.evaluation.palette import PALETTE
    from experiments.evaluation.plots import as_png, axes_of, label

    a = found.archive
    there = np.flatnonzero(a.faults == "")
    figure, axes = axes_of(1, 3, 3.1)
    for axis, (name, words) in zip(axes, _SHOWN.items()):
        values, cost = getattr(a.figures, name), a.figures.cost_usd_kw_year
        axis.scatter(cost[there], values[there], s=5, color="#b8bec8", lw=0, label="can be built")
        axis.scatter(cost[found.best], values[found.best], s=9, color=PALETTE[0], lw=0, label="front")
        label(axis, "USD a deployable kW and year", words)
    axes[0].legend(fontsize=7)
    return as_png(figure)


def _tornados(found: Found) -> list[Section]:
    made = []
    for name, bars in found.bars.items():
        words = [
            "One thing at a time, from the cheapest design to the ends of its range; a choice to its best and worst "
            "option; a cost by 30 %. An end may be a design that cannot be built."
        ]
        rows_ = [(b.name, b.low, f"{b.at_low:.4g}", b.high, f"{b.at_high:.4g}") for b in bars[:MOST_BARS]]
        head = ("what", "at", name, "at", name)
        made.append(Section(f"Tornado: {_heading(name)}", words, head, rows_, _bars(bars, found, name)))
    return made


def _bars(bars: Sequence[Bar], found: Found, name: str) -> str:
    from experiments.evaluation.palette import BASELINE_COLOUR, PALETTE
    from experiments.evaluation.plots import as_png, axes_of

    shown_bars = list(bars[:MOST_BARS])[::-1]
    figure, (axis,) = axes_of(1, 1, 0.9 + 0.24 * len(shown_bars))
    middle = float(getattr(found.archive.figures, name)[found.best[0]])
    for place, bar in enumerate(shown_bars):
        for end, colour in ((bar.at_low, PALETTE[0]), (bar.at_high, PALETTE[1])):
            axis.barh(place, end - middle, left=middle, color=colour, height=0.7)
    axis.set_yticks(range(len(shown_bars)), [bar.name for bar in shown_bars], fontsize=8)
    axis.axvline(middle, color=BASELINE_COLOUR, lw=0.9)
    axis.set_xlabel(_heading(name))
    return as_png(figure)


def _shares(found: Found, objectives: Sequence[str]) -> Section:
    head = ("variable", *objectives)
    moved = [(k, name) for k, name in enumerate(NAMES) if np.ptp(found.archive.designs[name]) > 0.0]
    cells = [(name, *(f"{found.shares[o][k]:.2f}" for o in objectives)) for k, name in moved]
    words = (
        "Share of the spread of each figure, over the first generation, that a variable explains alone (SALib, first "
        "order). A fixed variable is not listed; a few hundredths are noise.",
    )
    return Section("What moves the figures over the whole space", words, head, cells)


def _ruled_out(archive: Archive) -> Section:
    counted = Counter(word for word in archive.faults.tolist() if word)
    cells = [(word, str(number)) for word, number in counted.most_common()]
    return Section(
        "What rules designs out", () if cells else ("Nothing.",), ("reason", "designs") if cells else (), cells
    )


def _held(held: Held) -> Section:
    words = (
        f"{held.designs} designs of the front were also played on all 365 days. The largest errors of the 24 days: "
        f"energy {100 * held.energy_frac:.2f} %, PUE {held.pue:.4f}, water {held.wue_l_kwh:.3f} L/kWh, "
        f"highest draw {100 * held.peak_frac:.1f} %.",
    )
    return Section("Typical days against the whole year", words)
