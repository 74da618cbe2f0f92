"""The merger: reads every shard's Parquet by DuckDB, and is the only one that writes pages and mlflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agents.runtime.manifest import file_hash
from envs.whole_file import whole_file, write_whole
from experiments.campaigns.plan import learned_in
from experiments.campaigns.shard import LABELS, ROWS, SHARD_CARD, Shard
from experiments.evaluation.results import Evaluation
from experiments.evaluation.seeds import SEEDS
from experiments.evaluation.splits import Episode

if TYPE_CHECKING:
    import pandas as pd

RESULTS, CAMPAIGN_CARD = "results.parquet", "campaign.json"
ORDER = ("entry", "variant", "scenario", "policy", "row", "episode")


class Part(NamedTuple):
    """What belongs together: one entry on one scenario in one variant."""

    entry: str
    variant: str
    scenario: str


def merge(campaign: Path, shards: Sequence[Shard]) -> Path:
    """Write ``results.parquet`` (a row for each episode of each shard) and ``campaign.json``.

    Raises
    ------
    ValueError
        Where a shard is missing, or its rows are not those of its manifest.
    """
    seconds = _checked_seconds(campaign, shards)
    frame = _rows(campaign, shards)
    with whole_file(campaign / RESULTS) as draft:
        frame.to_parquet(draft, index=False)
    card = {
        "shards": [shard.id for shard in shards],
        "rows": len(frame),
        "worker_seconds": sum(seconds),
        "hall_years": float(frame["days"].sum()) / 365.0,
        SEEDS: learned_in(shards),
        "files": {RESULTS: file_hash(campaign / RESULTS)},
    }
    write_whole(campaign / CAMPAIGN_CARD, json.dumps(card, indent=2))
    return campaign / RESULTS


def parts(campaign: Path) -> Iterator[tuple[Part, Evaluation]]:
    """Every part of a merged campaign as an evaluation: score tables by policy and seed on its paired episodes.

    Raises
    ------
    FileNotFoundError
        Where nothing was merged there.
    """
    import duckdb

    if not (campaign / CAMPAIGN_CARD).is_file():
        raise FileNotFoundError(f"{campaign} holds no {CAMPAIGN_CARD}; run coldaisle campaign first")
    card = json.loads((campaign / CAMPAIGN_CARD).read_text(encoding="utf-8"))
    source = str(campaign / RESULTS)
    with duckdb.connect() as base:
        keys = base.execute(
            "SELECT DISTINCT entry, variant, scenario FROM read_parquet(?) ORDER BY ALL", [source]
        ).fetchall()
        for key in keys:
            frame = base.execute(
                "SELECT * FROM read_parquet(?) WHERE entry = ? AND variant = ? AND scenario = ? ORDER BY episode",
                [source, *key],
            ).df()
            yield Part(*key), _evaluation(frame, card[SEEDS])


def _evaluation(frame: pd.DataFrame, seeds: Mapping[str, Sequence[str]]) -> Evaluation:
    columns = [name for name in frame.columns if name not in LABELS or name == "days"]
    scores = {
        str(row): {name: rows[name].to_numpy(np.float64) for name in columns if not rows[name].isna().all()}
        for row, rows in frame.groupby("row", sort=True)
    }
    first = frame[frame["row"] == frame["row"].iloc[0]]
    episodes = [
        Episode(str(e.site), int(e.month), int(e.weather_seed), int(e.workload_seed), int(e.days))
        for e in first.itertuples()
    ]
    played = {policy: [row for row in rows if row in scores] for policy, rows in seeds.items()}
    facts: dict[str, Any] = {
        "scenario": str(frame["scenario"].iloc[0]),
        "split": str(frame["split"].iloc[0]),
        SEEDS: {policy: rows for policy, rows in played.items() if rows},
    }
    return Evaluation(scores, {}, episodes, facts)


def _rows(campaign: Path, shards: Sequence[Shard]) -> pd.DataFrame:
    import duckdb

    files = [str(shard.folder(campaign) / ROWS) for shard in shards]
    order = ", ".join(ORDER)
    with duckdb.connect() as base:
        return base.execute(f"SELECT * FROM read_parquet(?, union_by_name = true) ORDER BY {order}", [files]).df()


def _checked_seconds(campaign: Path, shards: Sequence[Shard]) -> list[float]:
    """Seconds of each shard, after its files were held against its manifest."""
    seconds = []
    for shard in shards:
        folder = shard.folder(campaign)
        if not shard.is_done(campaign):
            raise ValueError(f"shard {shard.id} is missing in {campaign}; run the campaign again, it goes on")
        card = json.loads((folder / SHARD_CARD).read_text(encoding="utf-8"))
        if card["files"][ROWS] != file_hash(folder / ROWS):
            raise ValueError(f"{folder / ROWS} is not the file of its manifest; remove {folder} and run it again")
        seconds.append(float(card["seconds"]))
    return seconds
