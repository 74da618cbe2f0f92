"""A report's audit trail: from files over meters and figures to the page; and the same road walked again."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.runtime.manifest import file_hash, package_versions
from experiments.compliance.decisions import Decisions, decisions
from experiments.compliance.figures import Told, told
from experiments.compliance.meters import Reading, Site, read_site, reading
from experiments.compliance.residency import Residency, residency
from experiments.compliance.trail import Link, appended, links
from experiments.records.provenance import git_state

TRAIL = "audit.jsonl"
SEAL_DIGITS = 12  # of a seal, at least
Entry = tuple[str, str, dict[str, Any]]
SAME = 1e-12  # relative: what another machine may round otherwise


class Verified(NamedTuple):
    """Links of the report that came out again, and how many reports of its trail follow it."""

    links: list[Link]
    later: int


class Report(NamedTuple):
    """What a report rests on and says; ``written`` are the files that tell it."""

    meters: Path
    site: Site
    readings: list[Reading]
    found: Told
    command: str
    written: tuple[Path, ...]
    residency: Residency | None = None
    decisions: Decisions | None = None


def recorded(trail: Path, report: Report) -> str:
    """Append a report to its trail, and return the seal: keep it elsewhere.

    Raises
    ------
    ValueError
        Where the trail that is there is broken.
    """
    return appended(trail, list(_entries(trail.parent, report)))


def verified(trail: Path, seal: str = "") -> Verified:
    """Work a report of a trail out again, link by link in its order.

    What was sealed must come out again; words that explain (`_compared`) are left out, for a later version may say
    them otherwise.

    Parameters
    ----------
    trail : Path
    seal : str
        What `recorded` returned, or 12 or more of its first digits: its report is worked out. Without it the last one
        is, and whoever rewrote trail, page and files together is not found.

    Raises
    ------
    FileNotFoundError
        Where the trail or one of its files is gone.
    ValueError
        Naming the first link that does not hold, and the version of the code where it is another.
    """
    whole = links(trail)
    ends = [nth for nth, link in enumerate(whole) if link.kind == "end"]
    if not whole[-1].kind == "end":
        raise ValueError(f"{trail}: its last report has no end; lines were cut off")
    end = _sealed(trail, whole, ends, seal) if seal else ends[-1]
    begins = [nth for nth, link in enumerate(whole[:end]) if link.kind == "report"]
    if not begins:
        raise ValueError(f"{trail}: the report that ends in line {end + 1} has no beginning; it was written anew")
    mine, later = whole[begins[-1] : end + 1], sum(nth > end for nth in ends)
    again, other = _worked_out(trail, mine), _other_code(mine[0])
    follow = f"; {later} later reports of this trail may have written it anew" if later else ""
    for link in mine:
        _require_same(trail, link, next(again, None), follow if link.kind == "page" else other)
    return Verified(mine, later)


def _sealed(trail: Path, whole: Sequence[Link], ends: Sequence[int], seal: str) -> int:
    """Where the report ends that has the seal."""
    found = [nth for nth in ends if len(seal) >= SEAL_DIGITS and whole[nth].sha256.startswith(seal)]
    if not found:
        raise ValueError(
            f"{trail}: none of its {len(ends)} reports ends with the seal {seal}, the last with {whole[-1].sha256}; "
            f"lines were changed or cut off since, or the seal is of another trail; give {SEAL_DIGITS} or more of its "
            "digits"
        )
    return found[0]


def _entries(folder: Path, report: Report) -> Iterator[Entry]:
    """A report as entries of a trail, from its files to its page."""
    site = report.site
    facts = {"command": report.command, "year": site.year, "simulated": site.simulated, "code": _code()}
    yield "report", site.name, facts
    yield "file", report.meters.name, _file(report.meters, folder) | {"is": "meters"}
    yield from _of_meters(folder, site, report.readings, report.found)
    if report.residency is not None:
        yield from _of_residency(folder, report.residency)
    if report.decisions is not None:
        yield from _of_decisions(folder, report.decisions)
    for path in report.written:
        yield "page", path.name, _file(path, folder)
    yield "end", site.name, {}


def _of_meters(folder: Path, site: Site, readings: list[Reading], found: Told) -> Iterator[Entry]:
    hashes = {one.meter.name: one.sha256 for one in readings}
    for path in dict.fromkeys(one.meter.file for one in readings):
        yield "file", path.name, _file(path, folder) | {"is": "series"}
    for one in readings:
        meter = one.meter
        facts: dict[str, Any] = {
            "quantity": meter.quantity,
            "column": meter.column,
            "unit": meter.unit,
            "reads": meter.reads,
        }
        facts |= {"subtract": meter.subtract, "rows": one.rows, "amount": one.amount, "file_sha256": one.sha256}
        yield "meter", meter.name, facts
    for figure in found.figures:
        facts = {"value": figure.value, "unit": figure.unit, "meaning": figure.meaning}
        yield "figure", figure.symbol, facts | {"meters": {name: hashes[name] for name in figure.meters}}
    yield "missing", site.name, dict(found.missing)


def _of_residency(folder: Path, found: Residency) -> Iterator[Entry]:
    yield "file", found.file.name, _file(found.file, folder) | {"is": "residency"}
    starts = {f"{one.kind} on {one.site}": one.starts for one in found.ran}
    facts = {"rows": found.rows, "period": [found.first, found.last], "starts": starts, "moved": found.moved}
    facts |= {"violations": list(found.violations)}
    yield "residency", found.file.name, facts


def _of_decisions(folder: Path, found: Decisions) -> Iterator[Entry]:
    yield "log", found.folder.name, {"path": os.path.relpath(found.folder, folder)}
    for day in found.days:
        yield "day", day.day, {"rows": day.rows, "sha256": day.sha256}
    yield "setpoints", found.folder.name, {"cycles": found.cycles, "writes": len(found.writes)}


def _file(path: Path, folder: Path) -> dict[str, Any]:
    return {"path": os.path.relpath(path, folder), "sha256": file_hash(path), "bytes": path.stat().st_size}


def _code() -> dict[str, str]:
    """Version and commit of the code that works a report out."""
    return {**package_versions(("coldaisle",)), **git_state()}


def _other_code(report: Link) -> str:
    """What is to be said of a figure that differs where other code made the report; empty where the same did."""
    was, now = report.facts.get("code"), _code()
    if was == now:
        return ""
    by = _code_words(was) if isinstance(was, dict) else "code that did not name its version"
    return f"; the report was made by {by}, this is {_code_words(now)}: verify it with that before you call it changed"


def _code_words(code: Mapping[str, Any]) -> str:
    changed = ", changed" if code.get("git_dirty") == "true" else ""
    return f"coldaisle {code.get('coldaisle', 'unknown')} (commit {str(code.get('git_hash', 'unknown'))[:12]}{changed})"


# ---- the same road again -----------------------------------------------------------------------------------------


def _worked_out(trail: Path, mine: list[Link]) -> Iterator[Entry]:
    """The entries of a report as they come out now; files first, so that what changed is named where it changed."""
    folder = trail.parent
    by_use = {str(link.facts["is"]): link for link in mine if link.kind == "file"}
    if "meters" not in by_use:
        raise ValueError(f"{trail}: its last report names no file of meters; it was written anew")
    yield mine[0].kind, mine[0].name, mine[0].facts
    path = _there(trail, by_use["meters"])
    yield "file", path.name, _file(path, folder) | {"is": "meters"}
    for link in mine[2:]:
        if link.kind != "file" or link.facts.get("is") != "series":
            break
        series = _there(trail, link)
        _require_same(trail, link, ("file", series.name, _file(series, folder) | {"is": "series"}))
    site = read_site(path)
    readings = [reading(meter, site) for meter in site.meters]
    yield from _of_meters(folder, site, readings, told(site, readings))
    if "residency" in by_use:
        link = by_use["residency"]
        path = _there(trail, link)
        _require_same(trail, link, ("file", path.name, _file(path, folder) | {"is": "residency"}))
        yield from _of_residency(folder, residency(path, site.year, site.utc_offset_h))
    days = {link.name: int(link.facts["rows"]) for link in mine if link.kind == "day"}
    for link in mine:
        if link.kind == "log":
            log = folder / str(link.facts["path"])
            yield from _of_decisions(folder, decisions(log, site.year, site.utc_offset_h, days))
    for link in mine:
        if link.kind == "page":
            path = _there(trail, link)
            yield "page", path.name, _file(path, folder)
    yield "end", mine[-1].name, {}


def _there(trail: Path, link: Link) -> Path:
    path = trail.parent / str(link.facts["path"])
    if not path.is_file():
        raise FileNotFoundError(f"{link.where(trail)}: {path} is gone; put it back beside the trail")
    return path


def _require_same(trail: Path, link: Link, entry: Entry | None, why: str = "") -> None:
    """Refuse a link that comes out otherwise now, naming what differs and ``why`` it may."""
    if entry is None or (link.kind, link.name) != entry[:2]:
        now = "nothing" if entry is None else " ".join(entry[:2])
        raise ValueError(f"{link.where(trail)}: does not come out again; there is {now} in its place now{why}")
    sealed, found = _compared(link.kind, link.facts), _compared(link.kind, entry[2])
    differs = [key for key, was in sealed.items() if key not in found or not _alike(was, found[key])]
    if differs:
        key = "sha256" if "sha256" in differs else differs[0]
        was, now = (str(facts.get(key))[:80] for facts in (sealed, found))
        is_file = "path" in link.facts
        what = f"{link.facts['path']} is not the file that was read" if is_file else "differs now"
        said = why if link.kind == "page" or not is_file else ""
        raise ValueError(f"{link.where(trail)}: {what}; {key} was {was}, is {now}{said}")


def _compared(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without the words that explain them: the meaning of a figure, why one is missing, how a row is broken."""
    if kind == "missing":
        return dict.fromkeys(facts, "missing")
    told = {key: fact for key, fact in facts.items() if key != "meaning"}
    return told | {"violations": len(told["violations"])} if "violations" in told else told


def _alike(was: Any, now: Any) -> bool:
    if isinstance(was, float) and isinstance(now, float):
        return math.isclose(was, now, rel_tol=SAME, abs_tol=SAME)
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return was.keys() == now.keys() and all(_alike(was[key], now[key]) for key in was)
    return bool(was == now)
