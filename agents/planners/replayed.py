"""A controller's setpoints on the episodes of a bench, taped once and played again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.planners.trial import CandidateTrials, Make
from envs.controllers.base import Measurements, Setpoints
from envs.core import DataCenterCore
from envs.play import play

Tape = list[Setpoints]  # of every step {channel: (k, E)}


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


def setpoint_tape(bench: CandidateTrials, make: Make) -> Tape:
    """What went into force in every step of a controller on the bench's episodes, of every channel.

    Played again it goes into force again, also where the building had set it.
    """
    core: DataCenterCore = bench.single
    tape: Tape = []
    core.reset(seed=bench.seed, plan=bench.plan)
    controller = make(core)
    controller.reset(core.num_envs)
    for _ in play(core, controller, core.scenario.episode.steps):
        tape.append({name: value.copy() for name, value in core.in_force.items()})
    return tape
