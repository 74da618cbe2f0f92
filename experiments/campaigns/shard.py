"""A shard: one policy on a few episodes of one plant; its folder is there whole, or not at all."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from envs.whole_file import whole_file, write_whole
from experiments.evaluation.splits import Episode
from experiments.records.provenance import content_hash, file_hashes, provenance, simulator_hash

if TYPE_CHECKING:
    import pandas as pd

    from envs.episodes.world import World
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker
    from experiments.evaluation.score import Table

SHARDS, ROWS, SHARD_CARD = "shards", "rows.parquet", "manifest.json"
LABELS = ("shard", "entry", "variant", "scenario", "split", "policy", "row", "episode", *Episode._fields)


class Outcome(NamedTuple):
    """How a shard ended: seconds of work, and what went wrong; empty where it is done."""

    id: str
    seconds: float
    error: str = ""


class Numbered(NamedTuple):
    """An episode with its number in the plan, which its start and its noise hang on."""

    number: int
    site: str
    month: int
    weather_seed: int
    workload_seed: int
    days: int

    @property
    def episode(self) -> Episode:
        """The episode alone."""
        return Episode(*self[1:])


@dataclass(frozen=True)
class Shard:
    """What a worker plays; as plain data the whole of its task.

    Attributes
    ----------
    entry, variant, scenario, split, policy, row : str
        Labels of its rows; ``row`` is one training seed of ``policy``.
    overrides : tuple of str
        Of the scenario.
    scenario_hash, simulator, split_hash, policy_hash : str
        What they stood for when the plan was cut.
    engine : str
        That runs the plant.
    path : str
        Of the policy; empty for a rule.
    seed : int
        Of the sensors' noise.
    clock : str
        The site whose clock places every load of the plan.
    episodes : tuple of Numbered
    """

    entry: str
    variant: str
    scenario: str
    overrides: tuple[str, ...]
    scenario_hash: str
    simulator: str
    engine: str
    split: str
    split_hash: str
    policy: str
    row: str
    path: str
    policy_hash: str
    seed: int
    clock: str
    episodes: tuple[Numbered, ...]

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits of all but where its files lie: the same task has the same id on every machine."""
        task = {k: v for k, v in asdict(self).items() if k not in ("path", "scenario")}
        return content_hash(task | {"scenario": Path(self.scenario).stem})[:16]

    def folder(self, campaign: Path) -> Path:
        """Where its files lie once it is done."""
        return campaign / SHARDS / self.id

    def is_done(self, campaign: Path) -> bool:
        """Whether its files are there."""
        return (self.folder(campaign) / SHARD_CARD).is_file()

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def shard_from(plain: Mapping[str, Any]) -> Shard:
    """The shard that ``plain`` wrote."""
    episodes = tuple(Numbered(*episode) for episode in plain["episodes"])
    return Shard(**{**plain, "overrides": tuple(plain["overrides"]), "episodes": episodes})


def run_shard(campaign: Path, shard: Shard) -> float:
    """Play a shard and write its folder by one renaming; seconds that it took, 0 where it was done already.

    Raises
    ------
    ValueError
        Where scenario, policy or simulator are not those that the plan was cut for.
    """
    if shard.is_done(campaign):
        return 0.0
    start = time.perf_counter()
    draft = campaign / SHARDS / f".{shard.id}.{uuid.uuid4().hex}.part"
    draft.mkdir(parents=True)
    try:
        with whole_file(draft / ROWS) as file:
            played_rows(shard).to_parquet(file, index=False)
        seconds = time.perf_counter() - start
        card = {
            "shard": shard.plain(),
            "id": shard.id,
            "seconds": seconds,
            "files": file_hashes([draft / ROWS]),
            **provenance(config=shard.plain()),
        }
        write_whole(draft / SHARD_CARD, json.dumps(card, indent=2))
        _take_place(draft, shard.folder(campaign))
        return seconds
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def played_rows(shard: Shard) -> pd.DataFrame:
    """One row for each episode of a shard: its labels, and every column of the score table as float64."""
    import pandas as pd

    from envs.core import DataCenterCore
    from experiments.evaluation.episodes import explicit_plan
    from experiments.evaluation.played import scored

    scenario, make = _required(shard)
    episodes = [numbered.episode for numbered in shard.episodes]
    site, world = site_and_world(shard.scenario, shard.overrides, shard.clock, shard.episodes)
    core = DataCenterCore(site, len(episodes), world=world)
    core.reset(seed=shard.seed, plan=explicit_plan(site, core.world, episodes, [e.number for e in shard.episodes]))
    table: Table = scored(core, make(core), site.episode.steps)
    labels = {name: getattr(shard, name) for name in LABELS[1:7]} | {"scenario": scenario.name}
    rows = [{"shard": shard.id, **labels, "episode": e.number, **e.episode._asdict()} for e in shard.episodes]
    frame = pd.DataFrame(rows, columns=list(LABELS))
    return frame.assign(**{name: values for name, values in sorted(table.items()) if name not in LABELS})


@lru_cache(maxsize=1)
def site_and_world(
    scenario: str, overrides: tuple[str, ...], clock: str, episodes: tuple[Numbered, ...]
) -> tuple[Scenario, World]:
    """The scenario of these episodes and its signals; kept for the next shard, which is often another policy on them.

    A world only grows while it is played, bit for bit, so that what is kept changes no result.
    """
    from envs.episodes.world import World
    from envs.scenario import load
    from experiments.evaluation.episodes import scenario_of_episodes

    site = scenario_of_episodes(load(scenario, list(overrides)), [e.episode for e in episodes], clock)
    return site, World.build(site)


def clear_drafts(campaign: Path) -> None:
    """Remove what killed workers left; the caller holds the campaign's lock."""
    for draft in (campaign / SHARDS).glob(".*.part"):
        shutil.rmtree(draft, ignore_errors=True)


def _required(shard: Shard) -> tuple[Scenario, PolicyMaker]:
    """Scenario and policy of a shard, if they are still those of the plan."""
    from envs.engine.choice import chosen_engine
    from envs.scenario import load
    from experiments.campaigns.policy_hash import policy_hash, rule_makers
    from experiments.evaluation.policies import learned_policies

    scenario = load(shard.scenario, list(shard.overrides))
    now = {
        "scenario_hash": scenario.hash(),
        "simulator": simulator_hash(),
        "engine": chosen_engine(),
        "policy_hash": policy_hash(shard.policy, shard.path, scenario),
    }
    for name, value in now.items():
        if value != getattr(shard, name):
            raise ValueError(
                f"shard {shard.id}: {name} is {value} here and was {getattr(shard, name)} when the plan was cut; "
                "start the campaign again"
            )
    if shard.path:
        return scenario, learned_policies("policy", shard.path)["policy"]
    return scenario, rule_makers(shard.policy, scenario)[shard.policy]


def outcome_of(campaign: Path, shard: Shard) -> Outcome:
    """Run a shard; what it raises is told, so that the others go on."""
    try:
        return Outcome(shard.id, run_shard(campaign, shard))
    except Exception as error:  # of a policy, the disk or the plant: the campaign tells it and goes on
        return Outcome(shard.id, 0.0, f"{type(error).__name__}: {error}")


def _take_place(draft: Path, place: Path) -> None:
    """Rename the folder; where another worker was first, its files stay."""
    try:
        draft.rename(place)
    except OSError:
        if not (place / SHARD_CARD).is_file():
            raise
