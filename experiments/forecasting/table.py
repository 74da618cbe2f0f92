"""The small table of a judged forecast in markdown, from what ``page.save`` stored: for docs/validation."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.whole_file import write_whole
from experiments.records.prose import wrapped_lines

TABLE, FACTS, WORDS = "forecast.csv", "forecast.json", "forecast.md"
FAILURE_FACTS, FAILURE_WORDS = "forecast_failures.json", "forecast_failures.md"
COLUMNS = (
    ("inlet_rmse_k", "{:.2f}"),
    ("inlet_coverage", "{:.3f}"),
    ("inlet_width_k", "{:.2f}"),
    ("cooling_rmse_kw", "{:.2f}"),
    ("cooling_coverage", "{:.3f}"),
    ("cooling_width_kw", "{:.1f}"),
)


def write(folder: Path) -> Path:
    """Write ``forecast.md`` beside the stored table and facts."""
    facts = json.loads((folder / FACTS).read_text())
    with (folder / TABLE).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    text = "\n".join([*_head(facts), *_pooled_table(facts["pooled"]), *_errors(rows), *_ours(rows)]).rstrip()
    write_whole(folder / WORDS, text + "\n")
    return folder / WORDS


def write_failures(folder: Path) -> Path:
    """Write ``forecast_failures.md`` beside its stored facts."""
    facts = json.loads((folder / FAILURE_FACTS).read_text())
    text = "\n".join([*_head(facts, "Failures of room units in simulated halls"), *_failures(facts), *_chances(facts)])
    write_whole(folder / FAILURE_WORDS, text + "\n")
    return folder / FAILURE_WORDS


def _head(facts: Any, title: str = "Forecasts of simulated halls") -> list[str]:
    draw, judging = facts["draw"], facts["judging"]
    versions = ", ".join(
        f"{name} {facts['versions'][name]}" for name in ("numpy", "scipy") if name in facts["versions"]
    )
    parts = ", ".join(f"{part} {s:.0f} s" for part, s in facts["wall_s"].items())
    lines = [
        f"# {title}",
        "",
        f"`{facts['command']}`: {draw['halls']} halls of {facts['scenario']} with hidden parameters, "
        f"{100 * draw['spread']:.0f} % around it. {judging['train_days']} days train a forecaster, {judging['blocks']} "
        "later day-blocks of each hall judge it.",
        "",
        f"- Seed {draw['seed']}, scenario {facts['scenario_hash']}, code {facts['git_hash'][:12]}, python "
        f"{facts['machine']['python']}, {versions}.",
        f"- Wall time on {facts['machine']['cores']} cores: {parts}.",
        "",
    ]
    return wrapped_lines(lines)


def _pooled_table(pooled: Any) -> list[str]:
    lines = [
        "## Share of readings inside the 90 % interval",
        "",
        "Bars: 0.88 to 0.92 pooled, 0.85 to 0.95 at every horizon.",
        "",
        "| method | blocks | inlets | 95 % by halls | all horizons | cooling power | 95 % by halls | all horizons |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in pooled.items():
        cells = [name, str(found["blocks"])]
        for kind, every in (("inlet", "inlets"), ("cooling", "cooling")):
            low, high = found["coverage_95"][kind]
            least, most = found["least_and_most_over_all_horizons"][every]
            cells += [f"{found['coverage'][kind]:.3f}", f"{low:.3f} .. {high:.3f}", f"{least:.3f} .. {most:.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _errors(rows: Sequence[dict[str, str]]) -> list[str]:
    """Root mean square errors: a row per method, a column per horizon."""
    horizons = list(dict.fromkeys(r["horizon_min"] for r in rows))
    lines = []
    for column, title in (("inlet_rmse_k", "Inlet RMSE [K]"), ("cooling_rmse_kw", "Cooling power RMSE [kW]")):
        head = " | ".join(_horizon(h) for h in horizons)
        lines += [f"## {title} by horizon", "", f"| method | {head} |", "|---|" + "---|" * len(horizons)]
        for name in dict.fromkeys(r["method"] for r in rows):
            values = {r["horizon_min"]: float(r[column]) for r in rows if r["method"] == name}
            lines.append(f"| {name} | {' | '.join(f'{values[h]:.2f}' for h in horizons)} |")
        lines.append("")
    return lines


def _ours(rows: Sequence[dict[str, str]]) -> list[str]:
    """The forecaster's own table by horizon."""
    first = rows[0]["method"]
    lines = [
        f"## {first[0].upper()}{first[1:]}: error, coverage and width",
        "",
        "| horizon | inlet RMSE [K] | inside | width [K] | cooling RMSE [kW] | inside | width [kW] |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in (r for r in rows if r["method"] == first):
        cells = [form.format(float(row[name])) for name, form in COLUMNS]
        lines.append(f"| {_horizon(row['horizon_min'])} | {' | '.join(cells)} |")
    return [*lines, ""]


def _failures(facts: Any) -> list[str]:
    limit, hours = facts["judging"]["limit_c"], facts["judging"]["failure_h"]
    lines = [
        f"## Which rack is first over {limit:g} degC within {hours:g} h of a failure",
        "",
        "| failure | asked | goes over | foreseen | false alarms | first rack right | among our first three "
        "| time error, median [s] | 90 % below [s] | named rack later by, 90 % below [s] |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in facts["failures"].items():
        counts = [found[k] for k in ("asked", "crossings", "foreseen", "false_alarms", "same_rack", "among_three")]
        times = [found[k] for k in ("median_error_s", "ninth_decile_error_s", "named_late_ninth_decile_s")]
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {' | '.join(_seconds(t) for t in times)} |")
    return [*lines, ""]


def _chances(facts: Any) -> list[str]:
    """How long, how high, and what the chances that were given are worth."""
    lines = [
        "## How long and how high, and the chance that was given",
        "",
        "| failure | over the limit for, median [s] | over for more than a minute | foreseen | false | highest inlet: "
        "bias [K] | RMSE [K] | go over | expected by the chances | Brier score | of always giving the share |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in facts["failures"].items():
        lasting = [str(found[k]) for k in ("lasting", "lasting_foreseen", "lasting_false")]
        peak = [f"{found[k]:.2f}" for k in ("peak_bias_k", "peak_rmse_k")]
        chance = [f"{found['expected']:.1f}", *(f"{found[k]:.3f}" for k in ("brier", "brier_of_share"))]
        cells = [_seconds(found["median_over_s"]), *lasting, *peak, str(found["crossings"]), *chance]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _seconds(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.0f}"


def _horizon(minutes: str) -> str:
    value = float(minutes)
    return f"{value:.0f} min" if value < 60.0 else f"{value / 60.0:g} h"
