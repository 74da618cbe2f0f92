"""Every policy against the baseline by what the agent is paid for: one row a policy, over its training seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from agents.references import ORACLE
from experiments.evaluation.bootstrap import Interval
from experiments.evaluation.decision_time import decision_us
from experiments.evaluation.gates import seed_failures
from experiments.evaluation.results import Evaluation, StoredEvaluation, round_to
from experiments.evaluation.score import COST, Table
from experiments.evaluation.seeds import mean_table, policy_tables, seeds_of, shortage, sites_of, stacked
from experiments.evaluation.stats import mean_difference, probability_of_improvement, share_of_gap_closed
from experiments.records.markdown_table import markdown_table

COMPARISON = "comparison.md"
HEADINGS = (
    *("policy", "seeds", "USD/day", "paired difference [95 %]", "share", "probability of improvement"),
    *("share of the gap to the oracle", "cooling kWh/day", "K min/day", "gates", "a result", "decision us"),
    "accelerator-h per provisioned MW and h",
)
TERMINAL = (0, 2, 3, 5, 6)  # columns that fit a terminal


class Comparison(NamedTuple):
    """A policy against the baseline, a mean over seeds and episodes.

    Attributes
    ----------
    policy : str
    seeds : int or None
        Training seeds; a rule has none.
    cost_usd_day : float
    difference_usd_day, chance, gap_share : Interval or None
        Paired difference of the mean, probability of improvement, share of the way from the baseline to the oracle;
        None where a gate failed, of the baseline, or where no oracle was searched for.
    share_frac : float or None
        The difference as a share of the baseline's cost.
    cooling_kwh_day, degree_minutes_day : float
    failures : tuple of str or None
        Gates that failed; None of the baseline.
    lacks : str
        What is missing to a result.
    decision_us : float or None
        Processor time of a decision for one site, sites side by side; None where it was not measured.
    work_per_mw_h : float or None
        Useful work per provisioned MW and hour; None in an evaluation of before.
    """

    policy: str
    seeds: int | None
    cost_usd_day: float
    difference_usd_day: Interval | None
    share_frac: float | None
    chance: Interval | None
    gap_share: Interval | None
    cooling_kwh_day: float
    degree_minutes_day: float
    failures: tuple[str, ...] | None
    lacks: str
    decision_us: float | None
    work_per_mw_h: float | None


def comparisons(found: Evaluation | StoredEvaluation, baseline: str) -> list[Comparison]:
    """Rows of all policies, the baseline first."""
    tables, seeds = policy_tables(found.scores, found.facts), seeds_of(found.facts)
    base = mean_table(tables[baseline])
    sites = [e.site for e in found.episodes] if isinstance(found, Evaluation) else sites_of(found.facts)
    oracle = found.scores.get(ORACLE)
    rows = []
    for name in [baseline, *(n for n in tables if n != baseline)]:
        mean, costs = mean_table(tables[name]), stacked(tables[name], COST.column)
        failures = None if name == baseline else seed_failures(tables[name], base)
        difference, chance, gap = None, None, None
        if failures == ():
            difference = mean_difference(costs, base[COST.column], sites)
            chance = probability_of_improvement(costs, base[COST.column], sites, COST.tie)
            gap = share_of_gap_closed(costs, base[COST.column], oracle[COST.column], sites) if oracle else None
        days = float(mean["days"].sum())
        rows.append(
            Comparison(
                name,
                len(seeds[name]) if name in seeds else None,
                float(costs.mean()),
                difference,
                difference.estimate / float(base[COST.column].mean()) if difference else None,
                chance,
                gap if gap and np.isfinite(gap.estimate) else None,
                float(mean["cooling_kwh"].sum()) / days,
                float(mean["degree_minutes_worst_rack"].sum()) / days,
                failures,
                shortage(name, found.facts, len(sites)),
                decision_us(found.facts, name),
                _mean_work_per_mw_h(mean),
            )
        )
    return rows


def _mean_work_per_mw_h(table: Table) -> float | None:
    if "work_per_mw_h" not in table:
        return None
    return float(np.average(table["work_per_mw_h"], weights=table["days"]))


def cells(row: Comparison) -> tuple[str, ...]:
    """A row as every table shows it, under ``HEADINGS``."""
    if row.failures is None:
        gates = "baseline"
    else:
        gates = f"failed {len(row.failures)}" if row.failures else "passed"
    missing = "-" if row.failures is None else "no number" if row.failures else "-"
    return (
        row.policy,
        "-" if row.seeds is None else str(row.seeds),
        f"{row.cost_usd_day:.2f}",
        interval_words(row.difference_usd_day, "+.2f", missing=missing),
        missing if row.share_frac is None else f"{100.0 * row.share_frac:+.2f} %",
        interval_words(row.chance, ".2f", missing=missing),
        interval_words(row.gap_share, "+.0f", 100.0, " %", missing),
        f"{row.cooling_kwh_day:.0f}",
        f"{row.degree_minutes_day:.3f}",
        gates,
        row.lacks or "yes",
        "-" if row.decision_us is None else f"{row.decision_us:.3g}",
        "-" if row.work_per_mw_h is None else f"{row.work_per_mw_h:.1f}",
    )


def interval_words(found: Interval | None, form: str, factor: float = 1.0, unit: str = "", missing: str = "-") -> str:
    """``estimate [low, high]``, or what stands where there is none; what rounds to zero has no minus sign."""
    if found is None:
        return missing
    digits = int(form.strip("+.f"))
    point, low, high = (format(round_to(factor * value, digits), form) for value in found)
    return f"{point}{unit} [{low}, {high}]"


def markdown(rows: list[Comparison]) -> str:
    """The rows as a Markdown table."""
    return markdown_table(HEADINGS, [cells(row) for row in rows]) + "\n"


def page(found: Evaluation, baseline: str) -> str:
    """``comparison.md`` of an evaluation: what was played, the table, and the gates that failed."""
    facts: Mapping[str, object] = found.facts
    rows = comparisons(found, baseline)
    first = (
        f"{facts['scenario']}, split {facts.get('split', 'none')}: {len(found.episodes)} episodes of "
        f"{found.episodes[0].days} days; baseline {baseline}"
    )
    failures = [f"- {row.policy}: {words}\n" for row in rows for words in row.failures or ()]
    return f"{first}\n\n{markdown(rows)}" + ("\n" + "".join(failures) if failures else "")


def print_comparison(found: Evaluation, baseline: str) -> None:
    """Print the columns that fit a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable

    short = {"probability of improvement": "better in", "share of the gap to the oracle": "gap closed"}
    rows = [cells(row) for row in comparisons(found, baseline)]
    shown = [i for i in TERMINAL if i != 6 or any(row[6] not in ("-", "no number") for row in rows)]
    table = RichTable(title=f"cost against {baseline}", box=SIMPLE_HEAD, padding=0)
    for i in shown:
        heading = short.get(HEADINGS[i], HEADINGS[i])
        table.add_column(heading, no_wrap=True, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*(row[i] for i in shown))
    Console(markup=False).print(table)
