from __future__ import annotations

import numpy as np

from envs.physics.readings import Readings

SITE = np.array([20.0, 21.0], np.float32)
ZONES = np.stack([SITE, SITE + 2.0])


def test_a_state_moves_by_the_gain_of_what_was_measured_above_what_was_expected() -> None:
    seen = Readings({"t": SITE[None] + 3.0}, {"t": SITE + 1.0})
    np.testing.assert_allclose(seen.corrected_value(SITE, "t", 0.25), SITE + 0.5)
    zones = Readings({"t": ZONES + 3.0}, {"t": ZONES + 1.0})
    np.testing.assert_allclose(zones.corrected_value(ZONES, "t", 0.25), ZONES + 0.5)


def test_a_full_gain_lands_on_the_sensor() -> None:
    np.testing.assert_allclose(
        Readings({"t": SITE[None] + 3.0}, {"t": SITE}).corrected_value(SITE, "t", 1.0), SITE + 3.0
    )


def test_what_the_building_does_not_show_moves_nothing() -> None:
    nothing = Readings({})
    assert "t" not in nothing
    assert nothing.corrected_value(SITE, "t", 1.0) is SITE and nothing.reported_value(SITE, "t") is SITE


def test_without_gain_no_expectation_is_needed() -> None:
    assert Readings({"t": SITE[None] + 3.0}).corrected_value(SITE, "t", 0.0) is SITE


def test_what_is_reported_replaces_the_state_in_its_own_shape_and_dtype() -> None:
    seen = Readings({"site": np.array([[1.0, 2.0]]), "zones": np.array([[1.0, 2.0], [3.0, 4.0]])})
    site, zones = seen.reported_value(SITE, "site"), seen.reported_value(ZONES, "zones")
    np.testing.assert_array_equal(site, [1.0, 2.0])
    np.testing.assert_array_equal(zones, [[1.0, 2.0], [3.0, 4.0]])
    assert site.dtype == zones.dtype == np.float32
