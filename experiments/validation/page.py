"""What a validation leaves: tables as CSV, a summary in markdown, one HTML page that needs no other file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from envs.whole_file import whole_file, write_whole
from experiments.records.prose import wrapped_lines
from experiments.validation import figures
from experiments.validation.bars import LEAST_HOURS, ComponentRow, PlantVerdict
from experiments.validation.campaign import StudyOutcome
from experiments.validation.compare import COOLING, TOTAL, Pair, Row, hourly, modes, month_of_hours, rows
from experiments.validation.guideline14 import means_by

IN_BOX_FROM_C = 29.44  # outdoor air at which the published curves of machine F begin
AIR_COOLED = ("air_cooled_hall", "dx_room")


class Section(NamedTuple):
    """One study on the page: its results only, so that the years behind them can be let go."""

    plant: str
    case: str
    words: str
    ablation: bool
    rows: list[Row]
    components: list[ComponentRow]
    modes: list[tuple[str, list[list[int]]]]
    monthly: list[dict[str, Any]]
    figures: list[tuple[str, str]]
    warnings: list[str]


def section(outcome: StudyOutcome, drawn: bool = True) -> Section:
    """The results of a study."""
    study, pairs = outcome.study, outcome.pairs
    found = [row for pair in pairs for row in rows(pair)]
    if study.plant in AIR_COOLED:
        found += [row for pair in pairs for row in _in_box(pair)]
    tables = [(p.climate, table.tolist()) for p in pairs if (table := modes(p)) is not None]
    shown = _figures(pairs) if drawn and not study.ablation else []
    months = [line for pair in pairs for line in _monthly(pair)]
    said = [f"{climate}: {line}" for climate, lines in outcome.warnings.items() for line in lines]
    said = [line for line in said if "ProcessScheduleInput" not in line]
    head = (study.plant, study.name, study.words, study.ablation)
    return Section(*head, found, outcome.components, tables, months, shown, said)


def _in_box(pair: Pair) -> list[Row]:
    """Agreement in the hours for which the air-cooled machine's curve was published; none where they are few."""
    inside = np.asarray(pair.energyplus["dry_bulb_c"]) >= IN_BOX_FROM_C
    if len(np.unique(pair.hour[inside])) < LEAST_HOURS or len(np.unique(pair.month[inside])) < 2:
        return []
    return rows(pair, inside, f"{pair.case}, in the box")


def _figures(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    from matplotlib import pyplot as plt

    from experiments.evaluation.plots import as_png

    made = [
        ("Mean cooling electricity of each month, by consumer: EnergyPlus pale, ours full", figures.monthly(pairs)),
        ("Cooling electricity of every hour", figures.scatter(pairs)),
        (f"A week in April, {pairs[0].climate}", figures.week(pairs[0])),
    ]
    encoded = [(words, as_png(figure)) for words, figure in made]
    plt.close("all")
    return encoded


def _monthly(pair: Pair) -> list[dict[str, Any]]:
    month = month_of_hours(pair)
    line: dict[str, Any] = {"plant": pair.plant, "case": pair.case, "climate": pair.climate}
    table = [{**line, "month": int(m)} for m in np.unique(month)]
    for name in (TOTAL, *COOLING):
        both = hourly(pair, name)
        if both is None:
            continue
        for side, who in ((0, "energyplus"), (1, "ours")):
            for row, value in zip(table, means_by(month, both[side]), strict=True):
                row[f"{name}_{who}"] = round(float(value), 3)
    return table


def write(
    folder: Path, sections: Sequence[Section], verdicts: Sequence[PlantVerdict], facts: Mapping[str, Any]
) -> Path:
    """Write every table and the page into ``folder``; returns the page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    folder.mkdir(parents=True, exist_ok=True)
    whole = [row for s in sections for row in s.rows]
    _csv(folder / "agreement.csv", [_flat(row) for row in whole])
    _csv(folder / "components.csv", [_with_five_digits(r._asdict()) for s in sections for r in s.components])
    _csv(folder / "verdicts.csv", [v._asdict() for v in verdicts])
    for plant in dict.fromkeys(s.plant for s in sections):
        _csv(folder / f"monthly_{plant}.csv", [line for s in sections if s.plant == plant for line in s.monthly])
    modes = {f"{s.plant}, {s.case}": dict(s.modes) for s in sections if s.modes}
    write_whole(folder / "modes.json", json.dumps(modes))
    text = json.dumps(facts, indent=1, sort_keys=True)
    write_whole(folder / "facts.json", text + "\n")
    write_whole(folder / "summary.md", summary(sections, verdicts, facts))
    pages = Environment(loader=PackageLoader("experiments", "templates"), autoescape=True, undefined=StrictUndefined)
    page = folder / "report.html"
    content = {"studies": sections, "verdicts": verdicts, "facts": facts, "facts_text": text}
    write_whole(page, pages.get_template("validation.html.j2").render(**content))
    return page


def summary(sections: Sequence[Section], verdicts: Sequence[PlantVerdict], facts: Mapping[str, Any]) -> str:
    """Bars and annual cooling electricity as markdown."""
    lines = [
        "# EnergyPlus against our plant",
        "",
        f"- `{facts['command']}`: {facts['period']}.",
        f"- EnergyPlus {facts['energyplus']} (wheel {facts['wheel']}), commit {facts['git_hash'][:12]}, plant "
        f"{facts['plant_hash'][:12]}.",
        "",
        "| plant | case | bar | limit | worst | where | |",
        "|---|---|---|---|---|---|---|",
    ]
    for v in verdicts:
        words = "**missed**" if v.words == "missed" else v.words
        lines.append(f"| {v.plant} | {v.case} | {v.bar} | {v.limit} | {v.worst} | {v.where} | {words} |")
    lines += ["", "| plant | case | climate | EnergyPlus kW | ours kW | annual | CV monthly | CV hourly |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for row in (row for s in sections for row in s.rows if row.quantity == TOTAL):
        annual = row.ours_mean / row.hourly.mean - 1.0
        lines.append(
            f"| {row.plant} | {row.case} | {row.climate} | {row.hourly.mean:.2f} | {row.ours_mean:.2f} | {annual:+.1%} "
            f"| {row.monthly.cv_rmse_frac:.1%} | {row.hourly.cv_rmse_frac:.1%} |"
        )
    return "\n".join(wrapped_lines(lines)) + "\n"


def _flat(row: Row) -> dict[str, Any]:
    head = {k: getattr(row, k) for k in ("plant", "case", "climate", "quantity")}
    numbers = {"energyplus": row.hourly.mean, "ours": row.ours_mean, "bias": row.hourly.bias, "rmse": row.hourly.rmse}
    if not row.quantity.endswith("_c"):
        for name, a in (("hourly", row.hourly), ("monthly", row.monthly)):
            numbers |= {f"nmbe_{name}_frac": a.nmbe_frac, f"cv_{name}_frac": a.cv_rmse_frac}
    return _with_five_digits(head | numbers)


def _with_five_digits(line: Mapping[str, Any]) -> dict[str, Any]:
    return {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in line.items()}


def _csv(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    table = list(lines)
    if not table:
        return
    names = list(dict.fromkeys(name for line in table for name in line))
    with whole_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
