"""Search for the best designs: a Latin hypercube, then generations of NSGA-II, every design that was played is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.designing.costs import Costs
from experiments.designing.figures import Figures, faults, figures, losses
from experiments.designing.outage import ride_through_s
from experiments.designing.variables import NAMES, Floats, decoded
from experiments.designing.years import Climate, Year, years

ENDS_SHARE = 0.1
LEAST, MOST = 8, 500  # designs of a generation; the most of one that nobody asked for
Tick = Callable[[int], None]


class Archive(NamedTuple):
    """Designs that were played, in order; a design's number is its place here.

    Attributes
    ----------
    points : ndarray (n, variables)
        Places in the unit cube.
    designs : dict
        ``{variable: (n,)}``.
    year : Year
    figures : Figures
    faults : ndarray of str (n,)
        What rules a design out; empty where nothing does.
    """

    points: Floats
    designs: dict[str, Floats]
    year: Year
    figures: Figures
    faults: Any


def played(points: Floats, climate: Climate, costs: Costs, fixed: Mapping[str, float], tick: Tick | None) -> Archive:
    """Designs at points of the unit cube, played."""
    designs = decoded(points, fixed)
    year = years(designs, climate, tick)
    found = figures(designs, year, ride_through_s(designs, climate), costs)
    return Archive(points, designs, year, found, faults(found))


def together(one: Archive, other: Archive) -> Archive:
    """Two archives, one behind the other."""
    designs = {name: np.concatenate([one.designs[name], other.designs[name]]) for name in one.designs}
    year = Year(*map(np.concatenate, zip(one.year, other.year)))
    found = Figures(*map(np.concatenate, zip(one.figures, other.figures)))
    points, words = (np.concatenate(pair) for pair in ((one.points, other.points), (one.faults, other.faults)))
    return Archive(points, designs, year, found, words)


def generation(designs: int, population: int | None) -> int:
    """Designs of a generation: as asked, or a quarter of all, 8 at least and 500 at most.

    Raises
    ------
    ValueError
        Where that makes no search.
    """
    if designs < LEAST:
        raise ValueError(f"designs = {designs}; give {LEAST} or more, such as designs=2000")
    if population is None:
        return min(max(designs // 4, LEAST), MOST)
    if not LEAST <= population <= designs:
        raise ValueError(
            f"population = {population}; give {LEAST} to {designs}, which is designs, or leave it out: "
            f"it is {generation(designs, None)} then"
        )
    return population


def sample(n: int, seed: int) -> Floats:
    """A Latin hypercube of the unit cube ``(n, variables)``."""
    from SALib.sample import latin

    problem = {"num_vars": len(NAMES), "names": list(NAMES), "bounds": [[0.0, 1.0]] * len(NAMES)}
    return np.asarray(latin.sample(problem, n, seed=seed), np.float64)


def to_ends(points: Floats, rng: np.random.Generator) -> Floats:
    """Points of which some coordinates are moved to the nearer end of their range, where many best designs lie."""
    moved = rng.random(points.shape) < ENDS_SHARE
    return np.where(moved, np.round(points), points)


def searched(
    n: int,
    population: int,
    objectives: tuple[str, ...],
    climate: Climate,
    costs: Costs,
    fixed: Mapping[str, float],
    seed: int,
    tick: Tick | None = None,
) -> Archive:
    """Play ``n`` designs: a first generation that fills the space, then those that NSGA-II breeds from the best.

    Raises
    ------
    ValueError
        As `generation`.
    """
    generation(n, population)
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.evaluator import Evaluator
    from pymoo.core.problem import Problem
    from pymoo.problems.static import StaticProblem

    problem = Problem(n_var=len(NAMES), n_obj=len(objectives), n_ieq_constr=1, xl=0.0, xu=1.0)
    search = NSGA2(pop_size=population, sampling=sample(population, seed), eliminate_duplicates=True)
    search.setup(problem, termination=("n_gen", -(-n // population)), seed=seed, verbose=False)
    archive: Archive | None = None
    rng = np.random.default_rng([seed, 1])
    while search.has_next():
        asked = search.ask()
        points = np.asarray(asked.get("X"), np.float64)
        if archive is not None:
            points = to_ends(points, rng)
            asked.set("X", points)
        made = played(points, climate, costs, fixed, tick)
        archive = made if archive is None else together(archive, made)
        told = {"F": losses(made.figures, objectives), "G": np.where(made.faults == "", -1.0, 1.0)[:, None]}
        Evaluator().eval(StaticProblem(problem, **told), asked)
        search.tell(infills=asked)
    assert archive is not None
    return archive
