"""The figures of a year, each with the meters that it rests on; what cannot be told is told by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from experiments.compliance.meters import Reading, Site
from experiments.compliance.quantities import FACTS, NOT_COMPUTED, QUANTITIES, RATIOS, RENEWABLE, UNITS, Ratio


class Figure(NamedTuple):
    """A number that is reported.

    Attributes
    ----------
    symbol, meaning, source : str
        What it is, and who asks for it.
    value : float
    unit : str
    meters : tuple of str
        Names of the meters that it rests on; empty: it was given as a fact.
    """

    symbol: str
    meaning: str
    source: str
    value: float
    unit: str
    meters: tuple[str, ...]


class Told(NamedTuple):
    """All figures, and what is missing ``{symbol: reason}``."""

    figures: tuple[Figure, ...]
    missing: dict[str, str]


def told(site: Site, readings: Sequence[Reading]) -> Told:
    """The figures of a site.

    Parameters
    ----------
    site : Site
    readings : sequence of Reading
        Meters of one quantity add up; temperatures are averaged.

    Raises
    ------
    ValueError
        Where figures cannot be true: IT that takes more than the site, or reuse of more than all.
    """
    by_quantity = {key: [r for r in readings if r.meter.quantity == key] for key in QUANTITIES}
    known = {key: _amount(key, rows) for key, rows in by_quantity.items() if rows}
    names = {key: tuple(r.meter.name for r in rows) for key, rows in by_quantity.items()}
    figures, missing = [], {}
    for fact_key, fact in FACTS.items():
        if fact_key in site.facts:
            figures.append(Figure(fact.symbol, fact.meaning, "EED Annex I, II", site.facts[fact_key], fact.unit, ()))
        else:
            missing[fact.symbol] = f"{fact.meaning}: give facts.{fact_key}"
    for key, quantity in QUANTITIES.items():
        if not quantity.is_figure:
            continue
        if key in known:
            unit = next(iter(UNITS[quantity.dimension]))
            source = "ISO/IEC 30134-8" if key == "carbon" else "EED Annex II"
            figures.append(Figure(quantity.symbol, quantity.meaning, source, known[key], unit, names[key]))
        else:
            missing[quantity.symbol] = f"{quantity.meaning}: no meter has the quantity {key}"
    for ratio in RATIOS:
        lacking = [key for key in (*ratio.parts, ratio.whole) if key not in known]
        if lacking:
            missing[ratio.symbol] = f"needs {', '.join(lacking)}"
            continue
        value = ratio.factor * sum(known[key] for key in ratio.parts) / _above_zero(known[ratio.whole], ratio)
        meters = tuple(name for key in (*ratio.parts, ratio.whole) for name in names[key])
        figures.append(Figure(ratio.symbol, _formula(ratio), ratio.standard, value, ratio.unit, meters))
    _require_possible(known)
    return Told(tuple(figures), missing | NOT_COMPUTED)


def _amount(key: str, rows: Sequence[Reading]) -> float:
    total = sum(row.amount for row in rows)
    return total / len(rows) if QUANTITIES[key].dimension == "temperature" else total


def _formula(ratio: Ratio) -> str:
    parts = " + ".join(QUANTITIES[key].symbol for key in ratio.parts)
    above = f"({parts})" if len(ratio.parts) > 1 else parts
    return f"{above} / {QUANTITIES[ratio.whole].symbol}"


def _above_zero(value: float, ratio: Ratio) -> float:
    if value <= 0.0:
        raise ValueError(
            f"{ratio.whole} = {value:g} over the year; {ratio.symbol} needs a meter that counted something"
        )
    return value


def _require_possible(known: dict[str, float]) -> None:
    """Refuse sums that cannot be: a wrong unit, or a meter that stands elsewhere."""
    renewable = [known[key] for key in RENEWABLE if key in known]
    checks = (
        ("it_energy", known.get("it_energy"), "total_energy"),
        ("potable_water", known.get("potable_water"), "water"),
        ("renewable energy", sum(renewable) if renewable else None, "total_energy"),
    )
    for name, part, whole in checks:
        if part is not None and whole in known and part > known[whole] * (1.0 + 1e-9):
            raise ValueError(
                f"{name} = {part:.6g} is above {whole} = {known[whole]:.6g}; is a unit wrong, or does a meter count "
                "more than one site?"
            )
    for key, value in known.items():
        if QUANTITIES[key].dimension != "temperature" and value < 0.0:
            raise ValueError(f"{key} = {value:.6g} over the year; do meters subtract more than others count?")
