"""What the German Energieeffizienzgesetz asks of a data centre in a year, beside what it reached.

EnEfG of 18 November 2023, section 11: paragraph 1 and 2 (PUE, reused energy), paragraph 5 (renewable electricity). The
text of paragraphs 1 to 3 was read at gesetze.legal, the shares of paragraph 5 in public summaries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

APPLIES_FROM_KW = 300.0  # connected power without redundancy, section 3
NEW_FROM = (2026, 7)
YEARS_OF_GRACE = 2
Month = tuple[int, int]
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Demand(NamedTuple):
    """What the law asks: a figure at most or at least, from a month on.

    Attributes
    ----------
    symbol : str
        Of a figure.
    limit : float
    most : bool
        Whether the limit is an upper one.
    begins : tuple of int
        Year and month.
    paragraph : str
    """

    symbol: str
    limit: float
    most: bool
    begins: Month
    paragraph: str


class Answer(NamedTuple):
    """A demand, the figure beside it (None: missing), and whether it is met, in words."""

    demand: Demand
    value: float | None
    words: str


def month(text: str) -> Month | None:
    """Year and month of ``2026-09``; None where it is no such text."""
    found = _MONTH.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def demands(begun: Month) -> list[Demand]:
    """What is asked of a data centre that began its operation in a month, the milder demand first."""
    asked = [Demand("REF", 0.5, False, (2024, 1), "11 (5)"), Demand("REF", 1.0, False, (2027, 1), "11 (5)")]
    if begun < NEW_FROM:
        return [Demand("PUE", 1.5, True, (2027, 7), "11 (1)"), Demand("PUE", 1.3, True, (2030, 7), "11 (1)"), *asked]
    due = begun[0] + YEARS_OF_GRACE, begun[1]
    reused = 0.20 if begun >= (2028, 7) else 0.15 if begun >= (2027, 7) else 0.10
    return [Demand("PUE", 1.2, True, due, "11 (2)"), Demand("ERF", reused, False, due, "11 (2)"), *asked]


def answers(begun: Month, year: int, known: Mapping[str, float]) -> list[Answer]:
    """Each demand beside the figure of the year, ``{symbol: value}``; what begins within the year is in force in it."""
    found = []
    for demand in demands(begun):
        value = known.get(demand.symbol)
        met = value is not None and (value <= demand.limit if demand.most else value >= demand.limit)
        words = f"unknown: {demand.symbol} is missing" if value is None else "met" if met else "missed"
        if demand.begins > (year, 12):
            words = f"not yet in force; {words}"
        found.append(Answer(demand, value, words))
    return found
