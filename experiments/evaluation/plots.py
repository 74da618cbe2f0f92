"""Ground of the printed figures: the house's style of axes, a legend, a picture for a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments.evaluation.palette import BASELINE_COLOUR, dashes, printed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.evaluation.stats import Profile

GREY = "#8a8f98"
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


def profiles(found: Mapping[str, Profile], palette: Mapping[str, str]) -> Figure:
    """Share of runs and episodes that save at least so much, with its 95 % band."""
    figure, (axis,) = axes_of(1, 1, 2.9)
    inks, style = printed(palette), dashes(palette)
    for name, profile in found.items():
        level, dash = 100.0 * profile.levels_frac, style[name]
        ls = (0, tuple(map(float, dash.split()))) if dash else "-"
        axis.plot(level, 100.0 * profile.share, color=inks[name], ls=ls, lw=1.3, label=name)
        axis.fill_between(level, 100.0 * profile.low, 100.0 * profile.high, color=inks[name], alpha=0.12, lw=0)
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
