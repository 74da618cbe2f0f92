"""What a hall has measured up to now: named points through the sensor layer, and the meters a forecast needs besides.

Axis 0 is time (control steps, the last row is now), then the rows of the point, then the environments. Nothing here
knows the true state of a plant or its future.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.sensors import SensorBank, SensorState

if TYPE_CHECKING:
    from envs.core import DataCenterCore

Array = NDArray[Any]

INLET, COOLING, RACK_POWER = "rack_inlet_c", "cooling_power_kw", "rack_power_kw"
METER_STREAM = 1_000_003  # added to the noise seed, so that meters and sensors do not share their errors
PLANT_POINTS = (
    INLET, "zone_inlet_max_c", "zone_supply_c", "zone_fan_speed_frac", "coil_valve_frac", "room_dew_point_c",
    "chw_supply_c", "chiller_plr_frac", "chillers_running", "chiller_hold_frac", "economizer_on",
    "economizer_hold_frac", "cw_supply_c", "tower_cells_running", "tower_hold_frac", "fws_supply_c",
    "dry_cooler_pad_on", "tcs_supply_c", "row_demand_share", "battery_soc_frac", "dry_bulb_c", "wet_bulb_c",
    "hour_sin", "hour_cos",
)  # fmt: skip


class History(NamedTuple):
    """Measured points of B halls (or of B moments of one hall).

    Attributes
    ----------
    points : mapping
        Name to ``(T, k, B)`` in the units of the table of points. Row t holds what was read after control step t;
        ``dry_bulb_c``, ``wet_bulb_c`` and the clock are those of the step that follows, ``in_force.*`` those of the
        step that has passed.
    step_s : float
        Control step [s].
    now : array of int (B,)
        Row number of the last row since the telemetry began: the clock that tells old errors from new ones.
    """

    points: Mapping[str, Array]
    step_s: float
    now: Array

    @property
    def steps(self) -> int:
        """Rows in time."""
        return int(self.points[INLET].shape[0])

    @property
    def batch(self) -> int:
        """Environments."""
        return int(self.points[INLET].shape[-1])

    def part(self, first: int, last: int) -> History:
        """Rows ``first`` to ``last`` (exclusive) as views."""
        cut = {name: values[first:last] for name, values in self.points.items()}
        return self._replace(points=cut, now=self.now - (self.steps - last))

    def hall(self, index: int) -> History:
        """One environment as a batch of one, a view."""
        own = {name: values[:, :, index : index + 1] for name, values in self.points.items()}
        return self._replace(points=own, now=self.now[index : index + 1])

    def repeated(self, copies: int) -> History:
        """One environment side by side with itself, as views: for candidates that a planner compares."""
        if self.batch != 1:
            raise ValueError(f"a history of {self.batch} environments cannot be repeated; take one with hall(index)")
        points = {n: np.broadcast_to(v, (*v.shape[:2], copies)) for n, v in self.points.items()}
        return self._replace(points=points, now=np.repeat(self.now, copies))

    def copied(self) -> History:
        """The same rows in memory of their own."""
        return self._replace(points={name: values.copy() for name, values in self.points.items()})


def windows(history: History, first_end: int, stride: int, count: int, before: int, after: int = 0) -> History:
    """Moments of one hall side by side: ``count`` histories that end at rows ``first_end + i stride``, as views.

    Parameters
    ----------
    history : History
        Of one hall (a batch of one).
    first_end, stride, count : int
        Rows that are the present of each window.
    before, after : int
        Rows of each window up to its present (inclusive), and after it (what came, for fitting and scoring).

    Returns
    -------
    History
        ``(before + after, k, count)``.
    """
    start, last = first_end - before + 1, first_end + (count - 1) * stride + after
    if history.batch != 1 or start < 0 or last >= history.steps or count < 1:
        raise ValueError(
            f"windows ending at {first_end} + i {stride}, i < {count}, with {before} rows before and {after} after do "
            f"not fit a history of {history.steps} rows and {history.batch} halls; give one hall and a longer history"
        )

    def view(values: Array) -> Array:
        column = values[start:, :, 0]
        shape = (before + after, column.shape[1], count)
        strides = (column.strides[0], column.strides[1], column.strides[0] * stride)
        return np.lib.stride_tricks.as_strided(column, shape, strides, writeable=False)

    now = history.now[0] - (history.steps - 1) + first_end + after + stride * np.arange(count)
    return history._replace(points={name: view(values) for name, values in history.points.items()}, now=now)


class Recorder:
    """Reads a core once per step: its points, and meters of cooling power and of every rack (same sensor layer).

    Parameters
    ----------
    core : DataCenterCore
        After ``reset``.
    steps : int
        Rows to make room for.
    points : sequence of str, optional
        Which points to keep; those that the hall lacks are left out.
    """

    def __init__(self, core: DataCenterCore, steps: int, points: Sequence[str] = PLANT_POINTS) -> None:
        racks = core.plant.layout.n_racks
        meters = {COOLING: ("power", 1), RACK_POWER: ("power", racks)}
        self.core = core
        self.bank = SensorBank(core.scenario.sensors, meters, core.step_s, core.dtype)
        self.state: SensorState | None = None
        have = core.measurements()
        kept = [n for n in have if n in points or n.startswith("in_force.")]
        shapes = {n: have[n].shape[0] for n in kept} | {n: rows for n, (_, rows) in meters.items()}
        self.points = {n: np.empty((steps, rows, core.num_envs), core.dtype) for n, rows in shapes.items()}
        self.row = 0

    def read(self) -> None:
        """Append what the core shows now."""
        core, plan = self.core, self.core.plan
        true = self.bank.stack({name: getattr(core.flows, name) for name in self.bank.rows})
        seed = plan.noise_seed + METER_STREAM
        if self.state is None:
            self.state = self.bank.initial(true, seed, plan.episode)
        self.state, seen = self.bank.measure(self.state, true, seed, plan.episode, core.t)
        metered = self.bank.split(seen)
        measured = core.measurements()
        for name, rows in self.points.items():
            rows[self.row] = metered[name] if name in metered else measured[name]
        self.row += 1

    def history(self) -> History:
        """What was read so far, as views."""
        read = {name: rows[: self.row] for name, rows in self.points.items()}
        return History(read, self.core.step_s, np.full(self.core.num_envs, self.row - 1))
