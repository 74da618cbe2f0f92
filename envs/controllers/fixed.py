"""Setpoints that never move: as found (legacy), tuned, or one constant found by search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Measurements, Setpoints
from envs.physics.namespace import Floats


class Fixed:
    """Holds each channel at one value per row.

    Parameters
    ----------
    values : mapping
        Channel name to a list of values, one per row [unit of the channel]; each a number, or an array ``(B,)``.
    """

    def __init__(self, values: Mapping[str, Sequence[float | Floats]]) -> None:
        self.values = {name: _column(v) for name, v in values.items()}

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """The same values for every environment."""
        like = measurements["dry_bulb_c"]
        return {
            name: np.broadcast_to(v, (v.shape[0], like.shape[-1])).astype(like.dtype) for name, v in self.values.items()
        }


def _column(rows: Sequence[float | Floats]) -> Floats:
    """One value per row as ``(k, 1)``, or ``(k, B)``."""
    values = np.asarray(rows, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values
