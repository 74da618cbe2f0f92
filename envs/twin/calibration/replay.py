"""The plant of a scenario under the load, weather and setpoints that came: many candidates and days at once.

The environment axis carries candidates times windows, candidate by candidate: ``b = candidate * W + window``. Switched
modes (chillers, economizer, cells) are those that were measured, where they were: so a fit is smooth in its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine import TapedFunction
from envs.faults import nothing_lost
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.state import PlantState, with_work_of
from envs.scenario import Scenario
from envs.signals.step import Load, Outside, outside_from_bulbs
from envs.twin.calibration.free_parameters import LOAD_GAIN, SITE_GAIN, FreeParameter, with_values
from envs.twin.calibration.windows import Windows
from envs.twin.estimation.observer import correct

Progress = Callable[[float], None]
ACTIVITY_SPAN = (-0.1, 1.3)  # of a rack's work as its meter's noise has it
#: Modes that a building may report, and the timer of each.
MODES = {
    "chillers_running": "chiller_hold_frac",
    "economizer_on": "economizer_hold_frac",
    "tower_cells_running": "tower_hold_frac",
}
CORRECTION_SPAN = (-0.2, 0.2)  # of a candidate's work, for what its fans and chips draw otherwise


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
    values = candidates.values()
    plant = plant_of(scenario, values, width)
    rig = ReplayPlant(plant, windows, count, values)
    shown = []
    more = rig.first_correction()
    for k in range(windows.steps):
        flows = rig.step(k, rig.activity(activity[k], more))
        more = np.clip(more + rig.short_share(flows, k), *CORRECTION_SPAN)
        if k >= windows.burn_in:
            shown.append(rows_of_flows(flows, outputs))
        if progress is not None and k % 16 == 0:
            progress(k / windows.steps)
    return np.stack(shown).reshape(len(shown), -1, count, width)


def rows_of_flows(flows: Flows, outputs: Sequence[str]) -> Floats:
    """Rows ``(N, B)`` of the named quantities of a step."""
    return np.concatenate([np.atleast_2d(getattr(flows, name)) for name in outputs])


class ReplayPlant:
    """A plant held to the measured inputs, step by step; the state is carried here.

    Parameters
    ----------
    plant : Plant
        Of ``count * W`` environments.
    windows : Windows
        Inputs.
    count : int
        Candidates C.
    values : mapping
        Values of the free paths ``(C,)``; the ``input.`` ones are applied here.
    """

    def __init__(self, plant: Plant, windows: Windows, count: int, values: Mapping[str, Floats]) -> None:
        self.plant, self.windows, self.count = plant, windows, count
        self.n = count * windows.count
        self.lost = nothing_lost(self.n, plant.layout.n_zones, np.float64)
        self.offset = {name: self._spread(values.get(f"input.{name}_offset_k")) for name in ("wet_bulb", "dry_bulb")}
        self.gain = self._rack_gain(values)
        self.state: PlantState | None = None
        self._advance = TapedFunction(plant.step, engine="numpy")  # parameters differ from candidate to candidate
        self._job: NDArray[np.integer] = np.tile(np.arange(plant.layout.n_racks)[:, None], (1, self.n))
        self._zero = np.zeros(self.n)

    def _spread(self, by_candidate: Floats | None) -> Floats | float:
        return 0.0 if by_candidate is None else np.repeat(by_candidate, self.windows.count)

    def _rack_gain(self, values: Mapping[str, Floats]) -> Floats:
        """Share ``(R, B)`` by which the rack meters of a zone read low."""
        site = values.get(SITE_GAIN, np.zeros(self.count))
        gains = [site + values.get(f"{LOAD_GAIN}{z}", 0.0) for z in self.plant.scenario.zones]
        by_zone = np.stack([np.repeat(gain, self.windows.count) for gain in gains])
        return by_zone[self.plant.layout.zone_of]

    def _per_candidate(self, by_window: Floats) -> Floats:
        """``(..., W)`` repeated for every candidate ``(..., C W)``."""
        return np.ascontiguousarray(np.tile(by_window, (1,) * (by_window.ndim - 1) + (self.count,)))

    def activity(self, base: Floats, more: Floats) -> Floats:
        """Activity ``(S, R, B)``: the one that was found ``(S, R, W)``, and each candidate's correction ``(R, B)``."""
        return np.clip(self._per_candidate(base) + self.windows.slot_mix[:, :, None] * more[None], *ACTIVITY_SPAN)

    def first_correction(self) -> Floats:
        """Correction ``(R, B)`` that a candidate's error of the rack meters asks for at the start."""
        power = self._per_candidate(self.windows.load_weights.T @ self.windows.load_kw(0))
        return power * self.gain / self.windows.slope_kw[:, None]

    def short_share(self, flows: Flows, k: int) -> Floats:
        """Work ``(R, B)`` that the racks lack to draw what was measured in step ``k``, meter errors taken out."""
        w = self.windows
        lacking = w.load_weights.T @ (self._per_candidate(w.load_kw(k)) - self.load_meter_kw(flows))
        lacking = lacking + self.gain * (w.load_weights.T @ self._per_candidate(w.load_kw(k)))
        return lacking / w.slope_kw[:, None]

    def load_meter_kw(self, flows: Flows) -> Floats:
        """Power ``(M, B)`` [kW] at what the load's meters measure."""
        name = {"rack_power_kw": "rack_power_kw", "row_power_kw": "row_power_kw"}.get(self.windows.load_name)
        return np.atleast_2d(getattr(flows, name or "it_power_kw"))

    def step(self, k: int, activity: Floats, keep: bool = True) -> Flows:
        """Flows of step ``k``; the first call settles the plant at its inputs."""
        outside, in_force = self._outside(k), self._in_force(k)
        load = Load(activity, self._job, self._zero, self._zero, self._zero)
        if self.state is None:
            half = np.full(self.n, 0.5)
            self.state, _ = self.plant.steady_state(outside, load, in_force, self.lost, self._zero, half)
        state = correct(self.plant, self.state, None, self._modes(k))
        new, flows = self._advance(state, in_force, outside, load, self.lost, np.zeros(self.n, np.int64))
        if keep:
            self.state = with_work_of(new, self.state)
        return flows

    def _outside(self, k: int) -> Outside:
        w = self.windows
        dry, wet, moisture = (
            self._per_candidate(w.inputs[n][k, 0]) for n in ("dry_bulb_c", "wet_bulb_c", "humidity_ratio")
        )
        bulbs = dry + self.offset["dry_bulb"], wet + self.offset["wet_bulb"]
        return outside_from_bulbs(*bulbs, self.plant.scenario.elevation_m, moisture)

    def _in_force(self, k: int) -> dict[str, Floats]:
        return {name: self._per_candidate(self.windows.inputs[name][k]) for name in self.plant.layout.channels}

    def _modes(self, k: int) -> dict[str, Floats]:
        """Modes measured in step ``k``; their timers have just begun and keep them so for the step."""
        inputs = self.windows.inputs
        seen = {name: self._per_candidate(inputs[name][k]) for name in MODES if name in inputs}
        return seen | {MODES[name]: values * 0.0 for name, values in seen.items()}
