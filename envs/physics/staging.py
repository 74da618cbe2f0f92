"""Hysteresis with timers for machines that are switched in whole units (chillers, cells, pumps)."""

from __future__ import annotations

from typing import NamedTuple

from envs.physics.namespace import Array, as_mask, clip, lower
from envs.physics.readings import Readings


class StageState(NamedTuple):
    """How many units run and how long the wish for more or fewer has lasted; arrays (B,).

    Attributes
    ----------
    running : array
        Units running, whole numbers as floats.
    above_s, below_s : array
        Unbroken time that one more, one fewer was wanted [s], not counted beyond the delay.
    since_change_s : array
        Time since units were last switched by the sequence [s], not counted beyond the minimum hold.
    """

    running: Array
    above_s: Array
    below_s: Array
    since_change_s: Array


def settled_stages(running: Array, min_hold_s: float) -> StageState:
    """Stages at rest: ``running`` (B,) units, no wish pending, free to change."""
    zero = running * 0.0
    return StageState(running, zero, zero, zero + min_hold_s)


def elapsed_frac(since_s: Array, whole_s: float) -> Array:
    """Share of a hold or lockout of ``whole_s`` [s] that has passed, as a building reports its timers."""
    return since_s * (1.0 / max(float(whole_s), 1.0))


def elapsed_s(since_s: Array, whole_s: float, seen: Readings, point: str) -> Array:
    """Time that has passed [s] by the share that the building reports; ``since_s`` where it reports none."""
    return seen.reported_value(since_s, point) * max(float(whole_s), 1.0) if point in seen else since_s


def corrected_stages(state: StageState, seen: Readings, running: str, hold: str, min_hold_s: float) -> StageState:
    """Stages with the units that the building reports by ``running``, and the hold timer that it reports by ``hold``.

    How long more or fewer were wanted is in no report: the model remembers it by itself.
    """
    return state._replace(
        running=seen.reported_value(state.running, running),
        since_change_s=elapsed_s(state.since_change_s, min_hold_s, seen, hold),
    )


def advance_stages(
    state: StageState,
    up_wanted: Array,
    down_wanted: Array,
    available: Array,
    up_delay_s: float,
    down_delay_s: float,
    min_hold_s: float,
    low: Array,
    dt_s: float,
) -> StageState:
    """One step of the sequence: at most one unit up or down, faults at once.

    Parameters
    ----------
    state : StageState
        Now.
    up_wanted, down_wanted : array (B,)
        0/1: load calls for one more, one fewer unit. Where both call, up wins.
    available : array (B,) or float
        Units that can run; ``running`` never exceeds it, and a drop acts at once without touching the hold timer.
    up_delay_s, down_delay_s : float
        How long a call must last [s].
    min_hold_s : float
        Least time between two changes [s].
    low : array (B,) or float
        Least number of running units, as far as available.
    dt_s : float
        Step [s].
    """
    running = state.running
    above = lower(state.above_s + dt_s, up_delay_s) * up_wanted
    below = lower(state.below_s + dt_s, down_delay_s) * down_wanted
    since = lower(state.since_change_s + dt_s, min_hold_s)
    free = since >= min_hold_s
    up = as_mask((above >= up_delay_s) & free & (running < available), running)
    down = as_mask((below >= down_delay_s) & free & (running > low), running) * (1.0 - up)
    still = 1.0 - up - down
    new = clip(running + up - down, low, available)
    return StageState(new, above * still, below * still, since * still)
