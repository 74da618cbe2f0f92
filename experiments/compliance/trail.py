"""An audit trail: lines of JSON that are only ever appended, each sealed by a hash that holds all lines before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envs.whole_file import write_whole

BEGIN = "0" * 64  # stands for the hash before the first line
WAITS_S = 300.0  # for another report that is written to the same trail


class Link(NamedTuple):
    """A line of a trail.

    Attributes
    ----------
    number : int
        From 1.
    kind : str
        What it tells of: a file, a meter, a figure.
    name : str
    facts : dict
    before, sha256 : str
        Seals of the line before it and of this one.
    """

    number: int
    kind: str
    name: str
    facts: dict[str, Any]
    before: str
    sha256: str

    def where(self, path: Path) -> str:
        """File, line and what it tells of."""
        return f"{path}, line {self.number} ({self.kind} {self.name})"


def appended(path: Path, entries: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    """Append entries ``(kind, name, facts)`` to a trail that holds so far, and return its new seal.

    One process at a time reads and writes: of two at once the second waits.

    Raises
    ------
    ValueError
        Where the trail that is there is broken.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=WAITS_S):
        return _appended(path, entries)


def _appended(path: Path, entries: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    known = links(path) if path.exists() else []
    before, lines = (known[-1].sha256 if known else BEGIN), []
    for number, (kind, name, facts) in enumerate(entries, len(known) + 1):
        body = {"number": number, "kind": kind, "name": name, "facts": dict(facts), "before": before}
        before = _seal(body)
        lines.append(json.dumps(body | {"sha256": before}, sort_keys=True))
    written = path.read_text(encoding="utf-8") if known else ""
    write_whole(path, written + "".join(line + "\n" for line in lines))
    return before


def links(path: Path) -> list[Link]:
    """The lines of a trail, each checked against its own seal and that of the line before it.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Naming the first line that is broken.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the audit.jsonl that `coldaisle comply` wrote")
    found: list[Link] = []
    before = BEGIN
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            given = json.loads(line)
            link = Link(**given)
        except (ValueError, TypeError):
            raise ValueError(f"{path}, line {number}: is no link of a trail; it was changed, or cut short") from None
        if not isinstance(link.facts, dict) or link.number != number or link.before != before:
            raise ValueError(
                f"{path}, line {number} ({link.kind} {link.name}): does not follow the line before it; a line was "
                "changed, removed or put in here"
            )
        if _seal({key: value for key, value in given.items() if key != "sha256"}) != link.sha256:
            raise ValueError(f"{link.where(path)}: its seal does not fit its words; it was changed")
        if json.dumps(given, sort_keys=True).encode() != line.removesuffix(b"\r"):  # a key that stands twice
            raise ValueError(f"{link.where(path)}: is not written as it was sealed; it was changed")
        before = link.sha256
        found.append(link)
    if not found or not path.read_bytes().endswith(b"\n"):
        raise ValueError(f"{path}, line {len(found) + 1}: the trail ends within a line; it was cut short")
    return found


def _seal(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
