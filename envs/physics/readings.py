"""How a state follows what is measured: a constant-gain observer, machine by machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from envs.physics.namespace import Array


class Readings(NamedTuple):
    """What a building shows, beside what the model shows of the same points.

    Attributes
    ----------
    seen : mapping
        Measured points ``{name: (k, B)}``, after the sensor layer.
    expected : mapping
        The same points as the model has them at the same moment, ``(k, B)`` or ``(B,)``; those that are pulled.
    """

    seen: Mapping[str, Array]
    expected: Mapping[str, Array] = {}

    def __contains__(self, point: object) -> bool:
        """Whether the building shows the point."""
        return point in self.seen

    def reported_value(self, value: Array, point: str) -> Array:
        """What the building reports exactly, in place of ``value``; ``value`` itself where it reports nothing."""
        return self._of(value, point).astype(value.dtype) if point in self.seen else value

    def corrected_value(self, value: Array, point: str, gain: float) -> Array:
        """The value moved by ``gain`` of what was measured above what was expected: ``x + K (y - h(x))``.

        Parameters
        ----------
        value : array (Z, B) or (B,)
            Part of a state.
        point : str
            The sensor that tells of it; nothing moves where there is none.
        gain : float
            0 trusts the model alone. 1 takes over all that the sensor shows, its noise too.
        """
        if point not in self.seen or gain == 0.0:
            return value
        moved: Array = value + gain * (self._of(value, point) - self.expected[point])
        return moved.astype(value.dtype)

    def _of(self, value: Array, point: str) -> Array:
        """The reading in the shape of a state of zones ``(Z, B)`` or of the site ``(B,)``."""
        return self.seen[point] if value.ndim > 1 else self.seen[point][0]
