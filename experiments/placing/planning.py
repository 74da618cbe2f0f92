"""Waves of deployments placed one after another: by the integer program, or by a greedy rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.placing.capacity import Capacity
from experiments.placing.greedy import PEAKS, RULES, Greedy, Placed, Rule, State, wave_placed
from experiments.placing.program import USUAL, Effort, solved_wave
from experiments.placing.racks import Deployment, Lot, Shape, lots_of

#: Futures of what may come behind a wave: number of the wave -> sampled lots.
Futures = Callable[[int], Sequence[Sequence[Lot]]]


class Decided(NamedTuple):
    """A deployment and where its racks go; None where it is refused."""

    deployment: Deployment
    placed: Placed | None


class Plan(NamedTuple):
    """What became of all deployments, in their order, and what then stands."""

    decided: list[Decided]
    state: State

    @property
    def kw(self) -> float:
        """Power of what was placed [kW]."""
        return sum(one.deployment.kw for one in self.decided if one.placed is not None)


def waves_of(deployments: Sequence[Deployment]) -> list[list[Deployment]]:
    """Deployments by wave."""
    numbers = sorted({one.wave for one in deployments})
    return [[one for one in deployments if one.wave == number] for number in numbers]


def greedy_plan(capacity: Capacity, deployments: Sequence[Deployment], rule: Rule) -> Plan:
    """The plan of a greedy rule."""
    greedy, state = Greedy(capacity, rule), State(*capacity.used())
    decided: list[Decided] = []
    for wave in waves_of(deployments):
        found, state = wave_placed(greedy, [one.shape for one in wave], state)
        decided += [Decided(one, placed) for one, placed in zip(wave, found)]
    return Plan(decided, state)


def best_greedy(capacity: Capacity, shapes: Sequence[Shape], state: State) -> tuple[list[Placed | None], State]:
    """Of all rules' ways to place a wave the one that places most power; of several, that with the lowest peaks."""
    tried = [wave_placed(Greedy(capacity, rule), shapes, state) for rule in RULES]

    def worth(found: tuple[list[Placed | None], State]) -> tuple[float, float]:
        kw = sum(shape.kw for shape, placed in zip(shapes, found[0]) if placed is not None)
        return kw, -float(((found[1].load_kw / capacity.rows.limit_kw) ** PEAKS).sum())

    return max(tried, key=worth)


def solved_plan(
    capacity: Capacity, deployments: Sequence[Deployment], futures: Futures, effort: Effort = USUAL
) -> Plan:
    """The plan of the integer program, wave by wave; a wave that it does not better is placed by the best rule.

    Parameters
    ----------
    capacity : Capacity
    deployments : sequence of Deployment
    futures : callable
        What may come behind each wave.
    effort : Effort
    """
    state = State(*capacity.used())
    decided: list[Decided] = []
    for number, wave in enumerate(waves_of(deployments)):
        found, state = _wave(capacity, [one.shape for one in wave], state, futures(number), effort)
        decided += [Decided(one, placed) for one, placed in zip(wave, found)]
    return Plan(decided, state)


def _wave(
    capacity: Capacity, shapes: Sequence[Shape], state: State, later: Sequence[Sequence[Lot]], effort: Effort
) -> tuple[list[Placed | None], State]:
    begun, after = best_greedy(capacity, shapes, state)
    lots = lots_of(shapes)
    counts = [sum(s == lot.shape and p is not None for s, p in zip(shapes, begun)) for lot in lots]
    answer = solved_wave(capacity, state, lots, later, counts, effort)
    if not answer.placed:
        return begun, after
    left = {lot.shape: list(placed) for lot, placed in zip(lots, answer.placed)}
    found = [left[shape].pop(0) if left[shape] else None for shape in shapes]
    return found, _after(capacity, state, found)


def _after(capacity: Capacity, state: State, found: Sequence[Placed | None]) -> State:
    load, free = state.load_kw.copy(), state.free.copy()
    for placed in found:
        for kind, number, count in placed or ():
            load += count * capacity.rows.weight[:, number] * capacity.load(kind)
            free[number] -= count
    if (free < 0).any() or (load > capacity.rows.limit_kw + 1e-3).any():
        raise RuntimeError("the program's answer passes a limit; a fault of the program, not of its input")
    return State(load, free)


def usable_kw(capacity: Capacity, shapes: Sequence[Shape]) -> float:
    """The most power that the feeders carry through any single loss, of what is asked, if racks could be cut to size.

    Position limits, cooling and groups are left out: what they cost is part of what is stranded.

    Parameters
    ----------
    capacity : Capacity
    shapes : sequence of Shape
        What is asked, with what stands.
    """
    from scipy.optimize import linprog

    kept: dict[float, float] = {}
    for shape in shapes:
        for kind, count in shape.racks:
            kept[kind.after_loss_frac] = kept.get(kind.after_loss_frac, 0.0) + kind.kw * count
    for rack in capacity.hall.standing:
        kept[rack.kind.after_loss_frac] = kept.get(rack.kind.after_loss_frac, 0.0) + rack.kind.kw
    fractions, rows = list(kept), capacity.rows
    power = np.array([supply == "power" for supply in rows.supply])
    blocks = np.flatnonzero(rows.weight[power].any(axis=0))
    matrix, upper = [], rows.limit_kw[power]
    for weight, when in zip(rows.weight[power][:, blocks], np.array(rows.when)[power]):
        matrix.append(np.concatenate([weight * (f if when == "after a loss" else 1.0) for f in fractions]))
    asked = np.kron(np.eye(len(fractions)), np.ones(len(blocks)))  # of each redundancy no more than is asked
    matrix += list(asked)
    upper = np.concatenate([upper, list(kept.values())])
    found = linprog(-np.ones(len(blocks) * len(fractions)), np.array(matrix), upper, method="highs")
    return float(-found.fun)
