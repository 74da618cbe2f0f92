"""Who starts: the queue's order, gangs, backfill with a reservation, preemption, admission, and on which racks."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scheduling.arrivals import job_arrivals
from envs.scheduling.job_table import (
    EMPTY,
    RUNNING,
    WAITING,
    Arrivals,
    Facts,
    JobTable,
    admit,
    empty_ledger,
    empty_table,
)
from envs.scheduling.placement import RackScores, fresh_racks, placed
from envs.scheduling.progress import run
from envs.scheduling.scheduler import plain_wishes, schedule
from envs.scheduling.waiting_line import Habits
from envs.signals.workload.jobs import EVAL, Jobs, shared_jobs
from envs.signals.workload.partitions import Partition
from envs.signals.workload.placement import place_jobs
from envs.signals.workload.workload import random_stream

STEP_S = 60.0


def queue(*jobs: dict[str, float]) -> Arrivals:
    usual = dict(
        kind=0, accelerators=8.0, hours=1.0, submit_s=0.0, deadline_s=np.inf, priority=0.0, tier=2,
        checkpoint_s=3600.0, restart_s=0.0, activity=1.0,
    )  # fmt: skip
    rows = [{**usual, **job} for job in jobs]
    for row in rows:
        row["work_h"] = row["accelerators"] * row.pop("hours")
    return Arrivals(
        Facts(**{name: np.array([[row[name]] for row in rows]) for name in Facts._fields})._replace(
            kind=np.array([[int(row["kind"])] for row in rows]), tier=np.array([[int(row["tier"])] for row in rows])
        ),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
    )


def flat(racks: int, sites: int = 1, leaves: int = 1) -> RackScores:
    return fresh_racks(np.arange(racks) * leaves // racks, sites)


def played(
    arrivals: Arrivals, racks: list[int], steps: int, habits: Habits | None = None
) -> tuple[list[float], JobTable]:
    """Start time of each job [s], and the table in the end."""
    count = arrivals.facts.submit_s.shape[0]
    arrivals = arrivals._replace(taken=arrivals.taken.copy())
    table, ledger = empty_table(count, np.array(racks), 1), empty_ledger(7, 1)
    starts = [np.inf] * count
    pace = np.ones((7, len(racks), 1))
    for step in range(steps):
        admit(table, ledger, arrivals, step * STEP_S)
        schedule(table, ledger, flat(len(racks)), plain_wishes(1), step * STEP_S, habits)
        for slot in np.flatnonzero(table.state[:, 0] == RUNNING):
            submit = arrivals.facts.submit_s[:, 0] == table.facts.submit_s[slot, 0]
            same = submit & (arrivals.facts.work_h[:, 0] == table.facts.work_h[slot, 0])
            for job in np.flatnonzero(same):
                starts[job] = min(starts[job], step * STEP_S)
        run(table, ledger, pace, step * STEP_S, STEP_S)
    return starts, table


def test_a_job_starts_whole_or_not_at_all() -> None:
    starts, table = played(queue({"accelerators": 12.0}), [8], 3)
    assert starts == [np.inf] and table.taken[0] == 0


def test_higher_priority_goes_first_and_in_it_who_came_first() -> None:
    jobs = queue({"hours": 0.1}, {"hours": 0.2, "submit_s": 1.0}, {"hours": 0.3, "submit_s": 2.0, "priority": 1.0})
    starts, _ = played(jobs, [8], 60, Habits(preempt=False))
    assert starts[0] == 0.0 and starts[2] < starts[1]


def test_a_small_job_is_backfilled_where_it_ends_before_the_first_can_start() -> None:
    jobs = queue(
        {"accelerators": 6.0, "hours": 1.0},
        {"accelerators": 8.0, "hours": 1.01, "submit_s": 1.0},
        {"accelerators": 2.0, "hours": 0.5, "submit_s": 2.0},
        {"accelerators": 2.0, "hours": 2.0, "submit_s": 3.0},
    )
    starts, _ = played(jobs, [8], 200)
    assert starts[0] == 0.0 and starts[2] == STEP_S  # it fits beside the first and is gone in time
    assert starts[1] == 3600.0 and starts[3] > starts[1]  # the long one would have held the reservation up


def test_without_backfill_nobody_passes_the_first_and_without_a_reservation_everybody_who_fits_does() -> None:
    jobs = queue(
        {"accelerators": 6.0, "hours": 1.0},
        {"accelerators": 8.0, "hours": 1.01, "submit_s": 1.0},
        {"accelerators": 2.0, "hours": 2.0, "submit_s": 3.0},
    )
    assert played(jobs, [8], 200, Habits(backfill=False))[0][2] > 3600.0
    assert played(jobs, [8], 200, Habits(reserve=False))[0][2] == STEP_S


@pytest.mark.parametrize("seed", range(8))
def test_backfill_never_starts_the_first_in_the_queue_later_than_it_would_without(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs = queue(
        *(
            {
                "accelerators": float(rng.integers(1, 9)),
                "hours": float(rng.integers(1, 30)) / 60.0 + 1e-4 * k,
                "submit_s": float(k),
            }
            for k in range(12)
        )
    )
    with_it, without = (played(jobs, [8], 400, Habits(starts=12, backfill=b))[0] for b in (True, False))
    waits = [k for k in range(12) if with_it[k] > STEP_S]
    assert waits and with_it[waits[0]] <= without[waits[0]]


def test_an_urgent_job_stops_flexible_ones_that_lose_least_and_no_rigid_one() -> None:
    jobs = queue(
        {"accelerators": 4.0, "hours": 5.0, "tier": 0},
        {"accelerators": 4.0, "hours": 5.1, "checkpoint_s": 60.0},
        {"accelerators": 4.0, "hours": 5.2, "checkpoint_s": 1e9},
        {"accelerators": 4.0, "hours": 1.0, "submit_s": 600.0, "priority": 2.0},
    )
    starts, table = played(jobs, [12], 15)
    assert starts[3] == 600.0
    states = {float(w): int(s) for w, s in zip(table.facts.work_h[:, 0], table.state[:, 0])}
    assert states[20.0] == RUNNING and states[20.8] == RUNNING and states[20.4] == WAITING
    assert table.stops.sum() == 1


def test_nobody_is_stopped_where_that_would_not_let_the_urgent_job_start() -> None:
    jobs = queue(
        {"accelerators": 8.0, "hours": 5.0, "tier": 0},
        {"accelerators": 4.0, "hours": 5.1},
        {"accelerators": 12.0, "hours": 1.0, "submit_s": 600.0, "priority": 2.0},
    )
    _, table = played(jobs, [12], 15)
    assert table.stops.sum() == 0


def test_admission_keeps_a_share_of_the_accelerators_free() -> None:
    table, ledger = empty_table(8, np.array([8, 8]), 1), empty_ledger(7, 1)
    admit(table, ledger, queue(*[{"accelerators": 4.0}] * 4), 0.0)
    wishes = plain_wishes(1)._replace(admission=np.array([0.5]))
    schedule(table, ledger, flat(2), wishes, 0.0)
    assert table.taken[0] == 8


def test_as_todays_scheduler_without_reservations_jobs_start_when_place_jobs_starts_them() -> None:
    rng = np.random.default_rng(5)
    count = 40
    submit = np.sort(rng.integers(0, 120, count)) * STEP_S + np.arange(count) * 1e-6
    lasts = rng.integers(1, 60, count) * STEP_S
    gpus = rng.choice([1, 2, 4, 8, 12], count)
    theirs = place_jobs(np.floor(submit), lasts.astype(float), gpus, 3, 8, look_past=count).start_s
    jobs = queue(
        *(
            {"accelerators": float(g), "hours": d / 3600.0, "submit_s": s}
            for g, d, s in zip(gpus.tolist(), lasts.tolist(), np.floor(submit) + np.arange(count) * 1e-9)
        )
    )
    ours, table = played(jobs, [8, 8, 8], 1200, Habits(starts=count, reserve=False, preempt=False))
    assert (table.state == EMPTY).all()
    late = np.array(ours) - theirs
    assert (late >= -1e-6).all() and (late <= STEP_S + 1e-6).all()  # a submission waits for its control step


def test_a_job_that_fits_one_rack_takes_the_one_that_it_fills_best() -> None:
    free = np.array([[8], [5], [3], [4]])
    taken = placed(free, np.array([4.0]), flat(4), plain_wishes(1).weights)
    assert taken[:, 0].tolist() == [0, 0, 0, 4]


def test_a_job_over_several_racks_stays_under_one_leaf_where_one_holds_it() -> None:
    free = np.array([[4], [4], [4], [8], [2], [8]])
    scores = flat(6, leaves=2)
    taken = placed(free, np.array([12.0]), scores, plain_wishes(1).weights)[:, 0]
    assert taken.sum() == 12 and len(set(scores.leaf[taken > 0].tolist())) == 1
    assert (taken <= free[:, 0]).all()


@pytest.mark.parametrize("seed", range(10))
def test_placement_gives_each_job_all_its_accelerators_and_no_rack_more_than_it_has(seed: int) -> None:
    rng = np.random.default_rng(seed)
    free = rng.integers(0, 9, (7, 30))
    need = np.floor(rng.random(30) * (free.sum(axis=0) + 1))
    score = RackScores(rng.integers(0, 3, 7), *(rng.random((7, 30)) for _ in range(3)), np.zeros((7, 30), bool))
    taken = placed(free, need, score, rng.uniform(-1.0, 2.0, (6, 30)))
    np.testing.assert_array_equal(taken.sum(axis=0), need)
    assert (taken >= 0).all() and (taken <= free).all()


def test_cool_racks_and_rows_with_power_left_are_chosen_where_they_weigh() -> None:
    free = np.full((4, 1), 8)
    for place, name in ((2, "inlet"), (3, "row"), (4, "ups")):
        head = {key: np.zeros((4, 1)) for key in ("inlet", "row", "ups")}
        head[name][2] = 1.0
        weights = np.zeros((6, 1))
        weights[place] = 1.0
        scores = RackScores(np.zeros(4, int), **head, dark=np.zeros((4, 1), bool))
        taken = placed(free, np.array([4.0]), scores, weights)
        assert taken[2, 0] == 4


def generated(seed: int) -> Jobs:
    partition = Partition("shared", (0, 1, 2, 3, 4), 32)
    return shared_jobs(lambda purpose: random_stream(seed, partition, purpose), 24, 160, 0.68)


def test_the_generator_s_jobs_arrive_in_their_order_and_keep_their_work() -> None:
    lists = [generated(seed) for seed in (1, 2)]
    arrivals = job_arrivals(lists)
    assert (np.diff(arrivals.facts.submit_s[: min(len(x.gpus) for x in lists)], axis=0) >= 0.0).all()
    for site, jobs in enumerate(lists):
        known = np.isfinite(arrivals.facts.submit_s[:, site])
        assert known.sum() == len(jobs.gpus)
        asked = (jobs.gpus * jobs.duration_s).sum() / 3600.0
        assert arrivals.facts.work_h[known, site].sum() == pytest.approx(asked)
        assert (arrivals.facts.checkpoint_s[known, site] == np.inf).sum() == (jobs.kind == EVAL).sum()


def test_a_list_that_is_out_of_order_is_refused() -> None:
    jobs = generated(1)
    with pytest.raises(ValueError, match="sort each list"):
        job_arrivals([Jobs(**{**vars(jobs), "submit_s": jobs.submit_s[::-1]})])
