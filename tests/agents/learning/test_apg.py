"""What the plant's gradient teaches: its slopes are those of the cost, and they make a policy cheaper."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.encoding import agent_scenario, best_rules
from agents.learning.build import build_model
from agents.learning.callbacks import mean_episode_reward
from agents.learning.learn import learn
from agents.learning.path_back import PathBack
from agents.learning.plan import LearningPlan
from envs.core import DataCenterCore
from envs.interface.charges import CHARGED, Charges, used_rows
from envs.interface.constraints import TRAVEL
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import load

pytest.importorskip("llvmlite")
STEPS, MOVE = 8, 0.02
SHORT = ("site.workload_weeks=1", "episode.steps=48")


def sites(num_envs: int, seed: int) -> DataCenterSB3VecEnv:
    scenario = load("edge_room", SHORT)
    acted = agent_scenario(scenario, "feedforward", 0.3)
    environments = DataCenterSB3VecEnv(acted, num_envs, rules=best_rules(scenario, "feedforward"))
    environments.seed(seed)
    return environments


def left_usd(core: DataCenterCore) -> np.ndarray:
    """What the loops and the battery hold, at the price of an episode's end."""
    assert core.state is not None
    charge, heat = core.plant.stored_energy(core.state, core._episode_terms.start)
    return (heat / 5.0 - charge) * core._episode_terms.refill_usd_kwh


def test_the_slope_of_a_window_is_that_of_its_cost() -> None:
    core = sites(6, 3).core
    core.reset(seed=3)
    for _ in range(4):
        core.step(np.zeros((6, core.action_size), np.float32))
    begun = core.save_state()

    def cost(moved: np.ndarray) -> np.ndarray:
        core.load_state(begun)
        action = np.tile(moved, (6, 1)).astype(np.float32)
        paid = sum(core.step(action)[1].astype(float) for _ in range(STEPS))
        return -paid * core.scenario.reward.scale_usd + left_usd(core)

    size = core.action_size
    central = [(cost(MOVE * row) - cost(-MOVE * row)) / (2 * MOVE) for row in np.eye(size)]
    path = PathBack(core, inlet_c=100.0, inlet_usd_k2_h=0.0)
    path.begin()
    cost(np.zeros(size))
    behind, never = path.end(), np.zeros(6, bool)
    found = sum(6.0 * behind.action_slopes(k, never) for k in range(STEPS - 1, -1, -1))
    off = np.abs(found.T - central) / np.maximum(np.abs(central), 0.05)
    assert np.median(off) < 0.02, off
    assert np.abs(central).max() > 0.05


def fws_slope(smooth: bool) -> np.ndarray:
    """Slopes of an hour's cost by the setpoint of the facility water, at 24 sites of `liquid_hall` [USD]."""
    scenario = load("liquid_hall", SHORT)
    acted = agent_scenario(scenario, "feedforward", 0.3)
    core = DataCenterSB3VecEnv(acted, 24, rules=best_rules(scenario, "feedforward")).core
    core.reset(seed=1)
    path = PathBack(core, 100.0, 0.0, smooth)
    path.begin()
    for _ in range(12):
        core.step(np.zeros((24, core.action_size), np.float32))
    behind, never = path.end(), np.zeros(24, bool)
    found = sum(behind.action_slopes(k, never) for k in range(11, -1, -1))
    return found[:, core.action_names.index("fws_supply_temp_setpoint_c")]


def test_the_slope_sees_the_water_of_pads_on_the_smooth_plant_alone() -> None:
    spared = fws_slope(False) - fws_slope(True)
    assert spared.max() > 0.05, "a warmer setpoint spares water where pads are near their switch"
    assert np.median(np.abs(spared)) < 1e-3, "elsewhere both plants are the same"


@pytest.mark.slow
def test_a_feeder_over_its_margin_costs_its_square_and_the_plant_that_teaches_has_no_fast_capper() -> None:
    scenario = load("edge_room", (*SHORT, "power.ups_limit_kw=48"))
    acted = agent_scenario(scenario, "joint", 0.3)
    assert {"rack_power_limit_frac", "battery_power_kw"} <= set(acted.agent_channels)
    core = DataCenterSB3VecEnv(acted, 4, rules=best_rules(scenario, "joint")).core
    capped = []
    for path in (None, PathBack(core, 100.0, 0.0, smooth=True, load_margin_frac=0.9, load_usd_kw2_h=0.5)):
        core.step_by(None if path is None else path._step)
        core.reset(seed=2)
        core.step(np.ones((4, core.action_size), np.float32))
        capped.append(core.flows.capper_active_s.max())
    assert capped[0] > 0.0 and capped[1] == 0.0, capped

    assert path is not None
    limit_kw, step_h = 0.9 * core.plant.layout.provisioned_kw, core.step_s / 3600.0
    load_kw = core.flows.ups_power_kw.astype(float)
    assert (load_kw > limit_kw).any()
    paid = [0.5 * step_h * np.maximum(load_kw + moved - limit_kw, 0.0) ** 2 for moved in (-0.01, 0.01)]
    slope = path.margin_slopes(core.flows, np.float32(1.0))["ups_power_kw"]
    np.testing.assert_allclose(slope, (paid[1] - paid[0]) / 0.02, rtol=1e-3, atol=1e-4)


def test_apg_makes_episodes_cheaper(tmp_path: Path) -> None:
    model = build_model("apg", sites(16, 0), {"hidden": [16], "learning_rate": 1e-2}, seed=0)
    before = mean_episode_reward(model, sites(16, 9))
    learn(model, LearningPlan(16 * 24 * 20), tmp_path)
    assert mean_episode_reward(model, sites(16, 9)) > before + 1e-3


def test_the_first_window_measures_the_observation_and_the_second_teaches(tmp_path: Path) -> None:
    model: Any = build_model("apg", sites(4, 0), {"hidden": [8], "n_steps": 6}, seed=0)
    learn(model, LearningPlan(24), tmp_path)
    assert model._n_updates == 0 and bool(model._standardized.measured)
    learn(model, LearningPlan(48), tmp_path)
    assert model._n_updates == 1


def test_environments_without_a_core_are_refused(make_env: Any, tmp_path: Path) -> None:
    model = build_model("apg", make_env(), {"hidden": [8]})
    with pytest.raises(ValueError, match="LinearVecEnv has no core to differentiate.*agent=ppo"):
        learn(model, LearningPlan(64), tmp_path)


def test_the_slope_of_a_window_has_what_the_constraints_charge() -> None:
    core = sites(4, 3).core
    core.reset(seed=3)
    for _ in range(4):
        core.step(np.zeros((4, core.action_size), np.float32))
    begun = core.save_state()
    charges = Charges(core.agent_channels, core.step_s, rate_usd=1.0)
    charges.load_state(
        {
            **charges.save_state(),
            "usd": np.where([c.flow == TRAVEL for c in CHARGED], 300.0, 0.0),
            "last": np.ones(len(charges.limits)),
        }
    )
    assert charges.usd_per_unit.nonzero()[0].size == 2, "travel has a price"

    def charged(moved: np.ndarray) -> np.ndarray:
        core.load_state(begun)
        cost = np.zeros(4)
        for k in range(STEPS):
            before = {name: rows.copy() for name, rows in core.in_force.items()}
            core.step(np.tile(moved * (k + 1), (4, 1)).astype(np.float32))
            used = np.stack(used_rows(core.flows, core.in_force, before, core.agent_channels))
            cost += charges.usd_per_unit @ used
        return cost

    def slopes(charges: Charges | None) -> np.ndarray:
        """Of the window's cost by how fast the actions grow."""
        path = PathBack(core, 100.0, 0.0, charges=charges)
        path.begin()
        charged(moving)
        behind, never = path.end(), np.zeros(4, bool)
        return sum((k + 1) * 4.0 * behind.action_slopes(k, never) for k in range(STEPS - 1, -1, -1)).T

    size = core.action_size
    moving = np.linspace(0.008, 0.016, size)  # every channel moves another way, none is at rest
    central = [(charged(moving + 1e-3 * row) - charged(moving - 1e-3 * row)) / 2e-3 for row in np.eye(size)]
    found = slopes(charges) - slopes(None)
    assert found == pytest.approx(np.array(central), rel=0.05, abs=0.02 * np.abs(central).max())
