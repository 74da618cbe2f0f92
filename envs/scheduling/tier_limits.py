"""Limits of the power of jobs, tier by tier: what is left of their draw, and of their work.

A limit is ``rho``, power over uncapped draw (PHYSICS B4). An accelerator that idles draws too, so the activity that
stands for the limited power is

    activity = (rho - rho_idle) / (1 - rho_idle)

Tier 0 is never limited. The others give as far as their tier says (WORKLOAD 4a, Emerald's field test).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.equipment.throughput import Profile, class_curve
from envs.scheduling.job_table import Floats

#: Least throughput of the tiers 0 to 3, WORKLOAD 4a.
TIER_THROUGHPUT = (1.0, 0.90, 0.75, 0.50)
TIERS = len(TIER_THROUGHPUT)
LOWEST_RHO = 0.4  # down to which throughput was measured, PHYSICS b2


class TierLimits(NamedTuple):
    """What limits leave, by class and tier ``(K, T, B)``: 1 where nobody is limited.

    Attributes
    ----------
    activity : ndarray
        Share of the accelerators at work that draws as much as all do under the limit.
    work : ndarray
        Share of their work.
    """

    activity: Floats
    work: Floats


def unlimited(kinds: int, sites: int) -> TierLimits:
    """Nobody is limited."""
    whole = np.ones((kinds, TIERS, sites))
    return TierLimits(whole, whole)


class TierCurves:
    """What a common limit leaves of jobs of each class and tier.

    Parameters
    ----------
    kinds : int
        Classes K of jobs, the first of `envs.equipment.throughput.CLASSES`.
    idle_frac : float
        Draw of an idle accelerator over its rated power [1].
    tiered : bool
        False: all tiers give alike, tier 0 too, down to `LOWEST_RHO`: caps without tiers of service.
    profile : mapping, optional
        Measured curves, as of `envs.equipment.throughput.slot_curves`.

    Attributes
    ----------
    rho_idle : ndarray (K,)
        Where work ends.
    floor : ndarray (K, T)
        Lowest limit of each tier.
    """

    def __init__(self, kinds: int, idle_frac: float, tiered: bool = True, profile: Profile | None = None) -> None:
        self.curves = [class_curve(k, idle_frac, profile) for k in range(kinds)]
        self.rho_idle = np.array([rho[0] for rho, _ in self.curves])
        self.floor: NDArray[np.float64] = np.full((kinds, TIERS), LOWEST_RHO)
        if tiered:
            inverse = [np.interp(TIER_THROUGHPUT, work, rho) for rho, work in self.curves]
            self.floor = np.maximum(np.array(inverse), LOWEST_RHO)

    def at(self, limit: Floats) -> TierLimits:
        """What is left under a common limit ``(B,)``; a tier at its floor gives no more."""
        rho = np.maximum(np.minimum(limit, 1.0), self.floor[:, :, None])
        idle = self.rho_idle[:, None, None]
        work = [np.interp(mine, *curve) for mine, curve in zip(rho, self.curves)]
        return TierLimits((rho - idle) / (1.0 - idle), np.stack(work))
