"""The first line of a report: who won, by how much, whether it is safe and whether it counts (PROTOCOL 3 and 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.references import ORACLE, REFERENCES
from envs.interface.constraints import GATES
from experiments.evaluation.comparison import Comparison, interval_words
from experiments.evaluation.gates import GateVerdict, gate_verdict
from experiments.evaluation.results import StoredEvaluation, round_to
from experiments.evaluation.score import COST
from experiments.evaluation.seeds import (
    LEAST_SEEDS,
    NO_RESULT,
    mean_table,
    missing_episodes,
    missing_seeds,
    policy_tables,
    seeds_of,
    sites_of,
)

#: Gates of what may not happen to a hall; the others are of work and of wear.
SAFETY = ("degree_minutes_worst_rack", "tcs_degree_minutes", "overload_kwh", "protection_s", "trips")
GOOD, LEVEL, BAD = "good", "level", "bad"


class Said(NamedTuple):
    """Words, and how they are coloured: ``good``, ``level`` or ``bad``."""

    level: str
    words: str


class Verdict(NamedTuple):
    """The headline, and the two things that one must know beside it."""

    headline: Said
    safe: Said
    counts: Said


def verdicts_of(stored: StoredEvaluation, baseline: str) -> dict[str, GateVerdict]:
    """What the gates say of every policy but the baseline, all its training seeds together."""
    tables, sites = policy_tables(stored.scores, stored.facts), sites_of(stored.facts)
    base = mean_table(tables[baseline])
    return {name: gate_verdict(given, base, sites) for name, given in tables.items() if name != baseline}


def verdict(rows: Sequence[Comparison], energy: Mapping[str, GateVerdict], facts: Mapping[str, Any]) -> Verdict:
    """The first line: who is cheaper than the baseline, and what that does to energy per useful work.

    Parameters
    ----------
    rows : sequence of Comparison
        Of every policy; the baseline's has no gates that failed and no number.
    energy : mapping of str to GateVerdict
        Energy per useful work of every policy but the baseline, against it.
    facts : mapping
        Of the evaluation: its episodes and split.
    """
    baseline = next(row.policy for row in rows if row.failures is None)
    able = [r for r in rows if r.failures is not None and r.policy != ORACLE and not r.policy.endswith("untrained")]
    learnt = [row for row in able if row.policy not in REFERENCES]
    winner = _winner(able, facts)
    sure = min((row for row in able if _ends(row)[1] < 0.0), key=_cost, default=None)
    subject = winner or sure or min(learnt, key=_cost, default=None) or min(able, key=_cost, default=None)
    if subject is None:
        nothing = Said(LEVEL, f"Only {baseline} was evaluated: there is nothing to compare.")
        return Verdict(nothing, Said(LEVEL, "not judged"), Said(LEVEL, "no: one policy alone"))
    counts = _counts(subject, facts)
    used = energy[subject.policy]
    if winner:
        words = f"{winner.policy} wins: {_cheaper(winner)} than {baseline}, with {_energy(used)}."
        words += "".join(f" {row.policy} {_short(row)}." for row in learnt[:1] if winner not in learnt)
        headline = Said(GOOD, words)
    else:
        headline = _lost(subject, used, baseline, counts.level == GOOD)
    return Verdict(headline, _safe(subject), counts)


def _winner(able: Sequence[Comparison], facts: Mapping[str, Any]) -> Comparison | None:
    """The cheapest that passes every gate, whose whole interval is a saving that counts; None where nobody is."""
    sure = [row for row in able if _ends(row)[1] < 0.0 and _counts(row, facts).level == GOOD]
    return min(sure, key=_cost, default=None)


def _ends(row: Comparison) -> tuple[float, float]:
    """Ends of the interval as they are shown [USD/day]: what rounds to zero is no difference; NaN without a number."""
    found = row.difference_usd_day
    if found is None:
        return float("nan"), float("nan")
    return round_to(found.low, COST.digits), round_to(found.high, COST.digits)


def _cost(row: Comparison) -> float:
    """What it costs more [USD/day]; infinite where it has no number."""
    return float("inf") if row.difference_usd_day is None else row.difference_usd_day.estimate


def _cheaper(row: Comparison) -> str:
    """By how much it is cheaper or dearer, in words."""
    assert row.share_frac is not None
    share = 100.0 * round_to(row.share_frac, 4)
    words = interval_words(row.difference_usd_day, "+.2f")
    return f"{abs(share):.2f} % {'cheaper' if share <= 0.0 else 'dearer'} ({words} USD/day)"


def _energy(found: GateVerdict) -> str:
    assert found.saving is not None  # who passes the gates has one
    saved = round_to(100.0 * found.saving.estimate, 2)
    return f"{abs(saved):.2f} % {'less' if saved >= 0 else 'more'} energy per useful work"


def _lost(row: Comparison, used: GateVerdict, baseline: str, counts: bool) -> Said:
    """What is said where nobody wins; an interval beside zero that does not count tells nothing apart either."""
    if row.difference_usd_day is None:
        return Said(BAD, f"{baseline} stays ahead: {row.policy} fails {_gates(row)} and gets no number.")
    low, high = _ends(row)
    if low > 0.0 and counts:
        return Said(BAD, f"{baseline} stays ahead: {row.policy} is {_cheaper(row)}, with {_energy(used)}.")
    why = "an interval that holds zero" if low <= 0.0 <= high else NO_RESULT
    words = f"{row.policy} is {_cheaper(row)}, {why}, with {_energy(used)}"
    return Said(LEVEL, f"Nothing is told apart from {baseline}: {words}.")


def _short(row: Comparison) -> str:
    mark = f", {NO_RESULT}" if row.lacks else ""
    return f"is {_cheaper(row)}{mark}" if row.difference_usd_day is not None else f"fails {_gates(row)}"


def _gates(row: Comparison) -> str:
    return "one gate" if len(row.failures or ()) == 1 else f"{len(row.failures or ())} gates"


def _safe(row: Comparison) -> Said:
    dangers, failures = [c.meaning for c in GATES if c.name in SAFETY], row.failures or ()
    unsafe = [failure for failure in failures if any(meaning in failure for meaning in dangers)]
    if unsafe:
        return Said(BAD, f"no: {row.policy} has {unsafe[0]}")
    if failures:
        return Said(LEVEL, f"yes by limits and trips, but {row.policy} has {failures[0]}")
    return Said(GOOD, f"yes: {row.policy} passes every gate of safety, work and wear")


def _missing_seeds(subject: str, facts: Mapping[str, Any]) -> str:
    """As `missing_seeds`; an evaluation that names no seeds of what was learnt has one."""
    if subject in REFERENCES or subject in seeds_of(facts):
        return missing_seeds(subject, facts)
    return f"1 of {LEAST_SEEDS} training seeds"


def _counts(row: Comparison, facts: Mapping[str, Any]) -> Said:
    episodes, split, lacking = len(facts["episodes"]), str(facts.get("split", "")), []
    if row.difference_usd_day is None:
        lacking.append("without a number nothing is won")
    lacking += [words for words in (missing_episodes(episodes), _missing_seeds(row.policy, facts)) if words]
    if split in ("train", "validation"):
        lacking.append(f"played on the split {split}")
    if lacking:
        return Said(LEVEL, f"not yet: {'; '.join(lacking)}")
    return Said(GOOD, f"yes: {episodes} paired episodes")
