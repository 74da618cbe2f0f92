"""From the measured demand of power rows to the work of their racks."""

from __future__ import annotations

import numpy as np

from envs.building.row_value import usual_mix
from envs.controllers.base import Array
from envs.episodes.world import Load
from envs.equipment import rack
from envs.plant.datacenter import Plant
from envs.twin.estimation.work_by_power import WorkByPower

MOST_USE = 1.15  # of a row whose mix draws less than the usual one


class RowLoad:
    """From the measured demand of the power rows to activity by slot: the usual mix of each rack, scaled by its row.

    Linear between the row's draw at rest and at full use.
    """

    def __init__(self, plant: Plant) -> None:
        self.layout, self.mix = plant.layout, usual_mix(plant.scenario)
        self.rest_kw, self.busy_kw = (self._draw(use) for use in (0.0, 1.0))
        ends = np.array([0.0, MOST_USE])
        drawn = self.rest_kw + ends * (self.busy_kw - self.rest_kw)
        self.path = WorkByPower(self.mix[:, :, None] * ends, drawn, self.layout.row_of)

    def _draw(self, use: float) -> Array:
        """Demand of each power row ``(P, 1)`` [kW] with every rack at ``use`` of its usual mix."""
        table = self.layout.racks
        demand = rack.demand_terms(table, (use * self.mix[:, :, None]).astype(self.layout.dtype))
        supplies = np.broadcast_to(np.asarray(table.psu_marginal, self.layout.dtype), (self.layout.n_racks, 1))
        draw: Array = self.layout.tree.row_racks @ ((demand.base_kw + demand.total_kw) * supplies)
        return draw

    def of(self, demand_kw: Array) -> Load:
        """Load that draws ``demand_kw (P, B)``; no queues."""
        return self.path.load(demand_kw, self.layout.dtype)
