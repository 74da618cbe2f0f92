"""One episode of each environment: what was drawn at its start, and what adds up until its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Scenario
from envs.world import World

Array = NDArray[np.floating]


class EpisodePlan(NamedTuple):
    """What distinguishes an episode; every array ``(B,)``. The same plan for two policies is a paired comparison.

    Attributes
    ----------
    site, site_start : ndarray of int
        Row of the world's sites, and first step in its year (local standard time).
    load, load_start : ndarray of int
        Row of the world's workload pools, and first step in it (same weekday and hour as the site's clock).
    noise_seed, episode : ndarray of int
        Stream of the sensor noise.
    billing_frac : ndarray
        Billing peak at the start as a share of the expected peak (PHYSICS F7: .80-.95).
    soc : ndarray
        Battery's state of charge at the start.
    warmth_k : ndarray
        How far the loops start from their setpoints [K].
    """

    site: NDArray[np.int64]
    site_start: NDArray[np.int64]
    load: NDArray[np.int64]
    load_start: NDArray[np.int64]
    noise_seed: NDArray[np.int64]
    episode: NDArray[np.int64]
    billing_frac: NDArray[np.float64]
    soc: NDArray[np.float64]
    warmth_k: NDArray[np.float64]


def draw_plan(
    scenario: Scenario, world: World, rngs: Sequence[np.random.Generator], episode: NDArray[np.int64]
) -> EpisodePlan:
    """Draw one episode per generator: site, day of the year (stratified by nothing: uniform), workload week, start values."""
    low, high = scenario.episode.start_day_low, scenario.episode.start_day_high
    rows = []
    for rng in rngs:
        site = int(rng.integers(world.n_sites))
        day = int(rng.integers(low, high))
        step_of_day = int(rng.integers(world.steps_per_day)) if scenario.episode.random_hour else 0
        load, load_start = world.draw_load(rng, site, day, step_of_day)
        rows.append(
            (
                site,
                day * world.steps_per_day + step_of_day,
                load,
                load_start,
                int(rng.integers(2**31)),
                float(rng.uniform(0.80, 0.95)),
                float(rng.uniform(0.3, 0.7)),
                float(rng.uniform(-1.0, 1.0)),
            )
        )
    site_, start, load_, load_start_, noise, bill, soc, warmth = (np.array(column) for column in zip(*rows))
    return EpisodePlan(site_, start, load_, load_start_, noise, episode.copy(), bill, soc, warmth)


class EpisodeSums:
    """Sums of the running episodes in float64, ``{name: (B,)}``: energies, water, work, violations, cost terms."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.values: dict[str, NDArray[np.float64]] = {}

    def clear(self, where: NDArray[np.intp]) -> None:
        """Start at zero in the environments ``where``."""
        for value in self.values.values():
            value[where] = 0.0

    def add(self, flows: Any, cost: Mapping[str, Array], reward: Array, step_s: float, carbon_g_kwh: Array) -> None:
        """Add one step."""
        step_h = step_s / 3600.0
        self._sum("r", reward)
        for name, value in cost.items():
            self._sum(f"cost_{name}_usd", value)
        for name in POWER_FLOWS:
            self._sum(name.replace("_kw", "_kwh"), getattr(flows, name) * step_h)
        for name in SUMMED_FLOWS:
            self._sum(name, getattr(flows, name))
        for name in ("work_demanded", "work_done", "work_lost"):
            self._sum(f"{name}_h", getattr(flows, name).sum(axis=0))
        self._sum("carbon_kg", flows.grid_power_kw * carbon_g_kwh * (step_h * 1e-3))
        degree_minutes = flows.inlet_excess_degree_minutes
        self._sum("inlet_degree_minutes", degree_minutes.max(axis=0))
        self._peak("peak_grid_kw", flows.grid_power_kw)
        self._peak("worst_inlet_c", flows.worst_inlet_c)
        self._peak("energy_residual_frac", np.abs(flows.energy_residual_kw) / np.maximum(flows.facility_power_kw, 1.0))

    def _sum(self, name: str, value: Array) -> None:
        if name not in self.values:
            self.values[name] = np.zeros(self.n)
        self.values[name] += value

    def _peak(self, name: str, value: Array) -> None:
        if name not in self.values:
            self.values[name] = np.zeros(self.n)
        np.maximum(self.values[name], value, out=self.values[name])

    def named(self, length: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Copies of the sums, with the episode length as ``l``."""
        out = {name: value.copy() for name, value in self.values.items()}
        out["l"] = length.astype(np.float64)
        return out


POWER_FLOWS = (
    "facility_power_kw",
    "grid_power_kw",
    "it_power_kw",
    "server_fan_power_kw",
    "accelerator_power_kw",
    "crah_fan_power_kw",
    "chiller_power_kw",
    "dx_power_kw",
    "chw_pump_power_kw",
    "cw_pump_power_kw",
    "tower_fan_power_kw",
    "dry_cooler_fan_power_kw",
    "fws_pump_power_kw",
    "tcs_pump_power_kw",
    "humidifier_power_kw",
    "lighting_power_kw",
    "pdu_loss_kw",
    "ups_loss_kw",
    "transformer_loss_kw",
    "cooling_power_kw",
)
SUMMED_FLOWS = (
    "makeup_kg",
    "evaporation_kg",
    "blowdown_kg",
    "drift_kg",
    "trips",
    "limit_excess_kwh",
    "capper_active_s",
    "tcs_excess_degree_minutes",
)
