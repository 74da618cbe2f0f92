"""What a calibration leaves behind: scenario, intervals, held-out errors, spread, residual plots and a page to read."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from envs.twin.telemetry.finding import Finding
from envs.whole_file import whole_file, write_whole
from experiments.records.spreadsheet import as_text

if TYPE_CHECKING:
    from envs.twin.calibration.calibration import Calibration
    from envs.twin.screening.screen import ScreenedTelemetry

SCENARIO, INTERVALS, ERRORS, SPREAD = "scenario.yaml", "intervals.csv", "held_out_errors.csv", "spread.yaml"
FINDINGS, REPORT, FITS = "findings.csv", "report.md", "output_fits.csv"
PLOTTED = 6  # quantities a page of residuals
SIGNIFICANT = 6


def write_outcome(
    folder: Path, found: Calibration, base: Mapping[str, Any], checked: ScreenedTelemetry, seconds: float
) -> None:
    """Write every file of a calibration into ``folder``.

    Parameters
    ----------
    folder : Path
        Exists.
    found : Calibration
        From `envs.twin.calibration.calibration.calibrate`.
    base : mapping
        The scenario that was calibrated, as plain data.
    checked : ScreenedTelemetry
        Telemetry and findings.
    seconds : float
        Wall time of the fit.
    """
    from envs.twin.calibration.spread import spread_of

    values = {path: value for path, value in found.fit.values().items() if not path.startswith("input.")}
    text = yaml.safe_dump(calibrated_data(base, values), sort_keys=False)
    write_whole(folder / SCENARIO, f"# {base['name']}, calibrated to telemetry: see report.md\n{text}")
    write_whole(folder / SPREAD, yaml.safe_dump(spread_of(found), sort_keys=False))
    _table(folder / INTERVALS, found.believed_intervals)
    _table(folder / ERRORS, found.errors)
    _table(folder / FITS, found.output_fits)
    _plots(folder, found)
    write_whole(folder / REPORT, page(found, base["name"], checked, seconds))


def write_findings(folder: Path, findings: Sequence[Finding]) -> None:
    """Write what screening found; this comes before the fit."""
    with whole_file(folder / FINDINGS) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        parts = [f.name for f in fields(Finding)]
        writer.writerow(parts)
        values = ([getattr(f, part) for part in parts] for f in findings)
        writer.writerows([as_text(v) if isinstance(v, str) else v for v in row] for row in values)


def calibrated_data(base: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """Plain data of a whole scenario with fitted values at their paths."""
    import copy

    out: dict[str, Any] = copy.deepcopy(dict(base))
    out["name"] = f"{base['name']}_calibrated"
    for path, value in values.items():
        number = float(f"{value:.{SIGNIFICANT}g}")
        machine, *middle, name = path.split(".")
        if machine == "racks":
            for group in out["racks"].values():
                if group["archetype"] == middle[0]:
                    group["overrides"][name] = number
        elif machine == "zones":
            out["zones"][middle[0]][name] = number
        else:
            out[machine][name] = number
    return out


def metrics(found: Calibration) -> dict[str, float]:
    """Numbers for the tracker."""
    made = {f"held_out/{e.channel}/rmse": e.rmse for e in found.errors}
    made |= {f"value/{i.path}": i.value for i in found.intervals}
    made["identified"] = float(sum(i.identified for i in found.believed_intervals))
    made["misfits"] = float(len(found.misfits))
    return made


def page(found: Calibration, name: str, checked: ScreenedTelemetry, seconds: float) -> str:
    """Return the report as Markdown; what does not fit comes first."""
    t = checked.telemetry
    wrong = [f"- `{channel}`: {words}" for channel, words in found.misfits.items()]
    wrong += [f"- `{f.point}`: {f.words}" for f in checked.findings if f.in_use]
    known = [i for i in found.believed_intervals if i.identified and i.kind != "input"]
    unknown = [i for i in found.believed_intervals if not i.identified and i.kind != "input"]
    lines = [f"# {name}, calibrated", ""]
    if wrong:
        lines += ["**It does not fit. No parameter below is called known until this is mended:**", "", *wrong, ""]
    lines += [
        f"{t.rows} rows of {t.step_s:g} s from {t.start_utc[0]} on, {100 * t.missing_frac():.1f} % missing. "
        f"{found.fitted.count} days fitted in {seconds:.0f} s, {len(found.fit.costs) - 1} iterations, "
        f"{_verdict(found, bool(wrong))}.",
        "",
        f"## Known from the data ({len(known)})",
        "",
        "| parameter | was | is | 90 % interval |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{i.path}` | {i.prior:.4g} | {i.value:.4g} | {i.low:.4g} .. {i.high:.4g} |" for i in known]
    lines += ["", f"## Not known ({len(unknown)})", ""]
    lines += ["| parameter | was | is | 90 % interval | why |", "|---|---|---|---|---|"]
    lines += [
        f"| `{i.path}` | {i.prior:.4g} | {i.value:.4g} | {i.low:.4g} .. {i.high:.4g} | {i.why} |" for i in unknown
    ]
    lines += _ahead(found) + ["", f"## What was wrong with the file ({len(checked.findings)})", ""]
    lines += [f"- {f.kind}: `{f.point}`: {f.words}" for f in checked.findings] or ["Nothing was found."]
    lines += [
        "",
        "Errors are against the readings, the sensors' own noise and offsets included. Slope and clock compare the "
        "readings with their own replay. Figures: `residuals_*.png`.",
    ]
    return "\n".join(lines) + "\n"


def _verdict(found: Calibration, wrong: bool) -> str:
    if not found.fit.converged:
        return "NOT converged: trust the held-out errors, not the intervals"
    return "the search came to rest at a hall that is not this one" if wrong else "arrived"


def _ahead(found: Calibration) -> list[str]:
    """Errors a day ahead, and how the readings move with their replay."""
    lines = ["", "## A day ahead, on days that were not fitted", ""]
    lines += ["| quantity | RMSE | as it was | bias | CV(RMSE) | slope | clock |", "|---|---|---|---|---|---|---|"]
    for e in found.errors:
        fits = [f for f in found.output_fits if f.name == e.channel]
        slopes = [f.slope for f in fits if np.isfinite(f.slope)]
        late = [f.lag[0] for f in fits if f.lag is not None]
        cv = "" if np.isnan(e.cv_frac) else f"{100 * e.cv_frac:.1f} %"
        slope = f"{np.median(slopes):.2f}" if slopes else ""
        clock = f"{max(late, key=abs):+.0f} s" if late else ""
        lines.append(
            f"| `{e.channel}` | {e.rmse:.3g} | {e.rmse_before:.3g} | {e.bias:+.2g} | {cv} | {slope} | {clock} |"
        )
    return lines


def _table(path: Path, rows: Sequence[Any]) -> None:
    with whole_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        if not rows:
            return
        writer = csv.DictWriter(file, [f.name for f in fields(rows[0])])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _plots(folder: Path, found: Calibration) -> None:
    """Readings and replay of each quantity's first row on the days held out (else those fitted), and the difference."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from envs.twin.calibration.errors import end_to_end

    windows = found.held_out or found.fitted
    shown = found.shown if found.held_out else found.fit.predicted
    truth, hours = end_to_end(windows.shown), np.arange(len(shown)) * windows.step_s / 3600.0
    for first in range(0, len(windows.outputs), PLOTTED):
        names = windows.outputs[first : first + PLOTTED]
        figure, axes = plt.subplots(len(names), 2, figsize=(12, 2.2 * len(names)), squeeze=False, sharex=True)
        for (left, right), name in zip(axes, names):
            row = next(k for k, (n, _) in enumerate(windows.rows) if n == name)
            left.plot(hours, truth[:, row], lw=0.5, color="0.6", label="measured")
            left.plot(hours, shown[:, row], lw=0.8, color="C0", label="calibrated")
            right.plot(hours, truth[:, row] - shown[:, row], lw=0.5, color="C3")
            left.set_ylabel(name, fontsize=7)
        axes[0][0].legend(fontsize=7)
        axes[-1][0].set_xlabel("hours, held-out days end to end" if found.held_out else "hours")
        figure.tight_layout()
        with whole_file(folder / f"residuals_{first // PLOTTED}.png") as draft:
            figure.savefig(draft, dpi=80)
        plt.close(figure)
