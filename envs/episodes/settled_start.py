"""Settled starts of a plant of `envs.plant`, run from recordings: many episodes begin while others go on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.engine import TapedFunction
from envs.faults import Availability
from envs.physics.namespace import Floats
from envs.plant import start
from envs.plant.flows import Flows
from envs.plant.plant_like import Steppable
from envs.plant.state import PlantState
from envs.scenario import Scenario
from envs.signals.step import Load, Outside
from envs.trees import columns, joined_trees, leaves, map_leaves

_LANES = 8  # for any number of sites: one machine code
_SITES_AT_ONCE = 512  # by machine code, which gives the same bits for any: the memory for a start is then a few MB


class SettledStart:
    """`Plant.steady_state` of one plant, from two recordings: the settling, and the step behind it.

    Parameters
    ----------
    plant : Steppable
    key : tuple of hashable
        What tells plants apart that do not do the same.
    together : bool
        Whether all sites are settled at once: where parameters differ by site, a part of them is another plant.
    """

    def __init__(self, plant: Steppable, key: tuple[Hashable, ...], together: bool = False) -> None:
        self._together = together
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
        given = (outside, load, in_force, lost, warmth_k, soc_frac)
        sites = len(warmth_k)
        if self._together or self._settled.engine != "llvm" or sites <= _SITES_AT_ONCE:
            return self._of_some(*given)
        some = [np.arange(k, min(k + _SITES_AT_ONCE, sites)) for k in range(0, sites, _SITES_AT_ONCE)]
        return joined_trees([self._of_some(*columns(given, where)) for where in some])

    def _of_some(
        self,
        outside: Outside,
        load: Load,
        in_force: Mapping[str, Floats],
        lost: Availability,
        warmth_k: Floats,
        soc_frac: Floats,
    ) -> tuple[PlantState, Flows]:
        settled = self._settled(outside, load, in_force, lost, warmth_k, soc_frac)
        state, flows = self._begun(settled, outside, load, in_force, lost, soc_frac)
        self._settled.release()
        self._begun.release()
        return map_leaves((state, flows), np.array)


def sites_differ(scenario: Scenario) -> bool:
    """Whether a parameter is an array: one value for each site of the batch."""
    arrays: list[np.ndarray] = []
    leaves(asdict(scenario), arrays)
    return bool(arrays)


def settled_among(
    settled: Callable[..., tuple[PlantState, Flows]], sites: int, where: NDArray[np.intp], given: tuple[Any, ...]
) -> tuple[PlantState, Flows]:
    """Settled starts of the sites ``where``.

    Parameters
    ----------
    settled : callable
        `Plant.steady_state`, or what does the same.
    sites : int
        Of a plant whose parameters differ by site: all of its sites, which it can settle together only. Else 0.
    where : ndarray of int (n,)
    given : tuple of trees
        Arguments of ``settled``, for these sites.
    """
    if sites in (0, len(where)):
        return settled(*given)
    place = np.zeros(sites, np.intp)
    place[where] = np.arange(len(where))
    found: tuple[PlantState, Flows] = columns(settled(*columns(given, place)), where)
    return found
