"""A search for the order that does most on one day, by somebody who may play that day as often as they like.

The cross-entropy method: candidates for all days are played side by side in the plant, the best of each day teach the
next. An order is a sum of features of its jobs, with an offset of its own for each of the jobs with most work.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import WAITING, Floats, JobTable
from experiments.ordering.known_jobs import KnownJobs

FEATURES = ("accelerators", "lasts", "comes", "deadline")
OFFSETS = 24  # jobs with an offset of their own: those with most work
KEPT = 0.2  # share of the candidates that teaches
LEAST_SPREAD = 0.05
#: Orders with which each search begins: as it came, shortest, longest, largest and smallest first, least deadline.
STARTS = ((0, 0, -1, 0), (0, -1, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0), (-1, 0, 0, 0), (0, 0, 0, -1))


class Day(NamedTuple):
    """A day as the search sees it.

    Attributes
    ----------
    submit_s : ndarray (N,)
        Of its jobs, rising [s]: how a table's jobs are found again.
    features : ndarray (N, F + O)
        Of each job.
    """

    submit_s: Floats
    features: Floats


def day_of(known: KnownJobs) -> Day:
    """Features of the jobs of a day, each of mean 0 and spread 1, and a column for each of the largest."""
    submit_s = np.array([key[0] for key in known.key])
    order = np.argsort(submit_s, kind="stable")
    due = np.where(np.isfinite(known.deadline_h), known.deadline_h, 1e3)
    raw = np.stack([np.log(known.accelerators), np.log(np.maximum(known.lasts_h, 1e-4)), submit_s, np.log1p(due)])
    scaled = (raw - raw.mean(axis=1, keepdims=True)) / np.maximum(raw.std(axis=1, keepdims=True), 1e-9)
    own = np.zeros((len(submit_s), OFFSETS))
    most = np.argsort(-np.where(known.runs, 0.0, known.left_h), kind="stable")[:OFFSETS]
    own[most, np.arange(len(most))] = 1.0
    return Day(submit_s[order], np.concatenate([scaled.T, own], axis=1)[order])


class SearchedOrder:
    """Priorities of candidates, ``copies`` of all days side by side: site ``c days + d`` plays candidate c on day d.

    Parameters
    ----------
    days : list of Day
    genes : ndarray (C, D, F + O)
        Weights of each candidate on each day.
    """

    def __init__(self, days: list[Day], genes: Floats) -> None:
        self.days = days
        self.values = [day.features @ genes[:, d].T for d, day in enumerate(days)]
        self._found: Floats | None = None

    def afresh(self) -> SearchedOrder:
        """The same order before it has seen any table."""
        made = copy(self)
        made._found = None
        return made

    def __call__(self, table: JobTable, now_s: Floats) -> Floats:
        """As an `orders.Order`; jobs are found by their second of submission."""
        submit_s = np.where(table.state == WAITING, table.facts.submit_s, np.nan)
        if self._found is None:
            self._found, self._submit = np.zeros(submit_s.shape), np.full(submit_s.shape, np.nan)
        new = (submit_s != self._submit) & (table.state == WAITING)
        slot, site = np.nonzero(new)
        many = len(self.days)
        for d, day in enumerate(self.days):
            mine = site % many == d
            if mine.any():
                rows = np.searchsorted(day.submit_s, submit_s[slot[mine], site[mine]])
                rows = np.minimum(rows, len(day.submit_s) - 1)
                self._found[slot[mine], site[mine]] = self.values[d][rows, site[mine] // many]
        self._submit = submit_s
        return self._found.copy()


Play = Callable[[SearchedOrder, int], NDArray[np.float64]]


def searched(
    days: list[Day], play: Play, candidates: int, rounds: int, seed: int = 0, told: Callable[[str], object] = str
) -> Floats:
    """Genes of the best order of each day ``(D, F + O)``.

    Parameters
    ----------
    days : list of Day
    play : callable
        Scores of an order on so many copies of the days ``(C, D)``, higher is better.
    candidates, rounds : int
    seed : int
    told : callable
        Hears how far the search is.

    Raises
    ------
    ValueError
        Where there are fewer candidates than orders to begin with.
    """
    if candidates < len(STARTS) + 2 or rounds < 1:
        raise ValueError(
            f"candidates = {candidates}, rounds = {rounds}; give at least {len(STARTS) + 2} candidates and 1 round"
        )
    rng = np.random.default_rng(seed)
    genes_each = len(FEATURES) + OFFSETS
    mean, spread = np.zeros((len(days), genes_each)), np.ones((len(days), genes_each))
    best, best_score = np.zeros_like(mean), np.full(len(days), -np.inf)
    kept = max(int(KEPT * candidates), 2)
    for nth in range(rounds):
        genes = mean + spread * rng.standard_normal((candidates, *mean.shape))
        if nth == 0:
            genes[: len(STARTS)] = 0.0
            genes[: len(STARTS), :, : len(FEATURES)] = np.asarray(STARTS, np.float64)[:, None]
        else:
            genes[0] = best
        score = play(SearchedOrder(days, genes), candidates)
        order = np.argsort(-score, axis=0, kind="stable")
        elite = np.take_along_axis(genes, order[:kept, :, None], axis=0)
        mean, spread = elite.mean(axis=0), np.maximum(elite.std(axis=0), LEAST_SPREAD)
        top = np.take_along_axis(score, order[:1], axis=0)[0]
        better = top > best_score
        best[better] = np.take_along_axis(genes, order[:1, :, None], axis=0)[0][better]
        best_score = np.maximum(best_score, top)
        told(f"round {nth + 1} of {rounds}: best {best_score.mean():.2f}, of the round {top.mean():.2f}")
    return best


def scored(work: Floats, wait_s: Floats, base_wait_s: Floats) -> Floats:
    """Work, less a twentieth for a wait that is longer than the base by the base and ten minutes, in proportion below.

    Parameters
    ----------
    work : ndarray (C, D)
    wait_s : ndarray (2, C, D)
        Mean waits of all jobs and of large ones [s].
    base_wait_s : ndarray (2, D)
    """
    longer = np.clip((wait_s - base_wait_s[:, None]) / (base_wait_s[:, None] + 600.0), 0.0, 1.0)
    return np.asarray(work * (1.0 - 0.05 * longer.sum(axis=0)))
