"""Both batched adapters step by one path: same seeds and actions, same numbers, ends of episodes included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from envs.autoreset import Autoreset
from envs.core import DataCenterCore
from envs.episodes.world import World

SHORT = ("site.workload_weeks=1", "episode.steps=4")
SITES, STEPS = 3, 11
WorldOf = Callable[[str], World]


@pytest.mark.parametrize("scenario", ["edge_room", "liquid_hall"])
def test_both_adapters_give_the_same_numbers(scenario: str, world_of: WorldOf) -> None:
    pytest.importorskip("stable_baselines3")
    from envs.sb3_vec_env import DataCenterSB3VecEnv
    from envs.vector_env import DataCenterVectorEnv

    ours = DataCenterSB3VecEnv(scenario, SITES, SHORT, world=world_of(scenario))
    theirs = DataCenterVectorEnv(scenario, SITES, SHORT, world=world_of(scenario))
    ours.seed(8)
    np.testing.assert_array_equal(ours.reset(), theirs.reset(seed=8)[0])
    drawn = np.random.default_rng(1).uniform(-1.0, 1.0, (STEPS, *theirs.action_space.shape)).astype(np.float32)
    ends = 0
    for actions in drawn:
        seen, paid, done, infos = ours.step(actions)
        observation, reward, _, truncated, info = theirs.step(actions)
        np.testing.assert_array_equal(seen, observation)
        np.testing.assert_array_equal(paid, reward)
        np.testing.assert_array_equal(done, truncated)
        for name, cost in ours.last_terms.items():
            np.testing.assert_array_equal(cost, info[f"cost_{name}_usd"])
        for name, shown in ours.last_info.items():
            np.testing.assert_array_equal(shown, info[name])
        for i in np.flatnonzero(done):
            ends += 1
            np.testing.assert_array_equal(infos[i]["terminal_observation"], info["final_obs"][i])
            totals = info["final_info"]["episode_totals"]
            assert infos[i]["episode"] == {name: float(total[i]) for name, total in totals.items()}
    assert ends == STEPS // 4 * SITES


def test_the_last_observation_of_an_episode_is_what_is_seen_where_nothing_begins_anew(world_of: WorldOf) -> None:
    cores = [DataCenterCore("edge_room", 2, SHORT, world=world_of("edge_room")) for _ in range(2)]
    anew, going_on = Autoreset(cores[0]), Autoreset(cores[1], "disabled")
    still = np.zeros((2, cores[0].action_size), np.float32)
    for sites in (anew, going_on):
        sites.reset(seed=3)
    for _ in range(3):
        assert anew.step(still).ended is None and going_on.step(still).ended is None
    last, seen = anew.step(still), going_on.step(still)
    assert last.ended is not None and last.begun is not None and seen.begun is None
    np.testing.assert_array_equal(last.ended.observation, seen.observation)
    np.testing.assert_array_equal(last.reward, seen.reward)
    assert not np.array_equal(last.observation, seen.observation)


@pytest.mark.parametrize("when", ["same_step", "next_step", "disabled"])
@pytest.mark.parametrize("engine", ["numpy", "llvm"])
def test_observations_are_written_where_the_caller_says(
    when: str, engine: str, world_of: WorldOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == "llvm":
        pytest.importorskip("llvmlite")
    monkeypatch.setenv("COLDAISLE_ENGINE", engine)
    cores = [DataCenterCore("edge_room", 2, SHORT, world=world_of("edge_room")) for _ in range(2)]
    told, left = (Autoreset(core, when) for core in cores)  # type: ignore[arg-type]
    still, out = np.zeros((2, cores[0].action_size), np.float32), np.empty((2, cores[0].observation_size), np.float32)
    for sites in (told, left):
        sites.reset(seed=3)
    for _ in range(6):
        turn = told.step(still, out)
        assert turn.observation is out
        np.testing.assert_array_equal(out, left.step(still).observation)


def test_every_mode_of_gymnasium_has_a_name() -> None:
    from envs.vector_env import _WHEN

    assert _WHEN.keys() == set(AutoresetMode)
