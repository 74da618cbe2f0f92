"""Tests run on the numpy engine unless COLDAISLE_ENGINE says otherwise; a bench of a few short paired episodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from types import ModuleType

import pytest

from agents.planners.trial import CandidateTrials
from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import load
from experiments.published.psychrolib_plain import plain_psychrolib

os.environ.setdefault("COLDAISLE_ENGINE", "numpy")  # stored bits are those of numpy
SHORT = ("episode.steps=24", "site.workload_weeks=1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Cases that ``quick_for`` does not name are slow."""
    for item in items:
        named = item.get_closest_marker("quick_for")
        if named and not any(fnmatch(item.callspec.id, case) for case in named.args):  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def bench_of() -> Callable[[str], CandidateTrials]:
    """Bench of a scenario: four episodes of two hours."""
    made: dict[str, CandidateTrials] = {}

    def of(name: str) -> CandidateTrials:
        if name not in made:
            scenario = load(name, SHORT)
            world = World.build(scenario)
            core = DataCenterCore(scenario, 4, world=world)
            core.reset(seed=11)
            made[name] = CandidateTrials(scenario, world, core.plan)
        return made[name]

    return of


@pytest.fixture(scope="session")
def psychrolib() -> ModuleType:
    """The outside reference for moist air."""
    try:
        return plain_psychrolib()
    except ImportError:
        pytest.skip("psychrolib is not installed: pip install psychrolib")


@pytest.fixture(scope="module")
def compiled_engine() -> Iterator[None]:
    """The engine that users have, for tests that play long: machine code where it can be had."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDAISLE_ENGINE", "auto")
        yield
