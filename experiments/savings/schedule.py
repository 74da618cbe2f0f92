"""The randomised switchback: which blocks the policy runs and which the site's own rules run.

**Pairs block by weather.** A block is paired with that of the same time of day on the next day: two days in a row have
much the same weather. Of each pair one block is the policy's, by the toss of a coin.

**Rerandomisation blocks by weekday.** A schedule in which the policy has more or fewer blocks of some weekday than
chance would usually give (one standard deviation) is thrown away, and drawn anew. Every schedule that is kept is as
likely as its mirror image. The test draws its reference schedules from the same kept set (Morgan and Rubin, Annals of
Statistics 40, 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.savings.record import DAYS_PER_WEEK, HOURS_PER_DAY, weekday_of

BLOCK_HOURS = (24, 12, 8, 6)
FEWEST_PAIRS = 14  # with fewer the kept schedules are too few for an interval of 95 %
CHUNK = 4096
MOST_DRAWN = 4_000_000

Signs = NDArray[np.int8]  # (.., P): 1 where the later block of the pair is the policy's, -1 where the earlier one is


@dataclass(frozen=True)
class Schedule:
    """When a switchback runs, without who has which block.

    Attributes
    ----------
    first_hour : int
        Midnight at which it begins, in hours since `record.EPOCH`, on the site's clock.
    days : int
        Even number of days.
    block_h : int
        Hours of a block: one of `BLOCK_HOURS`.
    washout_h : int
        Hours at the beginning of each block that are not judged.

    Raises
    ------
    ValueError
        For what cannot be carried out, or is too short.
    """

    first_hour: int
    days: int
    block_h: int = 24
    washout_h: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be judged."""
        if self.block_h not in BLOCK_HOURS:
            raise ValueError(f"block_h = {self.block_h}; give one of {', '.join(map(str, BLOCK_HOURS))}")
        if self.first_hour % HOURS_PER_DAY:
            raise ValueError("start is no midnight; give a day such as 2027-01-11")
        if self.days % 2 or self.days > 1000 or self.pairs < FEWEST_PAIRS:
            least = -(-2 * FEWEST_PAIRS * self.block_h // HOURS_PER_DAY)
            raise ValueError(
                f"days = {self.days} with blocks of {self.block_h} h make {self.pairs} pairs; give an even number of "
                f"days from {least + least % 2} to 1000: fewer than {FEWEST_PAIRS} pairs carry no 95 % interval"
            )
        if not 0 <= self.washout_h <= self.block_h // 2:
            raise ValueError(f"washout_h = {self.washout_h}; give 0 to half a block: {self.block_h // 2}")

    @property
    def per_day(self) -> int:
        """Blocks of a day."""
        return HOURS_PER_DAY // self.block_h

    @property
    def pairs(self) -> int:
        """Pairs P of blocks."""
        return self.days // 2 * self.per_day

    def starts(self) -> NDArray[np.int64]:
        """Hour in which each block of each pair begins ``(P, 2)``: the same time of day on two days in a row."""
        first_day = np.repeat(2 * np.arange(self.days // 2), self.per_day)
        slot = np.tile(np.arange(self.per_day), self.days // 2)
        earlier = self.first_hour + HOURS_PER_DAY * first_day + self.block_h * slot
        return np.stack([earlier, earlier + HOURS_PER_DAY], axis=1)

    def weekday_lean(self) -> NDArray[np.float64]:
        """What each pair's sign adds to the policy's surplus of blocks on each weekday ``(P, 7)``."""
        days = weekday_of(self.starts())
        each = np.eye(DAYS_PER_WEEK)
        return each[days[:, 1]] - each[days[:, 0]]


def drawn_signs(schedule: Schedule, seed: int | list[int], count: int) -> Signs:
    """Who has which block in ``count`` schedules, drawn from those that lean to no weekday ``(count, P)``.

    Raises
    ------
    ValueError
        Where hardly any schedule is balanced.
    """
    rng = np.random.default_rng(seed)
    lean = schedule.weekday_lean()
    most = np.sqrt(np.abs(lean).sum(axis=0)) + 1e-9
    found: list[Signs] = []
    kept = drawn = 0
    while kept < count:
        if drawn >= MOST_DRAWN:
            raise ValueError(f"of {drawn} schedules {kept} are balanced over weekdays; give more days")
        tossed = (2 * rng.integers(0, 2, (CHUNK, schedule.pairs), np.int8) - 1).astype(np.int8)
        good = tossed[(np.abs(tossed @ lean) <= most).all(axis=1)]
        found.append(good)
        kept, drawn = kept + len(good), drawn + CHUNK
    return np.concatenate(found)[:count]


def arms(schedule: Schedule, signs: Signs) -> NDArray[np.bool_]:
    """Whether the policy has each block ``(P, 2)``."""
    return np.stack([signs < 0, signs > 0], axis=1)


def policy_hours(schedule: Schedule, signs: Signs) -> NDArray[np.bool_]:
    """Whether the policy has each hour from the first on ``(T,)``."""
    held = np.zeros(schedule.days * HOURS_PER_DAY, bool)
    for start, has in zip(schedule.starts().ravel() - schedule.first_hour, arms(schedule, signs).ravel()):
        held[start : start + schedule.block_h] = has
    return held
