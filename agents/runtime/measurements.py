"""Measurements as a building hands them over: complete, in shape, finite and possible, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.interface import PointData

Array = NDArray[np.floating]


def believed(given: Mapping[str, ArrayLike], points: Sequence[PointData]) -> tuple[dict[str, Array], bool]:
    """Arrays ``{point: (k, B)}`` of what was measured, and whether it was one site without a batch axis.

    Parameters
    ----------
    given : mapping
        Point to its rows ``(k,)`` of one site, or ``(k, B)`` of B sites; a single row may be a plain number. Names that
        no point has are left out.
    points : sequence of PointData
        What the policy needs, from the manifest.

    Raises
    ------
    ValueError
        Naming the point that is missing, not a number, of another shape, not finite, or outside its possible range.
    """
    missing = [p["name"] for p in points if p["name"] not in given]
    if missing:
        raise ValueError(f"measurements lack {', '.join(missing)}; the policy was trained with all of them")
    arrays = {p["name"]: _numbers(p, given[p["name"]]) for p in points}
    first = points[0]["name"]
    batch = arrays[first].shape[1:]
    for p in points:
        _require_shape(p, arrays[p["name"]], batch, first)
        _require_possible(p, arrays[p["name"]])
    dtype = np.result_type(np.float32, *arrays.values())
    blocks = {name: np.ascontiguousarray(a.reshape(a.shape[0], -1), dtype) for name, a in arrays.items()}
    return blocks, not batch


def _numbers(p: PointData, value: ArrayLike) -> Array:
    try:
        array = np.asarray(value)
        array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{p['name']} = {value!r} is not a number; give {_shape(p)} in {p['unit']}") from None
    return array[None] if array.ndim == 0 else array


def _require_shape(p: PointData, array: Array, batch: tuple[int, ...], first: str) -> None:
    if array.ndim > 2 or array.shape[0] != p["rows"] or array.size == 0:
        raise ValueError(f"{p['name']} has shape {array.shape}; give {_shape(p)}")
    if array.shape[1:] != batch:
        raise ValueError(
            f"{p['name']} has shape {array.shape} where {first} has the sites {batch}; "
            "give every point for the same sites, or every point for one site without that axis"
        )


def _require_possible(p: PointData, array: Array) -> None:
    low, high = p["possible"]
    good = (array >= low) & (array <= high)  # NaN is neither
    if good.all():
        return
    at = tuple(int(i) for i in np.argwhere(~good)[0])
    where = f"{p['name']}[{', '.join(str(i) for i in at)}] = {array[at]}"
    if not np.isfinite(array[at]):
        raise ValueError(f"{where} is not a finite number; act on the last good reading or hand over to the site's own")
    raise ValueError(
        f"{where} {p['unit']} is impossible, outside [{low:g}, {high:g}]; check the sensor, its unit "
        "(temperatures in degC, shares 0..1) and the order of the points"
    )


def _shape(p: PointData) -> str:
    return f"({p['rows']},) for one site, ({p['rows']}, B) for B sites"
