"""The leaderboard's files, read strictly: what a stranger sends is put on a page only where it can be a result."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache
from pathlib import Path

from envs.yaml_entry import YamlEntry
from experiments.benchmarks.leaderboard import Row
from experiments.benchmarks.task import TASKS, Task, load_task, task_hash

KEYS = tuple(spec.name for spec in fields(Row))
NO_OPPONENTS = ("random",)  # of a task: they show that it can be done badly, and beating them shows nothing
MOST_USD_DAY, MOST_SHARE, MOST_COUNT = 1e7, 1e3, 100_000
PLAIN_WORDS = re.compile(r"[^\x00-\x1f<>|`\[\]\\]{0,100}")
ADDRESS = re.compile(r"https?://[\w.-]+(:\d+)?(/[\w./~%?=&#+@:,;-]*)?")
HASH = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{7,64}|unknown")


def read_rows(folder: Path) -> list[Row]:
    """Rows of every file in a folder, in order of their names.

    Raises
    ------
    ValueError
        Where a file is no list of rows, a row is of a task that is not the frozen one, or a value is none that a
        result can have, naming file, line, value and mend.
    """
    return [row for path in sorted(folder.glob("*.yaml")) for row in rows_in(path)]


def rows_in(path: Path) -> list[Row]:
    """Rows of one file; raises as `read_rows`."""
    tasks = frozen_tasks()
    return [_row(given, tasks) for given in YamlEntry.of_file(path, ("rows",)).entries("rows", KEYS, least=1)]


@cache
def frozen_tasks() -> dict[str, Task]:
    """Every task by its id."""
    return {task.id: task for task in map(load_task, TASKS)}


def _row(given: YamlEntry, tasks: dict[str, Task]) -> Row:
    task = tasks[given.choice("task", tasks)]
    if given.text("task_hash") != task_hash(task):
        raise given.refused("task_hash", f"{task.id} was another task there; play the frozen one")
    return Row(
        task=task.id,
        task_hash=task_hash(task),
        scenario=given.choice("scenario", task.scenarios),
        policy=given.name("policy"),
        opponent=given.choice("opponent", [name for name in task.opponents if name not in NO_OPPONENTS]),
        seeds=given.whole("seeds", None, 1, MOST_COUNT),
        episodes=given.whole("episodes", None, 1, MOST_COUNT),
        difference_usd_day=_difference(given),
        share_frac=given.number("share_frac", None, -MOST_SHARE, MOST_SHARE),
        chance=given.number("chance", None, 0.0, 1.0),
        failures=given.texts("failures"),
        plant=_like(given, "plant", HASH, "give the hash that coldaisle benchmark wrote"),
        git=_like(given, "git", COMMIT, "give the commit that coldaisle benchmark wrote"),
        by=_like(given, "by", PLAIN_WORDS, "give a name without <, >, |, [, ] and `, 100 characters at most", ""),
        link=given.text("link", "") and _like(given, "link", ADDRESS, "give an address such as https://example.org/me"),
    )


def _difference(given: YamlEntry) -> list[float]:
    found = given.numbers("difference_usd_day", -MOST_USD_DAY, MOST_USD_DAY)
    if found and (len(found) != 3 or not found[1] <= found[0] <= found[2]):
        raise given.refused("difference_usd_day", "give estimate, low and high, with low <= estimate <= high, or []")
    return found


def _like(given: YamlEntry, key: str, pattern: re.Pattern[str], mend: str, default: str | None = None) -> str:
    value = given.text(key, default)
    if not pattern.fullmatch(value):
        raise given.refused(key, mend)
    return value
