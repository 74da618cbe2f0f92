"""Measurements as a building hands them over: complete, in shape, finite and possible, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.interface import DRY_BULB, HOTTEST_CHIP, IN_FORCE, POSSIBLE_BY_NAME, WET_BULB, PointData

Array = NDArray[np.floating]

KELVIN_AT_0_C = 273.15
#: A reading that would be usual in kelvin is believed where a chip is nearly as hot: the heat of a hall is its chips'.
#: Coolant that stands still passes a chip by up to 117 K in the simulated plant; engineering guess.
FROM_HOTTEST_K = 150.0
#: So far may the wet bulb's reading pass the dry bulb's: a sensor that hangs shows another hour, another front.
#: Engineering guess; bulbs in degF beside degC, and swapped ones in dry air, fall outside.
WET_OVER_DRY_K = 20.0


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
        Naming the point that is missing, masked, not a real number, of another shape, not finite, or impossible:
        outside its possible range, in kelvin, or a wet bulb far over the dry bulb.
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
    _require_degc(points, arrays)
    if {WET_BULB, DRY_BULB} <= set(arrays):
        _require_bulbs(arrays[WET_BULB], arrays[DRY_BULB])
    dtype = np.result_type(np.float32, *arrays.values())
    blocks = {name: np.ascontiguousarray(a.reshape(a.shape[0], -1), dtype) for name, a in arrays.items()}
    return blocks, not batch


def _numbers(p: PointData, value: ArrayLike) -> Array:
    if np.ma.is_masked(value):
        raise ValueError(f"{p['name']} has masked entries; act on the last good reading or hand over to the site's own")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiuO":
            raise TypeError(array.dtype)
        array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{p['name']} = {value!r:.60} is not a real number; give {_shape(p)} in {p['unit']}") from None
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


def _require_degc(points: Sequence[PointData], arrays: Mapping[str, Array]) -> None:
    """Refuse kelvin: what is as high as a usual temperature in kelvin while nothing hot stands beside it."""
    hall = {
        p["name"]: p for p in points if p["unit"] == "degC" and not p["name"].startswith((*POSSIBLE_BY_NAME, IN_FORCE))
    }
    cold = np.full((1, *next(iter(arrays.values())).shape[1:]), -np.inf)
    for name, p in hall.items():
        beside = [other for other in hall if (other == HOTTEST_CHIP) != (name == HOTTEST_CHIP)]
        hottest = np.max([cold, *(arrays[other].max(axis=0, keepdims=True) for other in beside)], axis=0)
        array = arrays[name]
        wrong = (array >= p["possible"][0] + KELVIN_AT_0_C) & (array > hottest + FROM_HOTTEST_K)
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"{name}[{', '.join(str(i) for i in at)}] = {array[at]} degC is impossible beside "
                f"{' and '.join(beside) or 'nothing hot'}; give temperatures in degC, not in kelvin"
            )


def _require_bulbs(wet: Array, dry: Array) -> None:
    """Refuse a wet bulb that only a mix-up puts so far over the dry bulb."""
    if (wet > dry + WET_OVER_DRY_K).any():
        site = int(np.argmax((wet - dry).ravel()))
        raise ValueError(
            f"{WET_BULB} = {wet.flat[site]} degC is impossible, over {DRY_BULB} = {dry.flat[site]} degC; "
            "check which sensor is which, and that both are in degC"
        )


def _shape(p: PointData) -> str:
    return f"({p['rows']},) for one site, ({p['rows']}, B) for B sites"
