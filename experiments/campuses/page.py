"""Table, facts and page of a campus study: the answer first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.whole_file import whole_file, write_whole
from experiments.campuses.rules import RULES
from experiments.campuses.trial import Played
from experiments.evaluation.bootstrap import Interval
from experiments.evaluation.stats import mean_difference, paired_saving
from experiments.records.markdown_table import markdown_table
from experiments.records.provenance import provenance

PAGE, FACTS, TABLE, BY_CAMPUS = "campus.md", "campus.json", "rules.csv", "campuses.csv"
LEAST_CAMPUSES = 20  # below which a difference is no result
Row = dict[str, Any]


def save(folder: Path, found: Mapping[str, Played], baseline: str, days: float, facts: Row) -> Path:
    """Write the tables as CSV, the facts and the page, and return the page.

    Parameters
    ----------
    folder : Path
    found : mapping
        By rule.
    baseline : str
        Rule against which the others are told.
    days : float
        Length of what was played.
    facts : dict
        What was run.
    """
    import pandas as pd

    rows = [rule_row(name, found, baseline, days) for name in found]
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / TABLE) as draft:
        pd.DataFrame(rows).to_csv(draft, index=False)
    each = [pd.DataFrame(one._asdict()).assign(rule=name, campus=range(len(one.usd))) for name, one in found.items()]
    with whole_file(folder / BY_CAMPUS) as draft:
        pd.concat(each).to_csv(draft, index=False)
    write_whole(folder / FACTS, json.dumps({**facts, **provenance(config=facts)}, indent=2, default=str) + "\n")
    write_whole(folder / PAGE, page(rows, found, baseline, days, facts))
    return folder / PAGE


def page(rows: list[Row], found: Mapping[str, Played], baseline: str, days: float, facts: Row) -> str:
    """The page in Markdown."""
    table = markdown_table(list(rows[0]), [[str(cell) for cell in row.values()] for row in rows])
    words = [f"- `{name}`: {RULES[name].words}." for name in found]
    parts = [
        f"# Campus of {facts['scenario']}",
        answer_words(found, baseline, days),
        f"```\n{facts['command']}\n```",
        table,
        "\n".join(words),
    ]
    return "\n\n".join(parts) + "\n"


def answer_words(found: Mapping[str, Played], baseline: str, days: float) -> str:
    """The answer in a few sentences."""
    said = []
    campuses = len(found[baseline].usd)
    known = {name: one for name, one in found.items() if not RULES[name].looks_ahead_h and name != baseline}
    if known:
        best = min(known, key=lambda name: float(known[name].usd.mean()))
        gain = _per_day(mean_difference(known[best].usd, found[baseline].usd), days)
        figure = f"{_interval(gain)} USD a day for a campus"
        if gain.high < 0.0:
            said.append(f"**`{best}` is the cheapest rule, and cheaper than `{baseline}`: {figure}.**")
        else:
            said.append(f"**No rule is told apart from `{baseline}`.** The cheapest of them, `{best}`: {figure}.")
    if "transport" in found and "clairvoyant" in found:
        above = found["transport"].usd.sum() / found["clairvoyant"].usd.sum() - 1.0
        said.append(f"`transport` costs {100 * above:+.1f} % against the rule that knows every job of the next day.")
    if campuses < LEAST_CAMPUSES:
        said.append(f"Only {campuses} campuses were played: not a result.")
    return " ".join(said)


def rule_row(name: str, found: Mapping[str, Played], baseline: str, days: float) -> Row:
    """A row of the table; what is paid is by campus and day."""
    one, other = found[name], found[baseline]
    gain = _per_day(mean_difference(one.usd, other.usd), days)
    work = paired_saving(one.done_h, other.done_h)
    day = 1.0 / days
    return {
        "rule": name,
        "USD/day": f"{one.usd.mean() * day:.0f}",
        f"less {baseline} [95 %]": "-" if name == baseline else _interval(gain),
        "energy": f"{one.energy_usd.mean() * day:.0f}",
        "carbon": f"{one.carbon_usd.mean() * day:.0f}",
        "wire": f"{one.wire_usd.mean() * day:.0f}",
        "delay": f"{one.delay_usd.mean() * day:.0f}",
        "lost": f"{one.lost_usd.mean() * day:.0f}",
        "work done, % more [95 %]": "-" if name == baseline else _interval(_percent_more(work), 2),
        "carbon t/day": f"{one.carbon_t.mean() * day:.1f}",
        "moves/day": f"{one.moves.mean() * day:.0f}",
        "TB/day": f"{one.wire_tb.mean() * day:.0f}",
        "ledger open, accelerator-h": f"{np.abs(one.residual_h).max():.0e}",
    }


def _per_day(interval: Interval, days: float) -> Interval:
    return Interval(*(value / days for value in interval))


def _percent_more(saved: Interval) -> Interval:
    return Interval(-100.0 * saved.estimate, -100.0 * saved.high, -100.0 * saved.low)


def _interval(interval: Interval, digits: int = 0) -> str:
    return f"{interval.estimate:+.{digits}f} [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]"
