"""How small a saving a plan would see, from what the site did under its own rules."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from experiments.savings.baseline import student
from experiments.savings.blocks import PairedBlocks, paired_blocks
from experiments.savings.randomisation import covariates, without
from experiments.savings.record import HOURS_PER_DAY, SiteRecord
from experiments.savings.schedule import FEWEST_PAIRS, Schedule

LEVEL, POWER = 0.95, 0.80
WEEKS = (4, 8, 12, 16, 26, 36, 52, 104)


class Scatter(NamedTuple):
    """How far two blocks of a pair differ by chance.

    Attributes
    ----------
    pair_frac : float
        Standard deviation of a pair's difference over the mean power, after load and weather are taken out [1].
    pairs : int
        Pairs that it was found from.
    """

    pair_frac: float
    pairs: int


def scatter(history: SiteRecord, like: Schedule) -> Scatter:
    """Scatter of a schedule's pairs in a history under the rules.

    Raises
    ------
    ValueError
        Where the history has too few whole pairs.
    """
    blocks = history_blocks(history, like)
    pairs = len(blocks.load)
    taken = covariates(blocks)
    left = without(taken, blocks.power_kw[:, 1] - blocks.power_kw[:, 0])
    spread = np.sqrt(float((left**2).sum()) / (pairs - taken.shape[1]))
    return Scatter(float(spread / blocks.power_kw.mean()), pairs)


def history_blocks(history: SiteRecord, like: Schedule) -> PairedBlocks:
    """Measured pairs of a history under the rules, cut as a schedule cuts its days.

    Raises
    ------
    ValueError
        Where the history has too few.
    """
    first = -(-history.first_hour // HOURS_PER_DAY) * HOURS_PER_DAY
    days = (history.first_hour + history.hours - first) // HOURS_PER_DAY // 2 * 2
    least = 2 * FEWEST_PAIRS * like.block_h // HOURS_PER_DAY
    if days < least:
        raise ValueError(
            f"history holds {max(days, 0)} whole days; blocks of {like.block_h} h need {least} to tell how far two of "
            "them differ by chance: give a longer history"
        )
    schedule = replace(like, first_hour=first, days=min(days, 1000))
    blocks = paired_blocks(history, schedule, np.ones(schedule.pairs, np.int8))
    blocks = blocks.rows(blocks.measured)
    if len(blocks.load) < FEWEST_PAIRS:
        words = f"history measured {len(blocks.load)} of {schedule.pairs} pairs; at least {FEWEST_PAIRS} are needed"
        raise ValueError(words)
    return blocks


def least_detectable(found: Scatter, pairs: int) -> float:
    """Share that a trial of so many pairs shows in four of five cases, at the level of 95 %."""
    freedom = max(min(pairs, found.pairs) - 5.0, 2.0)
    shown = student(LEVEL, freedom) + student(2.0 * POWER - 1.0, freedom)
    return shown * found.pair_frac / float(np.sqrt(pairs))


def days_needed(found: Scatter, like: Schedule, share: float) -> int | None:
    """Days of a trial that shows a share; None where two years are too few."""
    for weeks in WEEKS:
        days = 7 * weeks
        if days // 2 * like.per_day >= FEWEST_PAIRS and least_detectable(found, days // 2 * like.per_day) <= share:
            return days
    return None
