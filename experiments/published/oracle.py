"""The row of EnergyPlus on our own sites (j20): read from what ``coldaisle validate`` stored, never run here."""

from __future__ import annotations

from pathlib import Path

from experiments.published.row import Check, NotRun, Row

STORED = Path("docs/validation")


def stored_validation() -> list[Check]:
    """Bars of the last cross-check against EnergyPlus, as stored beside this page."""
    raise NotRun(f"no stored cross-check under {STORED}: run coldaisle validate (extra [energyplus], minutes to hours)")


ROWS = (
    Row(
        "20",
        "EnergyPlus 25.2 on models of our own sites",
        "cooling electricity of a year within 5 %, climates ranked alike",
        "issue 3, bars",
        "EnergyPlus 25.2",
        stored_validation,
    ),
)
