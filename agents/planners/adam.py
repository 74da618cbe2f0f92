"""Adam's direction in numpy, for plans that are moved by slopes.

References
----------
Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR (2015), algorithm 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


class Adam:
    """Slopes over their own size, element by element.

    Parameters
    ----------
    shape : tuple of int
        Of what is moved.
    beta1, beta2 : float
        How slowly the mean of the slopes, and that of their squares, follow.
    """

    def __init__(self, shape: tuple[int, ...], beta1: float = 0.9, beta2: float = 0.99) -> None:
        self.beta1, self.beta2 = beta1, beta2
        self.mean, self.square, self.count = np.zeros(shape), np.zeros(shape), np.zeros(shape[-1:])

    def forget(self, where: NDArray[np.bool_]) -> None:
        """Begin anew in the last-axis columns ``where``."""
        self.mean[..., where] = self.square[..., where] = self.count[..., where] = 0.0

    def direction(self, slopes: Array) -> Array:
        """What to move against, about 1 in size where slopes agree."""
        self.count += 1.0
        self.mean += (1.0 - self.beta1) * (slopes - self.mean)
        self.square += (1.0 - self.beta2) * (slopes * slopes - self.square)
        mean, square = self.mean / (1.0 - self.beta1**self.count), self.square / (1.0 - self.beta2**self.count)
        found: Array = mean / (np.sqrt(square) + 1e-12)
        return found
