"""The workload side of a rack: what a class draws at full activity, and how much of its work is left under a power cap.

A class curve gives throughput as a function of ``rho``, the power drawn over the power that the same work would draw
without a cap (PHYSICS B4). A cap above the demand therefore costs nothing, whatever share of the rating it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from envs.physics.hinge import Hinge, evaluate, from_points
from envs.physics.namespace import Array, as_mask, namespace

#: Workload classes; a slot's class is an index into this tuple.
CLASSES = ("pretrain", "finetune", "prefill", "decode", "batch", "cpu", "none")

#: Draw of an accelerator at full activity over its rated power, by class (PHYSICS B2; WORKLOAD 2 and 6a).
#: The classes ``cpu`` and ``none`` use no accelerator.
POWER_SHARE = (0.95, 0.86, 1.0, 0.43, 0.95, 0.0, 0.0)

CPU = CLASSES.index("cpu")
TRAINING = (CLASSES.index("pretrain"), CLASSES.index("finetune"))

# PHYSICS b2, handbook default: Zeus sweeps of three GPU types, compute-bound training.
_DEFAULT_CURVE = ((0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), (0.43, 0.65, 0.79, 0.88, 0.94, 0.975, 1.0))
# WORKLOAD 4b, three LLM pretraining jobs on A100; at 0.4: on the line from 0.55 to the measured 0.18 at 0.27.
_PRETRAIN_CURVE = ((0.4, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0), (0.408, 0.672, 0.733, 0.824, 0.884, 0.935, 1.0))
_UNCAPPED_CURVE = ((0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), (1.0,) * 7)
_BELOW_MEASURED = 0.01  # of rho: work ends at least so far below the lowest measured point
_ABOVE_ANY_THROUGHPUT = 4.0


#: Measured points ``rho`` and throughput of some classes, by name, in place of the built-in ones; both rise to 1.
Profile = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def class_curve(
    index: int, idle_frac: float, profile: Profile | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points ``rho`` and throughput of a class of work on accelerators, rising, from no work on.

    Parameters
    ----------
    index : int
        Of `CLASSES`.
    idle_frac : float
        Draw of an idle accelerator over its rated power [1].
    profile : mapping, optional
        As of `slot_curves`.
    """
    rho, work = _class_points(index, profile or {})
    static = min(idle_frac / POWER_SHARE[index], rho[0] - _BELOW_MEASURED)
    return np.array([static, *rho]), np.array([0.0, *work])


class HasCurves(Protocol):
    """Anything that carries the slots' throughput curves: in practice a ``RackTable``."""

    @property
    def curves(self) -> Hinge:
        """Throughput over ``rho``, tables of shape (J, S, R, 1)."""
        ...


def slot_curves(
    slot_class: Any, idle_frac: Any, dtype: DTypeLike = np.float32, profiles: Sequence[Profile] | None = None
) -> Hinge:
    """Throughput curves of every slot of every rack, as one sum of hinges.

    Parameters
    ----------
    slot_class : array of int (S, R)
        Index into `CLASSES`.
    idle_frac : array (R, 1) or float
        Draw of an idle accelerator over its rated power [1]: work ends where the power falls to it.
    dtype : dtype
        Of the tables.
    profiles : sequence of mapping, optional
        By rack: measured points of some classes. The other classes keep the built-in ones.

    Returns
    -------
    Hinge
        ``breakpoints`` and ``slopes`` of shape (J, S, R, 1), ``start`` (S, R, 1).

    Notes
    -----
    Measured down to about ``rho`` = 0.4, from there linear to (static power / demand, 0), PHYSICS b2. ``pretrain`` has
    its own measured curve; ``decode`` uses the default one on its own, low draw, which makes it flat until the cap
    falls under that draw and a cliff below it; ``cpu`` and ``none`` are never capped.
    """
    kinds = np.asarray(slot_class, dtype=np.int64)
    share = np.asarray(POWER_SHARE)[kinds][..., None]
    chosen = _chosen_points(kinds, profiles)  # (S, R, 2, n)
    static = np.minimum(
        np.asarray(idle_frac, dtype=np.float64) / np.where(share > 0.0, share, 1.0),
        chosen[..., 0, :1] - _BELOW_MEASURED,
    )
    free = 1.0 - (share > 0.0)
    count = chosen.shape[-1]
    xs = [static, *(chosen[..., 0, j : j + 1] for j in range(count))]
    ys = [free + 0.0 * static, *(chosen[..., 1, j : j + 1] for j in range(count))]
    curve = from_points(xs, ys, hold_right=False)
    return Hinge(
        np.asarray(curve.start, dtype=dtype),
        np.stack(np.broadcast_arrays(*curve.breakpoints)).astype(dtype),
        np.stack(np.broadcast_arrays(*curve.slopes)).astype(dtype),
    )


def _chosen_points(kinds: NDArray[np.int64], profiles: Sequence[Profile] | None) -> NDArray[np.float64]:
    """Points of every slot of every rack ``(S, R, 2, n)``; shorter curves get points on their last line."""
    given = [{}] * kinds.shape[1] if profiles is None else profiles
    points = [[_class_points(kind, given[rack]) for rack, kind in enumerate(row)] for row in kinds.tolist()]
    most = max(len(rho) for row in points for rho, _ in row)
    return np.array([[_with_points(*curve, most) for curve in row] for row in points])


def _with_points(rho: Sequence[float], work: Sequence[float], count: int) -> list[list[float]]:
    """A curve of so many points, the added ones on its last line."""
    added = np.linspace(rho[-2], rho[-1], count - len(rho) + 2)[1:-1]
    more = np.interp(added, rho[-2:], work[-2:])
    return [[*rho[:-1], *added, rho[-1]], [*work[:-1], *more, work[-1]]]


def _class_points(index: int, profile: Profile) -> tuple[Sequence[float], Sequence[float]]:
    """Points of a class from its lowest measured rho up."""
    if POWER_SHARE[index] == 0.0:
        return _UNCAPPED_CURVE
    return profile.get(CLASSES[index], _PRETRAIN_CURVE if CLASSES[index] == "pretrain" else _DEFAULT_CURVE)


def throughput(table: HasCurves, cap_frac: Array, throttle_frac: Array) -> Array:
    """Work done over the work demanded, by slot.

    Parameters
    ----------
    table : RackTable
        Holds the curves of the slots.
    cap_frac : array (S, R, B)
        ``rho``, dynamic power over uncapped demand, 0..1; usually its mean over a control step.
    throttle_frac : array (R, B)
        Clock derate of hot chips (PHYSICS B8), 1 where the chips are cool.

    Returns
    -------
    array (S, R, B)

    Notes
    -----
    The curves bend downwards, so the curve of a step's mean ``rho`` lies above the mean of the curve, but only in
    steps in which the cap moves: by at most 0.02 where ``rho`` ranges over 0.1, by 0.07 where it ranges over 0.3 (two
    halves of a step, above the cap floor).
    """
    return evaluate(table.curves, cap_frac) * throttle_frac


def job_minimum(throughput_slot: Array, job: Array, groups: tuple[tuple[int, ...], ...]) -> Array:
    """Throughput when a synchronous job runs at the pace of its worst rack.

    Parameters
    ----------
    throughput_slot : array (R, B)
        Throughput of the slot that holds the jobs; 0 for a rack that is down.
    job : array of int (R, B) or (R, 1)
        Job identity; a rack alone has an identity of its own.
    groups : tuple of tuple of int
        Racks that can share a job. Racks in no group keep their value; a rack stands in one group at most.

    Returns
    -------
    array (R, B)
    """
    return _by_job(throughput_slot, job, groups, _least_of_job)


def job_sum(values: Array, job: Array, groups: tuple[tuple[int, ...], ...]) -> Array:
    """Sum of ``values (R, B)`` over the racks of each rack's own job; arguments as in `job_minimum`."""
    return _by_job(values, job, groups, _sum_of_job)


def _least_of_job(rows: Array, other: Array) -> Array:
    return namespace(rows).min(rows[None, :] + _ABOVE_ANY_THROUGHPUT * other, axis=1)


def _sum_of_job(rows: Array, other: Array) -> Array:
    return namespace(rows).sum(rows[None, :] * (1.0 - other), axis=1)


def _by_job(
    values: Array, job: Array, groups: tuple[tuple[int, ...], ...], of_job: Callable[[Array, Array], Array]
) -> Array:
    """Values ``(R, B)`` of each rack's job, from those of its racks and a mask of who is of another ``(G, G, B)``."""
    grouped = [rack for group in groups for rack in group]
    if not grouped:
        return values
    xp = namespace(values)
    alone = [rack for rack in range(values.shape[0]) if rack not in set(grouped)]
    order = alone + grouped
    pieces = [values[alone]] if alone else []
    for group in groups:
        rows, ids = values[list(group)], job[list(group)]
        pieces.append(of_job(rows, as_mask(ids[:, None] != ids[None, :], rows)))
    back = [order.index(rack) for rack in range(len(order))]
    return xp.concat(pieces, axis=0)[back]
