"""Settled starts of a plant of `envs.plant`, run from recordings: many episodes begin while others go on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial

import numpy as np

from envs.engine import TapedFunction
from envs.faults import Availability
from envs.physics.namespace import Floats
from envs.plant import start
from envs.plant.flows import Flows
from envs.plant.plant_like import Steppable
from envs.plant.state import PlantState
from envs.signals.step import Load, Outside
from envs.trees import map_leaves

_LANES = 8  # for any number of sites: one machine code


class SettledStart:
    """`Plant.steady_state` of one plant, from two recordings: the settling, and the step behind it.

    Parameters
    ----------
    plant : Steppable
    key : tuple of hashable
        What tells plants apart that do not do the same.
    """

    def __init__(self, plant: Steppable, key: tuple[Hashable, ...]) -> None:
        self._settled = TapedFunction(partial(start.settled_state, plant), key=(*key, "settled"), lanes=_LANES)
        self._begun = TapedFunction(partial(start.begun_step, plant), key=(*key, "begun"), lanes=_LANES)

    def __call__(
        self,
        outside: Outside,
        load: Load,
        in_force: Mapping[str, Floats],
        lost: Availability,
        warmth_k: Floats,
        soc_frac: Floats,
    ) -> tuple[PlantState, Flows]:
        """Arguments and results of `Plant.steady_state`."""
        settled = self._settled(outside, load, in_force, lost, warmth_k, soc_frac)
        state, flows = self._begun(settled, outside, load, in_force, lost, soc_frac)
        self._settled.release()
        self._begun.release()
        return map_leaves((state, flows), np.array)
