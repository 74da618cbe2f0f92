"""Small halls whose best order is known: bound above exact above whatever the real scheduler plays."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from experiments.ordering.capacity_bound import most_work_h, most_work_unstopped_h
from experiments.ordering.exact_order import Exact, exact_order, held_steps, work_done
from experiments.ordering.known_jobs import HOUR_S, split_speed
from experiments.ordering.orders import Ranked, most_by, shortest_first
from experiments.ordering.plans import Rolling, clairvoyant_plan
from experiments.ordering.small_halls import (
    SPLIT_TENTHS,
    STEP_S,
    SmallHall,
    drawn_hall,
    known_of,
    played,
    small_laws,
    small_pools,
)

ortools = pytest.importorskip("ortools", reason="needs the extra [planner]")
highspy = pytest.importorskip("highspy", reason="needs the extra [planner]")
STEP_H = STEP_S / HOUR_S
RULES = ("fifo", "backfill", "best_fit", "slurm_block", "edf", "whole_domain")


def hall(racks: list[int], jobs: list[tuple[int, int, int]], steps: int, kind: int = 0) -> SmallHall:
    """Jobs as accelerators, steps at full speed, and the step in which they come."""
    size, lasts, release = np.array(jobs).T
    return SmallHall(np.array(racks), np.full(len(jobs), kind), size, lasts, release, steps)


@cache
def drawn(seed: int, racks: int = 3, jobs: int = 7) -> SmallHall:
    return drawn_hall(np.random.default_rng(seed), racks, jobs, steps=12)


@cache
def solved(seed: int) -> Exact:
    return exact_order(drawn(seed), seconds=20.0)


def by_hand(of: SmallHall) -> float:
    """The best of two racks by trying every start of every job on every split of it."""

    def best(step: int, free: tuple[int, int], ends: tuple[tuple[int, int, int], ...], waits: tuple[int, ...]) -> int:
        if step == of.steps:
            return 0
        for end, first, second in ends:
            if end == step:
                free = free[0] + first, free[1] + second
        ends = tuple(e for e in ends if e[0] > step)
        return starts(step, free, ends, waits, 0)

    def starts(step: int, free, ends, waits: tuple[int, ...], after: int) -> int:
        found = best(step + 1, free, ends, waits)
        for nth in range(after, len(waits)):
            j = waits[nth]
            size = int(of.accelerators[j])
            if of.release[j] > step:
                continue
            for first in range(max(size - free[1], 0), min(size, free[0]) + 1):
                tenths = 10 if first in (0, size) else SPLIT_TENTHS[of.kind[j]]
                end = step + held_steps(int(of.lasts[j]), tenths)
                now = work_done(size, int(of.lasts[j]), tenths, of.steps - step)
                left = free[0] - first, free[1] - size + first
                others = waits[:nth] + waits[nth + 1 :]
                found = max(found, now + starts(step, left, (*ends, (end, first, size - first)), others, nth))
        return found

    return best(0, tuple(of.racks.tolist()), (), tuple(range(len(of.kind)))) / 10.0


@pytest.mark.parametrize("seed", range(6))
def test_cp_sat_finds_what_trying_everything_finds(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    jobs = [(int(rng.integers(1, 8)), int(rng.integers(1, 4)), int(rng.integers(0, 3))) for _ in range(4)]
    small = hall([4, 4], sorted(jobs, key=lambda job: job[2]), 5, int(rng.integers(0, 2)))
    assert exact_order(small).work == pytest.approx(by_hand(small))


def test_a_job_that_fills_the_hall_waits_until_two_small_ones_would_have_ended() -> None:
    # 8 x 2 steps at 0.5 of the speed beside two of 4 x 2: small first 4 x 2 x 2 + 8 x 0.5 x 2 = 24, large first 16 + 0
    small = hall([4, 4], [(8, 2, 0), (4, 2, 0), (4, 2, 0)], 4)
    found = exact_order(small)
    assert found.proven and found.work == pytest.approx(24.0)
    assert list(found.start) == [2, 0, 0]
    assert played(small, "slurm_block") == pytest.approx(16.0)
    assert played(small, "slurm_block", shortest_first) == pytest.approx(16.0)  # all need two steps


def fluid(of: SmallHall, unstopped: bool = False) -> float:
    known, laws, edges = known_of(of), small_laws(of, "fifo"), np.arange(of.steps + 1) * STEP_H
    split = split_speed(laws.net, laws.exposed, of.racks, known.kind, known.accelerators)
    if unstopped:
        return most_work_unstopped_h(known, split, small_pools(of), of.racks, edges) / STEP_H
    return most_work_h(known, split, small_pools(of), edges) / STEP_H


@pytest.mark.parametrize("seed", range(5))
def test_no_rule_does_more_than_the_exact_best_and_that_no_more_than_the_bound(seed: int) -> None:
    of, best = drawn(seed), solved(seed)
    assert best.proven
    assert fluid(of) >= best.work - 1e-6
    assert fluid(of, unstopped=True) == pytest.approx(fluid(of))  # nobody runs at the beginning
    done = [played(of, rule) for rule in RULES]
    ends = most_by(np.array([of.steps * STEP_S]))
    done += [played(of, rule, order) for rule in ("slurm_block", "whole_domain") for order in (shortest_first, ends)]
    assert max(done) <= best.work + 1e-6
    assert min(done) > 0.0


@pytest.mark.parametrize("seed", range(3))
def test_plans_do_no_more_than_the_exact_best_in_the_real_scheduler(seed: int) -> None:
    of = drawn(seed)
    laws, edges = small_laws(of, "whole_domain"), np.arange(of.steps + 1) * STEP_H
    ranks = clairvoyant_plan(known_of(of), laws, of.racks, edges, seconds=1.0)
    plan = Rolling(laws, of.racks, STEP_S, STEP_H, of.steps * STEP_H, 1.0)
    for order in (Ranked([ranks]), plan):
        assert 0.5 * solved(seed).work < played(of, "whole_domain", order) <= solved(seed).work + 1e-6


def test_the_scheduler_that_starts_jobs_as_the_exact_answer_does_does_its_work() -> None:
    # one rack, so that starts are all there is: each job's priority is its exact start, nobody passes
    of = hall([8], [(8, 3, 0), (3, 2, 0), (5, 2, 0), (4, 4, 1), (4, 1, 2)], 7)
    best = exact_order(of)
    begins = dict(zip(known_of(of).key, best.start.tolist()))
    ranks = {key: -float(begin if begin >= 0 else 99) for key, begin in begins.items()}
    assert best.proven and played(of, "fifo", Ranked([ranks])) == pytest.approx(best.work)


def test_a_search_that_ends_before_it_finds_anything_bounds_nothing() -> None:
    found = exact_order(drawn_hall(np.random.default_rng(0), 4, 14), 0.001)
    assert not found.proven and found.bound >= found.work
    assert found.bound == np.inf or (found.start >= 0).any()
