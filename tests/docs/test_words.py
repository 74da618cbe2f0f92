"""How pages read: whole numbers, wrapped lines, short sentences, links that lead somewhere."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE_ROOMS = ("envs", "agents", "experiments", "scripts", "tests")
WIDEST_LINE = 100
LONGEST_SENTENCE = 45
LONGEST_SENTENCE_AT_THE_DOOR = 40
AT_THE_DOOR = ("README.md", "docs/index.md")

NUMBER_WITHOUT_ZERO = re.compile(r"(?<![\w.:)\]])\.\d")
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2[ \t]*$", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", flags=re.MULTILINE)
BLOCK_BEGINS = re.compile(r"^\s*([-*] |\d+\. |> |#|\||!!!|$)")
SENTENCE_ENDS = re.compile(r"(?<=[.!?])[\"*)]*\s+(?=[\"*(`\[A-Z0-9])")


class Place(NamedTuple):
    """A line of a page and what is wrong there."""

    line: int
    words: str


def pages() -> Iterator[Path]:
    """Pages of the root and of docs."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def name_of(path: Path) -> str:
    """Path from the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


def without_code(page: str) -> str:
    """A page with the lines of its code blocks emptied, so that line numbers stay."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), page)


def without_quoted_code(text: str) -> str:
    """Text with one word for each piece of quoted code; a capital, as it may begin a sentence."""
    return re.sub(r"(`+)(?:(?!\1).)+?\1", "Code", text)


# ---- what is looked for ---------------------------------------------------------------------------------------------


def numbers_without_zero(text: str) -> list[Place]:
    """Numbers such as a bare point and digits, outside code."""
    lines = without_quoted_code(without_code(text)).splitlines()
    return [Place(n, line.strip()) for n, line in enumerate(lines, 1) if NUMBER_WITHOUT_ZERO.search(line)]


def lines_too_wide(page: str) -> list[Place]:
    """Lines of prose past the limit; tables, code and lines that one long link or word fills are let be."""
    found = []
    for n, line in enumerate(without_code(page).splitlines(), 1):
        is_table = line.lstrip().startswith("|")
        can_be_wrapped = " " in LINK.sub("link", re.sub(r"`[^`]*`", "code", line)).strip(" -*")
        if len(line) > WIDEST_LINE and not is_table and can_be_wrapped:
            found.append(Place(n, f"{len(line)} columns"))
    return found


def sentences(page: str) -> list[Place]:
    """Sentences of a page's prose with the line on which their paragraph begins; quoted code is one word."""
    found = []
    for line, block in paragraphs(without_code(page)):
        plain = without_quoted_code(LINK.sub(r"\1", block))
        found += [Place(line, sentence) for sentence in SENTENCE_ENDS.split(plain)]
    return found


def paragraphs(page: str) -> list[Place]:
    """Paragraphs and items of lists, each as one line; headings and tables are none."""
    found: list[Place] = []
    is_open = False
    for n, line in enumerate(page.splitlines(), 1):
        if BLOCK_BEGINS.match(line):
            is_open = bool(line.strip()) and line.lstrip()[0] not in "#|"
            if is_open:
                found.append(Place(n, re.sub(r"^\s*([-*]|\d+\.|>) ", "", line).strip()))
        elif is_open:
            found[-1] = Place(found[-1].line, f"{found[-1].words} {line.strip()}")
        else:
            found.append(Place(n, line.strip()))
            is_open = True
    return found


def sentences_too_long(page: str, limit: int) -> list[Place]:
    """Sentences of more than ``limit`` words."""
    counted = ((len(re.findall(r"[\w.,%/+-]*\w[\w.,%/+-]*", s.words)), s) for s in sentences(page))
    return [Place(s.line, f"{n} words: {s.words[:60]}...") for n, s in counted if n > limit]


def anchors(page: str) -> set[str]:
    """Anchors of a page's headings as GitHub makes them; a repeated heading gets a number."""
    made: list[str] = []
    for heading in HEADING.findall(without_code(page)):
        words = LINK.sub(r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        made.append(f"{anchor}-{made.count(anchor)}" if anchor in made else anchor)
    return set(made) | set(re.findall(r'<a (?:id|name)="([^"]+)"', page))


def links_to_nowhere(path: Path, page: str) -> list[Place]:
    """Relative links whose file, or whose heading in it, is not there."""
    return [
        Place(n, link)
        for n, line in enumerate(without_code(page).splitlines(), 1)
        for _, link in LINK.findall(re.sub(r"`[^`\]]*`(?!\])", "code", line))
        if not leads_somewhere(path, page, link)
    ]


def leads_somewhere(path: Path, page: str, link: str) -> bool:
    """Whether a link's file and heading are there; addresses of the web are believed."""
    if re.match(r"[a-z]+:", link):
        return True
    name, _, anchor = link.partition("#")
    target = path.parent / name
    if name and not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text(encoding="utf-8") if name else page)


def prose_of_code(source: str) -> Iterator[Place]:
    """Docstrings and comments of a Python file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = ast.get_docstring(node, clean=False)
            if words:
                yield Place(node.body[0].lineno, words)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Place(token.start[0], token.string)


# ---- the pages ------------------------------------------------------------------------------------------------------


def found_lines(found: dict[str, list[Place]]) -> str:
    """One line per place, empty where nothing was found."""
    return "\n".join(f"{name}:{place.line}: {place.words}" for name, places in found.items() for place in places)


def test_numbers_in_pages_have_their_zero() -> None:
    lost = found_lines({name_of(path): numbers_without_zero(path.read_text(encoding="utf-8")) for path in pages()})
    assert not lost, f"write 0.38, not .38:\n{lost}"


@pytest.mark.parametrize("room", CODE_ROOMS)
def test_numbers_in_docstrings_and_comments_have_their_zero(room: str) -> None:
    lost = [
        f"{name_of(path)}:{place.line + wrong.line - 1}: {wrong.words}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for place in prose_of_code(path.read_text(encoding="utf-8"))
        for wrong in numbers_without_zero(place.words)
    ]
    assert not lost, "write 0.38, not .38:\n" + "\n".join(lost)


def test_numbers_in_templates_have_their_zero() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "experiments").rglob("*.j2"))}
    assert texts
    visible = {p: re.sub(r"<style>.*?</style>|\{[{%].*?[%}]\}", "", t, flags=re.DOTALL) for p, t in texts.items()}
    lost = found_lines({name_of(path): numbers_without_zero(text) for path, text in visible.items()})
    assert not lost, f"write 0.38, not .38:\n{lost}"


def test_lines_of_prose_are_wrapped() -> None:
    lost = found_lines({name_of(path): lines_too_wide(path.read_text(encoding="utf-8")) for path in pages()})
    assert not lost, f"wrap prose at {WIDEST_LINE} columns:\n{lost}"


def test_sentences_are_short() -> None:
    found = {}
    for path in pages():
        limit = LONGEST_SENTENCE_AT_THE_DOOR if name_of(path) in AT_THE_DOOR else LONGEST_SENTENCE
        found[name_of(path)] = sentences_too_long(path.read_text(encoding="utf-8"), limit)
    lost = found_lines(found)
    assert not lost, f"say one idea a sentence:\n{lost}"


def test_links_lead_to_a_file_and_its_heading() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in pages()}
    assert sum(len(LINK.findall(text)) for text in texts.values()) > 100
    lost = found_lines({name_of(path): links_to_nowhere(path, text) for path, text in texts.items()})
    assert not lost, f"these links lead nowhere:\n{lost}"


# ---- that the tests can fail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["an error of .38 K", "between -.4 and 1", "**.20** K", "(.5)", "| a | .3 |"])
def test_a_number_without_its_zero_is_found(text: str) -> None:
    assert numbers_without_zero(f"first\n{text}\n") == [Place(2, text)]
    source = f'"""First.\n\n{text}\n"""\nx = .5  # {text}\n'
    assert sum(len(numbers_without_zero(place.words)) for place in prose_of_code(source)) == 2


@pytest.mark.parametrize(
    "text", ["0.38 K", "version 1.2.3", "`x=.5`", "```\nx = .5\n```", "1..5", "a file .csv", "{:.2f}", "row.1"]
)
def test_other_points_are_no_numbers_without_zero(text: str) -> None:
    assert numbers_without_zero(text) == []


def test_a_wide_line_is_found_and_a_wide_table_is_none() -> None:
    wide = "word " * 25
    assert [p.line for p in lines_too_wide(f"short\n{wide}\n- {wide}\n")] == [2, 3]
    long_link = f"- [one]({'x' * 120})"
    assert lines_too_wide(f"| {wide} |\n```\n{wide}\n```\n{long_link}\n{'x' * 120}\n") == []


def test_a_long_sentence_is_found_wherever_it_stands() -> None:
    long = "word " * 29 + "end."
    for page in (long, f"Short one. {long}", f"- item\n- {long}", f"1. {long.replace(' ', chr(10), 2)}"):
        assert len(sentences_too_long(page, 25)) == 1, page
    assert sentences_too_long(long, 30) == []


def test_headings_tables_code_and_links_do_not_lengthen_a_sentence() -> None:
    many = "word " * 30
    assert sentences_too_long(f"# {many}\n\n| {many} |\n\n```\n{many}\n```\n", 25) == []
    assert sentences_too_long(f"Run `{many}` and read [this]({'a' * 50}).", 5) == []
    assert [s.words for s in sentences("One of 0.3 K. Two, e.g. this! (Three.)")] == [
        "One of 0.3 K.",
        "Two, e.g. this!",
        "(Three.)",
    ]


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("# Two words\n\n# Two words\n\n```\n# no heading\n```\n", encoding="utf-8")
    page = "[a](other.md#two-words) [b](other.md#two-words-1) [c](#here) [d](https://x.y/z)\n# `Here`\n"
    assert links_to_nowhere(tmp_path / "page.md", page) == []
    page = "# Here\n[a](none.md)\n[b](other.md#no-heading) [c](#there)\n"
    found = links_to_nowhere(tmp_path / "page.md", page)
    assert found == [Place(2, "none.md"), Place(3, "other.md#no-heading"), Place(3, "#there")]
