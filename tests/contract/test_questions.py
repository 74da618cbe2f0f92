"""The contract questions of every scenario: spaces, memory, variety, bounds, and that an action acts at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.scenario import SHIPPED
from envs.spaces import box

Make = Callable[..., DataCenterCore]

# Observations that may stand still through a day of random actions.
STILL = {
    "rack_down_frac": "only a trip moves it",
    "job_restarting_share": "only a stop moves it",
    "restart_frac": "only a trip moves it",
    "breaker_memory_frac": "only an overload moves it",
    "capper_engaged": "only a feeder that binds moves it",
    "tower_cells_running": "cells are sized so that the duty ones carry a day",
    "tower_hold_frac": "runs only where a cell was staged",
    "chillers_running": "a plant with one chiller on duty never stages",
    "chiller_hold_frac": "runs only where a chiller was staged",
    "economizer_on": "a season may hold one mode all day",
    "economizer_hold_frac": "runs only where the mode changed",
    "dry_cooler_pad_on": "a season may hold one mode all day",
    "in_force.fws_supply_temp_setpoint_c": "a constant rule holds it where the agent does not",
    "in_force.tcs_supply_temp_setpoint_c": "a constant rule holds it where the agent does not",
    "in_force.tcs_pump_speed_frac": "a constant rule holds it where the agent does not",
    "in_force.battery_power_kw": "a constant rule holds it where the agent does not",
    "job_largest_waiting_share": "under a random order one of the largest jobs always waits",
    "in_force.rack_power_limit_frac": "the rule caps nothing where the feeder does not bind",
}


def random_walk(core: DataCenterCore, steps: int, seed: int, extreme: bool = False) -> tuple[NDArray, NDArray, NDArray]:
    """Observations ``(T + 1, B, n)``, rewards ``(T, B)`` and truncations ``(T, B)`` of one walk, without resets."""
    rng = np.random.default_rng(seed)
    seen, paid, ended = [core.reset(seed=seed)], [], []
    for _ in range(steps):
        action = rng.uniform(-1.0, 1.0, (core.num_envs, core.action_size))
        obs, reward, done, _ = core.step(np.sign(action) * 1e3 if extreme else action)
        seen.append(obs)
        paid.append(reward)
        ended.append(done)
    return np.array(seen), np.array(paid), np.array(ended)


@pytest.fixture(scope="module")
def days(make_core: Make) -> Callable[[str], tuple[DataCenterCore, NDArray, NDArray, NDArray]]:
    """A day of random actions in four environments, walked once per scenario."""
    walked: dict[str, tuple[DataCenterCore, NDArray, NDArray, NDArray]] = {}

    def day(name: str) -> tuple[DataCenterCore, NDArray, NDArray, NDArray]:
        if name not in walked:
            core = make_core(name, 4, "episode.steps=288")
            walked[name] = (core, *random_walk(core, 288, 0))
        return walked[name]

    return day


@pytest.mark.parametrize("scenario", SHIPPED)
def test_observations_and_rewards_conform(days, scenario: str) -> None:
    core, seen, paid, _ = days(scenario)
    assert seen.dtype == np.float32 and paid.dtype == np.float32
    assert all(box(core.observation_size).contains(o) for o in seen[:, 0])
    assert np.isfinite(seen).all() and np.abs(seen).max() <= 1.0


@pytest.mark.parametrize("scenario", SHIPPED)
def test_no_observation_is_constant_over_a_day(days, scenario: str) -> None:
    core, seen, _, _ = days(scenario)
    spread = np.ptp(seen.reshape(-1, seen.shape[-1]), axis=0)
    names = [name.partition("[")[0] for name in core.observer.element_names]
    assert {n for n, s in zip(names, spread) if s < 1e-6} <= set(STILL)


@pytest.mark.parametrize("scenario", SHIPPED)
def test_few_observations_stand_at_the_end_of_their_range(days, scenario: str) -> None:
    core, seen, _, _ = days(scenario)
    at_end = (np.abs(seen) >= 1.0).mean(axis=(0, 1))
    flags = set(STILL) | {"zone_aisle_pressure_pa"}  # grows with the square of the surplus air, which random fans make
    # the inlet alarm holds the fans at full speed while random setpoints would let the racks' tops pass it
    flags.add("zone_fan_speed_frac")
    # in winter an approach over the wet bulb rests at its lower limit, and the economizer leaves the chillers idle
    flags |= {"in_force.cw_supply_temp_setpoint_c", "chiller_plr_frac"}
    names = [name.partition("[")[0] for name in core.observer.element_names]
    assert {n for n, s in zip(names, at_end) if s > 0.6} <= flags


@pytest.mark.parametrize("scenario", SHIPPED)
def test_the_start_is_randomised(days, scenario: str) -> None:
    core, seen, _, _ = days(scenario)
    names = [name.partition("[")[0] for name in core.observer.element_names]
    spread = dict(zip(names, np.ptp(seen[0], axis=0)))
    for name in ("dry_bulb_c", "it_power_share", "billing_peak_share", "hour_sin", "zone_supply_c", "chip_max_c"):
        assert spread[name] > 1e-3, name
    if "battery_soc_frac" in spread:
        assert spread["battery_soc_frac"] > 1e-2


@pytest.mark.parametrize("scenario", SHIPPED)
def test_episodes_end_by_truncation_after_their_steps_and_never_before(days, scenario: str) -> None:
    _, _, _, ended = days(scenario)
    assert not ended[:-1].any() and ended[-1].all()


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("scenario", SHIPPED)
def test_the_reward_is_bounded(make_core: Make, days, scenario: str, extreme: bool) -> None:
    paid = (
        random_walk(make_core(scenario, 4, "episode.steps=40"), 40, 1, extreme=True)[1]
        if extreme
        else days(scenario)[2]
    )
    assert np.isfinite(paid).all() and np.abs(paid).max() < 100.0
    assert np.abs(np.median(paid)) < 20.0 and paid.std() > 1e-4


@pytest.mark.parametrize("scenario", SHIPPED)
def test_an_action_takes_effect_in_the_step_it_is_given(make_core: Make, scenario: str) -> None:
    warm = ("episode.start_day_low=190", "episode.start_day_high=200")
    low, high = (make_core(scenario, 2, *warm) for _ in range(2))
    for core in (low, high):
        core.reset(seed=2)
    size = low.action_size
    low.step(np.full((2, size), -1.0))
    high.step(np.full((2, size), 1.0))
    for channel in low.agent_channels:
        in_force = [core.measured[f"in_force.{channel.name}"] for core in (low, high)]
        np.testing.assert_array_equal(in_force[0], low.in_force[channel.name])
        assert (in_force[1] > in_force[0]).any(), channel.name
    held = {c.name for c in low.agent_channels}
    if "crah_fan_speed_frac" in held:
        assert (high.flows.crah_fan_power_kw > low.flows.crah_fan_power_kw).all()
    if "rack_power_limit_frac" in held:
        assert (high.flows.it_power_kw > low.flows.it_power_kw).any()
    if "battery_power_kw" in held:
        assert (high.flows.battery_power_kw > low.flows.battery_power_kw).all()


@pytest.mark.parametrize("scenario", SHIPPED)
def test_the_observation_that_comes_back_is_the_state_after_the_action(make_core: Make, scenario: str) -> None:
    quiet = [
        f"sensors.{k}=0" for k in ("temperature_noise_k", "temperature_bias_k", "power_noise_frac", "power_bias_frac")
    ]
    core = make_core(scenario, 2, *quiet)
    core.reset(seed=2)
    for _ in range(3):
        core.step(np.zeros((2, core.action_size)))
        np.testing.assert_array_equal(core.measured["zone_supply_c"], core.state.air.supply_c)
        np.testing.assert_allclose(
            core.measured["it_power_share"][0] * core.instruments.rated_it_kw, core.flows.it_power_kw, rtol=1e-5
        )
        np.testing.assert_allclose(core.measured["dry_bulb_c"][0], core.outside.dry_bulb_c, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_action_that_is_no_number_raises_and_names_its_place(make_core: Make, bad: float) -> None:
    core = make_core("edge_room", 3)
    core.reset(seed=0)
    action = np.zeros((3, core.action_size), np.float32)
    action[2, 1] = bad
    with pytest.raises(ValueError, match="action 1 of environment 2"):
        core.step(action)


def test_an_action_of_the_wrong_shape_raises(make_core: Make) -> None:
    core = make_core("edge_room", 3)
    core.reset(seed=0)
    for shape in ((3, 99), (2, core.action_size), (core.action_size,)):
        with pytest.raises(ValueError, match="shape"):
            core.step(np.zeros(shape, np.float32))


def test_a_step_before_the_first_reset_raises(make_core: Make) -> None:
    core = make_core("edge_room", 1)
    with pytest.raises(ValueError, match="call reset first"):
        core.step(np.zeros((1, core.action_size)))


def test_an_action_beyond_the_box_is_one_at_its_edge(make_core: Make) -> None:
    beyond, edge = (make_core("edge_room", 2) for _ in range(2))
    ones = np.ones((2, edge.action_size), np.float32)
    for core, scale in ((beyond, 50.0), (edge, 1.0)):
        core.reset(seed=0)
        core.step(ones * scale)
    np.testing.assert_array_equal(beyond._observation(), edge._observation())


@pytest.mark.parametrize("scenario", SHIPPED)
def test_the_terms_weighted_and_scaled_are_the_reward(make_core: Make, scenario: str) -> None:
    core = make_core(scenario, 3, "episode.steps=4")
    core.reset(seed=0)
    for _ in range(4):
        _, reward, _, cost = core.step(np.zeros((3, core.action_size)))
        np.testing.assert_allclose(reward, -sum(cost.values()) / core.scenario.reward.scale_usd, rtol=1e-4, atol=1e-5)


def test_nothing_waits_when_an_episode_begins(make_core: Make) -> None:
    core = make_core("ai_hall_power_cap", 16)
    settled, flows = core._settled, []

    def kept(*given: Any) -> Any:
        found = settled(*given)
        flows.append(found[1])
        return found

    core._settled = kept
    core.reset(seed=0)
    assert flows[0].backlog.max() > 0.0, "nothing would wait anyhow: another hall is needed here"
    np.testing.assert_array_equal(core.flows.backlog, 0.0)
    for name in ("backlog_training_h", "backlog_batch_h"):
        if name in core.measurements():
            np.testing.assert_array_equal(core.measurements()[name], 0.0)


@pytest.mark.parametrize("resume", [False, True])
def test_what_is_measured_cannot_be_written(make_core: Make, resume: bool) -> None:
    core = make_core("edge_room", 2)
    core.reset(seed=1)
    core.step(np.zeros((2, core.action_size)))
    core.reset(mask=np.array([True, False]))
    if resume:
        core.load_state(core.save_state())
    seen = core.measurements()
    before = {name: value.copy() for name, value in seen.items()}
    with pytest.raises(TypeError):
        seen["wet_bulb_c"] = np.zeros((1, 2))  # type: ignore[index]
    for value in seen.values():
        with pytest.raises(ValueError, match="read-only"):
            value[...] = 0.0
    for name, value in core.measurements().items():
        np.testing.assert_array_equal(value, before[name])
