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
        Shares of the rows that each block's next rack would fill ``(m, k)``: scores ``(k,)``.
    group : callable or None
        Shares of all rows after the deployment ``(M,)`` and free positions of the group ``(k,)``: a score. None: the
        first group that takes it.
    decreasing : bool
        Whether the largest deployments of a wave come first.
    in_turns : bool
        Whether each deployment begins one group further.
    """

    name: str
    block: Callable[[Floats], Floats]
    group: Callable[[Floats, Ints], float] | None
    decreasing: bool = False
    in_turns: bool = False


def _in_order(share: Floats) -> Floats:
    return np.arange(share.shape[1], dtype=np.float64)


def _least_even(share: Floats) -> Floats:
    """Fullest row after the rack: the best balance of feeds."""
    return np.asarray(share.max(axis=0))


def _most_full(share: Floats) -> Floats:
    """Least room left on the fullest row that the rack touches."""
    return -share.max(axis=0)


def _rules(decreasing: bool) -> tuple[Rule, ...]:
    suffix = " (largest first)" if decreasing else ""
    return (
        Rule(f"first fit{suffix}", _in_order, None, decreasing),
        Rule(f"best fit{suffix}", _most_full, lambda share, free: float(free.sum()), decreasing),
        Rule(f"balanced feeds{suffix}", _least_even, lambda share, free: float((share**2).sum()), decreasing),
        Rule(f"lowest peak{suffix}", _least_even, lambda share, free: float((share**PEAKS).sum()), decreasing),
        Rule(f"round robin{suffix}", _least_even, None, decreasing, in_turns=True),
    )


RULES = (*_rules(False), *_rules(True))


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
        if self.rule.in_turns:
            groups = groups[self._turn % len(groups) :] + groups[: self._turn % len(groups)]
            self._turn += 1
        best: tuple[float, Placed, State] | None = None
        for blocks in groups:
            found = self._within(shape, blocks, state)
            if found is None:
                continue
            if self.rule.group is None:
                return found
            score = self.rule.group(found[1].load_kw / self.capacity.rows.limit_kw, found[1].free[blocks])
            if best is None or score < best[0]:
                best = (score, *found)
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
                score = np.where(may, self.rule.block(touched), np.inf)
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
