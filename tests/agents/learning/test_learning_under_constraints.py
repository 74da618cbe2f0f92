"""A problem with a known answer: learners stop at a limit, at the price that the last unit within it is worth.

What is gained is ``-(a - 0.8)2`` USD a step, and the mean of ``a`` may be 0.3: the best action is 0.3, and a unit of
the limit is worth 2 (0.8 - 0.3) = 1 USD.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agents.learning.build import build_model
from agents.learning.learn import learn
from agents.learning.plan import LearningPlan
from envs.core import DataCenterCore
from envs.interface.charges import CHARGED, Charges

SITES, STEPS = 32, 8
BEST, LIMIT, WORTH = 0.8, 0.3, 1.0
STEP_S = 3600.0
COOLANT = [c.name for c in CHARGED].index("tcs_degree_minutes")
CHANNEL = DataCenterCore("edge_room").channels[0]


def limited_env(rate_usd: float) -> Any:
    from gymnasium import spaces
    from stable_baselines3.common.vec_env import VecEnv

    class LimitedVecEnv(VecEnv):
        """Sites without a state; a unit of the action uses such coolant that ``LIMIT`` a step is the day's."""

        def __init__(self) -> None:
            box = spaces.Box(-1.0, 1.0, (1,), np.float32)
            self.render_mode = None
            super().__init__(SITES, box, box)
            self.charges = Charges([CHANNEL], STEP_S, rate_usd, every=STEPS)
            self.unit = self.charges.limits[COOLANT] / 24.0 / LIMIT
            self.last_terms: dict[str, np.ndarray] = {}
            self.clock = 0

        def reset(self) -> np.ndarray:
            return np.zeros((SITES, 1), np.float32)

        def step_async(self, actions: np.ndarray) -> None:
            self.actions = actions[:, 0]

        def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
            still, none = {CHANNEL.name: np.zeros((1, SITES))}, np.zeros(SITES)
            flows = SimpleNamespace(
                inlet_excess_degree_minutes=none[None],
                tcs_excess_degree_minutes=self.actions * self.unit,
                overload_kwh=none,
                capper_active_s=none,
                trips=none,
            )
            gain = -((self.actions - BEST) ** 2) - self.charges.charged(flows, still, still)
            self.clock += 1
            done = np.full(SITES, self.clock % STEPS == 0)
            return self.reset(), gain.astype(np.float32), done, [{} for _ in range(SITES)]

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


PPO = {"hidden": [8], "gamma": 0.0, "learning_rate": 3e-3, "anneal_learning_rate": False, "batch_size": 256}
#: A short buffer: what was charged at earlier prices is soon forgotten.
SAC = {
    "hidden": [16],
    "gamma": 0.0,
    "learning_rate": 2e-3,
    "learning_starts": 320,
    "buffer_size": 3200,
    "ent_coef": "0.01",
    "gradient_steps": 2,
}
CASES = [("ppo", PPO, 0.5, 60_000), ("sac", SAC, 0.15, 70_000)]


@pytest.mark.parametrize(("algorithm", "settings", "rate_usd", "steps"), CASES)
@pytest.mark.quick_for("ppo-*")
def test_a_learner_stops_at_the_limit_at_the_price_that_it_is_worth(
    algorithm: str, settings: dict[str, Any], rate_usd: float, steps: int, tmp_path: Path
) -> None:
    sites = limited_env(rate_usd)
    model = build_model(algorithm, sites, settings, seed=0)
    prices: list[float] = []

    def note(values: dict[str, float], step: int) -> None:
        prices.extend(value for name, value in values.items() if name == "constraints/tcs_degree_minutes_usd_day")

    learn(model, LearningPlan(steps), tmp_path, note)
    late = np.mean(prices[-len(prices) // 4 :]) / sites.charges.limits[COOLANT] * sites.unit
    assert late == pytest.approx(WORTH, rel=0.2)
    action = float(model.predict(sites.reset(), deterministic=True)[0].mean())
    assert action == pytest.approx(LIMIT, abs=0.1)
