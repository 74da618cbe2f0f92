"""What a table of days says about who pays for more work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.scenario import load
from scripts.hall_agents import late_cells, no_limit
from scripts.hall_days import SAFETY, Days

SITES = ["dublin", "sterling_va"]


def days(late_h: float | None) -> Days:
    """Two days with so much late work of 100 accelerator-hours; None: of a hall without a target."""
    sums = {name: np.zeros(2) for name, _, _ in SAFETY}
    if late_h is not None:
        sums |= {"late_work_h": np.full(2, late_h), "serving_done_h": np.full(2, 100.0)}
    blank: dict[str, Any] = {name: np.zeros(2) for name in Days._fields}
    jobs = {"wait_s": np.array([10.0, 20.0]), "large": np.array([True, False]), "site": np.array([0, 1])}
    return Days(**{**blank, **jobs, "work_per_mw": np.full(2, 500.0), "sums": sums, "days": 1.0})


def test_who_lets_users_wait_longer_for_tokens_is_named_and_who_does_not_is_not() -> None:
    assert days(2.1).price(days(2.0)) == "serves later"
    assert days(2.03).price(days(2.0)) == days(1.0).price(days(2.0)) == "none"
    assert days(None).price(days(None)) == "none"


def test_the_late_share_stands_beside_its_difference_and_a_hall_without_a_target_has_dashes() -> None:
    assert late_cells(days(3.0), days(2.0), SITES) == ("3.00", "+1.00, +1.00 to +1.00")
    assert late_cells(days(None), days(None), SITES) == ("-", "-")


@pytest.mark.parametrize("name", ["ai_factory", "inference_hall"])
def test_the_bound_without_a_limit_is_a_hall_that_can_be_built(name: str) -> None:
    given, free = load(name), load(name, no_limit(load(name)))
    assert free.power.ups_limit_kw > given.power.ups_limit_kw
