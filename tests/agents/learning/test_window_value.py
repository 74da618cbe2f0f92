"""The value behind a window: it learns what a chain with a known answer is worth, and its slope reaches the actions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from agents.learning.window_value import WindowValue, window_returns

KEPT, GAMMA = 0.9, 0.97  # of x from step to step; each step pays x, so that x is worth x / (1 - KEPT GAMMA)
STEPS, SITES = 12, 64


def played(generator: torch.Generator, ended: np.ndarray) -> tuple[torch.Tensor, np.ndarray, torch.Tensor]:
    """A window of the chain; steps that end an episode pay 1000, and the chain goes on from somewhere else."""
    x = torch.rand(SITES, 1, generator=generator) * 2.0 - 1.0
    seen, rewards = [], []
    for end in ended:
        seen.append(x)
        rewards.append(np.where(end, 1000.0, x[:, 0].numpy()).astype(np.float32))
        fresh = torch.rand(SITES, 1, generator=generator) * 2.0 - 1.0
        x = torch.where(torch.from_numpy(end)[:, None], fresh, KEPT * x)
    return torch.stack(seen), np.stack(rewards), x


def test_the_value_learns_what_the_chain_is_worth_whatever_the_end_of_an_episode_pays() -> None:
    torch.manual_seed(0)
    line = nn.Linear(1, 1)
    value = WindowValue(lambda x: line(x).squeeze(-1), list(line.parameters()), GAMMA, 0.95)
    value.optimizer = torch.optim.Adam(line.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(1)
    ended = np.zeros((STEPS, SITES), bool)
    ended[5, ::3] = True
    for _ in range(40):
        seen, rewards, behind = played(generator, ended)
        value.learn(seen, rewards, ended, behind)
    worth = 1.0 / (1.0 - KEPT * GAMMA)
    assert float(line.weight.detach()) == pytest.approx(worth, rel=0.05)
    np.testing.assert_allclose(value.slopes(np.zeros((3, 1), np.float32)), worth, rtol=0.05)


def test_a_return_is_the_discounted_reward_and_what_is_known_behind_the_window() -> None:
    rewards, values = np.array([[1.0], [2.0], [4.0]]), np.array([[7.0], [7.0], [7.0], [8.0]])
    returns, sound = window_returns(rewards, np.zeros((3, 1), bool), values, 0.5, 1.0)
    assert sound.all() and returns[:, 0].tolist() == [1.0 + 1.0 + 1.0 + 1.0, 2.0 + 2.0 + 2.0, 4.0 + 4.0]
    returns, sound = window_returns(rewards, np.array([[False], [True], [False]]), values, 0.5, 1.0)
    assert sound[:, 0].tolist() == [True, False, True] and returns[0, 0] == 1.0 + 0.5 * 7.0


def test_what_a_value_says_of_the_window_s_end_comes_back_to_its_actions() -> None:
    pytest.importorskip("llvmlite")
    from agents.learning.path_back import PathBack
    from tests.agents.learning.test_apg import sites

    core = sites(4, 3).core
    core.reset(seed=3)
    begun = core.save_state()
    weights = np.linspace(-1.0, 1.0, core.observation_size, dtype=np.float32)

    def reached(moved: np.ndarray) -> np.ndarray:
        core.load_state(begun)
        return [core.step(np.tile(moved, (4, 1)).astype(np.float32))[0] for _ in range(4)][-1].copy()

    rows = np.eye(core.action_size)
    central = [(reached(0.02 * row) - reached(-0.02 * row)).astype(float) @ weights / 0.04 for row in rows]
    path, never = PathBack(core, 100.0, 0.0, left_share=0.0), np.zeros(4, bool)
    found = []
    for share in (0.0, 1.0):
        path.begin()
        last = reached(np.zeros(core.action_size))
        behind = path.end()
        behind.begin_with(last, np.tile(share * weights, (4, 1)))
        found.append(sum(behind.action_slopes(k, never) for k in range(3, -1, -1)))
    np.testing.assert_allclose((found[1] - found[0]).T, central, rtol=0.05, atol=0.02 * np.abs(central).max())


def test_apg_learns_a_value_and_its_slope_moves_the_policy(tmp_path: Path) -> None:
    pytest.importorskip("llvmlite")
    from agents.learning.build import build_model
    from agents.learning.learn import learn
    from agents.learning.plan import LearningPlan
    from tests.agents.learning.test_apg import sites

    taught = []
    for share in (0.0, 1.0):
        settings = {"hidden": [8], "n_steps": 6, "left_share": 0.0, "value_share": share}
        model = build_model("apg", sites(4, 0), settings, seed=0)
        before = model.policy.value_net.weight.detach().clone()
        learn(model, LearningPlan(4 * 6 * 3), tmp_path / str(share))
        taught.append(model.policy.action_net.weight.detach().clone())
        assert torch.equal(before, model.policy.value_net.weight) == (share == 0.0)
    assert not torch.equal(*taught), "what the value says of a window's end moves the policy"
