"""A file of load targets: its events are observed as announced ones, and the scheduler may hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import draw_plan
from envs.scenario import load
from envs.scheduling.announced_targets import asked_in
from envs.signals.step import Outside

FACTORY = ("site.workload_weeks=1", "jobs.slots=128", "episode.steps=24")
SITES, BEFORE, STEPS, LASTS = 2, 4, 20, 12
FILE = "start,end,reduce_frac,notice_h\n2026-07-15T12:00,2026-07-15T13:00,0.2,0.25\n"


@pytest.fixture
def targets(tmp_path: Path) -> str:
    path = tmp_path / "targets.csv"
    path.write_text(FILE)
    return f"site.load_targets={path}"


def begun(*overrides: str) -> DataCenterCore:
    """Sites whose episode begins a few steps before the event."""
    core = DataCenterCore("ai_factory", SITES, (*FACTORY, *overrides), ("job_admission_frac",))
    active = core.world.site_pool[: core.world.site_steps, Outside._fields.index("dr_active")]
    first = int(np.flatnonzero(active)[0])
    assert (active > 0.0).sum() == LASTS and (active[first : first + LASTS] > 0.0).all()
    rngs = [np.random.default_rng(k) for k in range(SITES)]
    plan = draw_plan(core.scenario, core.world, rngs, np.zeros(SITES, np.int64))
    start = np.full(SITES, first - BEFORE)
    core.reset(plan=plan._replace(site=np.zeros(SITES, np.int64), site_start=start))
    return core


def stepped_kw(core: DataCenterCore, steps: int) -> NDArray[np.float64]:
    power = []
    for _ in range(steps):
        core.step_setpoints({})
        power.append(np.array(core.flows.grid_power_kw, np.float64))
    return np.array(power)


def test_the_event_of_a_file_is_announced_and_held_at_its_share_of_the_power_before(targets: str) -> None:
    core, free = begun(targets, "jobs.curtail=tiers"), begun(targets)
    before, unheld = stepped_kw(core, BEFORE), stepped_kw(free, BEFORE + 6)
    seen = core.measurements()
    assert (seen["dr_active"] > 0.0).all()
    announced = begun(targets)
    announced.step_setpoints({})
    assert announced.measurements()["dr_announced_frac"] == pytest.approx(0.2)
    assert announced.measurements()["dr_starts_in_h"] == pytest.approx((BEFORE - 1) / 12.0)
    held = stepped_kw(core, LASTS)
    target = 0.8 * before[-1]
    assert (held[1:] <= 1.02 * target).all()
    assert (unheld[-1] > 1.05 * target).any()
    assert core.jobs is not None and np.abs(core.jobs.residual_h()).max() < 1e-9


def test_a_held_event_goes_on_from_a_saved_state_bit_for_bit(targets: str) -> None:
    first, again = begun(targets, "jobs.curtail=tiers"), begun(targets, "jobs.curtail=tiers")
    stepped_kw(first, BEFORE + 2)
    again.load_state(first.save_state())
    np.testing.assert_array_equal(stepped_kw(first, STEPS - BEFORE - 2), stepped_kw(again, STEPS - BEFORE - 2))


def test_a_new_episode_forgets_the_event_of_the_one_before(targets: str) -> None:
    core = begun(targets, "jobs.curtail=tiers")
    stepped_kw(core, BEFORE + 2)
    assert core.jobs is not None and core.jobs.curtailment is not None
    assert np.isfinite(core.jobs.curtailment.target.start_s).all()
    core.reset(np.array([True, False]))
    assert np.isinf(core.jobs.curtailment.target.start_s[0]) and np.isfinite(core.jobs.curtailment.target.start_s[1])


def test_events_of_an_episode_are_found_at_their_edges() -> None:
    asked = asked_in(np.array([1, 1, 0, 0, 1, 0, 1]), np.array([0.1, 0.1, 0.0, 0.0, 0.2, 0.0, 0.3]))
    assert asked.start.tolist() == [0, 4, 6] and asked.end.tolist() == [2, 5, 7]
    assert asked.reduce_frac.tolist() == [0.1, 0.2, 0.3]


def test_a_way_that_is_none_is_refused_with_its_likeness() -> None:
    with pytest.raises(ValueError, match=r"way of a curtailment.*tiers"):
        DataCenterCore("ai_factory", 1, (*FACTORY, "jobs.curtail=tier"))


def test_hashes_of_scenarios_without_targets_last(targets: str) -> None:
    parts = load("ai_factory").hashed_parts()
    assert "load_targets" not in parts["site"] and "curtail" not in parts["jobs"]
    held = load("ai_factory", [targets, "jobs.curtail=tiers"])
    assert held.hash() != load("ai_factory").hash()
