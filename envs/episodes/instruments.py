"""From the plant's Flows to the block of measured points, through the sensor layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.episodes.bill import BillState, steps_per_window, window_mean_kw
from envs.episodes.plan import EpisodePlan
from envs.interface.observation import ObservationEncoder
from envs.interface.points import RULE
from envs.interface.sensors import SensorBank, SensorState, drawn_noise, noise_key
from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.plant.machines import reported
from envs.plant.plant_like import PlantLike
from envs.plant.state import PlantState
from envs.scenario import Scenario
from envs.scheduling.queue_view import SEEN
from envs.signals.step import Outside


class Moment(NamedTuple):
    """A plant and what surrounds it at the end of a control step: what there is to read."""

    flows: Flows
    state: PlantState
    in_force: Mapping[str, Floats]
    outside: Outside


class SensorErrors(NamedTuple):
    """What an episode's sensors do wrong; entries are None where the model needs none."""

    key: NDArray[np.uint64]
    """Key of the noise ``(B,)``, see `envs.interface.sensors.noise_key`."""
    bias: Floats | None
    """``(N, B)``, as in `envs.interface.sensors.SensorState`."""
    drift_per_step: Floats | None


class SensorMemory(NamedTuple):
    """What the sensors carry from step to step."""

    past: Floats | None
    """As in `envs.interface.sensors.SensorState`."""
    readings: Floats
    """Every point in table order after the sensor layer ``(rows, B)``."""


class Instruments:
    """Reads every point of the table once per control step.

    Attributes
    ----------
    rows : int
        Rows of the sensor bank.
    """

    def __init__(self, scenario: Scenario, plant: PlantLike, observer: ObservationEncoder) -> None:
        self.plant, self.layout = plant, plant.layout
        self.dtype = plant.dtype
        self.observer = observer
        self.rated_it_kw = self.layout.rated_it_kw
        self.row_scale = (1.0 / self.layout.row_rated_kw).astype(self.dtype)
        self.training_units = max(float((self.layout.work.units * self.layout.work.training).sum()), 1.0)
        self.batch_units = max(float(self.layout.work.batch_units), 1.0)
        sensed = {p.name: (p.sensor, p.rows) for p in observer.points if p.sensor != "exact"}
        self.bank = SensorBank(scenario.sensors, sensed, scenario.episode.step_s, self.dtype)
        self.rows = self.bank.size
        self.true_names = [name for name in observer.slices if not name.startswith(RULE)]
        self.rule_names = [name for name in observer.slices if name.startswith(RULE)]
        self.ruled_rows = sum(p.rows for p in observer.points if p.name in self.rule_names)  # the last
        self.sensed_rows = np.concatenate([np.arange(observer.rows)[observer.slices[name]] for name in sensed])
        self._seen_rows = np.arange(observer.rows)
        self._seen_rows[observer.rows - self.ruled_rows :] += self.rows
        self._seen_rows[self.sensed_rows] = observer.rows - self.ruled_rows + np.arange(self.rows)
        self.steps_per_window = steps_per_window(scenario.episode.step_s)

    def begun(
        self, points: Floats, plan: EpisodePlan, stuck: Floats | None = None, offset: Floats | None = None
    ) -> tuple[SensorErrors, SensorMemory]:
        """Errors of episodes that begin, and what is remembered of their first readings; arguments as in `read`.

        Rows of what the building's rule would set are left at zero.
        """
        key = noise_key(plan.noise_seed, plan.episode)
        true = points[self.sensed_rows]
        drawn = self.bank.initial(true, plan.noise_seed, plan.episode)
        errors = SensorErrors(key, drawn.bias, drawn.drift_per_step)
        memory = SensorMemory(drawn.past, np.concatenate([points, np.zeros_like(points[: self.ruled_rows])]))
        return errors, self.read(errors, memory, points, np.zeros(len(key), np.int64), stuck, offset)

    def read(
        self,
        errors: SensorErrors,
        memory: SensorMemory,
        points: Floats,
        t: NDArray[np.int64],
        stuck: Floats | None = None,
        offset: Floats | None = None,
    ) -> SensorMemory:
        """Read every point once, at the end of a control step: a pure array function.

        Parameters
        ----------
        errors, memory : SensorErrors, SensorMemory
            Of the episode, and of the step before.
        points : array
            True ones ``(rows, B)``, of `true_points`.
        t : array of int (B,)
            Control steps since the episode began.
        stuck, offset : array (N, B), optional
            Of sensors that hang or drift, as in `envs.faults.Availability`.
        """
        bank = self.bank
        noise = drawn_noise(errors.key, t, bank.size, self.dtype) if bank.noisy else None
        state = SensorState(errors.bias, errors.drift_per_step, memory.past, memory.readings[self.sensed_rows])
        state, seen = bank.read(state, points[self.sensed_rows], noise, t, stuck, offset)
        kept = memory.readings[len(points) :]
        return SensorMemory(state.past, np.concatenate([points, seen, kept])[self._seen_rows])

    def ruled(self, readings: Floats, wanted: Mapping[str, Floats]) -> Floats:
        """Readings with what the building's rule would set, ``{channel: (k, B)}``, filled in."""
        if not self.rule_names:
            return readings
        set_by_rule = [wanted[name.removeprefix(RULE)] for name in self.rule_names]
        return np.concatenate([readings[: len(readings) - self.ruled_rows], *set_by_rule])

    def true_points(self, moment: Moment, bill: BillState) -> Floats:
        """Block ``(rows, B)`` of points in table order, as perfect sensors would show them, without those of a rule."""
        flows, state, in_force, outside = moment
        values = self.plant_points(flows, state, in_force, outside) | self._pending_values(flows, bill)
        rows = (values[name].astype(self.dtype) for name in self.true_names)
        return np.concatenate([x if x.ndim == 2 else x[None] for x in rows], axis=0)

    def plant_points(
        self, flows: Flows, state: PlantState, in_force: Mapping[str, Floats], outside: Outside
    ) -> dict[str, Floats]:
        """Give what perfect sensors would show of plant, weather and setpoints; what is owed is left out."""
        return self._true_values(flows, in_force, outside) | reported(self.plant, state)

    def _true_values(self, flows: Flows, in_force: Mapping[str, Floats], outside: Outside) -> dict[str, Floats]:
        """Give what the plant did, what the world does, and what is in force."""
        share = 1.0 / self.rated_it_kw
        values: dict[str, Floats] = {name: getattr(flows, name) for name in _DIRECT}
        values |= {name: getattr(outside, name) for name in _OUTSIDE}
        values["site_elevation_m"] = outside.elevation_m
        values |= {f"in_force.{name}": value for name, value in in_force.items()}
        values["it_power_share"] = flows.it_power_kw * share
        values["facility_power_share"] = flows.facility_power_kw * share
        values["row_power_share"] = flows.row_power_kw * self.row_scale
        values["row_demand_share"] = flows.row_demand_kw * self.row_scale
        values["feeder_load_frac"] = flows.ups_power_kw * (1.0 / self.layout.feeder_limit_kw)
        return values

    def _pending_values(self, flows: Flows, bill: BillState) -> dict[str, Floats]:
        """Give what is owed: the bill's peak and window, work that waits."""
        share, backlog = 1.0 / self.rated_it_kw, flows.backlog
        values: dict[str, Floats] = {"billing_peak_share": bill.peak_kw * share}
        values["demand_window_share"] = window_mean_kw(bill) * share
        values["demand_window_elapsed_frac"] = bill.window_steps * (1.0 / self.steps_per_window)
        values["backlog_training_h"] = (backlog[0] + backlog[1]) * (1.0 / self.training_units)
        values["backlog_batch_h"] = backlog[4] * (1.0 / self.batch_units)
        values |= dict.fromkeys(SEEN, flows.it_power_kw * 0.0)  # `HallJobs` fills them in behind the step
        return values


_DIRECT = (
    "rack_inlet_c", "zone_inlet_max_c", "zone_supply_c", "zone_return_c", "zone_fan_speed_frac",
    "zone_air_supply_frac", "zone_aisle_pressure_pa", "coil_valve_frac", "room_dew_point_c", "chw_supply_c",
    "chw_return_c", "chiller_plr_frac", "chillers_running", "cw_supply_c", "tower_fan_speed_frac", "fws_supply_c",
    "dry_cooler_fan_speed_frac", "tcs_supply_c", "tcs_return_c", "cdu_valve_frac", "chip_max_c",
    "breaker_memory_frac", "capper_engaged", "rack_down_frac", "restart_frac",
)  # fmt: skip
_OUTSIDE = (
    "dry_bulb_c", "wet_bulb_c", "price_usd_mwh", "carbon_g_kwh", "dr_active", "dr_reduction_frac",
    "dr_announced_frac", "dr_starts_in_h", "dr_ends_in_h", "hour_sin", "hour_cos", "week_sin", "week_cos",
    "forecast_wet_bulb_1h_c", "forecast_wet_bulb_4h_c", "forecast_price_4h_usd_mwh",
)  # fmt: skip
