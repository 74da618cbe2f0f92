"""Caps at equal marginal value whose headroom somebody sets in each step, and the sites on which that is learnt.

An action of two elements moves where the rule plans the load of the feeder (as a share of its limit), and where it
takes the load when the fast protection has engaged. The rule tracks both by equal marginal value. 0 is the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from agents.planners.tuning import Constant, rules_from
from envs.controllers.base import Measurements, Setpoints
from envs.controllers.marginal_value import MARGIN, MarginalValueCaps
from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import Scenario
from envs.spaces import box

Floats = NDArray[np.floating]
Decide = Callable[[Floats], Floats]  # features (B, n) to actions (B, 2)

ACTIONS, FEATURES = 2, 24
REACH = (0.015, 0.02)  # of the planned load and of that after the protection engaged [of the limit]
MEDIAN_LOAD, LOAD_UNIT = 0.955, 0.02  # of the feeder under the rule; scales of the features
METER_SHARE = 0.25  # of the feeder's own meter in the load; the rows' meters together are better
FAST, SLOW, LONG = 0.35, 0.1, 1.0 / 30.0  # shares of the filters in a step
CLIP = 5.0
PAID_USD = 0.5  # a reward of 1


class HeadroomRule:
    """The rules of a hall, whose caps keep a headroom that is set anew in each step.

    Parameters
    ----------
    core : DataCenterCore
    constants : mapping
        Of the rules, by dotted key; caps are shared at equal marginal value whatever they say.
    decide : callable, optional
        Features ``(B, n)`` to actions ``(B, 2)`` in [-1, 1]; left out where `told` is called.
    reach : tuple of float
        What an action of 1 adds to the planned load, and to that after the protection engaged [of the limit].
    """

    def __init__(
        self,
        core: DataCenterCore,
        constants: Mapping[str, Constant],
        decide: Decide | None = None,
        reach: tuple[float, float] = REACH,
    ) -> None:
        self.rules = rules_from(core, {**constants, "caps": "marginal_value"})
        self.decide, self.reach = decide, reach
        (self.caps,) = (part for part in self.rules.parts if isinstance(part, MarginalValueCaps))
        self.feeder = self.caps.feeder
        self.seen = np.zeros((4, 0))  # load, its fast and slow means, share of time under protection
        self.last = np.zeros((ACTIONS, 0))
        self.fresh = np.zeros(0, bool)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was seen, everywhere or where ``mask`` says."""
        self.rules.reset(n, mask)
        if mask is None or self.fresh.shape != (n,):
            self.seen, self.last, self.fresh = np.zeros((4, n)), np.zeros((ACTIONS, n)), np.ones(n, bool)
            return
        self.seen, self.last = np.where(mask, 0.0, self.seen), np.where(mask, 0.0, self.last)
        self.fresh = self.fresh | mask

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoints of the coming step."""
        assert self.decide is not None
        features, self.seen, self.fresh = self.features(measurements)
        return self.told(self.decide(features), measurements)

    def told(self, actions: Floats, measurements: Measurements) -> Setpoints:
        """Setpoints of the coming step under these actions ``(B, 2)``."""
        self.last = np.clip(np.asarray(actions, np.float64).T, -1.0, 1.0)
        moved = np.asarray(self.reach)[:, None] * self.last * self.feeder.limit_kw
        self.caps.feeder = self.feeder._replace(
            may_carry_kw=self.feeder.may_carry_kw + moved[0], release_kw=self.feeder.release_kw + moved[1]
        )
        return self.rules.act(measurements)

    def features(self, measurements: Measurements) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """What is decided on ``(B, n)``, and what is then remembered: readings, and what the rule keeps in mind."""
        caps, feeder = self.caps, self.feeder
        rated, n = caps.pieces.rated_kw, len(self.fresh)
        demand, share, limit = (
            np.asarray(measurements[name], np.float64)
            for name in ("row_demand_share", "row_power_share", "in_force.rack_power_limit_frac")
        )
        power = (share * rated).sum(axis=0) * (1.0 + feeder.loss_frac)
        metered = np.asarray(feeder.load_kw(measurements), np.float64)
        other = _known(caps.other_kw, metered - power)
        load = (METER_SHARE * metered + (1.0 - METER_SHARE) * (power + other)) / feeder.limit_kw
        engaged = np.asarray(measurements["capper_engaged"][0], np.float64)
        now, before = (load - MEDIAN_LOAD) / LOAD_UNIT, self.seen
        fast, slow = (
            np.where(self.fresh, now, old + part * (now - old)) for old, part in zip(before[1:3], (FAST, SLOW))
        )
        held = before[3] + LONG * (engaged - before[3])
        budget = (feeder.may_carry_kw - other) / (1.0 + feeder.loss_frac)
        wanted = _known(caps.held_kw, demand * rated).sum(axis=0) * MARGIN
        first = slice(0, 3)  # the fourth row, CPU racks, has nothing that a cap moves
        rows = [
            now, (metered / feeder.limit_kw - MEDIAN_LOAD) / LOAD_UNIT, now - before[0], fast, slow, engaged,
            10.0 * held, 20.0 * _known(caps.trim_kw, np.zeros(n)) / budget, 10.0 * (wanted / budget - 1.0),
            10.0 * (_known(caps.asked, limit) - limit).max(axis=0),
            *(2.0 * limit[first] - 1.5), *(2.0 * share[first] - 1.0), *(5.0 * (demand - share)[first]),
            *(5.0 * (limit - share)[first]), *self.last,
        ]  # fmt: skip
        found = np.clip(np.stack(rows).T, -CLIP, CLIP).astype(np.float32)
        return found, np.stack([now, fast, slow, held]), np.zeros(n, bool)


def _known(kept: Floats | None, otherwise: Floats) -> Floats:
    """What the rule remembers; something else where it knows nothing yet."""
    return otherwise if kept is None else np.where(np.isnan(kept), otherwise, kept)


class HeadroomSites(VecEnv):
    """Sites of one scenario whose headroom is learnt; what is paid is the cost that is saved against the rule.

    A twin of each site runs beside it under the rule alone, on the same days with the same noise. The first episodes
    are of different lengths.

    Parameters
    ----------
    scenario : Scenario
    num_envs : int
    constants : mapping
        Of the rules.
    reach : tuple of float
        As `HeadroomRule`.
    """

    def __init__(
        self, scenario: Scenario, num_envs: int, constants: Mapping[str, Constant], reach: tuple[float, float] = REACH
    ) -> None:
        world = World.shared(scenario)
        self.core, self.twin = (DataCenterCore(scenario, num_envs, world=world) for _ in range(2))
        self.policy, self.rule = HeadroomRule(self.core, constants, None, reach), HeadroomRule(self.twin, constants)
        self.render_mode = None
        super().__init__(num_envs, gym.spaces.Box(-CLIP, CLIP, (FEATURES,), np.float32), box(ACTIONS))
        self.left = np.zeros(num_envs, np.int64)
        self.actions = np.zeros((num_envs, ACTIONS))

    def reset(self) -> NDArray[np.float32]:
        """Start new episodes everywhere."""
        seed = self._seeds[0] if self._seeds and self._seeds[0] is not None else 0
        for core, policy in ((self.core, self.policy), (self.twin, self.rule)):
            core.reset(seed=seed)
            policy.reset(self.num_envs)
        steps = self.core.max_episode_steps
        self.left = np.maximum(steps * (1 + np.arange(self.num_envs)) // self.num_envs, steps // 24)
        self._reset_seeds()
        return self._seen()

    def step_async(self, actions: NDArray[np.floating]) -> None:
        """Keep the actions for ``step_wait``."""
        self.actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """One control step of sites and twins; finished episodes start anew in the same step."""
        ours = self.core.step_setpoints(self.policy.told(self.actions, self.core.measurements()))[1]
        theirs = self.twin.step_setpoints(self.rule.rules.act(self.twin.measurements()))[1]
        paid = (ours - theirs) * (self.core.scenario.reward.scale_usd / PAID_USD)
        seen = self._seen()
        self.left -= 1
        ended = self.left <= 0
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if ended.any():
            for i in np.flatnonzero(ended):
                infos[i] = {"terminal_observation": seen[i].copy(), "TimeLimit.truncated": True}
            for core, policy in ((self.core, self.policy), (self.twin, self.rule)):
                core.reset(mask=ended)
                policy.reset(self.num_envs, ended)
            self.left[ended] = self.core.max_episode_steps
            begun, memory, _ = self.policy.features(self.core.measurements())
            seen = np.where(ended[:, None], begun, seen)
            self.policy.seen = np.where(ended, memory, self.policy.seen)
            self.policy.fresh = np.zeros(self.num_envs, bool)
        return seen, paid.astype(np.float32), ended, infos

    def _seen(self) -> NDArray[np.float32]:
        seen, self.policy.seen, self.policy.fresh = self.policy.features(self.core.measurements())
        return seen

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute, once per environment."""
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method once."""
        return [getattr(self, method_name)(*args, **kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Never wrapped."""
        return [False] * self.num_envs
