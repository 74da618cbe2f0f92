"""Hook of mkdocs: adds pages that are no Markdown below docs/, fills stars of the nav, mends links that leave docs/."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
#: Pages of the repository's root that the site shows too.
ROOT_PAGES = {"README.md": "start.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s]+)\)")
CELL = re.compile(r"^# %%(?P<prose> \[markdown\])?.*\n", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Replace every nav entry with a star by the pages that it matches."""
    config.nav = starless(config.nav)
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the root and the tutorials."""
    made = {page: (ROOT / name).read_text(encoding="utf-8") for name, page in ROOT_PAGES.items()}
    for script in sorted((DOCS / "tutorials").glob("*.py")):
        files.remove(files.get_file_from_path(f"tutorials/{script.name}"))
        made[f"tutorials/{script.stem}.md"] = tutorial_page(script.read_text(encoding="utf-8"))
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Point links at the site's pages; a file that the site does not show is named instead of linked."""
    names = {shown: name for name, shown in ROOT_PAGES.items()}
    source = names.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return LINK.sub(lambda link: mended(link["text"], link["target"], source, page.file.src_uri), markdown)


def mended(text: str, target: str, source: str, page: str) -> str:
    """A Markdown link as the site can follow it.

    Parameters
    ----------
    text, target : str
        Of the link.
    source : str
        File that holds the link, from the repository's root.
    page : str
        The site's page of that file, from docs/.
    """
    path, mark, anchor = target.partition("#")
    if "://" in target or not path:
        return f"[{text}]({target})"
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    shown = ROOT_PAGES.get(wanted, wanted.removeprefix("docs/") if wanted.startswith("docs/") else "")
    if not shown:
        return text if text.strip("`") == wanted else f"{text} (`{wanted}`)"
    if shown.startswith("tutorials/") and shown.endswith(".py"):
        shown = shown.removesuffix(".py") + ".md"
    return f"[{text}]({posixpath.relpath(shown, posixpath.dirname(page) or '.')}{mark}{anchor})"


def tutorial_page(source: str) -> str:
    """Markdown of a script in percent format: cells of prose as they are, cells of code in fences."""
    starts = list(CELL.finditer(source))
    ends = [start.start() for start in starts[1:]] + [len(source)]
    parts = []
    for start, end in zip(starts, ends, strict=True):
        body = source[start.end() : end].strip("\n")
        if start["prose"]:
            parts.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines()))
        elif body:
            parts.append(f"```python\n{body}\n```")
    return "\n\n".join(parts) + "\n"


def starless(entry: Any) -> Any:
    """A part of the nav with every star replaced by the pages that match, an index first."""
    if isinstance(entry, dict):
        return {title: starless(below) for title, below in entry.items()}
    if not isinstance(entry, list):
        return entry
    out: list[Any] = []
    for item in entry:
        if isinstance(item, str) and "*" in item:
            out += sorted((path.relative_to(DOCS).as_posix() for path in DOCS.glob(item)), key=_index_first)
        else:
            out.append(starless(item))
    return out


def _index_first(path: str) -> tuple[bool, str]:
    return not path.endswith("index.md"), path
