"""A scenario brought near a hall by its telemetry: a few parameters that a forecast is most sensitive to.

This is no calibration (``coldaisle calibrate`` gives parameters with intervals): it asks which airflow, leakage, coil
and machine factors let the plant, driven by what was measured, show the inlets, valves and cooling power measured.
Damped Gauss-Newton on the parameters' priors; halls, windows and trial steps ride side by side on the batch axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import FreeParameter, free_parameters, with_values
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.observer import correct
from envs.twin.estimation.present import setpoints, weather
from envs.twin.telemetry.telemetry import COOLING, INLET, RACK_POWER, Telemetry, joined_batch, timespan

MATCHED = (
    "unit_flow_m3_s", "leakage_frac", "coil_ua_kw_k", "airflow_m3_s_kw", "power_factor",
    "economizer_approach_k", "cell_fan_kw", "tower.pump_efficiency", "chilled_water.pump_efficiency_frac",
)  # fmt: skip
INLET_SD_K, COOLING_SD_FRAC, VALVE_SD = 0.4, 0.02, 0.05  # what a good model may miss, engineering guess
MATCH_GAIN = 0.1  # of the observer: parameters, not readings, are to hold the model; engineering guess
HUBER = 2.0  # residuals in those units beyond which they pull no harder
DAMPING = (0.003, 0.1, 1.0, 10.0)
STEP_U = 0.3  # of the difference quotients, in standard deviations of the prior
AIRFLOWS_U = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)  # of the first look, in standard deviations
FAR = 5.0  # residual beyond which one miss is as bad as another
REACH_U = 4.0
PRIOR_SAMPLES = 60.0  # readings that a prior counts as: those of one window say nearly the same


@dataclass(frozen=True)
class PriorFitSettings(Parameters):
    """How long and how hard is looked; 0 iterations leave the scenario as it is."""

    windows: int = parameter(4, 1, 100, "1", "engineering guess; spread over the training days")
    hours: float = parameter(6.0, 1.0, 48.0, "h", "engineering guess")
    warm_up_h: float = parameter(1.0, 0.0, 24.0, "h", "engineering guess; not judged")
    iterations: int = parameter(6, 0, 50, "1", "engineering guess")


def matched_scenarios(scenario: Scenario, history: Telemetry, how: PriorFitSettings) -> list[Scenario]:
    """One scenario per hall of a history ``(T, k, H)``.

    Parameters
    ----------
    scenario : Scenario
        What all halls are thought to be.
    history : Telemetry
        Training telemetry.
    how : PriorFitSettings
    """
    if not how.iterations:
        return [scenario] * history.batch
    free = [p for p in free_parameters(scenario, MATCHED) if not p.is_input]
    search = _Search(scenario, free, history, how)
    u = search.start()
    for _ in range(int(how.iterations)):
        u = search.damped_step(u)
    values = [p.value(row) for p, row in zip(free, u)]
    return [with_values(scenario, {p.path: float(v[h]) for p, v in zip(free, values)}) for h in range(history.batch)]


class _Search:
    """Residuals of candidates; the batch is (candidate, hall, window), windows fastest."""

    def __init__(
        self, scenario: Scenario, free: Sequence[FreeParameter], history: Telemetry, how: PriorFitSettings
    ) -> None:
        self.scenario, self.free, self.halls = scenario, list(free), history.batch
        self.power_model = HallModel(scenario)
        per_h = 3600.0 / history.step_s
        self.rows, self.warm_up = round((how.hours + how.warm_up_h) * per_h) + 1, round(how.warm_up_h * per_h)
        self.windows = int(how.windows)
        self.past = _spread_windows(history, self.rows, self.windows)

    def start(self) -> Floats:
        """Parameters ``(P, H)`` with the best of some airflows in each zone.

        Where the model's room units give less than its racks draw, inlets run into the alarm and tell no slope.
        """
        u = np.zeros((len(self.free), len(AIRFLOWS_U), self.halls))
        flows = [k for k, p in enumerate(self.free) if p.path.endswith("unit_flow_m3_s")]
        u[flows] = np.array(AIRFLOWS_U)[:, None]
        found = self._residuals(u).reshape(self.rows - 1 - self.warm_up, -1, self.windows, len(AIRFLOWS_U), self.halls)
        zones = self.power_model.layout.zone_of
        best = np.zeros((len(self.free), self.halls))
        for zone, k in enumerate(flows):
            missed = np.minimum(np.abs(found[:, : len(zones)][:, zones == zone]), FAR).mean(axis=(0, 1, 2))
            best[k] = np.array(AIRFLOWS_U)[missed.argmin(axis=0)]
        return best

    def damped_step(self, u: Floats) -> Floats:
        """Parameters ``(P, H)`` after one damped step, never worse."""
        p = len(self.free)
        trials = np.repeat(u[:, None], p + 1, axis=1)  # (P, C, H)
        trials[np.arange(p), np.arange(p) + 1] += STEP_U
        found = self._residuals(trials)  # (M, C, H)
        base, slope = found[:, 0], (found[:, 1:] - found[:, :1]) / STEP_U
        weight = np.minimum(1.0, HUBER / np.maximum(np.abs(base), 1e-9))
        gram = np.einsum("mph,mh,mqh->hpq", slope, weight, slope, optimize=True)
        pull = np.einsum("mph,mh,mh->hp", slope, weight, base, optimize=True)
        prior = len(base) / PRIOR_SAMPLES / p
        steps = []
        for damping in DAMPING:
            stiff = gram + prior * np.eye(p) + damping * gram * np.eye(p)
            steps.append(np.linalg.solve(stiff, (pull + prior * u.T)[..., None])[..., 0])
        moved = [np.clip(u - step.T, -REACH_U, REACH_U) for step in steps]
        tried = np.stack([u, *moved], axis=1)
        cost = self._cost(np.concatenate([base[:, None], self._residuals(tried[:, 1:])], axis=1), tried, prior)
        best = cost.argmin(axis=0)
        return np.take_along_axis(tried, best[None, None, :], axis=1)[:, 0]

    def _cost(self, residuals: Floats, u: Floats, prior: float) -> Floats:
        """Huber cost ``(C, H)`` with the prior."""
        size = np.abs(residuals)
        huber = np.where(size < HUBER, 0.5 * size**2, HUBER * (size - 0.5 * HUBER))
        cost: Floats = huber.sum(axis=0) + 0.5 * prior * (u**2).sum(axis=0)
        return cost

    def _residuals(self, u: Floats) -> Floats:
        """Modelled less measured over what may be missed, ``(M, C, H)``, for parameters ``(P, C, H)``."""
        count = u.shape[1]
        spread = {p.path: np.repeat(np.asarray(p.value(row)).reshape(-1), self.windows) for p, row in zip(self.free, u)}
        candidates, path_kw = with_values(self.scenario, spread), self.power_model.power_path_kw
        model = HallModel(candidates, power_path_kw=path_kw, engine="numpy")  # machine code of each would take longer
        past = joined_batch([self.past] * count)
        in_force, outside = setpoints(model, past, 0), weather(model, past, 0)
        state, _ = model.steady_state(outside, past.values[RACK_POWER][0], in_force)
        lost, rows = model.nothing_lost(past.values[INLET].shape[-1]), []
        for t in range(1, self.rows):
            in_force = setpoints(model, past, t)
            state, flows = model.step(state, in_force, outside, past.values[RACK_POWER][t], lost)
            outside = weather(model, past, t)
            seen = {name: values[t] for name, values in past.values.items()}
            if t > self.warm_up:
                rows.append(_normalised_misses(flows, seen))
            state = correct(model.plant, state, flows, seen, MATCH_GAIN)
        missed = np.stack(rows).reshape(len(rows), -1, count, self.halls, self.windows)
        return missed.transpose(0, 1, 4, 2, 3).reshape(-1, count, self.halls)


def _normalised_misses(flows: Flows, seen: dict[str, Floats]) -> Floats:
    cooling = (flows.cooling_power_kw / np.maximum(seen[COOLING], 1e-3) - 1.0) / COOLING_SD_FRAC
    parts = [(flows.rack_inlet_c - seen[INLET]) / INLET_SD_K, cooling]
    if "coil_valve_frac" in seen:
        parts.append((flows.coil_valve_frac - seen["coil_valve_frac"]) / VALVE_SD)
    return np.concatenate(parts)


def _spread_windows(history: Telemetry, rows: int, count: int) -> Telemetry:
    """Windows of all halls side by side ``(rows, k, H count)``, evenly spread, windows fastest."""
    if history.rows < rows:
        raise ValueError(f"history has {history.rows} rows; a window of match.hours and warm_up_h needs {rows}")
    starts = np.linspace(0, history.rows - rows, count).round().astype(int)

    def cut(values: Floats) -> Floats:
        parts = np.stack([values[s : s + rows] for s in starts], axis=-1)
        return np.ascontiguousarray(parts.reshape(rows, values.shape[1], -1))

    begin = (history.start_utc[:, None] + timespan(starts * history.step_s)).reshape(-1)
    return replace(history, values={n: cut(v) for n, v in history.values.items()}, start_utc=begin)
