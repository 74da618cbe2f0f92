"""Plants of one hall that differ in a few parameters: one program steps them all, those parameters are its arguments.

Machine code has the numbers of a plant in its text. A fit makes hundreds of plants, whose parameters also differ from
site to site. So what moves with the parameters is found once, by two small plants that differ in all of them, and is
handed in: numbers by site as rows, and the matrix of recirculation as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from envs.engine import TapedFunction
from envs.engine.pool import Matrix
from envs.faults import Availability
from envs.physics.namespace import Floats
from envs.plant import start
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.layout import Layout
from envs.plant.state import PlantState
from envs.signals.step import Load, Outside
from envs.trees import map_leaves

Path = tuple[str, ...]
_OF_ONE, _OF_OTHER = 2, 3  # sites of the two plants that are compared

_ROUNDING = 1e-12  # of means over sites that are all alike
_MOST_FAMILIES = 4
_FAMILIES: dict[Hashable, PlantFamily] = {}


class PlantFamily:
    """Machine code for plants of one scenario that differ in what two of them differ in.

    Parameters
    ----------
    function : callable
        ``(plant, state, ...)`` to the next state and what else there is.
    one, other : Plant
        Of two and of three sites; every parameter of the family differs between all sites.

    Attributes
    ----------
    advance : TapedFunction
        The function, with the constants of a plant as its last argument instead of the plant as its first.
    """

    def __init__(self, function: Callable[..., Any], one: Plant, other: Plant) -> None:
        self._like, others = one, dict(_leaves(other))
        found = {path: (a, others[path]) for path, a in _leaves(one)}
        self._moving = {path: _shape_by_site(a, b) for path, (a, b) in found.items() if not _same(a, b)}
        self._fixed = {path: a for path, (a, _) in found.items() if path not in self._moving}
        self.advance, self._settled, self._begun = (
            TapedFunction(partial(self._run, what), engine="llvm")
            for what in (function, start.settled_state, start.begun_step)
        )

    def steady_state(
        self,
        outside: Outside,
        load: Load,
        in_force: Mapping[str, Floats],
        lost: Availability,
        warmth_k: Floats,
        soc_frac: Floats,
        constants: tuple[Any, ...],
    ) -> tuple[PlantState, Flows]:
        """`Plant.steady_state` of the plant with these constants."""
        settled = self._settled(outside, load, in_force, lost, warmth_k, soc_frac, constants)
        made = self._begun(settled, outside, load, in_force, lost, soc_frac, constants)
        self._settled.release()
        self._begun.release()
        state: tuple[PlantState, Flows] = map_leaves(made, np.array)
        return state

    def constants(self, plant: Plant, sites: int) -> tuple[Any, ...]:
        """What of a plant moves with the parameters: arrays with the sites last, and matrices.

        Raises
        ------
        ValueError
            Where the plant differs from the others in anything else.
        """
        fixed = ((path, a, reduce(getattr, path, plant)) for path, a in self._fixed.items())
        strange = [".".join(path) for path, a, b in fixed if not _same(a, b, _ROUNDING)]
        if strange:
            raise ValueError(f"plants of one family differ in {strange}; make a family of plants that do, too")
        found = []
        for path, shape in self._moving.items():
            value = np.asarray(reduce(getattr, path, plant), plant.dtype)
            found.append(Matrix(value) if shape is None else np.broadcast_to(value, (*shape, sites)).copy())
        return tuple(found)

    def _run(self, what: Callable[..., Any], *given: Any) -> Any:
        """A function of a plant, with the constants as the last argument."""
        *rest, constants = given
        plant = reduce(lambda made, part: _with(made, *part), zip(self._moving, constants, strict=True), self._like)
        return what(plant, *rest)


def family_of(key: Hashable, function: Callable[..., Any], plant: Callable[[int], Plant]) -> PlantFamily:
    """The family of a key, of which a process keeps a few.

    Parameters
    ----------
    key : hashable
        What tells families apart that do not do the same.
    function : callable
        As `PlantFamily` wants it.
    plant : callable
        Number of sites to a plant whose parameters differ between all sites, and from those of other numbers of sites.
    """
    if key not in _FAMILIES:
        while len(_FAMILIES) >= _MOST_FAMILIES:
            _FAMILIES.pop(next(iter(_FAMILIES)))
        _FAMILIES[key] = PlantFamily(function, plant(_OF_ONE), plant(_OF_OTHER))
    return _FAMILIES[key]


def _parts(thing: Any) -> dict[str, Any]:
    """Parts of a plant, of its tables and machines by name; none of anything else."""
    if isinstance(thing, Plant):
        return {"scenario": thing.scenario, "layout": thing.layout}
    if isinstance(thing, Layout):
        return vars(thing)
    if isinstance(thing, tuple) and hasattr(thing, "_asdict"):
        return dict(thing._asdict())
    if is_dataclass(thing) and not isinstance(thing, type):
        return {spec.name: getattr(thing, spec.name) for spec in fields(thing)}
    return {}


def _with(thing: Any, path: Path, value: Any) -> Any:
    """The thing with another value at a path; nothing is checked and nothing derived anew."""
    if not path:
        return value
    name, *rest = path
    changed = _with(getattr(thing, name), tuple(rest), value)
    if isinstance(thing, tuple):
        return thing._replace(**{name: changed})  # type: ignore[attr-defined]
    made = copy(thing)
    object.__setattr__(made, name, changed)
    return made


def _leaves(thing: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Numbers and arrays of a plant."""
    parts = _parts(thing)
    for name, part in parts.items():
        yield from _leaves(part, (*path, name))
    if not parts and isinstance(thing, (int, float, np.ndarray, np.generic)):
        yield path, thing


def _same(a: Any, b: Any, room: float = 0.0) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=room, atol=0.0, equal_nan=True)


def _shape_by_site(one: Any, other: Any) -> tuple[int, ...] | None:
    """Shape without the sites of what differs between two plants; None for a matrix of racks."""
    a, b = np.shape(one), np.shape(other)
    if a == b and len(a) == 2 and a[0] == a[1]:
        return None
    if a[-1:] in ((), (1,)) or (a[-1] == _OF_ONE and b == (*a[:-1], _OF_OTHER)):
        return a[:-1]
    raise ValueError(f"a table of shape {a} that differs between plants of one hall; its last axis must be the sites")
