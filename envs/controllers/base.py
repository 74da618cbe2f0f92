"""The one interface of every controller, rule or learned: measurements in, setpoints out, in physical units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Measurements = Mapping[str, Floats]
Setpoints = dict[str, Floats]
#: What the parts of a controller remember, part by part: arrays ``{name: (.., B)}``.
Memory = tuple[dict[str, Floats], ...]


class Controller(Protocol):
    """Runs B sites at once; every array has the environment axis last.

    One that remembers names the attributes in ``memory``, a tuple of str, so that a checkpoint can keep them. One that
    a bundle may carry names the points that it reads in ``reads``, where a site has them. One whose next setpoint goes
    on from its last names the attribute and the channel in ``goes_on``.
    """

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was remembered, for all ``n`` environments or for those in ``mask``."""

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints `{channel: (k, B)}` for the coming control step."""


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


def memory_of(controller: CombinedController) -> Memory:
    """What the parts remember now."""
    return tuple({name: getattr(part, name) for name in getattr(part, "memory", ())} for part in controller.parts)


def acted(controller: CombinedController, memory: Memory, measurements: Measurements) -> tuple[Setpoints, Memory]:
    """What a controller that remembers ``memory`` sets, and what it then remembers; itself it stays as it is."""
    parts = [copy(part) for part in controller.parts]
    for part, kept in zip(parts, memory, strict=True):
        vars(part).update(kept)
    at_work = CombinedController(parts)
    return at_work.act(measurements), memory_of(at_work)


def begun_memory(controller: CombinedController, measurements: Measurements) -> Memory:
    """What the parts remember when an episode begins at these measurements; they keep what they have."""
    n = next(iter(measurements.values())).shape[-1]
    at_work = CombinedController([copy(part) for part in controller.parts])
    at_work.reset(n)
    at_work.act(measurements)  # tells shapes alone
    at_work.reset(n, np.ones(n, bool))
    return memory_of(at_work)


def go_on_from(controller: CombinedController, in_force: Setpoints, measurements: Measurements) -> None:
    """Let the parts go on from setpoints in force `{channel: (k, B)}`, set by somebody else: a bumpless start."""
    for part in controller.parts:
        for name, channel in getattr(part, "goes_on", {}).items():
            if channel not in in_force:
                continue
            if getattr(part, name) is None:
                part.act(measurements)  # tells shapes, and what else it remembers
                for other in set(getattr(part, "memory", ())) - {name}:
                    setattr(part, other, getattr(part, other) * 0)
            kept = getattr(part, name)
            setattr(part, name, np.broadcast_to(in_force[channel], kept.shape).astype(kept.dtype))
