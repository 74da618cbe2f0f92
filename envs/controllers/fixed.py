"""Setpoints that never move: as found (legacy), tuned, or one constant found by search."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Measurements, Setpoints


class Fixed:
    """Holds each channel at one value per row.

    Parameters
    ----------
    values : mapping
        Channel name to a list of values, one per row [unit of the channel].
    """

    def __init__(self, values: Mapping[str, list[float]]) -> None:
        self.values = {name: np.asarray(v, dtype=np.float64)[:, None] for name, v in values.items()}

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """The same values for every environment."""
        like = measurements["dry_bulb_c"]
        return {name: np.broadcast_to(v, (v.shape[0], like.shape[-1])).astype(like.dtype) for name, v in self.values.items()}
