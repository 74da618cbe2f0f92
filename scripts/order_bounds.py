"""How much the order of jobs could still do: the tuned rules beside orders that know the day, and bounds above all.

    python -m scripts.order_bounds ai_factory --split test --days 36

All play the same days in the plant. "Knows" says what an order knows of jobs: how long those that wait still need, all
that come, or the whole day as often as it likes (a search, whose best of each day is told). The bounds are programs
over the jobs of each day (`experiments.ordering.capacity_bound`); no row may lie above them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.scenario import load
from experiments.evaluation.episodes import explicit_plan
from experiments.ordering.capacity_bound import Power, most_work_h, most_work_unstopped_h
from experiments.ordering.known_jobs import HOUR_S, known_jobs, split_speed
from experiments.ordering.least_power import most_flow_frac, rack_pools, racks_kw
from experiments.ordering.order_search import SearchedOrder, day_of, scored, searched
from experiments.ordering.orders import Order, Ordered, Ranked, earliest_deadline, least_slack, most_by, shortest_first
from experiments.ordering.plans import clairvoyant_plan, rolling
from scripts.hall_agents import WHOLE, tuned_rules
from scripts.hall_days import Bench, Days, Maker

HORIZON_H = 24.0
FEW_DAYS = 24
COLUMNS = (
    *("order", "knows", "at work per MW", "over the tuned rules", "95 % interval", "mean wait s", "95 % wait s"),
    *("95 % wait of large s", "large left h", "lost h", "share of the bound %", "of that which stops nobody %"),
    "at what price",
)


class Bounds(NamedTuple):
    """Most work of the jobs of each day ``(B,)`` [accelerator-h]."""

    anybody: NDArray[np.float64]
    unstopped: NDArray[np.float64]


class Hall:
    """Days of a hall, and what is known of their jobs."""

    def __init__(self, name: str, split: str, days: int) -> None:
        self.scenario = load(name)
        self.bench = Bench(self.scenario, split, days)
        self.core = DataCenterCore(self.bench.scenario, days, world=self.bench.world)
        self.core.reset(seed=0, plan=explicit_plan(self.bench.scenario, self.bench.world, self.bench.episodes))
        assert self.core.jobs is not None
        self.jobs = self.core.jobs
        begins = self.jobs.now_s.tolist()
        self.known = [known_jobs(self.jobs.jobs, site, now_s, HORIZON_H) for site, now_s in enumerate(begins)]
        self.rules = tuned_rules(self.scenario)

    def bounds(self) -> Bounds:
        """Of each day."""
        edges_h, pools = np.arange(HORIZON_H + 1.0), rack_pools(self.bench.scenario)
        power = Power(racks_kw(self.bench.scenario, np.zeros(len(edges_h) - 1)), most_flow_frac(self.bench.scenario))
        laws, racks = self.jobs.laws, self.jobs.racks
        found = []
        for known in self.known:
            split = split_speed(laws.net, laws.exposed, racks, known.kind, known.accelerators)
            anybody = most_work_h(known, split, pools, edges_h, power)
            found.append((anybody, most_work_unstopped_h(known, split, pools, racks, edges_h, power)))
        return Bounds(*np.array(found).T)

    def plans(self, seconds: float) -> list[dict[tuple[float, float, float], float]]:
        """A plan of each day that knows every arrival, in half hours."""
        edges_h = np.arange(0.0, HORIZON_H + 0.1, 0.5)
        given = self.jobs.laws, self.jobs.racks, edges_h
        return [clairvoyant_plan(known, *given, seconds=seconds) for known in self.known]

    def played(self, order: Callable[[DataCenterCore], Order] | None, whole: bool, copies: int = 1) -> Days:
        """All days under the tuned rules and an order."""

        def make(core: DataCenterCore) -> Ordered:
            assert order is not None
            return Ordered(self.rules(core), core, order(core))

        maker: Maker = self.rules if order is None else make
        return self.bench.played(maker, WHOLE if whole else (), copies)

    def best_found(self, base: Days, candidates: int, rounds: int, equal_waits: bool) -> SearchedOrder:
        """The order that a search finds for each day."""
        days, many = [day_of(known) for known in self.known], len(self.known)
        base_wait = mean_waits(base, many)[:, 0]

        def play(order: SearchedOrder, copies: int) -> NDArray[np.float64]:
            found = self.played(lambda core: order, True, copies)
            work = found.work_per_mw.reshape(copies, many)
            return scored(work, mean_waits(found, many), base_wait) if equal_waits else work

        best = searched(days, play, candidates, rounds, told=lambda words: sys.stderr.write(words + "\n"))
        return SearchedOrder(days, best[None])


def mean_waits(found: Days, days: int) -> NDArray[np.float64]:
    """Mean waits of all jobs and of large ones ``(2, C, D)`` [s]."""
    sites = len(found.work_per_mw)

    def mean(which: NDArray[np.bool_]) -> NDArray[np.float64]:
        of = found.site[which]
        return np.bincount(of, found.wait_s[which], sites) / np.maximum(np.bincount(of, minlength=sites), 1)

    return np.stack([mean(np.ones(len(found.site), bool)), mean(found.large)]).reshape(2, -1, days)


def row(names: tuple[str, str], found: Days, base: Days, bounds: Bounds, sites: list[str]) -> str:
    """A row of the table."""
    cells = (
        *names, *found.cells(base, found.work_per_mw - base.work_per_mw, sites),
        *(f"{100.0 * found.job_work_h.mean() / bound.mean():.1f}" for bound in bounds), found.price(base),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="ai_factory")
    parser.add_argument("--split", default="test", help="whose days are played")
    parser.add_argument("--days", type=int, default=36)
    parser.add_argument("--candidates", type=int, default=32, help="of the search, for each day and round")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="of the solver for a day's plan; an eighth for others"
    )
    given = parser.parse_args()
    hall, say = Hall(given.scenario, given.split, given.days), sys.stdout.write
    base, bounds = hall.played(None, False), hall.bounds()
    say(f"{given.days} days of {given.split}{'' if given.days >= FEW_DAYS else ': not a result'}\n\n")
    say("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|\n")
    highest = np.zeros(given.days)

    def tell(name: str, knows: str, order: Callable[[DataCenterCore], Order] | None, whole: bool = True) -> None:
        found = hall.played(order, whole)
        np.maximum(highest, found.job_work_h / bounds.unstopped, out=highest)
        say(row((name, knows), found, base, bounds, hall.bench.sites))
        sys.stdout.flush()

    tell("tuned rules", "what waits", None, whole=False)
    tell("the same, shortest first", "what waits", lambda core: shortest_first, whole=False)
    tell("whole domains", "what waits", None)
    tell("whole domains, shortest first", "what waits", lambda core: shortest_first)
    tell("whole domains, most work by the end of the day first", "what waits", by_the_end)
    if any(np.isfinite(known.deadline_h).any() for known in hall.known):
        tell("whole domains, earliest deadline first", "what waits", lambda core: earliest_deadline)
        tell("whole domains, least slack first", "what waits", lambda core: least_slack)
    again = given.seconds / 8.0
    tell("whole domains, plan each hour", "what waits", lambda core: rolling(core, seconds=again))
    plans = hall.plans(given.seconds)
    tell("whole domains, plan of the day", "all that come", lambda core: Ranked(plans))
    for name, equal in (("most work found", False), ("most work found at equal mean waits", True)):
        best = hall.best_found(base, given.candidates, given.rounds, equal)
        tell(f"whole domains, {name}", "the whole day", lambda core, best=best: best.afresh())
    by_day = np.quantile(100.0 * base.job_work_h / bounds.anybody, (0.0, 0.5, 1.0))
    say("\nthe tuned rules' share of the bound by day: least {:.1f} %, median {:.1f} %, most {:.1f} %".format(*by_day))
    say(f"\nbound: {bounds.anybody.mean():.0f} h of the jobs' work a day, ")
    say(f"{bounds.unstopped.mean():.0f} h for who stops nobody; ")
    say(f"the nearest of all plays reached {100.0 * highest.max():.1f} % of the latter on its best day\n")


def by_the_end(core: DataCenterCore) -> Order:
    """Who can do most work by the end of the episode goes first."""
    assert core.jobs is not None
    return most_by(core.jobs.now_s + HORIZON_H * HOUR_S)


if __name__ == "__main__":
    main()
