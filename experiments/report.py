"""The report of an evaluation: one HTML page that needs no other file; ``coldaisle report``.

Its figures are drawn by the browser, from data inside the page, by the scripts of ``agents/page``: a few hundred lines
of ours instead of a library that is twenty times as long and that a report would carry in each copy.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig

from agents.page.parts import DRAWINGS, part, scripts
from envs.interface import constraints
from envs.whole_file import write_whole
from experiments.evaluation.bounds import HEADINGS, bound_rows, bound_words, bounds_caption
from experiments.evaluation.comparison import HEADINGS as COMPARISON_HEADINGS
from experiments.evaluation.comparison import cells, comparisons, interval_words
from experiments.evaluation.explained import explained_policies
from experiments.evaluation.figure_data import figure_data
from experiments.evaluation.gates import GateVerdict
from experiments.evaluation.palette import colours, palette_style
from experiments.evaluation.results import (
    StoredEvaluation,
    format_number,
    gate_words,
    require_baseline,
    round_to,
    split_words,
    stored_evaluation,
)
from experiments.evaluation.score import KPIS, MEASURES, PAID, Table, totals
from experiments.evaluation.seeds import (
    NO_RESULT,
    mean_table,
    mean_tables,
    mean_traces,
    missing_episodes,
    policy_tables,
    shortage,
    sites_of,
    stacked,
)
from experiments.evaluation.stats import paired_difference, performance_profiles, probability_of_improvement
from experiments.evaluation.verdict import verdict, verdicts_of
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from markupsafe import Markup

LOG = logging.getLogger(__name__)
DEMO_WORDS = "one seed, demo budget: not a result"
COMPARED = (
    "energy_per_work_kwh_h",
    "cooling_kwh",
    "peak_kw",
    "water_l",
    "carbon_kg",
    "utility_cost_usd",
    "cost_usd_day",
)


def write_report(folder: Path, baseline: str = "", note: str = "") -> Path:
    """Write ``report.html`` from the evaluation in ``folder``.

    Parameters
    ----------
    folder : Path
        What ``coldaisle evaluate`` wrote.
    baseline : str
        Policy that the others are compared with; the evaluation's own where left out.
    note : str
        A sentence for the top of the page, such as ``DEMO_WORDS``.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    stored = stored_evaluation(folder)
    baseline = baseline or stored.facts["baseline"]
    require_baseline(baseline, policy_tables(stored.scores, stored.facts))
    pages = Environment(loader=PackageLoader("experiments", "templates"), autoescape=True, undefined=StrictUndefined)
    path = folder / "report.html"
    write_whole(path, pages.get_template("report.html.j2").render(**content(stored, baseline, note)))
    return path


def content(stored: StoredEvaluation, baseline: str, note: str = "") -> dict[str, Any]:
    """Everything that the template shows, as plain data."""
    tables, episodes = policy_tables(stored.scores, stored.facts), len(stored.facts["episodes"])
    names = in_reading_order(tables, baseline)
    palette = colours(names, baseline)
    base, sites = mean_table(tables[baseline]), sites_of(stored.facts)
    said, rows = verdicts_of(stored, baseline), comparisons(stored, baseline)
    verdicts = {n: said[n] for n in names if n in said}
    whole = {n: totals(mean_table(tables[n])) for n in names}
    lacks = {n: words for n in names if (words := shortage(n, stored.facts, episodes))}
    few = missing_episodes(episodes)
    return {
        **_inlined(),
        "verdict": verdict(rows, verdicts, stored.facts),
        "lacks": lacks,
        "mark": NO_RESULT,
        "few": f"{NO_RESULT}: {few}, and none of the numbers on this page is one" if few else "",
        "comparison": [cells(row) for row in rows],
        "comparison_headings": COMPARISON_HEADINGS,
        "facts": stored.facts,
        "split": split_words(stored.facts),
        "note": note,
        "baseline": baseline,
        "palette": palette,
        "measures": KPIS,
        "paid": PAID,
        "constraints": constraints.table(),
        "bounds": [bound_words(row) for row in bound_rows(stored, baseline)],
        "bounds_headings": HEADINGS,
        "bounds_caption": bounds_caption(stored.facts) if "bounds" in stored.facts else "",
        "explained": explained_policies(mean_traces(stored.traces, stored.facts), names, baseline),
        "totals": {n: {m.column: format_number(m, whole[n].get(m.column, np.nan)) for m in MEASURES} for n in names},
        "verdicts": {n: _verdict_words(v, gate_words(tables, n, baseline)) for n, v in verdicts.items()},
        "differences": {n: _differences(tables[n], base, sites) for n, v in verdicts.items() if v.passed},
        "residual": max(w["energy_residual_frac"] for w in whole.values()),
        "worst_racks": {n: _worst_rack(tables[n]) for n in names},
        "left_out": missing_rows(names),
        "figures": figure_data(_one_row_a_policy(stored), names, baseline, verdicts),
        "profiles": _profiles(verdicts, palette, sites),
        "shown_episode": _place(stored.facts["episodes"][0]),
    }


def _inlined() -> dict[str, Markup]:
    """Styles and scripts that the page carries."""
    from markupsafe import Markup

    return {
        "style": Markup(part("page.css")),
        "palette_style": Markup(palette_style()),
        "theme": Markup(part("theme.js")),
        "scripts": Markup(scripts((*DRAWINGS, "report.js"))),
    }


def _place(episode: Mapping[str, Any]) -> str:
    return f"{episode['site']}, month {episode['month']}"


def in_reading_order(names: Iterable[str], baseline: str) -> list[str]:
    """The baseline first, then what was learnt, then the references: a wide table shows what is compared at once."""
    from agents.references import REFERENCES

    others = [n for n in names if n != baseline]
    learnt = [n for n in others if n not in REFERENCES and not n.endswith("untrained")]
    return [baseline, *learnt, *(n for n in others if n not in learnt)]


def missing_rows(names: Iterable[str]) -> list[str]:
    """Rows of PROTOCOL 5 that this evaluation does not have, and why; nobody shall think that they were forgotten."""
    from agents.references import ORACLE

    missing = []
    if ORACLE not in names:
        missing.append(
            "the perfect-forecast oracle, the energy floor and the share of the gap that is closed, as they are "
            "searched for on every episode: bounds=true adds them"
        )
    if "mpc" not in names:
        missing.insert(0, "MPC, the strongest reference, some twenty times dearer to run than a rule: mpc=true adds it")
    return missing


def _verdict_words(found: GateVerdict, words: str) -> dict[str, str | bool]:
    if found.saving is None:
        return {"passed": False, "words": words, "saving": "no number"}
    point, low, high = (round_to(100.0 * v, 2) for v in found.saving)
    return {"passed": True, "words": "all gates passed", "saving": f"{point:+.2f} % [{low:+.2f}, {high:+.2f}]"}


def _differences(tables: Sequence[Table], base: Table, sites: Sequence[str]) -> list[dict[str, str]]:
    rows = []
    for m in (m for m in MEASURES if m.column in COMPARED):
        ours, theirs = stacked(tables, m.column), base[m.column]
        interval = paired_difference(ours, theirs, sites)
        chance = probability_of_improvement(ours, theirs, sites, m.tie)
        words = {"interval": interval_words(interval, f"+.{m.digits}f"), "chance": interval_words(chance, ".2f")}
        rows.append({"title": m.title, "unit": m.unit, **words})
    return rows


def _worst_rack(tables: Sequence[Table]) -> str:
    scores = max(tables, key=lambda table: float(table["degree_minutes_worst_rack"].max()))
    i = int(np.argmax(scores["degree_minutes_worst_rack"]))
    if scores["degree_minutes_worst_rack"][i] <= 0.0:
        return "none"
    return f"rack {int(scores['worst_rack'][i])}, episode {i}"


def _one_row_a_policy(stored: StoredEvaluation) -> StoredEvaluation:
    """What figures draw of several training seeds: the mean of their scores, and the series of the first."""
    scores, traces = mean_tables(stored.scores, stored.facts), mean_traces(stored.traces, stored.facts)
    return StoredEvaluation(scores, traces, stored.facts)


def _profiles(verdicts: Mapping[str, GateVerdict], palette: Mapping[str, str], sites: Sequence[str]) -> str:
    """The figure of performance profiles as a PNG in base64; empty where nobody may claim a saving."""
    from experiments.evaluation import plots

    saved = {n: v.saved_frac for n, v in verdicts.items() if v.saved_frac is not None}
    return plots.as_png(plots.profiles(performance_profiles(saved, sites), palette)) if saved else ""


@verb_main("report")
def main(config: DictConfig) -> None:
    """Write the report, the list of runs, or both, as configured."""
    from experiments.run_index import write_index

    if not config.evaluation and not config.runs:
        raise ValueError("report needs evaluation=<folder that an evaluation wrote>, or runs=<folder of runs>")
    if config.evaluation:
        LOG.info("report written to %s", write_report(Path(config.evaluation), config.baseline))
    if config.runs:
        LOG.info("list of runs written to %s", write_index(Path(config.runs)))


def run() -> None:
    """``coldaisle report`` and ``python -m experiments.report``."""
    register(sys.argv, "report")
    main()


if __name__ == "__main__":
    run()
