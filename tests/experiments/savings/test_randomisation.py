"""The interval: what it holds, and that its closed form is the test turned round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.savings.blocks import paired_blocks
from experiments.savings.randomisation import LEVEL, covariates, difference, without
from tests.experiments.savings.trial import Trial, trial


def one_sided(of: Trial, share: float) -> tuple[float, float]:
    """Shares of schedules whose statistic is at most, and at least, the one that was run's, were ``share`` true."""
    blocks = paired_blocks(of.record, of.schedule, of.signs)
    by_rules = np.where(blocks.is_policy, blocks.power_kw / (1.0 - share), blocks.power_kw)
    left = without(covariates(blocks), np.diff(by_rules, axis=1)[:, 0])
    found, others = of.signs @ left, of.reference @ left
    count = len(others) + 1
    return (1 + (others <= found).sum()) / count, (1 + (others >= found).sum()) / count


@pytest.mark.parametrize("share", [0.0, 0.08])
def test_the_ends_of_the_interval_are_where_the_test_begins_to_refuse(share: float) -> None:
    of = trial(share)
    found = of.judged().saving
    assert found is not None
    edge = (1.0 - LEVEL) / 2.0
    low, _ = one_sided(of, found.low - 1e-4)
    inside, _ = one_sided(of, found.low + 1e-4)
    assert low <= edge < inside
    _, high = one_sided(of, found.high + 1e-4)
    _, inside = one_sided(of, found.high - 1e-4)
    assert high <= edge < inside


def test_a_saving_of_all_blocks_alike_is_found_to_the_digit_where_nothing_else_moves() -> None:
    of = trial(0.0)
    flat = replace(of.record, power_kw=100.0 * (1.0 - 0.1 * of.record.in_control))
    found = of.judged(flat).saving
    assert found is not None and found.share == pytest.approx(0.1, abs=1e-9)


def test_intervals_hold_the_truth_and_no_effect_is_rarely_credited() -> None:
    held, credited = [], []
    for seed in range(120):
        of = trial(0.0, seed)
        found = of.judged()
        assert found.saving is not None
        held.append(found.saving.low <= of.true_share <= found.saving.high)
        credited.append(found.credited)
    assert sum(held) >= 106 and sum(credited) <= 8  # of 120; five deviations from 95 % and 2.5 %


def test_the_same_interval_comes_in_another_unit() -> None:
    of = trial(0.05)
    other = of.judged(replace(of.record, power_kw=1000.0 * of.record.power_kw)).saving
    found = of.judged().saving
    assert found is not None and other is not None
    assert other == pytest.approx(found, abs=1e-9)


def test_a_difference_that_the_lot_cannot_explain_is_seen() -> None:
    of = trial(0.0)
    blocks = paired_blocks(of.record, of.schedule, of.signs)
    _, by_chance = difference(blocks.load, of.signs, of.reference)
    apart, moved = difference(blocks.load + 5.0 * blocks.is_policy, of.signs, of.reference)
    assert by_chance > 0.01 and moved < 0.01 and apart == pytest.approx(5.0, abs=0.5)
