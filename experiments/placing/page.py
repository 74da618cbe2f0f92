"""Tables, facts and page of a plan, and the files that NetBox and Nautobot import."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from envs.whole_file import whole_file, write_whole
from experiments.placing.answer import PlacingAnswer
from experiments.placing.hall import PlacingHall
from experiments.placing.plant_replay import Played
from experiments.placing.racks import Kind
from experiments.placing.seats import Seat
from experiments.records.plain_page import Page, Section, page_html
from experiments.records.provenance import provenance
from experiments.records.spreadsheet import as_text

HTML, FACTS, PLAN, REFUSED, LOSSES, RULES_TABLE = (
    "place.html",
    "place.json",
    "plan.csv",
    "refused.csv",
    "losses.csv",
    "rules.csv",
)
DCIM_CSV, DCIM_JSON = "dcim_racks.csv", "dcim_racks.json"
STATUS = "reserved"
SHOWN = 12  # digits of a hash on the page; all stand in the facts
Row = dict[str, object]


def save(folder: Path, hall: PlacingHall, found: PlacingAnswer, facts: Row) -> Path:
    """Write tables, facts, page and the files for an inventory, and return the page.

    Parameters
    ----------
    folder : Path
    hall : PlacingHall
    found : PlacingAnswer
    facts : dict
        What was run.
    """
    tables = {
        PLAN: [plan_row(seat) for seat in found.seats],
        REFUSED: refused_rows(found),
        LOSSES: loss_rows(found),
        RULES_TABLE: rule_rows(found),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        _write_csv(folder / name, rows)
    level, verdict, why = verdict_of(hall, found)
    content = {**facts, "verdict": verdict, "why": why, **tables, **provenance(config=facts)}
    write_whole(folder / FACTS, json.dumps(content, indent=2, default=str) + "\n")
    _write_dcim(folder, found.seats)
    sections = [
        Section("Racks on their positions", (), *_cells(tables[PLAN])),
        Section("Refused, and what binds", () if tables[REFUSED] else ("None.",), *_cells(tables[REFUSED])),
        Section("Every single loss", LOSS_WORDS, *_cells(tables[LOSSES])),
        Section("Beside greedy rules", (), *_cells(tables[RULES_TABLE])),
    ]
    if found.played:
        played = [_played_row(one) for one in found.played]
        sections.insert(3, Section("In the plant", ("All racks at full load on a summer's day.",), *_cells(played)))
    page = Page(f"Racks of {hall.name}", level, verdict, why, sections, _footer(facts))
    write_whole(folder / HTML, page_html(page))
    return folder / HTML


LOSS_WORDS = (
    "Loads as shares of the limit of whatever survives and carries most. Capped racks fall to their floor, racks "
    "without redundancy are shed, 10 s after a feeder is lost.",
)


def verdict_of(hall: PlacingHall, found: PlacingAnswer) -> tuple[str, str, list[str]]:
    """Colour, sentence and reasons."""
    placed = [one for one in found.decided if one.placed is not None]
    racks = sum(one.deployment.size for one in placed)
    asked = sum(one.deployment.size for one in found.decided)
    kw = sum(one.deployment.kw for one in placed)
    held = all(one.held for one in found.losses) and all(one.held for one in found.played)
    words = f"{racks} of {asked} racks are placed, {kw:.0f} kW; {100 * found.stranded_frac:.1f} % of the usable power "
    words += "is left without a rack. " + (
        "No single loss trips the plan." if held else "A single loss trips the plan."
    )
    why = [
        f"{100 * rule.stranded_frac:.1f} % would be left by the best greedy rule, {rule.name}."
        for rule in found.rules[:1]
    ]
    counts: dict[str, int] = {}
    for one in found.refused:
        counts[one.binding.what] = counts.get(one.binding.what, 0) + one.deployment.size
    why += [f"{count} racks are refused by: {what}." for what, count in sorted(counts.items(), key=lambda x: -x[1])]
    return ("good" if held and not found.refused else "level" if held else "bad"), words, why


def plan_row(seat: Seat) -> Row:
    """A rack on its position, as a row."""
    block = seat.position.block
    return {
        "rack": as_text(seat.rack),
        "deployment": as_text(seat.deployment.name),
        "position": as_text(seat.position.name),
        "row": as_text(block.row),
        "zone": as_text(block.zone),
        "feeds": as_text("; ".join(block.feeds)),
        "cdus": as_text("; ".join(block.cdus) if seat.kind.liquid_frac > 0.0 else ""),
        **kind_cells(seat.kind),
        "wave": seat.deployment.wave,
    }


def kind_cells(kind: Kind) -> Row:
    """What a rack needs, as the columns that arrivals and standing racks are read from."""
    cells: Row = {"kw": kind.kw, "liquid_frac": round(kind.liquid_frac, 4), "redundancy": kind.redundancy}
    cells |= {"floor_frac": kind.floor_frac, "kg": kind.kg, "height_u": kind.height_u, "archetype": kind.archetype}
    return cells


def refused_rows(found: PlacingAnswer) -> list[Row]:
    """Each refused deployment with what binds."""
    return [
        {
            "deployment": as_text(one.deployment.name),
            "racks": one.deployment.size,
            "kw": round(one.deployment.kw, 1),
            "together": one.deployment.together,
            "binds": one.binding.what,
            "which": as_text(one.binding.words),
        }
        for one in found.refused
    ]


def loss_rows(found: PlacingAnswer) -> list[Row]:
    """Each single loss."""
    return [
        {
            "supply": one.supply,
            "lost": one.name,
            "fullest": one.fullest,
            "until racks fall back, %": round(100 * one.before_frac, 1),
            "after, %": round(100 * one.after_frac, 1),
            "trips": one.trips,
            "dark racks that should not be": one.dark,
        }
        for one in found.losses
    ]


def rule_rows(found: PlacingAnswer) -> list[Row]:
    """The plan beside each greedy rule."""
    rows = [("this plan", found.kw, found.racks, found.stranded_frac)]
    rows += [(rule.name, rule.kw, rule.racks, rule.stranded_frac) for rule in found.rules]
    return [
        {"way": name, "racks": racks, "placed kW": round(kw, 1), "stranded, % of usable": round(100 * share, 2)}
        for name, kw, racks, share in rows
    ]


def _played_row(one: Played) -> Row:
    return {
        "lost": one.lost,
        "trips": round(one.trips),
        "stopped racks": one.dark,
        "hottest inlet, degC": round(one.hottest_c, 1),
        "allowable, degC": round(one.allowed_c, 1),
        "coolant over its limit, K": round(one.coolant_over_k, 2),
    }


def _cells(rows: Sequence[Row]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    return (list(rows[0]), [[str(cell) for cell in row.values()] for row in rows]) if rows else ((), ())


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    import pandas as pd

    with whole_file(path) as draft:
        pd.DataFrame(rows).to_csv(draft, index=False)


def _write_dcim(folder: Path, seats: Sequence[Seat]) -> None:
    """Updates of the inventory's racks that were the positions; only where they have ids there."""
    if not seats or not all(seat.position.dcim_id for seat in seats):
        return
    custom = [{"rack": seat.rack, "deployment": seat.deployment.name, **kind_cells(seat.kind)} for seat in seats]
    flat = [
        {"id": seat.position.dcim_id, "status": STATUS, **{f"cf_{key}": value for key, value in cells.items()}}
        for seat, cells in zip(seats, custom)
    ]
    _write_csv(
        folder / DCIM_CSV, [{key: as_text(v) if isinstance(v, str) else v for key, v in row.items()} for row in flat]
    )
    patch = [
        {"id": _id(seat.position.dcim_id), "status": STATUS, "custom_fields": cells}
        for seat, cells in zip(seats, custom)
    ]
    write_whole(folder / DCIM_JSON, json.dumps(patch, indent=2) + "\n")


def _id(text: str) -> int | str:
    """NetBox numbers its objects, Nautobot gives them UUIDs."""
    return int(text) if text.isdecimal() else text


def _footer(facts: Row) -> str:
    hall, arrivals = (str(facts[key])[:SHOWN] for key in ("hall_hash", "arrivals_hash"))
    return f"{facts['command']} · hall {hall} · arrivals {arrivals}"
