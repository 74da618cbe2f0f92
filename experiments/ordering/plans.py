"""Plans of starts as orders of a hall's queue: made once by somebody who knows the day, or anew as jobs come."""

from __future__ import annotations

import numpy as np

from envs.core import DataCenterCore
from envs.scheduling.control_step import Laws
from envs.scheduling.job_table import PAUSED, RUNNING, WAITING, Floats, Ints, JobTable
from experiments.ordering.known_jobs import HOUR_S, Key, KnownJobs, split_speed
from experiments.ordering.orders import Newcomers
from experiments.ordering.start_plan import Starts, planned

SHORT_H = 0.25  # jobs up to a rack that need no longer go ahead of any plan, the shortest first
AHEAD = 1e6  # priority of those


def job_speed(laws: Laws, racks: Ints, kind: Ints, accelerators: Floats) -> Floats:
    """Speed of jobs that are placed as well as can be: 1 where one rack holds them ``(N,)``."""
    split = split_speed(laws.net, laws.exposed, racks, kind, accelerators)
    return np.where(accelerators <= racks.max(), 1.0, split)


def clairvoyant_plan(
    known: KnownJobs, laws: Laws, racks: Ints, edges_h: Floats, pace: float = 1.0, seconds: float = 10.0
) -> dict[Key, float]:
    """Priority of each job by a plan that knows every arrival: who starts first goes first.

    Parameters
    ----------
    known : KnownJobs
    laws : Laws
    racks : ndarray of int (R,)
    edges_h : ndarray (T + 1,)
        Of the plan's slots [h].
    pace : float
        At which jobs run under caps and heat.
    seconds : float
        For the solver.
    """
    speed = job_speed(laws, racks, known.kind, known.accelerators) * pace
    lasts_h = known.lasts_h / speed
    short = (known.lasts_h <= SHORT_H) & (known.accelerators <= racks.max())
    whole = needs_large(racks, known.accelerators)
    free = _free(racks, edges_h, known.accelerators[known.runs], lasts_h[known.runs], whole[known.runs])
    free[0] -= _rate(known.part(short & ~known.runs), edges_h)
    rest = np.flatnonzero(~short & ~known.runs)
    starts = Starts(
        known.accelerators[rest], lasts_h[rest], speed[rest], known.release_h[rest], known.deadline_h[rest],
        whole[rest], free, edges_h,
    )  # fmt: skip
    begins_h = planned(starts, seconds)
    ranks = {known.key[j]: AHEAD - float(known.lasts_h[j]) for j in np.flatnonzero(short)}
    return ranks | {known.key[j]: _rank(h) for j, h in zip(rest.tolist(), begins_h.tolist())}


def _rank(begins_h: float) -> float:
    return -min(begins_h, 1e5)


def needs_large(racks: Ints, accelerators: Floats) -> np.ndarray:
    """Jobs that one of the larger racks holds, and none of the smallest."""
    holds = racks[racks > 0]
    return np.asarray((accelerators > holds.min()) & (accelerators <= holds.max()))


def _free(racks: Ints, edges_h: Floats, size: Floats, lasts_h: Floats, large: np.ndarray) -> Floats:
    """Accelerators that running jobs leave in each slot ``(2, T)``: on all racks, and on the larger ones."""
    low, high = edges_h[:-1], edges_h[1:]
    runs = np.clip((np.minimum(high, lasts_h[:, None]) - low) / (high - low), 0.0, 1.0)
    holds = racks[racks > racks[racks > 0].min()] if (racks > racks[racks > 0].min()).any() else racks
    return np.stack([racks.sum() - size @ runs, holds.sum() - (size * large) @ runs])


def _rate(known: KnownJobs, edges_h: Floats) -> Floats:
    """Accelerators that short jobs take on average in each slot ``(T,)``."""
    at = np.clip(np.searchsorted(edges_h, known.release_h, side="right") - 1, 0, len(edges_h) - 2)
    return np.bincount(at, known.left_h, len(edges_h) - 1) / np.diff(edges_h)


class Rolling:
    """An order by a plan over the next day that knows what has come, and nothing of what will.

    Parameters
    ----------
    laws : Laws
    racks : ndarray of int (R,)
    again_s : float
        Time between plans; who comes between them goes behind who is planned to start at once [s].
    slot_h, ahead_h : float
        Slots and horizon of the plan [h].
    seconds : float
        For the solver, each time.
    """

    def __init__(
        self,
        laws: Laws,
        racks: Ints,
        again_s: float = 3600.0,
        slot_h: float = 0.25,
        ahead_h: float = 24.0,
        seconds: float = 1.0,
    ) -> None:
        self.laws, self.racks, self.again_s, self.seconds = laws, racks, again_s, seconds
        self.edges_h = np.arange(0.0, ahead_h + 1e-9, slot_h)
        self._come = Newcomers()
        self._planned_s: Floats | None = None

    def __call__(self, table: JobTable, now_s: Floats) -> Floats:
        """As an `orders.Order`."""
        if self._planned_s is None:
            self._planned_s, self._found = np.full(table.state.shape[1], -np.inf), np.zeros(table.state.shape)
        come = self._come(table)
        need_h = table.left_h / np.maximum(table.facts.accelerators, 1.0)
        fits = table.facts.accelerators <= self.racks.max()
        short = fits & (need_h <= SHORT_H)
        self._found[come] = np.where(short, AHEAD - need_h, -0.5 * self.again_s / HOUR_S)[come]
        for site in np.flatnonzero(now_s >= self._planned_s + self.again_s).tolist():
            self._planned_s[site] = now_s[site]
            waits = (table.state[:, site] == WAITING) & ~short[:, site]
            if waits.any():
                self._plan(table, site, float(now_s[site]), np.flatnonzero(waits))
        return self._found.copy()

    def _plan(self, table: JobTable, site: int, now_s: float, slots: Ints) -> None:
        facts = table.facts
        size, kind = facts.accelerators[:, site], facts.kind[:, site]
        speed = job_speed(self.laws, self.racks, kind, size)
        lasts_h = table.left_h[:, site] / np.maximum(size, 1.0) / speed + table.restart_left_s[:, site] / HOUR_S
        large = needs_large(self.racks, size)
        runs = (table.state[:, site] == RUNNING) | (table.state[:, site] == PAUSED)
        free = _free(self.racks, self.edges_h, size[runs], lasts_h[runs], large[runs])
        deadline_h = (facts.deadline_s[slots, site] - now_s) / HOUR_S
        starts = Starts(
            size[slots], lasts_h[slots], speed[slots], np.zeros(len(slots)), deadline_h, large[slots], free,
            self.edges_h,
        )  # fmt: skip
        self._found[slots, site] = [_rank(h) for h in planned(starts, self.seconds).tolist()]


def rolling(core: DataCenterCore, **options: float) -> Rolling:
    """For the hall of a core; options as of `Rolling`.

    Raises
    ------
    ValueError
        Where it has no jobs.
    """
    if core.jobs is None:
        raise ValueError(f"scenario {core.scenario.name} has no jobs; take one with a jobs section, such as ai_factory")
    return Rolling(core.jobs.laws, core.jobs.racks, **options)
