"""The rules of the scheduler in a hall: who may pass whom, what is split, and what deadlines cost."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.episodes.hall_jobs import HallJobs
from envs.episodes.world import World
from envs.scenario import load
from envs.scenario.jobs_config import JOB_RULES
from envs.scheduling.job_table import RUNNING, WAITING

SITE = ("jobs={}", "site.workload_weeks=1", "jobs.occupancy=0.9", "jobs.starts=64")


@cache
def world(*more: str) -> World:
    return World.build(load("ai_hall", (*SITE, *more)))


def hall(rule: str, *more: str, n: int = 6) -> tuple[DataCenterCore, HallJobs]:
    core = DataCenterCore("ai_hall", n, (*SITE, *more, f"jobs.rule={rule}"), world=world(*more))
    core.reset(seed=0)
    assert core.jobs is not None
    return core, core.jobs


@pytest.mark.parametrize("rule", sorted(JOB_RULES))
def test_every_rule_runs_a_hall_and_closes_its_ledger(rule: str) -> None:
    core, jobs = hall(rule, n=2)
    for _ in range(60):
        core.step_setpoints({})
    assert np.abs(jobs.residual_h()).max() < 1e-9 and jobs.jobs.ledger.done.sum() > 0.0


def test_first_in_first_out_lets_nobody_pass() -> None:
    core, jobs = hall("fifo")
    ran = 0
    for _ in range(80):
        table = jobs.jobs.table
        waited, submitted = table.state == WAITING, table.facts.submit_s.copy()
        core.step_setpoints({})
        same = waited & (submitted == table.facts.submit_s)
        started, still = same & (table.state == RUNNING), same & (table.state == WAITING)
        for b in range(core.num_envs):
            if started[:, b].any() and still[:, b].any():
                ran += 1
                assert submitted[started[:, b], b].max() <= submitted[still[:, b], b].min()
    assert ran > 0


def test_blocks_split_no_job_for_which_a_whole_rack_is_free() -> None:
    split = {}
    for rule in ("backfill", "slurm_block", "whole_domain"):
        core, jobs = hall(rule, "jobs.starts=1")  # so that nobody takes the room before
        small, wide = 0, 0
        for _ in range(120):
            table = jobs.jobs.table
            waited, room = table.state == WAITING, table.free.max(axis=0)
            core.step_setpoints({})
            started = waited & (table.state == RUNNING) & (table.facts.accelerators <= room)
            small, wide = small + int(started.sum()), wide + int((started & (table.span > 1)).sum())
        split[rule] = wide / small
    assert split["slurm_block"] == split["whole_domain"] == 0.0 and split["backfill"] > 0.01


def test_the_earliest_deadline_first_loses_less_than_first_in_first_out() -> None:
    lost = {}
    for rule in ("fifo", "edf"):
        core, jobs = hall(rule, "jobs.deadline_stretch=2")
        for _ in range(200):
            core.step_setpoints({})
        lost[rule] = jobs.jobs.ledger.lost.sum()
    assert 0.0 < lost["edf"] < lost["fifo"]


def test_work_that_meets_its_deadline_was_done_accelerator_hour_by_accelerator_hour() -> None:
    core, jobs = hall("edf", "jobs.deadline_stretch=2")
    most = jobs.racks.sum() * core.step_s / 3600.0
    for _ in range(60):
        done = jobs.jobs.ledger.done.sum(axis=0).copy()
        core.step_setpoints({})
        assert (jobs.jobs.ledger.done.sum(axis=0) - done <= most + 1e-9).all()
    came = jobs.jobs.ledger.asked - jobs.jobs.ledger.redone
    assert (jobs.jobs.ledger.done + jobs.jobs.ledger.lost <= came + 1e-9).all()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["jobs={}", "jobs.rule=fiffo"], "did you mean 'fifo'"),
        (["jobs={}", "jobs.leaves={r1: 0}"], "leaf of each of"),
        (["jobs={}", "jobs.leaves={r3_shared: 2}"], "count the leaves from 0"),
        (["jobs={}", "jobs.oversubscription=[1.0, 2.0]"], "give 3 ratios"),
        (["jobs={}", "jobs.out_gb_s=1000"], "above home_gb_s"),
        (["jobs={}", "racks.r3_shared.workload=batch"], "workload shared"),
        (["jobs={}", "site.workload_file=load.csv"], "leave one of them out"),
    ],
)
def test_jobs_that_cannot_be_are_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load("ai_hall", overrides)
