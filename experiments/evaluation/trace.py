"""What the figures of a report need from a run: a few series of every episode, and one episode in detail."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from envs.plant.flows import COOLING_POWER, ELECTRICAL_LOSSES, Flows


def _cooling(kind: str) -> tuple[str, ...]:
    """The cooling consumers of a kind."""
    return tuple(name for name, of in COOLING_POWER.items() if of == kind)


CONSUMERS = {
    "accelerators and servers": ("it_power_kw",),
    **{kind: _cooling(kind) for kind in ("room fans", "chillers and DX", "towers and dry coolers", "pumps")},
    "electrical losses": ELECTRICAL_LOSSES,
    "humidifier and lighting": (*_cooling("humidifier"), "lighting_power_kw"),
}
BATCH_SERIES = ("facility_power_kw", "grid_power_kw", "it_power_kw", "worst_inlet_c")

Series = dict[str, NDArray[np.float32]]
Values = Mapping[str, NDArray[np.floating]]


class Tracer:
    """Collects series step by step.

    Parameters
    ----------
    episode : int
        The episode that is kept in detail.
    """

    def __init__(self, episode: int = 0) -> None:
        self.episode = episode
        self._steps: list[dict[str, NDArray[np.float32] | np.float32]] = []

    def add(self, flows: Flows, in_force: Values, outside: Values) -> None:
        """Add one control step; ``outside`` are measured ``(1, B)`` values worth showing."""
        i = self.episode
        step: dict[str, NDArray[np.float32] | np.float32] = {
            name: np.array(getattr(flows, name), np.float32) for name in BATCH_SERIES
        }
        for consumer, names in CONSUMERS.items():
            step[f"consumer/{consumer}"] = np.float32(sum(float(getattr(flows, n)[i]) for n in names))
        for name, value in in_force.items():
            step[f"setpoint/{name}"] = np.array(np.asarray(value)[:, i], np.float32)
        for name, value in outside.items():
            step[f"outside/{name}"] = np.float32(np.asarray(value)[0, i])
        self._steps.append(step)

    def series(self) -> Series:
        """Name to array: ``(T, B)`` of ``BATCH_SERIES``, ``(T, k)`` or ``(T,)`` of the detailed episode."""
        return {name: np.stack([step[name] for step in self._steps]) for name in self._steps[0]}
