"""Rows that hold the power of our generated load against measured fleets (M3 to M6)."""

from __future__ import annotations

from functools import cache

import numpy as np

from envs.equipment.rack_archetypes import HGX_AIR, NVL72
from envs.equipment.throughput import CLASSES, POWER_SHARE
from envs.physics.namespace import Floats
from envs.signals.workload.workload import Workload, default_partitions, generate_workload
from experiments.published.bench import RackBench
from experiments.published.measured_files import acme_quantile
from experiments.published.row import Check, Row, check_between, check_near

A100_TDP_W = 400.0
WEEKS, STEP_S = 8, 300
IDLE_BELOW = 0.25  # of TDP: between the idle GPUs of the traces and anything at work
BELOW_A_QUARTER = (("kalos", 0.488), ("seren", 0.535))  # share of Acme's samples below 100 W
SHARED, INTERACTIVE = slice(10, 15), slice(5, 10)  # racks of ai_hall


@cache
def load() -> Workload:
    """Eight weeks of ai_hall's load."""
    return generate_workload(default_partitions("ai_hall"), 0, WEEKS, STEP_S)


def accelerator_shares(racks: slice) -> tuple[Floats, Floats]:
    """Power of accelerators over TDP and how often each occurs: by class at work, the rest idle."""
    made = load()
    activity = made.activity[:, :, racks].astype(np.float64)
    kinds = np.broadcast_to(made.slot_class[None, :, racks], activity.shape)
    idle = HGX_AIR.accelerator_idle_frac
    draws = np.array([max(POWER_SHARE[k], idle) for k in range(len(CLASSES))])
    busy = np.array([activity[kinds == k].sum() for k in range(len(CLASSES))])
    total = float(activity.shape[0] * activity.shape[2])
    return np.append(draws, idle), np.append(busy, total - busy.sum()) / total


def accelerators_at_rest_and_at_work() -> list[Check]:
    """An idle accelerator, one at full training power, and the spread of those at work, over TDP."""
    checks = []
    idle = RackBench(HGX_AIR, "none", 0.0).settle().accelerator_power_kw[0, 0]
    full = RackBench(HGX_AIR, "pretrain").settle().accelerator_power_kw[0, 0]
    rated = HGX_AIR.accelerators * HGX_AIR.accelerator_tdp_kw
    draws, often = accelerator_shares(SHARED)
    at_work = draws > IDLE_BELOW
    mean = float((draws * often)[at_work].sum() / often[at_work].sum())
    for fleet in ("kalos", "seren"):
        series = f"gpu_power_{fleet}_0"
        rest, top = (acme_quantile(series, q) / A100_TDP_W for q in (0.25, 0.95))
        checks.append(
            check_near(f"{fleet}: idle (25th percentile)", idle / rated, round(rest, 3), "of TDP", plus_minus=0.03)
        )
        checks.append(
            check_near(f"{fleet}: at full power (95th)", full / rated, round(top, 3), "of TDP", plus_minus=0.08)
        )
    busy = [mean_above(f"gpu_power_{fleet}_0", below) / A100_TDP_W for fleet, below in BELOW_A_QUARTER]
    checks.append(
        check_between("mean of those at work", mean, round(min(busy), 2), round(max(busy), 2), "of TDP", more=0.05)
    )
    idle_time = 100.0 * float(often[~at_work].sum())
    low, high = (100.0 * below for _, below in BELOW_A_QUARTER)
    checks.append(check_between("share of time idle", idle_time, low, high, "%", more=10.0))
    return checks


def mean_above(series: str, share: float) -> float:
    """Mean of Acme's samples [W] above the quantile ``share``."""
    return float(np.mean([acme_quantile(series, q) for q in np.linspace(share, 1.0, 50)]))


def servers() -> list[Check]:
    """Idle over full power of an 8-GPU server."""
    idle, full = (RackBench(HGX_AIR, *how).power_kw()[0] for how in (("none", 0.0), ("pretrain", 1.0)))
    theirs = acme_quantile("server_power_0", 0.05) / acme_quantile("server_power_0", 0.95)
    return [check_near("idle (5th) over full (95th percentile)", idle / full, round(theirs, 3), "1", plus_minus=0.1)]


def serving_shares() -> Floats:
    """Power of the accelerators of each interactive rack over TDP ``(T, R)``."""
    made = load()
    activity = made.activity[:, :, INTERACTIVE].astype(np.float64)
    draw = np.array([POWER_SHARE[k] for k in made.slot_class[:, INTERACTIVE].ravel()]).reshape(2, -1)
    idle = HGX_AIR.accelerator_idle_frac
    return np.asarray(idle + (activity * (draw - idle)).sum(axis=1))


def serving() -> list[Check]:
    """Median power of the interactive racks over TDP: of their busiest tenth of steps, and of all.

    The benchmark keeps every server saturated; so a pool's busy hours stand beside its quartiles, and a whole week
    beside its lowest and its third quartile.
    """
    power = serving_shares()
    mean = power.mean(axis=1)
    busy = power[mean >= np.quantile(mean, 0.9)]
    return [
        check_between("median of the busiest tenth", float(np.median(busy)), 0.641, 0.823, "of TDP"),
        check_between("median of the interactive racks", float(np.median(power)), 0.33, 0.823, "of TDP"),
    ]


def oversubscription() -> list[Check]:
    """What 30 % more serving racks would draw over the row's rating, racks taken as NVL72."""
    idle = HGX_AIR.accelerator_idle_frac
    assert idle == NVL72.accelerator_idle_frac
    accelerators = NVL72.accelerators * NVL72.accelerator_tdp_kw * serving_shares()
    rack_kw = (NVL72.base_power_kw + accelerators) / NVL72.psu_efficiency_frac[0]
    row = rack_kw.mean(axis=1) / NVL72.peak_kw
    over = 100.0 * float(np.maximum(1.3 * row - 1.0, 0.0).mean() / (1.3 * row).mean())
    return [
        Check("energy that 30 % more racks ask over the rating", over, "minimal", -1e-9, 1.0, "%"),
        check_between("highest five minutes of a row", float(row.max()), 1.0 / 1.3, 1.0 / 1.3, "1", more=0.08),
    ]


ROWS = (
    Row(
        "M3",
        "accelerators of a training fleet (A100)",
        "measured",
        "see checks",
        "Acme, NSDI 2024 (CC BY 4.0)",
        accelerators_at_rest_and_at_work,
    ),
    Row("M4", "8-GPU server, idle over full", "measured", "0.1", "Acme, NSDI 2024 (CC BY 4.0)", servers),
    Row(
        "M5",
        "H100 serving power",
        "449 to 576 W of 700 (quartiles of 177 configurations)",
        "quartiles",
        "ml-energy leaderboard",
        serving,
    ),
    Row(
        "M6",
        "30 % more servers in an inference cluster",
        "30 % more with minimal loss of performance: peak power near 0.77 of what is provisioned",
        "0.08; 1 % of the energy",
        "POLCA, ASPLOS 2024, abstract",
        oversubscription,
    ),
)
