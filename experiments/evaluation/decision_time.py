"""How long a policy takes to decide: processor time for one site and one control step, sites decided side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments.evaluation.seeds import seeds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from envs.controllers.base import Controller, Measurements, Setpoints

DECISION = "decision_us"  # among the facts of an evaluation: of every row


class TimedController:
    """A controller whose processor time is added up.

    Attributes
    ----------
    seconds : float
        In all decisions so far, for all sites.
    """

    def __init__(self, controller: Controller) -> None:
        self.controller, self.seconds = controller, 0.0

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Reset the controller."""
        self.controller.reset(n, mask)

    def act(self, measurements: Measurements) -> Setpoints:
        """The controller's setpoints."""
        start = time.process_time()
        wanted = self.controller.act(measurements)
        self.seconds += time.process_time() - start
        return wanted


def decision_us(facts: Mapping[str, object], policy: str) -> float | None:
    """Decision time of a policy [us], the mean over its training seeds; None where it was not measured."""
    known = facts.get(DECISION)
    rows = seeds_of(facts).get(policy, [policy])
    if not isinstance(known, Mapping) or not all(row in known for row in rows):
        return None
    return float(np.mean([known[row] for row in rows]))
