"""The ledger of work closes whatever is decided, and nobody gains by pausing or stopping."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scheduling.control_step import Jobs, Laws, advance, copied
from envs.scheduling.job_table import (
    EMPTY,
    PAUSED,
    RUNNING,
    WAITING,
    Arrivals,
    Facts,
    admit,
    empty_ledger,
    empty_table,
    outside_h,
    stop,
    waiting_h,
)
from envs.scheduling.network import network
from envs.scheduling.order import Order
from envs.scheduling.placement import RackScores, fresh_racks
from envs.scheduling.progress import crash, rack_activity, run, running
from envs.scheduling.scheduler import Wishes, pause, plain_wishes, schedule
from envs.scheduling.waiting_line import Habits

KINDS, RACKS, STEP_S = 3, np.array([8, 8, 8, 8, 4]), 300.0


def scores(sites: int) -> RackScores:
    return fresh_racks(np.array([0, 0, 1, 1, 1]), sites)


def random_arrivals(seed: int, sites: int, jobs: int = 60) -> Arrivals:
    rng = np.random.default_rng(seed)
    shape = (jobs, sites)
    gpus = rng.choice([1.0, 2.0, 4.0, 8.0, 16.0], shape)
    submit = np.sort(rng.uniform(0.0, 40 * STEP_S, shape), axis=0)
    lasts = rng.lognormal(np.log(1500.0), 1.0, shape)
    facts = Facts(
        kind=rng.integers(0, KINDS, shape),
        accelerators=gpus,
        work_h=gpus * lasts / 3600.0,
        submit_s=submit,
        deadline_s=np.where(rng.random(shape) < 0.2, submit + 2.0 * lasts, np.inf),
        priority=rng.integers(0, 3, shape).astype(float),
        tier=rng.integers(0, 4, shape),
        checkpoint_s=rng.choice([600.0, 900.0, 3600.0, np.inf], shape),
        restart_s=rng.choice([0.0, 60.0, 600.0], shape),
        activity=rng.uniform(0.3, 1.0, shape),
    )
    return Arrivals(facts, np.arange(sites), np.zeros(sites, np.int64))


def begun(seed: int, sites: int, slots: int = 24) -> Jobs:
    return Jobs(empty_table(slots, RACKS, sites), empty_ledger(KINDS, sites), random_arrivals(seed, sites))


def after(jobs: Jobs, step: int, wishes: Wishes, pace: np.ndarray, dark: np.ndarray, habits: Habits) -> Jobs:
    net = network(RACKS, np.array([0, 0, 1, 1, 1]), np.array([0, 0]))
    own, racks = copied(jobs), scores(dark.shape[1])._replace(dark=dark)
    advance(own, racks, wishes, pace, step * STEP_S, STEP_S, Laws(habits, net, np.array([0.1, 0.0, 0.02])))
    return own


def residual(site: Jobs) -> np.ndarray:
    ledger = site.ledger
    return ledger.asked - ledger.done - ledger.redone - ledger.lost - waiting_h(site.table, KINDS)


@pytest.mark.parametrize("seed", range(6))
def test_all_work_asked_is_done_redone_lost_or_waiting_whatever_is_decided(seed: int) -> None:
    rng, sites = np.random.default_rng(seed), 5
    site = begun(seed, sites)
    habits = Habits(starts=3, backfill=bool(seed % 2), reserve=bool(seed % 3), preempt=seed != 2)
    for step in range(80):
        order = Order(rng.uniform(-24.0, 24.0, (3, sites)), rng.uniform(-6.0, 6.0, sites))
        shares = rng.uniform(0.3, 1.0, sites), rng.uniform(0, 0.5, sites)
        wishes = Wishes(rng.uniform(-1, 2, (6, sites)), *shares, order)
        dark = rng.random((len(RACKS), sites)) < 0.02
        pace = rng.uniform(0.0, 1.0, (KINDS, len(RACKS), sites))
        site = after(site, step, wishes, pace, dark, habits)
        assert np.abs(residual(site)).max() < 1e-9
        table = site.table
        assert (table.free >= 0).all()
        np.testing.assert_array_equal(table.held.sum(axis=0) + table.free, RACKS[:, None] + np.zeros(sites, int))
        whole = table.held.sum(axis=1)
        np.testing.assert_array_equal(whole, np.where(table.active, table.facts.accelerators, 0))
    assert site.ledger.redone.sum() > 0.0 and site.ledger.lost.sum() > 0.0 and site.ledger.done.sum() > 0.0


def test_what_comes_and_finds_no_slot_is_told_and_comes_later() -> None:
    site = begun(0, 2, slots=2)
    late = 40 * STEP_S
    table, ledger, arrivals = site
    admit(*site, late)
    outside = outside_h(arrivals, late, KINDS)
    all_work = np.zeros((KINDS, 2))
    for site_at in range(2):
        np.add.at(all_work[:, site_at], arrivals.facts.kind[:, site_at], arrivals.facts.work_h[:, site_at])
    np.testing.assert_allclose(ledger.asked + outside, all_work)
    assert arrivals.taken.tolist() == [2, 2] and (table.state == WAITING).all()


def one_job(**changes: object) -> Jobs:
    """A job of an hour on 8 accelerators, checkpoints each 1000 s, 600 s to restart."""
    known: dict[str, object] = dict(
        kind=0, accelerators=8.0, work_h=8.0, submit_s=0.0, deadline_s=np.inf, priority=0.0, tier=2
    )
    known |= {"checkpoint_s": 1000.0, "restart_s": 600.0, "activity": 1.0} | changes
    facts = Facts(**{name: np.full((1, 1), value) for name, value in known.items()})  # type: ignore[arg-type]
    none = np.zeros(1, np.int64)
    return Jobs(empty_table(4, RACKS, 1), empty_ledger(KINDS, 1), Arrivals(facts, none, none.copy()))


FULL = np.ones((KINDS, len(RACKS), 1))


def ran(site: Jobs, steps: int, start: int = 0, paused: float = 0.0) -> Jobs:
    site = copied(site)
    wishes = plain_wishes(1)._replace(pause=np.array([paused]))
    for step in range(start, start + steps):
        advance(site, scores(1), wishes, FULL, step * STEP_S, STEP_S, Laws(Habits(), None, np.zeros(KINDS)))
    return site


def all_stopped(site: Jobs) -> Jobs:
    own = copied(site)
    stop(own.table, own.ledger, running(own.table))
    return own


def test_a_job_at_full_pace_takes_its_time_and_leaves_its_accelerators() -> None:
    site = ran(one_job(), 11)
    assert site.ledger.done.sum() == pytest.approx(8.0 * 11 / 12) and site.table.active.sum() == 1
    site = ran(site, 1, start=11)
    assert site.ledger.done.sum() == pytest.approx(8.0) and (site.table.state == EMPTY).all()
    np.testing.assert_array_equal(site.table.free[:, 0], RACKS)


def test_a_paused_job_does_no_work_and_keeps_its_accelerators_and_what_it_has_done() -> None:
    site = ran(one_job(), 3)
    paused = ran(site, 5, start=3, paused=1.0)
    assert paused.table.state[0, 0] == PAUSED and paused.table.taken[0] == 8
    np.testing.assert_array_equal(paused.ledger.done, site.ledger.done)
    resumed = ran(paused, 9, start=8)
    assert resumed.ledger.done.sum() == pytest.approx(8.0)


def test_a_rigid_job_is_not_paused() -> None:
    site = ran(one_job(tier=0), 1)
    pause(site.table, np.array([1.0]))
    assert site.table.state[0, 0] == RUNNING


def test_a_stopped_job_repeats_what_it_did_since_its_checkpoint_and_pays_for_its_restart() -> None:
    site = ran(one_job(), 5)  # 1500 s: a checkpoint at 1000 s, 500 s at risk
    down = all_stopped(site)
    assert down.ledger.redone.sum() == pytest.approx(8.0 * 500.0 / 3600.0)
    assert down.table.left_h[0, 0] == pytest.approx(8.0 - 8.0 * 1000.0 / 3600.0)
    again = ran(down, 2, start=5)  # 600 s of restart
    assert again.ledger.done.sum() == pytest.approx(down.ledger.done.sum())
    assert ran(again, 1, start=7).ledger.done.sum() > down.ledger.done.sum()


def test_stopping_never_ends_a_job_sooner() -> None:
    calm, stormy = one_job(), one_job()
    for step in range(40):
        calm, stormy = ran(calm, 1, start=step), ran(stormy, 1, start=step)
        if step % 4 == 3:
            stormy = all_stopped(stormy)
        assert stormy.ledger.done.sum() <= calm.ledger.done.sum() + 1e-12


def test_work_past_its_deadline_is_lost_and_its_accelerators_are_free_again() -> None:
    site = ran(one_job(deadline_s=1800.0), 6)
    assert site.ledger.lost.sum() == pytest.approx(4.0) and site.ledger.done.sum() == pytest.approx(4.0)
    assert site.table.taken[0] == 0


def test_a_job_runs_at_the_pace_of_its_slowest_rack_and_not_at_all_where_one_is_dark() -> None:
    site = ran(one_job(accelerators=16.0, work_h=16.0), 1)
    pace = FULL.copy()
    pace[:, np.flatnonzero(site.table.held[0, :, 0])[0]] = 0.25
    slow = copied(site)
    run(slow.table, slow.ledger, pace, STEP_S, STEP_S)
    assert (slow.ledger.done - site.ledger.done).sum() == pytest.approx(0.25 * 16.0 * STEP_S / 3600.0)
    dark = np.zeros((len(RACKS), 1), bool)
    dark[np.flatnonzero(site.table.held[0, :, 0])[0]] = True
    crash(site.table, site.ledger, dark)
    assert site.table.state[0, 0] == WAITING and site.table.taken[0] == 0


def test_racks_are_active_by_what_runs_on_them_and_a_restarting_job_idles() -> None:
    site = ran(one_job(accelerators=4.0, work_h=400.0), 1)
    whole = 0.5 if site.table.held[0, :4, 0].any() else 1.0
    assert rack_activity(site.table, KINDS, STEP_S)[0].sum() == pytest.approx(whole)
    again = all_stopped(site)
    schedule(again.table, again.ledger, scores(1), plain_wishes(1), 5 * STEP_S)
    assert again.table.state[0, 0] == RUNNING and rack_activity(again.table, KINDS, STEP_S)[0].sum() == 0.0


def test_a_batch_of_sites_runs_as_each_site_alone() -> None:
    habits, sites = Habits(starts=3), 4
    together = begun(3, sites)
    alone = [
        Jobs(
            empty_table(24, RACKS, 1),
            empty_ledger(KINDS, 1),
            together.arrivals._replace(of=np.array([k]), taken=np.zeros(1, np.int64)),
        )
        for k in range(sites)
    ]
    rng = np.random.default_rng(1)
    for step in range(50):
        pace = rng.uniform(0.5, 1.0, (KINDS, len(RACKS), sites))
        dark = rng.random((len(RACKS), sites)) < 0.01
        order = Order(rng.uniform(-24.0, 24.0, (3, sites)), rng.uniform(-6.0, 6.0, sites))
        wishes = plain_wishes(sites)._replace(pause=rng.uniform(0.0, 0.4, sites), order=order)
        together = after(together, step, wishes, pace, dark, habits)
        for k in range(sites):
            alone_order = Order(order.lead_h[:, [k]], order.grace_h[[k]])
            own = Wishes(wishes.weights[:, [k]], wishes.admission[[k]], wishes.pause[[k]], alone_order)
            alone[k] = after(alone[k], step, own, pace[:, :, [k]], dark[:, [k]], habits)
            np.testing.assert_array_equal(together.table.held[:, :, [k]], alone[k].table.held)
            np.testing.assert_allclose(together.ledger.done[:, [k]], alone[k].ledger.done, atol=1e-12)


def test_a_step_leaves_the_jobs_that_it_was_given_as_they_were() -> None:
    site = ran(one_job(), 2)
    kept = copied(site)
    ran(site, 3, start=2)
    for part, same in ((site.table, kept.table), (site.ledger, kept.ledger)):
        for a, b in zip(part[1:], same[1:]):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(site.arrivals.taken, kept.arrivals.taken)


@pytest.mark.parametrize("slots, racks, sites", [(0, [8], 1), (4, [], 1), (4, [8], 0), (4, [99_999], 1)])
def test_a_table_that_cannot_be_is_refused(slots: int, racks: list[int], sites: int) -> None:
    with pytest.raises(ValueError, match="rack_accelerators"):
        empty_table(slots, np.array(racks, np.int64), sites)
