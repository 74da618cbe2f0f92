"""An evaluation on disk and on the terminal: scores as CSV, series as npz, facts as JSON, a table of totals."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.runtime.manifest import changed_files
from envs.whole_file import whole_file, write_whole
from experiments.evaluation.gates import seed_failures
from experiments.evaluation.score import MEASURES, Measure, Table, columns, totals
from experiments.evaluation.seeds import (
    NO_RESULT,
    mean_table,
    mean_tables,
    missing_episodes,
    missing_seeds,
    policy_tables,
    seeds_of,
    shortage,
)
from experiments.evaluation.splits import Episode
from experiments.evaluation.trace import Series
from experiments.records.provenance import file_hashes, provenance
from experiments.records.redaction import redacted
from experiments.records.spreadsheet import as_text, from_text

SCORES, TRACES, FACTS, SUMMARY = "scores.csv", "traces.npz", "evaluation.json", "summary.csv"
EPISODE_COLUMNS = ("site", "month", "weather_seed", "workload_seed", "days")
TERMINAL = (
    ("energy_per_work_kwh_h", "kWh/work h"),
    ("cooling_kwh", "cooling kWh"),
    ("degree_minutes_worst_rack", "K min"),
    ("work_done_h", "work h"),
)


class Evaluation(NamedTuple):
    """What an evaluation found.

    Attributes
    ----------
    scores : dict
        Policy to its score table, columns ``(E,)``.
    traces : dict
        Policy to the series of its figures.
    episodes : list of Episode
        The paired episodes, in the order of the columns.
    facts : dict
        Scenario, hashes, compute, bounds.
    """

    scores: dict[str, Table]
    traces: dict[str, Series]
    episodes: list[Episode]
    facts: dict[str, Any]


@dataclass
class StoredEvaluation:
    """An evaluation read back."""

    scores: dict[str, Table]
    traces: dict[str, Series]
    facts: dict[str, Any]


def summarise(found: Evaluation) -> dict[str, dict[str, float]]:
    """Policy to one number per measure, over all episodes, the mean over its training seeds."""
    return {name: totals(table) for name, table in mean_tables(found.scores, found.facts).items()}


def require_baseline(baseline: str, policies: Collection[str]) -> None:
    """Refuse a baseline that is not among the policies."""
    if baseline not in policies:
        raise ValueError(f"baseline = {baseline!r} was not evaluated; choose one of {sorted(policies)}")


def save(found: Evaluation, folder: Path, baseline: str, config_yaml: str = "") -> Path:
    """Write an ``Evaluation`` into ``folder``: scores, summary, series, facts with provenance.

    The facts come last and carry the hash of each other file: an evaluation that was cut short is none.
    """
    require_baseline(baseline, policy_tables(found.scores, found.facts))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACTS).unlink(missing_ok=True)
    with whole_file(folder / SCORES) as draft:
        _write_scores(draft, found.scores, found.episodes)
    with whole_file(folder / SUMMARY) as draft:
        _write_summary(draft, found, baseline)
    flat = {f"{policy}|{name}": values for policy, series in found.traces.items() for name, values in series.items()}
    with whole_file(folder / TRACES) as draft:
        np.savez_compressed(draft, allow_pickle=False, **flat)
    facts = {
        **found.facts,
        "baseline": baseline,
        "episodes": [e._asdict() for e in found.episodes],
        "config": redacted(config_yaml),
        "files": file_hashes([folder / name for name in (SCORES, SUMMARY, TRACES)]),
        **provenance(config=found.facts),
    }
    write_whole(folder / FACTS, json.dumps(facts, indent=2, default=str))
    return folder


def stored_evaluation(folder: Path) -> StoredEvaluation:
    """An evaluation that ``save`` wrote.

    Raises
    ------
    FileNotFoundError
        Where the folder holds none.
    ValueError
        Where its files are damaged, or of several evaluations.
    """
    import pandas as pd

    facts = _stored_facts(folder)
    frame = pd.read_csv(folder / SCORES, keep_default_na=False, dtype={"policy": str})  # "NA" is a name
    names = [c for c in frame.columns if c not in ("policy", "episode", *EPISODE_COLUMNS) or c == "days"]
    scores = {
        from_text(str(policy)): {name: rows[name].to_numpy(np.float64) for name in names}
        for policy, rows in frame.groupby("policy", sort=False)
    }
    traces: dict[str, Series] = {}
    with np.load(folder / TRACES, allow_pickle=False) as stored:
        for key in stored.files:
            policy, _, name = key.rpartition("|")
            traces.setdefault(policy, {})[name] = stored[key]
    return StoredEvaluation(scores, traces, facts)


def _stored_facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no {FACTS}; give the folder that `coldaisle evaluate` wrote")
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        hashes = facts["files"]
        pieces = {name: hashes[name] for name in (SCORES, SUMMARY, TRACES)}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged, or of an older version ({error!r}); evaluate again") from None
    for name in changed_files(folder, pieces):
        raise ValueError(f"{folder / name} is not the file that belongs to {FACTS}; evaluate again")
    return facts


def print_table(found: Evaluation, baseline: str, note: str = "") -> None:
    """Print totals per policy, whether its numbers may be compared with the baseline, and whether they are a result."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable

    shown = columns([column for column, _ in TERMINAL])
    few = missing_episodes(len(found.episodes))
    title = f"{found.facts['scenario']}: {len(found.episodes)} paired episodes{f' ({NO_RESULT})' if few else ''}"
    why = f"{NO_RESULT}: {few}" if few else ""
    caption = "; ".join(words for words in (split_words(found.facts), why, note) if words)
    table = RichTable(title=title, caption=caption or None, box=SIMPLE_HEAD, padding=0)  # fits 80 columns
    table.add_column("controller", no_wrap=True)
    for _, heading in TERMINAL:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("gates", no_wrap=True)
    console, remarks = Console(markup=False), []
    tables = policy_tables(found.scores, found.facts)
    for name, row in summarise(found).items():
        failures = () if name == baseline else seed_failures(tables[name], mean_table(tables[baseline]))
        gate = "baseline" if name == baseline else f"failed {len(failures)}" if failures else "passed"
        seeds = missing_seeds(name, found.facts)
        marked = f"{name}: {NO_RESULT}" if seeds else name
        table.add_row(marked, *(format_number(m, row[m.column]) for m in shown), gate)
        remarks += [f"{name}: {NO_RESULT}, {seeds}"] if seeds else []
        remarks += [f"{name}: no savings number, {failure}" for failure in failures]
    console.print(table, *remarks, sep="\n")


def gate_words(tables: Mapping[str, Sequence[Table]], name: str, baseline: str) -> str:
    """``passed``, ``baseline``, or the sentences of the gates that failed, of ``policy_tables``."""
    if name == baseline:
        return "baseline"
    failures = seed_failures(tables[name], mean_table(tables[baseline]))
    return "failed: " + "; ".join(failures) if failures else "passed"


def format_number(measure: Measure, value: float) -> str:
    """A number with the digits of its measure and a space between thousands; zero has no sign."""
    if not np.isfinite(value):
        return "none"
    return f"{round_to(value, measure.digits):,.{measure.digits}f}".replace(",", " ")


def round_to(value: float, digits: int) -> float:
    """The value with so many digits; what rounds to zero is zero, never minus zero."""
    return round(float(value), digits) + 0.0


def split_words(facts: Mapping[str, Any]) -> str:
    """Which split the episodes are of, and how to play one's own sites instead; empty where it is not recorded."""
    name = str(facts.get("split", ""))
    if not name:
        return ""
    if name == "none":
        return "split none: the scenario's own sites, seeds and trace"
    return f"split {name}: frozen sites and seeds, not the scenario's own (split=none plays those)"


def _write_scores(draft: Path, scores: Mapping[str, Table], episodes: Sequence[Episode]) -> None:
    import pandas as pd

    frames = []
    for policy, table in scores.items():
        frame = pd.DataFrame([e._asdict() for e in episodes])
        frame.insert(0, "episode", range(len(episodes)))
        frame.insert(0, "policy", as_text(policy))
        frames.append(frame.assign(**{name: np.asarray(values) for name, values in sorted(table.items())}))
    pd.concat(frames).to_csv(draft, index=False, na_rep="nan")


def _write_summary(draft: Path, found: Evaluation, baseline: str) -> None:
    import pandas as pd

    tables, seeds = policy_tables(found.scores, found.facts), seeds_of(found.facts)
    lines = [
        {
            "policy": as_text(name),
            "seeds": len(seeds[name]) if name in seeds else "",
            **{m.column: row[m.column] for m in MEASURES},
            "gates": gate_words(tables, name, baseline),
            "result": shortage(name, found.facts, len(found.episodes)) or "yes",
        }
        for name, row in summarise(found).items()
    ]
    pd.DataFrame(lines).to_csv(draft, index=False, na_rep="nan")
