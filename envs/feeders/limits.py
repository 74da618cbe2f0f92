"""What the caps must keep: one row per feeder and state of the tree; rows that nest are told from rows that cross.

Where all rows nest, so that any two groups of outlets are apart or one lies in the other, sharing by slope is exact
(`nested_caps`). Where feeds cross, as after the loss of one of three that back each other up, only a linear program is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.feeders.graph import FeederGraph, Floats, Ints, Outages

_ALIKE = 1e-9


class Limits(NamedTuple):
    """``least_kw <= weight @ outlet_kw <= limit_kw``.

    Attributes
    ----------
    weight : ndarray (M, L)
        Share of an outlet's load that counts, the largest of a row 1.
    least_kw, limit_kw : ndarray (M, 1) or (M, B)
        What the row's outlets are promised together, zero for none, and what they may draw [kW].
    name : tuple of str
        Feeder and lost feeder of each row, or who was promised.
    """

    weight: Floats
    least_kw: Floats
    limit_kw: Floats
    name: tuple[str, ...]


class NestedTree(NamedTuple):
    """Limits whose groups of outlets nest.

    Attributes
    ----------
    node : ndarray of int (D, L)
        Row over each outlet at each depth, deepest first; ``M`` where there is none.
    least_kw, limit_kw : ndarray (M + 1, 1) or (M + 1, B)
        Of each row [kW]; the last has no limit.
    name : tuple of str
    """

    node: Ints
    least_kw: Floats
    limit_kw: Floats
    name: tuple[str, ...]


def limits_of(graph: FeederGraph, outages: Outages, overload_frac: float = 1.0, after_loss: bool = True) -> Limits:
    """Rows of all feeders in all states, without those that another row makes needless.

    Parameters
    ----------
    graph : FeederGraph
    outages : Outages
        Of that graph.
    overload_frac : float
        What a feeder may carry after a loss, as a share of its limit.
    after_loss : bool
        Whether the caps must hold after a loss without being changed: a reserve is kept. Else only the state with
        nothing lost counts, and caps must fall fast after a loss.
    """
    found: dict[bytes, tuple[float, Floats, str]] = {}
    names = [feeder.name for feeder in graph.feeders]
    for state, lost in enumerate(outages.lost if after_loss else outages.lost[:1]):
        may_kw = graph.limit_kw * (1.0 if lost < 0 else overload_frac)
        for n, row in enumerate(outages.share[state]):
            top = row.max()
            if top <= 0.0:
                continue
            weight, limit = row / top, float(may_kw[n] / top)
            key = np.round(weight, 9).tobytes()
            if key not in found or limit < found[key][0]:
                after = "" if lost < 0 else f" after the loss of {names[lost]}"
                found[key] = (limit, weight, names[n] + after)
    rows = _binding(list(found.values()))
    limit_kw = np.array([[row[0]] for row in rows])
    return Limits(np.stack([row[1] for row in rows]), np.zeros_like(limit_kw), limit_kw, tuple(row[2] for row in rows))


def _binding(rows: list[tuple[float, Floats, str]]) -> list[tuple[float, Floats, str]]:
    """Rows without those that another, which weighs every outlet as much and allows no more, makes needless."""
    limit, weight = np.array([row[0] for row in rows]), np.stack([row[1] for row in rows])
    kept: list[int] = []
    for row in sorted(range(len(rows)), key=lambda m: (limit[m], -weight[m].sum())):
        if not any((weight[m] >= weight[row] - _ALIKE).all() for m in kept):
            kept.append(row)
    return [rows[m] for m in sorted(kept)]


def with_minima(limits: Limits, group: Ints, least_kw: Floats, names: Sequence[str]) -> Limits:
    """The limits, and what groups of outlets such as classes or tenants are promised.

    Parameters
    ----------
    limits : Limits
    group : ndarray of int (L,)
        Group of each outlet, -1 for none.
    least_kw : ndarray (G, 1) or (G, B)
        What each group gets at least, the floors of its outlets included [kW].
    names : sequence of str (G,)
    """
    member = (group[None, :] == np.arange(len(least_kw))[:, None]).astype(np.float64)
    width = np.broadcast_shapes(limits.limit_kw.shape[1:], least_kw.shape[1:])[0]
    least = np.concatenate([np.broadcast_to(x, (len(x), width)) for x in (limits.least_kw, least_kw)])
    above = np.full((len(least_kw), width), np.inf)
    limit = np.concatenate([np.broadcast_to(limits.limit_kw, (len(limits.limit_kw), width)), above])
    return Limits(np.concatenate([limits.weight, member]), least, limit, (*limits.name, *names))


def nested_tree(limits: Limits) -> NestedTree | None:
    """The limits as a tree; None where two rows cross or one weighs its outlets unequally."""
    inside: NDArray[np.bool_] = limits.weight > _ALIKE
    if (np.abs(limits.weight - inside) > _ALIKE).any():
        return None
    shared = inside.astype(np.int64) @ inside.T.astype(np.int64)
    size = np.diag(shared)
    if ((shared > 0) & (shared < np.minimum(size[:, None], size[None, :]))).any():
        return None
    rank = np.empty(len(size), np.int64)
    rank[np.argsort(size, kind="stable")] = np.arange(len(size))
    above = ((shared > 0) & (rank[None, :] > rank[:, None])).sum(axis=1)
    depth, none = int(above.max()) + 1, len(size)
    node = np.full((depth, inside.shape[1]), none, np.int64)
    for row in range(none):
        node[depth - 1 - above[row], inside[row]] = row
    least = np.pad(limits.least_kw, ((0, 1), (0, 0)))
    limit = np.pad(limits.limit_kw, ((0, 1), (0, 0)), constant_values=np.inf)
    return NestedTree(node, least, limit, limits.name)
