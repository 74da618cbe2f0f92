"""The measures of agreement, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.validation.guideline14 import agreement, means_by


def test_measures_are_those_of_the_guideline_on_an_example_by_hand():
    a = agreement([10.0, 20.0, 30.0], [12.0, 19.0, 35.0])
    assert a.mean == 20.0 and a.bias == pytest.approx(2.0) and a.n == 3
    assert a.nmbe_frac == pytest.approx(-6.0 / (2 * 20.0))
    assert a.cv_rmse_frac == pytest.approx(np.sqrt((4 + 1 + 25) / 2) / 20.0)
    assert a.rmse == pytest.approx(np.sqrt(10.0))


def test_a_perfect_model_has_no_error_and_a_silent_machine_no_fraction():
    assert agreement([1.0, 2.0], [1.0, 2.0]).cv_rmse_frac == 0.0
    assert np.isnan(agreement([0.0, 0.0], [0.0, 1.0]).cv_rmse_frac)


@pytest.mark.parametrize(("y", "m"), [([1.0, 2.0], [1.0]), ([1.0], [1.0]), ([1.0, np.nan], [1.0, 2.0])])
def test_series_that_cannot_be_compared_are_refused(y, m):
    with pytest.raises(ValueError, match=r"give two series|is missing"):
        agreement(y, m)


def test_means_by_keep_the_order_of_their_groups():
    assert means_by([2, 1, 2, 1], [1.0, 2.0, 3.0, 4.0]).tolist() == [3.0, 2.0]
