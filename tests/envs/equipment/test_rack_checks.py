"""Check values of PHYSICS b and D4 on racks and their coolant: cap curves, swings, inlet and coolant temperatures."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from envs.equipment import liquid_loop
from envs.equipment.rack_archetypes import LEGACY_AIR
from envs.equipment.throughput import CLASSES, slot_curves, throughput
from envs.physics.coolants import PG25, WATER, Coolant
from envs.signals.workload.frontier import frontier
from envs.signals.workload.partitions import Partition
from envs.signals.workload.profiles import STEP_HIGH_FRAC, STEP_LOW_FRAC, STEP_SWING_FRAC
from envs.signals.workload.workload import random_stream
from experiments.published.bench import RackBench

RHO = np.array([0.9, 0.7, 0.5])
#: PHYSICS B4, "physical form": s, a, v_min, b of each accelerator, and the throughput that it lists at `RHO`.
FITTED = {
    "V100": ((0.349, 0.481, 0.485, 0.600), (0.9653, 0.8654, 0.6595)),
    "A40": ((0.287, 2.159, 0.783, 0.0), (0.9724, 0.9070, 0.4873)),
    "RTX6000": ((0.376, 0.677, 0.458, 0.600), (0.9699, 0.8829, 0.6948)),
}


def physical_form(s: float, a: float, v_min: float, b: float) -> np.ndarray:
    """Throughput at `RHO` of ``P = s + (1-s) x v^2``, ``v = max(v_min, 1 - a(1-x))``, ``thr = 1/((1-b)/x + b)``."""
    x = np.linspace(0.05, 1.0, 20_001)
    power = s + (1.0 - s) * x * np.maximum(v_min, 1.0 - a * (1.0 - x)) ** 2
    return np.interp(RHO, power, 1.0 / ((1.0 - b) / x + b))


def our_curve(rho: np.ndarray) -> np.ndarray:
    table = SimpleNamespace(curves=slot_curves([[CLASSES.index("finetune")]], 0.16, np.float64))
    return throughput(table, rho[None, None], np.ones((1, len(rho))))[0, 0]


@pytest.mark.parametrize("name", FITTED)
def test_the_physical_form_of_a_cap_gives_the_listed_throughputs(name: str) -> None:
    constants, listed = FITTED[name]
    np.testing.assert_allclose(physical_form(*constants), listed, atol=1e-4)


def test_our_cap_curve_runs_through_the_physical_forms() -> None:
    """Within 0.05 of the two whose clocks follow the cap all the way, within 0.04 of the mean of all three."""
    forms = {name: physical_form(*constants) for name, (constants, _) in FITTED.items()}
    ours = our_curve(RHO)
    for name in ("V100", "RTX6000"):
        assert np.abs(forms[name] - ours).max() < 0.05
    assert np.abs(np.mean(list(forms.values()), axis=0) - ours).max() < 0.04


def test_a_training_step_swings_by_065_around_08375_of_its_draw() -> None:
    """B5: three quarters of each step at the high level, the rest at the low one."""
    time_s = np.arange(0.0, 60.0, 0.01)
    wave = np.where(time_s % 2.0 < 0.75 * 2.0, STEP_HIGH_FRAC, STEP_LOW_FRAC)
    assert wave.mean() == pytest.approx(0.8375, abs=1e-3)
    assert np.ptp(wave) == pytest.approx(0.65) and pytest.approx(0.65) == STEP_SWING_FRAC


def test_a_steady_pretraining_rack_reports_the_peak_to_peak_of_its_own_draw() -> None:
    block = Partition("frontier", (0, 1), 72)
    run = frontier(partial(random_stream, 3, block), 14 * 1440, block.gpus)
    steady = run.swing > 0.0
    assert steady.mean() > 0.5
    np.testing.assert_allclose(run.swing[steady] / run.activity[steady], 0.65, rtol=1e-6)


@pytest.mark.parametrize(
    ("coolant", "lpm_per_kw", "rise_k"), [(PG25, 1.0, 15.16), (PG25, 1.5, 10.10), (PG25, 2.0, 7.58), (WATER, 1.5, 9.59)]
)
def test_a_litre_a_minute_and_kilowatt_warms_the_coolant_as_listed(
    coolant: Coolant, lpm_per_kw: float, rise_k: float
) -> None:
    stream_kw_k = lpm_per_kw / 60_000.0 * coolant.density_kg_m3 * coolant.cp_kj_kg_k
    assert 1.0 / stream_kw_k == pytest.approx(rise_k, abs=0.01)


@pytest.mark.parametrize(("lpm_per_kw", "rise_k"), [(1.0, 15.16), (1.5, 10.10), (2.0, 7.58)])
def test_the_coolant_loop_returns_as_much_warmer_as_listed(lpm_per_kw: float, rise_k: float) -> None:
    loop = liquid_loop.CoolantDistribution(tcs_flow_lpm=lpm_per_kw * 1000.0, cdus=3, cdus_running=3)
    state = liquid_loop.initial_tcs(1, dtype=np.float64)
    for _ in range(200):
        state, flows = liquid_loop.advance_tcs(
            loop, state, np.array([1000.0]), 35.0, 1.0, np.array([20.0]), 60.0, np.array([3.0]), 60.0
        )
    heated_kw = 1000.0 + flows.pump_power_kw[0]  # the pump's power ends in the coolant
    assert (flows.return_c - flows.supply_c)[0] * 1000.0 / heated_kw == pytest.approx(rise_k, abs=0.01)


def test_a_lightly_loaded_server_draws_more_in_warm_air_as_measured() -> None:
    """GRC's server and its fit ``1 + 0.00092 (T - 27)^2 + 0.0023 (T - 27)``: within 1 point; ours in 4 (row j10)."""
    inlet = np.array([27.0, 29.0, 31.0, 33.0, 35.0, 37.0])
    fit = 1.0 + 0.00092 * (inlet - 27.0) ** 2 + 0.0023 * (inlet - 27.0)
    np.testing.assert_allclose(fit, [1.0, 1.01, 1.03, 1.05, 1.08, 1.12], atol=0.01)
    power = RackBench(LEGACY_AIR, "cpu", 0.2, inlet.tolist()).power_kw()
    np.testing.assert_allclose(power / power[0], fit, atol=0.04)
