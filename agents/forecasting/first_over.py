"""Which rack is first over a limit if a room unit fails now, and when: the model played in quarter minutes.

The forecaster's model starts from the present, the load keeps its outlook, and the building's rules run on at their own
interval. What the sensors show above the model now is added to every inlet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.forecasting.engine import Forecaster
from agents.forecasting.hall_model import HallModel
from agents.forecasting.lags import smoothed_now
from agents.forecasting.state_from_history import Present, present
from agents.forecasting.telemetry import INLET, History
from envs.faults import Fault, availability, fault_plan
from envs.tape import Taped
from envs.world import Load, Outside

Array = NDArray[Any]

NEVER_S = np.inf
FINE_S = 15.0  # ride-through wants 1 to 5 s (PHYSICS 0); 15 s tell racks apart and cost little
FOR_GOOD_S = 1e9


class FirstOver(NamedTuple):
    """Answer for B moments.

    Attributes
    ----------
    rack : array of int (B,)
        The first rack over the limit; -1 where none is within the horizon.
    after_s : array (B,)
        When [s from now]; infinite where none is.
    by_rack_s : array (R, B)
        When each rack is.
    highest_c : array (R, B)
        Highest inlet of each rack within the horizon [degC].
    """

    rack: Array
    after_s: Array
    by_rack_s: Array
    highest_c: Array


class Played(NamedTuple):
    """What a hall is played with: its start, its signals by control step, and what fails."""

    state: Any
    rules: Any
    in_force: dict[str, Array]
    wanted: dict[str, Array]
    offset: dict[str, Array]
    inlet_c: Array
    load: Callable[[int], Load]
    outside: Callable[[int], Outside]
    faults: Sequence[Fault]


def first_over(
    forecaster: Forecaster,
    history: History,
    faults: Sequence[Fault],
    limit_c: float = 32.0,
    hours: float = 1.0,
    start: Present | None = None,
) -> FirstOver:
    """Answer from the telemetry up to now.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted to the hall.
    history : History
        ``(T, k, B)``.
    faults : sequence of Fault
        From now on, in seconds from now: ``crah_failure(zone)``.
    limit_c : float
        Inlet limit [degC].
    hours : float
        How far is looked.
    start : Present, optional
        Of this history, where several failures are asked about.
    """
    model = forecaster.model
    start = start or present(model, history, forecaster.settings.replay)
    signals = forecaster.outlook(history)
    last = signals.steps - 1

    def load(step: int) -> Load:
        return model.load((signals.rack_kw[min(step, last)] / start.power_gain).astype(model.dtype))

    def outside(step: int) -> Outside:
        return model.outside(signals.dry_bulb_c[min(step, last)], signals.wet_bulb_c[min(step, last)])

    measured_c = smoothed_now(history.points[INLET], history.step_s)
    played = Played(
        start.state,
        start.rules,
        start.in_force,
        start.wanted,
        start.offset,
        measured_c,
        load,
        outside,
        list(faults),
    )
    inlets, step_s = play(FineModel(model), played, hours)
    return answer(inlets, step_s, limit_c)


def crah_failure(zone: int, units: float = 1.0) -> list[Fault]:
    """Room units of a zone lost now and for good."""
    return [Fault("crah_fan", 0.0, FOR_GOOD_S, zone, units)]


class FineModel:
    """A model whose plant is stepped by ``FINE_S`` or its sub-step; the rules keep their control interval."""

    def __init__(self, model: HallModel) -> None:
        episode = model.scenario.episode
        self.model = model
        self.step_s = FINE_S if model.step_s % FINE_S == 0.0 else float(episode.substep_s)
        self.per_control = round(model.step_s / self.step_s)
        fine = replace(model.scenario, episode=replace(episode, step_s=self.step_s, substep_s=self.step_s))
        self.advance = Taped(type(model.plant)(fine, model.dtype).step)


def play(fine: FineModel, start: Played, hours: float) -> tuple[Array, float]:
    """Inlets ``(1 + M, R, B)`` [degC] as sensors would show them without noise, from now on; their interval [s]."""
    model, state, rules = fine.model, start.state, deepcopy(start.rules)
    in_force, wanted, inlets = start.in_force, start.wanted, [start.inlet_c]
    batch = next(iter(in_force.values())).shape[-1]
    plan = fault_plan([list(start.faults)] * batch, model.layout.n_zones, dtype=model.dtype)
    clock = np.zeros(batch, np.int64)
    for tick in range(round(hours * 3600.0 / fine.step_s)):
        step = tick // fine.per_control
        if tick % fine.per_control == 0:
            in_force = model.next_in_force(wanted, in_force)
            load, outside, after = start.load(step), start.outside(step), start.outside(step + 1)
        lost = availability(plan, np.full(batch, tick * fine.step_s))
        work = state.work
        state, flows = fine.advance(state, in_force, outside, load, lost, clock)
        state = state._replace(work=work)
        shown = model.readings(flows, state, in_force, after)
        shown |= {n: (shown[n] + o).astype(shown[n].dtype) for n, o in start.offset.items() if n in shown}
        inlets.append(shown[INLET])
        if tick % fine.per_control == fine.per_control - 1:
            wanted = rules.act(shown)
    return np.stack(inlets), fine.step_s


def answer(inlets: Array, step_s: float, limit_c: float) -> FirstOver:
    """First crossing of every rack in inlets ``(1 + M, R, B)``, the first of which are now; straight between."""
    over = inlets > limit_c
    first = over.argmax(axis=0)
    reached = np.take_along_axis(inlets, first[None], axis=0)[0]
    before = np.take_along_axis(inlets, np.maximum(first - 1, 0)[None], axis=0)[0]
    share = np.clip((limit_c - before) / np.maximum(reached - before, 1e-6), 0.0, 1.0)
    when = np.where(first > 0, (first - 1 + share) * step_s, 0.0)
    by_rack = np.where(over.any(axis=0), when, NEVER_S)
    after = by_rack.min(axis=0)
    rack = np.where(np.isfinite(after), by_rack.argmin(axis=0), -1)
    return FirstOver(rack, after, by_rack, inlets.max(axis=0))
