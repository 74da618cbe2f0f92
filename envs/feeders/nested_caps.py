"""Caps by equal marginal value, exact on a tree of feeders whose limits nest, all sites at once.

With values that are concave and separable, the best share under nested bounds is greedy: each feeder, from the racks
up, keeps the steepest pieces that fit under its limit and drops the rest (Federgruen and Groenevelt 1986, Operations
Research 34(6)). What a group is promised is marked from its steepest pieces, and goes before all else further up. So
the whole tree is one running sum per depth, whatever the number of feeders, racks and sites.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.feeders.graph import Floats, Ints
from envs.feeders.limits import NestedTree
from envs.feeders.value_pieces import Pieces


class Shared(NamedTuple):
    """Power as it was shared.

    Attributes
    ----------
    piece_kw : ndarray (K, B)
        What each piece got [kW].
    outlet_kw : ndarray (L, B)
        What each outlet may draw, floors included [kW].
    short_kw : ndarray (B,)
        The most by which a limit is passed by floors, or a promise is missed [kW]; zero where all is kept.
    """

    piece_kw: Floats
    outlet_kw: Floats
    short_kw: Floats

    def value(self, pieces: Pieces) -> Floats:
        """Value of what was shared above the floors ``(B,)``."""
        return np.asarray((self.piece_kw * pieces.slope).sum(axis=0))


class _Sorted(NamedTuple):
    """Pieces of one depth by node, and in it by falling slope.

    The order is ``(K,)`` or ``(K, B)``. A node's places are the same for all sites: the node at each place, and its
    first and last place ``(K,)``.
    """

    order: Ints
    node: Ints
    first: Ints
    last: Ints

    def taken(self, x: Floats) -> Floats:
        """Pieces ``(K, B)`` in this order."""
        return x[self.order] if self.order.ndim == 1 else np.take_along_axis(x, self.order, axis=0)

    def put(self, x: Floats, values: Floats) -> None:
        """Write pieces of this order back into ``x (K, B)``."""
        if self.order.ndim == 1:
            x[self.order] = values
        else:
            np.put_along_axis(x, self.order, values, axis=0)

    def running(self, x: Floats) -> tuple[Floats, Floats]:
        """Sum of a node's pieces before each, and of all its pieces ``(K, B)``."""
        total = np.cumsum(x, axis=0)
        before_node = total[self.first] - x[self.first]
        return total - x - before_node, total[self.last] - before_node


def shared_power(tree: NestedTree, pieces: Pieces) -> Shared:
    """Share the feeders' power by equal marginal value.

    Parameters
    ----------
    tree : NestedTree
    pieces : Pieces

    Returns
    -------
    Shared
        Of all sharings within the limits that keep the promises, one of the highest value.
    """
    held = _by_node(tree, pieces.floor_kw)
    room, least = np.maximum(tree.limit_kw - held, 0.0), np.maximum(tree.least_kw - held, 0.0)
    given = _greedy(tree, pieces, room, least)
    outlet = np.zeros((len(pieces.floor_kw), given.shape[1]))
    np.add.at(outlet, pieces.outlet, given)
    outlet += pieces.floor_kw
    over, missed = held - tree.limit_kw, tree.least_kw - _by_node(tree, outlet)
    return Shared(given, outlet, np.maximum(over, missed).max(axis=0).clip(0.0) + np.zeros(given.shape[1]))


def _by_node(tree: NestedTree, outlet_kw: Floats) -> Floats:
    """Sum of the outlets under each node ``(M + 1, B)``; zero for the last, which is none."""
    found = np.zeros((len(tree.limit_kw), outlet_kw.shape[1]))
    for depth in tree.node:
        np.add.at(found, depth, outlet_kw)
    found[-1] = 0.0
    return found


def _greedy(tree: NestedTree, pieces: Pieces, room: Floats, least: Floats) -> Floats:
    """Power of each piece ``(K, B)``: from the deepest nodes up, first what was promised, then the steepest."""
    sites = np.broadcast_shapes(*(x.shape[1:] for x in (pieces.slope, pieces.width_kw, room, least)))[0]
    free = np.array(np.broadcast_to(pieces.width_kw, (len(pieces.outlet), sites)), np.float64)
    if not free.size:
        return free
    promised = np.zeros_like(free) if least.any() else None
    steepest = np.argsort(-pieces.slope, axis=0, kind="stable")
    for depth in tree.node:
        part = _sorted(depth[pieces.outlet], steepest)
        mine, limit = part.taken(free), room[part.node]
        before, _ = part.running(mine)
        if promised is None:
            part.put(free, np.clip(limit - before, 0.0, mine))
            continue
        first = part.taken(promised)
        ahead, total = part.running(first)
        first, total = np.clip(limit - ahead, 0.0, first), np.minimum(total, limit)
        mine = np.clip(limit - total - before, 0.0, mine)
        marked = np.clip(least[part.node] - total - before, 0.0, mine)
        part.put(promised, first + marked)
        part.put(free, mine - marked)
    return free if promised is None else free + promised


def _sorted(node: Ints, steepest: Ints) -> _Sorted:
    """Sort pieces that stand steepest first by their node."""
    order = np.take_along_axis(steepest, np.argsort(node[steepest], axis=0, kind="stable"), axis=0)
    here, same = np.sort(node), order.shape[1] == 1
    first, last = (np.searchsorted(here, here, side=side) for side in ("left", "right"))
    return _Sorted(order[:, 0] if same else order, here, first, last - 1)
