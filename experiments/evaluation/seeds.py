"""Training seeds of one policy as one row, and the mark of a number that is no result (PROTOCOL 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.evaluation.score import Column, Table
from experiments.evaluation.trace import Series

LEAST_SEEDS = 5
LEAST_EPISODES = 20
SEEDS = "seeds"  # among an evaluation's facts: what was learnt, policy to its score tables, one per training seed
NO_RESULT = "not a result"

Facts = Mapping[str, Any]


def seeds_of(facts: Facts) -> dict[str, list[str]]:
    """What was learnt in an evaluation: policy to the names of its seeds' score tables."""
    found: dict[str, list[str]] = facts.get(SEEDS, {})
    return found


def policy_tables(scores: Mapping[str, Table], facts: Facts) -> dict[str, list[Table]]:
    """Every policy with its score tables, one for each training seed; a rule has one."""
    owner = _owners(facts)
    found: dict[str, list[Table]] = {}
    for name, table in scores.items():
        found.setdefault(owner.get(name, name), []).append(table)
    return found


def mean_table(tables: Sequence[Table]) -> Table:
    """The columns of several seeds, averaged episode by episode; those of one seed as they are."""
    if len(tables) == 1:
        return tables[0]
    return {name: np.mean([table[name] for table in tables], axis=0) for name in tables[0]}


def mean_tables(scores: Mapping[str, Table], facts: Facts) -> dict[str, Table]:
    """Every policy with the mean over its training seeds."""
    return {name: mean_table(tables) for name, tables in policy_tables(scores, facts).items()}


def stacked(tables: Sequence[Table], column: str) -> Column:
    """A column of several seeds, ``(S, E)``."""
    return np.stack([table[column] for table in tables])


def mean_traces(traces: Mapping[str, Series], facts: Facts) -> dict[str, Series]:
    """Every policy with the series that figures show: of several training seeds those of the first."""
    owner = _owners(facts)
    found: dict[str, Series] = {}
    for name, series in traces.items():
        found.setdefault(owner.get(name, name), series)
    return found


def missing_seeds(policy: str, facts: Facts) -> str:
    """How many training seeds stand behind a policy where they are too few; empty for a rule, which has none."""
    seeds = len(seeds_of(facts).get(policy, ()))
    return f"{seeds} of {LEAST_SEEDS} training seeds" if 0 < seeds < LEAST_SEEDS else ""


def missing_episodes(episodes: int) -> str:
    """How many episodes were played where they are too few, else empty."""
    return f"{episodes} of {LEAST_EPISODES} episodes" if episodes < LEAST_EPISODES else ""


def shortage(policy: str, facts: Facts, episodes: int) -> str:
    """What a policy's numbers lack to be a result; empty where they lack nothing."""
    lacks = [words for words in (missing_seeds(policy, facts), missing_episodes(episodes)) if words]
    return f"{NO_RESULT}: {', '.join(lacks)}" if lacks else ""


def sites_of(facts: Facts) -> list[str]:
    """Site of each episode of a stored evaluation."""
    return [str(episode["site"]) for episode in facts["episodes"]]


def _owners(facts: Facts) -> dict[str, str]:
    """Policy of each seed's score table."""
    return {member: policy for policy, members in seeds_of(facts).items() for member in members}
