"""What the house asks of a plant, ours or another behind the same core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from envs.faults import Availability
from envs.physics.namespace import Array
from envs.plant.flows import Flows
from envs.plant.layout import PlantParts
from envs.plant.ledger import SubStepFlows
from envs.plant.state import PlantState, StepConditions, Stores
from envs.signals.step import Load, Outside


class PlantLike(PlantParts, Protocol):
    """What a core asks of its plant; parameters and returns as `envs.plant.datacenter.Plant` documents them."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of every array."""

    def steady_state(
        self,
        outside: Outside,
        load: Load,
        in_force: Mapping[str, Array],
        lost: Availability,
        warmth_k: Array,
        soc_frac: Array,
    ) -> tuple[PlantState, Flows]:
        """State that has settled under constant conditions, and the Flows of one step."""

    def step(
        self,
        state: PlantState,
        in_force: Mapping[str, Array],
        outside: Outside,
        load: Load,
        lost: Availability,
        t: Array,
    ) -> tuple[PlantState, Flows]:
        """Next state and Flows of one control step."""

    def stored_energy(self, state: PlantState, start: Stores) -> tuple[Array, Array]:
        """Energy gained by the battery, and heat by all masses ``(B,)`` [kWh]."""


class Steppable(PlantLike, Protocol):
    """A plant whose sub-steps can be asked for one by one: what `envs.plant.start` settles."""

    def step_conditions(
        self,
        state: PlantState,
        in_force: Mapping[str, Array],
        outside: Outside,
        load: Load,
        lost: Availability,
        dt_s: float,
    ) -> StepConditions:
        """What holds for a whole control step."""

    def substep(self, state: PlantState, now: StepConditions) -> tuple[PlantState, SubStepFlows]:
        """Next state and the books of one sub-step."""
