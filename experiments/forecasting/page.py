"""A judged forecast on disk: table by method and horizon, facts with provenance, a page with figures, a small table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.whole_file import whole_file, write_whole
from experiments.forecasting.score import Score, hall_interval, pooled_coverage, pooled_score, rows_of
from experiments.forecasting.table import FACTS, FAILURE_FACTS, TABLE, write, write_failures
from experiments.records.provenance import provenance

if TYPE_CHECKING:
    from experiments.forecasting.failures import Agreement

PAGE = "forecast.html"


def save(
    folder: Path,
    scores: Mapping[str, Sequence[Score]],
    failures: Mapping[str, Agreement],
    example: Mapping[str, Any],
    facts: dict[str, Any],
    step_s: float,
) -> Path:
    """Write tables, facts and page into ``folder`` and return the page.

    Parameters
    ----------
    folder : Path
    scores : mapping
        Method to one score per hall.
    failures : mapping
        Failure in words to how the answers agree with what happens.
    example : mapping
        ``mean``, ``low``, ``high`` and ``read`` ``(H, G)`` of one judged day.
    facts : dict
        What was run.
    step_s : float
        Control step [s].
    """
    import pandas as pd

    whole = {name: pooled_score(by_hall) for name, by_hall in scores.items()}
    tables = {name: rows_of(score, step_s / 60.0) for name, score in whole.items()}
    pooled = {name: _pooled_facts(whole[name], by_hall) for name, by_hall in scores.items()}
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"method": name, **row} for name, table in tables.items() for row in table]
    with whole_file(folder / TABLE) as draft:
        pd.DataFrame(rows).round(4).to_csv(draft, index=False)
    agreements = {name: found._asdict() for name, found in failures.items()}
    content = {**facts, **provenance(config=facts), "pooled": pooled}
    write_whole(folder / FACTS, json.dumps(content, indent=2, default=str) + "\n")
    write(folder)
    save_failures(folder, failures, facts)
    page = _page(content, pooled, tables, agreements, _figures(whole, example, step_s / 3600.0))
    write_whole(folder / PAGE, page)
    return folder / PAGE


def save_failures(folder: Path, failures: Mapping[str, Agreement], facts: dict[str, Any]) -> Path:
    """Write what was answered about failures into ``folder`` and return the small table."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**facts, **provenance(config=facts), "failures": {n: found._asdict() for n, found in failures.items()}}
    write_whole(folder / FAILURE_FACTS, json.dumps(content, indent=2, default=str) + "\n")
    return write_failures(folder)


def _pooled_facts(whole: Score, by_hall: Sequence[Score]) -> dict[str, Any]:
    every = {kind: getattr(whole, kind)("inside") for kind in ("inlets", "cooling")}
    return {
        "blocks": whole.blocks,
        "coverage": {k: round(v, 4) for k, v in pooled_coverage(whole).items()},
        "coverage_95": {k: [round(x, 4) for x in v] for k, v in hall_interval(by_hall).items()},
        "least_and_most_over_halls": {
            kind: [round(float(f(s.block_inside[i].mean() for s in by_hall)), 4) for f in (min, max)]
            for i, kind in enumerate(("inlet", "cooling"))
        },
        "least_and_most_over_all_horizons": {
            k: [round(float(v.min()), 4), round(float(v.max()), 4)] for k, v in every.items()
        },
    }


def _page(facts: Any, pooled: Any, tables: Any, failures: Any, figures: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(loader=PackageLoader("experiments", "templates"), autoescape=True, undefined=StrictUndefined)
    blocks = next(iter(pooled.values()))["blocks"]
    return pages.get_template("forecast.html.j2").render(
        facts=facts, pooled=pooled, tables=tables, failures=failures, figures=figures, blocks=blocks
    )


def _figures(whole: Mapping[str, Score], example: Mapping[str, Any], step_h: float) -> list[dict[str, str]]:
    from experiments.evaluation.plots import as_png
    from experiments.forecasting import figures

    made = (
        ("Error by horizon", figures.error_by_horizon(whole, step_h)),
        ("Coverage and width of the 90 % intervals", figures.coverage_by_horizon(whole, step_h)),
        ("One judged day of the first hall", figures.example_day(example, step_h)),
    )
    return [{"title": title, "png": as_png(figure)} for title, figure in made]
