"""What pages, docstrings and comments quote is there: paths, modules, and what a module or class defines.

The changelog is left out: it tells what was.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).resolve()  # names what is gone, to prove that it is found
ROOT = HERE.parents[2]
ROOMS = ("envs/", "agents/", "experiments/", "scripts/", "configs/", "tests/", "docs/")
CODE_ROOMS = ("envs", "agents", "experiments", "scripts", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/**/*.md")
MODULE = "<module>"  # scope of what stands at the top of a file

QUOTED = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", flags=re.DOTALL)
FENCE = re.compile(r"^( *)(```|~~~).*?\n(.*?)^\1\2[ \t]*$", flags=re.MULTILINE | re.DOTALL)
PATH = re.compile(
    r"(?<![\w./:\\$-])((?:envs|agents|experiments|scripts|configs|tests|docs)/[\w./*{},<>-]*[\w/*}>])"
    r"(?::\s*([A-Za-z_]\w*(?:\.\w+)*))?"
)
FILE = re.compile(r"(?<![\w./:\\$*<-])((?:\w+/)*\w+\.py)(?![\w/]|\.\w)")
DOTTED = re.compile(r"(?<![\w./:-])((?:envs|agents|experiments|scripts)(?:\.[A-Za-z_]\w*)+)(?![\w/])")

#: What a page may name although it is not there: ``(page, name): reason``.
EXCEPTIONS = {
    ("tests/test_floors.py", "a/b.py"): "an example of a path",
    ("README.md", "first.py"): "a file that the reader saves",
    ("docs/your-hall.md", "check.py"): "a file that the reader saves",
    ("docs/install.md", "agents.py"): "a file that the reader may have",
}
#: Files that a verb of ours writes, and what writes them: any page may name them.
WRITTEN = {"act.py": "agents/runtime/assembly.py"}


class Name(NamedTuple):
    """A path or dotted name, and the line on which its quotation begins."""

    line: int
    words: str


# ---- what a text names ----------------------------------------------------------------------------------------------


def quotations_of_page(page: str) -> Iterator[Name]:
    """Quoted code of a page: blocks, then what stands between backticks outside them."""
    for block in FENCE.finditer(page):
        yield Name(page.count("\n", 0, block.start(3)) + 1, block[3])
    yield from quotations(FENCE.sub(lambda block: "\n" * block[0].count("\n"), page))


def quotations(text: str, first_line: int = 1) -> Iterator[Name]:
    """What stands between backticks, single or double; a line's end inside becomes a space."""
    for found in QUOTED.finditer(text):
        yield Name(first_line + text.count("\n", 0, found.start()), re.sub(r"\s+", " ", found[2]))


def quotations_of_code(source: str) -> Iterator[Name]:
    """Quotations of a Python file's docstrings, and of its comments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = ast.get_docstring(node, clean=False)
            if words:
                yield from quotations(words, node.body[0].lineno)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from quotations(token.string, token.start[0])


def paths_and_dotted_names(quotation: Name) -> Iterator[Name]:
    """Paths, each with the name that follows its colon, files and dotted names in a piece of quoted code."""
    for found in PATH.finditer(quotation.words):
        yield Name(quotation.line, f"{found[1]}:{found[2]}" if found[2] else found[1])
    for found in FILE.finditer(PATH.sub(" ", quotation.words)):
        yield Name(quotation.line, found[1])
    for found in DOTTED.finditer(quotation.words):
        yield Name(quotation.line, found[1])


# ---- what the tree has ----------------------------------------------------------------------------------------------


def is_there(words: str) -> bool:
    """Whether a path from the root, the end of a path to a Python file, or a dotted name is in the tree."""
    if words.endswith(".py") and not words.startswith(ROOMS):
        return f"/{words}\n" in ends_of_files()
    if not words.startswith(ROOMS):
        return dotted_name_is_there(words)
    path, _, name = words.partition(":")
    return all(path_is_there(p) for p in alternatives(path)) and (not name or name_is_there(ROOT / path, name))


@cache
def ends_of_files() -> str:
    """Every Python file of the rooms with a slash before each part of its path, one a line."""
    return "".join(f"/{path.relative_to(ROOT).as_posix()}\n" for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def alternatives(path: str) -> list[str]:
    """A path for each of the words between braces, ``a/{b,c}.py``."""
    parts = [part.split(",") for part in re.split(r"[{}]", path)]
    whole = [[",".join(part)] if n % 2 == 0 else part for n, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*whole)]


def path_is_there(path: str) -> bool:
    """Whether a file or folder is there; ``<word>`` stands for any name, a star for any part of one."""
    pattern = re.sub(r"<[^>]*>", "*", path).rstrip("/")
    return any(ROOT.glob(pattern)) if "*" in pattern else (ROOT / pattern).exists()


def name_is_there(path: Path, name: str) -> bool:
    """Whether a Python file defines a name, dotted where a class's member is meant; other files are not read."""
    if path.suffix != ".py":
        return True
    scopes = definitions(path)
    scope = MODULE
    for part in name.split("."):
        if scope not in scopes or part not in scopes[scope]:
            return False
        scope = part
    return True


def dotted_name_is_there(words: str) -> bool:
    """Whether a dotted name is a module, or what a module or one of its classes defines."""
    parts = words.split(".")
    for n in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:n])
        if (n == len(parts) and path.is_dir()) or path.with_suffix(".py").is_file():
            return n == len(parts) or name_is_there(path.with_suffix(".py"), ".".join(parts[n:]))
        if (path / "__init__.py").is_file():
            return name_is_there(path / "__init__.py", ".".join(parts[n:]))
    return False


@cache
def definitions(path: Path) -> dict[str, set[str]]:
    """Names that a file defines or imports at its top, and the members of each of its classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
    return {scope: set(bound_names(body)) for scope, body in {MODULE: tree.body, **classes}.items()}


def bound_names(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements bind, those under an ``if`` or ``try`` included."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            yield from own_attributes(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(node, ast.If | ast.Try):
            yield from bound_names(node.body)


def own_attributes(function: ast.AST) -> Iterator[str]:
    """Attributes that a method sets on ``self``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            yield node.attr


# ---- the tests ------------------------------------------------------------------------------------------------------


def not_there(page: str, found: Iterator[Name]) -> list[str]:
    """Names of a page's quotations that the tree lacks, exceptions left out."""
    names = [name for quotation in found for name in paths_and_dotted_names(quotation)]
    return [
        f"{page}:{name.line}: {name.words}"
        for name in names
        if not is_there(name.words) and (page, name.words) not in EXCEPTIONS and name.words not in WRITTEN
    ]


def test_what_pages_name_is_there() -> None:
    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    assert len(pages) > 50
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in pages}
    lost = [line for page, text in texts.items() for line in not_there(page, quotations_of_page(text))]
    assert not lost, "these names are not in the tree:\n" + "\n".join(lost)


@pytest.mark.parametrize("room", [*CODE_ROOMS, "docs"])
def test_what_docstrings_and_comments_name_is_there(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files if path != HERE}
    assert texts
    lost = [line for page, text in texts.items() for line in not_there(page, quotations_of_code(text))]
    assert not lost, "these names are not in the tree:\n" + "\n".join(lost)


def test_every_exception_is_still_needed() -> None:
    for (page, name), reason in EXCEPTIONS.items():
        assert reason and not is_there(name) and name.partition(":")[0] in (ROOT / page).read_text(encoding="utf-8")
    for name, writer in WRITTEN.items():
        assert not is_there(name) and name in (ROOT / writer).read_text(encoding="utf-8")


# ---- that the tests can fail ----------------------------------------------------------------------------------------

GONE = (
    "envs/electrical.py",
    "envs/plant/flows.py: COOLING",
    "envs/plant/{flows,gone}.py",
    "experiments/score.py",
    "experiments/evaluation/score.py: Scorer.nothing",
    "tests/agents/test_roster.py",
    "configs/scenario/<name>.toml",
    "configs/*/gone.yaml",
    "roster.py",
    "plant/roster.py",
    "envs.gone",
    "envs.plant.flows.Gone",
    "agents.references.roster",
    "envs.plant.datacenter.Plant.settled",
    "python -m scripts.gone --store",
)
THERE = (
    "envs/plant/electrical.py",
    "envs/plant/flows.py: COOLING_POWER",
    "envs/plant/datacenter.py: Plant.steady_state",
    "envs/plant/{flows,ledger}.py",
    "envs/plant/",
    "configs/scenario/<name>.yaml",
    "configs/*/test.yaml",
    "references.py",
    "plant/ledger.py",
    "envs.plant",
    "envs.plant.flows.Flows.trips",
    "envs.scenario.load",
    "envs.core.DataCenterCore.plant",
    "python -m scripts.bench --long",
)


@pytest.mark.parametrize("words", GONE)
@pytest.mark.parametrize("form", ["See `{}`.", "See ``{}``.", "```\n{}\n```\n"])
def test_a_name_that_is_gone_is_found_in_a_page(words: str, form: str) -> None:
    assert len(not_there("page", quotations_of_page(form.format(words)))) == 1


@pytest.mark.parametrize("words", GONE)
@pytest.mark.parametrize("form", ['"""See `{}`."""', "x = 1  # as ``{}``", 'class A:\n    """A.\n\n    `{}`\n    """'])
def test_a_name_that_is_gone_is_found_in_code(words: str, form: str) -> None:
    assert len(not_there("file", quotations_of_code(form.format(words)))) == 1


@pytest.mark.parametrize("words", THERE)
def test_a_name_that_is_there_is_found_and_accepted(words: str) -> None:
    quotation = Name(1, words)
    assert list(paths_and_dotted_names(quotation)) and not_there("page", iter([quotation])) == []


@pytest.mark.parametrize(
    "words",
    ["runs/envs/gone.txt", "https://x.y/envs/gone.py", "x = 'setup.py.bak/'", "EnergyPlus", "envs:coldaisle/X-v1"],
)
def test_other_words_are_no_names(words: str) -> None:
    assert list(paths_and_dotted_names(Name(1, words))) == []


def test_names_carry_the_line_of_their_quotation() -> None:
    page = "one\n```\nx\nenvs/a.py\n```\ntwo `envs/b.py`\n"
    assert not_there("p", quotations_of_page(page)) == ["p:3: envs/a.py", "p:6: envs/b.py"]
