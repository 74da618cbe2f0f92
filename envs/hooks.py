"""Own reward and own observation: functions that a core calls in place of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.plant.state import PlantState
from envs.signals.step import Outside


class SteppedCore(Protocol):
    """What a hook may read of ``DataCenterCore`` after a step, or at an episode's start."""

    num_envs: int

    @property
    def flows(self) -> Flows: ...  # noqa: D102
    @property
    def state(self) -> PlantState | None: ...  # noqa: D102
    @property
    def outside(self) -> Outside: ...  # noqa: D102
    @property
    def in_force(self) -> dict[str, Floats]: ...  # noqa: D102
    @property
    def t(self) -> NDArray[np.int64]: ...  # noqa: D102

    def measurements(self) -> Mapping[str, Floats]:
        """Every point after the sensor layer, ``{name: (k, B)}``, physical units."""


@dataclass(frozen=True)
class Hooks:
    """What a user puts in place of the reward and of the observation.

    Both functions get the core after the step: ``flows``, ``measurements()``, ``in_force`` and what else a
    `SteppedCore` has. They return one entry or row per environment of the batch.

    Parameters
    ----------
    reward : callable, optional
        Of the core and the step's cost terms ``{name: (B,)}`` [USD]; returns ``(B,)``. The terms stay in ``info``.
    observation : callable, optional
        Of the core; returns ``(B, n)``, scaled to [-1, 1]. What lies beyond is clipped.
    observation_names : tuple of str
        What each of the ``n`` elements of that observation is.

    Raises
    ------
    ValueError
        Where there is an observation without names, or names without an observation.
    """

    reward: Callable[[SteppedCore, Mapping[str, Floats]], ArrayLike] | None = None
    observation: Callable[[SteppedCore], ArrayLike] | None = None
    observation_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse one without the other."""
        if (self.observation is None) != (not self.observation_names):
            raise ValueError(
                f"Hooks: observation = {self.observation!r} with observation_names = {self.observation_names!r}; "
                "give both or neither: the names say how long the observation is"
            )

    def own_reward(self, core: SteppedCore, cost: Mapping[str, Floats]) -> NDArray[np.float32]:
        """The reward ``(B,)`` of the step."""
        assert self.reward is not None
        return _checked("reward", self.reward(core, cost), (core.num_envs,))

    def own_observation(self, core: SteppedCore) -> NDArray[np.float32]:
        """The observation ``(B, n)``, a fresh array in [-1, 1]."""
        assert self.observation is not None
        found = _checked("observation", self.observation(core), (core.num_envs, len(self.observation_names)))
        return np.clip(found, -1.0, 1.0)


def _checked(name: str, given: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    found = np.array(given, np.float32)
    if found.shape != shape:
        raise ValueError(f"Hooks.{name} returned the shape {found.shape}; return {shape}: environments first")
    if not np.isfinite(found).all():
        at = ", ".join(str(int(i)) for i in np.argwhere(~np.isfinite(found))[0])
        raise ValueError(f"Hooks.{name} returned {found[~np.isfinite(found)][0]} at [{at}]; return finite numbers")
    return found
