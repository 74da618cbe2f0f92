"""Draws in float32 stay inside ranges that float32 cannot hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from envs.scenario import load
from envs.twin.calibration.spread import scenario_draws


def test_a_draw_at_the_end_of_its_range_is_not_rounded_out_of_it(tmp_path: Path) -> None:
    scenario = load("edge_room")
    given = float(scenario.chilled_water.nominal_capacity_kw) + 0.1  # no number of float32
    low, high = given - 0.3, given
    file = tmp_path / "spread.yaml"
    entry = f"{{value: {given}, sd: 3.0, scale: log, low: {low}, high: {high}}}"
    file.write_text(f"parameters:\n  chilled_water.nominal_capacity_kw: {entry}\ncorrelation: [[1.0]]\n")
    drawn = np.asarray(scenario_draws(scenario, file, 64).chilled_water.nominal_capacity_kw)
    assert drawn.dtype == np.float32
    assert (drawn.astype(np.float64) >= low).all() and (drawn.astype(np.float64) <= high).all()
    assert len(np.unique(drawn)) == 2
