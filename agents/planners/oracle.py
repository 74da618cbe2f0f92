"""The perfect-forecast oracle, by gradients and restarts: the cheapest plans found with the true future (PROTOCOL 5).

A plan is the setpoints that a known controller made on the episode, moved by offsets that run straight between knots an
hour apart. The slopes of the whole cost come back through every control step of the true plant under the true signals,
and Adam moves the knots: the planner knows the future, the state and the noise; no controller may. Each known
controller is a start. Every plan that was played is judged, and the cheapest that keeps the gates is kept for each
episode. A found bound, not a proof: never worse than its starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planners.adam import Adam
from agents.planners.cem import Progress
from agents.planners.replayed import ReplayedSetpoints, Tape, setpoint_tape
from agents.planners.trial import CandidateTrials, Make, Trial, gated_cost_each
from agents.planners.trial_slopes import TrialSlopes
from envs.core import DataCenterCore

if TYPE_CHECKING:
    from envs.controllers.base import Setpoints

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DescentSettings:
    """How hard the oracle looks.

    Parameters
    ----------
    plays : int
        Of every episode, from each start.
    rate : float
        The first step of Adam, as a share of a channel's range; the last is a tenth of it.
    knot_s : float
        Between the knots of a plan [s].
    inlet_usd_k2_h : float
        What rack inlets over the recommended limit cost in the slopes, beside the reward [USD per K2, rack and hour].
    """

    plays: int = 60
    rate: float = 0.02
    knot_s: float = 3600.0
    inlet_usd_k2_h: float = 20.0


class Oracle(NamedTuple):
    """What was found.

    Attributes
    ----------
    tape : list of dict
        Setpoints of every step ``{channel: (k, E)}``.
    cost_usd_day : ndarray (E,)
        Of the plan of each episode, above `trial.INFEASIBLE_USD` where none kept the gates.
    begun_from : tuple of str
        Start of each episode's plan.
    """

    tape: Tape
    cost_usd_day: Array
    begun_from: tuple[str, ...]


def oracle(
    bench: CandidateTrials,
    starts: Mapping[str, Make],
    baseline: Make,
    settings: DescentSettings = DescentSettings(),  # noqa: B008
    progress: Callable[[Progress], None] | None = None,
) -> Oracle:
    """Descend from every start; all episodes side by side, each with a plan of its own.

    Parameters
    ----------
    bench : CandidateTrials
    starts : mapping of str to callable
        Make the known controllers.
    baseline : callable
        Makes the controller whose gates a plan must keep on each episode.
    settings : DescentSettings
    progress : callable, optional
        Called after each play with the best cost so far.

    Raises
    ------
    ValueError
        Where there is no start.
    """
    if not starts:
        raise ValueError("starts = {}: give the oracle at least one controller to start from")
    reference = bench.columns_of(baseline)
    found: Oracle | None = None
    for name, make in starts.items():
        tape = setpoint_tape(bench, make)
        knots = Knots(bench.single, len(tape), settings.knot_s)
        moved, cost = descended(bench, tape, knots, reference, settings, progress)
        found = _cheaper(found, Oracle(knots.moved(tape, moved), cost, (name,) * bench.episodes))
    assert found is not None
    return found


def descended(
    bench: CandidateTrials,
    tape: Tape,
    knots: Knots,
    reference: Trial,
    settings: DescentSettings,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Array, Array]:
    """The best offsets found around a tape ``(knots, rows, E)``, and the gated cost of each episode ``(E,)``."""
    core = DataCenterCore(bench.scenario, bench.episodes, world=bench.world)
    back = TrialSlopes(core, list(tape[0]), settings.inlet_usd_k2_h)
    moved = np.zeros(knots.shape(bench.episodes))
    adam, best, least = Adam(moved.shape), moved, np.full(bench.episodes, np.inf)
    for k in range(settings.plays):
        played = back.played(ReplayedSetpoints(knots.moved(tape, moved)), bench.plan, bench.seed)
        cost = gated_cost_each(played, reference)[0]
        best, least = np.where(cost < least, moved, best), np.minimum(least, cost)
        if progress is not None:
            progress(Progress(k, float(least.mean()), float(np.abs(moved).mean())))
        rate = settings.rate * (1.0 - 0.9 * k / settings.plays)
        moved = moved - rate * adam.direction(knots.slopes(back.slopes()))
    return best, least


def _cheaper(first: Oracle | None, second: Oracle) -> Oracle:
    """Of each episode the cheaper plan."""
    if first is None:
        return second
    better = second.cost_usd_day < first.cost_usd_day
    tape = [{name: np.where(better, b[name], a[name]) for name in a} for a, b in zip(first.tape, second.tape)]
    begun = tuple(b if c else a for a, b, c in zip(first.begun_from, second.begun_from, better))
    return Oracle(tape, np.minimum(first.cost_usd_day, second.cost_usd_day), begun)


class Knots:
    """Offsets of the agent's setpoints, straight lines between knots, as shares of the channels' ranges.

    Parameters
    ----------
    core : DataCenterCore
        Gives the channels and the length of a step.
    steps : int
        Of an episode.
    knot_s : float
        Between two knots [s]; an episode has at least two.
    """

    def __init__(self, core: DataCenterCore, steps: int, knot_s: float) -> None:
        self.channels = core.agent_channels
        count = max(2, round(steps * core.step_s / knot_s) + 1)
        place = np.linspace(0.0, count - 1.0, steps)
        left = np.minimum(place.astype(np.int64), count - 2)
        self.weights = np.zeros((steps, count))
        self.weights[np.arange(steps), left] = 1.0 - (place - left)
        self.weights[np.arange(steps), left + 1] = place - left
        self.ends = np.cumsum([0, *(c.rows for c in self.channels)])

    def shape(self, episodes: int) -> tuple[int, int, int]:
        """Of the knots of all episodes ``(knots, rows, E)``."""
        return self.weights.shape[1], int(self.ends[-1]), episodes

    def moved(self, tape: Tape, offsets: Array) -> Tape:
        """Setpoints of every step, moved by offsets ``(knots, rows, E)`` within their ranges."""
        by_step = np.einsum("tk,kij->tij", self.weights, offsets)
        found = []
        for setpoints, share in zip(tape, by_step):
            wanted = dict(setpoints)
            for c, a, b in zip(self.channels, self.ends[:-1], self.ends[1:]):
                value = np.clip(wanted[c.name] + share[a:b] * (c.high - c.low), c.low, c.high)
                wanted[c.name] = value.astype(setpoints[c.name].dtype)
            found.append(wanted)
        return found

    def slopes(self, by_step: list[Setpoints]) -> Array:
        """Slopes by the offsets ``(knots, rows, E)``; 0 where there is none."""
        rows = np.stack([np.concatenate([s[c.name] * (c.high - c.low) for c in self.channels]) for s in by_step])
        found: Array = np.einsum("tk,tij->kij", self.weights, np.where(np.isfinite(rows), rows, 0.0))
        return found
