from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from experiments.evaluation.bootstrap import bootstrap_interval, drawn_resamples, widening
from experiments.evaluation.stats import (
    generalisation_gap,
    interquartile_mean,
    paired_difference,
    paired_saving,
    performance_profile,
    performance_profiles,
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
    assert probability_of_improvement([1, 1, 1], [2, 2, 2]) == (1.0, 1.0, 1.0)
    assert probability_of_improvement([2, 2], [2, 2]).estimate == 0.5
    assert probability_of_improvement([1, 3], [2, 2]) == (0.5, 0.0, 1.0)
    assert probability_of_improvement([1.9995, 1.9995], [2, 2], tie=0.005) == (0.5, 0.5, 0.5)


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same episodes"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])


def test_share_of_gap_closed() -> None:
    rule, oracle = np.full(8, 100.0), np.full(8, 90.0)
    assert share_of_gap_closed(np.full(8, 96.0), rule, oracle) == pytest.approx((0.4, 0.4, 0.4))
    assert np.isnan(share_of_gap_closed(rule, rule, rule)).all()


SITES = [f"site {i % 6}" for i in range(24)]


def drawn(generator: np.random.Generator, seeds: int, seed_sd: float, site_sd: float, noise_sd: float) -> np.ndarray:
    """Differences whose true mean is 0: each training seed, each site and each episode adds its own."""
    of_site = generator.normal(0.0, site_sd, 6)[[i % 6 for i in range(24)]]
    return generator.normal(0.0, seed_sd, (seeds, 1)) + of_site + generator.normal(0.0, noise_sd, (seeds, 24))


@pytest.mark.parametrize(
    ("seeds", "seed_sd", "site_sd", "noise_sd"),
    [(5, 0.3, 0.3, 1.0), (5, 0.0, 1.0, 0.3), (5, 1.0, 0.0, 0.3), (5, 1.0, 1.0, 1.0), (1, 0.0, 1.0, 1.0)],
)
def test_the_clustered_interval_covers_the_truth_as_often_as_it_says(
    seeds: int, seed_sd: float, site_sd: float, noise_sd: float
) -> None:
    generator = np.random.default_rng(7)
    cases = [drawn(generator, seeds, seed_sd, site_sd, noise_sd) for _ in range(400)]
    found = [bootstrap_interval(case, plain_mean, SITES, resamples=300, seed=i) for i, case in enumerate(cases)]
    covered = np.mean([interval.low <= 0.0 <= interval.high for interval in found])
    assert 0.92 <= covered <= 0.99  # the standard deviation of 400 cases at 0.95 is 0.011


def test_noise_alone_makes_the_interval_wide_never_narrow() -> None:
    generator = np.random.default_rng(6)
    cases = [drawn(generator, 5, 0.0, 0.0, 1.0) for _ in range(200)]
    found = [bootstrap_interval(case, plain_mean, SITES, resamples=300, seed=i) for i, case in enumerate(cases)]
    assert np.mean([interval.low <= 0.0 <= interval.high for interval in found]) >= 0.95


def test_episodes_of_one_site_taken_as_independent_are_over_sure() -> None:
    generator = np.random.default_rng(8)
    cases = [drawn(generator, 1, 0.0, 1.0, 0.3) for _ in range(200)]
    found = [bootstrap_interval(case, plain_mean, resamples=300, seed=i) for i, case in enumerate(cases)]
    assert np.mean([interval.low <= 0.0 <= interval.high for interval in found]) < 0.80


def test_a_resample_holds_whole_sites_and_only_their_episodes() -> None:
    sites = ["a", "a", "a", "b", "b", "c"]
    columns = drawn_resamples(np.zeros((1, 6)), sites, resamples=500, seed=1).columns[:, 0]
    assert columns.shape == (500, 6) and set(np.unique(columns)) == set(range(6))
    place = np.array([0, 0, 0, 1, 1, 2])
    drawn_sites = np.array(["a", "b", "c"])[place[columns]]
    assert all(len(set(row[:3])) == 1 and len(set(row[3:5])) == 1 for row in drawn_sites)
    whole = columns[(drawn_sites[:, 0] == "a")][:, :3]
    assert {tuple(sorted(row)) for row in whole.tolist()} == {(0, 1, 2)}


def test_one_site_leaves_its_episodes_to_be_drawn_one_by_one() -> None:
    scores = np.random.default_rng(3).normal(size=20)
    assert bootstrap_interval(scores, sites=["here"] * 20) == bootstrap_interval(scores)


def test_a_site_for_each_episode_is_asked_for() -> None:
    with pytest.raises(ValueError, match="2 sites for 3 episodes"):
        bootstrap_interval([1.0, 2.0, 3.0], sites=["a", "b"])


def test_few_values_are_widened_by_students_quantile() -> None:
    values = np.random.default_rng(5).normal(size=(1, 5))
    assert widening(values) == pytest.approx(2.776 / 1.960 * np.sqrt(5 / 4), rel=1e-3)
    assert widening(np.ones((3, 4))) == 1.0


def test_a_profile_falls_from_all_runs_to_none_and_holds_its_share() -> None:
    saved = np.array([[0.00, 0.02, 0.04, 0.06], [0.02, 0.04, 0.06, 0.08]])
    found = performance_profile(saved, [-1.0, 0.02, 0.05, 1.0])
    assert found.share == pytest.approx([1.0, 7 / 8, 3 / 8, 0.0])
    assert (found.low <= found.share).all() and (found.share <= found.high).all()
    assert found.low.min() >= 0.0 and found.high.max() <= 1.0
    both = performance_profiles({"a": saved, "b": saved + 0.01})
    assert (both["b"].share >= both["a"].share).all() and both["a"].levels_frac[-1] == pytest.approx(0.09)


def test_the_share_of_the_gap_is_drawn_with_rule_and_oracle() -> None:
    generator = np.random.default_rng(4)
    rule = generator.normal(100.0, 30.0, 24)
    oracle = rule - 10.0
    ours = rule - 4.0 + generator.normal(0.0, 0.5, (5, 24))
    found = share_of_gap_closed(ours, rule, oracle, SITES)
    assert found.low < 0.4 < found.high and found.high - found.low < 0.2


def test_what_does_not_carry_over_to_new_sites_is_the_gap_from_train_to_test() -> None:
    generator = np.random.default_rng(9)
    train, test = 0.05 + generator.normal(0, 1e-3, (5, 24)), 0.02 + generator.normal(0, 1e-3, (5, 12))
    found = generalisation_gap(train, test, SITES, SITES[:12])
    assert found.estimate == pytest.approx(0.03, abs=1e-3) and 0.02 < found.low < found.high < 0.04
    with pytest.raises(ValueError, match="5 seeds on train and 3 on test"):
        generalisation_gap(train, test[:3])


def test_two_seeds_and_two_sites_that_add_up_widen_as_two_degrees_of_freedom_do() -> None:
    """Worked by hand: no interaction, equal parts, so Satterthwaite's freedom is 2 and half of the spread was seen."""
    found = widening(np.array([[6.0, 0.0], [0.0, -6.0]]), ["a", "b"])
    assert found == pytest.approx(4.302653 / 1.959964 * np.sqrt(2.0), rel=1e-5)


def test_resamples_without_a_gap_are_left_out_of_its_share() -> None:
    oracle = np.full(8, 100.0)
    rule = oracle + np.array([10.0, 0.0, 10.0, 0.0, 10.0, 0.0, 10.0, 0.0])  # some resamples draw none of the four
    found = share_of_gap_closed(0.5 * (rule + oracle), rule, oracle)
    assert found.estimate == pytest.approx(0.5) and np.isfinite(found).all()
