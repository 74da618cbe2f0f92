"""Three bands: cut when the feeder is nearly full, hold, let go well below."""

from __future__ import annotations

import numpy as np

from envs.controllers.marginal_value import Feeder
from envs.controllers.three_band import RELEASE, TARGET, ThreeBandCaps

RATED = np.array([[600.0], [600.0], [240.0]])
PRIORITY = [0, 2, 0]
FEEDER = Feeder(1000.0, 950.0, 1050.0, 0.0)


def measured(load_kw: float, *share: float) -> dict[str, np.ndarray]:
    return {
        "row_power_share": np.array(share, np.float64)[:, None],
        "feeder_load_frac": np.array([[load_kw / FEEDER.limit_kw]]),
    }


def limits(rule: ThreeBandCaps, load_kw: float, *share: float) -> np.ndarray:
    return rule.act(measured(load_kw, *share))["rack_power_limit_frac"][:, 0]


def test_nothing_is_limited_until_the_feeder_is_nearly_full() -> None:
    rule = ThreeBandCaps(RATED, PRIORITY, FEEDER)
    assert (limits(rule, 990.0, 0.8, 0.5, 0.5) == 1.0).all()


def test_the_power_over_the_target_is_taken_from_the_lowest_priority() -> None:
    rule = ThreeBandCaps(RATED, PRIORITY, FEEDER)
    found = limits(rule, 1010.0, 0.8, 0.6, 0.7)
    assert found[1] == 1.0
    share = np.array([0.8, 0.6, 0.7])
    less = ((share - np.minimum(found, share)) * RATED[:, 0]).sum()
    assert np.isclose(less, 1010.0 - TARGET * 1000.0)


def test_between_the_bands_limits_hold_and_below_them_all_are_lifted() -> None:
    rule = ThreeBandCaps(RATED, PRIORITY, FEEDER)
    cut = limits(rule, 1010.0, 0.8, 0.6, 0.7)
    np.testing.assert_array_equal(limits(rule, 0.5 * (RELEASE + TARGET) * 1000.0, 0.7, 0.6, 0.6), cut)
    assert (limits(rule, 0.99 * RELEASE * 1000.0, 0.6, 0.5, 0.5) == 1.0).all()


def test_a_cut_deeper_than_the_floors_takes_the_next_priority_and_stops_at_the_floors() -> None:
    rule = ThreeBandCaps(RATED, PRIORITY, FEEDER)
    np.testing.assert_allclose(limits(rule, 2000.0, 0.8, 0.8, 0.7), 0.45)


def test_a_reset_lifts_the_limits_of_its_environments_alone() -> None:
    rule = ThreeBandCaps(RATED, PRIORITY, FEEDER)
    both = {name: np.tile(value, (1, 2)) for name, value in measured(1010.0, 0.8, 0.6, 0.7).items()}
    cut = rule.act(both)["rack_power_limit_frac"]
    rule.reset(2, np.array([True, False]))
    assert rule.limit_frac is not None
    assert (rule.limit_frac[:, 0] == 1.0).all() and (rule.limit_frac[:, 1] == cut[:, 1]).all()
