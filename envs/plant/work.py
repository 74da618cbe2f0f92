"""The ledger of useful work: what was asked, done, lost, and what waits (WORKLOAD 6c; DESIGN, "Useful work").

Serving that is not done now is lost. Training that a cap slows waits and runs when accelerators of its slot idle.
Batch work
queues, runs in what the cap leaves, and is lost at its deadline. All in rated accelerator-hours; a CPU rack counts one
accelerator per rated kW (engineering guess).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.equipment.rack_table import RackTable
from envs.equipment.throughput import CLASSES, TRAINING, job_minimum, throughput
from envs.physics.namespace import Array, lower, namespace, upper
from envs.signals.step import Load

SERVING = (CLASSES.index("prefill"), CLASSES.index("decode"))
DECODE, BATCH, CPU = (CLASSES.index(c) for c in ("decode", "batch", "cpu"))
CLASS_COUNT = CLASSES.index("none")


class WorkTable(NamedTuple):
    """Who does which work; 0/1 masks ``(S, R, 1)``, ``by_class (K, S * R)``."""

    units: Array  # rated accelerators (S, R, 1)
    training: Array
    serving: Array
    batch: Array
    by_class: Array
    batch_units: float
    job_groups: tuple[tuple[int, ...], ...]
    deadline_steps: int


class WorkState(NamedTuple):
    """What waits [accelerator-h]: training ``(S, R, B)``, the batch queue and its lead on the deadline ``(B,)``."""

    backlog: Array
    batch_queue: Array
    batch_slack: Array


class Ran(NamedTuple):
    """What ran in a control step, and how fast: step means.

    Attributes
    ----------
    activity, cap_frac : array (S, R, B)
        Activity of the slots, and the power left of their demand.
    throttle_frac, powered_frac : array (R, B)
        Clock derate, and share of the time with power.
    """

    activity: Array
    cap_frac: Array
    throttle_frac: Array
    powered_frac: Array


class WorkFlows(NamedTuple):
    """By class ``(K, B)`` [accelerator-h]."""

    demanded: Array
    done: Array
    lost: Array
    backlog: Array
    pace: Array
    """Work done over work demanded ``(S, R, B)``."""


def work_table(
    slot_class: Array,
    units: Sequence[float],
    job_groups: tuple[tuple[int, ...], ...],
    deadline_steps: int,
    dtype: DTypeLike,
    scheduled: Array | None = None,
) -> WorkTable:
    """Masks of a hall.

    Parameters
    ----------
    slot_class : array of int (S, R)
        Class of each slot.
    units : sequence of float (R,)
        Rated accelerators of each rack.
    scheduled : array of bool (R,), optional
        Racks whose work a table of jobs accounts for; here they draw power and no more.
    """
    kinds = np.asarray(slot_class, dtype=np.int64)
    if scheduled is not None:
        kinds = np.where(scheduled, CLASS_COUNT, kinds)
    per_slot = np.broadcast_to(np.asarray(units, dtype=np.float64), kinds.shape)

    def mask(classes: Sequence[int]) -> Array:
        return np.isin(kinds, classes).astype(dtype)[..., None]

    by_class = (np.arange(CLASS_COUNT)[:, None] == kinds.reshape(1, -1)).astype(dtype)
    batch = mask([BATCH])
    return WorkTable(
        per_slot[..., None].astype(dtype),
        mask(TRAINING),
        mask(SERVING),
        batch,
        by_class,
        max(float((batch[..., 0] * per_slot).sum()), 1e-6),
        job_groups,
        deadline_steps,
    )


def initial(table: WorkTable, n: int, dtype: DTypeLike) -> WorkState:
    """Nothing waits."""
    slots, racks = table.units.shape[:2]
    zero = np.zeros(n, dtype)
    return WorkState(np.zeros((slots, racks, n), dtype), zero, zero.copy())


def reported(table: WorkTable, state: WorkState) -> dict[str, Array]:
    """How far batch work is ahead of its deadlines, as the scheduler reports it ``(B,)`` [h of the whole partition]."""
    return {"batch_ahead_h": state.batch_slack * (-1.0 / max(float(table.batch_units), 1.0))}


def running_activity(table: WorkTable, state: WorkState, asked: Array, step_h: float) -> Array:
    """Activity ``(S, R, B)`` of the step: what is asked, the batch queue, waiting training where racks idle."""
    xp = namespace(asked)
    queue_share = lower(state.batch_queue * (1.0 / (table.batch_units * step_h)), 1.0)
    activity = asked + table.batch * queue_share
    idle = upper(1.0 - xp.sum(activity, axis=0), 0.0)
    wanted = state.backlog * (1.0 / (upper(table.units, 1e-6) * step_h)) * table.training
    first = xp.minimum(wanted[0], idle)
    extra = [first]
    for slot in range(1, activity.shape[0]):
        idle = idle - extra[-1]
        extra.append(xp.minimum(wanted[slot], idle))
    return activity + xp.stack(extra, axis=0)


def settle_work(
    table: WorkTable,
    state: WorkState,
    rack_table: RackTable,
    load: Load,
    ran: Ran,
    steps_since_start: Array,
    step_h: float,
) -> tuple[WorkState, WorkFlows]:
    """Close the ledger of one control step: asked + waiting = done + lost + waiting, exactly.

    Parameters
    ----------
    table, state : WorkTable, WorkState
        Who does which work, and what waited before the step.
    rack_table : RackTable
        Gives the throughput under a cap.
    load, ran : Load, Ran
        What the signal asked for and what ran.
    steps_since_start : array (B,)
        Control steps since the episode began: nothing is due before the first deadline.
    step_h : float
        Length of the step [h].
    """
    asked: Array = load.activity
    xp = namespace(asked)
    pace = throughput(rack_table, ran.cap_frac, ran.throttle_frac) * ran.powered_frac
    if table.job_groups:
        pace = xp.stack([job_minimum(pace[s], load.job, table.job_groups) for s in range(pace.shape[0])], axis=0)
    hours = table.units * step_h
    wanted = asked * hours
    done = ran.activity * hours * pace
    dark = wanted * (1.0 - ran.powered_frac)
    lost = (wanted - done) * table.serving + dark * (1.0 - table.serving) * (1.0 - table.batch)
    cpu_short = (wanted - done - dark) * (1.0 - table.serving - table.training - table.batch)
    lost = lost + upper(cpu_short, 0.0)
    backlog = (state.backlog + wanted - done - lost) * table.training
    batch_done = xp.sum(xp.sum(done * table.batch, axis=0), axis=0)
    due = load.batch_due * (steps_since_start >= table.deadline_steps)
    expired = upper(state.batch_slack + due - batch_done, 0.0)
    queue = upper(state.batch_queue + load.batch_arrival - batch_done - expired, 0.0)
    slack = state.batch_slack + due - batch_done - expired

    def by_class(x: Array) -> Array:
        return table.by_class @ xp.reshape(x, (-1, x.shape[-1]))

    demanded_k, lost_k, backlog_k = by_class(wanted), by_class(lost), by_class(backlog)
    zero = due * 0.0
    k = range(CLASS_COUNT)
    demanded_k = demanded_k + xp.stack(
        [load.batch_arrival if i == BATCH else load.unserved if i == DECODE else zero for i in k]
    )
    lost_k = lost_k + xp.stack([expired if i == BATCH else load.unserved if i == DECODE else zero for i in k])
    backlog_k = backlog_k + xp.stack([queue if i == BATCH else zero for i in k])
    return WorkState(backlog, queue, slack), WorkFlows(demanded_k, by_class(done), lost_k, backlog_k, pace)
