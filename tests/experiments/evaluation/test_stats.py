from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from experiments.evaluation.stats import (
    bootstrap_interval,
    interquartile_mean,
    paired_difference,
    paired_saving,
    probability_of_improvement,
    share_of_gap_closed,
)

plain_mean = partial(np.mean, axis=-1)


def test_interquartile_mean_cuts_a_quarter_at_each_end() -> None:
    assert interquartile_mean([0, 1, 2, 3, 4, 5, 6, 1e9]) == pytest.approx(3.5)


def test_interquartile_mean_pools_seeds_and_episodes() -> None:
    assert interquartile_mean([[0, 1, 2, 3], [4, 5, 6, 1e9]]) == pytest.approx(3.5)


def test_a_constant_difference_has_no_width() -> None:
    baseline = np.random.default_rng(0).normal(100, 30, 24)
    interval = paired_difference(baseline - 4.0, baseline)
    assert interval == pytest.approx((-4.0, -4.0, -4.0))


def test_a_constant_share_saved_is_found_exactly_in_spite_of_spread() -> None:
    baseline = np.random.default_rng(0).normal(100, 30, 24)
    assert paired_saving(0.93 * baseline, baseline) == pytest.approx((0.07, 0.07, 0.07))


def test_the_bootstrap_of_a_mean_has_the_width_of_its_standard_error() -> None:
    scores = np.random.default_rng(1).normal(5.0, 2.0, 400)
    interval = bootstrap_interval(scores, statistic=plain_mean, resamples=4000)
    half = 1.96 * scores.std() / np.sqrt(400)
    assert interval.estimate == pytest.approx(scores.mean())
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.08)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    draws = [bootstrap_interval(generator.normal(0, 1, 30), plain_mean, resamples=200, seed=i) for i in range(150)]
    covered = np.mean([d.low <= 0.0 <= d.high for d in draws])
    assert 0.87 <= covered <= 0.99


def test_spread_between_training_seeds_widens_the_interval() -> None:
    baseline = np.full(24, 100.0)
    calm = np.tile(np.linspace(94, 96, 24), (5, 1))
    wild = calm + np.array([-8.0, -4.0, 0.0, 4.0, 8.0])[:, None]
    narrow, wide = paired_saving(calm, baseline), paired_saving(wild, baseline)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = np.random.default_rng(3).normal(size=20)
    assert bootstrap_interval(scores, seed=1) == bootstrap_interval(scores, seed=1)


def test_probability_of_improvement_counts_wins_and_half_of_ties() -> None:
    assert probability_of_improvement([1, 1, 1], [2, 2, 2]) == 1.0
    assert probability_of_improvement([2, 2], [2, 2]) == 0.5
    assert probability_of_improvement([1, 3], [2, 2]) == 0.5
    assert probability_of_improvement([3, 3], [2, 2], lower_is_better=False) == 1.0


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same episodes"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])


def test_share_of_gap_closed() -> None:
    rule, oracle = np.full(8, 100.0), np.full(8, 90.0)
    assert share_of_gap_closed(np.full(8, 96.0), rule, oracle) == pytest.approx(0.4)
    assert np.isnan(share_of_gap_closed(rule, rule, rule))
