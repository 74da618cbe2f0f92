"""The integer program of a wave (HiGHS): which deployments go where, with room kept for those that may come later.

Two solves. The first places the most power of the wave; nothing that fits is refused for the sake of what may come.
The second keeps that, and among all ways to do it takes the one that leaves room for the most power of sampled futures,
as online sampling optimisation does (Baxi and others, 2025, arXiv 2501.12725). Racks of a future may be divided: it is
there to be left room, not to be placed. Needs the extra ``planner``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.linear_solver import Program, highs_program, quiet_solver
from experiments.placing.capacity import Capacity, Floats
from experiments.placing.greedy import Placed, State
from experiments.placing.racks import Kind, Lot


class Effort(NamedTuple):
    """Where a solve stops: nodes of its search, seconds, gap as a share of the value.

    Nodes stop it alike on every machine; seconds are for those who wait.
    """

    nodes: int = 200
    seconds: float = 20.0
    gap_frac: float = 1e-3


USUAL = Effort()


class Answer(NamedTuple):
    """Placements of each lot, one for each deployment of it that is placed."""

    placed: list[list[Placed]]
    status: str


class _Columns:
    """Variables of one set of lots: ``y`` deployments of a lot in a group, ``x`` racks of a kind of it on a block."""

    def __init__(self, capacity: Capacity, lots: Sequence[Lot], first: int) -> None:
        self.lots, self.first, self._blocks = lots, first, capacity.blocks
        self.y: list[dict[str, int]] = []
        self.x: list[dict[tuple[int, int], int]] = []
        self.top: list[float] = []
        for lot in lots:
            self.y.append({})
            self.x.append({})
            for name, blocks in capacity.groups(lot.shape.together).items():
                fitting = [[b for b in blocks if capacity.fits(kind)[b]] for kind, _ in lot.shape.racks]
                if not all(fitting):
                    continue
                self.y[-1][name] = self._new(lot.number)
                for part, ((_, count), numbers) in enumerate(zip(lot.shape.racks, fitting)):
                    for number in numbers:
                        most = min(count * lot.number, int(capacity.positions[number]))
                        self.x[-1][part, number] = self._new(most)

    def group_of(self, number: int, together: str) -> str:
        """Group of a block."""
        return self._blocks[number].group(together)

    def _new(self, top: float) -> int:
        self.top.append(float(top))
        return self.first + len(self.top) - 1


class _Rows:
    """Rows of a program as they grow."""

    def __init__(self) -> None:
        self.start, self.index, self.value = [0], list[int](), list[float]()
        self.low, self.high = list[float](), list[float]()

    def add(self, terms: Sequence[tuple[int, float]], low: float, high: float) -> None:
        self.index += [column for column, _ in terms]
        self.value += [value for _, value in terms]
        self.start.append(len(self.index))
        self.low.append(low)
        self.high.append(high)


def solved_wave(
    capacity: Capacity,
    state: State,
    lots: Sequence[Lot],
    later: Sequence[Sequence[Lot]],
    begun: Sequence[int],
    effort: Effort,
) -> Answer:
    """The wave's best placements.

    Parameters
    ----------
    capacity : Capacity
    state : State
        What stands.
    lots : sequence of Lot
        Of the wave.
    later : sequence of sequence of Lot
        Sampled futures; none: no room is kept.
    begun : sequence of int
        Deployments of each lot that a greedy rule places: where it places all, the first solve is spared.
    effort : Effort
    """
    numbers = list(begun)
    now: Floats | None = None
    status = "all fit"
    if any(count < lot.number for count, lot in zip(begun, lots)):
        columns = _Columns(capacity, lots, 0)
        rows = _structure(capacity, columns, lots)
        _resources(capacity, state, [columns], rows)
        value = _values([columns], [1.0])
        now, status = _best(value, columns.top, rows, effort, len(columns.top))
        if now is not None:
            numbers = [round(sum(now[c] for c in y.values())) for y in columns.y]
            gained_kw = sum((n - m) * lot.shape.kw for n, m, lot in zip(numbers, begun, lots))
            if gained_kw < 0.0 or (not later and gained_kw <= 1e-6):  # nothing better: the rule's plan leaves more room
                numbers, now = list(begun), None
    if later:
        found, status = _with_futures(capacity, state, lots, later, numbers, effort)
        now = found if found is not None else now
    columns = _Columns(capacity, lots, 0)
    return Answer([] if now is None else _placements(columns, now), status)


def _with_futures(
    capacity: Capacity,
    state: State,
    lots: Sequence[Lot],
    later: Sequence[Sequence[Lot]],
    numbers: Sequence[int],
    effort: Effort,
) -> tuple[Floats | None, str]:
    """The second solve: the numbers of each lot stand, the futures count."""
    now = _Columns(capacity, lots, 0)
    rows = _structure(capacity, now, lots, numbers)
    parts, first = [now], len(now.top)
    for future in later:
        parts.append(_Columns(capacity, future, first))
        first += len(parts[-1].top)
        _structure(capacity, parts[-1], future, rows=rows)
        _resources(capacity, state, [now, parts[-1]], rows)
    value = _values(parts, [0.0] + [1.0 / len(later)] * len(later))
    return _best(value, [top for part in parts for top in part.top], rows, effort, len(now.top))


def _structure(
    capacity: Capacity,
    columns: _Columns,
    lots: Sequence[Lot],
    numbers: Sequence[int] | None = None,
    rows: _Rows | None = None,
) -> _Rows:
    """Each deployment in one group with all of its racks; of each lot at most, or just, so many."""
    rows = rows or _Rows()
    for place, lot in enumerate(lots):
        y, x = columns.y[place], columns.x[place]
        just = None if numbers is None else float(numbers[place])
        if y:
            rows.add([(c, 1.0) for c in y.values()], just or 0.0, lot.number if just is None else just)
        for name, blocks in capacity.groups(lot.shape.together).items():
            if name not in y:
                continue
            for part, (_, count) in enumerate(lot.shape.racks):
                terms = [(x[part, number], 1.0) for number in blocks if (part, number) in x]
                rows.add([*terms, (y[name], -float(count))], 0.0, 0.0)
    return rows


def _resources(capacity: Capacity, state: State, parts: Sequence[_Columns], rows: _Rows) -> None:
    """Limits and positions, shared by what is placed now and what one future places."""
    racks = [
        (column, number, lot.shape.racks[part][0])
        for columns in parts
        for lot, x in zip(columns.lots, columns.x)
        for (part, number), column in x.items()
    ]
    weight, limit = capacity.rows.weight, capacity.rows.limit_kw
    if not racks:
        return
    added = np.stack([weight[:, number] * capacity.load(kind) for _, number, kind in racks], axis=1)
    for m in range(len(limit)):
        used = np.flatnonzero(added[m] > 0.0)
        room = max(float(limit[m] - state.load_kw[m]), 0.0)
        if used.size:
            rows.add([(racks[r][0], float(added[m, r])) for r in used], -np.inf, room)
    for number in range(len(capacity.blocks)):
        terms = [(column, 1.0) for column, at, _ in racks if at == number]
        if terms:
            rows.add(terms, -np.inf, float(state.free[number]))


def _values(parts: Sequence[_Columns], weights: Sequence[float]) -> Floats:
    """What each variable is worth: power of the deployments, by the weight of their part [kW]."""
    made = []
    for columns, weight in zip(parts, weights):
        value = np.zeros(len(columns.top))
        for lot, y in zip(columns.lots, columns.y):
            value[[c - columns.first for c in y.values()]] = weight * lot.shape.kw
        made.append(value)
    return np.concatenate(made)


def _best(value: Floats, top: Sequence[float], rows: _Rows, effort: Effort, whole: int) -> tuple[Floats | None, str]:
    """Variables of the highest value, the first ``whole`` of them integers; None where none were found in time."""
    import highspy

    if not len(value):
        return None, "nothing fits"
    solver = quiet_solver(
        time_limit=effort.seconds, mip_max_nodes=effort.nodes, mip_rel_gap=effort.gap_frac, random_seed=0
    )
    row = np.repeat(np.arange(len(rows.low)), np.diff(rows.start))
    entries = row, np.array(rows.index, np.int64), np.array(rows.value)
    program = highs_program(Program(value, np.array(top), np.array(rows.low), np.array(rows.high), *entries))
    program.sense_ = highspy.ObjSense.kMaximize
    program.integrality_ = [
        highspy.HighsVarType.kInteger if column < whole else highspy.HighsVarType.kContinuous
        for column in range(len(value))
    ]
    solver.passModel(program)
    solver.run()
    status = solver.modelStatusToString(solver.getModelStatus())
    if solver.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None, status
    return np.rint(np.asarray(solver.getSolution().col_value, np.float64)[:whole]), status


def _placements(columns: _Columns, found: Floats) -> list[list[Placed]]:
    """Deployments of each lot with their racks, out of how many racks of each kind stand on each block."""
    made: list[list[Placed]] = []
    for place, lot in enumerate(columns.lots):
        made.append([])
        for name, column in columns.y[place].items():
            pools = _pools(columns, place, name, found)
            made[-1] += [_taken(pools, lot) for _ in range(int(found[column]))]
    return made


def _pools(columns: _Columns, place: int, name: str, found: Floats) -> list[list[list[int]]]:
    """Of each kind: blocks of the group with the number of racks on them."""
    lot = columns.lots[place]
    pools: list[list[list[int]]] = [[] for _ in lot.shape.racks]
    for (part, number), column in columns.x[place].items():
        if columns.group_of(number, lot.shape.together) == name and found[column] > 0:
            pools[part].append([number, int(found[column])])
    return pools


def _taken(pools: list[list[list[int]]], lot: Lot) -> Placed:
    """The racks of one deployment, taken off the pools."""
    placed: list[tuple[Kind, int, int]] = []
    for pool, (kind, count) in zip(pools, lot.shape.racks):
        while count:
            number, there = pool[-1]
            part = min(count, there)
            placed.append((kind, number, part))
            count -= part
            pool[-1][1] -= part
            if not pool[-1][1]:
                pool.pop()
    return tuple(placed)
