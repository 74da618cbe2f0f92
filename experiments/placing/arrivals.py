"""Racks to come, from a table: a row for each kind of rack of a deployment."""

from __future__ import annotations

from pathlib import Path

from experiments.placing.inventory import Record, records
from experiments.placing.racks import HALL, REDUNDANCIES, TOGETHER, WHOLE, Deployment, Kind

MOST_KW, MOST_KG, MOST_U, MOST_RACKS, MOST_WAVE = 2000.0, 20_000.0, 100.0, 5000, 999
NAMES = ("deployment", "name")
KIND = ("kw", "liquid_frac", "liquid_kw", "redundancy", "floor_frac", "kg", "height_u", "archetype")
KNOWN = (*NAMES, *KIND, "racks", "together", "wave")
LET_BE = ("rack", "u_height")  # of a plan or an export, which are almost spelt like others


def read_arrivals(path: Path) -> list[Deployment]:
    """Deployments of a file.

    Parameters
    ----------
    path : Path
        Columns ``deployment`` and ``kw``; ``racks``, ``liquid_frac`` or ``liquid_kw``, ``redundancy``, ``floor_frac``,
        ``together``, ``wave``, ``kg``, ``height_u`` and ``archetype`` may lack. Rows of one deployment come together.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming file, line, column, value, what is allowed and the mend.
    """
    found: dict[str, tuple[Record, Deployment]] = {}
    for record in records(path, ["kw"], (*KNOWN, *LET_BE)):
        one = _deployment(record)
        if one.name in found:
            first, whole = found[one.name]
            for key in ("together", "wave"):
                if getattr(one, key) != getattr(whole, key):
                    raise record.fault(
                        f"{key} = {getattr(one, key)} of deployment {one.name!r}, which has {getattr(whole, key)} in "
                        f"{first.where.rpartition(', ')[2]}; give its rows one"
                    )
            one = whole._replace(racks=_joined(whole, one))
            record = first
        found[one.name] = (record, one)
    return [one for _, one in found.values()]


def read_kind(record: Record) -> Kind:
    """What a rack of a row needs."""
    kw = record.number("kw", None, 0.1, MOST_KW)
    if "liquid_frac" in record.cells and "liquid_kw" in record.cells:
        raise record.fault("both liquid_frac and liquid_kw; give one of them")
    liquid_frac = record.number("liquid_frac", 0.0, 0.0, 1.0)
    if "liquid_kw" in record.cells:
        liquid_frac = record.number("liquid_kw", None, 0.0, kw) / kw
    redundancy = record.choice("redundancy", REDUNDANCIES, WHOLE)
    floor = record.number("floor_frac", 0.7, 0.0, 1.0)
    kg, height = record.number("kg", 0.0, 0.0, MOST_KG), record.number("height_u", 0.0, 0.0, MOST_U)
    return Kind(kw, liquid_frac, redundancy, floor, kg, height, read_archetype(record))


def read_archetype(record: Record) -> str:
    """Rack of the plant of a row; empty where none is named."""
    from envs.scenario.rack_group import PRESETS

    return record.choice("archetype", PRESETS) if "archetype" in record.cells else ""


def _deployment(record: Record) -> Deployment:
    name, racks = record.text(NAMES), record.whole("racks", 1, 1, MOST_RACKS)
    names = tuple(f"{name}-{place + 1}" for place in range(racks)) if racks > 1 else (name,)
    together, wave = record.choice("together", TOGETHER, HALL), record.whole("wave", 0, 0, MOST_WAVE)
    return Deployment(name, ((read_kind(record), names),), together, wave)


def _joined(whole: Deployment, more: Deployment) -> tuple[tuple[Kind, tuple[str, ...]], ...]:
    """Racks of two rows of a deployment, numbered through, each kind once."""
    counts = {kind: len(names) for kind, names in whole.racks}
    for kind, names in more.racks:
        counts[kind] = counts.get(kind, 0) + len(names)
    made, number = [], 0
    for kind, count in counts.items():
        made.append((kind, tuple(f"{whole.name}-{number + place + 1}" for place in range(count))))
        number += count
    return tuple(made)
