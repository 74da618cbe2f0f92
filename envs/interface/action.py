"""From the box to the field: clip, decode, slew-limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from envs.interface.channels import SLEW_INTERVAL_S, Channel
from envs.interface.observation import element_names
from envs.unknown_name import unknown_name

Array = NDArray[np.floating]

APPROACH_LOW_K = 2.0
APPROACH_HIGH_K = 10.0


class ActionDecoder:
    """Decodes actions ``(B, n)`` into physical targets per channel.

    Parameters
    ----------
    channels : sequence of Channel
        The agent's channels, bound to a scenario.
    row_rated_kw : ndarray (P, 1)
        Rated power of each power row [kW].
    feeder_limit_kw : float
        Limit of the feeder above the rows [kW].

    Attributes
    ----------
    element_names : tuple of str
        What each of the ``n`` elements of an action sets.
    """

    def __init__(self, channels: Sequence[Channel], row_rated_kw: Array, feeder_limit_kw: float) -> None:
        self.channels = tuple(channels)
        self.row_rated_kw = row_rated_kw
        self.feeder_limit_kw = float(feeder_limit_kw)
        self.element_names = element_names((c.name, c.action_rows) for c in self.channels)
        self.size = len(self.element_names)
        self._zeros = np.zeros((0, self.size))  # of the shape and type of the last actions

    def decode(
        self,
        actions: Array,
        in_force: Mapping[str, Array],
        wet_bulb_c: Array,
        row_demand_kw: Array,
        step_s: float,
        rule: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """Physical targets `{name: (k, B)}` of actions ``(B, n)`` in [-1, 1].

        Values outside the box are clipped to it. ``rule`` is what the building's rule would set, for channels whose
        encoding adds to it.

        Raises
        ------
        ValueError
            Where an action is NaN or infinite, or has the wrong shape.
        """
        box = self.box(actions, wet_bulb_c.shape[-1], wet_bulb_c.dtype)
        return self.targets(box, in_force, wet_bulb_c, row_demand_kw, step_s, rule)

    def box(self, actions: Array, batch: int, dtype: DTypeLike) -> Array:
        """Actions ``(B, n)`` with the environments last ``(n, B)``, once they are known to be finite.

        Raises
        ------
        ValueError
            As `decode`.
        """
        zeros = self._zeros
        if type(actions) is not np.ndarray or actions.dtype is not zeros.dtype or actions.shape != zeros.shape:
            actions = _plain_actions(actions)
            zeros = self._zeros = np.zeros_like(actions)
        if zeros.shape != (batch, self.size):
            raise ValueError(f"actions have shape {actions.shape}; this scenario takes ({batch}, {self.size})")
        if np.vdot(actions, zeros) != 0.0:  # nan, where any is not finite
            bad = np.argwhere(~np.isfinite(actions))[0]
            raise ValueError(
                f"action {bad[1]} of environment {bad[0]} is {actions[bad[0], bad[1]]}; give a finite number in [-1, 1]"
            )
        return np.ascontiguousarray(actions.T, dtype=dtype)

    def targets(
        self,
        box: Array,
        in_force: Mapping[str, Array],
        wet_bulb_c: Array,
        row_demand_kw: Array,
        step_s: float,
        rule: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """`decode` of what `box` gives, the environments last ``(n, B)``: a pure array function."""
        box = np.minimum(np.maximum(box, -1.0), 1.0)
        targets: dict[str, Array] = {}
        at = 0
        for c in self.channels:
            part = box[at : at + c.action_rows]
            at += c.action_rows
            if c.encoding == "residual":
                held = np.minimum(np.maximum((rule or {})[c.name], c.low), c.high)
                targets[c.name] = held + part * (c.reach_frac * (c.high - c.low))
                continue
            targets[c.name] = self._physical_value(c, part, in_force, wet_bulb_c, row_demand_kw, step_s)
        return targets

    def _physical_value(
        self, c: Channel, part: Array, in_force: Mapping[str, Array], wet_bulb_c: Array, demand_kw: Array, step_s: float
    ) -> Array:
        if c.encoding == "delta":
            up, down = (min(s, c.high - c.low) * step_s / SLEW_INTERVAL_S for s in (c.slew_up, c.slew_down))
            return in_force[c.name] + np.where(part > 0, part * up, part * down).astype(part.dtype)
        unit = (part + 1.0) * 0.5
        if c.encoding == "approach":
            return wet_bulb_c + (APPROACH_LOW_K + unit * (APPROACH_HIGH_K - APPROACH_LOW_K))
        value = c.low + unit * (c.high - c.low)
        if c.encoding == "feeder_share":
            budget = value * self.feeder_limit_kw
            return water_fill(demand_kw, budget) / self.row_rated_kw
        return value


def water_fill(demand: Array, budget: Array) -> Array:
    """Limits ``(P, B)`` that share ``budget (1, B)``: one common level for every row; what is spare raises it.

    The level L solves ``sum_i min(demand_i, L) = budget`` (PHYSICS i7), exactly, by sorting. Where the demand fits in
    the budget, the level is the largest demand plus an equal share of what is left, so that no cap binds.
    """
    rows = demand.shape[0]
    ordered = np.stack(_ascending([demand[k] for k in range(rows)]))
    running, levels = ordered[0], [budget[0] / rows]
    for k in range(1, rows):
        running = running + ordered[k]
        levels.append((budget[0] - (running - ordered[k])) / (rows - k))
    level = levels[-1]
    for k in reversed(range(rows - 1)):
        level = np.where(levels[k] <= ordered[k], levels[k], level)
    spare = np.maximum(budget[0] - ordered.sum(axis=0), 0.0) / rows
    level = np.where(spare > 0.0, ordered[-1] + spare, np.maximum(level, 0.0))
    return np.stack([level] * rows).astype(demand.dtype)


def _ascending(rows: list[Array]) -> list[Array]:
    """Rows sorted site by site: neighbours are exchanged as many times as there are rows, with no branch."""
    rows = list(rows)
    for turn in range(len(rows)):
        for k in range(turn % 2, len(rows) - 1, 2):
            rows[k], rows[k + 1] = np.minimum(rows[k], rows[k + 1]), np.maximum(rows[k], rows[k + 1])
    return rows


def _plain_actions(given: Any) -> Array:
    """An array of another class as a plain one.

    Raises
    ------
    ValueError
        Where it is no array, is masked somewhere, or holds no real numbers.
    """
    if not isinstance(given, np.ndarray):
        raise ValueError(f"actions are {str(given)[:60]} ({type(given).__name__}); give an array (B, n) in [-1, 1]")
    if given.dtype.kind not in "fiu":
        raise ValueError(f"actions hold {given.dtype} values; give real numbers in [-1, 1]")
    masked = np.argwhere(np.ma.getmaskarray(given))
    if len(masked):
        raise ValueError(f"action at {masked[0].tolist()} (environment, number) is masked; give a number in [-1, 1]")
    return np.asarray(given)


def checked_targets(channels: Sequence[Channel], targets: Mapping[str, Any], batch: int) -> dict[str, Array]:
    """Targets in physical units as arrays that fit ``(k, B)``, in the order given.

    Raises
    ------
    ValueError
        Where a name is no channel of these, or a value is masked, not finite, no number or of another shape.
    """
    known = {c.name: c for c in channels}
    made: dict[str, Array] = {}
    for name, value in targets.items():
        if name not in known:
            raise ValueError(unknown_name("channel", name, known))
        array, shape = np.ma.filled(value, np.nan), (known[name].rows, batch)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"target of {name} holds {array.dtype} values; give numbers [{known[name].unit}]")
        if array.ndim > 2 or any(n not in (1, m) for n, m in zip(array.shape[::-1], shape[::-1])):
            raise ValueError(f"target of {name} has shape {array.shape}; give {shape}: its rows, then the environments")
        if not np.isfinite(array).all():
            row, site = np.argwhere(~np.isfinite(np.broadcast_to(array, shape)))[0]
            raise ValueError(f"target of {name} is no finite number in row {row}, environment {site}")
        made[name] = array
    return made


def next_in_force(
    channels: Sequence[Channel], wanted: Mapping[str, Array], before: Mapping[str, Array], step_s: float
) -> dict[str, Array]:
    """Setpoints ``{channel: (k, B)}`` of the coming step: what is wanted, by range and slew; else those ``before``."""
    return {c.name: value_in_force(c, wanted.get(c.name, before[c.name]), before[c.name], step_s) for c in channels}


def channel_travel(c: Channel, in_force: Array, before: Array) -> Array:
    """How far a channel's setpoints ``(k, B)`` moved, the mean of its rows ``(B,)`` [full ranges]."""
    moved: Array = np.abs(in_force - before).sum(axis=0) * (1.0 / ((c.high - c.low) * c.rows))
    return moved


def travel_ranges(channels: Sequence[Channel], in_force: Mapping[str, Array], before: Mapping[str, Array]) -> Array:
    """How far setpoints moved ``(B,)``: `channel_travel`, summed over the channels [full ranges]."""
    travel: Any = 0.0
    for c in channels:
        travel = travel + channel_travel(c, in_force[c.name], before[c.name])
    total: Array = travel
    return total


def value_in_force(c: Channel, target: Array, in_force: Array, step_s: float) -> Array:
    """The value that goes into force: inside the range, no further from the present value than the slew allows."""
    value = np.minimum(np.maximum(target, c.low), c.high)
    scale = step_s / SLEW_INTERVAL_S
    if c.slew_up != float("inf"):
        value = np.minimum(value, in_force + c.slew_up * scale)
    if c.slew_down != float("inf"):
        value = np.maximum(value, in_force - c.slew_down * scale)
    return value.astype(in_force.dtype, copy=False)
