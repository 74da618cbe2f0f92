"""From measured power to the work that draws it: the one path of activity behind twins and forecasters.

Whatever a meter stands before (a rack, a row of racks), its racks are led along a path from rest to full use, and
stand where they draw what the meter reads. Single jobs are not known, so every rack works alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from envs.episodes.world import Load
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.signals.workload.profiles import IDLE_POWER_FRAC, SERVICE_PROFILE
from envs.signals.workload.requests import phases_of_power


def with_serving(path: Floats, scenario: Scenario) -> Floats:
    """Paths ``(S, R, G)`` from rest to full use, of which those of serving racks go as requests do (WORKLOAD 6b).

    What a path reaches is the rack's power over idle, relative to its thirstiest slot at full work.
    """
    reach, rack = np.linspace(0.0, 1.0, path.shape[-1]), 0
    for group in scenario.racks.values():
        if group.workload in SERVICE_PROFILE:
            served = phases_of_power(IDLE_POWER_FRAC + (1.0 - IDLE_POWER_FRAC) * reach, group.workload)
            path[:, rack : rack + group.count] = np.stack(served)[:, None]
        rack += group.count
    return path


class WorkByPower(NamedTuple):
    """Paths of work, and what is drawn along them.

    Attributes
    ----------
    activity : array (S, R, G)
        Work of every slot along the path of its rack [share of the rated accelerators].
    power_kw : array (M, G)
        What each meter reads along it, ascending [kW].
    meter_of : array of int (R,)
        The meter before each rack.
    """

    activity: Floats
    power_kw: Floats
    meter_of: NDArray[np.intp]

    def load(self, read_kw: Floats, dtype: DTypeLike) -> Load:
        """Load that draws ``read_kw (M, B)``, as far as the path reaches; nothing waits."""
        slots, racks, _ = self.activity.shape
        activity = np.empty((slots, racks, read_kw.shape[1]), dtype)
        for r, meter in enumerate(self.meter_of):
            for s in range(slots):
                activity[s, r] = np.interp(read_kw[meter], self.power_kw[meter], self.activity[s, r])
        zero = np.zeros(read_kw.shape[1], dtype)
        alone: NDArray[np.integer] = np.ascontiguousarray(
            np.broadcast_to(np.arange(racks)[:, None], (racks, read_kw.shape[1]))
        )
        return Load(activity, alone, zero, zero, zero)
