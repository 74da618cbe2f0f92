"""Training jobs: the drawn laws, the queue, the racks (WORKLOAD 6a)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, poisson

from envs.signals.workload import profiles as tables
from envs.signals.workload.frontier import frontier
from envs.signals.workload.jobs import (
    EVAL,
    PRETRAIN,
    Jobs,
    clipped_lognormal_mean,
    long_part,
    mean_gpu_seconds,
    rack_minutes,
    shared_jobs,
    size_law,
    with_power,
)
from envs.signals.workload.minutes import interval_means, mean_reverting
from envs.signals.workload.placement import Placement, place_jobs, spanning_labels
from envs.signals.workload.workload import Partition, random_stream

HOURS = 26 * 168


def _draw(seed: int, racks: int = 5) -> Any:
    return partial(random_stream, seed, Partition("shared", tuple(range(racks)), 32))


@pytest.fixture(scope="module")
def cluster() -> tuple[Jobs, Placement]:
    """Half a year of the default shared cluster of 160 accelerators."""
    jobs = shared_jobs(_draw(3), HOURS, 160, 0.68)
    return jobs, place_jobs(jobs.submit_s, jobs.duration_s, jobs.gpus, 5, 32)


def test_job_sizes_follow_the_drawn_law(cluster: tuple[Jobs, Placement]) -> None:
    jobs, _ = cluster
    sizes, shares = size_law(160)
    assert sizes.tolist() == [1, 2, 4, 8, 16, 32, 40]
    counts = np.array([(jobs.gpus == size).sum() for size in sizes])
    expected = shares * jobs.gpus.size
    assert np.all(np.abs(counts - expected) < 0.15 * expected + 3.0 * np.sqrt(expected))


@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("least", [1, 8])
def test_durations_of_a_size_follow_the_drawn_law(cluster: tuple[Jobs, Placement], quantile: float, least: int) -> None:
    jobs, _ = cluster
    chosen = jobs.gpus == least
    found = np.quantile(jobs.duration_s[chosen], quantile)
    chance = float(long_part(np.array([least]))[0])
    grid = np.geomspace(10.0, 172_800.0, 4000)
    below = [norm.cdf(np.log(grid / median) / sd) for median, sd in (tables.LONG_JOB_S, tables.SHORT_JOB_S)]
    law = np.interp(quantile, chance * below[0] + (1.0 - chance) * below[1], grid)
    assert found == pytest.approx(law, rel=0.15)
    assert jobs.duration_s.min() >= 10.0
    assert jobs.duration_s.max() <= 172_800.0


def test_the_mean_of_a_clipped_lognormal_is_that_of_a_million_draws() -> None:
    draws = np.clip(39_000.0 * np.exp(1.3 * np.random.default_rng(0).standard_normal(1_000_000)), 10.0, 172_800.0)
    assert clipped_lognormal_mean((39_000.0, 1.3), (10.0, 172_800.0)) == pytest.approx(draws.mean(), rel=3e-3)


def test_large_jobs_hold_most_of_the_accelerator_time_of_a_large_cluster() -> None:
    jobs = shared_jobs(_draw(5), 4 * HOURS, 1024, 0.68)
    work = jobs.gpus * jobs.duration_s
    sizes, shares = size_law(1024)
    law = [size * share * mean for size, share, mean in zip(sizes, shares, _mean_durations(sizes))]
    expected = sum(w for size, w in zip(sizes, law) if size >= 64) / sum(law)
    found = work[jobs.gpus >= 64].sum() / work.sum()
    assert sum(law) == pytest.approx(mean_gpu_seconds(1024), rel=1e-12)
    assert found == pytest.approx(expected, abs=0.05)
    assert 0.6 < expected < 0.95  # Seren: 0.86 of accelerator time (WORKLOAD 1a)


def _mean_durations(sizes: np.ndarray) -> np.ndarray:
    clip = tables.DURATION_CLIP_S
    chance = long_part(sizes)
    return chance * clipped_lognormal_mean(tables.LONG_JOB_S, clip) + (1.0 - chance) * clipped_lognormal_mean(
        tables.SHORT_JOB_S, clip
    )


def test_evaluation_is_most_jobs_and_pretraining_few_jobs_but_much_time(cluster: tuple[Jobs, Placement]) -> None:
    jobs, _ = cluster
    work = jobs.gpus * jobs.duration_s
    assert 0.65 <= np.mean(jobs.kind == EVAL) <= 0.93
    assert np.mean(jobs.kind == PRETRAIN) < 0.04
    assert work[jobs.kind == PRETRAIN].sum() / work.sum() > 0.4


def test_jobs_end_done_cancelled_or_failed_as_often_as_measured(cluster: tuple[Jobs, Placement]) -> None:
    jobs, _ = cluster
    shares = np.bincount(jobs.outcome) / jobs.outcome.size
    assert shares == pytest.approx([0.50, 0.08, 0.42], abs=0.01)


def test_no_job_starts_before_its_submit_time(cluster: tuple[Jobs, Placement]) -> None:
    jobs, placed = cluster
    assert np.all(placed.start_s >= jobs.submit_s)
    assert np.all(np.isfinite(placed.start_s))


def test_every_job_gets_exactly_its_accelerators_at_once(cluster: tuple[Jobs, Placement]) -> None:
    jobs, placed = cluster
    assert np.array_equal(np.bincount(placed.job, placed.gpus), jobs.gpus)


def test_no_rack_ever_holds_more_than_its_accelerators(cluster: tuple[Jobs, Placement]) -> None:
    jobs, placed = cluster
    for rack in range(5):
        here = placed.rack == rack
        start = placed.start_s[placed.job[here]]
        end = start + jobs.duration_s[placed.job[here]]
        times = np.concatenate([end, start])  # at one time, ends first
        change = np.concatenate([-placed.gpus[here], placed.gpus[here]])
        order = np.argsort(times, kind="stable")
        assert np.cumsum(change[order]).max() <= 32


def test_work_that_came_is_done_running_or_waiting(cluster: tuple[Jobs, Placement]) -> None:
    jobs, placed = cluster
    horizon = HOURS * 3600.0
    work = jobs.gpus * jobs.duration_s
    done_share = np.clip((horizon - placed.start_s) / jobs.duration_s, 0.0, 1.0)
    held = sum(rack_minutes(jobs, placed, rack, 32, HOURS * 60).held.sum() for rack in range(5)) * 32 * 60.0
    backlog = (work * (1.0 - done_share)).sum()
    assert held + backlog == pytest.approx(work.sum(), rel=1e-9)


def test_the_queue_is_as_in_the_prototype(cluster: tuple[Jobs, Placement]) -> None:
    jobs, placed = cluster
    wait = placed.start_s - jobs.submit_s
    spanning = np.mean(np.bincount(placed.job) > 1)
    assert 11.0 <= jobs.gpus.size / HOURS <= 17.0
    assert np.median(wait) == 0.0
    assert 300.0 <= wait.mean() <= 6000.0
    assert 0.03 <= spanning <= 0.10


def test_a_small_job_passes_a_large_one_that_waits_but_not_more_than_the_look_past() -> None:
    submit = np.array([0.0, 1.0, 2.0, 3.0])
    duration = np.array([100.0, 10.0, 10.0, 10.0])
    gpus = np.array([6, 4, 2, 2])
    assert place_jobs(submit, duration, gpus, 1, 8).start_s.tolist() == [0.0, 100.0, 2.0, 12.0]
    assert place_jobs(submit, duration, gpus, 1, 8, look_past=1).start_s.tolist()[:3] == [0.0, 100.0, 100.0]


def test_a_job_takes_the_rack_it_fits_best_and_otherwise_the_fewest_racks() -> None:
    submit, duration = np.arange(5.0), np.full(5, 1000.0)
    placed = place_jobs(submit, duration, np.array([5, 7, 1, 2, 8]), 3, 8)
    racks = [placed.rack[placed.job == job].tolist() for job in range(5)]
    assert racks == [[0], [1], [1], [0], [2]]
    spread = place_jobs(submit[:4], duration[:4], np.array([6, 5, 4, 7]), 3, 8)
    assert sorted(zip(spread.rack[spread.job == 3], spread.gpus[spread.job == 3])) == [(1, 3), (2, 4)]


def test_a_rack_is_labelled_by_the_lowest_rack_of_its_largest_spanning_job() -> None:
    placed = Placement(np.array([0.0, 300.0]), np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]), np.array([8, 2, 6, 8]))
    labels = spanning_labels(placed, np.array([600.0, 600.0]), 4, 4, 300.0)
    assert labels.tolist() == [[0, 1, 1, 3], [0, 1, 2, 2], [0, 1, 2, 2], [0, 1, 2, 3]]


def test_rack_power_is_that_of_its_jobs() -> None:
    submit, duration, gpus = np.array([0.0]), np.array([7200.0]), np.array([16])
    jobs = with_power(_draw(1), submit, duration, gpus, np.array([PRETRAIN]))
    rack = rack_minutes(jobs, place_jobs(submit, duration, gpus, 1, 32), 0, 32, 150)
    lead = jobs.lead_s[0] / 60.0
    assert 10.0 <= lead <= 30.0
    assert rack.pretrain[int(lead) + 2] == pytest.approx(0.5)
    dip = rack.pretrain[int(lead) + 2 : 119].min()
    assert dip < 0.5 * 0.8
    assert rack.pretrain[121:].max() == 0.0
    assert rack.swing[int(lead) + 2] == pytest.approx(0.65 * 0.5)


def test_accelerators_are_held_idle_for_a_third_of_evaluation_time() -> None:
    submit, duration, gpus = np.array([0.0]), np.array([6000.0]), np.array([1])
    jobs = with_power(_draw(1), submit, duration, gpus, np.array([EVAL]))
    rack = rack_minutes(jobs, place_jobs(submit, duration, gpus, 1, 1), 0, 1, 100)
    assert np.all(rack.held == 1.0)
    assert rack.finetune[:30].max() == 0.0
    assert 0.3 <= 0.16 + 0.70 * rack.finetune[50] <= 0.8


def test_interval_means_keep_every_second() -> None:
    rng = np.random.default_rng(2)
    start = rng.uniform(-3.0, 20.0, 50)
    end = start + rng.uniform(0.0, 6.0, 50)
    value = rng.normal(size=50)
    fine = (np.arange(20_000) + 0.5) / 1000.0
    direct = sum(v * ((fine >= a) & (fine < b)) for a, b, v in zip(start, end, value)).reshape(20, 1000).mean(axis=1)
    assert interval_means(start, end, value, 20) == pytest.approx(direct, abs=0.03)


def test_reverting_noise_has_the_asked_spread_and_memory() -> None:
    x = mean_reverting(np.random.default_rng(0), 400_000, 0.2, 15.0)
    assert x.std() == pytest.approx(0.2, rel=0.03)
    assert np.corrcoef(x[:-15], x[15:])[0, 1] == pytest.approx(np.exp(-1.0), abs=0.03)


@pytest.mark.parametrize(("seed", "gpus"), [(1, 360), (2, 360), (3, 4096)])
def test_crashes_are_as_many_as_a_poisson_law_allows(seed: int, gpus: int) -> None:
    run = frontier(_draw(seed), 26 * 10_080, gpus)
    expected = run.exposure_days * (4.74e-4 * gpus + 1.0 / 30.0)
    low, high = poisson.interval(0.99, expected)
    assert low <= run.failures.size <= high


def test_an_asynchronous_checkpoint_costs_less_than_one_that_stalls() -> None:
    stalls, runs_on = (frontier(_draw(4), 40_320, 360, async_checkpoint=a).activity.mean() for a in (False, True))
    assert 0.005 < runs_on - stalls < 0.025


def test_quiet_days_of_a_run_differ() -> None:
    activity = frontier(_draw(6), 26 * 10_080, 8).activity
    days = activity.reshape(-1, 24, 60).mean(axis=2)
    calm = days[days.min(axis=1) > 0.9]
    assert len(calm) > 50
    assert np.unique(calm, axis=0).shape == calm.shape
