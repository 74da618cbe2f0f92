"""A control step of a plant that is held to what was measured, as one pure function: the engine compiles it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.faults import nothing_lost
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.state import PlantState, with_work_of
from envs.signals.step import Load, Outside, outside_from_bulbs
from envs.twin.calibration.windows import Windows
from envs.twin.estimation.observer import correct

ACTIVITY_SPAN = (-0.1, 1.3)  # of a rack's work as its meter's noise has it
CORRECTION_SPAN = (-0.2, 0.2)  # of a candidate's work, for what its fans and chips draw otherwise
#: Modes that a building may report, and the timer of each.
MODES = {
    "chillers_running": "chiller_hold_frac",
    "economizer_on": "economizer_hold_frac",
    "tower_cells_running": "tower_hold_frac",
}
_BULBS = ("dry_bulb_c", "wet_bulb_c")
_MOISTURE = "humidity_ratio"


class InputErrors(NamedTuple):
    """Constant errors of what drives the replay, by candidate."""

    dry_bulb_k: Floats
    wet_bulb_k: Floats
    rack_gain: Floats
    """Share ``(R, B)`` by which the rack meters of a zone read low."""


class ReplayState(NamedTuple):
    """What a step hands to the next."""

    plant: PlantState
    more: Floats
    """Work ``(R, B)`` that a candidate's racks lack to draw what was measured."""


class Shown(NamedTuple):
    """What a step shows."""

    rows: Floats
    """Rows ``(N, B)`` of the outputs."""
    load_kw: Floats
    """Power ``(M, B)`` [kW] at what the load's meters measure."""


class ReplayStep:
    """The step of one hall's windows.

    Parameters
    ----------
    windows : Windows
    outputs : sequence of str
        Quantities to show.
    channels : sequence of str
        Of the plant.
    corrects : bool
        Whether each candidate's work is corrected by what its racks lacked in the step before.
    """

    def __init__(self, windows: Windows, outputs: Sequence[str], channels: Sequence[str], corrects: bool) -> None:
        self.outputs, self.corrects = tuple(outputs), corrects
        self._channels = tuple(channels)
        self._modes = tuple(name for name in MODES if name in windows.inputs)
        self._load = windows.load_name
        self._weights, self._slope_kw, self._mix = windows.load_weights, windows.slope_kw, windows.slot_mix
        self.names = tuple(dict.fromkeys((*_BULBS, _MOISTURE, *channels, *self._modes, self._load)))
        ends = np.cumsum([windows.inputs[name].shape[1] for name in self.names]).tolist()
        self._places = {name: slice(a, b) for name, a, b in zip(self.names, [0, *ends], ends)}

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What tells steps apart that do not do the same."""
        tables = (x.tobytes() for x in (self._weights, self._slope_kw, self._mix))
        places = ((name, part.stop) for name, part in self._places.items())
        return (self.outputs, self.corrects, self._channels, self._modes, self._load, *places, *tables)

    def __call__(
        self, plant: Plant, state: ReplayState, rows: Floats, base: Floats, errors: InputErrors
    ) -> tuple[ReplayState, Shown]:
        """Next state and what is shown.

        Parameters
        ----------
        plant : Plant
        state : ReplayState
        rows : ndarray (N, B)
            Inputs of the step, as `names` says.
        base : ndarray (S, R, B)
            Work of the racks.
        errors : InputErrors
        """
        modes = {name: rows[self._places[name]] for name in self._modes}
        modes |= {MODES[name]: values * 0.0 for name, values in modes.items()}  # timers that have just begun hold them
        outside, in_force, load = self.signals(plant, rows, self.activity(base, state.more), errors)
        lost = nothing_lost(rows.shape[-1], plant.layout.n_zones, np.float64)
        before = correct(plant, state.plant, None, modes)
        clock = np.zeros(rows.shape[-1], np.int64)
        after, flows = plant.step(before, in_force, outside, load, lost, clock)
        shown = Shown(rows_of_flows(flows, self.outputs), self.load_meter_kw(flows))
        more = state.more
        if self.corrects:
            more = np.clip(more + self._short_share(shown.load_kw, rows[self._places[self._load]], errors.rack_gain),
                           *CORRECTION_SPAN)  # fmt: skip
        return ReplayState(with_work_of(after, state.plant), more), shown

    def signals(
        self, plant: Plant, rows: Floats, activity: Floats, errors: InputErrors
    ) -> tuple[Outside, dict[str, Floats], Load]:
        """Weather, setpoints in force and load of a step."""
        dry, wet = (rows[self._places[name]][0] for name in _BULBS)
        bulbs = dry + errors.dry_bulb_k, wet + errors.wet_bulb_k
        outside = outside_from_bulbs(*bulbs, plant.scenario.elevation_m, rows[self._places[_MOISTURE]][0])
        in_force = {name: rows[self._places[name]] for name in self._channels}
        zero = np.zeros(rows.shape[-1])
        racks: NDArray[np.integer] = np.arange(plant.layout.n_racks)[:, None]
        job = np.ascontiguousarray(np.broadcast_to(racks, (len(racks), rows.shape[-1])))
        return outside, in_force, Load(activity, job, zero, zero, zero)

    def activity(self, base: Floats, more: Floats) -> Floats:
        """Work ``(S, R, B)``: the one that was found, and each candidate's correction."""
        if not self.corrects:
            return base
        return np.clip(base + self._mix[:, :, None] * more[None], *ACTIVITY_SPAN)

    def first_correction(self, measured_kw: Floats, rack_gain: Floats) -> Floats:
        """Correction ``(R, B)`` that a candidate's error of the rack meters asks for at the start."""
        return (self._weights.T @ measured_kw) * rack_gain / self._slope_kw[:, None]

    def load_meter_kw(self, flows: Flows) -> Floats:
        """Power ``(M, B)`` [kW] at what the load's meters measure."""
        name = {"rack_power_kw": "rack_power_kw", "row_power_kw": "row_power_kw"}.get(self._load)
        return _rows(getattr(flows, name or "it_power_kw"))

    def _short_share(self, drawn_kw: Floats, measured_kw: Floats, rack_gain: Floats) -> Floats:
        """Work ``(R, B)`` that the racks lack to draw what was measured, meter errors taken out."""
        lacking = self._weights.T @ (measured_kw - drawn_kw)
        lacking = lacking + rack_gain * (self._weights.T @ measured_kw)
        return lacking / self._slope_kw[:, None]


def rows_of_flows(flows: Flows, outputs: Sequence[str]) -> Floats:
    """Rows ``(N, B)`` of the named quantities of a step."""
    return np.concatenate([_rows(getattr(flows, name)) for name in outputs])


def _rows(values: Floats) -> Floats:
    return values if values.ndim > 1 else values[None]
