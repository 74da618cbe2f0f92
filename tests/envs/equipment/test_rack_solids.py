"""PHYSICS T1 by the step that the racks take: exact in time, and the heat that leaves is that of the state change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.equipment.rack import RackTable, _solids_step, rack_table
from envs.equipment.rack_archetypes import HGX_AIR
from envs.units import CP_AIR_KJ_KG_K


def table_of(solids_kj_k: float) -> RackTable:
    return rack_table([replace(HGX_AIR, solids_kj_k=solids_kj_k)], np.zeros((2, 1), np.int8), "float64")


def step(solids_c: np.ndarray, inlet_c: float, heat_kw: float, g_kw_k: float, c_kj_k: float, dt_s: float):
    solids, out, _ = _solids_step(table_of(c_kj_k), solids_c, inlet_c, heat_kw, np.array(g_kw_k / CP_AIR_KJ_KG_K), dt_s)
    return solids, out


def test_one_capacity_step_is_as_listed() -> None:
    t, out = step(np.array([[20.0]]), 20.0, np.array(5.0), 0.5, 100.0, 60.0)
    assert t.item() == pytest.approx(22.5918, abs=1e-4)
    assert out.item() == pytest.approx(5.0 - 100.0 * (t.item() - 20.0) / 60.0, rel=1e-12)


def test_ten_short_steps_equal_one_long_step() -> None:
    t = np.array([[20.0, 35.0]])
    stepped, left = t, 0.0
    for _ in range(10):
        stepped, out = step(stepped, 18.0, np.array(3.0), 0.4, 90.0, 30.0)
        left = left + out * 30.0
    once, out = step(t, 18.0, np.array(3.0), 0.4, 90.0, 300.0)
    np.testing.assert_allclose(stepped, once, rtol=1e-12)
    np.testing.assert_allclose(left, out * 300.0, rtol=1e-12)


@pytest.mark.parametrize("conductance", [1e-9, 1e-3, 1.0, 1e6])
def test_the_ledger_closes_at_any_conductance(conductance: float) -> None:
    t, out = step(np.array([[30.0]]), 20.0, np.array(7.0), conductance, 50.0, 60.0)
    assert out.item() == pytest.approx(7.0 - 50.0 * (t.item() - 30.0) / 60.0, abs=1e-8)
