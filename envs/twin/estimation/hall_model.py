"""The plant as a forecaster knows it: a scenario (nominal or calibrated), the building's rules, racks by their power.

It is another object with other parameters than the hall that is forecast; of that hall it only ever sees telemetry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from envs.building.rules import building_controller
from envs.controllers.base import CombinedController
from envs.engine import TapedFunction
from envs.episodes.instruments import Instruments
from envs.faults import Availability, nothing_lost
from envs.interface.action import next_in_force
from envs.interface.observation import ObservationEncoder
from envs.interface.points import bind_points
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.layout import Layout
from envs.plant.state import PlantState, with_work_of
from envs.scenario import Scenario
from envs.signals.step import Load, Outside, outside_from_bulbs
from envs.signals.workload.workload import CLASSES
from envs.twin.estimation.work_by_power import WorkByPower, with_serving

POWER_GRID = 41


class HallModel:
    """A plant of one scenario that is driven by rack power instead of by jobs.

    Parameters
    ----------
    scenario : Scenario
        Nominal, or what ``coldaisle calibrate`` wrote.
    dtype : str
        Of the plant.
    power_path_kw : array, optional
        ``power_path_kw`` of a model of like racks, where the scenario's parameters are arrays ``(B,)``.
    engine : {"numpy", "llvm"}, optional
        What steps the plant; what `envs.engine.choice` says when left out.
    """

    def __init__(
        self,
        scenario: Scenario,
        dtype: str = "float32",
        power_path_kw: Floats | None = None,
        engine: Literal["numpy", "llvm"] | None = None,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.plant = Plant(scenario, self.dtype)
        self.scenario = scenario = self.plant.scenario
        self.layout = self.plant.layout
        self.advance = TapedFunction(self.plant.step, engine=engine)
        self.step_s = float(scenario.episode.step_s)
        lay = self.layout
        self.channels = tuple(lay.channels.values())
        observer = ObservationEncoder(bind_points(lay.rows, lay.present, self.channels))
        self.instruments = Instruments(scenario, self.plant, observer)
        self.activity_path = _activity_path(scenario, lay)
        self.power_path_kw = self._power_path() if power_path_kw is None else power_path_kw

    # ---- the building's own rules --------------------------------------------------------------------------------

    def rules(self) -> CombinedController:
        """Fresh controllers for every channel."""
        return building_controller(self.scenario, self.layout, [c.name for c in self.channels])

    def next_in_force(self, wanted: Mapping[str, Floats], before: Mapping[str, Floats]) -> dict[str, Floats]:
        """Setpoints of the coming step from what is wanted, by range and slew."""
        return next_in_force(self.channels, wanted, before, self.step_s)

    # ---- signals -------------------------------------------------------------------------------------------------

    def outside(self, dry_bulb_c: Floats, wet_bulb_c: Floats, elevation_m: Floats) -> Outside:
        """Weather ``(B,)`` by two bulbs and the height; prices, carbon and clock do not move the plant: zero."""
        known = (x.astype(self.dtype) for x in (dry_bulb_c, wet_bulb_c, elevation_m))
        return outside_from_bulbs(*known)

    def load(self, rack_kw: Floats) -> Load:
        """Activity at which racks of this model draw ``rack_kw (R, B)``."""
        racks = np.arange(self.activity_path.shape[1])
        return WorkByPower(self.activity_path, self.power_path_kw, racks).load(rack_kw, self.dtype)

    def nothing_lost(self, batch: int) -> Availability:
        """All machines there."""
        return nothing_lost(batch, self.layout.n_zones, self.dtype)

    # ---- steps ---------------------------------------------------------------------------------------------------

    def step(
        self, state: PlantState, in_force: Mapping[str, Floats], outside: Outside, rack_kw: Floats, lost: Availability
    ) -> tuple[PlantState, Flows]:
        """Next state and flows of one control step in which the racks draw about ``rack_kw (R, B)``.

        Nothing waits: measured power is what ran, so a queue beside it would run work twice.
        """
        clock = np.zeros(rack_kw.shape[1], np.int64)
        after, flows = self.advance(state, in_force, outside, self.load(rack_kw), lost, clock)
        return with_work_of(after, state), flows

    def steady_state(
        self, outside: Outside, rack_kw: Floats, in_force: Mapping[str, Floats]
    ) -> tuple[PlantState, Flows]:
        """State and flows at rest under constant conditions."""
        batch = rack_kw.shape[1]
        rest = np.zeros(batch), np.full(batch, 0.5)
        return self.plant.steady_state(outside, self.load(rack_kw), in_force, self.nothing_lost(batch), *rest)

    def readings(
        self, flows: Flows, state: PlantState, in_force: Mapping[str, Floats], outside: Outside
    ) -> dict[str, Floats]:
        """What perfect sensors would show after a step ``{name: (k, B)}``; the bill's points are left out."""
        given = self.instruments.plant_points(flows, state, in_force, outside)
        return {name: np.atleast_2d(value) for name, value in given.items() if value is not None}

    # ---- racks by their power ------------------------------------------------------------------------------------

    def _power_path(self) -> Floats:
        """Power ``(R, G)`` [kW] that racks draw along the path of activity, ascending, in a settled cool hall."""
        path = self.activity_path.astype(self.dtype)
        n = path.shape[-1]
        in_force = {
            c.name: np.full((c.rows, n), c.high if c.per == "row" else 0.5 * (c.low + c.high), self.dtype)
            for c in self.channels
        }
        zero = np.zeros(n, self.dtype)
        job: NDArray[np.integer] = np.ascontiguousarray(
            np.broadcast_to(np.arange(path.shape[1])[:, None], path.shape[1:])
        )
        mild = self.outside(zero + 15.0, zero + 10.0, zero + self.scenario.elevation_m)
        load = Load(path, job, zero, zero, zero)
        rest = np.zeros(n), np.full(n, 0.5)
        _, flows = self.plant.steady_state(mild, load, in_force, self.nothing_lost(n), *rest)
        rising = np.maximum.accumulate(flows.rack_power_kw, axis=1)
        return np.asarray(rising + 1e-6 * np.arange(n), np.float64)


def _activity_path(scenario: Scenario, layout: Layout) -> Floats:
    """One way from rest to full use ``(S, R, G)``: by which activity a rack draws more and more power.

    Power alone does not tell classes apart. Serving goes through prefill and decode as requests do (WORKLOAD 6b); the
    slots of other racks are used alike. What matters is the airflow that servers draw at a power: it goes with use.
    """
    reach = np.linspace(0.0, 1.0, POWER_GRID)
    used = (layout.slot_class != CLASSES.index("none")).astype(np.float64)
    path: Floats = (used / np.maximum(used.sum(axis=0), 1.0))[..., None] * reach
    return with_serving(path, scenario)
