"""Seeds: environment i is seeded ``seed + i``, so it is the same in any batch, and nothing else decides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.interface.sensors import normal_noise
from envs.scenario import SHIPPED

Make = Callable[..., DataCenterCore]


def actions_of(core: DataCenterCore, steps: int, n: int, seed: int = 0) -> NDArray[np.float32]:
    """Random actions ``(steps, n, k)``."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1.0, 1.0, (steps, n, core.action_size)).astype(np.float32)


def walk(core: DataCenterCore, actions: NDArray[np.float32], seed: int | None) -> tuple[NDArray, NDArray]:
    """Observations and rewards of a walk; finished environments begin anew."""
    seen, paid = [core.reset(seed=seed)], []
    for action in actions:
        obs, reward, done, _ = core.step(action)
        paid.append(reward)
        seen.append(core.reset(mask=done) if done.any() else obs)
    return np.array(seen), np.array(paid)


@pytest.mark.parametrize("scenario", SHIPPED)
def test_environment_three_of_eight_is_environment_zero_of_one_seeded_three_later(
    make_core: Make, scenario: str
) -> None:
    many, one = (make_core(scenario, n, dtype="float64") for n in (8, 1))
    actions = actions_of(many, 12, 8)
    many.reset(seed=11)
    one.reset(seed=14)
    for action in actions:
        reward = many.step(action)[1]
        alone = one.step(action[3:4])[1]
        for name, block in many.measured.items():
            np.testing.assert_allclose(block[:, 3], one.measured[name][:, 0], rtol=1e-9, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(reward[3], alone[0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("scenario", SHIPPED)
@pytest.mark.quick_for("ai_hall", "edge_room", "ai_factory")
def test_batches_agree_in_float32_to_rounding_while_no_mode_switches(make_core: Make, scenario: str) -> None:
    many, one = (make_core(scenario, n) for n in (8, 1))
    a, b = many.reset(seed=11), one.reset(seed=14)
    np.testing.assert_allclose(a[3], b[0], atol=2e-4)
    for action in actions_of(many, 3, 8):
        a, b = many.step(action)[0], one.step(action[3:4])[0]
        np.testing.assert_allclose(a[3], b[0], atol=1e-3)


@pytest.mark.parametrize("scenario", SHIPPED)
@pytest.mark.quick_for("ai_hall", "edge_room", "ai_factory")
def test_same_batch_and_seed_are_bit_equal_over_an_episode_and_past_its_end(make_core: Make, scenario: str) -> None:
    core = make_core(scenario, 3, "episode.steps=8")
    actions = actions_of(core, 20, 3)
    first, again = walk(core, actions, 5), walk(make_core(scenario, 3, "episode.steps=8"), actions, 5)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    third = walk(core, actions, 5)
    np.testing.assert_array_equal(first[0], third[0])


def test_another_seed_is_another_episode(make_core: Make) -> None:
    core = make_core("ai_hall", 3)
    a, b = core.reset(seed=1), core.reset(seed=2)
    assert not np.array_equal(a, b)
    np.testing.assert_allclose(a[1], b[0], atol=2e-4)


def test_episodes_that_follow_each_other_differ(make_core: Make) -> None:
    core = make_core("ai_hall", 2)
    first, second = core.reset(seed=1), core.reset()
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("extra", [(), ("sensors.temperature_delay_s=420",)])
@pytest.mark.parametrize("scenario", ["ai_hall", "edge_room"])
def test_a_masked_reset_leaves_the_others_untouched(make_core: Make, scenario: str, extra: tuple[str, ...]) -> None:
    disturbed, calm = (make_core(scenario, 3, *extra) for _ in range(2))
    actions = actions_of(calm, 10, 3)
    for core in (disturbed, calm):
        core.reset(seed=4)
    mask = np.array([False, True, False])
    for k, action in enumerate(actions):
        a, b = disturbed.step(action), calm.step(action)
        np.testing.assert_allclose(a[0][~mask], b[0][~mask], atol=1e-5)
        if k in (3, 4):
            before = a[0]
            after = disturbed.reset(mask=mask, seed=99 if k == 3 else None)
            np.testing.assert_array_equal(after[~mask], before[~mask])
            assert not np.array_equal(after[mask], before[mask])


def test_a_masked_seed_leaves_the_streams_of_the_others(make_core: Make) -> None:
    disturbed, calm = (make_core("edge_room", 2) for _ in range(2))
    for core in (disturbed, calm):
        core.reset(seed=4)
    disturbed.reset(mask=np.array([True, False]), seed=[77, 77])
    np.testing.assert_allclose(disturbed.reset()[1], calm.reset()[1], atol=2e-4)


def test_a_seed_of_none_in_a_list_lets_the_stream_go_on(make_core: Make) -> None:
    disturbed, calm = (make_core("edge_room", 2) for _ in range(2))
    for core in (disturbed, calm):
        core.reset(seed=4)
    np.testing.assert_allclose(disturbed.reset(seed=[None, 8])[0], calm.reset()[0], atol=2e-4)


def test_as_many_seeds_as_environments_or_an_error(make_core: Make) -> None:
    with pytest.raises(ValueError, match="seed has 1 entries for 2 environments"):
        make_core("edge_room", 2).reset(seed=[1])


def test_noise_is_a_function_of_seed_episode_step_and_stream() -> None:
    seed, episode, step = np.array([1, 2, 3]), np.array([0, 5, 0]), np.array([7, 7, 9])
    together = normal_noise(seed, episode, step, 6, np.float64)
    alone = normal_noise(seed[1:2], episode[1:2], step[1:2], 6, np.float64)
    np.testing.assert_array_equal(together[:, 1:2], alone)
    for change in ((9, 5, 7), (2, 6, 7), (2, 5, 8)):
        other = normal_noise(*(np.array([v]) for v in change), 6, np.float64)
        assert not np.any(np.isclose(other, alone))
    assert len(np.unique(together)) == together.size


def test_an_action_moves_no_random_number(make_core: Make) -> None:
    still, wild = (make_core("edge_room", 2, "sensors.temperature_noise_k=0.5") for _ in range(2))
    actions = actions_of(wild, 6, 2)
    for core in (still, wild):
        core.reset(seed=1)
    for action in actions:
        still.step(action * 0.0)
        wild.step(action)
        for name in ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh"):
            np.testing.assert_array_equal(still.measured[name], wild.measured[name])
