"""Greedy rules: deployments one after another, each where a score likes it best. They are what a plan must beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.placing.capacity import SLACK_KW, Capacity, Floats, Ints
from experiments.placing.racks import Kind, Shape


class State(NamedTuple):
    """What stands: load of every row ``(M,)`` [kW], free positions of every block ``(K,)``."""

    load_kw: Floats
    free: Ints


PEAKS = 16  # a sum of shares to this power is ruled by the fullest limits

#: Racks of each kind on each block: ``(kind, block, count)``.
Placed = tuple[tuple[Kind, int, int], ...]


class Rule(NamedTuple):
    """A greedy rule: how it ranks the blocks for a rack and the groups for a deployment, lowest first.

    Attributes
    ----------
    name : str
    block : callable
        State, rows that each block's next rack would fill ``(M, K)`` as shares, number of the rack: scores ``(K,)``.
    group : callable
        State after the deployment, as shares of the limits ``(M,)`` and free positions, number of the group: a score.
    decreasing : bool
        Whether the largest deployments of a wave come first.
    """

    name: str
    block: Callable[[Floats, Ints], Floats]
    group: Callable[[Floats, Ints, int], float]
    decreasing: bool = False


def _in_order(share: Floats, free: Ints) -> Floats:
    return np.arange(len(free), dtype=np.float64)


def _least_even(share: Floats, free: Ints) -> Floats:
    """Fullest row after the rack: the best balance of feeds."""
    return share.max(axis=0)


def _most_full(share: Floats, free: Ints) -> Floats:
    """Least room left on the fullest row that the rack touches."""
    return -share.max(axis=0)


RULES = tuple(
    Rule(f"{name}{' (largest first)' if decreasing else ''}", block, group, decreasing)
    for name, block, group in (
        ("first fit", _in_order, lambda share, free, number: float(number)),
        ("best fit", _most_full, lambda share, free, number: float(free.sum())),
        ("balanced feeds", _least_even, lambda share, free, number: float((share**2).sum())),
        ("lowest peak", _least_even, lambda share, free, number: float((share**PEAKS).sum())),
        ("round robin", _least_even, lambda share, free, number: 0.0),
    )
    for decreasing in (False, True)
)
RULE_NAMES = tuple(rule.name for rule in RULES)


class Greedy:
    """A rule at work in a hall.

    Parameters
    ----------
    capacity : Capacity
    rule : Rule
    """

    def __init__(self, capacity: Capacity, rule: Rule) -> None:
        self.capacity, self.rule = capacity, rule
        self._turn = 0

    def placed(self, shape: Shape, state: State) -> tuple[Placed, State] | None:
        """Where a deployment goes and what then stands; None where no group takes it."""
        groups = list(self.capacity.groups(shape.together).values())
        if self.rule.name.startswith("round robin"):
            groups = groups[self._turn % len(groups) :] + groups[: self._turn % len(groups)]
            self._turn += 1
        best: tuple[float, Placed, State] | None = None
        limit = self.capacity.rows.limit_kw
        for number, blocks in enumerate(groups):
            found = self._within(shape, blocks, state)
            if found is None:
                continue
            score = self.rule.group(found[1].load_kw / limit, found[1].free[blocks], number)
            if best is None or score < best[0]:
                best = (score, *found)
            if self.rule.name.startswith(("first fit", "round robin")):
                break
        return None if best is None else best[1:]

    def _within(self, shape: Shape, group: Sequence[int], state: State) -> tuple[Placed, State] | None:
        """The racks of a deployment one by one, on the blocks of one group."""
        rows, weight = self.capacity.touched(group)
        blocks, limit = np.array(group), self.capacity.rows.limit_kw[rows][:, None]
        if int(state.free[blocks].sum()) < sum(count for _, count in shape.racks):
            return None
        load, free, inside = state.load_kw[rows], state.free.copy(), weight > 0.0
        placed: dict[tuple[Kind, int], int] = {}
        for kind, count in shape.racks:
            added = weight * self.capacity.load(kind)[rows][:, None]
            fits = self.capacity.fits(kind)[blocks]
            for _ in range(count):
                after = load[:, None] + added
                may = fits & (free[blocks] > 0) & (after <= limit + SLACK_KW).all(axis=0)
                if not may.any():
                    return None
                touched = np.where(inside, after / limit, 0.0)
                score = np.where(may, self.rule.block(touched, free[blocks]), np.inf)
                place = int(score.argmin())
                number = int(blocks[place])
                load, free[number] = after[:, place], free[number] - 1
                placed[kind, number] = placed.get((kind, number), 0) + 1
        whole = state.load_kw.copy()
        whole[rows] = load
        return tuple((kind, number, count) for (kind, number), count in placed.items()), State(whole, free)


def wave_placed(greedy: Greedy, shapes: Sequence[Shape], state: State) -> tuple[list[Placed | None], State]:
    """Deployments of a wave, each placed or None where it was refused, in the order given, and what then stands."""
    order = list(range(len(shapes)))
    if greedy.rule.decreasing:
        order.sort(key=lambda number: -shapes[number].kw)
    found: list[Placed | None] = [None] * len(shapes)
    for number in order:
        done = greedy.placed(shapes[number], state)
        if done is not None:
            found[number], state = done
    return found, state
