"""What a core on machine code keeps for each of its sites."""

import gc
import tracemalloc

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.engine.blocks import BlockPool, BlockShape
from envs.episodes.world import World
from envs.scenario import load

pytest.importorskip("llvmlite")
SITES = 1024


def under_way(scenario: str, world: World, sites: int) -> DataCenterCore:
    core = DataCenterCore(scenario, sites, world=world)
    core.reset(seed=0)
    actions = np.zeros((sites, core.action_size), np.float32)
    for _ in range(3):
        core.step(actions)
    return core


@pytest.mark.parametrize(
    ("scenario", "most_kb"), [("edge_room", 6.0), pytest.param("ai_hall", 10.0, marks=pytest.mark.slow)]
)
def test_a_site_takes_at_most_ten_kilobytes(scenario: str, most_kb: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")
    world = World.shared(load(scenario))
    before = under_way(scenario, world, 16)  # what a process needs once
    tracemalloc.start()
    try:
        core = under_way(scenario, world, SITES)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert core.num_envs > before.num_envs
    assert kept / SITES < 1e3 * most_kb, kept / SITES


def test_a_set_of_blocks_that_lies_idle_is_given_back_and_one_that_is_seen_is_not() -> None:
    pool = BlockPool([BlockShape(2, 4, np.dtype(np.float32))], lambda blocks: None, most=2)
    seen = pool.get().blocks[0][0]
    seen[...] = 7.0
    held = pool.get()
    del held
    used = {id(pool.get()) for _ in range(40)}
    assert len(used) == 1, "one that nobody holds is used again and again"
    assert len(pool._sets) == 2
    del seen
    for _ in range(40):
        pool.get()
    assert len(pool._sets) == 1
