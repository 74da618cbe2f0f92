"""A campaign's plan: what is played, as a YAML file of entries, and its shards in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from envs.plain_yaml import checked_text
from envs.unknown_name import unknown_name
from experiments.campaigns.policy_hash import RUN, policy_hash
from experiments.campaigns.scaled import scaled_overrides
from experiments.campaigns.shard import Numbered, Shard
from experiments.evaluation.episodes import clock_site, split_of
from experiments.evaluation.splits import plan_episodes, split_hash
from experiments.records.provenance import simulator_hash
from experiments.records.run_folder import seed_folders

NOMINAL = "nominal"


@dataclass(frozen=True)
class Variant:
    """How the plant that judges differs from the scenario.

    Attributes
    ----------
    set : list of str
        Overrides ``key=value`` of the scenario.
    scale : dict
        Parameter to the factor on its own value; ``*`` stands for every zone or group.
    needs : str
        A machine, such as ``tower``; the variant is left out of scenarios without it.
    """

    set: list[str] = field(default_factory=list)
    scale: dict[str, float] = field(default_factory=dict)
    needs: str = ""


@dataclass(frozen=True)
class Entry:
    """Policies on the episodes of a split, in every scenario and variant of it.

    Attributes
    ----------
    name : str
        Stands in every row of its results.
    scenarios : list of str
        Shipped names or YAML files.
    policies : dict
        A name for each: ``reference`` for a rule of that name, or a run's folder or bundle; ``*`` means every training
        seed of one policy.
    split : str
        A frozen split, or ``none`` for the scenario's own sites and seeds.
    variants : dict
        Name to `Variant`.
    episodes, days : int
        0: as the split says.
    episodes_per_shard : int
        How much a killed worker loses.
    seed : int
        Of the sensors' noise.
    """

    name: str
    scenarios: list[str]
    policies: dict[str, str]
    split: str = "test"
    variants: dict[str, Variant] = field(default_factory=lambda: {NOMINAL: Variant()})
    episodes: int = 0
    days: int = 0
    episodes_per_shard: int = 24
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """Name of a campaign and its entries."""

    name: str
    entries: list[Entry]


def read_plan(path: Path) -> Plan:
    """A plan from YAML.

    Raises
    ------
    ValueError
        Where a key is unknown or missing, naming the entry and the mend.
    """
    content = yaml.safe_load(checked_text(path))
    if not isinstance(content, dict) or not content.get("entries"):
        raise ValueError(f"plan {path} has no entries; give `entries:` with a list")
    _require_keys(content, ("name", "entries"), "plan")
    entries = []
    for number, given in enumerate(content["entries"], 1):
        where = f"plan {path}, entry {number}"
        known = [f.name for f in fields(Entry)]
        _require_keys(given, known, where)
        if missing := [key for key in ("name", "scenarios", "policies") if not given.get(key)]:
            raise ValueError(f"{where}: {', '.join(missing)} missing; see docs/campaigns.md")
        variants = given.get("variants") or {NOMINAL: {}}
        for variant in variants.values():
            _require_keys(variant or {}, ("set", "scale", "needs"), f"{where}, variant")
        made = {name: Variant(**(variant or {})) for name, variant in variants.items()}
        entries.append(Entry(**{**given, "variants": made}))
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError(f"plan {path}: two entries have one name among {names}; name each differently")
    return Plan(str(content.get("name", path.stem)), entries)


def shards_of(plan: Plan) -> list[Shard]:
    """Every shard of a plan, always in the same order and with the same ids.

    Raises
    ------
    ValueError, FileNotFoundError
        Where a scenario, a split or a policy is not there.
    """
    return [shard for entry in plan.entries for shard in _entry_shards(entry)]


def learned_in(shards: Sequence[Shard]) -> dict[str, list[str]]:
    """What was learnt among the shards: policy to its rows, one for each training seed."""
    found: dict[str, list[str]] = {}
    for shard in shards:
        rows = found.setdefault(shard.policy, []) if shard.path else []
        rows += [shard.row] if shard.row not in rows else []
    return found


def _entry_shards(entry: Entry) -> Iterator[Shard]:
    from envs.scenario import load

    if entry.episodes_per_shard < 1:
        raise ValueError(f"entry {entry.name}: episodes_per_shard = {entry.episodes_per_shard}; give 1 or more")
    for place in entry.scenarios:
        plain = load(place)
        for name, variant in entry.variants.items():
            if not variant.needs or getattr(plain, variant.needs) is not None:
                yield from _variant_shards(entry, place, name, variant)


def _variant_shards(entry: Entry, place: str, name: str, variant: Variant) -> Iterator[Shard]:
    """Shards of one scenario in one variant; the policies on the same episodes follow each other."""
    from envs.engine.choice import chosen_engine
    from envs.scenario import load

    overrides = [*variant.set, *scaled_overrides(load(place, variant.set), variant.scale)]
    scenario = load(place, overrides)
    split = split_of(scenario, entry.split)
    planned = plan_episodes(split, entry.episodes or None, entry.days or None)
    rows = [(*row, policy_hash(row[0], row[2], scenario)) for row in _rows(entry.policies)]
    simulator = simulator_hash()
    for episodes in _chunks(planned, entry.episodes_per_shard):
        for policy, row, path, hashed in rows:
            yield Shard(
                entry=entry.name,
                variant=name,
                scenario=place,
                overrides=tuple(overrides),
                scenario_hash=scenario.hash(),
                simulator=simulator,
                engine=chosen_engine(),
                split=entry.split,
                split_hash=split_hash(split),
                policy=policy,
                row=row,
                path=path,
                policy_hash=hashed,
                seed=entry.seed,
                clock=clock_site(planned),
                episodes=episodes,
            )


def _rows(policies: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Policy, its row (one for each training seed), and its path; the path of a rule is empty."""
    for policy, given in policies.items():
        folders = [] if given == RUN else seed_folders(given)
        if not folders:
            yield policy, policy, ""
        for folder in folders:
            yield policy, f"{policy} {folder.name}" if len(folders) > 1 else policy, str(folder)


def _chunks(episodes: Sequence[Any], size: int) -> list[tuple[Numbered, ...]]:
    """Episodes with their numbers, those of one site and its seeds together: a world is built for each."""
    numbered = [Numbered(i, *episode) for i, episode in enumerate(episodes)]
    ordered = sorted(numbered, key=lambda e: (e.site, e.weather_seed, e.workload_seed, e.number))
    return [tuple(ordered[i : i + size]) for i in range(0, len(ordered), size)]


def _require_keys(given: Any, known: Sequence[str], where: str) -> None:
    if not isinstance(given, dict):
        raise ValueError(f"{where} is {given!r}; give keys {', '.join(known)}")
    for key in given:
        if key not in known:
            raise ValueError(unknown_name(f"{where}: key", str(key), known))
