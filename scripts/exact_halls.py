"""How far rules of order are from the exact best, on small halls that CP-SAT solves.

    python -m scripts.exact_halls 200

Halls of 2 to 4 racks with 6 to 14 jobs, gangs and whole racks among them, drawn by chance. Each rule plays the real
scheduler on each hall; the exact best knows all jobs from the beginning. Halls that are not solved in time are left out
and counted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np

from envs.scheduling.network import Network
from experiments.ordering.capacity_bound import most_work_h
from experiments.ordering.exact_order import exact_order
from experiments.ordering.known_jobs import HOUR_S, split_speed
from experiments.ordering.orders import Ranked, most_by, shortest_first
from experiments.ordering.plans import Rolling, clairvoyant_plan
from experiments.ordering.small_halls import STEP_S, SmallHall, drawn_hall, known_of, played, small_laws, small_pools

STEP_H = STEP_S / HOUR_S


def bound(hall: SmallHall) -> float:
    """The fluid program's bound [accelerator steps]."""
    known, laws = known_of(hall), small_laws(hall, "slurm_block")
    net: Network | None = laws.net
    split = split_speed(net, laws.exposed, hall.racks, known.kind, known.accelerators)
    return most_work_h(known, split, small_pools(hall), np.arange(hall.steps + 1) * STEP_H) / STEP_H


def rolled(hall: SmallHall) -> float:
    """What the rolling plan does."""
    plan = Rolling(small_laws(hall, "whole_domain"), hall.racks, STEP_S, STEP_H, hall.steps * STEP_H, 2.0)
    return played(hall, "whole_domain", plan)


def foreseen(hall: SmallHall) -> float:
    """What a plan does that knows every job."""
    edges = np.arange(hall.steps + 1) * STEP_H
    ranks = clairvoyant_plan(known_of(hall), small_laws(hall, "whole_domain"), hall.racks, edges, seconds=2.0)
    return played(hall, "whole_domain", Ranked([ranks]))


RULES: dict[str, Callable[[SmallHall], float]] = {
    **{rule: lambda hall, rule=rule: played(hall, rule) for rule in ("fifo", "backfill", "best_fit", "slurm_block")},
    "edf (no reservation)": lambda hall: played(hall, "edf"),
    "whole_domain": lambda hall: played(hall, "whole_domain"),
    "whole_domain, shortest first": lambda hall: played(hall, "whole_domain", shortest_first),
    "whole_domain, most work by the end first": lambda hall: played(
        hall, "whole_domain", most_by(np.array([hall.steps * STEP_S]))
    ),
    "rolling plan": rolled,
    "plan that knows every job": foreseen,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("halls", nargs="?", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0, help="of CP-SAT for a hall")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    rows, bounds, open_ones = [], [], 0
    while len(rows) + open_ones < given.halls:
        hall = drawn_hall(rng, int(rng.integers(2, 5)), int(rng.integers(6, 15)))
        exact = exact_order(hall, given.seconds)
        if not exact.proven:
            open_ones += 1
            continue
        rows.append([done(hall) / exact.work for done in RULES.values()])
        bounds.append(bound(hall) / exact.work)
    share = 100.0 * np.array(rows)
    say = sys.stdout.write
    say(f"{len(rows)} halls solved, {open_ones} not in {given.seconds:.0f} s\n\n")
    say(
        "| rule | work, % of the exact best | 5 % of halls below | worst | halls at the best |\n|---|---|---|---|---|\n"
    )
    for name, column in zip(RULES, share.T):
        at_best = 100.0 * (column > 100.0 - 1e-6).mean()
        cells = f"{column.mean():.1f} | {np.quantile(column, 0.05):.1f} | {column.min():.1f} | {at_best:.0f} %"
        say(f"| {name} | {cells} |\n")
    over = 100.0 * np.array(bounds)
    say(f"| bound by the fluid program | {over.mean():.1f} | {np.quantile(over, 0.05):.1f} | {over.min():.1f} | |\n")


if __name__ == "__main__":
    main()
