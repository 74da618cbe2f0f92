"""Whether ``coldaisle design`` finds the front that brute force finds: ``python -m scripts.design_front``.

A space of four things that move is played on a whole lattice. The search gets the same space, with no lattice, and as
many designs. Their fronts are compared by the volume of objectives that they beat, and by the best of each objective.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product

import numpy as np

from experiments.designing.costs import read_costs
from experiments.designing.figures import losses
from experiments.designing.front import front, hypervolume
from experiments.designing.search import Archive, played, searched
from experiments.designing.variables import NAMES, Floats, fixed_values
from experiments.designing.years import climate_of

#: What does not move: dry coolers with pads behind racks of 190 kW, and what only adds cost.
FIXED = {
    "rack": "liquid_190", "plant": "air_cooled", "liquid_frac": 0.95, "pad": "yes", "ups": "n", "chw_supply_c": 20.0,
    "chiller_size": 1.1, "feeder_mw": 20.0,
}  # fmt: skip
MOVED = {"tcs_supply_c": 6, "cdu_approach_k": 4, "rejection_size": 5, "buffer_min": 4}
OBJECTIVES = ("cost_usd_kw_year", "wue_l_kwh", "ride_through_s")


def lattice(levels: dict[str, int]) -> Floats:
    """Points of the unit cube with every combination of levels; the rest in the middle."""
    made = []
    for places in product(*(np.linspace(0.0, 1.0, n) for n in levels.values())):
        point = np.full(len(NAMES), 0.5)
        point[[NAMES.index(name) for name in levels]] = places
        made.append(point)
    return np.array(made)


def compared(brute: Archive, found: Archive, objectives: Sequence[str]) -> tuple[float, float, dict[str, float]]:
    """Volumes that both fronts beat, and how far the best of each objective lies from brute force's [share of span]."""
    values = [losses(a.figures, objectives)[front(a, objectives)] for a in (brute, found)]
    ideal = np.minimum(values[0].min(axis=0), values[1].min(axis=0))
    worst = np.maximum(values[0].max(axis=0), values[1].max(axis=0))
    span = np.maximum(worst - ideal, 1e-9)
    volumes = [hypervolume(v, ideal, worst + 0.1 * span) for v in values]
    best = {n: float((values[1][:, k].min() - values[0][:, k].min()) / span[k]) for k, n in enumerate(objectives)}
    return volumes[0], volumes[1], best


def main() -> None:
    """Play both and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--climate", default="phoenix_az")
    parser.add_argument("--generations", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    climate, costs, fixed = climate_of(options.climate), read_costs(), fixed_values(FIXED)
    points = lattice(MOVED)
    brute = played(points, climate, costs, fixed, None)
    population = len(points) // options.generations
    found = searched(len(points), population, OBJECTIVES, climate, costs, fixed, options.seed)
    first, second, best = compared(brute, found, OBJECTIVES)
    print(f"designs: {len(points)} by brute force, {len(found.faults)} by the search")
    print(f"on the front: {len(front(brute, OBJECTIVES))}, {len(front(found, OBJECTIVES))}")
    print(f"volume beaten: {first:.4f}, {second:.4f}; the search has {second / first - 1.0:+.2%}")
    for name, away in best.items():
        print(f"best {name}: the search is {away:+.2%} of the span away")


if __name__ == "__main__":
    main()
