"""The three adapters: autoreset modes, fresh arrays, and what stable-baselines3 keeps by reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from envs.episodes.world import World
from envs.single_env import DataCenterEnv
from envs.vector_env import DataCenterVectorEnv

SHORT = ("site.workload_weeks=1", "episode.step_s=300", "episode.substep_s=60", "episode.steps=3")
WorldOf = Callable[[str], World]


def vector(world_of: WorldOf, n: int = 2, **options: Any) -> DataCenterVectorEnv:
    return DataCenterVectorEnv("edge_room", n, SHORT, world=world_of("edge_room"), **options)


def still(env: Any) -> np.ndarray:
    return np.zeros(env.action_space.shape, np.float32)


def test_same_step_begins_anew_in_the_step_that_ends(world_of: WorldOf) -> None:
    env = vector(world_of)
    env.reset(seed=0)
    outs = [env.step(still(env)) for _ in range(4)]
    assert [o[3].tolist() for o in outs] == [[False] * 2, [False] * 2, [True] * 2, [False] * 2]
    info = outs[2][4]
    assert info["_final_obs"].all() and info["final_obs"][0].shape == env.single_observation_space.shape
    assert not np.array_equal(info["final_obs"][0], outs[2][0][0])
    assert info["final_info"]["episode_totals"]["l"].tolist() == [3.0, 3.0]
    total = sum(o[1] for o in outs[:3])
    np.testing.assert_allclose(info["final_info"]["episode_totals"]["r"], total, rtol=1e-5)


def test_next_step_ignores_one_action_and_pays_nothing_for_it(world_of: WorldOf) -> None:
    env = vector(world_of, autoreset_mode="NEXT_STEP")
    env.reset(seed=0)
    outs = [env.step(still(env)) for _ in range(5)]
    assert [bool(o[3].any()) for o in outs] == [False, False, True, False, False]
    assert outs[2][4]["episode_totals"]["l"].tolist() == [3.0, 3.0]
    assert not outs[3][1].any() and not outs[3][4]["cost_energy_usd"].any()
    assert not np.array_equal(outs[2][0], outs[3][0]) and env.core.t.tolist() == [1, 1]


def test_disabled_waits_for_a_masked_reset(world_of: WorldOf) -> None:
    env = vector(world_of, autoreset_mode="DISABLED")
    env.reset(seed=0)
    outs = [env.step(still(env)) for _ in range(3)]
    assert outs[2][3].all() and env.core.t.tolist() == [3, 3]
    obs, _ = env.reset(options={"reset_mask": np.array([True, False])})
    np.testing.assert_array_equal(obs[1], outs[2][0][1])
    assert env.core.t.tolist() == [0, 3]


def test_a_mask_of_the_wrong_length_is_refused(world_of: WorldOf) -> None:
    env = vector(world_of)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="one flag for each of 2"):
        env.core.reset(mask=np.array([True]))


def test_every_mode_walks_the_same_first_episode(world_of: WorldOf) -> None:
    walked = []
    for mode in ("SAME_STEP", "NEXT_STEP", "DISABLED"):
        env = vector(world_of, autoreset_mode=mode)
        first = env.reset(seed=9)[0]
        walked.append([first, *(env.step(still(env))[0] for _ in range(2))])
    np.testing.assert_array_equal(walked[0], walked[1])
    np.testing.assert_array_equal(walked[0], walked[2])


def arrays(out: Any) -> list[np.ndarray]:
    found = [x for x in out[:-1] if isinstance(x, np.ndarray)]
    return found + [x for x in out[-1].values() if isinstance(x, np.ndarray) and x.dtype != object]


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP", "DISABLED"])
def test_a_vector_env_hands_out_fresh_arrays(world_of: WorldOf, mode: str) -> None:
    env = vector(world_of, autoreset_mode=mode)
    kept = arrays(env.reset(seed=0))
    copies = [a.copy() for a in kept]
    for _ in range(5):
        new = arrays(env.step(still(env)))
        assert not any(np.shares_memory(a, b) for a in kept for b in new)
        kept += new
        copies += [a.copy() for a in new]
    for a, b in zip(kept, copies):
        np.testing.assert_array_equal(a, b)


def test_writing_into_what_was_handed_out_changes_nothing(world_of: WorldOf) -> None:
    spoilt, clean = vector(world_of), vector(world_of)
    for env in (spoilt, clean):
        env.reset(seed=0)
    for _ in range(4):
        a, b = spoilt.step(still(spoilt)), clean.step(still(clean))
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
        for array in arrays(a):
            array[...] = 1


def test_a_single_env_hands_out_fresh_observations(world_of: WorldOf) -> None:
    env = DataCenterEnv("edge_room", SHORT, world=world_of("edge_room"))
    seen = [env.reset(seed=0)[0]]
    seen += [env.step(still(env))[0] for _ in range(3)]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(seen) for b in seen[:k])


def test_a_single_env_gives_its_sums_at_the_end_and_refuses_a_wrong_shape(world_of: WorldOf) -> None:
    env = DataCenterEnv("edge_room", SHORT, world=world_of("edge_room"))
    env.reset(seed=0)
    outs = [env.step(still(env)) for _ in range(3)]
    assert outs[2][4]["episode_totals"]["l"] == 3.0 and "episode_totals" not in outs[1][4]
    assert outs[2][4]["episode_totals"]["r"] == pytest.approx(sum(o[1] for o in outs), rel=1e-5)
    for wrong in (0.5, np.zeros((1, 5)), np.zeros(3)):
        with pytest.raises(ValueError, match="action has shape"):
            env.step(wrong)


def test_an_empty_batch_and_a_plant_without_the_channels_are_refused(world_of: WorldOf) -> None:
    with pytest.raises(ValueError, match="num_envs = 0"):
        vector(world_of, n=0)
    with pytest.raises(ValueError, match="none is in scenario 'edge_room'"):
        vector(world_of, agent_channels=("tcs_pump_speed_frac",))
