"""The tables of calibrations to EnergyPlus: every held-out month, every parameter, and a page to read."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.calibration.free_parameters import free_parameters
from experiments.energyplus.calibrated_hall import (
    COOLING_BAR_FRAC,
    TEMPERATURE_BAR_K,
    TEMPERATURES,
    TOTAL,
    WAYS,
    MonthRow,
)
from experiments.energyplus.calibration_study import Done

MONTHS, PARAMETERS, FACTS, PAGE = "months.csv", "parameters.csv", "facts.json", "calibration_energyplus.md"
FOLDER = "calibration_energyplus"
WAY_WORDS = {
    "after": "fitted",
    "before": "wrong sizes, unfitted",
    "given": "EnergyPlus's own sizes, unfitted",
    "own_modes": "fitted, our own staging",
}


class Verdict(NamedTuple):
    """One bar of one study: its worst held-out month."""

    study: str
    climate: str
    quantity: str
    worst: float
    month: int
    limit: float

    @property
    def passed(self) -> bool:
        """Whether every held-out month is inside the bar."""
        return self.worst < self.limit


def verdicts(done: Sequence[Done], way: str = "after") -> list[Verdict]:
    """Every bar of every study: cooling power's CV(RMSE) of 5-minute rows, and each temperature's RMSE [K]."""
    made = []
    for one in done:
        for quantity in (TOTAL, *TEMPERATURES):
            rows = [r for r in one.judged.rows if r.way == way and r.quantity == quantity]
            worst = max(rows, key=_measure)
            limit = COOLING_BAR_FRAC if quantity == TOTAL else TEMPERATURE_BAR_K
            made.append(Verdict(one.name, one.climate, quantity, _measure(worst), worst.month, limit))
    return made


def _measure(row: MonthRow) -> float:
    return row.cv_frac if row.quantity == TOTAL else row.rmse


def write(place: Path, done: Sequence[Done], facts: dict[str, Any]) -> Path:
    """Write page, tables and facts into ``place``, a folder such as ``docs/validation``."""
    folder = place / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MONTHS).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("study", "climate", *MonthRow._fields))
        table.writerows((d.name, d.climate, *_short(row)) for d in done for row in d.judged.rows)
    with (folder / PARAMETERS).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("study", "climate", "path", "energyplus", "start", "fitted", "low", "high", "identified"))
        table.writerows((d.name, d.climate, *row) for d in done for row in parameter_rows(d))
    told = facts | {"studies": {f"{d.name} {d.climate}": d.facts for d in done}}
    (folder / FACTS).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (place / PAGE).write_text(page(done, facts), encoding="utf-8")
    return place / PAGE


def parameter_rows(one: Done) -> list[tuple[str, ...]]:
    """Path, what EnergyPlus was generated with, where the fit began, where it arrived, its interval, whether known."""
    sizes = {p.path: p.prior for p in free_parameters(one.sizes)}
    return [
        (i.path, *(f"{x:.5g}" for x in (sizes[i.path], i.prior, i.value, i.low, i.high)), str(int(i.identified)))
        for i in one.judged.found.intervals
        if i.kind != "input"
    ]


def _short(row: MonthRow) -> list[str | int]:
    return [f"{x:.5g}" if isinstance(x, float) else x for x in row]


def page(done: Sequence[Done], facts: dict[str, Any]) -> str:
    """Markdown: provenance, bars, ways side by side, months, sizes."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    lines = [
        "# Our hall fitted to EnergyPlus's telemetry",
        "",
        f"`{facts['command']}`: EnergyPlus {facts['energyplus']} (wheel {facts['wheel']}), commit "
        f"{facts['git_hash'][:7]}{' with local changes' if facts['git_dirty'] == 'true' else ''}, plant "
        f"{facts['plant_hash'][:12]}, {versions}. Seeds and hashes: [`facts.json`]({FOLDER}/{FACTS}); all rows: "
        f"[`months.csv`]({FOLDER}/{MONTHS}), [`parameters.csv`]({FOLDER}/{PARAMETERS}). "
        "What it means: [calibration.md](../calibration.md).",
        "",
        *_bars(done),
    ]
    for one in done:
        lines += ["", *_study(one)]
    return "\n".join(lines) + "\n"


def _bars(done: Sequence[Done]) -> list[str]:
    lines = [
        "Worst of the eight held-out months, 5-minute rows, against noisy readings. Bars: cooling power CV(RMSE) "
        f"{COOLING_BAR_FRAC:.0%}, temperatures RMSE {TEMPERATURE_BAR_K:g} K.",
        "",
        "| hall | climate | " + " | ".join(f"`{q}`" for q in (TOTAL, *TEMPERATURES)) + " | bars |",
        "|" + "---|" * (4 + len(TEMPERATURES)),
    ]
    for one in done:
        found = verdicts([one])
        missed = sum(not v.passed for v in found)
        cells = [f"{v.worst:.1%}" if v.quantity == TOTAL else f"{v.worst:.2f} K" for v in found]
        verdict = f"{missed} MISSED" if missed else "met"
        lines.append(f"| {one.name} | {one.climate} | " + " | ".join(cells) + f" | {verdict} |")
    return lines


def _study(one: Done) -> list[str]:
    f = one.facts
    arrived = "arrived" if f["converged"] else "NOT converged"
    lines = [
        f"## {one.name}, {one.climate}",
        "",
        f"{f['words']}. {f['fitted_days']} windows of a day fitted, {f['iterations']} iterations, {arrived}; seed "
        f"{f['seed']}.",
        "",
        "Mean over the held-out months (worst month):",
        "",
        "| quantity | mean | " + " | ".join(WAY_WORDS[way] for way in WAYS) + " |",
        "|" + "---|" * (2 + len(WAYS)),
    ]
    names = list(dict.fromkeys(r.quantity for r in one.judged.rows))
    lines += [f"| `{name}` | " + " | ".join(_ways(one, name)) + " |" for name in names]
    lines += ["", "Fitted, by month:", "", *_months(one), "", *_sizes(one)]
    return lines


def _ways(one: Done, name: str) -> list[str]:
    rows = {way: [r for r in one.judged.rows if r.way == way and r.quantity == name] for way in WAYS}
    cells = [f"{np.mean([r.mean for r in rows['after']]):.3g}"]
    for way in WAYS:
        if name.endswith("_kw"):
            values = [r.cv_frac for r in rows[way]]
            cells.append(f"{np.mean(values):.1%} ({max(values):.1%})")
        else:
            values = [r.rmse for r in rows[way]]
            cells.append(f"{np.mean(values):.3g} ({max(values):.3g})")
    return cells


def _months(one: Done) -> list[str]:
    after = [r for r in one.judged.rows if r.way == "after"]
    months = list(dict.fromkeys(r.month for r in after))
    found = {(r.quantity, r.month): r for r in after}
    lines = ["| | " + " | ".join(str(m) for m in months) + " |", "|" + "---|" * (1 + len(months))]
    cv = [f"{found[TOTAL, m].cv_frac:.1%}" for m in months]
    hourly = [f"{found[TOTAL, m].cv_hourly_frac:.1%}" for m in months]
    bias = [f"{found[TOTAL, m].bias / found[TOTAL, m].mean:+.1%}" for m in months]
    lines.append("| cooling power CV(RMSE), 5 min | " + " | ".join(cv) + " |")
    lines.append("| hourly | " + " | ".join(hourly) + " |")
    lines.append("| bias | " + " | ".join(bias) + " |")
    for name in TEMPERATURES:
        lines.append(f"| `{name}` RMSE [K] | " + " | ".join(f"{found[name, m].rmse:.2f}" for m in months) + " |")
    return lines


def _sizes(one: Done) -> list[str]:
    lines = [
        "| size | EnergyPlus | start | fitted | 90 % interval | known |",
        "|---|---|---|---|---|---|",
    ]
    for path, true, start, value, low, high, known in parameter_rows(one):
        lines.append(f"| `{path}` | {true} | {start} | {value} | {low} .. {high} | {'yes' if known == '1' else ''} |")
    return lines
