"""A learned or exported policy as a controller: measurements in, setpoints out, in physical units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Setpoints
from envs.interface.action import ActionDecoder
from envs.interface.observation import Observer

Array = NDArray[np.floating]
Predict = Callable[[NDArray[np.float32]], Array]


class Interface(NamedTuple):
    """What stands between measurements and the box, of one scenario.

    Attributes
    ----------
    observer : Observer
        Stacks and scales the points.
    decoder : ActionDecoder
        Turns the box into physical targets.
    row_rated_kw : ndarray (P, 1)
        Rated power of the power rows [kW].
    step_s : float
        Control step [s].
    """

    observer: Observer
    decoder: ActionDecoder
    row_rated_kw: Array
    step_s: float


def interface_of(core: Any) -> Interface:
    """The interface of an environment's core."""
    return Interface(core.observer, core.decoder, core.plant.layout.row_rated_kw, core.step_s)


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
        observer, decoder, row_rated_kw, step_s = self.interface
        wet_bulb_c = measurements["wet_bulb_c"][0]
        block = observer.stack(measurements, wet_bulb_c.shape[-1], wet_bulb_c.dtype)
        in_force = {c.name: measurements[f"in_force.{c.name}"] for c in decoder.channels}
        demand_kw = measurements["row_demand_share"] * row_rated_kw
        return decoder.decode(self.predict(observer.encode(block)), in_force, wet_bulb_c, demand_kw, step_s)


def of_model(model: Any, interface: Interface) -> LearnedPolicy:
    """A stable-baselines3 model as a controller."""
    return LearnedPolicy(lambda observations: model.predict(observations, deterministic=True)[0], interface)


def random_policy(interface: Interface, seed: int = 0) -> LearnedPolicy:
    """Uniform actions in the box: the floor of every comparison (PROTOCOL 5)."""
    generator = np.random.default_rng(seed)
    size = interface.decoder.size
    return LearnedPolicy(lambda o: generator.uniform(-1.0, 1.0, (len(o), size)).astype(np.float32), interface)
