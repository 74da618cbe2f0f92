"""One episode of each environment: what was drawn at its start, and what adds up until its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.episodes.plan import EpisodePlan
from envs.episodes.world import World
from envs.physics.namespace import Floats
from envs.plant.flows import COOLING_POWER, ELECTRICAL_LOSSES, WATER, WORK, Flows
from envs.scenario import Scenario


def draw_plan(
    scenario: Scenario, world: World, rngs: Sequence[np.random.Generator], episode: NDArray[np.int64]
) -> EpisodePlan:
    """Draw one episode per generator: site, day of the year (uniform), workload week, start values."""
    low, high = scenario.episode.start_day_low, scenario.episode.start_day_high
    rows = []
    for rng in rngs:
        site = int(rng.integers(world.n_sites))
        day = int(rng.integers(low, high))
        step_of_day = int(rng.integers(world.steps_per_day)) if scenario.episode.random_hour else 0
        load, load_start = world.draw_load(rng, day, step_of_day)
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
    """Sums of the running episodes in float64, ``{name: (B,)}``: energies, water, work, violations, cost terms.

    ``inlet_degree_minutes`` adds up each step's worst rack: a figure to watch while training. What is judged is the
    rack with the largest sum (``envs.interface.constraints``), which is never more.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._names: tuple[str, ...] = ()
        self._sums = np.zeros((0, n))  # a row for each name
        self._peaks: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, NDArray[np.float64]] = {}

    def clear(self, where: NDArray[np.intp]) -> None:
        """Start at zero in the environments ``where``."""
        self._sums[:, where] = 0.0
        for value in (*self._peaks.values(), *self._counts.values()):
            value[where] = 0.0

    def add(self, rows: Floats, flows: Flows, cost: Mapping[str, Floats], reward: Floats) -> None:
        """Add one step: the rows of `sum_rows`, what is charged at an episode's end, and the reward."""
        if not self._names:
            self._names = sum_names(cost)
            self._sums = np.zeros((len(self._names), self.n))
        self._sums[: len(rows)] += rows
        self._sums[-2] += cost["closing"]
        self._sums[-1] += reward
        self._peak("peak_grid_kw", flows.grid_power_kw)
        self._peak("worst_inlet_c", flows.worst_inlet_c)
        self._peak("energy_residual_frac", np.abs(flows.energy_residual_kw) / np.maximum(flows.facility_power_kw, 1.0))

    def count(self, steps: Mapping[str, NDArray[np.bool_]]) -> None:
        """Count a step by what not every core has, such as a shield that acted ``{name: (B,)}``."""
        for name, where in steps.items():
            self._counts[name] = self._counts.get(name, np.zeros(self.n)) + where

    def _peak(self, name: str, value: Floats) -> None:
        if name not in self._peaks:
            self._peaks[name] = np.zeros(self.n)
        np.maximum(self._peaks[name], value, out=self._peaks[name])

    def by_name(self, length: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Copies of the sums, with the episode length as ``l``."""
        out = dict(zip(self._names, self._sums.copy())) | {name: peak.copy() for name, peak in self._peaks.items()}
        out |= {name: value.copy() for name, value in self._counts.items()}
        out["l"] = length.astype(np.float64)
        return out


def sum_rows(flows: Flows, cost: Mapping[str, Floats], step_s: float, carbon_g_kwh: Floats) -> list[Floats]:
    """What a step adds to an episode's sums, each ``(B,)``, in the order of `sum_names`.

    What is charged at the episode's end and the reward, the last two names, are not among them.
    """
    step_h = step_s / 3600.0
    return [
        *(getattr(flows, name) * step_h for name in POWER_FLOWS),
        *(getattr(flows, name) for name in SUMMED_FLOWS),
        *(getattr(flows, name).sum(axis=0) for name in WORK),
        flows.grid_power_kw * carbon_g_kwh * (step_h * 1e-3),
        flows.inlet_excess_degree_minutes.max(axis=0),
        *cost.values(),
    ]


def sum_names(cost: Mapping[str, Floats]) -> tuple[str, ...]:
    """Names of all sums: the rows of `sum_rows`, what is charged at an episode's end, the reward."""
    powers = (name.replace("_kw", "_kwh") for name in POWER_FLOWS)
    work = (f"{name}_h" for name in WORK)
    costs = (f"cost_{name}_usd" for name in cost)
    return (*powers, *SUMMED_FLOWS, *work, "carbon_kg", "inlet_degree_minutes", *costs, "r")


POWER_FLOWS = (
    "facility_power_kw",
    "grid_power_kw",
    "it_power_kw",
    "server_fan_power_kw",
    "accelerator_power_kw",
    *COOLING_POWER,
    "lighting_power_kw",
    *ELECTRICAL_LOSSES,
    "cooling_power_kw",
)
SUMMED_FLOWS = (
    *WATER,
    "trips",
    "limit_excess_kwh",
    "capper_active_s",
    "tcs_excess_degree_minutes",
)
