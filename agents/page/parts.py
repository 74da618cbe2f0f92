"""Styles and scripts of the pages: ours, without a library, so that a report is one file without a network."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

STATIC = "static"
#: Scripts of the drawings, in the order in which a page loads them.
DRAWINGS = ("base.js", "lines.js", "bars.js", "plan.js", "sankey.js")


def part(name: str) -> str:
    """The text of one part.

    Raises
    ------
    FileNotFoundError
        Where there is no such part.
    """
    return resources.files("agents.page").joinpath(STATIC, name).read_text(encoding="utf-8")


def scripts(names: Sequence[str]) -> str:
    """Several scripts as one, to stand inside a page.

    Raises
    ------
    ValueError
        Where a script would end the element that it stands in.
    """
    text = "\n".join(part(name) for name in names)
    if "</script" in text.lower():
        raise ValueError(
            f"one of {list(names)} holds '</script', which would end the page's script; write '<\\/script'"
        )
    return text
