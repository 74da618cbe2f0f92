"""On which racks a job starts: a weighted score of the racks, then filled from the best, whole domains first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Bools, Floats, Ints

FEATURES = ("same domain", "same leaf", "inlet headroom", "row headroom", "ups headroom", "leftover")
FULL, NEAR, BEST = 1e9, 1e6, 1e7  # put full racks last, racks of a chosen leaf before others, and the best first


Headroom = NDArray[np.floating]


class RackScores(NamedTuple):
    """What placement sees of the racks; headroom as a share, higher is better.

    Attributes
    ----------
    leaf : ndarray of int (R,)
        Leaf switch of each rack.
    inlet, row, ups : ndarray (R, B)
        How far the inlet is from its limit, and how much power the row and the UPS have left.
    dark : ndarray of bool (R, B)
        Racks without power: nobody starts there, and who ran there is stopped.
    """

    leaf: Ints
    inlet: Headroom
    row: Headroom
    ups: Headroom
    dark: Bools

    def of(self, sites: Ints) -> RackScores:
        """Those of some sites."""
        inlet, row, ups = (part[:, sites] for part in (self.inlet, self.row, self.ups))
        return RackScores(self.leaf, inlet, row, ups, self.dark[:, sites])


def fresh_racks(leaf: Ints, sites: int) -> RackScores:
    """Cool racks with all their power before anything runs."""
    whole = np.ones((len(leaf), sites), np.float32)
    return RackScores(np.asarray(leaf, np.int64), whole, whole, whole, whole < 0.0)


def placed(free: Ints, accelerators: Floats, racks: RackScores, weights: Floats) -> Ints:
    """Accelerators that each job takes on each rack ``(R, M)``; the caller knows that they are free.

    Parameters
    ----------
    free : ndarray of int (R, M)
        Free accelerators on the racks of each job's site.
    accelerators : ndarray (M,)
        Of the jobs.
    racks : RackScores
        With ``(R, M)`` headroom, of each job's site.
    weights : ndarray (6, M)
        Of `FEATURES`. "Same domain" and "same leaf" weigh racks and leaves that hold the whole job; "leftover" prefers
        racks of which the job leaves least.

    Notes
    -----
    The best rack is taken first. Those of its leaf come next where the leaf holds the job and "same leaf" weighs
    anything, then the others, each by its score.
    """
    leaves = int(racks.leaf.max()) + 1
    member = (np.arange(leaves)[:, None] == racks.leaf[None, :]).astype(np.float64)
    by_leaf = (member @ free)[racks.leaf]
    alone, together = free >= accelerators, by_leaf >= accelerators
    size = np.maximum(free.max(axis=0), 1)
    left = np.abs(free - accelerators) / size
    parts = (alone, together, racks.inlet, racks.row, racks.ups, -left)
    score = sum(weight * part for weight, part in zip(weights, parts)) - FULL * (free <= 0)
    best = np.argmax(score, axis=0)
    columns = np.arange(len(best))
    near = (racks.leaf[:, None] == racks.leaf[best][None, :]) & together[best, columns] & (weights[1] > 0.0)
    ranked = np.where(near, score + NEAR, score)
    ranked[best, columns] += BEST
    order = np.argsort(-ranked, axis=0, kind="stable")
    room = np.take_along_axis(free, order, axis=0)
    before = np.cumsum(room, axis=0) - room
    taken = np.clip(accelerators - before, 0, room).astype(np.int64)
    found = np.empty_like(taken)
    np.put_along_axis(found, order, taken, axis=0)
    return found
