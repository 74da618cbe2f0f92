"""Setpoints that no loop drives: as found (legacy), tuned, one constant found by search, or reset by outdoor air."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints
from envs.controllers.outdoor_reset import OutdoorReset


class Fixed:
    """Holds each channel at one value per row, which an outdoor reset may move.

    Parameters
    ----------
    values : mapping
        Channel name to a list of values, one per row [unit of the channel]; each a number, or an array ``(B,)``.
    outdoor : OutdoorReset, optional
        What the weather moves; nothing when left out.
    """

    reads = ("dry_bulb_c", "wet_bulb_c")

    def __init__(self, values: Mapping[str, Sequence[float | Floats]], outdoor: OutdoorReset | None = None) -> None:
        self.values = {name: _column(v) for name, v in values.items()}
        self.outdoor = outdoor or OutdoorReset()

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """The same values for every environment, but for what the outdoor reset moves."""
        like = measurements["dry_bulb_c"]
        held = {name: self.outdoor.moved(name, v, measurements) for name, v in self.values.items()}
        wide = {name: v if v.shape[-1] == like.shape[-1] else _repeated(v, like.shape[-1]) for name, v in held.items()}
        return {name: v.astype(like.dtype) for name, v in wide.items()}


def _repeated(column: Floats, n: int) -> Floats:
    return np.broadcast_to(column, (column.shape[0], n))


def _column(rows: Sequence[float | Floats]) -> Floats:
    """One value per row as ``(k, 1)``, or ``(k, B)``."""
    values = np.asarray(rows, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values
