"""A page of words, tables and drawings in one file: the verdict first, light and dark, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LEVELS = ("good", "level", "bad")


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes
    ----------
    title : str
    words : sequence of str
        Paragraphs.
    head : sequence of str
        Headings of the table; empty: no table.
    rows : sequence of sequence of str
        Its cells.
    png : str
        A figure as base64; empty: none.
    """

    title: str
    words: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    png: str = ""


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes
    ----------
    title : str
    level : str
        Colour of the verdict: one of `LEVELS`.
    verdict : str
        What came out, in a sentence.
    why : sequence of str
        What the verdict rests on, or what refuses it.
    sections : sequence of Section
    footer : str
        Command, versions, hashes.
    """

    title: str
    level: str
    verdict: str
    why: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)
    footer: str = ""


def page_html(page: Page) -> str:
    """The page as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from agents.page.parts import part

    if page.level not in LEVELS:
        raise ValueError(f"level = {page.level!r}; give one of {', '.join(LEVELS)}")
    pages = Environment(loader=PackageLoader("experiments", "templates"), autoescape=True, undefined=StrictUndefined)
    parts = {"style": Markup(part("page.css")), "theme": Markup(part("theme.js"))}
    return pages.get_template("plain.html.j2").render(page=page, **parts)
