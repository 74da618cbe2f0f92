"""The coming day of one's own hall as a page and as a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.telemetry import INLET
from envs.whole_file import whole_file, write_whole
from experiments.forecasting.own_hall import AIRFLOW_FRAC, BALANCED_FRAC, SHOWN_H, Asked, Failure, OwnForecast, Skill
from experiments.records.plain_page import Page, Section, page_html

TABLE, PAGE = "forecast.csv", "forecast.html"
MOST_MODELLED_FRAC = 0.05  # of a point's readings that the model stands in for, before it is told


def write_own(
    folder: Path,
    found: OwnForecast,
    asked: Asked,
    names: Sequence[str],
    modelled: Mapping[str, float],
    findings: Sequence[Finding],
    footer: str,
) -> Path:
    """Write table and page; ``names`` are those of the racks' inlets."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(folder / TABLE, found, names)
    write_whole(folder / PAGE, own_page(found, asked, names, modelled, findings, footer))
    return folder / PAGE


def rack_names(points: Mapping[str, Sequence[str]], racks: int) -> list[str]:
    """Name of each rack's inlet in the file; its number where it has none."""
    given = list(points.get(INLET, ()))
    return [given[k] if k < len(given) and given[k] else f"rack {k}" for k in range(racks)]


def own_page(
    found: OwnForecast,
    asked: Asked,
    names: Sequence[str],
    modelled: Mapping[str, float],
    findings: Sequence[Finding],
    footer: str,
) -> str:
    """The page."""
    level, verdict = _verdict(found, asked, names)
    sections = [
        _coming(found, names),
        _failures(found, asked, names),
        _skill(found.skill),
        _file(modelled, findings),
    ]
    title = f"The 24 h from {found.start_utc} UTC on"
    return page_html(Page(title, level, verdict, (), sections, footer))


def _verdict(found: OwnForecast, asked: Asked, names: Sequence[str]) -> tuple[str, str]:
    high, mean = found.forecast.high.rack_inlet_c[..., 0], found.forecast.mean.rack_inlet_c[..., 0]
    step, rack = (int(k) for k in np.unravel_index(int(mean.argmax()), mean.shape))
    hottest = f"the hottest is {names[rack]}, {mean[step, rack]:.1f} degC in {_ahead((step + 1) * found.step_s)}"
    if mean.max() > asked.limit_c:
        return "bad", f"An inlet is expected over {asked.limit_c:g} degC: {hottest}."
    if high.max() > asked.limit_c:
        return "level", f"No inlet is expected over {asked.limit_c:g} degC, but an interval reaches it: {hottest}."
    return "good", f"No inlet is expected over {asked.limit_c:g} degC: {hottest}."


def _ahead(seconds: float) -> str:
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def _coming(found: OwnForecast, names: Sequence[str]) -> Section:
    mean, low, high = found.forecast
    inlets = mean.rack_inlet_c[..., 0]
    rows = []
    for hours in SHOWN_H:
        step = round(hours * 3600.0 / found.step_s) - 1
        if 0 <= step < len(inlets):
            rack = int(inlets[step].argmax())
            reach = f"{low.rack_inlet_c[step, rack, 0]:.1f} to {high.rack_inlet_c[step, rack, 0]:.1f}"
            kw = f"{low.cooling_power_kw[step, 0]:.0f} to {high.cooling_power_kw[step, 0]:.0f}"
            power = f"{mean.cooling_power_kw[step, 0]:.0f}"
            rows.append((_ahead(hours * 3600.0), names[rack], f"{inlets[step, rack]:.1f}", reach, power, kw))
    head = ("ahead", "hottest inlet", "degC", "90 % interval", "cooling kW", "90 % interval")
    words = (f"Every inlet, and the cooling power, at each step: {TABLE}.",)
    return Section("The coming day", words, head, rows, _figure(found, names))


def _failures(found: OwnForecast, asked: Asked, names: Sequence[str]) -> Section:
    rows = [(f.zone, f"{f.units:g}", _answer(f, asked, names)) for f in found.failures]
    words = (
        f"Room units of one zone are lost now, and the next {asked.failure_h:g} h are played on three plants: with "
        "less air from the room units, as believed, and with as much more. Where the three differ, the failure is not "
        f"foreseen. Where supply and return air are measured, their rise tells the airflow to {BALANCED_FRAC:.0%}, "
        f"else it is known to {AIRFLOW_FRAC:.0%}.",
    )
    return Section(f"Which rack is first over {asked.limit_c:g} degC", words, ("zone", "units lost", "answer"), rows)


def _answer(failure: Failure, asked: Asked, names: Sequence[str]) -> str:
    lowest, highest = min(failure.highest_c), max(failure.highest_c)
    reach = f"{lowest:.1f} to {highest:.1f} degC"
    if not failure.is_foreseen:
        return f"not foreseen: the hottest inlet is {reach}, with {failure.spread_frac:.0%} more or less air"
    if not failure.racks:
        return f"none goes over; the hottest inlet is {reach}"
    first, last = min(failure.after_s), max(failure.after_s)
    order = ", ".join(names[rack] for rack in failure.racks)
    return f"over after {first:.0f} to {last:.0f} s; first among {order}"


def _skill(skill: Sequence[Skill]) -> Section:
    title = "How good such forecasts were on the last days of the log"
    if not skill:
        words = "The log is too short to be parted into days to learn from and days to judge: give 20 days or more."
        return Section(title, (words,))
    head = ("ahead", "inlets: RMSE K", "as it stays", "90 % held", "cooling: RMSE kW", "as it stays", "90 % held")
    rows = [
        (
            _ahead(s.horizon_h * 3600.0),
            f"{s.inlet_rmse_k:.2f}",
            f"{s.inlet_persistence_k:.2f}",
            f"{100.0 * s.inlet_covered:.0f} %",
            f"{s.cooling_rmse_kw:.1f}",
            f"{s.cooling_persistence_kw:.1f}",
            f"{100.0 * s.cooling_covered:.0f} %",
        )
        for s in skill
    ]
    words = "By a forecaster that learnt from the days before. Errors are against readings, sensors' noise included."
    return Section(title, (words,), head, rows)


def _file(modelled: Mapping[str, float], findings: Sequence[Finding]) -> Section:
    told = {name: share for name, share in modelled.items() if share > MOST_MODELLED_FRAC}
    rows = [(name, f"{100.0 * share:.0f} % not measured: the model stands in") for name, share in told.items()]
    rows += [(f.point, f"{f.kind}: {f.words}") for f in findings]
    words = () if rows else ("Nothing was wrong with it.",)
    return Section("The file", words, ("point", "what") if rows else (), rows)


def _figure(found: OwnForecast, names: Sequence[str]) -> str:
    """Hottest rack and cooling power with their intervals."""
    from experiments.evaluation.palette import PALETTE
    from experiments.evaluation.plots import as_png, axes_of, label

    mean, low, high = found.forecast
    rack = int(np.unravel_index(int(mean.rack_inlet_c[..., 0].argmax()), mean.rack_inlet_c.shape[:2])[1])
    figure, axes = axes_of(1, 2, 2.9)
    hours = (np.arange(len(mean.cooling_power_kw)) + 1) * found.step_s / 3600.0
    pairs = (
        (f"{names[rack]} [degC]", [t.rack_inlet_c[:, rack, 0] for t in (mean, low, high)]),
        ("cooling power [kW]", [t.cooling_power_kw[:, 0] for t in (mean, low, high)]),
    )
    for axis, (words, (middle, least, most)) in zip(axes, pairs):
        axis.fill_between(hours, least, most, color=PALETTE[0], alpha=0.2, lw=0)
        axis.plot(hours, middle, color=PALETTE[0], lw=1.4)
        label(axis, "hours ahead", words)
    return as_png(figure)


def _write_table(path: Path, found: OwnForecast, names: Sequence[str]) -> None:
    mean, low, high = found.forecast
    with whole_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("time_utc", "what", "unit", "mean", "low_90", "high_90"))
        for step in range(len(mean.cooling_power_kw)):
            stamp = f"{found.start_utc + np.timedelta64(round((step + 1) * found.step_s), 's')}Z"
            for rack, name in enumerate(names):
                cells = (t.rack_inlet_c[step, rack, 0] for t in (mean, low, high))
                writer.writerow((stamp, name, "degC", *(f"{c:.3f}" for c in cells)))
            cells = (t.cooling_power_kw[step, 0] for t in (mean, low, high))
            writer.writerow((stamp, "cooling_power_kw", "kW", *(f"{c:.2f}" for c in cells)))
