"""Table, facts and page of a curtailment study: the answer first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.whole_file import whole_file, write_whole
from experiments.curtailing.judgement import BatteryShare, Judged, Least
from experiments.evaluation.seeds import NO_RESULT
from experiments.records.markdown_table import markdown_table
from experiments.records.provenance import provenance

if TYPE_CHECKING:
    from experiments.curtail import Study

LEAST_EVENTS = 20  # below which nothing on the page is a result
PAGE, FACTS, TABLE = "curtail.md", "curtail.json", "ways.csv"
WORDS = {
    "tiers": "limits by tier, then pauses",
    "caps": "one limit for all jobs",
    "pauses": "pauses alone",
    "storage": "a battery, then limits by tier, then pauses",
}
Row = dict[str, Any]


def save(folder: Path, study: Study, facts: Row) -> Path:
    """Write the table as CSV, the facts and the page, and return the page.

    Parameters
    ----------
    folder : Path
    study : Study
        What was found.
    facts : dict
        What was run.
    """
    import pandas as pd

    found = study.found
    rows = [way_row(way, one) for way, one in found.items()]
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / TABLE) as draft:
        pd.DataFrame(rows).to_csv(draft, index=False)
    bound = study.least and study.least._asdict()
    kept = {way: one.bars() for way, one in found.items()}
    content = {**facts, "natural_rebound": study.natural_rebound, "least_behind": bound, "bars": kept}
    write_whole(folder / FACTS, json.dumps({**content, **provenance(config=facts)}, indent=2, default=str) + "\n")
    write_whole(folder / PAGE, page(study, facts))
    return folder / PAGE


def page(study: Study, facts: Row) -> str:
    """The page in Markdown."""
    found = study.found
    rows = [way_row(way, one) for way, one in found.items()]
    table = markdown_table(list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])
    words = (
        "Without any event, power passes the peak of the hour before by over 2 % on "
        f"{_percent(study.natural_rebound)} % of these days, in the hours in which a rebound is looked for."
    )
    parts = [f"# Curtailment of {facts['scenario']}", answer_words(found, facts), f"```\n{facts['command']}\n```"]
    return "\n\n".join([*parts, table, words, least_words(study.least)]) + "\n"


def least_words(bound: Least | None) -> str:
    """The bound in a sentence or two."""
    if bound is None:
        return "Where the feeder binds without an event, no bound is told on the work that limits and pauses lose."
    return (
        f"Limits and pauses alone, of jobs above tier 0, leave at least {_percent(bound.during)} % of a day's work "
        f"behind when the event ends, and at least {_percent(bound.behind)} % after a day. The second is loose: it "
        "lets every delayed job go on at once behind the event, though others wait for its accelerators."
    )


def answer_words(found: Mapping[str, Judged], facts: Row) -> str:
    """The answer in a sentence or two."""
    asked = facts["asked"]
    event = f"{100 * asked['reduce_frac']:g} % less for {asked['hours']:g} h"
    said = []
    for way, one in found.items():
        said.append(
            f"`{way}` ({WORDS[way]}) holds {_percent(one.held)} % of {facts['events']} events and {bar_words(one)}."
        )
    if facts["events"] < LEAST_EVENTS:
        said.append(f"{NO_RESULT.capitalize()}: {facts['events']} of {LEAST_EVENTS} events.")
    return f"**{event}.** " + " ".join(said)


def bar_words(one: Judged) -> str:
    """Which bars are kept, missed and not told."""
    bars = one.bars()
    missed = [name for name, met in bars.items() if met is False]
    open_ = [name for name, met in bars.items() if met is None]
    told = f"misses: {', '.join(missed)}" if missed else "keeps every bar that is told" if open_ else "keeps every bar"
    return f"{told}; not told: {', '.join(open_)} (its interval crosses the bar)" if open_ else told


def way_row(way: str, one: Judged) -> Row:
    """A row of the table."""
    return {
        "way": way,
        "held, % of events": _percent(one.held),
        "not above it, %": _percent(one.under),
        "ramp kept, %": _percent(one.ramped),
        "largest miss, points (median)": _percent(one.worst_point),
        "mean depth %": _percent(one.mean_depth),
        **{f"tier {k} throughput %": _percent(x) for k, x in enumerate(one.tiers)},
        "work behind at its end %": _percent(one.during),
        "work behind after a day %": _percent(one.behind.estimate),
        "95 % interval": f"{_percent(one.behind.low)} to {_percent(one.behind.high)}",
        "lost or redone %": _percent(one.lost),
        "rebound over 2 %, % of events": _percent(one.rebounded),
        "rebound %, 95th percentile": _percent(one.rebound),
        "site's saving by kW of accelerators (most)": "-" if isnan(one.gain) else f"{one.gain:.3f}",
        **_battery_cells(one.battery),
    }


def _battery_cells(battery: BatteryShare | None) -> Row:
    gave, took, short = ("-",) * 3 if battery is None else (f"{value:.1f}" for value in battery)
    return {"battery gave, kWh per MW before": gave, "took back": took, "short after a day": short}


def _percent(share: float) -> str:
    return "-" if isnan(share) else f"{100.0 * share:.2f}"
