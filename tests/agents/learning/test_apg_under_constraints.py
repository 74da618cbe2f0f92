"""`apg` on a problem with a known answer: it stops at a limit, at the price that the last unit within it is worth.

As in `test_learning_under_constraints`: what is gained is ``-(a - 0.8)2`` USD a step, and the mean of ``a`` may be 0.3,
so that a unit of the limit is worth 2 (0.8 - 0.3) = 1 USD. Here the step is a function that the engine differentiates.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from agents.learning.build import build_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from envs.core import DataCenterCore
from envs.interface.charges import CHARGED, Charges
from envs.scenario import load

SITES, WINDOW = 8, 8
BEST, LIMIT, WORTH = 0.8, 0.3, 1.0
SCENARIO = load("edge_room")
CHANNEL = DataCenterCore("edge_room").channels[0]
COOLANT = [c.name for c in CHARGED].index("tcs_degree_minutes")
SCALE_USD = SCENARIO.reward.scale_usd


class Sensors(NamedTuple):
    readings: Any


class State(NamedTuple):
    plant: Any
    in_force: dict[str, Any]
    sensors: Sensors


class Used(NamedTuple):
    inlet_excess_degree_minutes: Any
    tcs_excess_degree_minutes: Any
    overload_kwh: Any
    capper_active_s: Any
    trips: Any
    rack_inlet_c: Any


class Gained(NamedTuple):
    reward: Any
    flows: Used


class Given(NamedTuple):
    actions: Any
    episode: Any


class Episode(NamedTuple):
    start: Any
    refill_usd_kwh: Any


def floats(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


class LimitedCore:
    """Sites whose action is one number; a unit of it uses such coolant that ``LIMIT`` a step is the day's."""

    def __init__(self, unit: float) -> None:
        self.scenario, self.step_s, self.dtype = SCENARIO, 3600.0, "float32"
        layout = SimpleNamespace(provisioned_kw=np.float32(1.0), utility_binds=False)
        self.plant = SimpleNamespace(layout=layout, stored_energy=lambda plant, start: (plant * 0.0, plant * 0.0))
        self.observer = SimpleNamespace(observed=[0], gain=np.ones((1, 1), np.float32))
        self.state = State(floats(SITES), {CHANNEL.name: floats(1, SITES)}, Sensors(floats(1, SITES)))
        self.unit, self.by = np.float32(unit), self.core_step

    def core_step(self, state: State, given: Given) -> tuple[State, Gained]:
        action, none = given.actions[0], state.plant * 0.0
        flows = Used(none[None], action * self.unit, none, none, none, none[None])
        reward = (action - BEST) * (action - BEST) * np.float32(-1.0 / SCALE_USD)
        return state._replace(plant=none), Gained(reward, flows)

    def step_by(self, step: Any) -> None:
        self.by = step or self.core_step

    def step(self, actions: Any) -> Gained:
        given = Given(np.ascontiguousarray(actions.T, np.float32), Episode(floats(SITES), floats(SITES)))
        self.state, done = self.by(self.state, given)
        return done


def limited_env(rate_usd: float) -> Any:
    from gymnasium import spaces
    from stable_baselines3.common.vec_env import VecEnv

    class LimitedVecEnv(VecEnv):
        def __init__(self) -> None:
            box = spaces.Box(-1.0, 1.0, (1,), np.float32)
            self.render_mode = None
            super().__init__(SITES, box, box)
            self.charges = Charges([CHANNEL], 3600.0, rate_usd, every=WINDOW)
            self.unit = self.charges.limits[COOLANT] / 24.0 / LIMIT
            self.core = LimitedCore(self.unit)

        def reset(self) -> np.ndarray:
            return np.zeros((SITES, 1), np.float32)

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            done, still = self.core.step(self.actions), self.core.state.in_force
            paid = self.charges.charged(done.flows, still, still)
            reward = done.reward - paid / SCALE_USD
            return self.reset(), reward.astype(np.float32), np.zeros(SITES, bool), [{} for _ in range(SITES)]

        def close(self) -> None: ...

        def get_attr(self, name: str, indices: Any = None) -> list[Any]:
            return [getattr(self, name)] * SITES

        def set_attr(self, name: str, value: Any, indices: Any = None) -> None:
            setattr(self, name, value)

        def env_method(self, name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            raise AttributeError(name)

        def env_is_wrapped(self, wrapper: Any, indices: Any = None) -> list[bool]:
            return [False] * SITES

    return LimitedVecEnv()


APG = {"hidden": [8], "n_steps": WINDOW, "learning_rate": 1e-2, "anneal_learning_rate": False, "smooth_switches": False}


def test_apg_stops_at_the_limit_at_the_price_that_it_is_worth(tmp_path: Path) -> None:
    sites = limited_env(0.2)
    model = build_model("apg", sites, APG, seed=0)
    prices: list[float] = []

    def note(values: dict[str, float], step: int) -> None:
        prices.extend(value for name, value in values.items() if name == "constraints/tcs_degree_minutes_usd_day")

    learn(model, LearningPlan(SITES * WINDOW * 150), tmp_path, note)
    late = np.mean(prices[-len(prices) // 4 :]) / sites.charges.limits[COOLANT] * sites.unit
    assert late == pytest.approx(WORTH, rel=0.05)
    action = float(model.predict(sites.reset(), deterministic=True)[0].mean())
    assert action == pytest.approx(LIMIT, abs=0.02)
