"""Found bounds of an evaluation: the energy floor, and a plan made with the true future (PROTOCOL 5).

Both are found with a stated budget; neither is a proof. The oracle starts from the best controllers that were
evaluated, so a better start may find a better bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.references import ORACLE
from envs.interface.constraints import FULL_WORK, allowed
from experiments.evaluation.gates import failed_gates, seed_failures
from experiments.evaluation.results import Evaluation, StoredEvaluation
from experiments.evaluation.score import COST, Column, Table
from experiments.evaluation.seeds import mean_table, policy_tables, stacked
from experiments.evaluation.stats import share_of_gap_closed

if TYPE_CHECKING:
    from agents.planners.cem import Budget
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker
    from experiments.evaluation.splits import Episode

ENERGY = "facility_kwh"


class Bounds(NamedTuple):
    """What the searches found.

    Attributes
    ----------
    oracle : callable
        Makes the controller that plays each episode's plan.
    starts : tuple of str
        Policies whose setpoints the plans move.
    plays : int
        Of each episode by the oracle, from each of them.
    floor_kwh : ndarray (E,)
        Least facility energy at full work, whatever the temperatures.
    candidates : int
        Tried per episode for the floor.
    """

    oracle: PolicyMaker
    starts: tuple[str, ...]
    plays: int
    floor_kwh: Column
    candidates: int


class Row(NamedTuple):
    """A line of the table of found bounds; nan where a number has no meaning."""

    name: str
    cost_usd_day: float
    gap_closed_frac: float
    energy_kwh_day: float
    energy_over_floor_frac: float


def search_bounds(
    scenario: Scenario,
    episodes: Sequence[Episode],
    starts: Mapping[str, PolicyMaker],
    baseline: PolicyMaker,
    budget: Budget,
    plays: int,
    seed: int = 0,
) -> Bounds:
    """Search both bounds on these episodes.

    Parameters
    ----------
    scenario, episodes
        As evaluated.
    starts : mapping of str to callable
        Names and makers of the controllers that the oracle starts from.
    baseline : callable
        Makes the controller whose gates the oracle keeps, and whose work is the full work.
    budget : Budget
        Of the floor's search.
    plays : int
        Of each episode by the oracle, from each start.
    seed : int
        Of the floor's search, and of the sensors.
    """
    from agents.planners.floor import energy_floor
    from agents.planners.oracle import DescentSettings, oracle
    from agents.planners.replayed import ReplayedSetpoints
    from agents.planners.trial import CandidateTrials
    from envs.episodes.world import World
    from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes

    site = scenario_of_episodes(scenario, episodes)
    world = World.build(site)
    bench = CandidateTrials(site, world, explicit_plan(site, world, episodes), seed)
    tape = oracle(bench, starts, baseline, DescentSettings(plays)).tape
    found = bench.columns_of(lambda core: ReplayedSetpoints(tape))
    floor_kwh = energy_floor(bench, bench.columns_of(baseline), budget, seed, also=[found])
    tried = budget.population * budget.iterations
    return Bounds(lambda core: ReplayedSetpoints(tape), tuple(starts), plays, floor_kwh, tried)


def best_controller(scores: Mapping[str, Table], names: Iterable[str], baseline: str) -> str:
    """The cheapest of these policies that keeps every gate against the baseline; else the baseline."""
    kept = [n for n in names if n in scores and not failed_gates(scores[n], scores[baseline])]
    return min([baseline, *kept], key=lambda n: float(np.mean(scores[n][COST.column])))


def bound_facts(found: Bounds) -> dict[str, object]:
    """What an evaluation keeps of the searches beside the oracle's scores."""
    floor_kwh = [float(e) for e in found.floor_kwh]
    starts = list(found.starts)
    return {"starts": starts, "plays": found.plays, "candidates": found.candidates, "floor_kwh": floor_kwh}


def bound_rows(found: Evaluation | StoredEvaluation, baseline: str) -> list[Row]:
    """Every policy between the baseline and the bounds, the oracle and the floor last; empty without bounds.

    A policy that fails a gate closes no gap. Means are over the episodes, the share of the gap by interquartile means.
    """
    if "bounds" not in found.facts:
        return []
    tables = policy_tables(found.scores, found.facts)
    rule, oracle = mean_table(tables[baseline]), found.scores[ORACLE]
    floor = np.asarray(found.facts["bounds"]["floor_kwh"], np.float64)
    for table in found.scores.values():  # the floor is above nobody who does the full work
        full = table[FULL_WORK.name] >= allowed(FULL_WORK, rule[FULL_WORK.name], rule["days"])
        floor = np.where(full, np.minimum(floor, table[ENERGY]), floor)
    rows = []
    for name in [*(n for n in tables if n != ORACLE), ORACLE]:
        table, costs = mean_table(tables[name]), stacked(tables[name], COST.column)
        share = share_of_gap_closed(costs, rule[COST.column], oracle[COST.column]).estimate
        if name != baseline and seed_failures(tables[name], rule):
            share = float("nan")
        energy = float(table[ENERGY].sum())
        days = float(table["days"].sum())
        cost = float(np.average(table[COST.column], weights=table["days"]))
        rows.append(Row(name, cost, share, energy / days, energy / float(floor.sum()) - 1.0))
    days = float(rule["days"].sum())
    return [*rows, Row("energy floor", float("nan"), float("nan"), float(floor.sum()) / days, 0.0)]


def bound_words(row: Row) -> tuple[str, str, str, str, str]:
    """A row as a table shows it."""
    numbers = (
        (row.cost_usd_day, ".2f", 1.0),
        (row.gap_closed_frac, "+.1f", 100.0),
        (row.energy_kwh_day, ".1f", 1.0),
        (row.energy_over_floor_frac, "+.2f", 100.0),
    )
    cost, gap, energy, over = (format(f * v + 0.0, how) if np.isfinite(v) else "none" for v, how, f in numbers)
    return row.name, cost, "below -100" if row.gap_closed_frac < -1.0 else gap, energy, over


HEADINGS = ("policy", "USD/day", "gap closed %", "kWh/day", "over floor %")


def print_bounds(found: Evaluation, baseline: str) -> None:
    """Print the table of found bounds, where there are any."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable

    rows = bound_rows(found, baseline)
    if not rows:
        return
    table = RichTable(title="found bounds", caption=bounds_caption(found.facts), box=SIMPLE_HEAD, padding=0)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True, justify="left" if heading == HEADINGS[0] else "right")
    for row in rows:
        table.add_row(*bound_words(row))
    Console().print(table)


def bounds_caption(facts: Mapping[str, object]) -> str:
    """How the bounds were found, in a sentence."""
    kept = facts["bounds"]
    assert isinstance(kept, dict)
    starts = ", ".join(kept.get("starts") or [kept["base"]])  # one base: of an evaluation before the descent
    plays = kept.get("plays", kept["candidates"])
    return (
        f"Found bounds, not proofs. The oracle knows the future: it moves the setpoints of {starts} by the plant's "
        f"gradient, {plays} plays of each episode from each. The floor is facility energy at "
        f"full work, whatever the temperatures: {kept['candidates']} candidates per episode."
    )
