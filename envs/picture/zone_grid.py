"""How the zones of a hall share a sheet of paper: side by side or below each other, whichever shows larger racks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MARGIN_M, HEADER_M = 0.5, 1.1


class Box(NamedTuple):
    """A zone on the sheet: lower left corner, size [of the sheet's unit], and units of the sheet in a metre."""

    x: float
    y: float
    width: float
    height: float
    scale: float


def zone_boxes(sizes_m: Sequence[tuple[float, float]], width: float, height: float) -> list[Box]:
    """A box for each zone on a sheet of ``width`` by ``height``, all at one scale, as large as fits.

    Parameters
    ----------
    sizes_m : sequence of (width, depth)
        Of the zones' racks [m].
    width, height : float
        Of the sheet.
    """
    whole = [(w + 2.0 * MARGIN_M, d + 2.0 * MARGIN_M + HEADER_M) for w, d in sizes_m]
    best: list[Box] = []
    for columns in range(1, len(whole) + 1):
        made = _in_columns(whole, columns, width, height)
        if not best or made[0].scale > best[0].scale:
            best = made
    return best


def _in_columns(sizes: Sequence[tuple[float, float]], columns: int, width: float, height: float) -> list[Box]:
    rows = [sizes[i : i + columns] for i in range(0, len(sizes), columns)]
    column_m = [max(row[c][0] for row in rows if c < len(row)) for c in range(min(columns, len(sizes)))]
    row_m = [max(size[1] for size in row) for row in rows]
    scale = min(width / sum(column_m), height / sum(row_m))
    made, top = [], 0.5 * (height + scale * sum(row_m))
    for row, depth in zip(rows, row_m):
        left = 0.5 * (width - scale * sum(column_m))
        for c, (w, d) in enumerate(row):
            made.append(Box(left, top - scale * d, scale * w, scale * d, scale))
            left += scale * column_m[c]
        top -= scale * depth
    return made
