"""Telemetry of our own plant with hidden parameters: the truth is known, so a calibration can be held to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan
from envs.episodes.world import START_WEEKDAY, World
from envs.interface.sensors import SensorModel
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import FreeParameter
from envs.twin.telemetry.excitation import Excitation
from envs.twin.telemetry.point_map import point_map_text
from envs.twin.telemetry.quantities import QUANTITIES, constant_error, noise_sd, quantities_of
from envs.twin.telemetry.recorder import record_telemetry, true_value_reader
from envs.twin.telemetry.telemetry import Telemetry, stacked_columns, timespan
from envs.whole_file import whole_file, write_whole

NOT_LOGGED = ("row_power_kw", "it_power_kw", "pdu_loss_kw", "outside_rh_frac", "cooling_power_kw")
LONGEST_GAP_ROWS = 6  # of a lost stretch, besides single lost readings


def hidden_values(free: Sequence[FreeParameter], n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw ``n`` halls from the priors; paths of a scenario to ``(n,)``."""
    u = np.clip(rng.standard_normal((len(free), n)), -2.5, 2.5)
    return {p.path: p.value(u[k]) for k, p in enumerate(free) if not p.is_input}


def simulated_truth(scenario: Scenario, steps: int, plan: EpisodePlan, world: World, seed: int = 0) -> Telemetry:
    """What the plant truly did under rules and random steps.

    Parameters
    ----------
    scenario : Scenario
        Parameters may be arrays ``(B,)``.
    steps : int
        Control steps T.
    plan : EpisodePlan
        Site, day and load of each of the B halls.
    world : World
        Signals.
    seed : int
        Of the setpoints' steps.

    Returns
    -------
    Telemetry
        True values of all quantities that the hall has, but for those that follow from others.
    """
    quiet = replace(scenario, episode=replace(scenario.episode, steps=steps))
    core = DataCenterCore(quiet, len(plan.site), dtype="float64", world=world)
    core.reset(plan=plan)
    controller = Excitation(core.rules, core.channels, core.step_s, seed)
    controller.reset(core.num_envs)
    names = [n for n in quantities_of(core.plant.layout, scenario) if n not in NOT_LOGGED]
    return record_telemetry(core, controller, steps, true_value_reader(core, names))


def synthetic_telemetry(
    truth: Telemetry, hall: int, sensors: SensorModel, seed: int, gaps_frac: float = 0.05
) -> Telemetry:
    """What a building would log of one hall: noise and constant errors of every sensor, and gaps.

    Parameters
    ----------
    truth : Telemetry
        From `simulated_truth`.
    hall : int
        Which environment.
    sensors : SensorModel
        How good the sensors are; setpoints and modes are read as they are.
    seed : int
        Of noise and gaps.
    gaps_frac : float
        Share of readings lost, half of them in stretches.
    """
    rng = np.random.default_rng([seed, hall])
    values = {}
    for name, true in truth.hall(hall).series().items():
        q, x = QUANTITIES[name], true.astype(np.float64)
        read = x.copy()
        if q.role not in ("setpoint", "mode"):
            offset, gain = constant_error(q, sensors)
            constant = rng.standard_normal((1, x.shape[1]))
            relative = np.abs(x) * sensors.power_noise_frac if q.kind == "power" else noise_sd(q, sensors, x)
            read = x * (1.0 + gain * constant) + offset * constant + relative * rng.standard_normal(x.shape)
            read = np.clip(read, 0.0, 1.0) if q.kind == "fraction" else read
        values[name] = _with_gaps(read, gaps_frac, rng)
    return Telemetry.of_hall(values, truth.step_s, truth.start_utc[hall])


def write(telemetry: Telemetry, folder: Path) -> tuple[Path, Path]:
    """Write one hall's ``telemetry.csv`` as a building system would log it, and its point map ``points.yaml``.

    Rows in which nothing was logged are left out.
    """
    import pandas as pd

    series = telemetry.series()
    stamps = telemetry.start_utc[0] + timespan(np.arange(telemetry.rows) * telemetry.step_s)
    columns: dict[str, Any] = {"time": [f"{stamp}Z" for stamp in stamps]}
    for name, values in series.items():
        columns |= {f"{name}[{k}]": values[:, k] for k in range(values.shape[1])}
    table, points = folder / "telemetry.csv", folder / "points.yaml"
    logged = np.isfinite(stacked_columns(series, list(series))).any(axis=1)
    with whole_file(table) as draft:
        pd.DataFrame(columns)[logged].to_csv(draft, index=False, float_format="%.6g")
    write_whole(points, point_map_text({n: v.shape[1] for n, v in series.items()}))
    return table, points


def _with_gaps(values: Floats, share: float, rng: np.random.Generator) -> Floats:
    """Readings lost one by one and in stretches, each about half of ``share``."""
    lost = rng.random(values.shape) < 0.5 * share
    begin = rng.random(values.shape) < share / (LONGEST_GAP_ROWS + 1.0)
    for row, column in np.argwhere(begin):
        lost[row : row + int(rng.integers(1, LONGEST_GAP_ROWS + 1)), column] = True
    return np.where(lost, np.nan, values)


def plan_of(world: World, days: Sequence[int], seed: int) -> EpisodePlan:
    """Episodes that begin at midnight of the given days of the year, sites and load pools in turn."""
    rng = np.random.default_rng([seed, START_WEEKDAY])
    n = len(days)
    start = np.array([int(d) * world.steps_per_day for d in days])
    load = [int(rng.integers(world.n_loads)) for _ in days]
    load_start = [world.draw_load_start(rng, int(d), 0) for d in days]
    one, zero = np.ones(n), np.zeros(n, np.int64)
    return EpisodePlan(
        np.arange(n) % world.n_sites, start, np.array(load), np.array(load_start), zero + seed, zero, 0.9 * one,
        0.5 * one, 0.0 * one,
    )  # fmt: skip
