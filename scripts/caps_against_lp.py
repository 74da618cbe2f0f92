"""Random power trees: the greedy caps beside the linear program; ``python -m scripts.caps_against_lp`` prints a table.

The worst gap over 1,000 trees stands in docs/power-tree.md.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import NamedTuple

import numpy as np

from envs.feeders.graph import Feeder, FeederGraph, Outlet, load_shares, single_losses
from envs.feeders.limits import Limits, NestedTree, limits_of, nested_tree, with_minima
from envs.feeders.linear_program import program_power
from envs.feeders.nested_caps import shared_power
from envs.feeders.value_pieces import Pieces, pieces_of_curves

PROMISED_SHARE = (0.3, 0.7)  # of the room of a promised group


class Compared(NamedTuple):
    """One tree.

    Attributes
    ----------
    gap_frac : float
        Value by which the greedy falls short of the program, as a share.
    over_kw : float
        The most by which its caps pass a limit or miss a promise [kW].
    greedy_s, program_s : float
        Time of each [s].
    """

    gap_frac: float
    over_kw: float
    greedy_s: float
    program_s: float


def random_graph(rng: np.random.Generator, paths: int = 1) -> FeederGraph:
    """A tree of 3 to 14 feeders over 4 to 60 outlets; with two paths each feeder stands twice (2N)."""
    count, racks = int(rng.integers(3, 15)), int(rng.integers(4, 61))
    parent = [-1, *(int(rng.integers(n)) for n in range(1, count))]
    at = [int(rng.integers(count)) for _ in range(racks)]

    def feeders(limit: list[float]) -> tuple[Feeder, ...]:
        return tuple(
            Feeder(f"{n}{p}", limit[n], (f"{parent[n]}{p}",) if n else ()) for p in range(paths) for n in range(count)
        )

    outlets = tuple(Outlet(f"rack {r}", tuple(f"{n}{p}" for p in range(paths))) for r, n in enumerate(at))
    unlimited = FeederGraph(feeders([1.0] * count), outlets)
    full_kw = paths * load_shares(unlimited)[0][:count] @ np.full(racks, 10.0)
    limits = np.maximum(full_kw, 10.0) * rng.uniform(0.5, 1.05, count)
    return FeederGraph(feeders(limits.tolist()), outlets)


def random_pieces(rng: np.random.Generator, outlets: int) -> Pieces:
    """Curves from a floor of 2 to 4 kW up to 10 kW, a few with a dent that the hull bridges."""
    power, value = [], []
    for _ in range(outlets):
        points = int(rng.integers(3, 9))
        x = np.sort(np.concatenate([rng.uniform(2.0, 4.0, 1), rng.uniform(4.0, 10.0, points - 2), [10.0]]))
        slope = np.sort(rng.uniform(0.1, 3.0, points))[::-1] * rng.uniform(0.9, 1.1, points)
        power.append(x)
        value.append(np.cumsum(slope * np.diff(x, prepend=0.0)))
    return pieces_of_curves(power, value)


def promised(rng: np.random.Generator, limits: Limits, pieces: Pieces) -> Limits:
    """Promise two of the feeders' groups a share of what they could get."""
    rows = rng.choice(len(limits.limit_kw), min(2, len(limits.limit_kw)), replace=False)
    for row in rows:
        group = np.where(limits.weight[row] > 0.0, 0, -1)
        best = shared_power(_tree(limits), pieces).outlet_kw[group == 0].sum()
        floor = pieces.floor_kw[group == 0].sum()
        least = floor + rng.uniform(*PROMISED_SHARE) * max(best - floor, 0.0)
        limits = with_minima(limits, group, np.array([[least]]), [f"promise {row}"])
    return limits


def compared(rng: np.random.Generator) -> Compared:
    """The greedy and the program on one random tree, half of them on two paths, half with promises."""
    paths = int(rng.integers(1, 3))
    graph = random_graph(rng, paths)
    limits = limits_of(graph, single_losses(graph), after_loss=paths == 2)
    pieces = random_pieces(rng, len(graph.outlets))
    floors = limits.weight @ pieces.floor_kw
    limits = limits._replace(limit_kw=np.maximum(limits.limit_kw, floors))  # else no sharing keeps all limits
    if rng.random() < 0.5:
        limits = promised(rng, limits, pieces)
    begun = perf_counter()
    ours = shared_power(_tree(limits), pieces)
    greedy_s, begun = perf_counter() - begun, perf_counter()
    best = program_power(limits, pieces)
    program_s = perf_counter() - begun
    drawn = limits.weight @ ours.outlet_kw
    over = max(float((drawn - limits.limit_kw).max()), float((limits.least_kw - drawn).max()), 0.0)
    value, top = float(ours.value(pieces)[0]), float(best.value(pieces)[0])
    return Compared((top - value) / max(top, 1e-9), over, greedy_s, program_s)


def _tree(limits: Limits) -> NestedTree:
    tree = nested_tree(limits)
    assert tree is not None, "random trees nest"
    return tree


def main(trees: int = 1000, seed: int = 0) -> None:
    """Print the worst gap and the mean times."""
    found = [compared(np.random.default_rng([seed, k])) for k in range(trees)]
    gap, over, greedy_s, program_s = np.array(found).T
    print(f"trees {trees}, seed {seed}")
    print(f"worst gap to the linear program {100.0 * np.abs(gap).max():.1e} %, mean {100.0 * gap.mean():.1e} %")
    print(f"worst limit passed or promise missed {over.max():.1e} kW")
    print(f"mean time: greedy {1e3 * greedy_s.mean():.2f} ms, linear program {1e3 * program_s.mean():.2f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
