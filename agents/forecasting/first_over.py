"""Which rack is first over a limit if a room unit fails now, and when: the model played second by second.

The forecaster's model starts from the present, the load keeps its outlook, and the building's rules run on at their own
interval. What the sensors show above the model now is added to every inlet. Several failures are played side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from agents.forecasting.engine import Forecaster
from agents.forecasting.lags import smoothed_now
from envs.controllers.base import CombinedController
from envs.engine import TapedFunction
from envs.episodes.world import Load, Outside
from envs.faults import Fault, availability, fault_plan
from envs.physics.namespace import Floats
from envs.plant.state import PlantState, with_work_of
from envs.trees import tiled_tree
from envs.twin.estimation.hall_model import HallModel
from envs.twin.estimation.present import present
from envs.twin.telemetry.telemetry import INLET, Telemetry

NEVER_S = np.inf
FINE_S = 2.0  # at most, PHYSICS 0: 1 to 5 s. The inlet alarm answers a step late: at 15 s inlets rise 1 K too high
FOR_GOOD_S = 1e9
PEAK_SD_K = 0.7  # of a highest inlet under one lost unit: 16 halls of ai_hall (seed 1, not reported), docs/forecast.md


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
    over_s : array (R, B)
        How long each rack is over the limit within the horizon [s].
    """

    rack: Floats
    after_s: Floats
    by_rack_s: Floats
    highest_c: Floats
    over_s: Floats

    def chance(self, limit_c: float) -> Floats:
        """Probability ``(B,)`` that a rack goes over, by the error ``PEAK_SD_K`` of the highest inlet."""
        from scipy.special import ndtr  # here, so that importing the forecast does not import scipy

        found: Floats = ndtr((self.highest_c.max(axis=0) - limit_c) / PEAK_SD_K)
        return found


class PlayedHalls(NamedTuple):
    """What halls are played with: their start, their signals by control step, and what fails in each ``(B,)``."""

    state: PlantState
    rules: CombinedController
    in_force: dict[str, Floats]
    wanted: dict[str, Floats]
    offset: dict[str, Floats]
    inlet_c: Floats
    load: Callable[[int], Load]
    outside: Callable[[int], Outside]
    faults: Sequence[Sequence[Fault]]


def first_over(
    forecaster: Forecaster,
    history: Telemetry,
    faults: Sequence[Fault],
    limit_c: float = 32.0,
    hours: float = 1.0,
) -> FirstOver:
    """Answer from the telemetry up to now.

    Parameters
    ----------
    forecaster : Forecaster
        Its outlook fitted to the hall.
    history : Telemetry
        ``(T, k, B)``.
    faults : sequence of Fault
        From now on, in seconds from now: ``crah_failure(zone)``.
    limit_c : float
        Inlet limit [degC].
    hours : float
        How far is looked.
    """
    return first_over_each(forecaster, history, [faults], limit_c, hours)[0]


def first_over_each(
    forecaster: Forecaster,
    history: Telemetry,
    failures: Sequence[Sequence[Fault]],
    limit_c: float = 32.0,
    hours: float = 1.0,
) -> list[FirstOver]:
    """One answer ``(B,)`` per failure, all from the same present; arguments as of ``first_over``."""
    model = forecaster.model
    start = present(model, history, forecaster.settings.replay)
    signals = forecaster.outlook(history)
    last = signals.steps - 1

    def load(step: int) -> Load:
        return model.load((signals.rack_kw[min(step, last)] / start.power_gain).astype(model.dtype))

    def outside(step: int) -> Outside:
        return model.outside(*(values[min(step, last)] for values in signals[1:]))

    inlet_c = smoothed_now(history.values[INLET], history.step_s)
    quiet: list[list[Fault]] = [[]] * history.batch
    alone = PlayedHalls(
        start.state, start.rules, start.in_force, start.wanted, start.offset, inlet_c, load, outside, quiet
    )
    return answers_per_failure(FineModel(model), alone, failures, limit_c, hours)


def answers_per_failure(
    fine: FineModel, quiet: PlayedHalls, failures: Sequence[Sequence[Fault]], limit_c: float, hours: float
) -> list[FirstOver]:
    """One answer ``(B,)`` per failure that strikes ``B`` halls, which are played side by side."""
    inlets, step_s = inlet_paths(fine, halls_per_failure(quiet, failures), hours)
    return [first_crossing(part, step_s, limit_c) for part in np.split(inlets, len(failures), axis=-1)]


def halls_per_failure(quiet: PlayedHalls, failures: Sequence[Sequence[Fault]]) -> PlayedHalls:
    """The halls once per failure, failure after failure."""
    copies, batch = len(failures), len(quiet.faults)
    rules = deepcopy(quiet.rules)
    for part in rules.parts:
        for name in getattr(part, "memory", ()):
            setattr(part, name, tiled_tree(getattr(part, name), copies))
    return quiet._replace(
        **{
            name: tiled_tree(getattr(quiet, name), copies)
            for name in ("state", "in_force", "wanted", "offset", "inlet_c")
        },
        rules=rules,
        load=lambda step: tiled_tree(quiet.load(step), copies),
        outside=lambda step: tiled_tree(quiet.outside(step), copies),
        faults=[list(faults) for faults in failures for _ in range(batch)],
    )


def crah_failure(zone: int, units: float = 1.0) -> list[Fault]:
    """Room units of a zone lost now and for good."""
    return [Fault("crah_fan", 0.0, FOR_GOOD_S, zone, units)]


class FineModel:
    """A model whose plant is stepped by at most ``FINE_S``; the rules keep their control interval."""

    def __init__(self, model: HallModel) -> None:
        episode = model.scenario.episode
        self.model = model
        self.per_control = int(np.ceil(model.step_s / FINE_S))
        self.step_s = model.step_s / self.per_control
        fine = replace(model.scenario, episode=replace(episode, step_s=self.step_s, substep_s=self.step_s))
        self.advance = TapedFunction(type(model.plant)(fine, model.dtype).step, engine=model.advance.engine)


def inlet_paths(fine: FineModel, start: PlayedHalls, hours: float) -> tuple[Floats, float]:
    """Inlets ``(1 + M, R, B)`` [degC] as sensors would show them without noise, from now on; their interval [s]."""
    model, state, rules = fine.model, start.state, deepcopy(start.rules)
    in_force, wanted, inlets = start.in_force, start.wanted, [start.inlet_c]
    batch, offset_c = len(start.faults), start.offset.get(INLET, 0.0)
    plan = fault_plan(start.faults, model.layout.n_zones, dtype=model.dtype)
    clock = np.zeros(batch, np.int64)
    for tick in range(round(hours * 3600.0 / fine.step_s)):
        step = tick // fine.per_control
        if tick % fine.per_control == 0:
            in_force = model.next_in_force(wanted, in_force)
            load, outside, after = start.load(step), start.outside(step), start.outside(step + 1)
        lost = availability(plan, np.full(batch, tick * fine.step_s))
        moved, flows = fine.advance(state, in_force, outside, load, lost, clock)
        state = with_work_of(moved, state)
        inlets.append((flows.rack_inlet_c + offset_c).astype(model.dtype))
        if tick % fine.per_control == fine.per_control - 1:
            shown = model.readings(flows, state, in_force, after)
            shown |= {n: (shown[n] + o).astype(shown[n].dtype) for n, o in start.offset.items() if n in shown}
            wanted = rules.act(shown)
    return np.stack(inlets), fine.step_s


def first_crossing(inlets: Floats, step_s: float, limit_c: float) -> FirstOver:
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
    return FirstOver(rack, after, by_rack, inlets.max(axis=0), over.sum(axis=0) * step_s)
