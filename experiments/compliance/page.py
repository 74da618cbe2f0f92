"""Page and facts of a year's report: figures with their meters, meters with their files, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from envs.whole_file import write_whole
from experiments.compliance.ashrae import ClassHours, narrowest
from experiments.compliance.enefg import APPLIES_FROM_KW, Answer, answers
from experiments.compliance.figures import Told
from experiments.compliance.meters import Reading, Site
from experiments.compliance.quantities import QUANTITIES, REPORTS_FROM_KW, UNITS
from experiments.records.markdown_table import markdown_table
from experiments.records.provenance import provenance

PAGE, FACTS = "comply.md", "comply.json"
SHOWN = 12  # digits of a hash on the page; all stand in the facts


def save(
    folder: Path,
    site: Site,
    readings: Sequence[Reading],
    found: Told,
    command: str,
    hours: Sequence[ClassHours] = (),
    statements: Sequence[str] = (),
) -> Path:
    """Write the page and the facts, and return the page.

    ``hours`` are those of the ASHRAE classes, ``statements`` parts of the page behind the figures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "command": command,
        "site": site.name,
        "year": site.year,
        "simulated": site.simulated,
        "figures": [figure._asdict() for figure in found.figures],
        "missing": found.missing,
        "ashrae": [c._asdict() for c in hours],
        "enefg": [a._asdict() | a.demand._asdict() for a in _asked(site, found)],
        "meters": [_meter_facts(one) for one in readings],
        **provenance(config={"command": command}),
    }
    write_whole(folder / FACTS, json.dumps(facts, indent=2, default=str) + "\n")
    write_whole(folder / PAGE, page(site, readings, found, command, hours, statements))
    return folder / PAGE


def page(
    site: Site,
    readings: Sequence[Reading],
    found: Told,
    command: str,
    hours: Sequence[ClassHours] = (),
    statements: Sequence[str] = (),
) -> str:
    """The page in Markdown."""
    figures = [
        [f.symbol, f"{f.value:.6g}", f.unit, f.meaning, f.source, ", ".join(f.meters) or "a fact of the file"]
        for f in found.figures
    ]
    meters = [
        [r.meter.name, r.meter.file.name, r.meter.column, r.meter.unit, r.meter.reads, f"{r.amount:.6g}", _unit(r)]
        + [str(r.rows), r.sha256[:SHOWN]]
        for r in readings
    ]
    title = f"# {site.name}, {site.year}{', simulated' if site.simulated else ''}"
    parts = [title, answer_words(site, found), f"```\n{command}\n```"]
    parts += ["## Figures", _table(("figure", "value", "unit", "what", "asked by", "meters"), figures)]
    heads = ("meter", "file", "column", "unit", "reads", "in the year", "unit of the sum", "rows", "sha256")
    parts += ["## Meters", _table(heads, meters)]
    if hours:
        held = narrowest(hours)
        words = f"The year lay within {held}." if held else "The year lay within no class."
        rows = [[c.name, f"{c.low_c:g} to {c.high_c:g}", str(c.hours), f"{c.hours / c.of_hours:.2%}"] for c in hours]
        parts += ["## ASHRAE classes by the hour", f"{words} Dry bulb alone; every inlet meter must be within."]
        parts += [_table(("class", "degC", "hours", "of the year"), rows)]
    if site.begun is not None:
        law = [
            [f"{a.demand.symbol} {'<=' if a.demand.most else '>='} {a.demand.limit:g}", a.demand.paragraph]
            + ["{}-{:02d}".format(*a.demand.begins), "-" if a.value is None else f"{a.value:.4g}", a.words]
            for a in _asked(site, found)
        ]
        parts += ["## EnEfG", _enefg_words(found), _table(("asked", "section", "from", "this year", "answer"), law)]
    parts += statements
    missing = [[symbol, reason] for symbol, reason in found.missing.items()]
    parts += ["## Missing", _table(("figure", "why"), missing)]
    return "\n\n".join(parts) + "\n"


def answer_words(site: Site, found: Told) -> str:
    """The answer in a sentence or two."""
    by_symbol = {figure.symbol: figure for figure in found.figures}
    ratios = [f"{s} {by_symbol[s].value:.3f}" for s in ("PUE", "WUE", "REF", "ERF", "CUE") if s in by_symbol]
    year = "Of a simulated year, no building: " if site.simulated else ""
    told = ", ".join(ratios) if ratios else "No figure can be told"
    said = f"**{year}{told}.** {len(found.missing)} figures are missing."
    if "PDIT" not in by_symbol:
        return f"{said} Whether the site must report is not known: facts.installed_it_kw is missing."
    must = by_symbol["PDIT"].value >= REPORTS_FROM_KW
    words = "must report" if must else "need not report"
    return f"{said} With {by_symbol['PDIT'].value:.6g} kW of IT the site {words} (Article 1: from 500 kW)."


def _asked(site: Site, found: Told) -> list[Answer]:
    return [] if site.begun is None else answers(site.begun, site.year, _known(found))


def _known(found: Told) -> dict[str, float]:
    return {figure.symbol: figure.value for figure in found.figures}


def _enefg_words(found: Told) -> str:
    known = _known(found)
    words = f"The law applies from {APPLIES_FROM_KW:g} kW of connected power without redundancy."
    if "PDIT" not in known:
        return f"{words} facts.installed_it_kw is missing, which would say on which side the site is."
    side = "above" if known["PDIT"] >= APPLIES_FROM_KW else "below, as far as its IT tells"
    return f"{words} With {known['PDIT']:.6g} kW of IT the site is {side}. No legal advice."


def _unit(one: Reading) -> str:
    return next(iter(UNITS[QUANTITIES[one.meter.quantity].dimension]))


def _meter_facts(one: Reading) -> dict[str, object]:
    told = one.meter._asdict() | {"file": one.meter.file.name, "amount": one.amount, "unit_of_amount": _unit(one)}
    return told | {"rows": one.rows, "sha256": one.sha256}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown_table(head, rows) if rows else "None."
