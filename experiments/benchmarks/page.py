"""The page of a benchmark: every number of a task, from the parts of its campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.references import ORACLE, REFERENCES
from experiments.benchmarks.plans import ABLATION, ROBUSTNESS, TEST, TRAIN
from experiments.benchmarks.task import Task, task_hash
from experiments.campaigns.merge import Part
from experiments.evaluation.bootstrap import Interval
from experiments.evaluation.comparison import cells, comparisons, interval_words, markdown
from experiments.evaluation.gates import seed_failures
from experiments.evaluation.opponents import strongest_opponent
from experiments.evaluation.policies import best_rule
from experiments.evaluation.results import Evaluation
from experiments.evaluation.score import COST
from experiments.evaluation.seeds import mean_table, mean_tables, policy_tables, seeds_of, shortage, stacked
from experiments.evaluation.setpoint_lines import lines
from experiments.evaluation.stats import (
    generalisation_gap,
    mean_difference,
    probability_of_improvement,
    saved_frac,
)
from experiments.records.markdown_table import markdown_table

Parts = Mapping[Part, Evaluation]
Cells = Sequence[str]


def opponent_in(found: Evaluation) -> str:
    """The strongest opponent on these episodes; without tuned rules the rules as given."""
    tables = mean_tables(found.scores, found.facts)
    return strongest_opponent(tables, best_rule(tables))


def benchmark_page(task: Task, parts: Parts) -> str:
    """The whole page as Markdown."""
    return "".join(
        [
            f"# {task.id}\n\n{task.meaning}\n\n",
            f"Task `{task_hash(task)[:12]}`. Judged on split {task.test}: {task.episodes} paired episodes of "
            f"{task.days} days. Written by `coldaisle benchmark {task.name}`.\n\n",
            *(text for name in task.scenarios for text in _scenario_words(name, parts)),
        ]
    )


def _scenario_words(name: str, parts: Parts) -> Iterator[str]:
    here = {part: found for part, found in parts.items() if part.scenario == name}
    test = next((found for part, found in here.items() if part.entry == TEST), None)
    if test is None:
        return
    base = opponent_in(test)
    compared = comparisons(test, base)
    yield f"## {name}\n\nThe strongest opponent is {base}.\n\n{markdown(compared)}\n"
    failures = [(row.policy, words) for row in compared for words in row.failures or ()]
    yield "".join(f"- {policy}: {words}\n" for policy, words in failures) + ("\n" if failures else "")
    learned = [policy for policy in seeds_of(test.facts)]
    if learned:
        yield "### Against every opponent\n\n" + table(
            ("policy", "opponent", "USD/day, paired difference [95 %]", "probability of improvement", "a result"),
            [row for policy in learned for row in against_all(test, policy)],
        )
        yield "### From train to test\n\n" + table(
            ("policy", "saving on train less saving on test [95 %]", "a result"), list(generalisation(here, learned))
        )
    yield "### What was learnt\n\n" + table(
        ("policy", "channel", "mean", "at a wet bulb of 10 degC", "per K of wet bulb", "R2", "spread", "a result"),
        list(line_cells(test, [base, *learned])),
    )
    for entry, title in ((ROBUSTNESS, "Robustness"), (ABLATION, "Ablations")):
        rows = [row for part, found in here.items() if part.entry.startswith(entry) for row in _change(part, found)]
        if rows:
            headings = ("case", "policy", "USD/day", "rule, USD/day", "paired difference [95 %]", "gates", "a result")
            yield f"### {title}\n\n" + table(headings, rows)


def against_all(found: Evaluation, policy: str) -> Iterator[Cells]:
    """Paired difference of a policy's cost to each reference; no number where it fails a gate of that reference."""
    tables, sites = policy_tables(found.scores, found.facts), [e.site for e in found.episodes]
    lacks = shortage(policy, found.facts, len(found.episodes)) or "yes"
    for name in (n for n in tables if n in REFERENCES and n != ORACLE):
        theirs = mean_table(tables[name])
        if seed_failures(tables[policy], theirs):
            yield policy, name, "no number: a gate failed", "-", lacks
            continue
        ours, base = stacked(tables[policy], COST.column), theirs[COST.column]
        difference = mean_difference(ours, base, sites)
        chance = probability_of_improvement(ours, base, sites, COST.tie)
        yield policy, name, interval_words(difference, "+.2f"), interval_words(chance, ".2f"), lacks


def generalisation(here: Parts, learned: Sequence[str]) -> Iterator[Cells]:
    """Saving of cost on train less that on test, of every policy."""
    known = {part.entry: found for part, found in here.items() if part.entry in (TRAIN, TEST)}
    if len(known) < 2:
        return
    for policy in learned:
        yield (
            policy,
            interval_words(gap(known[TRAIN], known[TEST], policy), "+.2f", 100.0, " %"),
            shortage(policy, known[TEST].facts, min(len(found.episodes) for found in known.values())) or "yes",
        )


def gap(train: Evaluation, test: Evaluation, policy: str) -> Interval:
    """Saving on train less saving on test, against the best rule."""
    saved = []
    for found in (train, test):
        tables = policy_tables(found.scores, found.facts)
        base = mean_table(tables[best_rule(tables)])[COST.column]
        saved.append(saved_frac(stacked(tables[policy], COST.column), base))
    train_sites, test_sites = ([e.site for e in found.episodes] for found in (train, test))
    return generalisation_gap(saved[0], saved[1], train_sites, test_sites)


def line_cells(found: Evaluation, policies: Sequence[str]) -> Iterator[Cells]:
    """Each setpoint over the wet bulb, so that an engineer can copy it."""
    tables = policy_tables(found.scores, found.facts)
    for policy in policies:
        lacks = shortage(policy, found.facts, len(found.episodes)) or "yes"
        for line in lines(tables[policy]):
            r2 = "never moves" if line.r2 != line.r2 else f"{line.r2:.2f}"
            numbers = (f"{line.mean:.3g}", f"{line.at_10_c:.3g}", f"{line.per_k:+.3g}", r2, f"{line.spread:.2g}")
            yield policy, line.channel, *numbers, lacks


def _change(part: Part, found: Evaluation) -> Iterator[Cells]:
    """Rows of one case of robustness or ablation: every policy against the best rule on the same plant."""
    base = best_rule(policy_tables(found.scores, found.facts))
    case = part.entry.removeprefix(ABLATION) if part.entry.startswith(ABLATION) else part.variant
    first, *others = comparisons(found, base)
    for row in others:
        if row.seeds is not None:
            shown = cells(row)
            yield case, row.policy, shown[2], f"{first.cost_usd_day:.2f}", shown[3], shown[9], shown[10]


def table(headings: Cells, rows: Sequence[Cells]) -> str:
    """A Markdown table and an empty line after it; a sentence where it has no rows."""
    if not rows:
        return "None was played.\n\n"
    return markdown_table(headings, rows) + "\n\n"
