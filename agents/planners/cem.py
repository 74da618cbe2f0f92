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
    elites: int = 8
    iterations: int = 15
    spread: float = 0.25
    smoothing: float = 0.6
    least_spread: float = 0.02

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
    spread: float


class SearchResult(NamedTuple):
    """Result of a search.

    Attributes
    ----------
    best : ndarray (n,) or (E, n)
        The best candidate tried, of each problem.
    cost : ndarray () or (E,)
        Its cost.
    history : tuple of float
        Best cost after each iteration, mean over the problems.
    """

    best: Vector
    cost: Vector
    history: tuple[float, ...]


def minimize(
    cost: Cost, start: Vector, budget: Budget, seed: int, progress: Callable[[Progress], None] | None = None
) -> SearchResult:
    """Least cost over the box ``[0, 1]^n``, as far as the budget finds it.

    Parameters
    ----------
    cost : callable
        Candidates ``(population, n)`` to costs ``(population,)``, finite; higher is worse.
    start : ndarray (n,)
        Centre of the first iteration, in the box; the result is never worse than it.
    budget : Budget
    seed : int
        The same seed, cost and budget give the same result.
    progress : callable, optional
        Called after each iteration.
    """
    found = minimize_each(lambda c: cost(c[:, 0])[:, None], np.asarray(start)[None], budget, seed, progress)
    return SearchResult(found.best[0], found.cost[0], found.history)


def minimize_each(
    cost: Cost,
    start: Vector,
    budget: Budget,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
    also: Vector | None = None,
) -> SearchResult:
    """Least cost of E problems that are tried side by side but searched each on its own.

    The first candidate of each iteration is the best so far (at first ``start``), the second the distribution's mean.

    Parameters
    ----------
    cost : callable
        Candidates ``(population, E, n)`` to costs ``(population, E)``, finite.
    start : ndarray (E, n)
        Centre of the first iteration of each problem, in the box.
    budget, seed, progress
        As for ``minimize``.
    also : ndarray (E, n), optional
        One more candidate of the first iteration: the result is never worse than it either.
    """
    generator = np.random.default_rng(seed)
    mean = np.clip(np.asarray(start, np.float64), 0.0, 1.0)
    spread = np.full_like(mean, budget.spread)
    best, best_cost, history = mean.copy(), np.full(len(mean), np.inf), []
    for iteration in range(budget.iterations):
        drawn = mean + spread * generator.standard_normal((budget.population, *mean.shape))
        drawn[0], drawn[1] = best, mean
        if also is not None and iteration == 0:
            drawn[1] = also
        candidates = np.clip(drawn, 0.0, 1.0)
        found = np.asarray(cost(candidates), np.float64)
        order = np.argsort(found, axis=0, kind="stable")
        ranked = np.take_along_axis(candidates, order[: budget.elites, :, None], axis=0)
        least = np.take_along_axis(found, order[:1], axis=0)[0]
        better = least < best_cost
        best, best_cost = np.where(better[:, None], ranked[0], best), np.where(better, least, best_cost)
        mean = mean + budget.smoothing * (ranked.mean(axis=0) - mean)
        spread = np.maximum(spread + budget.smoothing * (ranked.std(axis=0) - spread), budget.least_spread)
        history.append(float(best_cost.mean()))
        if progress is not None:
            progress(Progress(iteration, history[-1], float(spread.mean())))
    return SearchResult(best, best_cost, tuple(history))
