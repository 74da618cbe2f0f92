"""Frozen splits: which sites, weather seeds and workload seeds belong to train, validation and test (PROTOCOL 2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from experiments.records.provenance import content_hash

SPLITS = ("train", "validation", "test", "sealed")


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
    return read_split(files("configs").joinpath(f"splits/{name}.yaml").read_text())


def read_split(text: str) -> Split:
    """A split from YAML, checked against its ``sha256``."""
    content: dict[str, Any] = yaml.safe_load(text)
    frozen = content.pop("sha256", None)
    split = Split(**content)
    if split.episodes % 12:
        raise ValueError(
            f"split {split.name}: episodes = {split.episodes} is no multiple of 12; each month needs as many"
        )
    if split_hash(split) != frozen:
        raise ValueError(
            f"split {split.name} was changed after it was frozen (sha256 {frozen}); undo the change, or freeze a new "
            f"split with sha256: {split_hash(split)} and say so in CHANGELOG under 'Physics changed'"
        )
    return split


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
