"""Machine code may differ from the function in a few sites, where a result is steep; not in more."""

import numpy as np
import pytest

from envs.engine.layout import TOLERANCE, few_differ
from envs.physics.coil import CoilLaw, coil_at, cold_flow_frac


@pytest.mark.parametrize(
    ("sites", "wrong", "far", "kept"),
    [(1, 1, 0, False), (52, 2, 0, True), (52, 6, 0, False), (52, 1, 1, False), (200, 2, 2, True), (200, 3, 3, False)],
)
def test_a_tenth_of_the_sites_may_differ_a_little_and_a_hundredth_more(
    sites: int, wrong: int, far: int, kept: bool
) -> None:
    assert few_differ(np.arange(sites) < wrong, np.arange(sites) < far) is kept


def test_a_unit_in_the_last_place_moves_a_valve_that_is_nearly_open_by_more_than_the_tolerance() -> None:
    at = coil_at(law := CoilLaw(3.0, 10.0 / 9.0, 1.0, 0.8, 0.8), np.ones(50, np.float32))
    needed = at.full - np.spacing(at.full) * np.arange(50, dtype=np.float32)
    steps = np.abs(np.diff(cold_flow_frac(law, at, needed)))
    assert steps.max() > TOLERANCE["float32"] and np.median(steps) < 1e-6
