"""Results are whole or absent: every verb writes beside and renames (``envs/whole_file.py``)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITERS = ("write_text", "write_bytes", "to_csv", "to_parquet", "savefig")
IN_PLACE = ("draft", "buffer", "stream", "file")  # what whole_file yields, and what is in memory or opened from it


def writes_in_place(source: str) -> Iterator[str]:
    """Calls that write into a path which ``whole_file`` did not give."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        mode = ast.unparse(node.args[0]) if node.args else ""
        if node.func.attr == "open" and mode in ("'w'", "'a'", "'wb'", "'x'"):
            place = ast.unparse(node.func.value)
        elif node.func.attr in WRITERS:
            owner = node.func.attr.startswith("write")
            place = ast.unparse(node.func.value) if owner else mode
        else:
            continue
        if place not in IN_PLACE:
            yield f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").rglob("*.py")), ids=lambda p: p.stem)
def test_no_verb_writes_a_result_in_place(path: Path) -> None:
    assert not list(writes_in_place(path.read_text(encoding="utf-8")))


def test_a_write_in_place_is_seen() -> None:
    bad = "p.write_text('x')\n(f / 'a').open('w')\nt.to_csv(folder / 'x.csv')\nfig.savefig(folder / 'a.png')"
    good = "draft.write_text('x')\ndraft.open('w')\nt.to_csv(draft)\nfig.savefig(buffer)\np.open()"
    assert len(list(writes_in_place(bad))) == 4 and not list(writes_in_place(good))
