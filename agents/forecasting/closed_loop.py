"""The model run on from the present, with the building's rules in the loop and an outlook of load and weather."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np

from envs.faults import WET_PER_DRY, Availability, Fault, availability, fault_plan
from envs.interface.sensors import normal_noise
from envs.physics.namespace import Floats
from envs.signals.step import Outside
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.present import CORRECTED, Present
from envs.twin.telemetry.telemetry import INLET

LIMIT_ON_INLETS = ("zone_inlet_max_c", INLET)


class Signals(NamedTuple):
    """What load and weather will do, as far as the forecaster is told.

    Attributes
    ----------
    rack_kw : array (H, R, B)
        Power of every rack in each coming step.
    dry_bulb_c, wet_bulb_c : array (H, B)
        Weather of each coming step; the first row is the present reading.
    """

    rack_kw: Floats
    dry_bulb_c: Floats
    wet_bulb_c: Floats

    @property
    def steps(self) -> int:
        """Control steps."""
        return len(self.rack_kw)

    def first(self, steps: int) -> Signals:
        """The first ``steps`` control steps."""
        return Signals(*(values[:steps] for values in self))


class Targets(NamedTuple):
    """What is forecast: every rack's inlet ``(H, R, B)`` [degC] and the hall's cooling power ``(H, B)`` [kW]."""

    rack_inlet_c: Floats
    cooling_power_kw: Floats


class ForecastInputs(NamedTuple):
    """What the user of a forecast adds: faults from now on, and setpoints that replace the rules'."""

    faults: Sequence[Fault] = ()
    setpoints: Mapping[str, Floats] = {}


def model_path(
    model: HallModel, start: Present, signals: Signals, told: ForecastInputs, noise_seed: int | None = None
) -> Targets:
    """Targets of the coming steps as the model expects them; inlets are offset as they are measured now.

    Parameters
    ----------
    model : HallModel
    start : Present
        From `envs.twin.estimation.present.present`; left as it was.
    signals : Signals
    told : ForecastInputs
        Faults count their seconds from now; ``setpoints`` are ``{channel: (k, B)}``, held.
    noise_seed : int, optional
        With it the rules read noisy sensors, as the building's do: requests of single racks depend on it.
    """
    state, rules, in_force, wanted = start.state, deepcopy(start.rules), start.in_force, dict(start.wanted)
    batch = signals.rack_kw.shape[-1]
    inlets, cooling = [], []
    plan = fault_plan([list(told.faults)] * batch, model.layout.n_zones, dtype=model.dtype)
    for h in range(signals.steps):
        lost = availability(plan, np.full(batch, h * model.step_s))
        in_force = model.next_in_force({**wanted, **told.setpoints}, in_force)
        rack_kw = (signals.rack_kw[h] / start.power_gain * lost.load_frac).astype(model.dtype)
        state, flows = model.step(state, in_force, _outside(model, signals, h, lost), rack_kw, lost)
        shown = _points_as_measured(
            model.readings(flows, state, in_force, _outside(model, signals, h + 1, lost)), start.offset
        )
        inlets.append(shown[INLET])
        cooling.append(flows.cooling_power_kw)
        if noise_seed is not None:
            shown = _noisy_inlets(model, shown, noise_seed, h)
        wanted = rules.act(shown)
    return Targets(np.stack(inlets), np.stack(cooling))


def _outside(model: HallModel, signals: Signals, h: int, lost: Availability) -> Outside:
    h = min(h, signals.steps - 1)
    dry = signals.dry_bulb_c[h] + lost.dry_bulb_add_c
    return model.outside(dry, signals.wet_bulb_c[h] + lost.dry_bulb_add_c * WET_PER_DRY)


def _points_as_measured(shown: dict[str, Floats], offset: Mapping[str, Floats]) -> dict[str, Floats]:
    """Points with what the hall's sensors and the real hall differ by now."""
    return shown | {n: (shown[n] + offset[n]).astype(shown[n].dtype) for n in CORRECTED if n in shown and n in offset}


def _noisy_inlets(model: HallModel, shown: dict[str, Floats], seed: int, step: int) -> dict[str, Floats]:
    """Inlet readings with the noise of the scenario's sensors; a forecast's own stream."""
    sd = float(np.max(model.scenario.sensors.temperature_noise_k))
    rows = sum(shown[n].shape[0] for n in LIMIT_ON_INLETS)
    batch = shown[INLET].shape[1]
    noise = sd * normal_noise(np.full(batch, seed), np.arange(batch), np.full(batch, step), rows, model.dtype)
    first = shown[LIMIT_ON_INLETS[0]].shape[0]
    parts = dict(zip(LIMIT_ON_INLETS, (noise[:first], noise[first:])))
    return shown | {n: shown[n] + parts[n] for n in LIMIT_ON_INLETS}
