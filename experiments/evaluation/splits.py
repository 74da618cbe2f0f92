"""Frozen splits: which sites, weather seeds and workload seeds belong to train, validation and test (PROTOCOL 2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from envs.yaml_entry import YamlEntry
from experiments.records.provenance import content_hash

SPLITS = ("train", "validation", "test", "sealed")
SEED_KEYS = ("weather_seeds", "workload_seeds")
LARGEST_SEED, MOST_EPISODES, MOST_DAYS = 2**31 - 1, 12_000, 365


@dataclass(frozen=True)
class Split:
    """What a split may draw from.

    Attributes
    ----------
    name : str
        One of ``SPLITS``.
    sites : list of str
        Embedded climates.
    weather_seeds, workload_seeds : list of int
        Of the generators.
    episodes : int
        Paired evaluation episodes, a multiple of twelve: every month gets as many.
    days : int
        Length of an evaluation episode.
    """

    name: str
    sites: list[str]
    weather_seeds: list[int]
    workload_seeds: list[int]
    episodes: int = 24
    days: int = 7


class Episode(NamedTuple):
    """One evaluation episode, the same for every policy."""

    site: str
    month: int
    weather_seed: int
    workload_seed: int
    days: int


def split_hash(split: Split) -> str:
    """SHA-256 of a split's content."""
    return content_hash(asdict(split))


def load_split(name: str) -> Split:
    """A split of the package, checked against the hash it was frozen with.

    Raises
    ------
    ValueError
        For an unknown name, or where the file was changed after it was frozen.
    """
    if name not in SPLITS:
        raise ValueError(f"split {name!r} is unknown; choose one of {SPLITS}")
    with as_file(files("configs").joinpath(f"splits/{name}.yaml")) as path:
        return read_split(path)


def read_split(path: Path) -> Split:
    """A split from a YAML file, checked against its ``sha256``.

    Raises
    ------
    ValueError
        Where a value is none that a split can have, or the file was changed after it was frozen.
    """
    split, frozen = split_in(path)
    if split_hash(split) != frozen:
        raise ValueError(
            f"{path}: split {split.name} was changed after it was frozen (sha256 {frozen}); undo the change, or freeze "
            f"a new split with sha256: {split_hash(split)} and say so in CHANGELOG under 'Physics changed'"
        )
    return split


def split_in(path: Path) -> tuple[Split, str]:
    """A split as a YAML file has it, and the hash that stands there; empty where none does."""
    given = YamlEntry.of_file(path, (*(spec.name for spec in fields(Split)), "sha256"))
    seeds = {key: given.wholes(key, 0, LARGEST_SEED) for key in SEED_KEYS}
    split = Split(
        name=given.name("name"),
        sites=given.texts("sites"),
        **seeds,
        episodes=given.whole("episodes", Split.episodes, 1, MOST_EPISODES),
        days=given.whole("days", Split.days, 1, MOST_DAYS),
    )
    if split.episodes % 12:
        raise given.refused("episodes", "give a multiple of 12; each month needs as many")
    for key in ("sites", *SEED_KEYS):
        if not getattr(split, key) or len(set(getattr(split, key))) < len(getattr(split, key)):
            raise given.refused(key, "give at least one, and each once")
    return split, given.text("sha256", "")


def plan_episodes(split: Split, episodes: int | None = None, days: int | None = None) -> list[Episode]:
    """The paired episodes of a split: months in turn, sites and seeds spread over them.

    Parameters
    ----------
    split : Split
        Where sites and seeds come from.
    episodes : int, optional
        Fewer or more than the split says (a demonstration); fewer than twelve spread over the year.
    days : int, optional
        Another length than the split says.
    """
    count = episodes or split.episodes
    months = [1 + (12 * i) // count for i in range(count)] if count < 12 else [1 + i % 12 for i in range(count)]
    plan = []
    for i, month in enumerate(months):
        turn = i + i // 12
        plan.append(
            Episode(
                split.sites[turn % len(split.sites)],
                month,
                split.weather_seeds[turn // len(split.sites) % len(split.weather_seeds)],
                split.workload_seeds[(turn // len(split.sites) + turn) % len(split.workload_seeds)],
                days or split.days,
            )
        )
    return plan
