"""A row of the page: a published target, and the function that measures ours on the plant as it is now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class NotRun(Exception):
    """A row that cannot be measured here; its words say what is missing and how to get it."""


class Check(NamedTuple):
    """One measured number and the band that it has to lie in.

    Attributes
    ----------
    what : str
        Which number, in words.
    ours : float
        Measured by running our plant or machine [unit].
    published : str
        As published, with its words.
    low, high : float
        Accepted band [unit]; infinite where open.
    unit : str
        Unit of the numbers.
    """

    what: str
    ours: float
    published: str
    low: float
    high: float
    unit: str

    @property
    def passed(self) -> bool:
        """Whether ours lies in the band; a number that is not finite never does."""
        return self.low <= self.ours <= self.high


Measure = Callable[[], list[Check]]


@dataclass(frozen=True)
class Row:
    """One published target.

    Attributes
    ----------
    number : str
        Row of the targets, PHYSICS j, or M1.. for measured data beside it.
    target, published, tolerance, source : str
        As the table has them.
    measure : callable
        Runs the plant and returns the checks; may raise `NotRun`.
    """

    number: str
    target: str
    published: str
    tolerance: str
    source: str
    measure: Measure


@dataclass(frozen=True)
class RowOutcome:
    """What measuring a row gave: its checks, or the reason why there are none."""

    row: Row
    checks: list[Check] = field(default_factory=list)
    not_run: str = ""

    @property
    def verdict(self) -> str:
        """``pass``, ``FAIL`` or ``not run``; a row fails with any of its checks."""
        if self.not_run or not self.checks:
            return "not run"
        return "pass" if all(c.passed for c in self.checks) else "FAIL"

    @property
    def missed(self) -> list[Check]:
        """The checks outside their band."""
        return [c for c in self.checks if not c.passed]


def measure_row(row: Row) -> RowOutcome:
    """Measure one row now."""
    try:
        return RowOutcome(row, row.measure())
    except NotRun as reason:
        return RowOutcome(row, not_run=str(reason))


def check_near(
    what: str, ours: float, published: float, unit: str, *, rel: float = 0.0, plus_minus: float = 0.0
) -> Check:
    """A number that has to meet one published value within a relative or an absolute tolerance."""
    room = max(abs(published) * rel, plus_minus)
    return Check(what, float(ours), f"{published:g}", published - room, published + room, unit)


def check_between(
    what: str, ours: float, low: float, high: float, unit: str, *, factor: float = 1.0, more: float = 0.0
) -> Check:
    """A number that has to lie in a published range, widened by a factor or by ``more`` on either side."""
    return Check(what, float(ours), f"{low:g} to {high:g}", low / factor - more, high * factor + more, unit)
