"""What a page says of a simulated hall: headline, remarks, setpoints with their reason, the hall under the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.page.feed import Line, Panel
from envs.interface.channel import SLEW_INTERVAL_S, Channel
from envs.picture.hall_view import HallView, plain

Setpoints = Mapping[str, NDArray[np.floating]]
NEAR_A_TRIP = 0.7  # of a breaker's thermal memory
HERE, RULES = "var(--liquid)", "var(--heat)"


class Sums(NamedTuple):
    """What was drawn since the episode began [kWh], here and under the rules."""

    here_kwh: float
    rules_kwh: float


def headline(view: HallView) -> tuple[str, str]:
    """Level and words of the page's first line."""
    t = view.totals
    worst, limit, most = t["worst_inlet_c"], t["inlet_limit_c"], t["inlet_allowable_c"]
    if worst > most:
        return "bad", f"Too hot: a rack breathes {worst:.1f} degC, over the allowable {most:.1f} degC."
    if worst > limit:
        return "level", f"Warm: a rack breathes {worst:.1f} degC, over the recommended {limit:.1f} degC."
    return (
        "good",
        f"All racks are within limits: the warmest inlet is {worst:.1f} degC, {limit:.1f} degC is recommended.",
    )


def remarks(view: HallView, trips: float) -> list[dict[str, str]]:
    """What protections did, and which racks are too warm; worst first."""
    t, found = view.totals, []
    if trips > 0:
        found.append(("bad", f"{trips:.0f} trips in this step: racks or breakers switched themselves off."))
    if t["rack_down_frac"] > 0.0:
        found.append(("bad", f"{100 * t['rack_down_frac']:.0f} % of the racks are down."))
    for limit, level, word in (
        (t["inlet_allowable_c"], "bad", "allowable"),
        (t["inlet_limit_c"], "level", "recommended"),
    ):
        over = [rack for rack in view.racks if rack.top_inlet_c > limit]
        if over:
            names = ", ".join(rack.name for rack in sorted(over, key=lambda rack: -rack.top_inlet_c)[:4])
            found.append((level, f"{len(over)} racks over the {word} {limit:.1f} degC, first {names}."))
            break
    if t["capper_engaged"] > 0.0:
        found.append(("level", "The feeder's protection caps the racks."))
    if t["breaker_memory_frac"] > NEAR_A_TRIP:
        found.append(("level", f"A breaker has used {100 * t['breaker_memory_frac']:.0f} % of its thermal memory."))
    return [{"level": level, "words": words} for level, words in found]


def advice(
    channels: Sequence[Channel], in_force: Setpoints, advised: Setpoints, rule: Setpoints, step_s: float
) -> list[dict[str, Any]]:
    """A row for each setpoint of one site: in force, advised, what the rules would set in this state, and why."""
    rows = []
    for c in channels:
        for row in range(c.rows):
            held, wanted, by_rule = (
                float(values[c.name][row, 0]) if c.name in values else None for values in (in_force, advised, rule)
            )
            assert held is not None
            wanted = None if wanted is None else min(max(wanted, c.low), c.high)
            moves = wanted is not None and abs(wanted - held) >= max(c.deadband, 1e-6)
            rows.append(
                {
                    "name": c.name, "row": row, "rows": c.rows, "per": c.per, "unit": c.unit, "meaning": c.meaning,
                    "in_force": held, "advised": wanted, "rule": by_rule, "moves": moves,
                    "why": why(c, held, wanted, by_rule, step_s),
                }
            )  # fmt: skip
    made: list[dict[str, Any]] = plain(rows)
    return made


def why(c: Channel, held: float, wanted: float | None, rule: float | None, step_s: float) -> str:
    """The reason of one setpoint, in words; empty where there is nothing to say."""
    if wanted is None:
        return "the building's own rule runs it"
    told, gap = [], wanted - held
    slew = (c.slew_up if gap > 0 else c.slew_down) * step_s / SLEW_INTERVAL_S
    if abs(gap) >= max(c.deadband, 1e-6):
        told.append(f"on its way, at most {amount(slew, c.unit)} in a step" if np.isfinite(slew) else "on its way")
    if rule is not None and abs(wanted - rule) >= max(c.deadband, 1e-6):
        told.append(f"{amount(abs(wanted - rule), c.unit)} {'above' if wanted > rule else 'below'} the rules")
    return "; ".join(told)


def amount(value: float, unit: str) -> str:
    """A difference with its unit: shares in percent points, temperatures in kelvin."""
    if unit == "1":
        return f"{100.0 * value:.0f} points"
    return f"{value:.1f} {'K' if unit == 'degC' else unit}"


def against_rules(here: HallView, rules: HallView | None, sums: Sums) -> dict[str, Any]:
    """The same hall under the rules from the same start, beside the hall here."""
    if rules is None:
        return {"level": "soft", "words": "The rules run this hall: there is nothing to compare.", "rows": []}
    saved = sums.rules_kwh - sums.here_kwh
    share = 100.0 * saved / sums.rules_kwh if sums.rules_kwh > 0.0 else 0.0
    warmer = here.totals["worst_inlet_c"] - rules.totals["worst_inlet_c"]
    words = (
        f"{abs(saved):.0f} kWh ({abs(share):.1f} %) {'less' if saved >= 0 else 'more'} than under the rules since the "
        f"episode began; the warmest inlet is {abs(warmer):.1f} K {'warmer' if warmer >= 0 else 'cooler'} now."
    )
    names = (
        ("Facility power", "facility_power_kw", "kW", 0),
        ("Cooling power", "cooling_power_kw", "kW", 1),
        ("IT power", "it_power_kw", "kW", 0),
        ("Warmest inlet", "worst_inlet_c", "degC", 1),
        ("Hottest chip", "chip_max_c", "degC", 1),
    )
    rows: list[dict[str, Any]] = [
        {"name": name, "here": here.totals[key], "rules": rules.totals[key], "unit": unit, "digits": digits}
        for name, key, unit, digits in names
    ]
    rows.append({"name": "Energy so far", "here": sums.here_kwh, "rules": sums.rules_kwh, "unit": "kWh", "digits": 0})
    made: dict[str, Any] = plain({"level": "good" if saved >= 0 else "level", "words": words, "rows": rows})
    return made


def panels(channels: Sequence[Channel], compared: bool, limits: tuple[float, float]) -> list[Panel]:
    """The panels of the last day."""

    def lines(key: str, name: str) -> tuple[Line, ...]:
        under = (Line(f"rules.{key}", "under the rules", RULES),) if compared else ()
        return (*under, Line(key, name, HERE))

    band = "90 % band, foretold an hour before"
    marks = ((limits[0], f"{limits[0]:.1f} degC recommended"), (limits[1], f"{limits[1]:.1f} degC allowable"))
    made = [
        Panel("Warmest inlet", "degC", lines("worst_inlet_c", "here"), (Line("worst_inlet_c", band, HERE),), marks),
        Panel("Facility power", "kW", lines("facility_power_kw", "here"), (Line("facility_power_kw", band, HERE),)),
        Panel("Cooling power", "kW", lines("cooling_power_kw", "here")),
        Panel("Weather", "degC", (Line("dry_bulb_c", "dry bulb", RULES), Line("wet_bulb_c", "wet bulb", HERE))),
    ]
    for c in (c for c in channels if c.kind == "cooling"):
        rows = range(c.rows)
        shown = [Line(f"rules.{c.name}[{row}]", "under the rules", RULES) for row in rows] if compared else []
        shown += [Line(f"{c.name}[{row}]", "here" if c.rows == 1 else f"here, {c.per} {row}", HERE) for row in rows]
        made.append(Panel(c.name.rpartition("_")[0].replace("_", " "), c.unit, tuple(shown)))
    return made
