"""The plant of a scenario under the load, weather and setpoints that came: many candidates and days at once.

The environment axis carries candidates times windows, candidate by candidate: ``b = candidate * W + window``. Switched
modes (chillers, economizer, cells) are those that were measured, where they were: so a fit is smooth in its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from envs.engine import TapedFunction
from envs.engine.choice import chosen_engine
from envs.faults import nothing_lost
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import LOAD_GAIN, SITE_GAIN, FreeParameter, with_values
from envs.twin.calibration.plant_family import PlantFamily, family_of
from envs.twin.calibration.replay_step import InputErrors, ReplayState, ReplayStep, Shown
from envs.twin.calibration.windows import Windows

Progress = Callable[[float], None]
_APART = 0.6  # at most so far from the priors lie the parameters of the plants that a family is found by


class Candidates(NamedTuple):
    """Free parameters and their values ``(P, C)`` in ``u``."""

    free: Sequence[FreeParameter]
    u: Floats

    def values(self) -> dict[str, Floats]:
        """Value of every path, each ``(C,)``."""
        return {p.path: np.asarray(p.value(self.u[k]), np.float64) for k, p in enumerate(self.free)}


def plant_of(scenario: Scenario, values: Mapping[str, Floats], windows: int) -> Plant:
    """The plant with one value per environment; its capper is off, because a measured load is already capped.

    Its alarms sleep: what the fans did is measured, a candidate must not start them by itself, and a threshold in the
    loop would make the fit's slopes those of a cliff.
    """
    spread = {path: np.repeat(v, windows) for path, v in values.items()}
    whole = with_values(replace(scenario, capper=replace(scenario.capper, enabled=False)), spread)
    return Plant(whole, "float64", alarms=False)


def replay(
    scenario: Scenario,
    candidates: Candidates,
    windows: Windows,
    activity: Floats,
    outputs: Sequence[str],
    progress: Progress | None = None,
) -> Floats:
    """What each candidate would have shown.

    The racks of every candidate draw what was measured: its server fans and chips run elsewhere than those at which the
    work was found, so what its racks lack at the end of a step is handed to them in the next.

    Parameters
    ----------
    scenario : Scenario
        The hall; what is not free has its values.
    candidates : Candidates
        ``C`` points in the space of the free parameters.
    windows : Windows
        Inputs by window, burn-in first.
    activity : ndarray (K, S, R, W)
        Work of the racks in each step and window, from `rack_load.activity_of`.
    outputs : sequence of str
        Quantities to return.
    progress : callable, optional
        Called with the share done.

    Returns
    -------
    ndarray (K - burn-in, N, C, W)
        Rows of all outputs side by side.
    """
    count, width = candidates.u.shape[1], windows.count
    rig = ReplayPlant(scenario, candidates, windows, outputs)
    shown = []
    for k in range(windows.steps):
        rows = rig.step(k, rig.by_candidate(activity[k])).rows
        if k >= windows.burn_in:
            shown.append(np.array(rows))
        if progress is not None and k % 16 == 0:
            progress(k / windows.steps)
    rig.release()
    return np.stack(shown).reshape(len(shown), -1, count, width)


class ReplayPlant:
    """Plants of all candidates held to the measured inputs, step by step; the state is carried here.

    Parameters
    ----------
    scenario : Scenario
    candidates : Candidates
        ``C`` points; the ``input.`` ones are errors of what drives the plants.
    windows : Windows
        Inputs.
    outputs : sequence of str
        Quantities to show.
    corrects : bool
        Whether each candidate's work is corrected by what its racks lacked.
    """

    def __init__(
        self,
        scenario: Scenario,
        candidates: Candidates,
        windows: Windows,
        outputs: Sequence[str] = (),
        corrects: bool = True,
    ) -> None:
        values, self.windows, self.count = candidates.values(), windows, candidates.u.shape[1]
        self.plant = plant_of(scenario, values, windows.count)
        self.n = self.count * windows.count
        self.errors = self._errors(values)
        self._function = ReplayStep(windows, outputs or windows.outputs, list(self.plant.layout.channels), corrects)
        self._inputs = np.concatenate([windows.inputs[name] for name in self._function.names], axis=1)
        self._family = _family(scenario, candidates.free, self._function)
        self._constants: tuple[Any, ...] = ()
        if self._family is None:
            self._advance = TapedFunction(partial(self._function, self.plant), engine="numpy")
        else:
            self._advance = self._family.advance
            self._constants = (self._family.constants(self.plant, self.n),)
        self.state: Any = None

    def _errors(self, values: Mapping[str, Floats]) -> InputErrors:
        dry, wet = (values.get(f"input.{name}_offset_k", np.zeros(self.count)) for name in ("dry_bulb", "wet_bulb"))
        site = values.get(SITE_GAIN, np.zeros(self.count))
        gains = [site + values.get(f"{LOAD_GAIN}{z}", 0.0) for z in self.plant.scenario.zones]
        by_zone = np.stack([np.repeat(gain, self.windows.count) for gain in gains])
        width = self.windows.count
        return InputErrors(np.repeat(dry, width), np.repeat(wet, width), by_zone[self.plant.layout.zone_of])

    def by_candidate(self, by_window: Floats) -> Floats:
        """``(..., W)`` repeated for every candidate ``(..., C W)``."""
        return np.ascontiguousarray(np.tile(by_window, (1,) * (by_window.ndim - 1) + (self.count,)))

    def step(self, k: int, base: Floats, keep: bool = True) -> Shown:
        """What step ``k`` shows under work ``(S, R, B)``; the first call settles the plant at its inputs."""
        rows = self.by_candidate(self._inputs[k])
        if self.state is None:
            self.state = self._settled(rows, base)
        after, shown = self._advance.step(self.state, rows, base, self.errors, *self._constants)
        if keep:
            self.state = after
        return shown

    def _settled(self, rows: Floats, base: Floats) -> ReplayState:
        more = self._function.first_correction(self.by_candidate(self.windows.load_kw(0)), self.errors.rack_gain)
        activity = self._function.activity(base, more)
        outside, in_force, load = self._function.signals(self.plant, rows, activity, self.errors)
        lost = nothing_lost(self.n, self.plant.layout.n_zones, np.float64)
        settle = self.plant.steady_state if self._family is None else self._family.steady_state
        rest = np.zeros(self.n), np.full(self.n, 0.5)
        state, _ = settle(outside, load, in_force, lost, *rest, *self._constants)
        return ReplayState(state, more)

    def release(self) -> None:
        """Give back the memory of machine code."""
        self._advance.release()


def _family(scenario: Scenario, free: Sequence[FreeParameter], function: ReplayStep) -> PlantFamily | None:
    """Machine code for all plants of a fit, made once for each process; None where numpy runs."""
    if chosen_engine() == "numpy":
        return None

    def apart(sites: int) -> Plant:
        drawn = np.random.default_rng(sites).uniform(-_APART, _APART, (len(free), sites))  # each parameter for itself
        reached = np.array([np.clip(u, *p.reach()) for u, p in zip(drawn, free)]).reshape(len(free), sites)
        return plant_of(scenario, Candidates(free, reached).values(), 1)

    key = (scenario.hash(), *((p.path, *p.reach()) for p in free), *function.key)
    return family_of(key, function, apart)
