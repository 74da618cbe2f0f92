"""Figures of a validation: both plants month by month, hour by hour, and over a week that one can look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.evaluation.palette import STACK
from experiments.evaluation.plots import STYLE
from experiments.validation.compare import COOLING, TOTAL, Pair, hourly, month_of_hours
from experiments.validation.guideline14 import means_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THEIRS, OURS = "#4a4f57", "#D55E00"
WEEK_H, WEEK_STARTS_H = 168, 24 * 105  # mid April: all modes of a temperate year within days
TRACED = (
    (TOTAL, "cooling electricity [kW]"),
    ("chiller_power_kw", "chiller [kW]"),
    ("economizer_heat_kw", "economizer heat [kW]"),
    ("tower_fan_power_kw", "tower fan [kW]"),
    ("cw_supply_c", "condenser water [degC]"),
    ("chw_return_c", "chilled water return [degC]"),
)


def monthly(pairs: Sequence[Pair]) -> Figure:
    """Mean cooling electricity of each month by consumer: EnergyPlus left, ours right, a panel per climate."""
    figure, axes = _grid(len(pairs), 3, 2.5)
    colours = dict(zip(COOLING, STACK[1:], strict=False))
    for axis, pair in zip(axes, pairs, strict=False):
        month = month_of_hours(pair)
        for side, place in ((0, -0.21), (1, 0.21)):
            base = np.zeros(len(np.unique(month)))
            for name in COOLING:
                both = hourly(pair, name)
                if both is None:
                    continue
                height = means_by(month, both[side])
                axis.bar(
                    np.unique(month) + place, height, 0.4, base, color=colours[name], alpha=1.0 - 0.35 * (1 - side)
                )
                base += height
        axis.set_title(pair.climate, fontsize=9, loc="left")
        axis.set_ylabel("kW")
    shown = [n for n in COOLING if hourly(pairs[0], n) is not None]
    handles = [_patch(colours[n]) for n in shown]
    figure.legend(handles, [n.removesuffix("_power_kw").replace("_", " ") for n in shown], ncol=6, loc="upper center")
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    return figure


def scatter(pairs: Sequence[Pair]) -> Figure:
    """Every hour's cooling electricity, ours over EnergyPlus's."""
    figure, axes = _grid(len(pairs), 3, 2.6)
    for axis, pair in zip(axes, pairs, strict=False):
        both = hourly(pair, TOTAL)
        assert both is not None
        axis.plot(*both, ".", ms=1.2, color=OURS, alpha=0.35, rasterized=True)
        span = [min(b.min() for b in both), max(b.max() for b in both)]
        axis.plot(span, span, color=THEIRS, lw=0.8)
        axis.set_title(pair.climate, fontsize=9, loc="left")
        axis.set_xlabel("EnergyPlus [kW]")
        axis.set_ylabel("ours [kW]")
    figure.tight_layout()
    return figure


def week(pair: Pair) -> Figure:
    """One week in April, hour by hour."""
    there = [(name, words) for name, words in TRACED if hourly(pair, name) is not None]
    figure, axes = _grid(len(there), 2, 1.9)
    for axis, (name, words) in zip(axes, there, strict=False):
        both = hourly(pair, name)
        assert both is not None
        start = min(WEEK_STARTS_H, max(len(both[0]) - WEEK_H, 0))
        for values, colour, who in ((both[0], THEIRS, "EnergyPlus"), (both[1], OURS, "ours")):
            part = values[start : start + WEEK_H]
            axis.plot(np.arange(len(part)) / 24.0, part, color=colour, lw=1.0, label=who)
        axis.set_ylabel(words, fontsize=8)
        axis.set_xlabel("day")
    axes[0].legend(ncol=2, fontsize=8)
    figure.tight_layout()
    return figure


def _grid(n: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = -(-n // columns)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(lines, columns, figsize=(11.0, height * lines + 0.4), squeeze=False)
    flat = list(axes.ravel())
    for spare in flat[n:]:
        spare.set_visible(False)
    return figure, flat


def _patch(colour: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour)
