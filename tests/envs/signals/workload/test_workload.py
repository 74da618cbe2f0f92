"""The assembled workload of a hall: shapes, seeds, steps, partitions, episodes (WORKLOAD 6c, WORKLOAD 6d)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from envs.signals.workload.workload import (
    CLASSES,
    Partition,
    Workload,
    default_partitions,
    generate_workload,
    partitions_for,
)

SERIES = ("activity", "job", "swing", "batch_arrival", "unserved")
SCENARIOS = {"ai_hall": 20, "legacy_air": 80, "liquid_hall": 12, "edge_room": 8}


@pytest.fixture(scope="module")
def hall() -> Workload:
    return generate_workload(default_partitions("ai_hall"), seed=5, weeks=4)


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_every_scenario_gives_finite_shares_in_the_agreed_shapes(scenario: str) -> None:
    w = generate_workload(default_partitions(scenario), seed=1, weeks=1)
    t, r = 2016, SCENARIOS[scenario]
    assert w.activity.shape == (t, 2, r)
    assert (w.job.shape, w.swing.shape, w.slot_class.shape) == ((t, r), (t, r), (2, r))
    assert (w.batch_arrival.shape, w.unserved.shape) == ((t,), (t,))
    assert (w.activity.dtype, w.slot_class.dtype, w.job.dtype) == (np.float32, np.int8, np.int16)
    assert (w.swing.dtype, w.batch_arrival.dtype, w.unserved.dtype) == (np.float32,) * 3
    assert all(np.all(np.isfinite(getattr(w, name))) for name in SERIES)
    assert w.activity.min() >= 0.0


def test_no_rack_is_above_its_accelerators(hall: Workload) -> None:
    assert hall.activity.sum(axis=1).max() <= 1.0 + 1e-6
    assert 0.0 <= hall.swing.min() <= hall.swing.max() <= 0.65 + 1e-6


def test_the_default_hall_has_the_classes_of_its_rows(hall: Workload) -> None:
    named = [tuple(CLASSES[c] for c in rack) for rack in hall.slot_class.T]
    assert set(named[:5]) == {("pretrain", "none")}
    assert set(named[5:10]) == {("prefill", "decode")}
    assert set(named[10:15]) == {("pretrain", "finetune")}
    assert set(named[15:17]) == {("batch", "none")}
    assert set(named[17:]) == {("cpu", "none")}
    assert hall.job_groups == ((0, 1, 2, 3, 4), (10, 11, 12, 13, 14))
    assert [(p.service, len(p.racks)) for p in default_partitions("ai_hall") if p.kind == "interactive"] == [
        ("conv", 3),
        ("code", 2),
    ]


def test_the_plant_and_the_load_name_the_same_classes() -> None:
    throughput = pytest.importorskip("envs.equipment.throughput")
    assert throughput.CLASSES == CLASSES
    assert throughput.POWER_SHARE[:5] == (0.95, 0.86, 1.0, 0.43, 0.95)


def test_a_label_is_the_lowest_rack_of_its_group(hall: Workload) -> None:
    own = np.arange(hall.racks)
    assert np.all(hall.job <= own)
    assert np.array_equal(np.take_along_axis(hall.job, hall.job.astype(np.int64), axis=1), hall.job)
    assert np.all(hall.job[:, :5] == 0)
    assert np.all(hall.job[:, 5:10] == own[5:10])
    assert np.all(hall.job[:, 15:] == own[15:])
    assert hall.job[:, 10:15].min() >= 10
    assert np.any(hall.job[:, 10:15] != own[10:15])


def test_batch_racks_have_arrivals_and_no_activity(hall: Workload) -> None:
    assert hall.activity[:, :, 15:17].max() == 0.0
    assert hall.batch_arrival.sum() > 0.0
    assert hall.deadline_s == 86_400.0


def test_the_mean_of_five_minutes_is_the_five_minute_value() -> None:
    fine, coarse = (generate_workload(default_partitions("ai_hall"), 2, 1, step_s) for step_s in (60, 300))
    for name in ("activity", "swing"):
        means = getattr(fine, name).astype(np.float64).reshape(2016, 5, *getattr(fine, name).shape[1:]).mean(axis=1)
        assert np.abs(means - getattr(coarse, name)).max() < 1e-6
    for name in ("batch_arrival", "unserved"):
        sums = getattr(fine, name).astype(np.float64).reshape(2016, 5).sum(axis=1)
        assert np.abs(sums - getattr(coarse, name)).max() < 1e-5


def test_the_same_seed_is_bit_equal_and_another_differs(hall: Workload) -> None:
    again = generate_workload(default_partitions("ai_hall"), seed=5, weeks=4)
    other = generate_workload(default_partitions("ai_hall"), seed=6, weeks=4)
    assert all(np.array_equal(getattr(hall, name), getattr(again, name)) for name in SERIES)
    assert not any(np.array_equal(getattr(hall, name), getattr(other, name)) for name in SERIES)


def test_a_shorter_pool_is_the_beginning_of_a_longer_one(hall: Workload) -> None:
    short = generate_workload(default_partitions("ai_hall"), seed=5, weeks=1)
    assert all(np.array_equal(getattr(short, name), getattr(hall, name)[:2016]) for name in SERIES)


def test_the_order_of_partitions_changes_nothing(hall: Workload) -> None:
    turned = generate_workload(default_partitions("ai_hall")[::-1], seed=5, weeks=4)
    assert all(np.array_equal(getattr(hall, name), getattr(turned, name)) for name in SERIES)


def test_racks_of_a_pool_are_alike_but_not_the_same(hall: Workload) -> None:
    first, second = hall.activity[:, 0, 5], hall.activity[:, 0, 6]
    assert np.corrcoef(first, second)[0, 1] > 0.9
    assert not np.array_equal(first, second)


def test_a_table_may_have_three_racks_or_a_hundred() -> None:
    blocks = [("frontier", range(40), 72), ("shared", range(40, 60), 32), ("interactive", range(60, 100), 72)]
    w = generate_workload(partitions_for(blocks), seed=0, weeks=2)
    tiny = generate_workload(partitions_for([("frontier", [0], 72), ("shared", [1], 8), ("interactive", [2], 8)]), 0, 2)
    assert w.activity.shape[2] == 100
    assert tiny.activity.shape[2] == 3
    assert tiny.job_groups == ()
    assert np.all(tiny.job == np.arange(3))


def test_a_window_keeps_the_place_in_the_week(hall: Workload) -> None:
    part = hall.window(36 * 12 + 2016, 288)
    assert part.steps == 288
    assert part.week_start_s == 36 * 3600.0  # Tuesday noon
    with pytest.raises(ValueError, match="inside the pool"):
        hall.window(hall.steps - 10, 11)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Partition("mining", (0,)), "Partition.kind = 'mining'; give one of frontier"),
        (lambda: Partition("cpu", ()), "Partition.racks"),
        (lambda: Partition("cpu", (0,), service="video"), "conv or code"),
        (lambda: Partition("shared", (0,), 8, occupancy=68.0), "share between 0 and 1"),
        (lambda: default_partitions("moon_base"), "one of ai_hall"),
        (lambda: generate_workload([Partition("cpu", (0,)), Partition("cpu", (0,))], 0), "one partition only"),
        (lambda: generate_workload([], 0), "at least one Partition"),
        (lambda: generate_workload([Partition("cpu", (0,))], -1), "seed = -1"),
        (lambda: generate_workload([Partition("cpu", (0,))], 0, step_s=90), "step_s = 90"),
        (lambda: generate_workload([Partition("cpu", (0,))], 0, weeks=0), "weeks = 0"),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_name(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError) as refusal:
        make()
    assert words in str(refusal.value)
