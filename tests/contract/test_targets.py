"""Targets in physical units at the core's door: what cannot be is refused by name, and nothing has changed then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore

FAN = "crah_fan_speed_frac"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({FAN: np.array([[np.nan, 0.5]])}, r"crah_fan_speed_frac is no finite number in row 0, environment 0"),
    ({FAN: np.ma.masked_invalid([[0.5, np.nan]])}, r"crah_fan_speed_frac is no finite number in row 0, environment 1"),
    ({FAN: np.array([[0.5, np.inf]])}, r"environment 1"),
    ({FAN: np.full((3, 2), 0.5)}, r"has shape \(3, 2\); give \(1, 2\)"),
    ({FAN: np.full((1, 3), 0.5)}, r"has shape \(1, 3\); give \(1, 2\)"),
    ({FAN: np.array([["fast", "slow"]])}, r"give numbers \[1\]"),
    ({"crah_fan_sped_frac": np.full((1, 2), 0.5)}, r"did you mean 'crah_fan_speed_frac'"),
    ({"tcs_pump_speed_frac": np.full((1, 2), 0.5)}, r"channel 'tcs_pump_speed_frac' is unknown; choose one of"),
]


def core_at_start() -> DataCenterCore:
    core = DataCenterCore("edge_room", 2, ["site.workload_weeks=1"])
    core.reset(seed=3)
    return core


@pytest.mark.parametrize(("targets", "words"), WRONG)
def test_a_target_that_cannot_be_is_refused_and_changes_nothing(targets: dict[str, Any], words: str) -> None:
    core, untouched = core_at_start(), core_at_start()
    with pytest.raises(ValueError, match=words):
        core.step_setpoints(targets)
    for _ in range(3):
        (seen, *_), (wanted, *_) = core.step_setpoints({}), untouched.step_setpoints({})
        np.testing.assert_array_equal(seen, wanted)


def test_a_number_per_environment_or_for_all_is_a_target() -> None:
    core = core_at_start()
    core.step_setpoints({FAN: np.array([0.7, 0.8])})
    core.step_setpoints({FAN: 0.75})  # type: ignore[dict-item]
    assert np.isfinite(core.flows.facility_power_kw).all()


def test_targets_before_a_reset_are_refused() -> None:
    with pytest.raises(ValueError, match="step before reset"):
        DataCenterCore("edge_room", 1, ["site.workload_weeks=1"]).step_setpoints({})
