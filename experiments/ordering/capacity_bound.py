"""An upper bound of the work of a day by anybody who knows every arrival: a fluid program over slots of time (HiGHS).

Jobs may be divided, paused, moved and resumed for nothing, in any slot from the one in which they come. What is left
out can only do less work: gangs, racks that are partly filled, shared uplinks, restarts, control steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.linear_solver import Program, least_cost, quiet_solver
from envs.scheduling.job_table import Floats, Ints
from experiments.ordering.known_jobs import KnownJobs
from experiments.ordering.least_power import RackPool, idle_rack_kw, working_points

#: Lower ends of the bins in which jobs share a draw: each draws at least that share.
ACTIVITY_EDGES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
SHORT_H = 1.0  # jobs that need no longer are told together with those that come in the same slot


class Power(NamedTuple):
    """Power of a day.

    Attributes
    ----------
    racks_kw : ndarray (T,)
        What the racks may draw in each slot [kW].
    flow_frac : float
        Most coolant over its design flow.
    """

    racks_kw: Floats
    flow_frac: float = 1.0


class Bundles(NamedTuple):
    """Jobs that are told together ``(G,)``; what one has of time and work is added up.

    Attributes
    ----------
    left_h : ndarray (G,)
        Work [accelerator-h].
    room_h : ndarray (G, T)
        Most accelerator-hours at full pace in each slot.
    open_h : ndarray (G, T)
        Most accelerator-hours at any pace in each slot: who is capped holds its accelerators for longer.
    speed : ndarray (G, P)
        Best speed on each pool of any job of the bundle.
    bin : ndarray of int (G,)
        Of `Bins`.
    """

    left_h: Floats
    room_h: Floats
    open_h: Floats
    speed: Floats
    bin: Ints


class Bins(NamedTuple):
    """Class ``(E,)`` and least activity ``(E,)`` of what shares a draw."""

    kind: Ints
    activity: Floats


def most_work_unstopped_h(
    known: KnownJobs,
    split: Floats,
    pools: tuple[RackPool, ...],
    racks: Ints,
    edges_h: Floats,
    power: Power | None = None,
) -> float:
    """Most work by anybody who stops and moves nobody who runs at the beginning [accelerator-h].

    Arguments as in `most_work_h`; ``racks (R,)`` are the accelerators of each rack.

    Notes
    -----
    Who runs goes on at once and at best: at speed 1 on one rack, at ``split`` on more. It holds its accelerators at
    least until it would then be done. The others share what is left by the program of `most_work_h`. A running job
    counts as drawing nothing, so its power bounds nobody.
    """
    runs = known.runs
    there = known.part(runs)
    speed = np.where((there.held > 0).sum(axis=1) > 1, split[runs], 1.0)
    until_h = np.minimum(np.minimum(there.lasts_h / speed, there.deadline_h), edges_h[-1])
    shares = np.clip(np.minimum(edges_h[1:], until_h[:, None]) - edges_h[:-1], 0.0, np.diff(edges_h))
    by_pool = np.stack([there.held[:, racks == pool.accelerators].sum(axis=1) for pool in pools])
    done_h = (there.accelerators * speed * until_h).sum()
    rest = known.part(~runs)
    return float(done_h) + most_work_h(rest, split[~runs], pools, edges_h, power, by_pool @ shares)


def most_work_h(
    known: KnownJobs,
    split: Floats,
    pools: tuple[RackPool, ...],
    edges_h: Floats,
    power: Power | None = None,
    taken_h: Floats | None = None,
) -> float:
    """Most accelerator-hours of work that anybody can do [accelerator-h].

    Parameters
    ----------
    known : KnownJobs
    split : ndarray (N,)
        Best speed of each job on more than one rack (`known_jobs.split_speed`).
    pools : tuple of RackPool
    edges_h : ndarray (T + 1,)
        Ends of the slots, from 0 to the horizon [h].
    power : Power, optional
        None: no limit of power.
    taken_h : ndarray (P, T), optional
        Accelerator-hours of each pool that others hold in each slot.

    Raises
    ------
    ModuleNotFoundError
        Where highspy is not installed.

    Notes
    -----
    With v the accelerator-hours that bundle g runs at full pace on pool p in slot t, and z those of bin e at corner m
    of its throughput curve (work w_m, draw d_m above idle)::

        most   sum of speed[g,p] v[g,p,t]
        sum over p of v[g,p,t] <= room[g,t]              sum over p, t of speed[g,p] v[g,p,t] <= left[g]
        sum over g in e of v[g,p,t] <= sum over m of w_m z[e,p,t,m]
        sum over e, m of z[e,p,t,m] <= accelerators[p] h[t] - taken[p,t]
        sum over p, m of z[e,p,t,m] <= sum over g in e of open[g,t]
        sum over e, p, m of (activity[e] d[e,p,m] + idle[p]) z[e,p,t,m] <= racks[t] h[t]

    Without power z stands for v. Any play keeps all of these, slot by slot, so none does more.
    """
    bundles, bins = bundled(known, split, pools, edges_h)
    hours = np.diff(edges_h)
    slots, kinds = len(hours), len(pools)
    bundle, slot = np.nonzero(bundles.room_h > 0.0)
    ways = len(bundle)
    if not ways:
        return 0.0
    entries = _Entries(ways * kinds)
    column = np.arange(ways * kinds).reshape(kinds, ways)
    speed = bundles.speed[bundle].T
    entries.row(np.tile(np.arange(ways), kinds), column.ravel(), np.ones(ways * kinds), bundles.room_h[bundle, slot])
    entries.row(np.tile(bundle, kinds), column.ravel(), speed.ravel(), bundles.left_h)
    pool = np.repeat(np.arange(kinds), ways)
    capacity = np.array([float(p.total) for p in pools])[:, None] * hours
    if taken_h is not None:
        capacity = np.maximum(capacity - taken_h, 0.0)
    if power is None:
        entries.row(pool * slots + np.tile(slot, kinds), column.ravel(), np.ones(ways * kinds), capacity.ravel())
    else:
        of_bin = np.tile(bundles.bin[bundle], kinds)
        room = np.zeros((len(bins.kind), slots))
        np.add.at(room, bundles.bin, bundles.open_h)
        runs = (of_bin * kinds + pool) * slots + np.tile(slot, kinds)
        _add_corners(entries, pools, bins, hours, room, power, runs, column.ravel(), capacity)
    cost = np.zeros(entries.columns)
    cost[: ways * kinds] = -speed.ravel()
    found = least_cost(quiet_solver(), entries.program(cost))
    return float(-cost @ found)


def bundled(known: KnownJobs, split: Floats, pools: tuple[RackPool, ...], edges_h: Floats) -> tuple[Bundles, Bins]:
    """Jobs by what they may do in each slot; short ones that come together as one bundle."""
    sizes = np.array([pool.accelerators for pool in pools])
    speed = np.where(known.accelerators[:, None] <= sizes, 1.0, split[:, None])
    start = np.maximum(edges_h[:-1], known.release_h[:, None])
    end = np.minimum(edges_h[1:], known.deadline_h[:, None])
    open_h = np.maximum(end - start, 0.0) * known.accelerators[:, None]
    room = np.minimum(open_h, (known.left_h / speed.min(axis=1))[:, None])
    level = np.searchsorted(ACTIVITY_EDGES, known.activity, side="right") - 1
    names, of = np.unique(np.stack([known.kind, level]), axis=1, return_inverse=True)
    bins = Bins(names[0].astype(np.int64), np.asarray(ACTIVITY_EDGES)[names[1]])
    of = np.asarray(of).ravel()
    comes = np.searchsorted(edges_h, known.release_h, side="right")
    fits = (known.accelerators[:, None] <= sizes).sum(axis=1)
    alone = (known.lasts_h > SHORT_H) | (fits == 0)
    own = np.where(alone, np.arange(len(of)) + 1, 0)
    _, group = np.unique(np.stack([own, of, comes, fits]), axis=1, return_inverse=True)
    group = np.asarray(group).ravel()
    _, first = np.unique(group, return_index=True)
    left, rooms, opens = np.zeros(len(first)), *np.zeros((2, len(first), room.shape[1]))
    best = np.zeros((len(first), len(pools)))
    for sums, mine in ((left, known.left_h), (rooms, room), (opens, open_h)):
        np.add.at(sums, group, mine)
    np.maximum.at(best, group, speed)
    return Bundles(left, rooms, opens, best, of[first]), bins


class _Entries:
    """Rows ``A x <= high`` of a program that grows."""

    def __init__(self, columns: int) -> None:
        self.columns, self.rows = columns, 0
        self.parts: list[tuple[Ints, Ints, Floats]] = []
        self.high: list[Floats] = []

    def row(self, row: Ints, column: Ints, value: Floats, high: Floats) -> None:
        """More rows, counted from 0, and the entries that they have."""
        self.more(row, column, value)
        self.high.append(np.asarray(high, np.float64))
        self.rows += len(high)

    def more(self, row: Ints, column: Ints, value: Floats) -> None:
        """More entries of the rows that come next."""
        self.parts.append((row + self.rows, column, np.asarray(value, np.float64)))

    def program(self, cost: Floats) -> Program:
        """As the solver takes it."""
        row, column, value = (np.concatenate(part) for part in zip(*self.parts))
        low, top = np.full(self.rows, -np.inf), np.full(self.columns, np.inf)
        return Program(cost, top, low, np.concatenate(self.high), row, column, value)


def _add_corners(
    entries: _Entries, pools: tuple[RackPool, ...], bins: Bins, hours: Floats, room: Floats, power: Power, runs: Ints,
    column: Ints, capacity: Floats,
) -> None:  # fmt: skip
    """Columns for the corners of throughput curves, and the rows that tie them to work, racks, jobs and power."""
    slots, kinds = len(hours), len(pools)
    corner: list[tuple[int, int, float, float]] = []
    for e, (kind, activity) in enumerate(zip(bins.kind.tolist(), bins.activity.tolist())):
        for p, pool in enumerate(pools):
            work, draw = working_points(pool.archetype, kind, power.flow_frac)
            idle = idle_rack_kw(pool.archetype) / pool.archetype.accelerators  # a rack on which a job works is lit
            corner += [(e, p, w, activity * d + idle) for w, d in zip(work.tolist(), draw.tolist())]
    bin_of, pool_of, work, draw = (np.repeat(np.asarray(x), slots) for x in zip(*corner))
    slot = np.tile(np.arange(slots), len(corner))
    mine = entries.columns + np.arange(len(slot))
    entries.columns += len(slot)
    one = np.ones(len(slot))
    entries.more(runs, column, np.ones(len(runs)))
    made = (bin_of * kinds + pool_of) * slots + slot
    entries.row(made, mine, -work, np.zeros(len(bins.kind) * kinds * slots))
    entries.row(pool_of * slots + slot, mine, one, capacity.ravel())
    entries.row(bin_of * slots + slot, mine, one, room.ravel())
    entries.row(slot, mine, draw, power.racks_kw * hours)
