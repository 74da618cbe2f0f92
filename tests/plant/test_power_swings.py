"""A hall whose training swings within seconds: means stay, peaks are seen, smoothing is paid for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.plant.flows import Flows

STEPS = 12


def played(overrides: tuple[str, ...] = (), swing: float | None = 1.0, name: str = "ai_hall") -> list[Flows]:
    """Flows of an hour under the rules; ``swing`` scales what the load has, None takes it away."""
    core = DataCenterCore(name, 2, ("site.workload_weeks=1", *overrides), dtype="float64")
    core.world.swing_pool = core.world.swing_pool * np.float32(swing or 0.0)
    core.reset(seed=3)
    trace = []
    for _ in range(STEPS):
        if swing is None:
            core._load = core._load._replace(swing=None)
        core.step_setpoints(core.rules.act(core.measurements()))
        trace.append(core.flows)
    return trace


@pytest.fixture(scope="module")
def bare() -> list[Flows]:
    return played()


def mean(trace: list[Flows], name: str) -> Any:
    return np.mean([getattr(f, name) for f in trace], axis=0)


def test_a_load_without_swings_is_the_hall_of_before() -> None:
    for none, zero in zip(played(swing=None), played(swing=0.0)):
        for name, a, b in zip(Flows._fields, none, zero):
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_swings_leave_the_means_and_warm_the_breakers(bare: list[Flows]) -> None:
    still = played(swing=0.0)
    np.testing.assert_allclose(mean(bare, "facility_power_kw"), mean(still, "facility_power_kw"), rtol=1e-9)
    assert (bare[-1].breaker_memory_frac > still[-1].breaker_memory_frac).all()
    assert (mean(bare, "swing_kw") > 100.0).all() and not mean(still, "swing_kw").any()


def test_five_racks_in_step_swing_five_times_as_far_as_one(bare: list[Flows]) -> None:
    """The frontier row: 0.65 of five times the training draw, over the supplies' loss; the shared row adds a little."""
    racks = 5 * 0.65 * 72 * 1.2 * 0.95 / 0.975
    assert (mean(bare, "swing_kw") < 1.2 * racks).all() and (mean(bare, "swing_kw") > 0.9 * racks).all()


def test_a_floor_narrows_the_swing_and_its_energy_is_in_the_ledger(bare: list[Flows]) -> None:
    floored = played(("racks.r1.overrides.swing_floor_frac=0.75",))
    more = mean(floored, "it_power_kw") - mean(bare, "it_power_kw")
    assert (more > 20.0).all()
    assert (mean(floored, "swing_kw") < 0.65 * mean(bare, "swing_kw")).all()
    assert max(np.abs(f.energy_residual_kw).max() for f in floored) < 1e-6
    assert (mean(floored, "cooling_power_kw") > mean(bare, "cooling_power_kw")).all()
    np.testing.assert_allclose(mean(floored, "work_done"), mean(bare, "work_done"), rtol=1e-9)


def test_storage_in_the_supplies_takes_off_a_swing_what_it_can_carry(bare: list[Flows]) -> None:
    stored = played(("racks.r1.overrides.swing_storage_j=65",))
    left = 1.0 - 72 * 0.065 / (0.25 * 0.65 * 72 * 1.2 * 0.95 * 0.75 * 2.0)
    found = mean(stored, "swing_kw") / mean(bare, "swing_kw")  # full activity is seldom; the shared row stores nothing
    assert (found > left - 0.03).all() and (found < left + 0.03).all()
    assert max(np.abs(f.energy_residual_kw).max() for f in stored) < 1e-6


def test_a_row_that_its_mean_fits_is_capped_for_its_swing() -> None:
    tight = ("power.row_limit_kw=[620,640,280,50]", "capper.meter_s=0")  # readings of the moment
    assert mean(played(tight, swing=0.0), "capper_active_s").max() == 0.0
    assert mean(played(tight), "capper_active_s").max() > 0.0
    slow = (tight[0], "capper.meter_s=2")  # means over whole periods
    assert mean(played(slow), "capper_active_s").max() == 0.0


@pytest.mark.parametrize("name", ["legacy_air", "edge_room"])
def test_halls_that_do_not_train_have_no_swing(name: str) -> None:
    assert all(not f.swing_kw.any() for f in played(name=name))
