"""The cross-entropy method on a unit box: the one search of every planner, deterministic in its seed.

References
----------
de Boer, Kroese, Mannor and Rubinstein, "A Tutorial on the Cross-Entropy Method", Annals of Operations Research 134
(2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Cost = Callable[[Vector], Vector]


@dataclass(frozen=True)
class Budget:
    """How much a search may try.

    Parameters
    ----------
    population : int
        Candidates per iteration.
    elites : int
        Best candidates that shape the next iteration.
    iterations : int
        Iterations.
    spread : float
        Standard deviation of the first iteration, in units of the box's side.
    smoothing : float
        Share of the elites' moments in the next distribution; the rest stays.
    least_spread : float
        The deviation does not shrink below it.
    """

    population: int = 32
    elites: int = 6
    iterations: int = 15
    spread: float = 0.25
    smoothing: float = 0.8
    least_spread: float = 0.01

    def __post_init__(self) -> None:
        """Check that a search with these numbers can move."""
        if not 2 <= self.elites < self.population or self.iterations < 1:
            raise ValueError(
                f"Budget(population={self.population}, elites={self.elites}, iterations={self.iterations}) cannot "
                "search; give 2 <= elites < population and at least one iteration"
            )


class Progress(NamedTuple):
    """Where a search stands after an iteration: what a callback receives."""

    iteration: int
    best_cost: float
    iteration_cost: float
    spread: float


class Found(NamedTuple):
    """Result of a search: the best candidate ``(n,)`` tried, its cost, and the best cost after each iteration."""

    best: Vector
    cost: float
    history: tuple[float, ...]


def minimize(
    cost: Cost,
    start: Vector,
    budget: Budget,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
) -> Found:
    """Least cost over the box ``[0, 1]^n``, as far as the budget finds it.

    The first candidate of each iteration is the best so far (at first ``start``), the second the mean of the
    distribution: the result is never worse than the start.

    Parameters
    ----------
    cost : callable
        Candidates ``(population, n)`` to costs ``(population,)``, finite; higher is worse.
    start : ndarray (n,)
        Centre of the first iteration, in the box.
    budget : Budget
    seed : int
        The same seed, cost and budget give the same result.
    progress : callable, optional
        Called after each iteration.
    """
    generator = np.random.default_rng(seed)
    mean = np.clip(np.asarray(start, np.float64), 0.0, 1.0)
    spread = np.full_like(mean, budget.spread)
    best, best_cost, history = mean.copy(), float("inf"), []
    for iteration in range(budget.iterations):
        drawn = mean + spread * generator.standard_normal((budget.population, mean.size))
        drawn[0], drawn[1] = best, mean
        candidates = np.clip(drawn, 0.0, 1.0)
        found = np.asarray(cost(candidates), np.float64)
        order = np.argsort(found, kind="stable")
        if found[order[0]] < best_cost:
            best, best_cost = candidates[order[0]].copy(), float(found[order[0]])
        elite = candidates[order[: budget.elites]]
        mean = mean + budget.smoothing * (elite.mean(axis=0) - mean)
        spread = np.maximum(spread + budget.smoothing * (elite.std(axis=0) - spread), budget.least_spread)
        history.append(best_cost)
        if progress is not None:
            progress(Progress(iteration, best_cost, float(found[order[0]]), float(spread.mean())))
    return Found(best, best_cost, tuple(history))
