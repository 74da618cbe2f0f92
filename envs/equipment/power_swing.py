"""Swings of training draw within seconds: what a rack lets through, and how racks add up on a feeder (PHYSICS B5).

A synchronous step is high for a share of its period and low for the rest. The mean is what the racks are billed and
cooled for; the electrical side also sees how far the draw rises above it and falls below it. Racks of one job swing
together and add up; jobs are not in step with each other, so their swings add as squares.
"""

from __future__ import annotations

from typing import NamedTuple

from envs.equipment.throughput import job_sum
from envs.physics.namespace import Array, clip, lower, namespace, upper

DUTY, PERIOD_S = 0.75, 2.0  # share of a step at its high level, and its period; engineering guesses, PHYSICS B5
LOW_S = (1.0 - DUTY) * PERIOD_S

_TINY = 1e-9
_ROOT_OF = 2.0**-40  # added under a root, its own root taken off: exact at zero, with a finite slope


class Smoothing(NamedTuple):
    """What racks do against swings, each (R, 1) or a number."""

    floor_kw: Array  # per accelerator at work in training
    ramp_s_kw: Array  # time in which one accelerator may change by one kW; 0: at once
    storage_kj: Array  # per rack, in its power supplies
    storage_loss_frac: Array


class Swing(NamedTuple):
    """How far a draw rises above its mean and falls below it within a training step [kW]."""

    up_kw: Array
    down_kw: Array


class FeederSwing(NamedTuple):
    """Swings at the nodes of the power tree, stacked racks, rows, site."""

    up_kw: Array  # (R + P + 1, B)
    square_kw2: Array  # (R + P + 1, B), mean square of the deviation
    site_down_kw: Array  # (B,)


def smoothed_swing(
    p: Smoothing, mean_kw: Array, activity: Array, accelerators: Array, swing: Array
) -> tuple[Swing, Array]:
    """What is left of a training step's swing at a rack, and the mean power that smoothing it costs [kW].

    Parameters
    ----------
    p : Smoothing
        Of the racks.
    mean_kw, activity, accelerators : array (R, B)
        Mean draw of the accelerators in training [kW], their share of the rack's, and their number.
    swing : array (R, B)
        Peak-to-peak share of the rack's full training draw [1] (``Workload.swing``).

    Returns
    -------
    Swing, array (R, B)

    Notes
    -----
    With ``s`` the depth from high to low, ``d`` = 0.75 and ``T`` = 2 s the draw is ``(1 - d) s`` above its mean or
    ``d s`` below it. A *floor* lifts the low level, and a *ramp* bends its edges: accelerators then burn power while
    they wait, the high level stays. *Storage* of ``E`` kJ takes ``min(1, E/(d T up))`` of what is left on either side
    and loses a share of what goes through it. Mean draw before smoothing is untouched.
    """
    depth = swing * mean_kw / upper(activity, _TINY)
    high = mean_kw + (1.0 - DUTY) * depth
    kept = clip(high - p.floor_kw * accelerators, 0.0, depth)
    slow = p.ramp_s_kw / upper(accelerators, 1.0)
    kept = lower(kept, 0.5 * LOW_S / upper(slow, _TINY))
    up = kept * (LOW_S / PERIOD_S) - kept * kept * (slow / PERIOD_S)
    burnt = (1.0 - DUTY) * depth - up
    left = upper(1.0 - p.storage_kj / upper(up * (DUTY * PERIOD_S), _TINY), 0.0)
    lost = p.storage_loss_frac * (1.0 - left) * up * DUTY
    return Swing(up * left, (kept - up) * left), burnt + lost


def input_swing(swing: Swing | None, drawn_kw: Array, demand_kw: Array, marginal: Array) -> Swing | None:
    """Swing at a rack's input: it shrinks with what caps and hot chips leave of the demand, and passes the supplies."""
    if swing is None:
        return None
    left = drawn_kw / upper(demand_kw, 1e-3) * marginal
    return Swing(swing.up_kw * left, swing.down_kw * left)


def feeder_swing(rack: Swing, job: Array, groups: tuple[tuple[int, ...], ...], row_racks: Array) -> FeederSwing:
    """Swings of racks, rows and the whole site.

    Parameters
    ----------
    rack : Swing
        Of each rack ``(R, B)``, at its input.
    job, groups
        As in `envs.equipment.throughput.job_minimum`.
    row_racks : array (P, R)
        0/1, who hangs on which row.

    Notes
    -----
    Racks of one synchronous job add up (one sum), jobs add as squares: ``up = sqrt(sum_jobs (sum_racks up)^2)``. That
    is exact for the mean square, ``sum_jobs up down``; for the peak it is what independent jobs seldom exceed, below
    the sum of all. A job's racks hang on one row.
    """
    xp = namespace(rack.up_kw)
    up_of_job, down_of_job = (job_sum(x, job, groups) for x in rack)
    up, down = rack.up_kw * up_of_job, rack.down_kw * down_of_job
    square = rack.up_kw * down_of_job  # of two levels: up times down

    def nodes(by_rack: Array, own: Array) -> Array:
        return xp.concat([own, row_racks @ by_rack, xp.sum(by_rack, axis=0)[None]], axis=0)

    return FeederSwing(
        _root(nodes(up, rack.up_kw * rack.up_kw)),
        nodes(square, rack.up_kw * rack.down_kw),
        _root(xp.sum(down, axis=0)),
    )


def seen_share(meter_s: float) -> float:
    """Share of a rise that a mean over ``meter_s`` shows at most: 1 of a moment, 0 over whole periods."""
    rest = meter_s % PERIOD_S
    shown = min(rest, DUTY * PERIOD_S) - max(rest - DUTY * PERIOD_S, 0.0) * DUTY / (1.0 - DUTY)
    return shown / meter_s if meter_s > 0.0 else 1.0


def _root(x: Array) -> Array:
    return namespace(x).sqrt(x + _ROOT_OF) - 2.0**-20
