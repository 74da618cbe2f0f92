"""The first line of a report: who won, by how much, whether it is safe and whether it counts (PROTOCOL 3 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agents.references import ORACLE, REFERENCES
from envs.interface.constraints import GATES
from experiments.evaluation.gates import GateVerdict, gate_verdict
from experiments.evaluation.results import StoredEvaluation, round_to
from experiments.evaluation.seeds import (
    LEAST_SEEDS,
    mean_table,
    missing_episodes,
    missing_seeds,
    policy_tables,
    seeds_of,
    sites_of,
)

#: Gates of what may not happen to a hall; the others are of work and of wear.
SAFETY = ("degree_minutes_worst_rack", "tcs_degree_minutes", "limit_excess_kwh", "trips")
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


def verdict(verdicts: Mapping[str, GateVerdict], baseline: str, facts: Mapping[str, Any]) -> Verdict:
    """The first line.

    Parameters
    ----------
    verdicts : mapping of str to GateVerdict
        Of every policy but the baseline, against it.
    baseline : str
    facts : mapping
        Of the evaluation: its episodes and split.
    """
    able = {n: v for n, v in verdicts.items() if n != ORACLE and not n.endswith("untrained")}
    winner = _winner(able)
    learnt = [n for n in able if n not in REFERENCES]
    subject = winner or next(iter(_by_rank(able, learnt)), "") or next(iter(_by_rank(able, list(able))), "")
    if not subject:
        nothing = Said(LEVEL, f"Only {baseline} was evaluated: there is nothing to compare.")
        return Verdict(nothing, Said(LEVEL, "not judged"), Said(LEVEL, "no: one policy alone"))
    counts = _counts(subject, able[subject], facts)
    return Verdict(_headline(winner, subject, able, learnt, baseline, counts), _safe(subject, able[subject]), counts)


def percent(saving: tuple[float, float, float]) -> str:
    """A saving and its interval in words."""
    point, low, high = (round_to(100.0 * value, 2) for value in saving)
    return f"{abs(point):.2f} % {'less' if point >= 0 else 'more'} [{low:+.2f}, {high:+.2f} % saved]"


def _winner(able: Mapping[str, GateVerdict]) -> str:
    """Who passes every gate and saves most, where the whole interval is a saving; empty where nobody does."""
    sure = {n: v.saving.estimate for n, v in able.items() if v.saving is not None and v.saving.low > 0.0}
    return max(sure, key=lambda name: sure[name]) if sure else ""


def _by_rank(able: Mapping[str, GateVerdict], names: list[str]) -> list[str]:
    """The names from the best saving down; those without a number last."""
    return sorted(names, key=lambda n: -_estimate(able[n]))


def _estimate(found: GateVerdict) -> float:
    return float("-inf") if found.saving is None else found.saving.estimate


def _headline(
    winner: str, subject: str, able: Mapping[str, GateVerdict], learnt: list[str], baseline: str, counts: Said
) -> Said:
    found = able[subject]
    if winner:
        assert found.saving is not None
        words = f"{winner} wins: {percent(found.saving)} energy per useful work than {baseline}."
        others = [n for n in learnt if n != winner and winner not in learnt]
        if others:
            words += f" {others[0]} {_short(able[others[0]])}."
        return Said(GOOD if counts.level == GOOD else LEVEL, words)
    if found.saving is None:
        return Said(BAD, f"{baseline} stays ahead: {subject} fails {_gates(found)} and gets no number.")
    if found.saving.high < 0.0:
        return Said(BAD, f"{baseline} stays ahead: {subject} uses {percent(found.saving)} energy per useful work.")
    return Said(LEVEL, f"{subject} is level with {baseline}: {percent(found.saving)}, an interval that holds zero.")


def _short(found: GateVerdict) -> str:
    if found.saving is None:
        return f"fails {_gates(found)}"
    return f"uses {percent(found.saving)}"


def _gates(found: GateVerdict) -> str:
    return "one gate" if len(found.failures) == 1 else f"{len(found.failures)} gates"


def _safe(subject: str, found: GateVerdict) -> Said:
    dangers = [c.meaning for c in GATES if c.name in SAFETY]
    unsafe = [failure for failure in found.failures if any(meaning in failure for meaning in dangers)]
    if unsafe:
        return Said(BAD, f"no: {subject} has {unsafe[0]}")
    if found.failures:
        return Said(LEVEL, f"yes by limits and trips, but {subject} has {found.failures[0]}")
    return Said(GOOD, f"yes: {subject} passes every gate of safety, work and wear")


def _missing_seeds(subject: str, facts: Mapping[str, Any]) -> str:
    """As `missing_seeds`; an evaluation that names no seeds of what was learnt has one."""
    if subject in REFERENCES or subject in seeds_of(facts):
        return missing_seeds(subject, facts)
    return f"1 of {LEAST_SEEDS} training seeds"


def _counts(subject: str, found: GateVerdict, facts: Mapping[str, Any]) -> Said:
    episodes, split, lacking = len(facts["episodes"]), str(facts.get("split", "")), []
    if found.saving is None:
        lacking.append("without a number nothing is won")
    lacking += [words for words in (missing_episodes(episodes), _missing_seeds(subject, facts)) if words]
    if split in ("train", "validation"):
        lacking.append(f"played on the split {split}")
    if lacking:
        return Said(LEVEL, f"not yet: {'; '.join(lacking)}")
    return Said(GOOD, f"yes: {episodes} paired episodes")
