"""A learned or exported policy as a controller: measurements in, setpoints out, in physical units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from agents.runtime.derived import SiteData
from envs.controllers.base import CombinedController, Setpoints
from envs.controllers.plain_rule import plain_rule, points_read, rule_from
from envs.interface.interface import Interface, InterfaceData, interface_from, with_rule
from envs.plant.datacenter import Plant
from envs.signals.weather.climates import sites
from envs.twin.estimation.foresight import site_limits

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.scenario import Scenario

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


def interface_data(core: DataCenterCore) -> InterfaceData:
    """The interface of an environment's core as plain data, with the rule that its actions add to."""
    interface = interface_of(core)
    followed = cast("CombinedController", core.followed)
    if not followed.parts:
        return interface.plain()
    points = interface.reads_unobserved(points_read(followed))
    alone = interface.data_of(core.channels)
    return {**interface.plain(), "rule": {"parts": plain_rule(followed), "points": points, "channels": alone}}


def site_data(scenario: Scenario) -> SiteData:
    """What a bundle needs to know of its site to derive points that no building has."""
    plant = Plant(scenario, "float64")
    lay, s = plant.layout, scenario
    racks = len(lay.nodes.per_limit) - lay.n_rows - 1
    share = lay.row_rated_kw * lay.nodes.per_limit[racks : racks + lay.n_rows]
    if racks:
        own = (lay.rack_rated_kw * lay.nodes.per_limit[:racks]).max(axis=1)
        share = np.maximum(share, np.array([[own[lay.row_of == row].max()] for row in range(lay.n_rows)]))
    found: SiteData = {
        "row_rated_kw": [float(v) for v in lay.row_rated_kw[:, 0]],
        "row_breaker_share": [float(v) for v in share.max(axis=1)],
        "zone_of": [int(v) for v in lay.zone_of],
        "elevation_m": float(np.max(s.elevation_m)),
        "longest_restart_s": lay.longest_restart_s,
        "limits": site_limits(plant).plain(),
    }
    offsets = {sites()[key].utc_offset_h if key in sites() else None for key in s.site.climates}
    (offset,) = offsets if len(offsets) == 1 else (None,)
    if offset is not None:
        found["utc_offset_h"] = float(offset)
    if s.breaker.form == "thermal":
        found["breaker_tau_s"] = float(np.max(s.breaker.tau_s))
    if s.chilled_water is not None:
        found["chiller_hold_s"] = float(np.max(s.chilled_water.stage_hold_s))
        found["economizer_lockout_s"] = float(np.max(s.chilled_water.economizer_lockout_s))
    if s.tower is not None:
        found["tower_hold_s"] = float(np.max(s.tower.stage_hold_s))
    return found


def policy_from_data(predict: Predict, data: InterfaceData, step_s: float) -> LearnedPolicy:
    """A policy from the interface that its run's card carries, where the environment may encode in another way."""
    rule = rule_from(data["rule"]["parts"], step_s) if "rule" in data else None
    return LearnedPolicy(predict, interface_from(data, step_s), rule)


class LearnedPolicy:
    """A controller that encodes the observation, asks a network, and decodes its action.

    Parameters
    ----------
    predict : callable
        Observations ``(B, n_obs)`` float32 in [-1, 1] to actions ``(B, n_act)`` in [-1, 1], deterministic.
    interface : Interface
        From ``interface_of``.
    rule : Controller, optional
        What its actions add to; left out where the measurements say already what the rule would set.
    """

    def __init__(self, predict: Predict, interface: Interface, rule: Controller | None = None) -> None:
        self.predict, self.interface, self.rule = predict, interface, rule

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what the rule remembers."""
        if self.rule is not None:
            self.rule.reset(n, mask)

    def act(self, measurements: Mapping[str, Array]) -> Setpoints:
        """Setpoints ``{channel: (k, B)}`` of the channels that the agent holds, and of those that its rule holds."""
        wanted: Setpoints = {}
        if self.rule is not None:
            wanted = self.rule.act(measurements)
            measurements = with_rule(measurements, wanted)
        return wanted | self.interface.decode(self.predict(self.interface.encode(measurements)), measurements)


def predictor(model: BaseAlgorithm) -> Predict:
    """What a stable-baselines3 model does without its noise: observations to actions."""
    return lambda observations: model.predict(observations, deterministic=True)[0]


def policy_of_model(model: BaseAlgorithm, interface: Interface) -> LearnedPolicy:
    """A stable-baselines3 model as a controller."""
    return LearnedPolicy(predictor(model), interface)


def random_policy(interface: Interface, seed: int = 0) -> LearnedPolicy:
    """Uniform actions in the box: the floor of every comparison (PROTOCOL 5)."""
    generator = np.random.default_rng(seed)
    size = interface.decoder.size
    return LearnedPolicy(lambda o: generator.uniform(-1.0, 1.0, (len(o), size)).astype(np.float32), interface)
