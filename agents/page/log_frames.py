"""Frames from the log of a live loop: its columns ``measured.<point>[<row>]``, ``given.<channel>[<row>]`` and so on.

The page reads files that the loop has finished, in a process of its own: whatever happens to it, the loop does not see.
"""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.page.feed import Facts, Frame, Line, Panel, panel_facts
from envs.interface.channels import CHANNELS
from envs.interface.points import POINTS
from envs.picture.colours import INLET_SCALE

LOOK_S = 1.0
LOG = logging.getLogger(__name__)
WRITTEN = "_written_s"  # beside a row: when its segment was written, on the wall clock
MOST_PARTS, LEAST_SHOWN = 3, 0.001  # of what moved a setpoint; the least as a share of the channel's range
LEAST_KW, LEAST_K = 0.01, 0.01
COLUMN = re.compile(r"^(\w+)\.(.+)\[(\d+)\]$")
NAMED = re.compile(r"(\w+)\[(\d+)\]")
IN_FORCE = "in_force."
RECOMMENDED_C, ALLOWABLE_C = 27.0, 32.0  # ASHRAE TC9.9, class A1, at sea level
LEVELS = {"shadow": "good", "advising": "good", "in control": "good", "released": "bad"}
HERE, FORETOLD = "var(--liquid)", "foretold by the loop"
SHOWN = (
    "zone_inlet_max_c", "zone_supply_c", "chip_max_c", "it_power_share", "facility_power_share", "dry_bulb_c",
    "wet_bulb_c", "price_usd_mwh",
)  # fmt: skip
ZONE = {
    "inlet_max_c": "zone_inlet_max_c", "supply_c": "zone_supply_c", "return_c": "zone_return_c",
    "fan_speed_frac": "zone_fan_speed_frac", "valve_frac": "coil_valve_frac",
}  # fmt: skip
NO_PICTURE: dict[str, Any] = {"racks": [], "links": []}
Row = Mapping[str, Any]


class LogFrames:
    """Follows a log.

    Parameters
    ----------
    folder : Path
        Where ``coldaisle serve`` writes.

    Raises
    ------
    FileNotFoundError
        Where it holds no cycle.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: set[Path] = set()
        self._last_s = -math.inf
        self._waiting = self._fresh()
        if not self._waiting:
            raise FileNotFoundError(f"{folder} holds no cycles; give the folder that `coldaisle serve` writes to")

    def facts(self) -> Facts:
        """What stays."""
        return facts_of(self._waiting[-1], f"log {self.folder.name}")

    def frames(self, end: threading.Event) -> Iterator[Frame]:
        """The last day at once, then a frame for each new cycle, until ``end`` is set."""
        while not end.is_set():
            for row in self._waiting:
                yield log_frame(row)
            end.wait(LOOK_S)
            self._waiting = self._fresh()

    def _fresh(self) -> list[Row]:
        """Rows of cycles that were not shown yet, of the last day, in order."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows: list[Row] = []
        for path in sorted(set(self.folder.glob("cycle*.parquet")) - self._read):
            try:
                written_s = path.stat().st_mtime
                rows += [row | {WRITTEN: written_s} for row in pq.read_table(path).to_pylist()]
            except FileNotFoundError:
                continue  # joined with others since it was listed
            except pa.ArrowInvalid:
                LOG.warning("%s cannot be read and is left out", path)
            self._read.add(path)
        self._read &= set(self.folder.glob("cycle*.parquet"))
        fresh = {row["time_s"]: row for row in rows if row.get("kind") == "cycle" and row["time_s"] > self._last_s}
        rows = [fresh[time_s] for time_s in sorted(fresh)]  # a joined segment repeats the loose ones
        if rows:
            self._last_s = rows[-1]["time_s"]
        return [row for row in rows if row["time_s"] > self._last_s - 86_400.0]


def facts_of(row: Row, source: str) -> Facts:
    """What stays while the cycles of one loop are shown."""
    return {
        "title": f"Live loop: {row['mode']}",
        "source": f"{source}, policy {str(row.get('policy_hash', ''))[:12]}",
        "step_s": float(row.get("cycle_s") or 300.0),
        "since_epoch": True,
        "ahead": 1,
        "panels": panel_facts(log_panels(row)),
        "inlet_scale": list(INLET_SCALE),
        "nodes": {},
    }


def by_row(row: Row, kind: str) -> dict[str, dict[int, float | None]]:
    """Columns of a kind: name to row to number; what is no number is None."""
    made: dict[str, dict[int, float | None]] = {}
    for column, value in row.items():
        found = COLUMN.match(column)
        if found and found[1] == kind:
            made.setdefault(found[2], {})[int(found[3])] = _number(value)
    return made


def log_frame(row: Row) -> Frame:
    """What a page shows of one cycle."""
    measured, state = by_row(row, "measured"), str(row["state"])
    taken = _taken(row)
    level, words = _headline(measured, state, str(row.get("fault") or row.get("let_go") or ""), bool(taken))
    share = f"{row['scored_held']} of {row['scored_told']} predictions held" if row.get("scored_told") else ""
    shown: Frame = {
        "number": int(row["cycle"]),
        "time_s": float(row["time_s"]),
        "level": level,
        "headline": words,
        "mode": ". ".join(part for part in (f"Mode {row['mode']}", str(row.get("reason") or ""), share) if part),
        "view": _view(measured, json.loads(row.get("picture") or "{}")),
        "advice": _advice(row, measured),
        "remarks": _remarks(row),
        "rules": _against_rule(row),
        "series": _series(row, measured),
        "since_s": _number(row.get("let_go_s")),
        "taken": taken,
    }
    if WRITTEN in row:
        shown["written_s"] = float(row[WRITTEN])
    return shown


def log_panels(row: Row) -> list[Panel]:
    """A panel for each point worth a line, with what the loop foretold, then one for each setpoint."""
    measured, foretold = by_row(row, "measured"), by_row(row, "predicted")
    points = {point.name: point for point in POINTS}
    made = []
    for name in SHOWN:
        if name not in measured:
            continue
        lines = tuple(
            Line(f"{name}[{k}]", f"row {k}" if len(measured[name]) > 1 else "measured", HERE) for k in measured[name]
        )
        bands = tuple(Line(f"{name}[{k}]", FORETOLD, HERE) for k in foretold.get(name, {}))
        limits = ((RECOMMENDED_C, "27 degC recommended"), (ALLOWABLE_C, "32 degC allowable"))
        of_inlet = name == "zone_inlet_max_c"
        made.append(Panel(points[name].meaning, points[name].unit, lines, bands, limits if of_inlet else ()))
    for name, rows in by_row(row, "given").items():
        lines = tuple(Line(f"{IN_FORCE}{name}[{k}]", "in force", HERE) for k in rows)
        lines += tuple(Line(f"given.{name}[{k}]", "advised", "var(--heat)") for k in rows)
        made.append(Panel(CHANNELS[name].meaning, CHANNELS[name].unit, lines))
    return made


def _headline(
    measured: Mapping[str, Mapping[int, float | None]], state: str, fault: str, is_taken: bool
) -> tuple[str, str]:
    if fault and state == "shadow":
        return "bad", f"Nothing is advised in this cycle: {fault}. The site's own controller runs the hall, as ever."
    if fault or state == "released":
        whose = "what nobody else has taken" if is_taken else "the hall"
        return "bad", f"The loop has let go: {fault or 'released'}. The site's own controller runs {whose}."
    inlets = [value for value in measured.get("zone_inlet_max_c", {}).values() if value is not None]
    if not inlets:
        return LEVELS.get(state, "level"), f"The loop is {state}; nobody measures the inlets."
    worst = max(inlets)
    if worst > ALLOWABLE_C:
        return "bad", f"Too hot: the warmest inlet is {worst:.1f} degC, over the allowable {ALLOWABLE_C:.0f} degC."
    if worst > RECOMMENDED_C:
        return "level", f"Warm: the warmest inlet is {worst:.1f} degC, over the recommended {RECOMMENDED_C:.0f} degC."
    return "good", f"All zones are within limits: the warmest inlet is {worst:.1f} degC."


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _taken(row: Row) -> list[dict[str, Any]]:
    """Setpoints that somebody else holds."""
    made = []
    for one in json.loads(row.get("taken") or "[]"):
        c = CHANNELS[one["channel"]]
        rows = sum(column.startswith(f"given.{c.name}[") for column in row)
        told = {key: one[key] for key in ("row", "value", "since_s", "how")}
        made.append({"name": c.name, "unit": c.unit, "per": c.per, "rows": rows, **told})
    return made


def _view(measured: Mapping[str, Mapping[int, float | None]], picture: Mapping[str, Any]) -> dict[str, Any]:
    """Zones as they were measured; racks and flows of power as the loop's twin saw them, where it has one."""
    inlets = measured.get("zone_inlet_max_c", {})
    drawn = picture.get("zones", ())
    is_drawn = bool(drawn) and len(drawn) == len(inlets)
    zones = []
    for z in sorted(inlets):
        like = drawn[z] if is_drawn else {"name": str(z)}
        known = {key: measured[name].get(z) for key, name in ZONE.items() if name in measured}
        zones.append({**dict.fromkeys(ZONE), **like, **known})

    def one(name: str, scale: float | None = 1.0) -> float | None:
        value = measured.get(name, {}).get(0)
        return None if value is None or scale is None else value * scale

    rated = picture["rated_it_kw"] if is_drawn else None
    totals = {
        "worst_inlet_c": max((v for v in inlets.values() if v is not None), default=None),
        "inlet_limit_c": RECOMMENDED_C, "inlet_allowable_c": ALLOWABLE_C, "chip_max_c": one("chip_max_c"),
        "tcs_supply_c": one("tcs_supply_c"), "facility_power_kw": one("facility_power_share", rated),
        "it_power_kw": one("it_power_share", rated),
    }  # fmt: skip
    outside = {name: one(name) for name in ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh", "carbon_g_kwh")}
    shown = {key: picture[key] for key in ("racks", "links", "taken_up_kw", "nodes")} if is_drawn else NO_PICTURE
    return {**shown, "zones": zones, "totals": totals, "outside": outside, "by_twin": is_drawn}


def _advice(row: Row, measured: Mapping[str, Mapping[int, float | None]]) -> list[dict[str, Any]]:
    given, wanted, written, rule = (by_row(row, kind) for kind in ("given", "wanted", "written", "rule"))
    because = {(one["channel"], one["row"]): one for one in json.loads(row.get("explained") or "[]")}
    made = []
    for name, rows in given.items():
        c = CHANNELS[name]
        for k, value in rows.items():
            held, asked = measured.get(IN_FORCE + name, {}).get(k), wanted.get(name, {}).get(k)
            moves = value is not None and held is not None and abs(value - held) >= max(c.deadband, 1e-6)
            why = ["written"] if written.get(name, {}).get(k) is not None else []
            if value is not None and asked is not None and abs(asked - value) > 1e-6:
                why.append(f"the shield changed {asked:.3g} to {value:.3g}")
            why += _parts_words(because.get((name, k)), c.high - c.low)
            made.append(
                {
                    "name": name, "row": k, "rows": len(rows), "per": c.per, "unit": c.unit, "meaning": c.meaning,
                    "in_force": held, "advised": value, "rule": rule.get(name, {}).get(k), "moves": moves,
                    "why": "; ".join(why),
                }
            )  # fmt: skip
    return made


def _parts_words(one: Mapping[str, Any] | None, span: float) -> list[str]:
    """What moved a setpoint away from the usual, where it is worth a word."""
    if one is None:
        return []
    told = [f"{element} {adds:+.2g}" for element, adds in one["parts"][:MOST_PARTS] if abs(adds) >= LEAST_SHOWN * span]
    return [f"moved by {', '.join(told)}"] if told else []


def _against_rule(row: Row) -> dict[str, Any] | None:
    """What the rule would have done in this step, as the loop's twin sees it."""
    known = {name: row.get(name) for name in ("more_kw", "warmer_k")}
    if any(not isinstance(v, (int, float)) or not math.isfinite(v) for v in known.values()):
        return None
    more, warmer = float(known["more_kw"] or 0.0), float(known["warmer_k"] or 0.0)
    saves = "draws as much" if abs(more) < LEAST_KW else f"draws {abs(more):.2f} kW {'more' if more > 0 else 'less'}"
    warm = "as warm" if abs(warmer) < LEAST_K else f"{abs(warmer):.2f} K {'warmer' if warmer > 0 else 'colder'}"
    words = f"In this step the site {saves} than under the rule, with inlets {warm}: by the twin, one step ahead."
    return {"level": "good" if more < -LEAST_KW else "soft", "words": words, "rows": []}


def _remarks(row: Row) -> list[dict[str, str]]:
    made = [{"level": "bad", "words": str(row["fault"])}] if row.get("fault") else []
    for one in json.loads(row.get("interventions") or "[]"):
        made.append({"level": "level", "words": f"{one['limit'].replace('_', ' ')}: {one['why']}"})
    if not made and row.get("shield") == "passed":
        made.append({"level": "good", "words": "The shield changed nothing."})
    if row.get("expected"):
        expected = NAMED.sub(lambda found: _meaning(found[1], found[2]), str(row["expected"]))
        made.append({"level": "soft", "words": f"Expected of the advised setpoints: {expected}"})
    return made


def _meaning(name: str, row: str) -> str:
    """A point in words; what is none stays as it is."""
    words = {point.name: point.meaning for point in POINTS}.get(name)
    return f"{words} ({row})" if words else f"{name}[{row}]"


def _series(row: Row, measured: Mapping[str, Mapping[int, float | None]]) -> dict[str, float | None]:
    series: dict[str, float | None] = {}
    for name in SHOWN:
        series |= {f"{name}[{k}]": value for k, value in measured.get(name, {}).items()}
    widths = by_row(row, "half_width")
    for name, rows in by_row(row, "predicted").items():
        for k, value in rows.items():
            width = widths.get(name, {}).get(k)
            known = None if value is None or width is None else (value - width, value + width)
            series |= {
                f"{name}[{k}].{end}": None if known is None else known[i] for i, end in enumerate(("low", "high"))
            }
    for name, rows in by_row(row, "given").items():
        series |= {f"given.{name}[{k}]": value for k, value in rows.items()}
        series |= {f"{IN_FORCE}{name}[{k}]": v for k, v in measured.get(IN_FORCE + name, {}).items()}
    return series
