"""The perfect-forecast oracle: the best plan found with the true future of each episode (PROTOCOL 5).

A plan is a base controller plus offsets: one for the whole episode and one for each block of it, per channel of the
agent. Every candidate plan is played on the true plant under the true signals: the planner knows the future, the
state and the noise; no controller may. A found bound, not a proof: never worse than its base, and no better than its
offsets allow. The base should be the best controller known: a dear one, such as MPC, is run once and replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planners.cem import Budget, Progress, minimize_each
from agents.planners.trial import CandidateTrials, Make, Trial, gated_cost_each
from envs.controllers.base import Controller, Measurements, Setpoints
from envs.play import play

if TYPE_CHECKING:
    from envs.core import DataCenterCore

Column = NDArray[np.float64]

BLOCK_S = 14_400.0  # four hours: six blocks a day; engineering guess
REACH = 0.5  # largest offset, as a share of the channel's range


class Oracle(NamedTuple):
    """What was found: the plan of each episode ``(E, n)``, points of the unit box, and their trial ``(1, E)``."""

    plans: Column
    trial: Trial


class Offset:
    """A base controller whose setpoints are moved by a plan.

    Parameters
    ----------
    core : DataCenterCore
    base : Controller
        Writes every channel of the agent.
    plans : ndarray (B, n)
        Points of the unit box, ``n = channels x (1 + blocks)``; 0.5 is no offset.
    """

    def __init__(self, core: DataCenterCore, base: Controller, plans: NDArray[np.floating]) -> None:
        self.base, self.channels = base, core.agent_channels
        self.steps_per_block = steps_per_block(core)
        share = (2.0 * plans.T - 1.0) * REACH
        self.share = share.reshape(len(self.channels), -1, plans.shape[0])
        self.t = 0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Start the plan again; all environments begin together."""
        self.base.reset(n, mask)
        self.t = 0

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the base and the offsets of the running block."""
        block = 1 + self.t // self.steps_per_block
        self.t += 1
        wanted = self.base.act(measurements)
        for c, share in zip(self.channels, self.share):
            moved = wanted[c.name] + (share[0] + share[block]) * (c.high - c.low)
            wanted[c.name] = np.clip(moved, c.low, c.high).astype(wanted[c.name].dtype)
        return wanted


class ReplayedSetpoints:
    """The setpoints of a controller that was run once on the bench's episodes, again at every step.

    Parameters
    ----------
    tape : sequence of dict
        Of every step, ``{channel: (k, E)}``.
    """

    def __init__(self, tape: Sequence[Setpoints]) -> None:
        self.tape, self.copies, self.t = tape, 1, 0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin again, for as many candidates side by side as there are environments for."""
        self.copies, self.t = n // next(iter(self.tape[0].values())).shape[1], 0

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the running step, whatever is measured."""
        setpoints = self.tape[self.t]
        self.t += 1
        return {name: np.tile(value, self.copies) for name, value in setpoints.items()}


def setpoint_replay(bench: CandidateTrials, make: Make) -> Make:
    """Run a controller once on the bench's episodes; return what makes its replays."""
    core, tape = bench.single, []
    core.reset(seed=bench.seed, plan=bench.plan)
    controller = make(core)
    controller.reset(core.num_envs)
    for step in play(core, controller, core.scenario.episode.steps):
        tape.append({name: value.copy() for name, value in step.wanted.items()})
    return lambda core: ReplayedSetpoints(tape)


def steps_per_block(core: DataCenterCore) -> int:
    """Control steps per block; an episode shorter than a block has one."""
    return max(1, round(BLOCK_S / core.step_s))


def plan_size(core: DataCenterCore) -> int:
    """Elements of a plan."""
    blocks = -(-core.scenario.episode.steps // steps_per_block(core))
    return len(core.agent_channels) * (1 + blocks)


def oracle(
    bench: CandidateTrials, base: Make, budget: Budget, seed: int, progress: Callable[[Progress], None] | None = None
) -> Oracle:
    """Search the best plan of each episode on its own, all side by side.

    The gates are those of the base on the same episode: a plan may not be hotter, nor do less work.

    Parameters
    ----------
    bench : CandidateTrials
    base : callable
        Makes the base controller from a core: the best rules, or the replay of a dearer one.
    budget, seed, progress
        Of the search.
    """
    reference = bench.columns_of(base)

    def cost(candidates: Column) -> Column:
        return gated_cost_each(bench.run(lambda core, plans: Offset(core, base(core), plans), candidates), reference)

    start = np.full((bench.episodes, plan_size(bench.single)), 0.5)
    plans = minimize_each(cost, start, budget, seed, progress).best
    exact = plans.astype(bench.single.dtype)
    return Oracle(plans, bench.columns_of(lambda core: Offset(core, base(core), exact)))
