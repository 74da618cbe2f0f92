"""Load targets that a site's grid signals name: each becomes a target of the curtailment when its event begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.curtailment import Curtailment, LoadTarget
from envs.scheduling.job_table import Floats, Ints

_TARGET = ("power_kw", "ceiling_kw", "start_s", "end_s")


class Asked(NamedTuple):
    """Events of an episode, each ``(E,)``: first step, first step behind it, and the reduction of the power before."""

    start: Ints
    end: Ints
    reduce_frac: Floats


def asked_in(active: NDArray[np.floating], reduce_frac: NDArray[np.floating]) -> Asked:
    """Events among the steps of an episode, of signals ``(T,)``; one that runs already begins with it."""
    edges = np.diff((np.asarray(active) > 0.0).astype(np.int8), prepend=0, append=0)
    start, end = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    return Asked(start, end, np.asarray(reduce_frac, np.float64)[start])


def no_target(sites: int) -> LoadTarget:
    """Nothing is asked of the sites yet; each gets targets of its own later."""
    never = np.full(sites, np.inf)
    return LoadTarget(np.ones(sites), never, never.copy(), np.ones(sites))


class AnnouncedTargets:
    """Hands the events of each site to a curtailment, at the power that the site took just before.

    Parameters
    ----------
    sites : int
    step_s : float
        Of control.
    """

    def __init__(self, sites: int, step_s: float) -> None:
        self.step_s = step_s
        self.steps = np.zeros(sites, np.int64)
        self.site, self.start, self.end = (np.zeros(0, np.int64) for _ in range(3))
        self.reduce_frac = np.zeros(0)

    def begin(self, site: int, asked: Asked) -> None:
        """An episode with these events begins on a site."""
        self.steps[site], others = 0, self.site != site
        self.site = np.append(self.site[others], np.full(len(asked.start), site))
        for name, part in asked._asdict().items():
            setattr(self, name, np.append(getattr(self, name)[others], part))

    def hand_over(self, curtailment: Curtailment, grid_kw: Floats) -> None:
        """Before a step: what begins with it becomes the target of its site.

        Parameters
        ----------
        curtailment : Curtailment
            Whose target is written into.
        grid_kw : ndarray (B,)
            What sites took in the last step.
        """
        target, now_s = curtailment.target, curtailment.since_s
        due = np.flatnonzero(self.start == self.steps[self.site])
        site = self.site[due]
        target.power_kw[site] = (1.0 - self.reduce_frac[due]) * grid_kw[site]
        target.ceiling_kw[site] = grid_kw[site]
        target.start_s[site] = now_s
        target.end_s[site] = now_s + (self.end - self.start)[due] * self.step_s
        self.steps += 1

    def memory(self, curtailment: Curtailment) -> dict[str, Any]:
        """What steps and episodes change, of the targets too."""
        own = {name: getattr(self, name) for name in ("steps", "site", *Asked._fields)}
        return own | {name: getattr(curtailment.target, name) for name in _TARGET}

    def remember(self, saved: Mapping[str, Any], curtailment: Curtailment) -> None:
        """Go on from `memory`."""
        for name in ("steps", "site", *Asked._fields):
            setattr(self, name, np.array(saved[name]))
        for name in _TARGET:
            getattr(curtailment.target, name)[:] = saved[name]
