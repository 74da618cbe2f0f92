"""Requests, phases of serving, autoscaling, CPU hall, batch demand (WORKLOAD 2, WORKLOAD 6b; PHYSICS B1, B3)."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.signals.workload import profiles as tables
from envs.signals.workload.requests import (
    autoscaled_share,
    batch_demand,
    cpu_utilisation,
    minute_counts,
    phases,
    phases_of_power,
    phases_power,
    prompt_time,
    requests,
    serving,
    serving_activity,
    weekly_shape,
)
from envs.signals.workload.workload import Partition, random_stream

WEEK = 10_080


def _draw(seed: int) -> Any:
    return partial(random_stream, seed, Partition("interactive", (0,), 8))


def test_the_tables_are_the_measured_week() -> None:
    conv, code = (tables.SERVICE_PROFILE[s] for s in ("conv", "code"))
    assert conv.size == code.size == 168
    assert conv.mean() == pytest.approx(1.0, abs=0.01)
    assert code.mean() == pytest.approx(1.0, abs=0.01)
    assert conv[:120].mean() / conv[120:].mean() == pytest.approx(1.76, abs=0.02)
    assert code[:120].mean() / code[120:].mean() == pytest.approx(3.10, abs=0.03)
    assert (conv.max(), code.max(), code.min()) == (1.66, 3.02, 0.10)


def test_the_code_service_peaks_in_the_afternoon_of_its_users() -> None:
    workday = weekly_shape("code", -5.0)[:1440].reshape(24, 60).mean(axis=1)
    assert 12 <= int(workday.argmax()) <= 15
    utc = weekly_shape("code", 0.0)[:1440].reshape(24, 60).mean(axis=1)
    assert int(utc.argmax()) == int(workday.argmax()) + 5


def test_decode_alone_draws_what_was_measured_on_an_h200() -> None:
    load = np.linspace(0.02, 0.95, 50)
    for service in ("conv", "code"):
        phase = phases(load, service)
        decoding = 1.0 - prompt_time(service) * load
        watts = 700.0 * (0.16 + 0.27 * phase.decode / decoding)
        assert watts.min() >= 137.0 and watts.max() <= 301.0
        assert np.all(np.diff(watts) > 0.0)


def test_idle_prefill_and_decode_stand_apart() -> None:
    at_rest, full = phases(np.array([0.0]), "conv"), phases(np.array([2.0]), "conv")
    assert phases_power(at_rest) == pytest.approx(0.16)
    assert full.prefill == pytest.approx(0.95 * prompt_time("conv"))
    assert phases_power(full) == pytest.approx(full.prefill + (1.0 - full.prefill) * 0.427, abs=0.003)


def test_a_saturated_conversation_replica_draws_what_a_saturated_benchmark_does() -> None:
    assert 449.0 <= 700.0 * phases_power(phases(np.array([0.95]), "conv"))[0] <= 576.0


@pytest.mark.parametrize("service", ["conv", "code"])
def test_power_is_turned_back_into_the_phases_that_drew_it(service: str) -> None:
    load = np.linspace(0.0, 0.95, 173)
    phase = phases(load, service)
    drawn = phases_power(phase)
    assert np.all(np.diff(drawn) > 0.0)
    back = phases_of_power(drawn, service)
    assert back.prefill == pytest.approx(phase.prefill, abs=2e-3)
    assert back.decode == pytest.approx(phase.decode, abs=2e-3)
    anything = np.linspace(0.16, 1.0, 100)
    given = phases_of_power(anything, service)
    assert phases_power(given) == pytest.approx(anything, abs=1e-9)
    assert np.all(given.prefill + given.decode <= 1.0 + 1e-12)


def test_code_with_its_long_inputs_spends_more_on_prefill_than_conversation() -> None:
    load = np.array([0.1, 0.4, 0.8])
    conv, code = (phases(load, s) for s in ("conv", "code"))
    assert np.all(code.prefill > 1.4 * conv.prefill)


def test_autoscaling_wakes_at_once_and_parks_after_half_an_hour() -> None:
    load = np.full(120, 0.1)
    load[40] = 0.6
    share = autoscaled_share(load)
    assert share[39] == pytest.approx(0.3)
    assert np.all(share[40:70] == 1.0)
    assert share[70] == pytest.approx(0.3)


def test_parked_replicas_draw_idle_power() -> None:
    power = phases_power(serving_activity(np.array([0.2]), np.array([0.5]), "conv"))
    assert power == pytest.approx(0.5 * phases_power(phases(np.array([0.4]), "conv")) + 0.5 * 0.16)


def test_load_above_saturation_is_lost_and_nothing_else() -> None:
    served = serving(_draw(3), 6 * WEEK, "code", 144, -5.0, False)
    assert np.array_equal(served.unserved > 0.0, served.load > 0.95)
    assert np.minimum(served.load, 0.95) + served.unserved == pytest.approx(served.load)
    assert np.quantile(served.load[: 4 * WEEK], 0.995) == pytest.approx(0.80)


@pytest.mark.parametrize("dispersion", [1.0 / 0.84, 16.0, 100.0])
def test_counts_have_the_mean_and_the_dispersion_asked_for(dispersion: float) -> None:
    counts = minute_counts(_draw(0), np.full(200_000, 300.0), dispersion)
    assert counts.mean() == pytest.approx(300.0, rel=0.01)
    assert counts.var() / counts.mean() == pytest.approx(dispersion, rel=0.03)


def test_a_small_code_pool_is_burstier_than_a_large_one() -> None:
    small, large = (requests(_draw(1), 4 * WEEK, "code", gpus, -5.0) for gpus in (16, 160))
    moves = [np.median(np.abs(np.diff(x)) / x.mean()) for x in (small, large)]
    assert moves[0] > 3.0 * moves[1]


def test_the_measured_hour_of_code_requests_is_as_bursty_as_said() -> None:
    data = os.environ.get("COLDAISLE_DATA")
    if not data:
        pytest.skip("COLDAISLE_DATA is not set")
    import pandas as pd

    trace = pd.read_csv(Path(data) / "workload" / "AzureLLMInferenceTrace_code_2023.csv.gz")
    seconds = pd.to_datetime(trace["TIMESTAMP"]).to_numpy().astype("datetime64[ns]").astype(np.int64) / 1e9
    seconds -= seconds[0]
    gaps = np.diff(seconds)
    counts = np.bincount((seconds // 60.0).astype(int))
    assert gaps.std() / gaps.mean() == pytest.approx(13.0, rel=0.1)
    measured = counts.var() / counts.mean()
    assert measured == pytest.approx(164.0, rel=0.15)
    ours = minute_counts(_draw(2), np.full(100_000, counts.mean()), tables.SMALL_CODE_POOL_DISPERSION)
    assert 0.5 < ours.var() / ours.mean() / measured < 1.5
    assert trace["ContextTokens"].mean() == pytest.approx(tables.SERVICE_TOKENS["code"][0], rel=0.01)
    assert trace["GeneratedTokens"].mean() == pytest.approx(tables.SERVICE_TOKENS["code"][1], rel=0.02)


def test_a_cpu_hall_moves_between_half_and_three_quarters_of_its_peak() -> None:
    u = cpu_utilisation(np.array([0.0, 0.45, 1.1, 1.75, 9.0]), "conv")
    power = 0.40 + 0.60 * (2.0 * u - u**1.4)
    assert power == pytest.approx([0.52, 0.52, 0.62, 0.72, 0.72], abs=1e-3)


def test_batch_demand_is_lognormal_by_day_with_half_the_capacity_as_mean() -> None:
    demand = batch_demand(_draw(0), 8000 * 1440, 64)
    daily = demand.reshape(-1, 1440).sum(axis=1) / (64 * 24.0)
    assert daily.mean() == pytest.approx(0.5, rel=0.06)
    assert np.log(daily).std() == pytest.approx(1.0, rel=0.03)
