"""A campaign's plan: what is played, as entries, and its shards in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from experiments.campaigns.policy_hash import RUN, policy_hash
from experiments.campaigns.scaled import scaled_overrides
from experiments.campaigns.shard import Numbered, Shard
from experiments.evaluation.episodes import clock_site, split_of, with_days
from experiments.evaluation.splits import plan_episodes, split_hash
from experiments.records.provenance import simulator_hash
from experiments.records.run_folder import seed_folders

if TYPE_CHECKING:
    from envs.scenario import Scenario

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
    """Name of a campaign, its entries, and the file that it was read from; empty: none."""

    name: str
    entries: list[Entry]
    source: str = ""


def shards_of(plan: Plan) -> list[Shard]:
    """Every shard of a plan, always in the same order and with the same ids.

    Raises
    ------
    ValueError, FileNotFoundError
        Where a scenario, a split or a policy is not there, or a variant is no plant that can be, naming file and entry.
    """
    shards: list[Shard] = []
    for entry in plan.entries:
        where = f"{plan.source or f'plan {plan.name}'}, entry {entry.name!r}"
        try:
            shards += _entry_shards(entry)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{where}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    return shards


def learned_in(shards: Sequence[Shard]) -> dict[str, list[str]]:
    """What was learnt among the shards: policy to its rows, one for each training seed."""
    found: dict[str, list[str]] = {}
    for shard in shards:
        rows = found.setdefault(shard.policy, []) if shard.path else []
        rows += [shard.row] if shard.row not in rows else []
    return found


def _entry_shards(entry: Entry) -> Iterator[Shard]:
    from envs.scenario import load

    places: dict[tuple[str, str], str] = {}
    for place in entry.scenarios:
        plain = load(place)
        for name, variant in entry.variants.items():
            if variant.needs and getattr(plain, variant.needs) is None:
                continue
            scenario, overrides = _varied(place, name, variant)
            _require_other_name(places, name, place, scenario.name)
            yield from _variant_shards(entry, place, name, scenario, overrides)


def _require_other_name(places: dict[tuple[str, str], str], variant: str, place: str, hall: str) -> None:
    """Note a hall; refuse a second one of its name, as what was played in either would be merged as one."""
    if (variant, hall) in places:
        raise ValueError(
            f"scenarios {places[variant, hall]} and {place} both have name: {hall}, so that their results would be "
            "merged as those of one hall; give each hall once, and a name of its own"
        )
    places[variant, hall] = place


def _variant_shards(
    entry: Entry, place: str, name: str, scenario: Scenario, overrides: Sequence[str]
) -> Iterator[Shard]:
    """Shards of one scenario in one variant; the policies on the same episodes follow each other."""
    from envs.engine.choice import chosen_engine

    split = split_of(scenario, entry.split)
    planned = plan_episodes(split, entry.episodes or None, entry.days or None)
    with_days(scenario, planned[0].days)  # refuses a length that no episode can have
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


def _varied(place: str, name: str, variant: Variant) -> tuple[Scenario, list[str]]:
    """The scenario in a variant, and the overrides that make it."""
    from envs.scenario import load

    try:
        overrides = [*variant.set, *scaled_overrides(load(place, variant.set), variant.scale)]
        return load(place, overrides), overrides
    except ValueError as error:
        raise ValueError(f"variant {name!r} of {place}: {error}") from error


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
