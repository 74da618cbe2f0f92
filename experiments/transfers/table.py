"""What both plants say of the same controllers: one table, and whether they rank them alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envs.whole_file import whole_file, write_whole
from experiments.evaluation.gates import seed_failures
from experiments.evaluation.results import format_number, gate_words, summarise
from experiments.evaluation.score import MEASURES, columns
from experiments.evaluation.seeds import mean_table, policy_tables
from experiments.records.prose import wrapped_lines
from experiments.records.provenance import provenance
from experiments.records.spreadsheet import as_text

if TYPE_CHECKING:
    from experiments.evaluation.results import Evaluation

SHOWN = (
    ("cooling_kwh", "cooling kWh"),
    ("pue", "PUE"),
    ("degree_minutes_worst_rack", "K min"),
    ("worst_inlet_c", "worst degC"),
    ("water_l", "water L"),
)
RANKED = ("cooling_kwh", "energy_per_work_kwh_h", "water_l", "utility_cost_usd")
APART_FRAC = 0.05  # what ASHRAE Guideline 14 allows a calibrated model's monthly energy to be off
NAMED = ("numpy", "torch", "stable-baselines3")
CSV, PAGE = "transfer.csv", "transfer.md"


class Agreement(NamedTuple):
    """How alike two plants rank controllers by one column.

    Attributes
    ----------
    tau : float
        Kendall's rank correlation, 1 for the same order.
    same, pairs : int
        Pairs of controllers in the same order on both, and pairs in all.
    same_apart, apart : int
        The same of pairs that stand `APART_FRAC` or more apart on the first plant.
    """

    column: str
    tau: float
    same: int
    pairs: int
    same_apart: int
    apart: int


def agreement(column: str, one: Mapping[str, float], other: Mapping[str, float]) -> Agreement:
    """Rank agreement of the same controllers' values on two plants."""
    from scipy.stats import kendalltau

    names = list(one)
    pairs = list(combinations(names, 2))
    apart = [(a, b) for a, b in pairs if abs(one[a] - one[b]) >= APART_FRAC * min(abs(one[a]), abs(one[b]))]
    same, same_apart = (sum((one[a] > one[b]) == (other[a] > other[b]) for a, b in some) for some in (pairs, apart))
    tau = float(kendalltau([one[n] for n in names], [other[n] for n in names]).statistic)
    return Agreement(column, tau, same, len(pairs), same_apart, len(apart))


def agreements(found: Mapping[str, Evaluation]) -> list[Agreement]:
    """Agreement of two evaluations by each of `RANKED`."""
    one, other = (summarise(evaluation) for evaluation in found.values())
    return [agreement(c, {n: r[c] for n, r in one.items()}, {n: r[c] for n, r in other.items()}) for c in RANKED]


def print_both(found: Mapping[str, Evaluation], baseline: str) -> None:
    """Print one table of both plants, and how alike they rank."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable

    facts = next(iter(found.values())).facts
    table = RichTable(title=f"{facts['scenario']} at {facts['weather']}", box=SIMPLE_HEAD, padding=0)
    for heading in ("plant", "controller"):
        table.add_column(heading, no_wrap=True)
    for heading in _headings():
        table.add_column(heading, justify="right", no_wrap=True)
    for row in _rows(found, baseline):
        table.add_row(*row)
    Console().print(table, *(f"{_title(a.column)}: {_words(a)}" for a in agreements(found)), sep="\n")


def write_both(found: Mapping[str, Evaluation], folder: Path, baseline: str) -> None:
    """Write every measure as CSV, and the page."""
    import pandas as pd

    lines = []
    for plant, evaluation in found.items():
        for name, row in summarise(evaluation).items():
            words = gate_words(policy_tables(evaluation.scores, evaluation.facts), name, baseline)
            lines.append(
                {
                    "plant": plant,
                    "controller": as_text(name),
                    **{m.column: row[m.column] for m in MEASURES},
                    "gates": words,
                }
            )
    with whole_file(folder / CSV) as draft:
        pd.DataFrame(lines).to_csv(draft, index=False, float_format="%.8g")
    write_whole(folder / PAGE, page(found, baseline))


def page(found: Mapping[str, Evaluation], baseline: str) -> str:
    """The page: what was run, the table, the agreement, what EnergyPlus is and is not asked."""
    from envs.energyplus.origins import origin_lines

    lines = [
        "# The same controllers on two plants",
        "",
        "What the plants are, and what the table says: `docs/second-plant.md`.",
        "",
        *_what_was_run(found),
        "",
        *_markdown(("plant", "controller", *_headings()), _rows(found, baseline)),
        "",
        f"`vs base`: cooling against `{baseline}` on the same plant, where no gate of the protocol fails.",
        "",
        *_markdown(("ranked by", "agreement"), [(_title(a.column), _words(a)) for a in agreements(found)]),
        "",
        *origin_lines(),
    ]
    return "\n".join(wrapped_lines(lines)) + "\n"


def _what_was_run(found: Mapping[str, Evaluation]) -> list[str]:
    """Scenario, weather, weeks, options and versions, a line each."""
    first, second = found.values()
    facts, made = second.facts, provenance(config=second.facts)
    weeks = ", ".join(f"month {e.month} (load seed {e.workload_seed})" for e in first.episodes)
    air = "the room's air for what the room units do not supply" if facts["mixes"] else "supply air alone"
    curves = "end at their published box" if facts["hold_curves"] else "are extrapolated beyond their box"
    versions = ", ".join(f"{name} {made['versions'][name]}" for name in NAMED if name in made["versions"])
    dirty = " with uncommitted changes" if made["git_dirty"] == "true" else ""
    return [
        f"- Scenario `{facts['scenario']}` ({facts['scenario_hash']}, channels {facts['channel_hash']}), weather "
        f"`{facts['weather']}`, {first.episodes[0].days} days in each of: {weeks}.",
        f"- Racks in EnergyPlus breathe {air}; its chiller's curves {curves}.",
        f"- pyenergyplus-lbnl {facts['energyplus']}, {versions}; git {made['git_hash'][:12]}{dirty}.",
        "- Written by `coldaisle transfer`; do not edit by hand.",
    ]


def _headings() -> list[str]:
    (first, *rest) = [heading for _, heading in SHOWN]
    return [first, "vs base", *rest]


def _rows(found: Mapping[str, Evaluation], baseline: str) -> list[tuple[str, ...]]:
    rows = []
    for plant, evaluation in found.items():
        whole, tables = summarise(evaluation), policy_tables(evaluation.scores, evaluation.facts)
        for name, row in whole.items():
            first, *rest = (format_number(m, row[m.column]) for m in columns([c for c, _ in SHOWN]))
            failed = name != baseline and seed_failures(tables[name], mean_table(tables[baseline]))
            change = row["cooling_kwh"] / whole[baseline]["cooling_kwh"] - 1.0
            rows.append((plant, name, first, "gate" if failed else f"{100 * change:+.1f} %", *rest))
    return rows


def _title(column: str) -> str:
    return columns([column])[0].title


def _words(a: Agreement) -> str:
    far = f"{a.same_apart} of {a.apart} of those that are {100 * APART_FRAC:.0f} % or more apart in ours"
    return f"Kendall's tau {a.tau:.2f}, {a.same} of {a.pairs} pairs in the same order, {far}"


def _markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(heading) + " |",
        "|" + "---|" * len(heading),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
