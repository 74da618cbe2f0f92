"""Work whose tokens came too late: caps slow tokens, nothing else moves, and the ledger still closes (WORKLOAD 6e)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.single_env import DataCenterEnv

HALL = ["episode.steps=6", "episode.random_hour=false", "site.workload_weeks=1"]


def played(name: str, *overrides: str, limit: float = 1.0, steps: int = 4) -> DataCenterCore:
    """A hall after some steps under one limit for all rows."""
    core = DataCenterCore(name, 2, [*HALL, *overrides], agent_channels=["rack_power_limit_frac"])
    core.reset(seed=5)
    rows = core.plant.layout.channels["rack_power_limit_frac"].rows
    for _ in range(steps):
        core.step_setpoints({"rack_power_limit_frac": np.full((rows, 2), limit)})
    return core


def test_a_cap_makes_tokens_slower_and_no_less_work_late() -> None:
    free, capped = (played("edge_room", "site.token_target_ms=30", limit=x) for x in (1.0, 0.35))
    assert free.serving is not None and capped.serving is not None
    assert np.all(capped.serving.token_ms > free.serving.token_ms) and np.all(free.serving.token_ms > 6.77)
    free_sums, capped_sums = free.episode_statistics(), capped.episode_statistics()
    assert np.all(capped_sums["late_work_h"] >= free_sums["late_work_h"])
    assert np.all(capped_sums["late_work_h"] <= capped_sums["serving_done_h"] + 1e-9)


def test_a_target_that_nobody_can_keep_is_missed_by_all_work_and_a_lax_one_by_none() -> None:
    hard, lax = (played("edge_room", f"site.token_target_ms={ms}").episode_statistics() for ms in (6.9, 10_000.0))
    assert hard["late_work_h"] == pytest.approx(hard["serving_done_h"]) and np.all(hard["serving_done_h"] > 0.0)
    assert np.all(lax["late_work_h"] == 0.0)


def test_what_is_judged_is_the_work_that_the_ledger_calls_done() -> None:
    core = played("edge_room", "site.token_target_ms=30", limit=0.4)
    assert core.serving is not None
    serving = core.flows.work_done[[2, 3]].sum(axis=0)
    assert core.serving.served_h == pytest.approx(serving, rel=1e-4)


def test_a_target_moves_no_bit_of_a_hall() -> None:
    plain, judged = played("edge_room", limit=0.5), played("edge_room", "site.token_target_ms=30", limit=0.5)
    assert plain.serving is None and np.all(plain.late_work_h == 0.0)
    for name, value in plain.flows._asdict().items():
        assert np.array_equal(value, getattr(judged.flows, name)), name
    assert np.array_equal(plain.sums.sums, judged.sums.sums)


def test_under_a_bound_the_work_still_closes() -> None:
    core = played("edge_room", "site.serving_batch_max=20", "site.token_target_ms=30", limit=0.5)
    flows = core.flows
    closed = flows.work_done + flows.work_lost
    serving = [2, 3]  # prefill and decode keep nothing for later
    assert closed[serving] == pytest.approx(flows.work_demanded[serving], rel=1e-4, abs=1e-5)


def test_a_run_that_was_stopped_goes_on_with_its_late_work() -> None:
    saved = (core := played("edge_room", "site.token_target_ms=8", limit=0.4)).save_state()
    other = DataCenterCore(core.scenario, 2, agent_channels=["rack_power_limit_frac"])
    other.load_state(saved)
    for name in ("late_work_h", "serving_done_h"):
        assert np.array_equal(other.episode_statistics()[name], core.episode_statistics()[name])
    assert core.serving is not None and other.serving is not None
    for told, again in zip(core.serving.told().values(), other.serving.told().values()):
        np.testing.assert_array_equal(told, again)
    core.reset(np.array([True, False]))
    sums = core.episode_statistics()["late_work_h"]
    assert sums[0] == 0.0 and sums[1] > 0.0


def test_the_infos_tell_how_long_tokens_take() -> None:
    env = DataCenterEnv("edge_room", ("site.token_target_ms=30", "episode.steps=1"))
    env.reset(seed=1)
    info: dict[str, Any] = env.step(env.action_space.sample())[4]
    assert info["token_ms"] > 6.77 and 0.0 <= info["late_work_frac"] <= 1.0
    assert {"late_work_h", "serving_done_h"} <= set(info["episode_totals"])
