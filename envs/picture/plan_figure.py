"""The plan view as a picture: racks coloured by inlet and filled by power, machines and setpoints beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.picture.colours import (
    AIR,
    BAD,
    GOOD,
    INK,
    INLET_SCALE,
    LINE,
    LIQUID,
    PAPER,
    SOFT,
    colour_at,
    ink_on,
)
from envs.picture.floor_plan import RACK_DEPTH_M, RACK_WIDTH_M, aisles, zone_size_m
from envs.picture.hall_view import HallView, RackView
from envs.picture.zone_grid import HEADER_M, MARGIN_M, Box, zone_boxes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, DPI = 1280, 720, 100
SHEET = (20.0, 76.0, 830.0, 544.0)  # left, bottom, width, height of the racks [px]
PANEL_X, PANEL_RIGHT = 880.0, 1256.0
READABLE_PX = 28.0  # narrowest rack that carries its number
Rectangle = tuple[float, float, float, float]


def plan_image(view: HallView) -> NDArray[np.uint8]:
    """The plan view ``(720, 1280, 3)``, red, green and blue in 0..255."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    axes.axis("off")
    _head(axes, view)
    _zones(axes, view)
    _scale(axes, view)
    _panel(axes, view)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _text(axes: Axes, x: float, y: float, words: str, size: float = 10.0, **style: Any) -> None:
    axes.text(x, y, words, fontsize=size, color=style.pop("color", INK), parse_math=False, **style)


def _head(axes: Axes, view: HallView) -> None:
    t = view.totals
    hours = view.time_s / 3600.0
    _text(axes, 24, 684, view.scenario, 17, weight="bold")
    _text(axes, 24, 660, f"{hours:.2f} h into the episode", 10, color=SOFT)
    outside = view.outside
    words = (
        f"outside {outside['dry_bulb_c']:.1f} degC, wet bulb {outside['wet_bulb_c']:.1f} degC, "
        f"{outside['price_usd_mwh']:.0f} USD/MWh, {outside['carbon_g_kwh']:.0f} g/kWh"
    )
    _text(axes, 850, 660, words, 10, color=SOFT, ha="right")
    over = t["worst_inlet_c"] > t["inlet_limit_c"]
    state = f"{'over' if over else 'within'} the recommended {t['inlet_limit_c']:.1f} degC"
    _text(axes, 850, 684, f"warmest inlet {t['worst_inlet_c']:.1f} degC, {state}", 11, ha="right", weight="bold",
          color=BAD if over else GOOD)  # fmt: skip


def _zones(axes: Axes, view: HallView) -> None:
    left, bottom, width, height = SHEET
    of_zone: list[list[RackView]] = [[] for _ in view.zones]
    for rack in view.racks:
        of_zone[rack.zone].append(rack)
    sizes = [zone_size_m([rack.place for rack in racks]) for racks in of_zone]
    for zone, racks, box in zip(view.zones, of_zone, zone_boxes(sizes, width, height)):
        box = box._replace(x=box.x + left, y=box.y + bottom)
        pad = 0.15 * box.scale
        frame = (box.x + pad, box.y + pad, box.width - 2 * pad, box.height - 2 * pad)
        _rectangles(axes, [frame], ["#f6f7f9"], edge=LINE)
        fans = f"fans {100 * zone.fan_speed_frac:.0f} %"
        words = f"zone {zone.name}: air {zone.supply_c:.1f} to {zone.return_c:.1f} degC, {fans}"
        size = float(np.clip(0.36 * box.scale, 6.0, min(11.0, box.width / (0.85 * len(words)))))
        _text(axes, box.x + MARGIN_M * box.scale, box.y + box.height - 0.75 * HEADER_M * box.scale, words, size)
        _racks(axes, racks, box, view.totals["inlet_limit_c"])
        for name, y_m in aisles([rack.place for rack in racks]):
            y = box.y + box.height - (HEADER_M + MARGIN_M + y_m) * box.scale
            _text(axes, box.x + 0.5 * box.width, y, name, 0.8 * size, color=SOFT, ha="center", va="center")


def _racks(axes: Axes, racks: list[RackView], box: Box, limit_c: float) -> None:
    width, depth = 0.92 * RACK_WIDTH_M * box.scale, 0.96 * RACK_DEPTH_M * box.scale
    corners = [
        (
            box.x + (MARGIN_M + rack.place.x_m) * box.scale - 0.5 * width,
            box.y + box.height - (HEADER_M + MARGIN_M + rack.place.y_m) * box.scale - 0.5 * depth,
        )
        for rack in racks
    ]
    paints = [colour_at(INLET_SCALE, rack.top_inlet_c) for rack in racks]
    _rectangles(axes, [(x, y, width, depth) for x, y in corners], paints)
    hot = [(x, y, width, depth) for (x, y), rack in zip(corners, racks) if rack.top_inlet_c > limit_c]
    _rectangles(axes, hot, ["none"] * len(hot), edge=BAD, line=2.0)
    meter = 0.16 * width
    for attribute, paint, below in (("liquid_kw", LIQUID, False), ("air_kw", AIR, True)):
        bars = []
        for (x, y), rack in zip(corners, racks):
            start = rack.liquid_kw / rack.rated_kw if below else 0.0
            share = getattr(rack, attribute) / rack.rated_kw
            bars.append((x + width - meter, y + depth * min(start, 1.0), meter, depth * min(share, 1.0)))
        _rectangles(axes, bars, [paint] * len(bars))
    if width >= READABLE_PX:
        for (x, y), rack, under in zip(corners, racks, paints):
            size = min(0.22 * width, 11.0)
            ink = ink_on(under)
            _text(axes, x + 0.42 * width, y + 0.64 * depth, f"{rack.top_inlet_c:.1f}", size, color=ink, ha="center")
            _text(axes, x + 0.42 * width, y + 0.30 * depth, kilowatts(rack.power_kw), 0.8 * size, color=ink,
                  ha="center")  # fmt: skip


def kilowatts(power_kw: float) -> str:
    """A rack's power with as many digits as tell racks apart."""
    return f"{power_kw:.0f} kW" if power_kw >= 9.95 else f"{power_kw:.1f} kW"


def _rectangles(axes: Axes, boxes: list[Rectangle], paints: list[Any], edge: str = "none", line: float = 0.8) -> None:
    from matplotlib.collections import PolyCollection

    corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
    axes.add_collection(PolyCollection(corners, facecolors=paints, edgecolors=edge, linewidths=line))


def _scale(axes: Axes, view: HallView) -> None:
    """The scale of inlets with both limits, and what the bars of the racks mean."""
    left, bottom, width, low, high = 172.0, 34.0, 310.0, INLET_SCALE[0][0], INLET_SCALE[-1][0]
    at = np.linspace(low, high, 67)
    step = width / (len(at) - 1)
    boxes = [(left + i * step, bottom, step + 0.5, 12.0) for i in range(len(at) - 1)]
    _rectangles(axes, boxes, [colour_at(INLET_SCALE, value) for value in at[:-1]])
    _text(axes, 24, bottom + 2, "inlet at the top [degC]", 9, color=SOFT)
    for value in (low, 20.0, 25.0, high):
        _text(
            axes, left + width * (value - low) / (high - low), bottom - 13, f"{value:.0f}", 8, color=SOFT, ha="center"
        )
    for name in ("inlet_limit_c", "inlet_allowable_c"):
        x = left + width * (view.totals[name] - low) / (high - low)
        axes.plot([x, x], [bottom - 3, bottom + 16], color=BAD, lw=1.4)
        _text(axes, x, bottom + 19, f"{view.totals[name]:.1f}", 8, color=BAD, ha="center")
    for x, paint, words in ((524.0, LIQUID, "power to coolant"), (662.0, AIR, "to air; a full bar is the rating")):
        _rectangles(axes, [(x, bottom, 8.0, 12.0)], [paint])
        _text(axes, x + 13, bottom + 2, words, 9, color=SOFT)


def _panel(axes: Axes, view: HallView) -> None:
    t = view.totals
    axes.plot([865, 865], [30, 696], color=LINE, lw=1.0)
    _text(axes, PANEL_X, 680, f"{t['facility_power_kw']:.0f} kW", 17, weight="bold")
    pue = f"PUE {t['pue']:.3f}" if np.isfinite(t["pue"]) else "no IT load"
    _text(axes, PANEL_RIGHT, 682, pue, 13, ha="right")
    words = f"IT {t['it_power_kw']:.0f} kW, cooling {t['cooling_power_kw']:.0f} kW, chips to {t['chip_max_c']:.0f} degC"
    _text(axes, PANEL_X, 660, words, 10, color=SOFT)
    y = 624.0
    for machine in view.machines:
        _text(axes, PANEL_X, y, machine.title, 10, weight="bold")
        _text(axes, PANEL_RIGHT, y, f"{machine.power_kw:.1f} kW", 10, ha="right")
        _text(axes, PANEL_X, y - 16, machine.words, 9, color=SOFT)
        if machine.load_frac is not None:
            _meter(axes, y - 24, machine.load_frac, 0.0, 1.0)
        y -= 46.0
    _text(axes, PANEL_X, y, "Setpoints in force", 10, weight="bold")
    step = min(17.0, (y - 40.0) / max(len(view.setpoints), 1))
    for point in view.setpoints:
        y -= step
        name = point.name if point.rows == 1 else f"{point.name}[{point.row}]"
        value = f"{100 * point.value:.0f} %" if point.unit == "1" else f"{point.value:.1f} {point.unit}"
        _text(axes, PANEL_X, y, name, min(9.0, 0.55 * step), color=SOFT)
        _text(axes, PANEL_RIGHT, y, value, min(9.0, 0.55 * step), ha="right")


def _meter(axes: Axes, y: float, value: float, low: float, high: float) -> None:
    width = PANEL_RIGHT - PANEL_X
    share = float(np.clip((value - low) / (high - low), 0.0, 1.0))
    _rectangles(axes, [(PANEL_X, y, width, 3.0), (PANEL_X, y, width * share, 3.0)], [LINE, SOFT])
