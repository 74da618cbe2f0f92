"""A controller that moves every setpoint: the building's rules, and random steps around them that are held for hours.

A hall whose setpoints never move cannot be calibrated. This is how an operator would step them for two weeks, inside
given ranges, one channel at a time being enough; here every channel steps on its own clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Controller, Measurements, Setpoints
from envs.interface.channels import Channel

HOLD_H = (1.0, 6.0)  # a step is held for a time drawn from here
REACH = 0.35  # steps around the rules, as a share of a channel's range, each way
FAN_LOW, FAN_HIGH = 0.35, 1.0  # fans step between these shares of their range, whatever their rule says
RETREAT_S, FAN_RETREAT = 7200.0, 0.15  # after a hot inlet: how long, and how much faster, as a share of the range
MOVED = "cooling"  # kind of channel that is stepped; power limits and the battery stay with their rules
HOT_INLET_C = 27.0  # worst inlet above which a zone's fans step up, and no supply air is warmer than its rule


class Excitation:
    """Rules plus random steps.

    Parameters
    ----------
    rules : Controller
        The building's own.
    channels : sequence of Channel
        Bound to the scenario.
    step_s : float
        Control step [s].
    seed : int
        Of the steps.
    scale : float
        Of the steps: 1 for a test of two weeks, less where the hall has no room for it.
    """

    memory = ("_left", "_shift")

    def __init__(
        self, rules: Controller, channels: Sequence[Channel], step_s: float, seed: int = 0, scale: float = 1.0
    ) -> None:
        self.rules, self.step_s, self.scale, self.seed = rules, step_s, scale, seed
        self.channels = {c.name: c for c in channels if c.kind == MOVED}
        self._rng = np.random.default_rng(seed)
        self._left: dict[str, NDArray[np.float64]] = {}
        self._shift: dict[str, NDArray[np.float64]] = {}

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin again; steps are drawn anew for all environments."""
        self.rules.reset(n, mask)
        self._rng = np.random.default_rng(self.seed)
        self._left = {name: np.zeros((c.rows, n)) for name, c in self.channels.items()}
        self._shift = {name: np.zeros((c.rows, n)) for name, c in self.channels.items()}

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints ``{channel: (k, B)}``."""
        wanted: Setpoints = dict(self.rules.act(measurements))
        hot = measurements["zone_inlet_max_c"] > HOT_INLET_C
        for name, c in self.channels.items():
            self._draw(name)
            span = c.high - c.low
            if name == "crah_fan_speed_frac":
                self._retreat(name, hot, np.minimum(self._shift[name] + FAN_RETREAT, FAN_HIGH))
                wanted[name] = c.low + self._shift[name] * span
                continue
            if name == "supply_air_temp_setpoint_c":
                self._retreat(name, hot, np.minimum(self._shift[name], 0.0))
            wanted[name] = np.clip(wanted[name] + self._shift[name] * span, c.low, c.high)
        return wanted

    def _retreat(self, name: str, hot: NDArray[np.bool_], shift: NDArray[np.float64]) -> None:
        """Hold a safer step where the zone runs hot."""
        self._shift[name] = np.where(hot, shift, self._shift[name])
        self._left[name] = np.where(hot, np.maximum(self._left[name], RETREAT_S), self._left[name])

    def _draw(self, name: str) -> None:
        """Count down; where a step has been held long enough, draw the next and how long it is held."""
        left = self._left[name] - self.step_s
        due = left <= 0.0
        hold = self._rng.uniform(HOLD_H[0] * 3600.0, HOLD_H[1] * 3600.0, left.shape)
        low, high = (FAN_LOW, FAN_HIGH) if name == "crah_fan_speed_frac" else (-REACH * self.scale, REACH * self.scale)
        shift = self._rng.uniform(low, high, left.shape)
        self._left[name] = np.where(due, hold, left)
        self._shift[name] = np.where(due, shift, self._shift[name])


def movement(values: Mapping[str, NDArray[np.float64]], name: str) -> float:
    """Standard deviation over time of a quantity ``(T, k)``, the most restless row's; 0 where it is not measured."""
    if name not in values or not np.isfinite(values[name]).any():
        return 0.0
    return float(np.nanmax(np.nanstd(values[name], axis=0)))
