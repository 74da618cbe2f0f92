"""The list of what a folder of runs holds: a line for each evaluation with its verdict, for each run and bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from agents.page.parts import part
from agents.runtime.manifest import MANIFEST
from envs.whole_file import write_whole
from experiments.evaluation.comparison import comparisons
from experiments.evaluation.results import FACTS, stored_evaluation
from experiments.evaluation.verdict import LEVEL, Said, verdict, verdicts_of
from experiments.records.run_folder import RUN_FILE

INDEX, REPORT = "index.html", "report.html"
KINDS = {FACTS: "evaluation", RUN_FILE: "training run", MANIFEST: "bundle"}


class Row(NamedTuple):
    """One line of the list; ``link`` is empty where there is no page to open."""

    kind: str
    place: str
    link: str
    time: str
    scenario: str
    said: Said


def write_index(folder: Path) -> Path:
    """Write ``index.html`` into a folder of runs.

    Raises
    ------
    FileNotFoundError
        Where the folder is not there.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    if not folder.is_dir():
        raise FileNotFoundError(f"runs = {folder} is no folder; give the one that runs are written to, such as runs")
    pages = Environment(loader=PackageLoader("experiments", "templates"), autoescape=True, undefined=StrictUndefined)
    words = {"style": Markup(part("page.css")), "theme": Markup(part("theme.js")), "search": Markup(part("index.js"))}
    rows = sorted(rows_of(folder), key=lambda row: row.time, reverse=True)
    path = folder / INDEX
    write_whole(path, pages.get_template("index.html.j2").render(rows=rows, folder=folder.name, **words))
    return path


def rows_of(folder: Path) -> Iterator[Row]:
    """A row for each evaluation, run and bundle below a folder; what cannot be read says so."""
    for name, kind in KINDS.items():
        for path in folder.rglob(name):
            place = path.parent
            try:
                facts = json.loads(path.read_text(encoding="utf-8"))
                said = _evaluation_words(place) if name == FACTS else Said("", _words(kind, facts))
                scenario = str(facts["scenario"])
            except (ValueError, KeyError, TypeError, OSError) as error:
                scenario, said = "", Said(LEVEL, f"cannot be read: {error}")
            report = place / REPORT
            link = report.relative_to(folder).as_posix() if kind == "evaluation" and report.exists() else ""
            when = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M")
            yield Row(kind, place.relative_to(folder).as_posix(), link, when, scenario, said)


def _evaluation_words(place: Path) -> Said:
    stored = stored_evaluation(place)
    baseline = stored.facts["baseline"]
    return verdict(comparisons(stored, baseline), verdicts_of(stored, baseline), stored.facts).headline


def _words(kind: str, facts: dict[str, Any]) -> str:
    if kind == "bundle":
        return f"{facts['algorithm']}, {len(facts['interface']['channels'])} channels"
    steps = f"{int(facts['steps']):,}".replace(",", " ") if "steps" in facts else "unknown"
    return f"{facts['algorithm']}, {facts.get('status', 'unfinished')}, {steps} steps"
