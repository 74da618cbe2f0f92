"""YAML of a user's file: a mapping of plain data, every fault named by file and line, nothing expanded beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MOST_BYTES = 4 << 20
MOST_NODES = 200_000  # after its aliases are written out
DEEPEST = 50


class _Counter:
    """How large a document becomes when its aliases are written out, without writing them out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes: dict[int, int] = {}

    def size(self, node: yaml.Node, depth: int = 0) -> int:
        """Nodes below and including this one."""
        if id(node) not in self.sizes:
            if depth > DEEPEST:
                raise ValueError(f"{_place(self.path, node)}: nested deeper than {DEEPEST} levels; flatten it")
            self.sizes[id(node)] = 1 + sum(self.size(child, depth + 1) for child in self._children(node))
        if self.sizes[id(node)] > MOST_NODES:
            raise ValueError(
                f"{_place(self.path, node)}: its aliases stand for more than {MOST_NODES} entries; write out what is "
                "meant"
            )
        return self.sizes[id(node)]

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            self._require_once(node)
            return [child for pair in node.value for child in pair]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []

    def _require_once(self, node: yaml.MappingNode) -> None:
        keys: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if name in keys and name != "<<":
                first = keys[name].start_mark.line + 1
                raise ValueError(
                    f"{_place(self.path, key)}: key {name!r} stands twice (first in line {first}); keep one"
                )
            keys[name] = key


def _place(path: Path, node: yaml.Node) -> str:
    return f"{path}, line {node.start_mark.line + 1}"


def checked_text(path: Path) -> str:
    """Text of a YAML file that holds one mapping, checked without building it.

    Raises
    ------
    ValueError
        For text that is no YAML, more than one document, a doubled key, or aliases that stand for a great deal, naming
        file and line.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ValueError(f"{path}: larger than {MOST_BYTES >> 20} MiB, expected a short YAML file")
        text = raw.decode("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as fault:
        raise ValueError(f"{path}: its text is not UTF-8 ({fault}); save it as UTF-8") from fault
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        problem = getattr(fault, "problem", None) or str(fault).splitlines()[0]
        raise ValueError(
            f"{where}: cannot be read as YAML ({problem}); mend its indentation, quotes or brackets"
        ) from fault
    except RecursionError as fault:
        raise ValueError(f"{path}: nested too deep to be read; flatten it") from fault
    if not isinstance(node, yaml.MappingNode):
        raise ValueError(f"{path}, line 1: expected keys and values such as 'key: value', found none")
    _Counter(path).size(node)
    return text


def read_mapping(path: Path) -> dict[str, Any]:
    """Plain data of a YAML file.

    Raises
    ------
    ValueError
        As `checked_text`, and for a tag or a value that plain YAML does not know.
    """
    text = checked_text(path)
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError) as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        raise ValueError(
            f"{where}: cannot be read as plain YAML ({str(fault).splitlines()[0]}); write plain values"
        ) from fault
    return {str(key): value for key, value in content.items()}
