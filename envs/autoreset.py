"""The step below both batched adapters: all sites move on by one control step, and episodes that ended begin anew.

Here alone is decided when an episode ends and which one follows, and here alone is kept what its last step looked like.
The adapters of gymnasium and of stable-baselines3 only tell it in their own words.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.interface.charges import Charges
from envs.step_info import Info, step_info

GROUPS = 12  # of environments whose episodes end together when they are staggered: resetting fewer costs more time
When = Literal["same_step", "next_step", "disabled"]
Costs = dict[str, NDArray[np.floating]]


class Ended(NamedTuple):
    """What the last step of episodes looked like, before others began."""

    where: NDArray[np.intp]
    """Environments ``(k,)``."""
    observation: NDArray[np.float32]
    """Their last observations ``(k, n)``."""
    shown: Info
    """What infos show of all sites, each ``(B,)``."""
    totals: dict[str, NDArray[np.float64]]
    """Sums of the running episodes of all sites, each ``(B,)``."""


class Turn(NamedTuple):
    """What a control step leaves."""

    observation: NDArray[np.float32]
    """``(B, n)``; where an episode has begun, its first."""
    reward: NDArray[np.floating]
    """``(B,)``"""
    truncated: NDArray[np.bool_]
    """``(B,)``, an array of the caller's own."""
    costs: Costs
    """Cost terms [USD], each ``(B,)``."""
    ended: Ended | None
    """None where no episode ended."""
    begun: NDArray[np.bool_] | None
    """Where an episode has begun in this step ``(B,)``; None where none has."""


class Autoreset:
    """A core whose episodes follow each other.

    Parameters
    ----------
    core : DataCenterCore
    when : str
        Where an episode has ended the next begins in the ``same_step``, in the ``next_step`` (which then pays nothing),
        or when the caller resets it (``disabled``).
    stagger : bool
        Let first episodes be of different lengths, so that later ones do not begin at one time; in the same step only.
    charges : Charges, optional
        What the use of constraints costs is taken from the reward, and is one cost term more.
    """

    def __init__(
        self, core: DataCenterCore, when: When = "same_step", *, stagger: bool = False, charges: Charges | None = None
    ) -> None:
        self.core, self.when, self.stagger, self.charges = core, when, stagger, charges
        self.ends = np.full(core.num_envs, core.max_episode_steps)
        self._pending = np.zeros(core.num_envs, bool)

    def reset(
        self, mask: NDArray[np.bool_] | None = None, seed: int | list[int | None] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Start new episodes, everywhere or where ``mask`` says; observations ``(B, n)``, and where they began."""
        everywhere = mask is None or self.core.state is None
        observation = self.core.reset(mask=mask, seed=seed)
        begun = np.ones(self.core.num_envs, bool) if everywhere else np.asarray(mask, bool)
        self._pending &= ~begun
        self.ends[begun] = self.core.max_episode_steps
        if self.stagger and everywhere:
            self.ends = np.maximum(self.ends * (1 + np.arange(self.core.num_envs) % GROUPS) // GROUPS, 1)
        return observation, begun

    def step(self, actions: NDArray[np.floating], out: NDArray[np.float32] | None = None) -> Turn:
        """One control step from actions ``(B, n)``.

        Parameters
        ----------
        actions : ndarray (B, n)
            In [-1, 1].
        out : ndarray (B, n), optional
            Where the observation is written; a fresh array when left out.
        """
        before = {} if self.charges is None else {name: rows.copy() for name, rows in self.core.in_force.items()}
        observation, reward, ends, costs = self.core.step(actions, out)
        if self.charges is not None:
            reward, costs = self._charged(reward, costs, before)
        if self.when == "same_step":
            truncated = ends | (self.core.t >= self.ends)
        else:
            truncated = ends & ~self._pending if self.when == "next_step" else np.array(ends)
        begun = truncated if self.when == "same_step" else self._pending
        ended = None
        if truncated.any():
            where = np.flatnonzero(truncated)
            ended = Ended(where, observation[where], step_info(self.core), self.core.episode_statistics())
        if self.when == "disabled" or not begun.any():
            self._pending = self._pending if ended is None else truncated.copy()
            return Turn(observation, reward, truncated, costs, ended, None)
        if self.when == "next_step":
            reward = np.where(begun, 0.0, reward)
            costs = {name: np.where(begun, 0.0, value) for name, value in costs.items()}
            self._pending = truncated.copy()
        return Turn(self._anew(begun, out), reward, truncated, costs, ended, begun)

    def _anew(self, begun: NDArray[np.bool_], out: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Begin episodes; observations of all sites ``(B, n)``."""
        observation = self.core.reset(mask=begun)
        self.ends[begun] = self.core.max_episode_steps
        if out is None:
            return observation
        np.copyto(out, observation)
        return out

    def _charged(self, reward: NDArray[np.floating], costs: Costs, before: Costs) -> tuple[NDArray[np.floating], Costs]:
        """Reward and costs with what the step has used of the constraints."""
        assert self.charges is not None
        cost = self.charges.charged(self.core.flows, self.core.in_force, before)
        left = (reward - cost / self.core.scenario.reward.scale_usd).astype(np.float32)
        return left, {**costs, "constraints": cost}
