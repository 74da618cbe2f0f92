"""What a policy learnt is told as lines that an engineer can copy."""

from __future__ import annotations

import numpy as np
import pytest

from envs.core import DataCenterCore
from experiments.evaluation.setpoint_lines import SetpointLines, lines

CHANNELS = DataCenterCore("edge_room", 1).channels
AIR = "supply_air_temp_setpoint_c"


def told(setpoint: np.ndarray, wet_bulb: np.ndarray) -> dict[str, tuple[float, ...]]:
    """Lines of a setpoint ``(T, B)`` on a wet bulb ``(T, B)``, the other channels still."""
    found = SetpointLines(CHANNELS)
    for y, x in zip(setpoint, wet_bulb):
        rows = {c.name: np.full((c.rows, len(x)), 0.5) for c in CHANNELS}
        found.add({**rows, AIR: np.tile(y, (len(rows[AIR]), 1))}, x)
    return {line.channel: line[1:] for line in lines([found.table()])}


def test_a_setpoint_that_follows_the_wet_bulb_is_found_as_that_line() -> None:
    wet = np.random.default_rng(0).normal(15.0, 5.0, (200, 3))
    mean, at_10, per_k, r2, spread = told(24.0 - 0.3 * (wet - 10.0), wet)[AIR]
    assert (at_10, per_k) == pytest.approx((24.0, -0.3)) and r2 == pytest.approx(1.0)
    assert mean == pytest.approx(24.0 - 0.3 * (wet.mean() - 10.0)) and spread < 1e-4


def test_a_setpoint_that_moves_on_its_own_has_no_r2() -> None:
    generator = np.random.default_rng(1)
    wet, setpoint = generator.normal(15.0, 5.0, (2000, 3)), generator.normal(22.0, 1.0, (2000, 3))
    _, _, per_k, r2, spread = told(setpoint, wet)[AIR]
    assert abs(per_k) < 0.02 and r2 < 0.01 and spread == pytest.approx(1.0, abs=0.05)


def test_a_setpoint_that_stands_still_has_no_line() -> None:
    wet = np.random.default_rng(2).normal(15.0, 5.0, (50, 3))
    mean, at_10, per_k, r2, _ = told(np.full((50, 3), 21.0), wet)[AIR]
    assert (mean, at_10, per_k) == (21.0, 21.0, 0.0) and np.isnan(r2)
