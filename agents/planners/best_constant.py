"""Controllers that never move: one action of the agent's box, or one value per channel in physical units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.planners.cem import Budget, Progress, minimize
from envs.controllers.base import Measurements, Setpoints
from envs.controllers.fixed import Fixed
from envs.interface.points import RULE
from envs.physics.namespace import Floats

if TYPE_CHECKING:
    from agents.planners.trial import CandidateTrials
    from envs.core import DataCenterCore
    from envs.interface.channels import Channel

Value = float | NDArray[np.floating]


class ConstantAction:
    """The agent's action held still; its encodings (approach over the wet bulb, share of the feeder) still decode.

    Parameters
    ----------
    core : DataCenterCore
        Whose interface decodes.
    action : ndarray (n,) or (B, n)
        In [-1, 1].
    """

    def __init__(self, core: DataCenterCore, action: NDArray[np.floating]) -> None:
        self.decoder, self.step_s = core.decoder, core.step_s
        self.row_rated_kw = core.plant.layout.row_rated_kw
        self.action = np.atleast_2d(action)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints ``{channel: (k, B)}`` of the agent's channels."""
        wet_bulb: Floats = measurements["wet_bulb_c"][0]
        actions = np.broadcast_to(self.action, (len(wet_bulb), self.action.shape[1]))
        in_force = {c.name: measurements[f"in_force.{c.name}"] for c in self.decoder.channels}
        demand_kw = measurements["row_demand_share"] * self.row_rated_kw
        rule = {name.removeprefix(RULE): value for name, value in measurements.items() if name.startswith(RULE)}
        return self.decoder.decode(actions, in_force, wet_bulb, demand_kw, self.step_s, rule)


def constant_action(core: DataCenterCore, points: NDArray[np.floating]) -> ConstantAction:
    """Constant action from points of the unit box ``(n,)`` or ``(B, n)``."""
    return ConstantAction(core, 2.0 * points - 1.0)


class FixedBox:
    """One value per thermal channel as a unit box; all rows of a channel hold the same value.

    Power limits are searched too where the feeder binds, one value for all rows; elsewhere they stay at 1.
    """

    def __init__(self, core: DataCenterCore) -> None:
        searched = {"cooling", "cap"} if "feeder" in core.plant.layout.present else {"cooling"}
        self.channels = core.channels
        self.names = tuple(c.name for c in core.channels if c.kind in searched)
        self.ranges = {c.name: (c.low, c.high) for c in core.channels}

    def encode(self, values: Mapping[str, float]) -> NDArray[np.float64]:
        """Point ``(n,)`` of values in physical units; the middle of the range for a channel without one."""
        point = []
        for name in self.names:
            low, high = self.ranges[name]
            point.append((values.get(name, 0.5 * (low + high)) - low) / (high - low))
        return np.clip(np.array(point, np.float64), 0.0, 1.0)

    def decode(self, points: NDArray[np.floating]) -> dict[str, Value]:
        """Values in physical units of points ``(..., n)``."""
        out: dict[str, Value] = {}
        for i, name in enumerate(self.names):
            low, high = self.ranges[name]
            out[name] = low + points[..., i] * (high - low)
        return out

    def controller(self, values: Mapping[str, Value]) -> Fixed:
        """Hold ``values`` (numbers, or arrays ``(B,)``) and what stands still anyway."""
        return fixed_setpoints(self.channels, values)


def fixed_setpoints(channels: Iterable[Channel], values: Mapping[str, Value]) -> Fixed:
    """One value per channel, the same in every row; what has no value stands idle or is left to the building."""
    channels = tuple(channels)
    idle = {c.name: c.idle for c in channels if c.idle is not None}
    known: dict[str, Value] = {**idle, **values}
    return Fixed({c.name: [known[c.name]] * c.rows for c in channels if c.name in known})


def find_constant(
    bench: CandidateTrials,
    limits: Mapping[str, float],
    budget: Budget,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
) -> NDArray[np.float64]:
    """Search the best constant action ``(n,)`` of the agent's box, from its middle with power limits open."""
    start = [np.full(c.action_rows, 1.0 if c.per == "row" else 0.5) for c in bench.single.decoder.channels]
    found = minimize(bench.cost(constant_action, limits), np.concatenate(start), budget, seed, progress)
    return np.round(2.0 * found.best - 1.0, 3)


def find_fixed(
    bench: CandidateTrials,
    limits: Mapping[str, float],
    budget: Budget,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, float]:
    """Search the best fixed setpoints, one value per channel in physical units."""
    box = FixedBox(bench.single)
    cost = bench.cost(lambda core, points: box.controller(box.decode(points)), limits)
    best = minimize(cost, box.encode({}), budget, seed, progress).best
    return {name: round(float(value), 3) for name, value in box.decode(best).items()}
