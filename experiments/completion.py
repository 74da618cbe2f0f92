"""Completion of the command line in the shell: verbs, keys, and the choices of groups."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import fields
from importlib import resources

from experiments import keys, schema
from experiments.cli import PLAIN_VERBS, VERBS, plain_settings

SHELLS = ("bash", "zsh")
SCRIPT = """_coldaisle() {
    local line="${COMP_LINE:0:COMP_POINT}" typed
    local IFS=$'\\n'
    COMPREPLY=($(coldaisle --complete "$line" 2>/dev/null))
    typed="${line##* }"
    if [[ "$typed" == *=* ]]; then COMPREPLY=("${COMPREPLY[@]#*=}"); fi
    if [[ ${#COMPREPLY[@]} -gt 0 && "${COMPREPLY[0]}" == *[=.] ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _coldaisle coldaisle
"""


def completion_script(shell: str) -> str:
    """What the shell reads, by ``eval "$(coldaisle --completion bash)"``.

    Raises
    ------
    ValueError
        For a shell that is not served.
    """
    if shell not in SHELLS:
        raise ValueError(f"--completion {shell}: give one of {', '.join(SHELLS)}")
    return SCRIPT if shell == "bash" else f"autoload -U +X bashcompinit && bashcompinit\n{SCRIPT}"


def completions(line: str) -> list[str]:
    """Words that a line up to the cursor may go on with; its last word is the one that is being typed."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    if not line or line[-1].isspace():
        words.append("")
    _, *before, typed = ["coldaisle", *words[1:]] if len(words) > 1 else ["coldaisle", ""]
    if not before:
        return _beginning((*VERBS, "--help", "--version", "--completion"), typed)
    verb = before[0]
    if verb in PLAIN_VERBS:
        known = plain_settings(verb)
        parts = [name.partition(" ")[2] for name in list(known)[1:]] if len(before) == 1 else []
        settings = known.get(" ".join(before[:2]), known[verb])
        return _beginning([*parts, *(f"{spec.name}=" for spec in fields(settings)), "--help"], typed)
    if verb not in schema.VERBS:
        return []
    name, equals, _ = typed.partition("=")
    if equals:
        return _beginning([f"{name}={value}" for value in _values(name)], typed)
    chosen = [word.partition("=")[2] for word in before if word.startswith("agent=")]
    return _beginning(_keys(verb, typed, chosen[-1] if chosen else "ppo"), typed)


def _keys(verb: str, typed: str, algorithm: str) -> list[str]:
    """Keys beside the one that is typed: those of the verb, and those of the group that its dots lead into."""
    rows = keys.verb_keys(verb)
    group = typed.rpartition(".")[0]
    if not group:
        inside = [f"{key.name}." for key in rows if key.kind == "group"]
        return [f"{key.name}=" for key in rows] + inside + ["--help"]
    if group.partition(".")[0] not in [key.name for key in rows if key.kind == "group"]:
        return []
    below = [f"{path}." for path in keys.groups_below(group) if not path.endswith("*")]
    return [f"{key.name}=" for key in keys.group_keys(group, algorithm)] + below


def _values(name: str) -> list[str]:
    if name == "split":
        places = resources.files("configs").joinpath("splits").iterdir()
        return sorted(p.name.removesuffix(".yaml") for p in places if p.name.endswith(".yaml")) + ["none"]
    return keys.choices(name)


def _beginning(words: Iterable[str], typed: str) -> list[str]:
    return [word for word in words if word.startswith(typed)]
