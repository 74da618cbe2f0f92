"""The row of EnergyPlus on our own sites (j20): read from what ``coldaisle validate`` stored, never run here."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from experiments.published.row import Check, NotRun, Row

STORED = Path("docs/validation")
BARS, FACTS = "verdicts.csv", "facts.json"


def stored_validation() -> list[Check]:
    """Bars of the last cross-check against EnergyPlus, as stored beside this page; says where the plant moved on."""
    found = sorted(STORED.rglob(BARS)) if STORED.is_dir() else []
    if not found:
        raise NotRun(
            f"no stored cross-check under {STORED}: run coldaisle validate (extra [energyplus], minutes to hours)"
        )
    return [check for path in found for check in checks_of(path)]


def checks_of(path: Path) -> list[Check]:
    """One check per stored bar that was judged; its number is the worst over the climates."""
    from experiments.records.provenance import plant_hash

    facts = path.with_name(FACTS)
    stored = json.loads(facts.read_text(encoding="utf-8")).get("plant_hash") if facts.is_file() else None
    age = "" if stored == plant_hash() else ", stored on an earlier plant"
    with path.open(encoding="utf-8") as stream:
        return [_check(row, age) for row in csv.DictReader(stream) if row["passed"]]


def _check(row: dict[str, str], age: str) -> Check:
    what = f"{row['plant']}, {row['case']}: {row['bar']} ({row['where']}{age})"
    value, limit = _number(row["worst"]), _number(row["limit"])
    if value is None or limit is None:
        return Check(what, float(row["passed"] == "True"), row["limit"], 1.0, 1.0, "1 where it holds")
    low, high = (limit, float("inf")) if ">=" in row["limit"] else (0.0, limit)
    return Check(what, value, row["limit"], low, high, "%" if "%" in row["worst"] else row["worst"].split()[-1])


def _number(text: str) -> float | None:
    """First number of a text."""
    found = re.search(r"\d+(\.\d+)?", text)
    return float(found.group()) if found else None


ROWS = (
    Row(
        "20",
        "EnergyPlus 25.2 on models of our own sites",
        "cooling electricity of a year within 5 %, climates ranked alike",
        "the bars of coldaisle validate",
        "EnergyPlus 25.2",
        stored_validation,
    ),
)
