"""The measured series that developers are handed, found through ``COLDAISLE_DATA``; never shipped."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from envs.physics.namespace import Floats
from envs.signals.weather.climates import ClimateSite
from envs.signals.weather.weather import Weather, load_weather
from experiments.published.row import NotRun

COMPUTE_BOUND = 0.85  # uncapped draw over the highest limit, PHYSICS b2
RHO = np.array([0.9, 0.8, 0.7, 0.6, 0.5])


def handed_file(folder: str, name: str) -> Path:
    """Path of a handed file.

    Raises
    ------
    NotRun
        Where the variable is unset or the file is not there.
    """
    root = os.environ.get("COLDAISLE_DATA")
    if not root:
        raise NotRun("COLDAISLE_DATA is not set: measured series are not shipped (SOURCES.md names their origins)")
    path = Path(root) / folder / name
    if not path.is_file():
        raise NotRun(f"COLDAISLE_DATA has no {folder}/{name}")
    return path


def rows(folder: str, name: str) -> list[dict[str, str]]:
    """Rows of a handed CSV file."""
    with handed_file(folder, name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def weather_year(name: str) -> Weather:
    """A measured year: TMY3 rows end their hour, those of 2023 begin it."""
    row = {r["site"]: r for r in rows("weather", "site_stats.csv")}[name]
    site = ClimateSite(name, row["name"], float(row["lat"]), float(row["lon"]), float(row["elev_m"]), 0.0)
    path = handed_file("weather", f"{name}.csv.gz")
    return load_weather(path, site=site, first_hour=1.0 if name.endswith("tmy3") else 0.0)


def zeus_throughput(gpu: str) -> Floats:
    """Mean throughput of the compute-bound configurations of one GPU at `RHO` (5,), nan below its lowest limit."""
    runs: dict[tuple[str, ...], list[tuple[float, float, float]]] = defaultdict(list)
    for row in rows("gpu", f"zeus_summary_power_{gpu}.csv"):
        key = tuple(row[k] for k in ("dataset", "network", "batch_size", "optimizer"))
        runs[key].append((float(row["power_limit"]), float(row["average_power"]), float(row["time_per_epoch"])))
    top = max(limit for run in runs.values() for limit, _, _ in run)
    kept = []
    for run in runs.values():
        limit, power, time = np.array(sorted(run)).T
        if limit[-1] == top and power[-1] > COMPUTE_BOUND * top:
            kept.append(np.interp(RHO[::-1], power / power[-1], time[-1] / time, left=np.nan)[::-1])
    return np.asarray(np.nanmean(np.array(kept), axis=0))


def emerald_throughput(prefix: str, rho: Floats) -> Floats:
    """Mean throughput of the LLM jobs whose name begins with ``prefix``, at ``rho`` = power over uncapped draw."""
    runs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows("gpu", "emerald_a100_cap_sweep.csv"):
        if row["Workload"].startswith(prefix):
            runs[row["Workload"]].append((float(row["power per GPU"]), float(row["normalized throughput"])))
    kept = []
    for run in runs.values():
        power, done = np.array(sorted(run)).T
        kept.append(np.interp(rho, power / power[-1], done))
    return np.asarray(np.mean(kept, axis=0))


def acme_quantile(series: str, share: float) -> float:
    """Value [W] below which ``share`` of Acme's samples lie; ``series`` such as ``gpu_power_kalos_0``."""
    table = rows("gpu", "acme_cdfs.csv")
    pairs = [(float(r[f"{series}_cdf"]), float(r[f"{series}_x"])) for r in table if r[f"{series}_x"]]
    cdf, value = np.array(pairs).T
    return float(np.interp(100.0 * share, cdf, value))
