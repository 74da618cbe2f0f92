"""Which points of a Brick model are which of a bundle's: by a triple of our own, else by class and equipment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agents.live.units import CONVERSIONS
from envs.unknown_name import unknown_name
from experiments.point_maps.brick_classes import CHANNEL_PLACES, POINT_PLACES, UNITS
from experiments.point_maps.brick_model import OURS, BrickPoint
from experiments.point_maps.wanted import Wanted

NAMED = re.compile(r"^(?P<name>\w+)(\[(?P<row>\d+)\])?$")
POWERS = CONVERSIONS["kW"]


class Row(NamedTuple):
    """One row that the model has: its point, the map's unit, and the scale of its number."""

    point: BrickPoint
    unit: str
    scale: float = 1.0


class Assigned(NamedTuple):
    """What became of one wish: its rows, or why there are none, and what the model has that might be meant."""

    wanted: Wanted
    rows: tuple[Row, ...] = ()
    why: str = ""
    candidates: tuple[BrickPoint, ...] = ()


def assignments(wishes: Sequence[Wanted], points: Sequence[BrickPoint]) -> list[Assigned]:
    """One answer for each wish.

    Raises
    ------
    ValueError
        Where a triple names what the bundle does not know, or one row twice.
    """
    _require_known(wishes, points)
    return [_assigned(wish, points) for wish in wishes]


def _assigned(wish: Wanted, points: Sequence[BrickPoint]) -> Assigned:
    by_hand = _by_hand(wish, points)
    if by_hand:
        missing = [row for row in range(wish.rows) if row not in by_hand]
        if missing:
            return Assigned(wish, why=f"the model names no row {missing[0]} of {wish.rows}")
        return _in_units(wish, [by_hand[row] for row in range(wish.rows)])
    found = [point for point in points if not point.ours and _is_meant(wish, point)]
    if not found:
        return Assigned(wish, why="the model has no such point")
    if len(found) != wish.rows:
        return Assigned(wish, why=f"{wish.rows} wanted, the model has {len(found)}", candidates=tuple(found))
    return _in_units(wish, found)


def _is_meant(wish: Wanted, point: BrickPoint) -> bool:
    place = (CHANNEL_PLACES if wish.is_setpoint else POINT_PLACES).get(wish.name)
    if place is None or not set(place.classes) & set(point.classes):
        return False
    return not place.on or bool(set(place.on) & point.on)


def _by_hand(wish: Wanted, points: Sequence[BrickPoint]) -> dict[int, BrickPoint]:
    """Rows that triples of the model name."""
    found: dict[int, BrickPoint] = {}
    for point in points:
        told = NAMED.match(point.ours)
        if told and told["name"] == wish.name:
            row = int(told["row"] or 0)
            if row in found:
                both = f"{found[row].words} and {point.words}"
                raise ValueError(f"{wish.name}[{row}] is named twice, by {both}; keep one")
            found[row] = point
    return found


def _in_units(wish: Wanted, found: Sequence[BrickPoint]) -> Assigned:
    """Rows with unit and scale; a power becomes a share of what is rated."""
    rows = []
    for k, point in enumerate(found):
        unit = UNITS.get(point.unit, "")
        if unit in CONVERSIONS[wish.unit]:
            rows.append(Row(point, unit))
        elif unit in POWERS and wish.rated_kw:
            rows.append(Row(point, wish.unit, POWERS[unit][0] / wish.rated_kw[k]))
        else:
            told = f"unit {point.unit}, which is not one of {wish.unit}" if point.unit else "no brick:hasUnit"
            return Assigned(wish, why=f"{point.words} has {told}", candidates=tuple(found))
    return Assigned(wish, tuple(rows))


def _require_known(wishes: Sequence[Wanted], points: Sequence[BrickPoint]) -> None:
    rows = {wish.name: wish.rows for wish in wishes}
    for point in points:
        if not point.ours:
            continue
        told = NAMED.match(point.ours)
        name = told["name"] if told else point.ours
        if name not in rows:
            raise ValueError(f"<{OURS}> of {point.words}: {unknown_name('point or channel', name, rows)}")
        if told and int(told["row"] or 0) >= rows[name]:
            raise ValueError(f"<{OURS}> of {point.words}: {point.ours}, but {name} has {rows[name]} rows, from 0 on")
