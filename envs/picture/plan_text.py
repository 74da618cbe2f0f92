"""The plan view in a terminal: each rack's inlet in its line, with a mark where it is too warm."""

from __future__ import annotations

from collections.abc import Iterable

from envs.picture.colours import INLET_SCALE, colour_at, ink_on, rgb
from envs.picture.hall_view import HallView, RackView

MOST_LINES = 24  # of single racks; a larger hall is told line by line


def plan_text(view: HallView, colour: bool = False) -> str:
    """The racks of every zone, line by line; ``*`` is over the recommended inlet, ``!`` over the allowable one.

    Parameters
    ----------
    view : HallView
    colour : bool
        Colour each rack, for a terminal that knows 24-bit colours.
    """
    limits = (view.totals["inlet_limit_c"], view.totals["inlet_allowable_c"])
    by_line: dict[tuple[int, int], list[RackView]] = {}
    for rack in view.racks:
        by_line.setdefault((rack.zone, rack.place.line), []).append(rack)
    lines = [f"  racks     warmest inlet of each [degC]; * over {limits[0]:.1f}, ! over {limits[1]:.1f}"]
    for z, zone in enumerate(view.zones):
        lines.append(
            f"  zone {zone.name}: air {zone.supply_c:.1f} -> {zone.return_c:.1f} degC, "
            f"fans {100.0 * zone.fan_speed_frac:.0f} %"
        )
        for (of, line), racks in by_line.items():
            if of == z:
                whole = _span(racks) if len(by_line) > MOST_LINES else " ".join(_cells(racks, limits, colour))
                lines.append(f"    {line:>3}  {whole}  {sum(rack.power_kw for rack in racks):.0f} kW")
    return "\n".join(lines)


def _span(racks: list[RackView]) -> str:
    warm = [rack.top_inlet_c for rack in racks]
    return f"{len(racks)} racks, {min(warm):.1f} to {max(warm):.1f}"


def _cells(racks: list[RackView], limits: tuple[float, float], colour: bool) -> Iterable[str]:
    for rack in racks:
        mark = "!" if rack.top_inlet_c > limits[1] else "*" if rack.top_inlet_c > limits[0] else " "
        text = f"{rack.top_inlet_c:5.1f}{mark}"
        yield _coloured(text, rack.top_inlet_c) if colour else text


def _coloured(text: str, inlet_c: float) -> str:
    paint = colour_at(INLET_SCALE, inlet_c)
    below, over = (";".join(str(round(255 * part)) for part in c) for c in (paint, rgb(ink_on(paint))))
    return f"\x1b[48;2;{below}m\x1b[38;2;{over}m{text}\x1b[0m"
