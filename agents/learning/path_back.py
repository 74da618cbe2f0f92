"""The way back through the control steps of a core, from costs to actions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine.gradient import Adjoint, Pullback
from envs.interface.charges import used_rows
from envs.interface.reward import STORED_HEAT_COP
from envs.plant.datacenter import Plant
from envs.trees import map_leaves

if TYPE_CHECKING:
    from envs.core import DataCenterCore
    from envs.episodes.core_step import CoreState, Done, Given
    from envs.interface.charges import Charges
    from envs.plant.flows import Flows
    from envs.scenario import Scenario

Floats = NDArray[np.floating]


class Judged(NamedTuple):
    """What a step leaves beside the state."""

    done: Done
    left_usd: Floats | None
    """Heat in the loops and charge that is missing, against the episode's start, at the price of an episode's end."""
    used: tuple[Floats, ...]
    """What the step used of every constraint `(B,)`; empty where none is charged."""


class PathBack:
    """Steps a core by a form of its own step that keeps the way back.

    Parameters
    ----------
    core : DataCenterCore
        Its actions are played by this from now on; what they do stays the same but for rounding and ``smooth``.
    inlet_c, inlet_usd_k2_h : float
        Rack inlets above it cost so much per K2 and hour, beside the reward.
    smooth : bool
        Play on the plant whose switches are smooth (`envs.plant.datacenter.Plant`).
    left_share : float
        Which share of what the loops and the battery hold at a window's end is charged.
    charges : Charges, optional
        What use of the constraints costs beside the reward, at the prices of the moment.
    load_margin_frac, load_usd_kw2_h : float
        Load of the feeder that binds above this share of its limit costs so much per kW2 and hour, beside the reward.
        Where it does, the smooth plant has no fast capper: the margin stands in for it.
    """

    def __init__(
        self,
        core: DataCenterCore,
        inlet_c: float,
        inlet_usd_k2_h: float,
        smooth: bool = False,
        left_share: float = 1.0,
        charges: Charges | None = None,
        load_margin_frac: float = 0.96,
        load_usd_kw2_h: float = 0.0,
    ) -> None:
        self.core, self.inlet_c, self.inlet_usd_k2_h = core, inlet_c, inlet_usd_k2_h
        self.left_share, self.charges = left_share, charges
        self.load_kw, self.load_usd_kw2_h = load_margin_frac * core.plant.layout.provisioned_kw, load_usd_kw2_h
        self.steps: list[tuple[Pullback, Done]] = []
        self._adjoint: Adjoint | None = None
        self._core_step = core.core_step
        if smooth:
            taught = _without_protection(core.scenario) if load_usd_kw2_h else core.scenario
            self._core_step = core.core_step.on_plant(Plant(taught, core.dtype, smooth=True))
        core.step_by(self._step)

    def begin(self) -> None:
        """Forget the steps that were made."""
        self.steps = []

    def leave(self) -> None:
        """Forget the steps, and let the core step by its own."""
        self.steps = []
        self.core.step_by(None)

    def end(self) -> Behind:
        """What lies behind the last step: nothing but what the loops and the battery hold."""
        return Behind(self)

    def margin_slopes(self, flows: Flows, share: np.float32) -> dict[str, Floats]:
        """Slopes of what limits with a margin cost in a step, by the flows that they limit [USD per unit]."""
        step_h = self.core.step_s / 3600.0
        above_k = np.maximum(flows.rack_inlet_c - self.inlet_c, 0.0)
        slopes = {"rack_inlet_c": 2.0 * self.inlet_usd_k2_h * step_h * share * above_k}
        if self.load_usd_kw2_h:
            load = "grid_power_kw" if self.core.plant.layout.utility_binds else "ups_power_kw"
            above_kw = np.maximum(getattr(flows, load) - self.load_kw, 0.0)
            slopes[load] = (2.0 * self.load_usd_kw2_h * step_h * share * above_kw).astype(above_kw.dtype)
        return slopes

    def _step(self, state: CoreState, given: Given) -> tuple[CoreState, Done]:
        arguments = (state, given.actions, given._replace(actions=None))
        if self._adjoint is None:
            self._adjoint = Adjoint(self._judged, arguments, wrt=(0, 1))
        (after, judged), back = self._adjoint(*arguments)
        self.steps.append((back, judged.done))
        return after, judged.done

    def _judged(self, state: CoreState, actions: Floats, given: Given) -> tuple[CoreState, Judged]:
        after, done = self._core_step(state, given._replace(actions=actions))
        charge_kwh, heat_kwh = self.core.plant.stored_energy(after.plant, given.episode.start)
        price = given.episode.refill_usd_kwh.astype(heat_kwh.dtype)
        used: list[Floats] = []
        if self.charges is not None:
            used = used_rows(done.flows, after.in_force, state.in_force, self.charges.channels)
        return after, Judged(done, (heat_kwh * (1.0 / STORED_HEAT_COP) - charge_kwh) * price, tuple(used))


class Behind:
    """Slopes of all cost behind a step, by the state in which the step began."""

    def __init__(self, path: PathBack) -> None:
        self.path = path
        self._state: Any = None

    def action_slopes(self, k: int, ended: NDArray[np.bool_]) -> Floats:
        """Slopes of the mean cost of a site by the actions of the k-th step ``(B, n)`` [USD]; steps go backwards.

        Parameters
        ----------
        k : int
        ended : ndarray of bool (B,)
            Where an episode ended with the step: what lies behind is another one's.
        """
        path, (back, done) = self.path, self.path.steps[k]
        share = np.float32(1.0 / len(ended))
        if self._state is not None and ended.any():
            map_leaves(self._state, lambda x: np.multiply(x, ~ended, out=x) if x.flags.writeable else x)
        judged = Judged(
            _none_of(done)._replace(
                reward=np.full(len(ended), -path.core.scenario.reward.scale_usd * share, np.float32),
                flows=_none_of(done.flows)._replace(**path.margin_slopes(done.flows, share)),
            ),
            np.full(len(ended), share * np.float32(path.left_share)) if k == len(path.steps) - 1 else None,
            ()
            if path.charges is None
            else tuple(np.full(len(ended), np.float32(usd) * share) for usd in path.charges.usd_per_unit),
        )
        self._state, slopes = back((self._state, judged))
        sound = np.isfinite(slopes).all(axis=0)
        return np.ascontiguousarray(np.where(sound, slopes, 0.0).T, dtype=np.float32)

    def add_observation(self, observation: Floats, slopes: Floats) -> None:
        """Add what the policy's actions of the step hand back to the observation ``(B, n)`` that it began with."""
        observer = self.path.core.observer
        inside = slopes * (np.abs(observation) < 1.0)
        self._state.sensors.readings[observer.observed] += inside.T * observer.gain


def _without_protection(scenario: Scenario) -> Scenario:
    """The scenario without its fast capper: behind it nothing has a slope, and a policy that went there stays there."""
    return replace(scenario, capper=replace(scenario.capper, enabled=False))


def _none_of(cotangents: Any) -> Any:
    """A named tuple of the same kind that holds nothing: no cotangent for any field."""
    return cotangents._replace(**dict.fromkeys(cotangents._fields))
