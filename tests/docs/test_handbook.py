"""The handbook and what refers to it: labels named in the code have their headings, links and sources their ends."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "docs" / "handbook"
ROOMS = ("envs", "agents", "experiments", "scripts", "tests", "configs", "docs")
WHOLE_TEXT = (".md", ".csv", ".j2")  # here every word is prose; in code and YAML only strings and comments are

LETTERED = r"[A-Za-z]\d{1,2}[a-z]?\b"
NUMBERED = r"\d{1,2}[a-z]?\b"
EQUATION = r"\b[A-F]\d{1,2}[a-z]?\b"
NAME = r'(?:,?\s+"(?P<quoted>[^"]+)"|\s+(?P<scenario>[a-z]+(?:_[a-z]+)+)\b)'


class Kind(NamedTuple):
    """One part of the handbook, and how the code refers to it.

    ``word``: the capitals that stand before a label. ``pages``: globs below the handbook. ``first``, ``more``: patterns
    of a list of labels, the first word of a heading each; without them the reference may carry the beginning of a
    heading. ``bare``: whether the word may stand alone, for the page as a whole.
    """

    word: str
    pages: tuple[str, ...]
    first: str | None
    more: str
    bare: bool


KINDS = {
    "physics": Kind("PHYSICS", ("physics.md", "physics/*.md"), rf"{LETTERED}|{NUMBERED}|[A-Za-z]\b", LETTERED, False),
    "workload": Kind("WORKLOAD", ("workload.md",), rf"{NUMBERED}|[a-z]\b", rf"{NUMBERED}|[a-z]\b", True),
    "protocol": Kind("PROTOCOL", ("protocol.md",), rf"{NUMBERED}|[a-z]\b", NUMBERED, True),
    "scenarios": Kind("SCENARIOS", ("scenarios.md",), None, "", True),
    "stack": Kind("STACK", ("stack.md",), None, "", True),
}
MARK = re.compile(r"\[(?:read|recalled|computed|checked|low trust) ([^\]:]+)(?::[^\]]*)?\](?!\()")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


class Text(NamedTuple):
    """A piece of prose and where it begins."""

    line: int
    words: str


class Reference(NamedTuple):
    """A label, or None for the page as a whole or a word whose label cannot be read."""

    line: int
    label: str | None


# ---- what the code says ---------------------------------------------------------------------------------------------


def python_texts(source: str) -> list[Text]:
    """String literals and blocks of comments; a literal of one bare word is a name, no prose."""
    literals = [
        Text(node.lineno, node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.fullmatch(r"\w*", node.value)
    ]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [Text(t.start[0], t.string.lstrip("#: ")) for t in tokens if t.type == tokenize.COMMENT]
    return literals + joined(comments)


def yaml_texts(source: str) -> list[Text]:
    """Comments of a YAML file."""
    found = ((n, re.search(r"(?:^|\s)#\s?(.*)", line)) for n, line in enumerate(source.splitlines(), 1))
    return joined([Text(n, match[1]) for n, match in found if match])


def joined(comments: list[Text]) -> list[Text]:
    """Comments of neighbouring lines as one text: a list of labels may go on in the next line."""
    blocks: list[Text] = []
    for comment in comments:
        last = blocks[-1] if blocks else None
        if last and comment.line == last.line + last.words.count("\n") + 1:
            blocks[-1] = Text(last.line, f"{last.words}\n{comment.words}")
        else:
            blocks.append(comment)
    return blocks


def texts(suffix: str, source: str) -> list[Text]:
    """Prose of a file by its suffix."""
    if suffix == ".py":
        return python_texts(source)
    if suffix in (".yaml", ".yml"):
        return yaml_texts(source)
    return [Text(1, source)] if suffix in WHOLE_TEXT else []


@cache
def texts_of(path: Path) -> list[Text]:
    """Prose of a file, read once for all kinds of references."""
    return texts(path.suffix, path.read_text(encoding="utf-8"))


def files() -> Iterator[Path]:
    """Files of the rooms, the handbook itself left out."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            written = path.suffix != ".npz" and "__pycache__" not in path.parts
            if path.is_file() and written and HANDBOOK not in path.parents:
                yield path


def references(kind: Kind, text: Text) -> list[Reference]:
    """References of a kind in a piece of prose, ranges such as A1-A9 spelt out."""
    found = []
    for match in re.finditer(rf"\b{kind.word}\b", text.words):
        line = text.line + text.words[: match.start()].count("\n")
        found += [Reference(line, label) for label in labels(kind, text.words[match.end() :])]
    return found


def labels(kind: Kind, rest: str) -> list[str | None]:
    """Labels at the beginning of what follows a kind's word; an aside in brackets may name equations."""
    if kind.first is None:
        name = re.match(NAME, rest)
        return [name["quoted"] or name["scenario"]] if name else [None]
    found: list[str] = []
    pattern = kind.first
    while item := re.match(rf"\s+({pattern})(-(?:{kind.more}|\d+))?", rest):
        found += ranged(item[1] + item[2]) if item[2] else [inherited(item[1], found)]
        rest, pattern = rest[item.end() :], kind.more
        if aside := re.match(r"\s*\(([^()]*)\)", rest):
            found += re.findall(EQUATION, aside[1])
            rest = rest[aside.end() :]
        comma = re.match(r",|\s+and(?=\s)", rest)
        rest = rest[comma.end() :] if comma else ""
    return [*found] or [None]


def ranged(item: str) -> list[str]:
    """Labels from the first to the last of ``A1-A9`` or ``j16-17``."""
    first, last = item.split("-")
    letter, begin, end = re.sub(r"\d.*", "", first), re.search(r"\d+", first), re.search(r"\d+", last)
    assert begin and end, item
    return [f"{letter}{n}" for n in range(int(begin[0]), int(end[0]) + 1)]


def inherited(item: str, before: list[str]) -> str:
    """A letter after a numbered label belongs to its number: 6a and c is 6a and 6c."""
    number = re.match(r"\d+", before[-1]) if before else None
    return f"{number[0]}{item}" if number and re.fullmatch("[a-z]", item) else item


# ---- what the handbook has ------------------------------------------------------------------------------------------


def prose(page: str) -> str:
    """A page without its blocks of equations."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


def headings(page: str) -> list[str]:
    """Headings of a page, without the marks of code."""
    return [h.replace("`", "").strip() for h in re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)]


def first_word(heading: str) -> str:
    """The label that a heading carries, if it carries one."""
    return heading.split()[0].rstrip(".:")


def pages(kind: Kind) -> list[Path]:
    """Pages of a kind, those of a glob in order."""
    return [path for glob in kind.pages for path in sorted(HANDBOOK.glob(glob))]


def is_there(kind: Kind, label: str | None, present: list[str]) -> bool:
    """Whether a label heads a section: as its first word, or a name as its beginning."""
    if label is None:
        return kind.bare
    if kind.first is not None:
        return label in {first_word(heading) for heading in present}
    return any(re.match(rf"{re.escape(label)}(?!\w)", heading, re.IGNORECASE) for heading in present)


def leading_nowhere(kind: Kind, found: list[Text], present: list[str]) -> list[Reference]:
    """References that no heading answers."""
    every = (reference for text in found for reference in references(kind, text))
    return [reference for reference in every if not is_there(kind, reference.label, present)]


# ---- the tests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_every_reference_leads_to_a_heading(name: str) -> None:
    kind = KINDS[name]
    assert pages(kind), f"docs/handbook has no page {kind.pages[0]}, to which the code refers as {kind.word}"
    present = [heading for page in pages(kind) for heading in headings(page.read_text(encoding="utf-8"))]
    lost = [
        f"{path.relative_to(ROOT)}:{line}: {kind.word} {label or '(no label that can be read)'}"
        for path in files()
        for line, label in leading_nowhere(kind, texts_of(path), present)
    ]
    assert not lost, f"no heading in {', '.join(kind.pages)} for:\n" + "\n".join(lost)


@pytest.mark.parametrize("name", ["physics", "workload", "protocol"])
def test_a_label_heads_one_place_only(name: str) -> None:
    heads = [first_word(h) for page in pages(KINDS[name]) for h in headings(page.read_text(encoding="utf-8"))]
    assert heads
    twice = [label for label, n in Counter(heads).items() if n > 1 and re.fullmatch(rf"{LETTERED}|{NUMBERED}", label)]
    assert not twice


@pytest.mark.parametrize(
    ("name", "said", "lost"),
    [
        ("physics", " E1", []),
        ("physics", " E1, e1 and Q9", ["Q9"]),
        ("physics", " E2a", ["E2a"]),
        ("physics", " e1 (stages), E7.", ["E7"]),
        ("physics", " e1 (E1, E3)", ["E3"]),
        ("physics", " E1, 3 to 5 times", []),
        ("physics", " A1-A3", ["A2", "A3"]),
        ("physics", " j16-17", ["j16", "j17"]),
        ("physics", " section a", [None]),
        ("physics", "", [None]),
        ("workload", " 6a and c, 7", ["7"]),
        ("workload", " d", ["d"]),
        ("workload", "'s table", []),
        ("protocol", " 5 and 9", ["9"]),
        ("scenarios", ' ai_hall, "fan pi"', []),
        ("scenarios", " edge_room; per unit", ["edge_room"]),
        ("scenarios", ', "Fan PI"', []),
        ("scenarios", ', "Fan PID"', ["Fan PID"]),
        ("stack", ', "What learns fast"', ["What learns fast"]),
    ],
)
@pytest.mark.parametrize("form", ["{0!r}", "x = 1  # {0}", "x = ('a source; ' {0!r})", "#: first\n# {0}"])
def test_a_reference_that_leads_nowhere_is_found(name: str, said: str, lost: list[str | None], form: str) -> None:
    present = headings(
        "# a Air\n## e1 Chillers\n### E1 Curves\n### A1 p\n## 5 x\n### 6a x\n### 6c x\n## `ai_hall`\n# Fan PI"
    )
    code = form.format(f"see {KINDS[name].word}{said}")
    assert [r.label for r in leading_nowhere(KINDS[name], python_texts(code), present)] == lost


def test_names_of_constants_and_words_in_code_are_no_references() -> None:
    for kind in KINDS.values():
        code = f"{kind.word} = ('Q9',)\nx = {kind.word}[1:]\ny = '{kind.word}'\nz = {{'{kind.word}': 1}}\n"
        assert [r for text in python_texts(code) for r in references(kind, text)] == []


def test_references_in_yaml_and_in_running_text_carry_their_line() -> None:
    kind = KINDS["physics"]
    yaml = f"a: 1\n# one {kind.word} E1,\n# Q9\nb: '{kind.word} Q8'  # {kind.word} Q7\n"
    assert leading_nowhere(kind, yaml_texts(yaml), ["E1 x"]) == [(2, "Q9"), (4, "Q7")]
    assert leading_nowhere(kind, texts(".md", f"x\n\n{kind.word} Q6"), ["E1 x"]) == [(3, "Q6")]


def test_equations_are_no_headings() -> None:
    assert headings("# a Air\n```\n# E1 not a heading\n```\n") == ["a Air"]


def test_every_source_key_of_the_physics_pages_has_its_reference_and_each_reference_is_cited() -> None:
    listed = (HANDBOOK / "references-physics.md").read_text(encoding="utf-8")
    known = re.findall(r"^- \*\*(\w+)\*\*", listed, flags=re.MULTILINE)
    cited = {
        key.strip()
        for page in pages(KINDS["physics"])
        for marked in MARK.findall(page.read_text(encoding="utf-8"))
        for key in re.split(r",", re.sub(r"\s+", " ", marked))
    } - {"Key"}
    assert len(cited) > 50
    assert len(known) == len(set(known))
    assert cited == set(known)


def test_every_link_of_the_handbook_leads_to_a_page_and_its_heading() -> None:
    links = [(page, link) for page in sorted(HANDBOOK.rglob("*.md")) for link in LINK.findall(page.read_text("utf-8"))]
    assert len(links) > 20
    lost = [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not leads_somewhere(page, link)]
    assert not lost


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a relative link has its file and, where it names one, its heading."""
    if "://" in link:
        return True
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not anchor or anchor in {slug(h) for h in headings(target.read_text(encoding="utf-8"))}


def slug(heading: str) -> str:
    """Anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
