"""Whether calibration's intervals cover the truth, and how far the fitted hall is off in weeks that it has not seen.

Many halls with hidden parameters, noise and gaps, each fitted on its first days and judged on the days after them.
``python -m scripts.calibration_coverage --scenario edge_room --fits 200`` writes ``calibration_<scenario>.csv`` (a row
per parameter and hall, as they come), ``calibration_<scenario>_held_out.csv`` (a row per quantity and hall) and the
summary ``.md``; it goes on where they end.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from envs.episodes.world import World
from envs.scenario import Scenario, load
from envs.twin.calibration.calibration import calibrate
from envs.twin.calibration.free_parameters import free_parameters, with_values
from envs.twin.calibration.intervals import KNOWN_FRAC, KNOWN_LEAKAGE, KNOWN_MASS_FRAC
from envs.twin.telemetry.synthetic import hidden_values, plan_of, simulated_truth, synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry

COLUMNS = ("hall", "path", "kind", "truth", "value", "low", "high", "sd_u", "identified", "converged", "seconds")
HELD_OUT = ("hall", "channel", "rmse", "bias", "cv_frac", "rmse_before", "readings")
COLUMNS_MEAN = (
    "- **Coverage**: share of 90 % intervals that hold the truth.",
    "- **Known in**: share of fits that called the parameter known.",
    "- **Error**: median and 90th percentile of |value - truth| over truth, of the fits that called the",
    "  parameter known. Leakage: absolute.",
    "- **Within**: share in bar: 5 %, leakage 0.01, masses 15 %.",
)
BATCH = 25  # halls recorded at once
BURN_IN_ROWS = 36


def halls(
    scenario: Scenario, world: World, fits: int, days: int, seed: int, done: set[int]
) -> Iterator[tuple[int, Telemetry, dict[str, float]]]:
    """Yield hall number, telemetry and hidden values."""
    free = free_parameters(scenario)
    rows = BURN_IN_ROWS + days * world.steps_per_day
    for first in range(0, fits, BATCH):
        numbers = range(first, first + BATCH)
        if set(numbers[: fits - first]) <= done:
            continue
        rng = np.random.default_rng([seed, first])
        hidden = hidden_values(free, len(numbers), rng)
        starts = rng.integers(0, 360 - days, len(numbers)).tolist()
        truth = simulated_truth(
            with_values(scenario, hidden), rows, plan_of(world, starts, seed + first), world, seed + first
        )
        for k, hall in enumerate(numbers):
            if hall < fits and hall not in done:
                telemetry = synthetic_telemetry(truth, k, scenario.sensors, seed + hall)
                yield hall, telemetry, {path: float(v[k]) for path, v in hidden.items()}


class Table:
    """A CSV that grows: what it held, and a way to add rows."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self.columns = path, columns
        self.rows: list[dict[str, str]] = list(csv.DictReader(path.open())) if path.exists() else []
        if not self.rows:
            self._write("w", dict(zip(columns, columns)))

    def add(self, *cells: Any) -> None:
        """One row, numbers to six digits."""
        text = [f"{x:.6g}" if isinstance(x, float) else str(x) for x in cells]
        self.rows.append(dict(zip(self.columns, text)))
        self._write("a", self.rows[-1])

    def _write(self, mode: str, row: dict[str, str]) -> None:
        with self.path.open(mode, newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns).writerow(row)


def print_iteration(words: str, share: float) -> None:
    """Print an iteration."""
    sys.stdout.write(f"  {100 * share:3.0f} % {words}\n")
    sys.stdout.flush()


def main() -> None:
    """Fit, write, summarise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="edge_room")
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--days", type=int, default=3, help="fitted")
    parser.add_argument("--held-out-days", type=int, default=7, help="after them, a day ahead each")
    parser.add_argument("--window-h", type=float, default=8.0, help="short windows run side by side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    parser.add_argument("--talk", action="store_true", help="print every iteration")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    stem = given.out / f"calibration_{given.scenario}"
    known = Table(stem.with_suffix(".csv"), COLUMNS)
    held = Table(stem.with_name(stem.name + "_held_out.csv"), HELD_OUT)
    scenario = load(given.scenario, ["site.workload_weeks=4"])
    world, days = World.build(scenario), given.days + given.held_out_days
    share = given.held_out_days / (days + BURN_IN_ROWS / world.steps_per_day)
    done = {int(r["hall"]) for r in known.rows}
    for hall, telemetry, hidden in halls(scenario, world, given.fits, days, given.seed, done):
        start, window_s = time.perf_counter(), 3600.0 * given.window_h
        talk = print_iteration if given.talk else None
        found = calibrate(scenario, telemetry, held_out_frac=share, window_s=window_s, report=talk)
        seconds = round(time.perf_counter() - start, 1)
        converged = int(found.fit.converged)
        for e in found.errors:
            held.add(hall, e.channel, e.rmse, e.bias, e.cv_frac, e.rmse_before, e.readings)
        for i in found.intervals:
            if i.path in hidden:
                numbers = (hidden[i.path], i.value, i.low, i.high, i.sd_u)
                known.add(hall, i.path, i.kind, *numbers, int(i.identified), converged, seconds)
        text = summary(known.rows, given) + held_out_summary(held.rows)
        stem.with_suffix(".md").write_text(text, encoding="utf-8")
        sys.stdout.write(f"hall {hall}: {seconds} s, converged {found.fit.converged}\n")
        sys.stdout.flush()


def summary(rows: list[dict[str, str]], given: argparse.Namespace) -> str:
    """Coverage and errors by parameter, as Markdown."""
    by_path = defaultdict(list)
    for row in rows:
        by_path[row["path"]].append(row)
    count = len({row["hall"] for row in rows})
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    lines = [
        f"# Calibration of {given.scenario}: do the intervals cover the truth?",
        "",
        f"{count} halls drawn from the priors; sensors with noise and constant errors; 5 % gaps. Commit "
        f"{commit.strip()}, numpy {np.__version__}.",
        "",
        "```",
        f"python -m scripts.calibration_coverage --scenario {given.scenario} --fits {given.fits} --days {given.days} "
        f"--held-out-days {given.held_out_days} --window-h {given.window_h:g} --seed {given.seed}",
        "```",
        "",
        *COLUMNS_MEAN,
        "",
        "| parameter | coverage | known in | coverage of known | error 50 % | error 90 % | within |",
        "|---|---|---|---|---|---|---|",
    ]
    for path, some in by_path.items():
        lines.append(f"| `{path}` | " + " | ".join(_cells(some)) + " |")
    lines.append("| **all** | " + " | ".join(_cells(rows)) + " |")
    return "\n".join(lines) + "\n"


def held_out_summary(rows: list[dict[str, str]]) -> str:
    """Errors a day ahead on days that were not fitted, over halls."""
    by_channel = defaultdict(list)
    for row in rows:
        by_channel[row["channel"]].append((float(row["rmse"]), float(row["rmse_before"]), float(row["cv_frac"])))
    lines = [
        "",
        "Root mean square error by hall, a day ahead on the held-out days, given the load and weather that came.",
        "The sensors' noise and constant errors are included. Before: the scenario's own values.",
        "",
        "| quantity | median hall | worst hall | CV, median | median before |",
        "|---|---|---|---|---|",
    ]
    for channel, values in by_channel.items():
        rmse, before, cv = np.array(values).T
        shown = f"{100 * np.median(cv):.1f} %" if np.isfinite(cv).all() else "-"
        numbers = f"{np.median(rmse):.3f} | {rmse.max():.3f} | {shown} | {np.median(before):.3f}"
        lines.append(f"| `{channel}` | {numbers} |")
    return "\n".join(lines) + "\n"


def _cells(rows: list[dict[str, str]]) -> list[str]:
    known = [r for r in rows if r["identified"] == "1"]
    errors, bars = [], []
    for r in known:
        miss = abs(float(r["value"]) - float(r["truth"]))
        leak = r["kind"] == "leakage"
        errors.append(miss if leak else miss / float(r["truth"]))
        bars.append(KNOWN_LEAKAGE if leak else KNOWN_MASS_FRAC if r["kind"] == "mass" else KNOWN_FRAC)
    cover = [f"{100 * np.mean([_holds(r) for r in some]):.0f} %" if some else "-" for some in (rows, known)]
    cells = [cover[0], f"{100 * len(known) / len(rows):.0f} %", cover[1]]
    if not known:
        return [*cells, "-", "-", "-"]
    inside = np.mean([e <= b for e, b in zip(errors, bars)])
    return [*cells, f"{np.quantile(errors, 0.5):.4f}", f"{np.quantile(errors, 0.9):.4f}", f"{100 * inside:.0f} %"]


def _holds(row: dict[str, str]) -> bool:
    return float(row["low"]) <= float(row["truth"]) <= float(row["high"])


if __name__ == "__main__":
    main()
