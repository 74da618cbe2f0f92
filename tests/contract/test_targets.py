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


WRONG_ACTIONS: list[tuple[Any, str]] = [
    ([[0.0]], r"actions are \[\[0.0\]\] \(list\); give an array"),
    (None, r"actions are None \(NoneType\); give an array"),
    ("masked", r"action at \[1, 0\] \(environment, number\) is masked; give a number"),
    (np.complex128, r"actions hold complex128 values; give real numbers"),
    (np.object_, r"actions hold object values"),
    (np.bool_, r"actions hold bool values"),
]


@pytest.mark.parametrize(("given", "words"), WRONG_ACTIONS)
def test_an_action_that_is_no_array_of_real_numbers_is_refused_and_changes_nothing(given: Any, words: str) -> None:
    core, untouched = core_at_start(), core_at_start()
    calm = np.zeros((2, core.decoder.size), np.float32)
    if isinstance(given, str):
        given = np.ma.masked_array(calm, np.arange(calm.size).reshape(calm.shape) == calm.shape[1])
    elif isinstance(given, type):
        given = calm.astype(given)
    with pytest.raises(ValueError, match=words):
        core.step(given)
    np.testing.assert_array_equal(core.step(calm)[0], untouched.step(np.ma.masked_array(calm))[0])


@pytest.mark.parametrize("dtype", ["int32", "float16", "complex64", "f", None])
def test_a_core_reckons_in_float32_or_float64_alone(dtype: Any) -> None:
    with pytest.raises(ValueError, match="dtype = .*; give 'float32' or 'float64'"):
        DataCenterCore("edge_room", 1, dtype=dtype)
