"""All rows of the page, in the order of PHYSICS j, then the measured data beside it."""

from __future__ import annotations

from experiments.published import accelerators, distributions, heat_rejection, laws, networks, oracle, rooms, sites
from experiments.published.row import Row


def place(row: Row) -> tuple[bool, int, str]:
    """Sort key: numbered rows first, by number; letters after them."""
    digits = "".join(c for c in row.number if c.isdigit())
    return not row.number[0].isdigit(), int(digits), row.number


SUBJECTS = (laws, heat_rejection, rooms, accelerators, sites, oracle, distributions, networks)
ROWS: tuple[Row, ...] = tuple(sorted((row for subject in SUBJECTS for row in subject.ROWS), key=place))
