"""The figures of a report; each function returns a matplotlib figure, colours belong to policies throughout."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.trace import CONSUMERS, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.evaluation.gates import GateVerdict
    from experiments.evaluation.score import Table
    from experiments.evaluation.stats import Profile

Dash = str | tuple[int, tuple[float, ...]]
PALETTE = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E6A700", "#7A1FD1"),
    *("#665500", "#00B7D8", "#B00040", "#7FB800", "#1A237E"),
)
BASELINE_COLOUR = "#4a4f57"
DASHES: tuple[Dash, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)))  # by turns of six: no two lines differ by hue alone
GREY = "#8a8f98"
STACK = ("#c7cdd6", "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#999933")
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa1ab",
    "axes.grid": True,
    "grid.color": "#e6e9ee",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a policy may be called "$x$"
}
INLET_LIMITS_C = ((27.0, "recommended"), (32.0, "allowable, class A1"))  # ASHRAE TC9.9, PHYSICS c


def colours(names: Sequence[str], baseline: str) -> dict[str, str]:
    """Colour of each policy: the baseline is grey, the others keep their place in the palette."""
    others = [n for n in names if n != baseline]
    return {baseline: BASELINE_COLOUR, **{n: PALETTE[i % len(PALETTE)] for i, n in enumerate(others)}}


def dashes(palette: Mapping[str, str]) -> dict[str, Dash]:
    """Line style of each policy, by its place: after six policies another dash, so that neighbours in hue differ."""
    return {name: DASHES[i // 6 % len(DASHES)] for i, name in enumerate(palette)}


def worst_inlet(traces: Mapping[str, Series], palette: Mapping[str, str], step_s: float) -> Figure:
    """Warmest rack inlet: one episode over time, and how many hours of all episodes it is exceeded."""
    figure, (left, right) = axes_of(1, 2, 3.2, width_ratios=[2.2, 1.0])
    style = dashes(palette)
    for name, series in traces.items():
        inlet = series["worst_inlet_c"]
        left.plot(_days(len(inlet), step_s), inlet[:, 0], color=palette[name], ls=style[name], lw=1.0, label=name)
        _duration(right, inlet, palette[name], style[name])
    for limit, words in INLET_LIMITS_C:
        for axis in (left, right):
            axis.axhline(limit, color="#b3261e", lw=0.8, ls="--")
        left.annotate(
            f"{limit:g} degC {words}", (0.005, limit), xycoords=("axes fraction", "data"), va="bottom", fontsize=7
        )
    label(left, "day of the episode shown", "warmest rack inlet [degC]")
    label(right, "share of all steps [%]", "exceeded inlet [degC]")
    legend_below(figure, left)
    return figure


def power_stack(traces: Mapping[str, Series], shown: Sequence[str], step_s: float) -> Figure:
    """Power by consumer above the IT load, one panel per shown policy."""
    figure, axes = axes_of(1, len(shown), 3.2, sharey=True)
    consumers = [c for c in CONSUMERS if c != "accelerators and servers"]
    for axis, name in zip(axes, shown):
        series = traces[name]
        stacked = [series[f"consumer/{c}"] for c in consumers]
        axis.stackplot(_days(len(stacked[0]), step_s), stacked, labels=consumers, colors=STACK[1:], lw=0)
        axis.set_title(name, loc="left", fontsize=9)
        label(axis, "day of the episode shown", "power above IT [kW]" if axis is axes[0] else "")
    legend_below(figure, axes[0])
    return figure


def mean_power(traces: Mapping[str, Series]) -> Figure:
    """Mean power of each consumer in the episode shown, a bar per policy, IT left out."""
    figure, (axis,) = axes_of(1, 1, 0.9 + 0.32 * len(traces))
    names, left = list(traces), np.zeros(len(traces))
    for consumer, colour in zip(list(CONSUMERS)[1:], STACK[1:]):
        width = np.array([float(traces[n][f"consumer/{consumer}"].mean()) for n in names])
        axis.barh(names, width, left=left, color=colour, label=consumer, height=0.65)
        left += width
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    label(axis, "mean power above IT [kW]", "")
    legend_below(figure, axis)
    return figure


def setpoints(traces: Mapping[str, Series], palette: Mapping[str, str], step_s: float) -> Figure:
    """Every channel in force in the episode shown; thin lines are further rows of a channel."""
    channels = [k for k in next(iter(traces.values())) if k.startswith("setpoint/")]
    rows = -(-len(channels) // 2)
    figure, axes = axes_of(rows, 2, 1.7 * rows, sharex=True)
    for axis, channel in zip(axes, channels):
        for name, series in traces.items():
            values = series[channel]
            axis.plot(_days(len(values), step_s), values[:, 0], color=palette[name], lw=1.0, label=name)
            axis.plot(_days(len(values), step_s), values[:, 1:], color=palette[name], lw=0.4, alpha=0.6)
        quantity, unit = quantity_and_unit(channel.removeprefix("setpoint/"))
        axis.set_title(quantity, loc="left", fontsize=8)
        label(axis, "", f"[{unit}]")
    for axis in axes[len(channels) :]:
        axis.set_visible(False)
    legend_below(figure, axes[0])
    return figure


def load_duration(traces: Mapping[str, Series], palette: Mapping[str, str]) -> Figure:
    """Facility power over all episodes, sorted."""
    figure, (axis,) = axes_of(1, 1, 2.9)
    for name, series in traces.items():
        _duration(axis, series["facility_power_kw"], palette[name], dashes(palette)[name], name)
    label(axis, "share of all steps [%]", "exceeded facility power [kW]")
    legend_below(figure, axis)
    return figure


def violations(scores: Mapping[str, Table], palette: Mapping[str, str]) -> Figure:
    """Degree-minutes of the worst rack and control steps with a violation: a dot per episode, a bar for the mean."""
    figure, axes = axes_of(1, 2, 0.9 + 0.3 * len(scores), sharey=True)
    words = ("degree-minutes over the inlet limit, worst rack [K min]", "control steps with a violation [1]")
    for axis, column, below in zip(axes, ("degree_minutes_worst_rack", "violations"), words):
        for i, (name, table) in enumerate(scores.items()):
            values = table[column]
            axis.barh(i, values.mean(), color=palette[name], alpha=0.45, height=0.6)
            axis.plot(values, np.full(len(values), i), ".", ms=4, color=palette[name])
        axis.set_yticks(range(len(scores)), list(scores))
        axis.grid(axis="y", visible=False)
        label(axis, below, "")
    axes[0].invert_yaxis()
    return figure


def savings(verdicts: Mapping[str, GateVerdict], palette: Mapping[str, str]) -> Figure:
    """Paired saving of energy per useful work with its 95 % interval; no number where a gate failed."""
    figure, (axis,) = axes_of(1, 1, 0.9 + 0.34 * max(len(verdicts), 1))
    for i, (name, found) in enumerate(verdicts.items()):
        if found.saving is None:
            axis.annotate(
                "no number: a gate failed", (0.0, i), xytext=(6, 0), textcoords="offset points", va="center", color=GREY
            )
            continue
        point, low, high = (100.0 * v for v in found.saving)
        axis.plot([low, high], [i, i], color=palette[name], lw=2.2, solid_capstyle="butt")
        axis.plot(point, i, "o", color=palette[name], ms=6)
    axis.axvline(0.0, color=BASELINE_COLOUR, lw=0.9)
    axis.set_yticks(range(len(verdicts)), list(verdicts))
    axis.set_ylim(len(verdicts) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    label(axis, "energy per useful work saved against the baseline [%], IQM and 95 % interval", "")
    return figure


def profiles(found: Mapping[str, Profile], palette: Mapping[str, str]) -> Figure:
    """Share of runs and episodes that save at least so much, with its 95 % band."""
    figure, (axis,) = axes_of(1, 1, 2.9)
    style = dashes(palette)
    for name, profile in found.items():
        level = 100.0 * profile.levels_frac
        axis.plot(level, 100.0 * profile.share, color=palette[name], ls=style[name], lw=1.3, label=name)
        axis.fill_between(level, 100.0 * profile.low, 100.0 * profile.high, color=palette[name], alpha=0.12, lw=0)
    axis.axvline(0.0, color=BASELINE_COLOUR, lw=0.9)
    label(axis, "energy per useful work saved against the baseline [%]", "runs and episodes [%]")
    if found:
        legend_below(figure, axis)
    return figure


def as_png(figure: Figure) -> str:
    """The figure as base64 of a PNG, for a page that needs no other file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", pil_kwargs={"optimize": True})
    return base64.b64encode(buffer.getvalue()).decode()


def quantity_and_unit(name: str) -> tuple[str, str]:
    """A name in words and its unit: ``chw_supply_temp_setpoint_c`` gives ``chw supply temp setpoint``, ``degC``."""
    units = {"c": "degC", "frac": "1", "kw": "kW"}
    stem, _, suffix = name.rpartition("_")
    return (stem.replace("_", " "), units[suffix]) if suffix in units else (name.replace("_", " "), "1")


def axes_of(
    rows: int,
    columns: int,
    height: float,
    width_ratios: Sequence[float] | None = None,
    sharex: bool = False,
    sharey: bool = False,
) -> tuple[Figure, list[Axes]]:
    """A page-wide figure in the house's style and its axes, row by row."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure

    with matplotlib.rc_context(STYLE):
        figure = MatplotlibFigure(figsize=(9.2, height), layout="constrained", dpi=110)
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey, width_ratios=width_ratios)
    return figure, list(axes.ravel())


def label(axis: Axes, x: str, y: str) -> None:
    """Write what the axes mean, units included."""
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.margins(x=0.01)


def legend_below(figure: Figure, axis: Axes) -> None:
    """One legend for the figure, from one of its axes."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False, fontsize=8)


def _duration(axis: Axes, values: NDArray[np.floating], colour: str, style: Dash, name: str | None = None) -> None:
    ordered = np.sort(np.asarray(values).ravel())[::-1]
    kept = np.linspace(0, len(ordered) - 1, min(len(ordered), 400)).astype(int)
    axis.plot(100.0 * kept / max(len(ordered) - 1, 1), ordered[kept], color=colour, ls=style, lw=1.3, label=name)


def _days(steps: int, step_s: float) -> NDArray[np.floating]:
    return np.arange(steps) * (step_s / 86_400.0)
