"""The leaderboard: one file a row, in ``docs/leaderboard``; a third party adds a row by adding a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from envs.whole_file import write_whole
from experiments.benchmarks.page import opponent_in, table
from experiments.benchmarks.task import TASKS, Task, load_task, task_hash
from experiments.evaluation.comparison import comparisons
from experiments.evaluation.seeds import LEAST_EPISODES, LEAST_SEEDS, NO_RESULT
from experiments.records.prose import wrapped_lines
from experiments.records.provenance import git_state, plant_hash

if TYPE_CHECKING:
    from experiments.evaluation.results import Evaluation

HEADINGS = (
    *("policy", "scenario", "difference to the strongest opponent [USD/day]", "of its cost", "better in"),
    *("seeds", "episodes", "by", "link", "a result"),
)
INTRO = """# Leaderboard

Policies on the frozen tasks of `coldaisle benchmark`, best first. Each row is one file in
`docs/leaderboard/`, and [the benchmarks page](benchmarks.md) says how to add one. A row counts
where every gate is passed, on at least 5 training seeds and 20 episodes.

Written by `python -m scripts.leaderboard`; do not edit by hand.
"""


@dataclass(frozen=True)
class Row:
    """A policy's result in one scenario of a task.

    Attributes
    ----------
    task, task_hash : str
        Id and frozen content.
    scenario, policy, by, link : str
        Who made it, and where it is told.
    opponent : str
        The strongest on these episodes.
    seeds, episodes : int
    difference_usd_day : list of float
        Estimate, low and high of the paired difference; empty where a gate failed.
    share_frac, chance : float
        The difference as a share of the opponent's cost; probability of improvement.
    failures : list of str
        Gates that failed.
    plant, git : str
        Hash of machines and laws, and the commit.
    """

    task: str
    task_hash: str
    scenario: str
    policy: str
    opponent: str
    seeds: int
    episodes: int
    difference_usd_day: list[float]
    share_frac: float
    chance: float
    failures: list[str]
    plant: str
    git: str
    by: str = ""
    link: str = ""

    @property
    def result(self) -> str:
        """``yes``, or why it is none."""
        if self.failures or len(self.difference_usd_day) != 3:
            return f"{NO_RESULT}: a gate failed"
        if self.seeds < LEAST_SEEDS:
            return f"{NO_RESULT}: {self.seeds} of {LEAST_SEEDS} training seeds"
        if self.episodes < LEAST_EPISODES:
            return f"{NO_RESULT}: {self.episodes} of {LEAST_EPISODES} episodes"
        return "yes"


def rows_of(task: Task, scenario: str, found: Evaluation) -> list[Row]:
    """A row for every learnt policy of a task's test in one scenario."""
    opponent, frozen, plant, commit = opponent_in(found), task_hash(task), plant_hash(), git_state()["git_hash"]
    rows = []
    for row in comparisons(found, opponent):
        if row.seeds is None:
            continue
        difference = [round(float(v), 4) for v in row.difference_usd_day or ()]
        rows.append(
            Row(
                task=task.id,
                task_hash=frozen,
                scenario=scenario,
                policy=row.policy,
                opponent=opponent,
                seeds=row.seeds,
                episodes=len(found.episodes),
                difference_usd_day=difference,
                share_frac=round(row.share_frac or 0.0, 6),
                chance=round(row.chance.estimate, 4) if row.chance else 0.0,
                failures=list(row.failures or ()),
                plant=plant,
                git=commit,
            )
        )
    return rows


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write a file that the leaderboard takes."""
    write_whole(path, yaml.safe_dump({"rows": [asdict(row) for row in rows]}, sort_keys=False, allow_unicode=True))


def leaderboard(rows: Sequence[Row]) -> str:
    """The page."""
    parts = [INTRO]
    for name in TASKS:
        task = load_task(name)
        mine = sorted((row for row in rows if row.task == task.id), key=_rank)
        words = "\n".join(wrapped_lines([task.meaning]))
        parts.append(f"\n## {task.id}\n\n{words}\n\n")
        parts.append(table(HEADINGS, [_cells(row) for row in mine]) if mine else "No row yet.\n")
    return "".join(parts).rstrip("\n") + "\n"


def _rank(row: Row) -> tuple[str, bool, bool, float]:
    """By scenario; what is a result first, what failed a gate last, the largest saving before the others."""
    least = row.difference_usd_day[0] if row.difference_usd_day else float("inf")
    return row.scenario, row.result != "yes", bool(row.failures), least


def _cells(row: Row) -> tuple[str, ...]:
    if len(row.difference_usd_day) == 3 and not row.failures:
        point, low, high = row.difference_usd_day
        words = f"{point:+.2f} [{low:+.2f}, {high:+.2f}] to {row.opponent}"
        share, chance = f"{100.0 * row.share_frac:+.2f} %", f"{row.chance:.2f}"
    else:
        words, share, chance = "no number", "no number", "no number"
    link = f"[told here]({row.link})" if row.link else "-"
    counts = (str(row.seeds), str(row.episodes))
    return row.policy, row.scenario, words, share, chance, *counts, row.by or "-", link, row.result
