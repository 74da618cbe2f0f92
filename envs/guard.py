"""A shield at work in a core: setpoints of all channels made safe, step by step, and how often it had to act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.interface.action import next_in_force
from envs.physics.namespace import Floats
from envs.shield.intervention import step_counts
from envs.shield.shield import Shield
from envs.trees import as_plain_data


class Guard:
    """A shield and its counts.

    Parameters
    ----------
    shield : Shield
    num_envs : int
    """

    def __init__(self, shield: Shield, num_envs: int) -> None:
        self.shield, self.num_envs = shield, num_envs
        self.counts: dict[str, NDArray[np.float64]] = {}

    def reset(self, mask: NDArray[np.bool_]) -> None:
        """Begin anew where ``mask (B,)`` says."""
        self.shield.reset(self.num_envs, None if mask.all() else mask)
        self.counts = {name: np.where(mask, 0.0, value) for name, value in self.counts.items()}

    def guarded(
        self, targets: Mapping[str, Floats], in_force: Mapping[str, Floats], measured: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """Safe setpoints of all channels. Range and slew hold without a shield too: they are no interventions."""
        channels = tuple(self.shield.channels.values())
        made = self.shield.guarded(next_in_force(channels, targets, in_force, self.shield.step_s), measured)
        for name, where in step_counts(made.changes, self.num_envs).items():
            self.counts[name] = self.counts.get(name, np.zeros(self.num_envs)) + where
        return made.setpoints

    def by_name(self) -> dict[str, NDArray[np.float64]]:
        """Steps of the running episodes in which it acted: ``shield_steps``, and ``shield_<limit>`` of each limit."""
        return {name: value.copy() for name, value in self.counts.items()}

    def snapshot(self) -> dict[str, Any]:
        """What it remembers, as plain data."""
        return {"shield": self.shield.snapshot(), "counts": as_plain_data(self.counts)}

    def restore(self, saved: Mapping[str, Any], like: Any) -> None:
        """Go on from a snapshot; ``like`` is a state of the plant."""
        self.shield.restore(saved["shield"], like)
        self.counts = as_plain_data(saved["counts"])
