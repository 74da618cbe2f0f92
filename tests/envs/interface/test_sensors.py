"""The sensor layer: noise without a generator, equal in any batch; bias, drift, delay, resolution, hanging sensors."""

from __future__ import annotations

import numpy as np
import pytest

from envs.interface.sensors import SensorBank, SensorModel, normal_noise

SENSORS = {
    "inlet_c": ("temperature", 6),
    "rack_power_kw": ("power", 4),
    "fws_flow_kg_s": ("flow", 1),
    "hour": ("exact", 1),
}
CLEAN = SensorModel(
    temperature_noise_k=0.0, temperature_bias_k=0.0, power_noise_frac=0.0, power_bias_frac=0.0,
    flow_noise_frac=0.0, flow_bias_frac=0.0, fraction_noise=0.0,
)  # fmt: skip


def bank(model: SensorModel | None = None, dtype: type = np.float32) -> SensorBank:
    return SensorBank(model or SensorModel(), SENSORS, 300.0, dtype)


def ids(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.arange(n), np.zeros(n, dtype=np.int64), np.full(n, 5)


def test_noise_is_standard_normal() -> None:
    z = normal_noise(np.arange(20_000), np.zeros(20_000, int), np.zeros(20_000, int), 10).astype(np.float64)
    assert abs(z.mean()) < 0.01 and abs(z.std() - 1.0) < 0.01
    assert abs((z**4).mean() - 3.0) < 0.1
    assert abs(np.mean(np.abs(z) < 1.0) - 0.6827) < 0.005


@pytest.mark.parametrize("varied", ["seed", "episode", "step"])
def test_noise_is_uncorrelated_over_seeds_episodes_steps_and_streams(varied: str) -> None:
    n = 20_000
    keys = {"seed": np.full(n, 3), "episode": np.full(n, 4), "step": np.full(n, 5)}
    keys[varied] = np.arange(n)
    z = normal_noise(keys["seed"], keys["episode"], keys["step"], 12)
    limit = 5.0 / np.sqrt(n)
    assert np.abs(np.corrcoef(z) - np.eye(12)).max() < limit
    assert np.abs(np.mean(z[:, 1:] * z[:, :-1], axis=1)).max() < limit


def test_exchanging_seed_episode_and_step_gives_other_noise() -> None:
    a = normal_noise(np.array([1]), np.array([2]), np.array([3]), 50)
    for other in [(2, 1, 3), (1, 3, 2), (3, 2, 1), (1, 2, 4)]:
        b = normal_noise(*(np.array([k]) for k in other), 50)
        assert np.mean(a == b) < 0.1


def test_an_environment_reads_the_same_in_any_batch() -> None:
    seed, episode, step = ids(64)
    values = np.random.default_rng(0).uniform(10.0, 40.0, (12, 64)).astype(np.float32)
    b = bank(SensorModel(temperature_drift_k_day=0.1, temperature_delay_s=60.0))
    _, whole = b.measure(b.initial(values, seed, episode), values, seed, episode, step)
    for columns in ([7], [63, 7, 12], list(range(5, 40))):
        part = values[:, columns]
        state = b.initial(part, seed[columns], episode[columns])
        _, read = b.measure(state, part, seed[columns], episode[columns], step[columns])
        np.testing.assert_array_equal(read, whole[:, columns])


def test_the_same_step_read_twice_is_the_same_and_the_next_is_not() -> None:
    seed, episode, step = ids(8)
    values = np.full((12, 8), 25.0, np.float32)
    b = bank()
    state = b.initial(values, seed, episode)
    first, again, later = (b.measure(state, values, seed, episode, step + k)[1] for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.mean(first[:11] == later[:11]) < 0.05


def test_noise_of_a_row_does_not_depend_on_how_many_rows_there_are() -> None:
    few, many = normal_noise(*ids(16), 3), normal_noise(*ids(16), 40)
    np.testing.assert_array_equal(few, many[:3])


def test_errors_have_the_size_the_model_says() -> None:
    seed, episode, step = ids(4000)
    values = np.full((12, 4000), 100.0, np.float32)
    b = bank(SensorModel(temperature_bias_k=0.3, power_bias_frac=0.0, flow_bias_frac=0.0))
    read = b.split(b.measure(b.initial(values, seed, episode), values, seed, episode, step)[1])
    assert np.std(read["inlet_c"]) == pytest.approx(np.hypot(0.2, 0.3), rel=0.03)
    assert np.std(read["rack_power_kw"]) == pytest.approx(1.0, rel=0.03)
    assert np.std(read["fws_flow_kg_s"]) == pytest.approx(2.0, rel=0.06)
    np.testing.assert_array_equal(read["hour"], 100.0)


def test_bias_stays_over_an_episode_and_changes_with_it() -> None:
    seed, episode, _ = ids(50)
    values = np.full((12, 50), 25.0, np.float32)
    b = bank()
    a, same, other = (b.initial(values, seed, e).bias for e in (episode, episode, episode + 1))
    assert a is not None and same is not None and other is not None
    np.testing.assert_array_equal(a, same)
    assert np.mean(a[:11] == other[:11]) < 0.05


def test_drift_grows_with_the_days() -> None:
    model = SensorModel(**{**CLEAN.__dict__, "temperature_drift_k_day": 0.5})
    b = bank(model, np.float64)
    seed, episode, step = ids(2000)
    values = np.full((12, 2000), 25.0)
    state = b.initial(values, seed, episode)
    day = b.measure(state, values, seed, episode, step * 0 + 288)[1][:6] - 25.0
    week = b.measure(state, values, seed, episode, step * 0 + 7 * 288)[1][:6] - 25.0
    assert np.std(day) == pytest.approx(0.5, rel=0.05)
    np.testing.assert_allclose(week, 7.0 * day, rtol=1e-9)


@pytest.mark.parametrize(
    ("delay_s", "expected"), [(300.0, [0, 0, 1, 2]), (150.0, [0, 0.5, 1.5, 2.5]), (750.0, [0, 0, 0, 0.5])]
)
def test_delay_shows_the_value_of_that_long_ago(delay_s: float, expected: list[float]) -> None:
    b = bank(SensorModel(**{**CLEAN.__dict__, "temperature_delay_s": delay_s}))
    seed, episode, step = ids(1)
    state = b.initial(np.zeros((12, 1), np.float32), seed, episode)
    for k, want in enumerate(expected):
        true = np.full((12, 1), float(k), np.float32)
        state, read = b.measure(state, true, seed, episode, step + k)
        assert read[0, 0] == pytest.approx(want)
        assert read[-1, 0] == float(k)


def test_resolution_rounds_temperatures_only() -> None:
    b = bank(SensorModel(**{**CLEAN.__dict__, "temperature_resolution_k": 0.5}))
    seed, episode, step = ids(3)
    values = np.full((12, 3), 25.3, np.float32)
    _, read = b.measure(b.initial(values, seed, episode), values, seed, episode, step)
    np.testing.assert_allclose(read[:6], 25.5)
    np.testing.assert_array_equal(read[6:], values[6:])
    np.testing.assert_array_equal(values, np.float32(25.3))


def test_a_stuck_sensor_repeats_its_last_reading_and_a_drifting_one_is_off() -> None:
    b = bank(CLEAN)
    seed, episode, step = ids(2)
    stuck, offset = np.zeros((2, 12, 2), np.float32)
    stuck[3, 1], offset[2, 0] = 1.0, 4.0
    state = b.initial(np.full((12, 2), 20.0, np.float32), seed, episode)
    for true in (21.0, 30.0):
        state, read = b.measure(state, np.full((12, 2), true, np.float32), seed, episode, step, stuck, offset)
        assert read[3, 1] == 20.0 and read[3, 0] == true
        assert read[2, 0] == true + 4.0
    _, healed = b.measure(state, np.full((12, 2), 30.0, np.float32), seed, episode, step)
    np.testing.assert_array_equal(healed, 30.0)


def test_a_clean_model_reads_the_truth() -> None:
    b = bank(CLEAN)
    seed, episode, step = ids(4)
    values = np.random.default_rng(1).uniform(0.0, 100.0, (12, 4)).astype(np.float32)
    _, read = b.measure(b.initial(values, seed, episode), values, seed, episode, step)
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_arguments_are_not_changed(dtype: type) -> None:
    b = bank(SensorModel(temperature_drift_k_day=0.1, temperature_delay_s=90.0, temperature_resolution_k=0.1), dtype)
    seed, episode, step = ids(4)
    values = np.full((12, 4), 25.03, dtype)
    state = b.initial(values, seed, episode)
    copies = [a.copy() for a in state if a is not None]
    new, read = b.measure(state, values, seed, episode, step)
    assert read.dtype == dtype and all(a.dtype == dtype for a in new if a is not None)
    for a, c in zip([a for a in state if a is not None], copies):
        np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(values, dtype(25.03))


def test_stack_and_split_are_inverse() -> None:
    b = bank()
    named = {
        "inlet_c": np.ones((6, 3)),
        "rack_power_kw": np.ones((4, 3)) * 2,
        "fws_flow_kg_s": np.ones(3),
        "hour": np.zeros((1, 3)),
    }
    block = b.stack(named)
    assert block.shape == (12, 3)
    np.testing.assert_array_equal(b.split(block)["rack_power_kw"], named["rack_power_kw"])


def test_unknown_kind_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match="temperature"):
        SensorBank(SensorModel(), {"x": ("colour", 1)}, 300.0)
