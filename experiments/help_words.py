"""What ``coldaisle <verb> --help`` says: keys with meaning, default, unit and range, made from their declarations."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from agents.learning.algorithms import ALGORITHMS
from envs.unknown_name import unknown_name
from experiments import keys, schema

INDENT = "    "


def help_words(verb: str, asked: Sequence[str] = ()) -> str:
    """The help of a verb, or of the groups of keys that are asked for.

    Parameters
    ----------
    verb : str
        One of ``experiments.schema.VERBS``.
    asked : sequence of str
        Groups such as ``agent``, ``agent=sac``, ``tracking``, ``scenario`` or ``scenario.tower``.

    Raises
    ------
    ValueError
        For a group that there is not, with those that there are.
    """
    if asked:
        return "\n".join(_group_words(group) for group in asked)
    rows = keys.verb_keys(verb)
    groups = [key.name for key in rows if key.kind == "group"]
    lines = [keys.summary_words(schema.VERBS[verb]).replace("`", ""), ""]
    lines += [f"usage: coldaisle {verb} key=value ... [-m]", "", "keys:", *_lines(rows), ""]
    for group in groups:
        lines += _wrapped(f"{group}: {', '.join(keys.choices(group))}; its keys: coldaisle {verb} --help {group}", "")
    if groups:
        lines += _wrapped("scenario takes the path of a YAML file too; --help agent=sac shows the keys of sac", "")
    lines += ["-m sweeps over values with commas; --cfg job shows the configuration that would run"]
    return "\n".join(lines) + "\n"


def _group_words(asked: str) -> str:
    path, _, choice = asked.partition("=")
    if path == "agent" and choice and choice not in ALGORITHMS:
        raise ValueError(unknown_name("agent", choice, ALGORITHMS))
    rows, below = keys.group_keys(path, choice or "ppo"), keys.groups_below(path)
    if not rows and not below:
        parent, _, _ = path.rpartition(".")
        known = [name.removeprefix(f"{parent}.") for name in keys.groups_below(parent)] if parent else keys.GROUPS
        raise ValueError(unknown_name("group", path, known or keys.GROUPS, parent))
    lines = [f"{asked}:", *_lines(rows)]
    if below:
        lines += ["", *_wrapped(f"groups below, each with --help: {', '.join(below)}", "")]
    return "\n".join(lines) + "\n"


def _lines(rows: Sequence[keys.Key]) -> list[str]:
    found: list[str] = []
    for key in rows:
        facts = [key.kind, f"{key.limits} {key.unit}".strip() if key.limits else key.unit]
        found.append(f"  {key.name}={key.default}  ({', '.join(filter(None, facts))})")
        found += _wrapped(key.meaning.replace("`", ""), INDENT + "  ")
    return found


def _wrapped(text: str, indent: str) -> list[str]:
    columns = max(60, min(shutil.get_terminal_size().columns, 110))
    return textwrap.wrap(text, columns, initial_indent=indent, subsequent_indent=indent)
