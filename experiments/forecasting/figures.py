"""The figures of a forecast's page; each function returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.evaluation.palette import PALETTE
from experiments.evaluation.plots import GREY, axes_of, label, legend_below
from experiments.forecasting.score import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR = (0.85, 0.95)  # coverage asked for at every horizon


def error_by_horizon(scores: Mapping[str, Score], step_h: float) -> Figure:
    """Root mean square error of inlets and cooling power against the horizon."""
    figure, (left, right) = axes_of(1, 2, 3.4)
    for colour, (name, score) in zip(PALETTE, scores.items()):
        hours = _hours(score, step_h)
        left.plot(hours, _smooth(np.sqrt(score.inlets("squared"))), color=colour, lw=1.3, label=name)
        right.plot(hours, _smooth(np.sqrt(score.cooling("squared"))), color=colour, lw=1.3)
    label(left, "horizon [h]", "inlet RMSE [K]")
    label(right, "horizon [h]", "cooling power RMSE [kW]")
    for axis in (left, right):
        axis.set_ylim(bottom=0.0)
    legend_below(figure, left)
    return figure


def coverage_by_horizon(scores: Mapping[str, Score], step_h: float) -> Figure:
    """Share of readings inside the 90 % interval at every horizon, and how wide the intervals are."""
    figure, axes = axes_of(2, 2, 5.4, sharex=True)
    kinds = (("inlets", "inlet", "K"), ("cooling", "cooling power", "kW"))
    for column, (kind, words, unit) in enumerate(kinds):
        covered, width = axes[column], axes[2 + column]
        for colour, (name, score) in zip(PALETTE, scores.items()):
            hours = _hours(score, step_h)
            covered.plot(hours, getattr(score, kind)("inside"), color=colour, lw=0.9, label=name)
            width.plot(hours, getattr(score, kind)("width"), color=colour, lw=1.3)
        covered.axhspan(*BAR, color="#e6e9ee", zorder=0)
        covered.axhline(0.90, color=GREY, lw=0.8)
        covered.set_ylim(0.75, 1.0)
        width.set_ylim(bottom=0.0)
        label(covered, "", f"{words}: share inside [1]")
        label(width, "horizon [h]", f"{words}: width [{unit}]")
    legend_below(figure, axes[0])
    return figure


def example_day(example: Mapping[str, Any], step_h: float) -> Figure:
    """One judged day of one hall: the warmest rack's inlet and the cooling power, forecast, interval and reading."""
    figure, (left, right) = axes_of(1, 2, 3.2)
    rack = int(example["mean"][:, :-1].mean(axis=0).argmax())
    for axis, target, words in ((left, rack, f"inlet of rack {rack} [degC]"), (right, -1, "cooling power [kW]")):
        hours = (np.arange(len(example["mean"])) + 1) * step_h
        _band(axis, hours, {n: v[:, target] for n, v in example.items()})
        label(axis, "horizon [h]", words)
    legend_below(figure, left)
    return figure


def _band(axis: Axes, hours: Any, values: Mapping[str, Any]) -> None:
    axis.fill_between(hours, values["low"], values["high"], color=PALETTE[0], alpha=0.2, lw=0, label="90 % interval")
    axis.plot(hours, values["read"], color=PALETTE[1], lw=0.9, label="read")
    axis.plot(hours, values["mean"], color=PALETTE[0], lw=1.5, label="forecast")


def _hours(score: Score, step_h: float) -> Any:
    return (np.arange(len(score.squared)) + 1) * step_h


def _smooth(values: Any, half: int = 2) -> Any:
    """Running mean over a few horizons, for the eye; shorter at the ends."""
    return np.array([values[max(0, i - min(i, half)) : i + half + 1].mean() for i in range(len(values))])
