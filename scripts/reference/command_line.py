"""The page of the command line: every verb with its keys, and every setting of each algorithm."""

from __future__ import annotations

from collections.abc import Sequence

from agents.learning.algorithms import ALGORITHMS
from experiments import cli, schema
from experiments.keys import Key, group_keys, settings_keys, verb_keys
from scripts.reference.markdown import code, page, prose, summary, table

HOW = """
`coldaisle <verb> key=value ...` runs a verb. `coldaisle <verb> --help` shows its keys, with `scenario.tower` behind it
those of a group with unit and range. A wrong key is refused with the list of those that there are. `-m` with commas
sweeps. `eval "$(coldaisle --completion bash)"` completes by Tab.
"""


def command_line() -> str:
    """Every verb with its keys, and every setting of each algorithm."""
    blocks = [
        prose(HOW),
        table(("verb", "does"), ((code(verb) if verb == "demo" else f"[{verb}](#{verb})", words)
                                 for verb, words in cli.VERBS.items())),
        prose("Keys below `scenario` are those of [scenarios](scenarios.md)."),
    ]  # fmt: skip
    for verb, config in schema.VERBS.items():
        blocks += [f"## {verb}", summary(config), _keys(verb_keys(verb))]
    for verb in cli.PLAIN_VERBS:
        for name, settings in cli.plain_settings(verb).items():
            blocks += [f"## {name}", summary(settings), _keys(settings_keys(settings))]
    blocks += ["## tracking", summary(schema.TrackingConfig), _keys(group_keys("tracking"))]
    blocks += ["## agent", prose("Settings are named and mean what they do in stable-baselines3 and sb3-contrib.")]
    for name in sorted(ALGORITHMS):
        blocks += [f"### agent={name}", _keys(group_keys("agent", name))]
    return page("Command line", *blocks)


def _keys(keys: Sequence[Key]) -> str:
    """Table of keys."""
    rows = ((code(key.name), key.kind, key.default, key.meaning) for key in keys)
    return table(("key", "type", "default", "meaning"), rows)
