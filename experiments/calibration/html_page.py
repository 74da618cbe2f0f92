"""A calibration, or what one would learn, as a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envs.whole_file import write_whole
from experiments.calibration.report import FINDINGS, REPORT, SCENARIO
from experiments.records.plain_page import Page, Section, page_html

if TYPE_CHECKING:
    from envs.twin.calibration.calibration import Calibration
    from envs.twin.calibration.foreseen import Foreseen
    from envs.twin.calibration.intervals import Interval
    from envs.twin.screening.screen import ScreenedTelemetry

HTML = "report.html"
KNOWN_HEAD = ("parameter", "was", "is", "90 % interval")
HOW_OFF = ("quantity", "RMSE", "as it was", "bias", "CV(RMSE)")


def write_calibration(folder: Path, found: Calibration, name: str, checked: ScreenedTelemetry) -> None:
    """Write the page of a calibration, with the figures that lie beside it."""
    wrong = [f"{channel} does not fit: {words}" for channel, words in found.misfits.items()]
    wrong += [f"{f.point}: {f.words}" for f in checked.findings if f.in_use]
    shown = [i for i in found.believed_intervals if i.kind != "input"]
    known, unknown = [i for i in shown if i.identified], [i for i in shown if not i.identified]
    level, verdict = _verdict(found, len(known), len(shown), bool(wrong))
    sections = [
        Section("Known from the data", (), KNOWN_HEAD, [_known(i) for i in known]),
        Section("Not known", (), (*KNOWN_HEAD, "why"), [(*_known(i), i.why) for i in unknown]),
        _ahead(found),
        _what_was_wrong(checked),
        *(Section(f"Readings and replay {k + 1}", png=_png(path)) for k, path in enumerate(_figures(folder))),
    ]
    footer = f"{found.fitted.count} days fitted. The hall: {SCENARIO}. The same in plain text: {REPORT}."
    write_whole(folder / HTML, page_html(Page(f"{name}, calibrated", level, verdict, wrong, sections, footer)))


def write_check(folder: Path, found: Foreseen, name: str, checked: ScreenedTelemetry) -> Path:
    """Write the page of what a calibration would learn."""
    shown = [i for i in found.intervals if i.kind != "input"]
    known, unknown = [i for i in shown if i.identified], [i for i in shown if not i.identified]
    wrong = [f"{f.point}: {f.words}" for f in checked.findings if f.in_use]
    verdict = f"Nothing was fitted. {len(known)} of {len(shown)} parameters would be known from this file."
    if wrong:
        verdict = "Nothing was fitted, and nothing would be known: an input is wrong."
    level = "bad" if wrong else "good" if known else "level"
    words = (
        f"{found.days} days would be fitted; {found.load} drives the racks. Compared would be: "
        f"{', '.join(found.outputs)}.",
        "These are foreseen at your guess. Where it is far from the hall, more may be found than is foreseen.",
    )
    head = ("parameter", "your guess", "90 % interval, foreseen")
    sections = [
        Section("What would be known", words, head, [_foreseen(i) for i in known]),
        Section("What would not be known", (), (*head, "why"), [(*_foreseen(i), i.why) for i in unknown]),
        _what_was_wrong(checked),
    ]
    page = Page(f"{name}: what the file can tell", level, verdict, wrong, sections, f"All findings: {FINDINGS}.")
    write_whole(folder / HTML, page_html(page))
    return folder / HTML


def _verdict(found: Calibration, known: int, total: int, wrong: bool) -> tuple[str, str]:
    if wrong:
        return "bad", "It does not fit. No parameter is called known until what is listed here is mended."
    if not found.fit.converged:
        return "level", "It did not converge: trust the errors on held-out days, not the intervals."
    return "good", f"It fits. {known} of {total} parameters are known from the data."


def _known(i: Interval) -> tuple[str, str, str, str]:
    return i.path, f"{i.prior:.4g}", f"{i.value:.4g}", f"{i.low:.4g} to {i.high:.4g}"


def _foreseen(i: Interval) -> tuple[str, str, str]:
    return i.path, f"{i.prior:.4g}", f"{i.low:.4g} to {i.high:.4g}"


def _ahead(found: Calibration) -> Section:
    rows = []
    for e in found.errors:
        cv = "" if e.cv_frac != e.cv_frac else f"{100.0 * e.cv_frac:.1f} %"
        rows.append((e.channel, f"{e.rmse:.3g}", f"{e.rmse_before:.3g}", f"{e.bias:+.2g}", cv))
    words = () if rows else ("No day was held out.",)
    return Section("A day ahead, on days that were not fitted", words, HOW_OFF if rows else (), rows)


def _what_was_wrong(checked: ScreenedTelemetry) -> Section:
    rows = [(f.point, f.kind, f.words) for f in checked.findings]
    words = () if rows else ("Nothing was found.",)
    return Section("What was wrong with the file", words, ("point", "kind", "what") if rows else (), rows)


def _figures(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("residuals_*.png"))


def _png(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
