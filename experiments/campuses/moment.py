"""What a rule of a campus sees at one moment: who waits where, and what every site would cost him."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Floats, Ints

#: Hours from now at which a plan lets jobs start; behind the last one lies `LATER_H`.
STARTS_H = np.array([0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0])
LATER_H = 36.0


class Moment(NamedTuple):
    """One campus with S sites and M jobs that wait or are known to come.

    Attributes
    ----------
    site : ndarray of int (M,)
        Where each job stands.
    size : ndarray (M,)
        Accelerators.
    lasts_h : ndarray (M, S)
        How long it would run on each site, at the pace that caps leave there now [h].
    comes_h : ndarray (M,)
        Until it comes [h]; 0 for those that wait.
    wait_usd_h : ndarray (M,)
        Price of an hour that it waits.
    move_usd : ndarray (M, S)
        Price of the wire; 0 where it stands, inf where it may not go.
    travel_h : ndarray (M, S)
        How long its data travel [h]; 0 where it stands.
    free : ndarray (S, T)
        Accelerators that running jobs leave at each of `STARTS_H`.
    powered : ndarray (S, T)
        Accelerators that the feeder carries beside running jobs before its caps slow them all; below 0 they do.
    slow_usd_h : ndarray (S,)
        Price of an accelerator-hour that caps take from the jobs of a site.
    usd_h : ndarray (S, H)
        Price of an accelerator's energy and carbon in each coming hour [USD].
    carbon_kg_h : ndarray (S,)
        Carbon of an accelerator-hour now [kg].
    """

    site: Ints
    size: Floats
    lasts_h: Floats
    comes_h: Floats
    wait_usd_h: Floats
    move_usd: Floats
    travel_h: Floats
    free: Floats
    powered: Floats
    slow_usd_h: Floats
    usd_h: Floats
    carbon_kg_h: Floats

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Sites to which each job may go ``(M, S)``."""
        return np.asarray(np.isfinite(self.move_usd))

    def energy_usd(self, start_h: float) -> Floats:
        """Price of each job's energy where it starts in so many hours ``(M, S)`` [USD]."""
        hours = self.usd_h.shape[1]
        paid = np.concatenate([np.zeros((len(self.usd_h), 1)), np.cumsum(self.usd_h, axis=1)], axis=1)
        sites = np.arange(len(self.usd_h))

        def until(hour: Floats) -> Floats:
            whole = np.minimum(hour.astype(np.int64), hours - 1)
            beyond = (hour - whole) * self.usd_h[sites, whole]
            return np.asarray(paid[sites, whole] + beyond)

        end_h = np.maximum(start_h + self.lasts_h, start_h)
        return np.asarray(self.size[:, None] * (until(end_h) - until(np.full_like(end_h, start_h))))


def free_accelerators(free_now: float, size: Floats, ends_h: Floats) -> Floats:
    """What running jobs leave at each of `STARTS_H` ``(T,)``, where nobody else starts."""
    ended = ends_h[:, None] <= STARTS_H
    return np.asarray(free_now + (size[:, None] * ended).sum(axis=0))
