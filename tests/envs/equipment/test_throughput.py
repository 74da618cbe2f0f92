import csv
import os
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from envs.equipment.throughput import CLASSES, POWER_SHARE, job_minimum, slot_curves, throughput

GRID = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])


def curve(name, rho, dtype=np.float64):
    rho = np.atleast_1d(np.asarray(rho, dtype=dtype))
    table = SimpleNamespace(curves=slot_curves([[CLASSES.index(name)]], 0.16, dtype))
    return throughput(table, rho[None, None], np.ones((1, len(rho)), dtype=dtype))[0, 0]


def data(name):
    root = os.environ.get("COLDAISLE_DATA")
    if not root:
        pytest.skip("COLDAISLE_DATA is not set: measured GPU sweeps are not shipped")
    with open(Path(root) / "gpu" / name) as file:
        return list(csv.DictReader(file))


def test_default_curve_goes_through_the_handbook_points():
    for name in ("finetune", "prefill", "batch", "decode"):
        np.testing.assert_allclose(curve(name, GRID), [0.975, 0.94, 0.88, 0.79, 0.65, 0.43], atol=1e-12)
        assert curve(name, 1.0)[0] == pytest.approx(1.0, abs=1e-12)


def test_pretraining_pays_more_for_a_cap():
    np.testing.assert_allclose(curve("pretrain", [0.9, 0.8, 0.7, 0.6, 0.55]), [0.935, 0.884, 0.824, 0.733, 0.672])
    assert curve("pretrain", 0.27)[0] == pytest.approx(0.18, abs=0.01)


def test_work_ends_where_power_falls_to_idle():
    for name in CLASSES[:5]:
        static = 0.16 / POWER_SHARE[CLASSES.index(name)]
        np.testing.assert_allclose(curve(name, [0.0, static]), 0.0, atol=1e-12)
        assert curve(name, static + 0.01)[0] > 0.0


def test_cpu_and_empty_slots_are_never_capped():
    for name in ("cpu", "none"):
        np.testing.assert_array_equal(curve(name, [0.0, 0.5, 1.0]), 1.0)


def test_curves_rise_without_a_jump():
    rho = np.linspace(0.0, 1.0, 2001)
    for name in CLASSES[:5]:
        rise = np.diff(curve(name, rho))
        assert rise.min() >= -1e-12
        assert rise.max() < 0.0005 * 16.0  # steepest: decode below any cap floor, 0.43 over 0.028


def test_least_energy_per_work_lies_inside():
    rho = np.linspace(0.3, 1.0, 1401)
    for name in ("pretrain", "finetune", "prefill", "batch"):
        energy = rho / curve(name, rho)
        assert 0.5 <= rho[np.argmin(energy)] <= 0.72
        assert energy.min() < 0.83
    rho = np.array([0.5, 0.6, 0.7])
    np.testing.assert_allclose(rho / curve("finetune", rho), [0.769, 0.759, 0.795], atol=1e-3)


def test_least_energy_per_work_of_a_node_lies_higher():
    rho = np.linspace(0.3, 1.0, 1401)
    for name in ("pretrain", "finetune"):
        for base in (0.35, 0.5):
            assert 0.6 <= rho[np.argmin((base + rho) / curve(name, rho))] <= 0.85


def test_throttled_chips_do_less_work_of_every_class():
    table = SimpleNamespace(curves=slot_curves([[0], [5]], 0.16, np.float64))
    done = throughput(table, np.ones((2, 1, 3)), np.full((1, 3), 0.7))
    np.testing.assert_allclose(done, 0.7)


def test_curve_keeps_float32():
    assert curve("pretrain", [0.3, 0.77], np.float32).dtype == np.float32


def zeus(gpu):
    """Mean throughput of the compute-bound configurations of one GPU over rho, nan where none reaches."""
    runs = defaultdict(list)
    for row in data(f"zeus_summary_power_{gpu}.csv"):
        key = tuple(row[k] for k in ("dataset", "network", "batch_size", "optimizer"))
        runs[key].append((float(row["power_limit"]), float(row["average_power"]), float(row["time_per_epoch"])))
    top = max(limit for run in runs.values() for limit, _, _ in run)
    values = []
    for run in runs.values():
        limit, power, time = np.array(sorted(run)).T
        if limit[-1] < top or power[-1] <= 0.85 * top:
            continue
        values.append(np.interp(GRID[::-1], power / power[-1], time[-1] / time, left=np.nan)[::-1])
    return np.nanmean(np.array(values)[:, :5], axis=0)


@pytest.mark.parametrize("gpu", ["v100", "rtx6000"])
def test_default_curve_holds_for_measured_training_on(gpu):
    np.testing.assert_allclose(curve("finetune", GRID[:5]), zeus(gpu), atol=0.05)


def test_default_curve_lies_amid_three_measured_gpus():
    mean = np.mean([zeus(gpu) for gpu in ("v100", "rtx6000", "a40")], axis=0)
    np.testing.assert_allclose(curve("finetune", GRID[:4]), mean[:4], atol=0.05)


@pytest.mark.parametrize(
    ("prefix", "name", "from_rho"),
    [("pt_", "pretrain", 0.3), ("ft_", "finetune", 0.3), ("infer_llama_8b", "prefill", 0.6)],
)
def test_class_curve_holds_for_measured_language_models(prefix, name, from_rho):
    runs = defaultdict(list)
    for row in data("emerald_a100_cap_sweep.csv"):
        if row["Workload"].startswith(prefix):
            runs[row["Workload"]].append((float(row["power per GPU"]), float(row["normalized throughput"])))
    rho = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.3])
    rho = rho[rho >= from_rho]
    measured = []
    for run in runs.values():
        power, done = np.array(sorted(run)).T
        measured.append(np.interp(rho, power / power[-1], done))
    np.testing.assert_allclose(curve(name, rho), np.mean(measured, axis=0), atol=0.05)


def test_job_runs_at_the_pace_of_its_worst_rack():
    done = np.array([[0.9, 0.9], [0.5, 0.5], [0.8, 0.8], [0.7, 0.7], [0.2, 0.2]])
    job = np.array([[0, 0], [0, 1], [2, 2], [2, 3], [4, 4]])
    slowest = job_minimum(done, job, ((0, 1), (2, 3)))
    np.testing.assert_array_equal(slowest, [[0.5, 0.9], [0.5, 0.5], [0.7, 0.8], [0.7, 0.7], [0.2, 0.2]])


def test_job_groups_need_not_be_neighbours():
    done = np.array([[0.9], [0.1], [0.8], [0.3]])
    job = np.array([[0], [1], [0], [0]])
    np.testing.assert_array_equal(job_minimum(done, job, ((3, 0, 2),)), [[0.3], [0.1], [0.3], [0.3]])


def test_job_minimum_without_groups_changes_nothing():
    done = np.random.default_rng(0).random((4, 3), dtype=np.float32)
    assert job_minimum(done, np.zeros((4, 3), dtype=np.int64), ()) is done
