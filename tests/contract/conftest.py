"""Cores and environments of every scenario over shared worlds: signals are generated once per session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import load

SHORT = ("site.workload_weeks=1", "episode.step_s=300", "episode.substep_s=60")


@cache
def _world(name: str, overrides: tuple[str, ...]) -> World:
    return World.build(load(name, overrides))


@pytest.fixture(scope="session")
def world_of() -> Callable[[str], World]:
    """The shared signals of a scenario at 300 s."""
    return lambda name: _world(name, SHORT)


@pytest.fixture(scope="session")
def make_core() -> Callable[..., DataCenterCore]:
    """``make_core(scenario, n, *overrides, dtype=...)`` at 300 s, over a world of one week."""

    def make(name: str, n: int = 2, *overrides: str, **options: object) -> DataCenterCore:
        world = _world(name, SHORT)
        return DataCenterCore(name, n, (*SHORT, *overrides), world=world, **options)  # type: ignore[arg-type]

    return make
