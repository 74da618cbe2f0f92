"""A learned or exported policy as a controller: measurements in, setpoints out, in physical units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Setpoints
from envs.interface.interface import Interface

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from envs.core import DataCenterCore

Array = NDArray[np.floating]
Predict = Callable[[NDArray[np.float32]], Array]


def interface_of(core: DataCenterCore) -> Interface:
    """The interface of an environment's core.

    Raises
    ------
    ValueError
        Where the core's observation is the user's own: the interface cannot encode it.
    """
    if core.hooks.observation is not None:
        raise ValueError("the observation is your own (Hooks.observation); act on it in your own loop of env.step")
    return Interface(core.observer, core.decoder, core.step_s)


class LearnedPolicy:
    """A controller that encodes the observation, asks a network, and decodes its action.

    Parameters
    ----------
    predict : callable
        Observations ``(B, n_obs)`` float32 in [-1, 1] to actions ``(B, n_act)`` in [-1, 1], deterministic.
    interface : Interface
        From ``interface_of``.
    """

    def __init__(self, predict: Predict, interface: Interface) -> None:
        self.predict, self.interface = predict, interface

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing is remembered."""

    def act(self, measurements: Mapping[str, Array]) -> Setpoints:
        """Setpoints ``{channel: (k, B)}`` of the channels that the agent holds."""
        return self.interface.decode(self.predict(self.interface.encode(measurements)), measurements)


def policy_of_model(model: BaseAlgorithm, interface: Interface) -> LearnedPolicy:
    """A stable-baselines3 model as a controller."""
    return LearnedPolicy(lambda observations: model.predict(observations, deterministic=True)[0], interface)


def random_policy(interface: Interface, seed: int = 0) -> LearnedPolicy:
    """Uniform actions in the box: the floor of every comparison (PROTOCOL 5)."""
    generator = np.random.default_rng(seed)
    size = interface.decoder.size
    return LearnedPolicy(lambda o: generator.uniform(-1.0, 1.0, (len(o), size)).astype(np.float32), interface)
