"""One episode of each environment: what was drawn at its start, and what adds up until its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.episodes.plan import EpisodePlan
from envs.episodes.world import World
from envs.interface.reward import TERM_NAMES
from envs.physics.namespace import Floats
from envs.plant.flows import COOLING_POWER, ELECTRICAL_LOSSES, WATER, WORK, Flows
from envs.scenario import Scenario


def draw_plan(
    scenario: Scenario, world: World, rngs: Iterable[np.random.Generator], episode: NDArray[np.int64]
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


class EpisodeSums(NamedTuple):
    """Sums of the running episodes in float64: energies, water, work, violations, cost terms.

    ``inlet_degree_minutes`` adds up each step's worst rack: a figure to watch while training. What is judged is the
    rack with the largest sum (``envs.interface.constraints``), which is never more.
    """

    sums: NDArray[np.float64]
    """A row for each of `SUM_NAMES` ``(N, B)``."""
    peaks: NDArray[np.float64]
    """A row for each of `PEAK_NAMES` ``(P, B)``."""

    @classmethod
    def begun(cls, n: int) -> EpisodeSums:
        """Nothing has been added in any of ``n`` environments."""
        return cls(np.zeros((len(SUM_NAMES), n)), np.zeros((len(PEAK_NAMES), n)))

    def with_step(self, rows: Floats, closing: Floats, reward: Floats, flows: Flows) -> EpisodeSums:
        """With one step more: the rows of `sum_rows`, what is charged at an episode's end, the reward, and peaks."""
        residual = np.abs(flows.energy_residual_kw) / np.maximum(flows.facility_power_kw, 1.0)
        peaks = np.stack([flows.grid_power_kw, flows.worst_inlet_c, residual])
        added = np.concatenate([rows, closing[None], reward[None]])
        return EpisodeSums(self.sums + added, np.maximum(self.peaks, peaks))

    def by_name(self, length: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Copies of the sums, with the episode length as ``l``."""
        out = dict(zip(SUM_NAMES, self.sums.copy())) | dict(zip(PEAK_NAMES, self.peaks.copy()))
        out["l"] = length.astype(np.float64)
        return out


def sum_rows(flows: Flows, cost: Mapping[str, Floats], step_s: float, carbon_g_kwh: Floats) -> list[Floats]:
    """What a step adds to an episode's sums, each ``(B,)``, in the order of `SUM_NAMES`.

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
    "overload_kwh",
    "capper_active_s",
    "tcs_excess_degree_minutes",
)
#: Names of all sums: the rows of `sum_rows`, what is charged at an episode's end, the reward.
SUM_NAMES = (
    *(name.replace("_kw", "_kwh") for name in POWER_FLOWS),
    *SUMMED_FLOWS,
    *(f"{name}_h" for name in WORK),
    "carbon_kg",
    "inlet_degree_minutes",
    *(f"cost_{name}_usd" for name in TERM_NAMES),
    "r",
)
#: Names of what is the highest of an episode's steps.
PEAK_NAMES = ("peak_grid_kw", "worst_inlet_c", "energy_residual_frac")
