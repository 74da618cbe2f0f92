"""Feeders from the utility to the racks: who carries what, with nothing lost and after any single loss.

A feeder shares its load equally among those feeds that are alive; where none is, its standby takes over. So one kind of
node says everything: parallel units (N+1), two paths at half the load each (2N), and pairs that cross (PHYSICS F4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Feeder:
    """One feeder.

    Attributes
    ----------
    name : str
    limit_kw : float
        What it may carry without end [kW].
    feeds : tuple of str
        Feeders above it, which share its load equally; none: it is a source.
    standby : tuple of str
        Feeders that share its load where none of ``feeds`` is alive.
    may_fail : bool
        Whether its loss is among the single losses.
    """

    name: str
    limit_kw: float
    feeds: tuple[str, ...] = ()
    standby: tuple[str, ...] = ()
    may_fail: bool = True


@dataclass(frozen=True)
class Outlet:
    """A load at the tree's lower end, such as a rack, or the work of one class in a row.

    Attributes
    ----------
    name : str
    feeds, standby : tuple of str
        As those of a feeder.
    """

    name: str
    feeds: tuple[str, ...]
    standby: tuple[str, ...] = ()


class Outages(NamedTuple):
    """Who carries what in every state of the tree; state 0 has lost nothing.

    Attributes
    ----------
    lost : ndarray of int (Z,)
        The lost feeder of each state, -1 for none.
    share : ndarray (Z, N, L)
        Share of an outlet's load that a feeder carries [1].
    served : ndarray of bool (Z, L)
        Whether an outlet has power.
    """

    lost: Ints
    share: Floats
    served: NDArray[np.bool_]


@dataclass(frozen=True)
class FeederGraph:
    """Feeders and outlets of a hall, checked when made.

    Attributes
    ----------
    feeders : tuple of Feeder
    outlets : tuple of Outlet

    Raises
    ------
    ValueError
        For a name that is used twice or unknown, a limit that is not above zero, an outlet without a feed, a circle.
    """

    feeders: tuple[Feeder, ...]
    outlets: tuple[Outlet, ...]

    def __post_init__(self) -> None:
        """Check names, limits and that power flows one way."""
        _check_names([f.name for f in self.feeders], "feeder")
        _check_names([o.name for o in self.outlets], "outlet")
        known = {f.name for f in self.feeders}
        owners: list[Feeder | Outlet] = [*self.feeders, *self.outlets]
        for owner in owners:
            for name in (*owner.feeds, *owner.standby):
                if name not in known:
                    raise ValueError(
                        f"{owner.name} is fed by {name!r}, which is no feeder; choose from {sorted(known)}"
                    )
            if isinstance(owner, Outlet) and not owner.feeds:
                raise ValueError(f"outlet {owner.name} has no feed; name at least one feeder")
            if isinstance(owner, Feeder) and not 0.0 < owner.limit_kw < np.inf:
                raise ValueError(f"feeder {owner.name}: limit_kw = {owner.limit_kw}; give a finite power above 0 kW")
        fed_by = {f.name: (*f.feeds, *f.standby) for f in self.feeders}
        if circle := circle_of(fed_by):
            raise ValueError(circle_words(circle))

    @property
    def limit_kw(self) -> Floats:
        """What each feeder may carry ``(N,)`` [kW]."""
        return np.array([f.limit_kw for f in self.feeders])

    def index(self) -> dict[str, int]:
        """Place of each feeder by its name."""
        return {f.name: n for n, f in enumerate(self.feeders)}

    def downstream_first(self) -> Iterator[int]:
        """Feeders in an order in which each comes before all that feed it."""
        index = self.index()
        fed = [0] * len(self.feeders)
        for feeder in self.feeders:
            for name in {*feeder.feeds, *feeder.standby}:
                fed[index[name]] += 1
        ready = [n for n, count in enumerate(fed) if count == 0]
        while ready:
            here = ready.pop()
            yield here
            for name in {*self.feeders[here].feeds, *self.feeders[here].standby}:
                fed[index[name]] -= 1
                if fed[index[name]] == 0:
                    ready.append(index[name])


def circle_of(fed_by: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A circle in which feeders feed each other, each fed by the next; empty where power flows one way.

    Parameters
    ----------
    fed_by : mapping
        Feeder to those that feed it, standby included; each is a key.
    """
    done: set[str] = set()
    for start in fed_by:
        path: list[str] = []
        ahead = [iter((start,))]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                ahead.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                return (*path[path.index(name) :], name)
            elif name not in done:
                path.append(name)
                ahead.append(iter(fed_by[name]))
    return ()


def circle_words(circle: Sequence[str]) -> str:
    """What a reader is told whose feeders feed each other."""
    return f"feeders feed each other in a circle: {' <- '.join(circle)}; take one of these feeds away"


def _check_names(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} names {twice} are used twice; give each {what} a name of its own")
    if not names:
        raise ValueError(f"the power tree has no {what}; give at least one")


def load_shares(graph: FeederGraph, lost: Sequence[int] = ()) -> tuple[Floats, NDArray[np.bool_]]:
    """Share of each outlet's load that each feeder carries ``(N, L)``, and which outlets have power ``(L,)``.

    Parameters
    ----------
    graph : FeederGraph
    lost : sequence of int
        Feeders that are out.
    """
    order = list(graph.downstream_first())
    index = graph.index()
    alive = np.zeros(len(order), bool)

    def carriers(owner: Feeder | Outlet) -> list[int]:
        first = [index[name] for name in owner.feeds if alive[index[name]]]
        return first or [index[name] for name in owner.standby if alive[index[name]]]

    for n in reversed(order):
        feeder = graph.feeders[n]
        is_source = not feeder.feeds and not feeder.standby
        alive[n] = n not in lost and (is_source or bool(carriers(feeder)))
    share = np.zeros((len(order), len(graph.outlets)))
    served = np.zeros(len(graph.outlets), bool)
    for outlet, place in zip(graph.outlets, range(len(served))):
        above = carriers(outlet)
        served[place] = bool(above)
        share[above, place] += 1.0 / max(len(above), 1)
    for n in order:
        above = carriers(graph.feeders[n])
        if above:
            share[above] += share[n] / len(above)
    return share, served


def single_losses(graph: FeederGraph) -> Outages:
    """Every state of the tree with at most one feeder lost, nothing lost first."""
    lost = [-1, *(n for n, feeder in enumerate(graph.feeders) if feeder.may_fail)]
    states = [load_shares(graph, [n] if n >= 0 else []) for n in lost]
    share, served = zip(*states)
    return Outages(np.array(lost), np.stack(share), np.stack(served))


def failover_load_kw(outages: Outages, outlet_kw: Floats) -> Floats:
    """Load of every feeder in every state ``(Z, N, B)`` [kW], before any cap answers.

    Parameters
    ----------
    outages : Outages
    outlet_kw : ndarray (L, B)
        What each outlet draws [kW]; one without power draws nothing.
    """
    return outages.share @ outlet_kw
