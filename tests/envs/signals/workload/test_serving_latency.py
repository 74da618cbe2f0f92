"""Time between tokens, its bound on the batch, and what a bound does to a pool (WORKLOAD 6e, PHYSICS B3)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from envs.episodes.world import partitions
from envs.scenario import load
from envs.signals.workload import profiles as tables
from envs.signals.workload.latency import (
    ALONE_MS,
    most_batch,
    replica_load,
    slowed_load,
    time_between_tokens_ms,
)
from envs.signals.workload.requests import (
    autoscaled_share,
    batch_at,
    load_at,
    most_load,
    phases,
    prompt_time,
    serving,
    serving_activity,
)
from envs.signals.workload.workload import Partition, generate_workload, random_stream

#: Llama 3.1 8B on one H100: batch and output tokens/s (ML.ENERGY leaderboard, commit 0cd52da).
MEASURED = ((7.98, 1069.6), (31.91, 3391.1), (63.92, 5147.2), (127.62, 7036.5), (255.19, 9009.6), (510.87, 9805.6))


def _draw(seed: int) -> Any:
    return partial(random_stream, seed, Partition("interactive", (0,), 8))


def _pool(batch_max: int, autoscale: bool = False) -> Any:
    return generate_workload([Partition("interactive", (0, 1), 8, autoscale=autoscale, batch_max=batch_max)], 3, 1)


@pytest.mark.parametrize(("batch", "tokens_s"), MEASURED)
def test_the_time_between_tokens_is_the_measured_one(batch: float, tokens_s: float) -> None:
    measured_ms = 1000.0 * batch / tokens_s
    assert time_between_tokens_ms(np.array(batch), np.array(1.0)) == pytest.approx(measured_ms, rel=0.03)


def test_latency_rises_with_the_batch_and_falls_with_the_pace() -> None:
    batch, pace = np.linspace(0.0, 1474.0, 50), np.linspace(0.05, 1.0, 50)
    assert np.all(np.diff(time_between_tokens_ms(batch, np.array(1.0))) > 0.0)
    assert np.all(np.diff(time_between_tokens_ms(np.array(64.0), pace)) < 0.0)
    assert time_between_tokens_ms(np.array(64.0), np.array(0.5)) == pytest.approx(24.73, abs=0.01)


def test_at_a_load_of_saturation_the_time_between_tokens_is_that_of_an_empty_replica_over_what_is_left() -> None:
    x = np.array([0.0, 0.5, 0.8, 0.95])
    assert time_between_tokens_ms(batch_at(x), np.ones(4)) == pytest.approx(6.776 / (1.0 - x), rel=1e-4)


def test_a_bound_on_the_batch_lowers_the_capacity_to_b_over_b_plus_half() -> None:
    assert most_load(266) == load_at(266) == pytest.approx(266.0 / 343.6)
    assert most_load(0) == most_load(4096) == tables.LOST_LOAD
    assert phases(np.array([2.0]), "conv", most_load(266)).prefill == pytest.approx(prompt_time("conv") * load_at(266))


def test_the_largest_batch_of_a_target_just_keeps_it() -> None:
    assert most_batch(30.0) == pytest.approx(265.96)
    assert time_between_tokens_ms(np.array(most_batch(30.0)), np.array(1.0)) == pytest.approx(30.0)
    with pytest.raises(ValueError, match=r"target_ms = 5.0; give at least the 6.86 ms of a request alone"):
        most_batch(5.0)


def test_without_a_bound_the_load_has_todays_bits() -> None:
    """The lines that made the load before there was a bound, beside the ones that make it now."""
    served = serving(_draw(3), 3000, "code", 144, -5.0, True)
    wanted = np.clip(served.load / 0.60, 0.3, 1.0)
    padded = np.concatenate([np.full(29, wanted[0]), wanted])
    awake = np.lib.stride_tricks.sliding_window_view(padded, 30).max(axis=1)
    assert np.array_equal(served.awake, awake)
    assert np.array_equal(served.unserved, np.maximum(served.load / awake - 0.95, 0.0) * awake)


def test_a_bound_that_never_binds_changes_no_rack() -> None:
    free, bound = _pool(0), _pool(4096)
    assert np.array_equal(free.activity, bound.activity)


def test_load_over_the_bound_is_turned_away_and_none_is_lost_from_the_books() -> None:
    wide, narrow = _pool(4096), _pool(150)
    g, hours = prompt_time("conv"), 8.0 * 300.0 / 3600.0
    assert narrow.activity[:, 0].max() == pytest.approx(g * load_at(150), rel=1e-5)
    assert narrow.unserved.sum() > 10.0 * wide.unserved.sum() > 0.0
    offered, booked = (w.activity[:, 0].sum(axis=1, dtype=np.float64) / g * hours + w.unserved for w in (wide, narrow))
    assert booked == pytest.approx(offered, rel=1e-5)


def test_replicas_that_take_less_are_woken_earlier() -> None:
    load = np.full(60, 0.4)
    assert autoscaled_share(load)[-1] == pytest.approx(0.4 / 0.6)
    assert autoscaled_share(load, 0.95 * 0.75)[-1] == pytest.approx(0.4 / 0.45)


@pytest.mark.parametrize("service", ["conv", "code"])
def test_the_load_of_replicas_is_found_again_in_what_a_rack_does(service: str) -> None:
    load, awake = np.linspace(0.05, 0.6, 40), np.linspace(0.4, 1.0, 40)
    parked = serving_activity(load * awake, awake, service)
    assert replica_load(parked.prefill, parked.decode, service, True) == pytest.approx(load, abs=2e-3)
    all_awake = serving_activity(load, np.ones(40), service)
    assert replica_load(all_awake.prefill, all_awake.decode, service, False) == pytest.approx(load)
    nothing = np.zeros(2)
    assert replica_load(nothing, nothing, service, True) == pytest.approx(0.0)


def test_a_capped_replica_misses_its_target_before_it_runs_out_of_capacity() -> None:
    pace = np.linspace(1.0, 0.6, 401)
    slowed = slowed_load(np.array(0.7), pace, pace, "conv")
    token_ms = time_between_tokens_ms(batch_at(np.minimum(slowed, tables.LOST_LOAD)), pace)
    late, full = pace[token_ms > 30.0].max(), pace[slowed > tables.LOST_LOAD].max()
    assert late == pytest.approx(0.7 + 6.776 / 30.0, abs=2e-3) and full == pytest.approx(0.7 / 0.95, abs=2e-3)
    assert late > full


def test_slow_prompts_alone_let_tokens_wait() -> None:
    one, half = np.array(1.0), np.array(0.8)
    assert slowed_load(np.array(0.5), half, one, "code") > slowed_load(np.array(0.5), half, one, "conv") > 0.5


def test_the_keys_stand_in_the_scenario_and_outside_the_hash_of_those_that_leave_them_out() -> None:
    plain, bound = load("edge_room"), load("edge_room", ["site.serving_batch_max=266", "site.token_target_ms=30"])
    assert not {"serving_batch_max", "token_target_ms"} & set(plain.hashed_parts()["site"])
    assert plain.hash() != bound.hash()
    assert {p.batch_max for p in partitions(bound)} == {266}
    with pytest.raises(ValueError, match=r"token_target_ms = 5.0 is less than the 6.86 ms of a request alone"):
        load("edge_room", ["site.token_target_ms=5"])
    assert pytest.approx(6.863, abs=1e-3) == ALONE_MS
