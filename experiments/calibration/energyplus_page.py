"""The tables of calibrations to EnergyPlus: every held-out month, every size, and a page made of what is stored."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.twin.calibration.free_parameters import free_parameters
from envs.whole_file import whole_file, write_whole
from experiments.calibration.energyplus_hall import (
    COOLING_BAR_FRAC,
    TEMPERATURE_BAR_K,
    TEMPERATURES,
    TOTAL,
    WAYS,
    MonthRow,
)
from experiments.calibration.energyplus_study import StudyRun
from experiments.records.prose import wrapped_lines

MONTHS, SIZES, FACTS, PAGE = "months.csv", "sizes.csv", "facts.json", "calibration_energyplus.md"
FOLDER = "calibration_energyplus"
WAY_WORDS = {
    "after": "fitted",
    "before": "wrong sizes, unfitted",
    "given": "EnergyPlus's own sizes, unfitted",
    "own_modes": "fitted, our own staging",
}


class SizeRow(NamedTuple):
    """One parameter: what EnergyPlus was generated with, where the fit began and arrived, its 90 % interval."""

    path: str
    energyplus: float
    start: float
    fitted: float
    low: float
    high: float
    identified: int


class Study(NamedTuple):
    """One hall in one climate, as it is stored."""

    key: str
    facts: dict[str, Any]
    months: list[MonthRow]
    sizes: list[SizeRow]


class BarVerdict(NamedTuple):
    """One bar of one study: its worst held-out month."""

    quantity: str
    worst: float
    month: int
    limit: float

    @property
    def passed(self) -> bool:
        """Whether every held-out month is inside the bar."""
        return self.worst < self.limit


def verdicts(rows: Sequence[MonthRow], way: str = "after") -> list[BarVerdict]:
    """Every bar: cooling power's CV(RMSE) of 5-minute rows, and each temperature's RMSE [K]."""
    made = []
    for quantity in (TOTAL, *TEMPERATURES):
        worst = max((r for r in rows if r.way == way and r.quantity == quantity), key=_measure)
        limit = COOLING_BAR_FRAC if quantity == TOTAL else TEMPERATURE_BAR_K
        made.append(BarVerdict(quantity, _measure(worst), worst.month, limit))
    return made


def _measure(row: MonthRow) -> float:
    return row.cv_frac if row.quantity.endswith("_kw") else row.rmse


def study_of(one: StudyRun) -> Study:
    """What is stored of a study that was just run."""
    sizes = {p.path: p.prior for p in free_parameters(one.sizes)}
    rows = [
        SizeRow(i.path, sizes[i.path], i.prior, i.value, i.low, i.high, int(i.identified))
        for i in one.judged.found.intervals
        if i.kind != "input"
    ]
    return Study(f"{one.name} {one.climate}", one.facts, one.judged.rows, rows)


def store(place: Path, new: Study) -> Path:
    """Put a study among those stored below ``place`` (such as ``docs/validation``), in the place of its last run."""
    folder = place / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    studies = [s for s in stored_studies(place) if s.key != new.key] + [new]
    _table(folder / MONTHS, MonthRow._fields, ((s.key, row) for s in studies for row in s.months))
    _table(folder / SIZES, SizeRow._fields, ((s.key, row) for s in studies for row in s.sizes))
    facts = {s.key: s.facts for s in studies}
    write_whole(folder / FACTS, json.dumps(facts, indent=1) + "\n")
    write_whole(place / PAGE, page(stored_studies(place)))
    return place / PAGE


def _table(path: Path, names: Sequence[str], rows: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
    with whole_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("study", *names))
        for key, row in rows:
            table.writerow((key, *(f"{x:.5g}" if isinstance(x, float) else x for x in row)))


def stored_studies(place: Path) -> list[Study]:
    """Studies stored below ``place``; none where there is nothing yet."""
    folder = place / FOLDER
    if not (folder / FACTS).is_file():
        return []
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    months, sizes = _rows_by_study(folder / MONTHS, MonthRow), _rows_by_study(folder / SIZES, SizeRow)
    return [Study(key, told, months[key], sizes[key]) for key, told in facts.items()]


def _rows_by_study(path: Path, kind: Any) -> dict[str, list[Any]]:
    """Rows of a stored table by study, numbers as their fields' types say."""
    casts = [{"str": str, "int": int, "float": float}[kind.__annotations__[n].__forward_arg__] for n in kind._fields]
    found: dict[str, list[Any]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for key, *cells in list(csv.reader(file))[1:]:
            found.setdefault(key, []).append(kind(*(cast(cell) for cast, cell in zip(casts, cells))))
    return found


def page(studies: Sequence[Study]) -> str:
    """Markdown: bars, then each study with its ways, months and sizes."""
    lines = [
        "# Our halls fitted to EnergyPlus's telemetry",
        "",
        "What it means: [calibration tried on EnergyPlus](../calibration-on-energyplus.md).",
        "",
        "- Written by `python -m scripts.calibrate_energyplus` (extra `[energyplus]`); do not edit by hand.",
        f"- All rows: [`{MONTHS}`]({FOLDER}/{MONTHS}), [`{SIZES}`]({FOLDER}/{SIZES}).",
        f"- Seeds, versions, commits, hashes: [`{FACTS}`]({FOLDER}/{FACTS}).",
        "",
        "Worst of the held-out months, 5-minute rows, against noisy readings. Bars: cooling power CV(RMSE) "
        f"{COOLING_BAR_FRAC:.0%}, temperatures RMSE {TEMPERATURE_BAR_K:g} K.",
        "",
        "| hall and climate | | " + " | ".join(f"`{q}`" for q in (TOTAL, *TEMPERATURES)) + " | bars |",
        "|" + "---|" * (4 + len(TEMPERATURES)),
    ]
    for one in studies:
        for way in ("after", "before"):
            lines.append(f"| {one.key} | {WAY_WORDS[way]} | " + " | ".join(_bar_cells(one, way)) + " |")
    for one in studies:
        lines += ["", *_study(one)]
    return "\n".join(wrapped_lines(lines)) + "\n"


def _bar_cells(one: Study, way: str) -> list[str]:
    found = verdicts(one.months, way)
    missed = sum(not v.passed for v in found)
    cells = [f"{v.worst:.1%}" if v.quantity == TOTAL else f"{v.worst:.2f} K" for v in found]
    return [*cells, f"{missed} MISSED" if missed else "met"]


def _study(one: Study) -> list[str]:
    f = one.facts
    arrived = "arrived" if f["converged"] else "NOT converged"
    versions = ", ".join(f"{name} {version}" for name, version in f["versions"].items())
    dirty = " with local changes" if f["git_dirty"] == "true" else ""
    origin = f"EnergyPlus {f['energyplus']} (wheel {f['wheel']}), {versions}, commit {f['git_hash'][:7]}{dirty}"
    lines = [
        f"## {one.key}",
        "",
        f"{f['words'][0].upper()}{f['words'][1:]}.",
        "",
        f"- {f['fitted_days']} windows of a day fitted, {f['iterations']} iterations, {arrived}.",
        f"- Seed {f['seed']}, {origin}, plant {f['plant_hash'][:12]}, telemetry {f['telemetry_hash'][:12]}.",
        "",
        "Mean over the held-out months (worst month); powers as CV(RMSE) of 5-minute rows, the rest as RMSE:",
        "",
        "| quantity | mean | " + " | ".join(WAY_WORDS[way] for way in WAYS) + " |",
        "|" + "---|" * (2 + len(WAYS)),
    ]
    names = list(dict.fromkeys(r.quantity for r in one.months))
    lines += [f"| `{name}` | " + " | ".join(_ways(one, name)) + " |" for name in names]
    lines += ["", "Fitted, by month:", "", *_months(one), "", *_sizes(one)]
    return lines


def _ways(one: Study, name: str) -> list[str]:
    rows = {way: [r for r in one.months if r.way == way and r.quantity == name] for way in WAYS}
    cells = [f"{np.mean([r.mean for r in rows['after']]):.3g}"]
    for way in WAYS:
        values = [_measure(r) for r in rows[way]]
        form = "{:.1%} ({:.1%})" if name.endswith("_kw") else "{:.3g} ({:.3g})"
        cells.append(form.format(np.mean(values), max(values)))
    return cells


def _months(one: Study) -> list[str]:
    found = {(r.quantity, r.month): r for r in one.months if r.way == "after"}
    months = list(dict.fromkeys(month for _, month in found))
    lines = ["| | " + " | ".join(str(m) for m in months) + " |", "|" + "---|" * (1 + len(months))]
    total = [found[TOTAL, m] for m in months]
    lines.append("| cooling power CV(RMSE), 5 min | " + " | ".join(f"{r.cv_frac:.1%}" for r in total) + " |")
    lines.append("| hourly | " + " | ".join(f"{r.cv_hourly_frac:.1%}" for r in total) + " |")
    lines.append("| bias | " + " | ".join(f"{r.bias / r.mean:+.1%}" for r in total) + " |")
    for name in TEMPERATURES:
        lines.append(f"| `{name}` RMSE [K] | " + " | ".join(f"{found[name, m].rmse:.2f}" for m in months) + " |")
    return lines


def _sizes(one: Study) -> list[str]:
    lines = ["| size | EnergyPlus | start | fitted | 90 % interval | known |", "|" + "---|" * 6]
    for s in one.sizes:
        cells = f"{s.energyplus:.4g} | {s.start:.4g} | {s.fitted:.4g} | {s.low:.4g} .. {s.high:.4g}"
        lines.append(f"| `{s.path}` | {cells} | {'yes' if s.identified else ''} |")
    return lines
