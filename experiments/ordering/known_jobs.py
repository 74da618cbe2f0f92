"""The jobs of one day of one site, as somebody knows them who knows every arrival: what each asks, and from when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.control_step import Jobs
from envs.scheduling.job_table import EMPTY, PAUSED, RUNNING, Bools, Facts, Floats, Ints
from envs.scheduling.network import Network

HOUR_S = 3600.0
Key = tuple[float, float, float]


class KnownJobs(NamedTuple):
    """Jobs of a site, those that are there first; each ``(N,)``. Hours count from the beginning.

    Attributes
    ----------
    kind : ndarray of int
        Workload class.
    accelerators : ndarray
    left_h : ndarray
        Work left at the beginning, or asked by who comes later [accelerator-h].
    release_h, deadline_h : ndarray
        When the job comes, 0 for those that are there, and until when its work counts [h].
    activity : ndarray
        Share of its accelerators that is at work while it runs.
    runs : ndarray of bool
        Holds accelerators at the beginning.
    held : ndarray of int (N, R)
        How many on each rack.
    key : tuple
        Of each job: what names it in a table (`job_key`).
    """

    kind: Ints
    accelerators: Floats
    left_h: Floats
    release_h: Floats
    deadline_h: Floats
    activity: Floats
    runs: Bools
    held: NDArray[np.int64]
    key: tuple[Key, ...]

    @property
    def lasts_h(self) -> Floats:
        """How long each needs at full pace [h]."""
        return self.left_h / self.accelerators

    def part(self, chosen: Bools | Ints) -> KnownJobs:
        """Some of them."""
        rows = np.arange(len(self.kind))[chosen]
        return KnownJobs(
            kind=self.kind[rows],
            accelerators=self.accelerators[rows],
            left_h=self.left_h[rows],
            release_h=self.release_h[rows],
            deadline_h=self.deadline_h[rows],
            activity=self.activity[rows],
            runs=self.runs[rows],
            held=self.held[rows],
            key=tuple(self.key[row] for row in rows),
        )


def job_key(facts: Facts, row: int, column: int) -> Key:
    """What names a job: its second of submission, the work that it asks, its accelerators; equal jobs are one."""
    return (
        float(facts.submit_s[row, column]),
        float(facts.work_h[row, column]),
        float(facts.accelerators[row, column]),
    )


def known_jobs(jobs: Jobs, site: int, now_s: float, hours: float) -> KnownJobs:
    """Everybody who is there now or comes within so many hours.

    Parameters
    ----------
    jobs : Jobs
        Of a batch of sites, as an episode begins or later.
    site : int
    now_s : float
        Of that site, in the clock of the jobs' submit times [s].
    hours : float
        How far ahead arrivals are known [h].
    """
    table, arrivals = jobs.table, jobs.arrivals
    slots = np.flatnonzero(table.state[:, site] != EMPTY)
    of, taken = int(arrivals.of[site]), int(arrivals.taken[site])
    submit_s = arrivals.facts.submit_s[:, of]
    rows = np.arange(taken, int(np.searchsorted(submit_s, now_s + HOUR_S * hours, side="left")))
    columns = []
    for name in ("kind", "accelerators", "submit_s", "deadline_s", "activity"):
        there, coming = getattr(table.facts, name)[slots, site], getattr(arrivals.facts, name)[rows, of]
        columns.append(np.concatenate([there, coming]))
    kind, accelerators, submitted_s, deadline_s, activity = columns
    restart_h = table.restart_left_s[slots, site] / HOUR_S
    release_h = np.maximum((submitted_s - now_s) / HOUR_S, 0.0)
    release_h[: len(slots)] = np.maximum(release_h[: len(slots)], restart_h)
    state = table.state[slots, site]
    runs = np.concatenate([(state == RUNNING) | (state == PAUSED), np.zeros(len(rows), bool)])
    held = np.zeros((len(runs), len(table.racks)), np.int64)
    held[: len(slots)] = table.held[slots, :, site]
    keys = [job_key(table.facts, slot, site) for slot in slots.tolist()]
    keys += [job_key(arrivals.facts, row, of) for row in rows.tolist()]
    left_h = np.concatenate([table.left_h[slots, site], arrivals.facts.work_h[rows, of]])
    deadline_h = (deadline_s - now_s) / HOUR_S
    jobs_are = kind, accelerators, left_h, release_h, deadline_h, activity, runs, held
    return KnownJobs(*jobs_are, tuple(keys))


def split_speed(net: Network | None, exposed: Floats, racks: Ints, kind: Ints, accelerators: Floats) -> Floats:
    """Best speed of jobs that stand on several racks, as if nobody shared the uplinks with them ``(N,)``.

    Parameters
    ----------
    net : Network or None
        None: no network slows anybody.
    exposed : ndarray (K,)
        Share of a step that waits for communication inside a domain, by class.
    racks : ndarray of int (R,)
        Accelerators of each rack.
    kind, accelerators : ndarray (N,)
        Of the jobs.

    Notes
    -----
    A job of n accelerators sends no more through a port than the port carries. The least share of its uplinks is at
    most all uplinks over n (the mediant); it crosses leaves where it is larger than the largest leaf::

        bw    <= min(bw_port, sum of racks' uplinks / n, sum of leaves' uplinks / n where n > the largest leaf)
        speed <= 1 / (1 + exposed (bw_home / bw - 1))
    """
    if net is None:
        return np.ones(len(kind))
    count, leaves = len(net.leaf_of), len(net.pod_of)
    ports = np.maximum(accelerators, 1.0)
    largest = np.bincount(net.leaf_of, racks, leaves).max()
    by_rack, by_leaf = net.uplink_gb_s[:count].sum(), net.uplink_gb_s[count : count + leaves].sum()
    bandwidth = np.minimum(net.out_gb_s, by_rack / ports)
    bandwidth = np.where(ports > largest, np.minimum(bandwidth, by_leaf / ports), bandwidth)
    return np.asarray(1.0 / (1.0 + exposed[kind] * (net.home_gb_s / bandwidth - 1.0)))
