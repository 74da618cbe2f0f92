"""Tables, facts and page of a power plan: the answer first, then what it rests on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.whole_file import whole_file, write_whole
from experiments.records.markdown_table import markdown_table
from experiments.records.provenance import provenance

if TYPE_CHECKING:
    from experiments.power_planning.answer import ClassCap, OnCurve, Tried
    from experiments.powerplan import PowerPlan

PAGE, FACTS = "powerplan.md", "powerplan.json"
Row = dict[str, Any]


def save(folder: Path, found: PowerPlan, facts: Row) -> Path:
    """Write the tables as CSV, the facts and the page, and return the page.

    Parameters
    ----------
    folder : Path
    found : PowerPlan
    facts : dict
        What was run.
    """
    import pandas as pd

    tables = {
        "racks": [_racks_row(row) for row in found.tried],
        "caps": [_caps_row(row) for row in found.caps],
        "minima": _minima_rows(found),
        "losses": _losses_rows(found),
        "curve": [_curve_row(row) for row in found.curve],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        if rows:
            with whole_file(folder / f"{name}.csv") as draft:
                pd.DataFrame(rows).to_csv(draft, index=False)
    content = {**facts, "more_racks": found.most, **provenance(config=facts)}
    write_whole(folder / FACTS, json.dumps(content, indent=2, default=str) + "\n")
    write_whole(folder / PAGE, page(found, facts, tables))
    return folder / PAGE


def page(found: PowerPlan, facts: Row, tables: dict[str, list[Row]]) -> str:
    """The page in Markdown."""
    asked = facts["asked"]
    parts = [f"# Power plan of {facts['scenario']}", answer_words(found, facts), f"```\n{facts['command']}\n```"]
    parts += ["## More racks", _table(tables["racks"])]
    parts += [f"## Caps by row and class, with {found.most or 0} more racks", _table(tables["caps"])]
    if tables["minima"]:
        parts += ["## Minima of classes and tenants", _table(tables["minima"])]
    losses = f"{asked['years']} hall-years; each feeder is lost {asked['losses_per_year']:g} times a year on average."
    parts += ["## Lost feeders", losses, _table(tables["losses"])]
    if found.curve:
        parts += ["## Work over the feeder", _table(tables["curve"])]
    return "\n\n".join(parts) + "\n"


def answer_words(found: PowerPlan, facts: Row) -> str:
    """The answer in a sentence or two."""
    asked = facts["asked"]
    bar = f"at most {_percent(asked['lost_frac'])} of the work lost and {asked['trips_per_year']:g} trips a year"
    if found.most is None:
        here = found.tried[0]
        return (
            f"**The hall as it stands does not keep what is asked**: {bar}. It loses {_percent(1.0 - here.done_frac)} "
            f"and expects {here.trips_per_year:.3g} trips a year; full is: {here.binding}."
        )
    row = next(row for row in found.tried if row.added == found.most)
    return (
        f"**{found.most} more racks fit** beside the {facts['racks']} that there are, with {bar}. Work done is then "
        f"{_percent(row.done_frac)} ({_percent(row.low)} to {_percent(row.high)}); full first is: {row.binding}."
    )


def _racks_row(row: Tried) -> Row:
    return {
        "more racks": row.added,
        "work done %": _points(row.done_frac),
        "95 % low": _points(row.low),
        "95 % high": _points(row.high),
        "trips a year": round(row.trips_per_year, 4),
        "full first": row.binding,
    }


def _caps_row(row: ClassCap) -> Row:
    return {
        "row": row.row + 1,
        "group": row.group,
        "class": row.kind,
        "racks": row.racks,
        "wants kW": round(row.wanted_kw, 1),
        "gets kW": round(row.limit_kw, 1),
        "capped, % of time": _points(row.capped_frac),
        "usual cap, % of draw": _points(row.usual),
        "lowest cap (5 %)": _points(row.least),
        "work done %": _points(row.done_frac),
    }


def _chosen(found: PowerPlan) -> Tried | None:
    """The hall that is answered with."""
    return next((row for row in found.tried if row.added == (found.most or 0)), None)


def _minima_rows(found: PowerPlan) -> list[Row]:
    row = _chosen(found)
    return [
        {
            "minimum of": one.name,
            "promised kW": round(one.promised_kw, 1),
            "gets kW": round(one.gets_kw, 1),
            "missed at most kW": round(one.missed_kw, 1),
            "fullest above it at its tightest": one.full,
            "drawn short, % of time": round(100.0 * one.short_frac, 1),
            "drawn at worst, % of it": round(100.0 * one.worst_frac, 1),
        }
        for one in (row.kept if row else [])
    ]


def _losses_rows(found: PowerPlan) -> list[Row]:
    row = _chosen(found)
    return [
        {
            "lost": fault.name,
            "losses": fault.losses,
            "worst load before the cut, % of limit": _points(fault.before_frac),
            "after it": _points(fault.after_frac),
            "trips": fault.trips,
            "dark racks": fault.dark_racks,
            "work after, % of before": _points(fault.work_frac),
        }
        for fault in (row.faults if row else [])
    ]


def _curve_row(row: OnCurve) -> Row:
    return {
        "demand over feeder": round(row.oversubscription, 3),
        "racks may draw kW": round(row.feeder_kw, 1),
        "work done %": _points(row.done[0]),
        "95 % low": _points(row.done[1]),
        "95 % high": _points(row.done[2]),
        **_gain(row),
    }


def _gain(row: OnCurve) -> Row:
    if isnan(row.gain):  # feeds cross
        return {}
    return {
        "tuned water-filling %": _points(row.water_filling),
        "gain over it %": _points(row.gain),
        "gain low": _points(row.gain_low),
        "gain high": _points(row.gain_high),
    }


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "None."
    head = list(rows[0])
    return markdown_table(head, [[str(row[key]) for key in head] for row in rows])


def _points(share: float) -> float:
    return round(100.0 * share, 2)


def _percent(share: float) -> str:
    return f"{100.0 * share:.2f} %"
