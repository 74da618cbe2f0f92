"""The lot: who may have which block, and what every schedule keeps."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.savings.record import HOURS_PER_DAY, hour_of, weekday_of
from experiments.savings.schedule import BLOCK_HOURS, Schedule, arms, drawn_signs, policy_hours

MONDAY = hour_of("2027-01-11")


def test_the_calendar_knows_a_monday() -> None:
    assert weekday_of(np.array([MONDAY, MONDAY + 5 * HOURS_PER_DAY])).tolist() == [0, 5]


@pytest.mark.parametrize("block_h", BLOCK_HOURS)
def test_every_hour_of_the_trial_belongs_to_one_block_and_each_arm_has_half_of_each_time_of_day(block_h: int) -> None:
    schedule = Schedule(MONDAY, 56, block_h, 2)
    starts = schedule.starts().ravel() - MONDAY
    hours = (starts[:, None] + np.arange(block_h)).ravel()
    assert sorted(hours) == list(range(56 * HOURS_PER_DAY))
    held = policy_hours(schedule, drawn_signs(schedule, 3, 1)[0]).reshape(56, HOURS_PER_DAY)
    assert (held.sum(axis=0) == 28).all()


def test_the_blocks_of_a_pair_are_a_day_apart_and_belong_to_different_arms() -> None:
    schedule = Schedule(MONDAY, 56, 6, 2)
    starts = schedule.starts()
    assert (starts[:, 1] - starts[:, 0] == HOURS_PER_DAY).all()
    assert (arms(schedule, drawn_signs(schedule, 0, 1)[0]).sum(axis=1) == 1).all()


def test_no_schedule_leans_to_a_weekday_by_more_than_chance_usually_does() -> None:
    schedule = Schedule(MONDAY, 56)
    signs = drawn_signs(schedule, 1, 500)
    days = np.array([weekday_of(schedule.starts())] * 500)
    who = np.stack([arms(schedule, s) for s in signs])
    for weekday in range(7):
        surplus = np.where(days == weekday, np.where(who, 1, -1), 0).sum(axis=(1, 2))
        assert np.abs(surplus).max() <= np.sqrt(8)


def test_a_schedule_and_its_mirror_image_are_equally_likely() -> None:
    signs = drawn_signs(Schedule(MONDAY, 56), 2, 20_000)
    assert np.abs(signs.mean(axis=0)).max() < 4.5 / np.sqrt(20_000)


def test_the_same_seed_draws_the_same_schedule_and_another_seed_another() -> None:
    schedule = Schedule(MONDAY, 56)
    assert (drawn_signs(schedule, 5, 1) == drawn_signs(schedule, 5, 1)).all()
    assert (drawn_signs(schedule, 5, 1) != drawn_signs(schedule, 6, 1)).any()


@pytest.mark.parametrize(
    ("first", "days", "block_h", "washout_h", "words"),
    [
        (MONDAY, 26, 24, 3, "fewer than 14 pairs"),
        (MONDAY, 57, 24, 3, "even number"),
        (MONDAY, 56, 5, 0, "block_h = 5"),
        (MONDAY, 56, 6, 4, "washout_h = 4"),
        (MONDAY + 3, 56, 24, 3, "no midnight"),
    ],
)
def test_a_schedule_that_carries_no_claim_is_refused(
    first: int, days: int, block_h: int, washout_h: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Schedule(first, days, block_h, washout_h)
