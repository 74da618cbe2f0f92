"""The one interface of every controller, rule or learned: measurements in, setpoints out, in physical units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Measurements = Mapping[str, Floats]
Setpoints = dict[str, Floats]


class Controller(Protocol):
    """Runs B sites at once; every array has the environment axis last.

    One that remembers names the attributes in ``memory``, a tuple of str, so that a checkpoint can keep them. One that
    a bundle may carry names the points that it reads in ``reads``, where a site has them.
    """

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was remembered, for all ``n`` environments or for those in ``mask``."""

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints `{channel: (k, B)}` for the coming control step."""


def act_where(controller: Controller, measurements: Measurements, where: NDArray[np.bool_]) -> Setpoints:
    """Act for the environments in ``where (B,)`` alone: the others keep what they remember."""
    parts = controller.parts if isinstance(controller, CombinedController) else [controller]
    before = [(part, name, getattr(part, name)) for part in parts for name in getattr(part, "memory", ())]
    wanted = controller.act(measurements)
    for part, name, kept in before:
        if kept is not None:
            setattr(part, name, np.where(where, getattr(part, name), kept).astype(kept.dtype))
    return wanted


class CombinedController:
    """Several controllers side by side, each holding its own channels.

    Raises
    ------
    ValueError
        At the first ``act`` where two controllers write one channel.
    """

    def __init__(self, parts: Sequence[Controller]) -> None:
        self.parts = list(parts)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Reset every part."""
        for part in self.parts:
            part.reset(n, mask)

    def act(self, measurements: Measurements) -> Setpoints:
        """Union of what the parts write."""
        out: Setpoints = {}
        for part in self.parts:
            for name, value in part.act(measurements).items():
                if name in out:
                    raise ValueError(f"two controllers write channel {name!r}; give each channel to one")
                out[name] = value
        return out
