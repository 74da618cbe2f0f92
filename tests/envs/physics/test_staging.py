"""Hysteresis with timers."""

from __future__ import annotations

import numpy as np
import pytest

from envs.physics.staging import StageState, advance_stages, elapsed_frac, settled_stages

RULE = {"up_delay_s": 600.0, "down_delay_s": 900.0, "min_hold_s": 1200.0, "low": 1.0}


def _run(
    state: StageState, seconds: float, up: float, down: float, dt: float = 60.0, available: float = 3.0
) -> StageState:
    one = np.ones_like(state.running)
    for _ in range(round(seconds / dt)):
        state = advance_stages(state, up * one, down * one, available * one, dt_s=dt, **RULE)
    return state


def _start(running: float) -> StageState:
    return settled_stages(np.array([running]), RULE["min_hold_s"])


def test_a_unit_starts_only_after_the_delay() -> None:
    assert _run(_start(1.0), 540.0, 1, 0).running[0] == 1.0
    assert _run(_start(1.0), 600.0, 1, 0).running[0] == 2.0


def test_a_broken_wish_starts_counting_again() -> None:
    state = _run(_run(_start(1.0), 540.0, 1, 0), 60.0, 0, 0)
    assert _run(state, 540.0, 1, 0).running[0] == 1.0


def test_no_second_change_before_the_hold_is_over() -> None:
    state = _run(_start(1.0), 600.0, 1, 0)
    assert _run(state, 1140.0, 1, 0).running[0] == 2.0
    assert _run(state, 1200.0, 1, 0).running[0] == 3.0


def test_units_stop_down_to_the_least_and_no_further() -> None:
    assert _run(_start(3.0), 7200.0, 0, 1).running[0] == 1.0


def test_running_never_exceeds_what_is_available_and_a_fault_acts_at_once() -> None:
    assert _run(_start(3.0), 60.0, 1, 0, available=2.0).running[0] == 2.0
    assert _run(_start(3.0), 60.0, 0, 0, available=0.0).running[0] == 0.0
    assert _run(_start(1.0), 7200.0, 1, 0, available=2.0).running[0] == 2.0


def test_up_wins_where_both_are_wanted() -> None:
    assert _run(_start(2.0), 900.0, 1, 1).running[0] == 3.0


@pytest.mark.parametrize("dt", [10.0, 60.0, 300.0])
def test_the_moment_of_a_change_does_not_depend_on_the_step(dt: float) -> None:
    assert _run(_start(1.0), 600.0 - dt, 1, 0, dt).running[0] == 1.0
    assert _run(_start(1.0), 600.0, 1, 0, dt).running[0] == 2.0


def test_float32_stays_float32_and_arguments_are_not_changed() -> None:
    state = settled_stages(np.ones(2, np.float32), 1200.0)
    mask = np.array([True, False])
    new = advance_stages(state, mask, ~mask, np.float32([3, 3]), dt_s=60.0, **RULE)
    assert all(x.dtype == np.float32 for x in new)
    assert state.above_s.tolist() == [0.0, 0.0]
    assert new.above_s.tolist() == [60.0, 0.0]


def test_torch_switches_as_numpy_does() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = _start(1.0), settled_stages(torch.ones(1, dtype=torch.float64), 1200.0)
    for step in range(80):
        up, down = step < 40, step >= 40
        ours = advance_stages(ours, np.array([up]), np.array([down]), 3.0, dt_s=60.0, **RULE)
        theirs = advance_stages(theirs, torch.tensor([up]), torch.tensor([down]), 3.0, dt_s=60.0, **RULE)
        assert ours.running[0] == theirs.running[0].item()


@pytest.mark.parametrize(("up", "down"), [(1, 0), (0, 1)])
def test_a_change_begins_every_count_anew(up: int, down: int) -> None:
    state = StageState(np.array([2.0]), np.array([590.0]), np.array([890.0]), np.array([5000.0]))
    new = _run(state, 60.0, up, down)
    assert new.running[0] == 2.0 + up - down
    assert (new.above_s[0], new.below_s[0], new.since_change_s[0]) == (0.0, 0.0, 0.0)


def test_a_timer_is_reported_as_the_share_that_has_passed_and_read_back_in_seconds() -> None:
    since_s = np.array([0.0, 300.0, 1200.0])
    np.testing.assert_allclose(elapsed_frac(since_s, 1200.0), [0.0, 0.25, 1.0])
    np.testing.assert_array_equal(elapsed_frac(np.array([0.0, 0.5]), 0.0), [0.0, 0.5])  # no hold: as of one second
