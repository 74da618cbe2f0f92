"""What a log says of why: of one decision, or of a day; each as lines of text."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from agents.explain.decision import OTHERS
from agents.explain.tree import imitation
from agents.live.clock import DAY_S
from agents.live.decision_log import Value, logged_rows

Row = Mapping[str, Value]
LOW_FIDELITY = 0.5  # a tree that explains less is told as not to be believed
MEASURED, WANTED, RULE = "measured.", "wanted.", "rule."


def explained_rows(folder: Path) -> list[dict[str, Value]]:
    """Rows of cycles that came to a decision and say why, in order.

    Raises
    ------
    ValueError
        Where there are none.
    """
    found = [r for r in logged_rows(folder) if r["kind"] == "cycle" and r.get("explained") not in (None, "", "[]")]
    if not found:
        raise ValueError(f"{folder} holds no decision that says why; it was written before the loop explained itself")
    return found


def decision_lines(rows: Sequence[Row], cycle: int, run: str = "", most: int = 5) -> list[str]:
    """Why one cycle decided so; the last one where ``cycle`` is 0.

    Raises
    ------
    ValueError
        Where there is no such cycle.
    """
    mine = [r for r in rows if (not run or r["run"] == run) and (not cycle or r["cycle"] == cycle)]
    if not mine:
        known = [int(r["cycle"] or 0) for r in rows if not run or r["run"] == run]
        reach = f"{min(known)}..{max(known)}" if known else "none"
        raise ValueError(f"cycle = {cycle} of run {run or 'any'} came to no decision; the log explains {reach}")
    row = mine[-1]
    lines = [
        f"cycle {row['cycle']} of run {row['run']}, {_when(row)}, {row['state']}",
        f"shield: {row['shield']}",
        f"against the rule, by the twin, in that step: {_difference(row)}",
    ]
    for one in json.loads(str(row["explained"])):
        lines += ["", *_setpoint_lines(one, row, most)]
    return lines


def day_lines(rows: Sequence[Row], day: str = "", most: int = 5) -> list[str]:
    """What moved each setpoint over a day ``YYYY-MM-DD`` (UTC), the last 24 hours of the log where none is given.

    Raises
    ------
    ValueError
        Where the day has no decision, or is no date.
    """
    chosen = _rows_of(rows, day)
    cycle_s = float(chosen[0]["cycle_s"] or 0.0)
    lines = [f"{len(chosen)} decisions, {_when(chosen[0])} to {_when(chosen[-1])}"]
    power = [float(r["more_kw"] or math.nan) for r in chosen if _known(r["more_kw"])]
    if power:
        warmer = [float(r["warmer_k"] or 0.0) for r in chosen if _known(r["warmer_k"])]
        lines.append(
            f"against the rule, by the twin, step by step: {np.mean(power):+.2f} kW on average, "
            f"{sum(power) * cycle_s / 3600.0:+.1f} kWh in all; inlets {np.mean(warmer):+.2f} K, at most "
            f"{max(warmer):+.2f} K"
        )
    told = _by_setpoint(chosen)
    for key, ones in told.items():
        lines += ["", *_day_of(key, ones, chosen, most)]
    return lines


def _setpoint_lines(one: Mapping[str, Any], row: Row, most: int) -> list[str]:
    key, unit = f"{one['channel']}[{one['row']}]", "" if one["unit"] == "1" else f" {one['unit']}"
    rule = "" if one["rule"] is None else f", the rule would set {one['rule']:.4g}"
    head = (
        f"{key}: in force {row[f'measured.in_force.{key}']:.4g}, wanted {one['wanted']:.4g}, given "
        f"{row[f'given.{key}']:.4g}{unit}{rule}"
    )
    parts = [f"  {adds:+.4g}{unit}  {element}" for element, adds in _largest(one["parts"], most)]
    return [head, f"  {one['usual']:.4g}{unit}  if all that it sees were as usual", *parts]


def _largest(parts: Sequence[Sequence[Any]], most: int) -> list[tuple[str, float]]:
    """The largest parts, and the others as one, so that they still add up."""
    named = [(str(e), float(a)) for e, a in parts if e != OTHERS]
    rest = sum(a for _, a in named[most:]) + sum(float(a) for e, a in parts if e == OTHERS)
    return [*named[:most], (OTHERS, rest)]


def _by_setpoint(rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        for one in json.loads(str(row["explained"])):
            found[f"{one['channel']}[{one['row']}]"].append(one)
    return dict(found)


def _day_of(key: str, ones: Sequence[Mapping[str, Any]], rows: Sequence[Row], most: int) -> list[str]:
    unit = "" if ones[0]["unit"] == "1" else f" {ones[0]['unit']}"
    given = np.array([float(r[f"given.{key}"] or 0.0) for r in rows])
    rules = [float(one["rule"]) for one in ones if one["rule"] is not None]
    rule = f", the rule would have set {np.mean(rules):.4g}" if rules else ""
    moved: dict[str, list[float]] = defaultdict(list)
    for one in ones:
        for element, adds in one["parts"]:
            moved[element].append(float(adds))
    strength = {element: sum(map(abs, values)) / len(ones) for element, values in moved.items() if element != OTHERS}
    first = sorted(strength, key=lambda element: -strength[element])[:most]
    lines = [f"{key}: given {given.mean():.4g}{unit} on average, {given.min():.4g} to {given.max():.4g}{rule}"]
    lines += [f"  {strength[e]:.3g}{unit}  {e} (mean size of what it adds)" for e in first]
    return [*lines, *_tree_lines(key, rows, unit, "rule" if rules else "")]


def _tree_lines(key: str, rows: Sequence[Row], unit: str, rule: str) -> list[str]:
    """A shallow tree for what is wanted, above the rule where there is one, with its fidelity."""
    columns = [c for c in rows[0] if c.startswith(MEASURED)]
    seen = np.nan_to_num(np.array([[float(r[c] or 0.0) for c in columns] for r in rows]))
    base = np.array([float(r[RULE + key] or 0.0) if rule else 0.0 for r in rows])
    wanted = np.array([float(r[WANTED + key] or 0.0) for r in rows]) - base
    try:
        found = imitation(seen, wanted)
    except ValueError as problem:
        return [f"  no tree: {problem}"]
    what = "wanted less the rule's" if rule else "wanted"
    told = "it stood still" if math.isnan(found.fidelity) else f"explains {found.fidelity:.0%} of hours it never saw"
    doubt = "; do not believe it" if found.fidelity < LOW_FIDELITY else ""
    names = [c.removeprefix(MEASURED) for c in columns]
    head = f"  as a tree, {what}: {told}, off by {found.off:.2g}{unit}{doubt}"
    return [head, *(f"    {line}" for line in found.lines(names, unit.strip() or "1"))]


def _rows_of(rows: Sequence[Row], day: str) -> list[Row]:
    if not day:
        last = float(rows[-1]["time_s"] or 0.0)
        return [r for r in rows if float(r["time_s"] or 0.0) > last - DAY_S]
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise ValueError(f"day = {day!r} is no date; give one as 2026-07-01") from None
    found = [r for r in rows if begin <= float(r["time_s"] or 0.0) < begin + DAY_S]
    if not found:
        raise ValueError(f"day = {day} has no decision; the log has {_when(rows[0])} to {_when(rows[-1])}")
    return found


def _difference(row: Row) -> str:
    if not (_known(row["more_kw"]) and _known(row["warmer_k"])):
        return "not known: the bundle has no rule, or the shield no twin"
    return f"{row['more_kw']:+.2f} kW, {row['warmer_k']:+.2f} K at the warmest inlet"


def _known(value: Value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _when(row: Row) -> str:
    return datetime.fromtimestamp(float(row["time_s"] or 0.0), UTC).strftime("%Y-%m-%d %H:%M UTC")
