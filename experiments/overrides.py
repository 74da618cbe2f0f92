"""The command line's overrides as hydra takes them: open to new keys where ours are, scenario files by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import is_dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf


def writable(node: DictConfig) -> DictConfig:
    """The node as the command line may change it.

    The read-only marks of frozen dataclasses are taken off; mappings from a name to a number or a text, such as
    ``reward_weights``, take new keys (the scenario checks their names), groups of racks and zones do not.
    """
    OmegaConf.set_readonly(node, None)
    if OmegaConf.get_type(node) is dict and not is_dataclass(node._metadata.element_type):
        OmegaConf.set_struct(node, False)
    for key in node:
        if OmegaConf.is_missing(node, key):
            continue
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            writable(child)
    return node


def without_plus(argument: str) -> str:
    """The override without hydra's mark for a key to be added: every key of ours is there, or is refused by name."""
    return argument if argument.lstrip("+").startswith("hydra") else argument.lstrip("+")


def scenario_files(arguments: Sequence[str]) -> list[str]:
    """Paths given as ``scenario=<path>.yaml``; the arguments are rewritten to the names they are registered under."""
    found: list[str] = []
    for i, argument in enumerate(arguments):
        key, _, value = argument.partition("=")
        paths = value.split(",")
        files = [p for p in paths if p.endswith((".yaml", ".yml"))]
        if key != "scenario" or not files:
            continue
        found += files
        if isinstance(arguments, list):
            arguments[i] = f"scenario={','.join(Path(p).stem if p in files else p for p in paths)}"
    return found
