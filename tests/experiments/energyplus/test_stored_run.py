"""Kept runs: found again by what they depend on, and equal to what was kept."""

from __future__ import annotations

import numpy as np

from envs.energyplus.engine import EngineRun
from experiments.validation.stored_run import stored_or_new_run


def test_a_kept_run_is_found_again_and_another_dependence_is_another_run(tmp_path):
    made = []

    def simulate():
        made.append(len(made))
        values = {"chiller_power_kw": np.array([0.1, 0.2]), "it_kw[0]": np.array([300.0, 301.0])}
        return EngineRun(values, np.array([1, 1]), np.array([0, 0]), 300.0, ["** Warning ** a word"], 3)

    first = stored_or_new_run(tmp_path, ["model", 1], simulate)
    again = stored_or_new_run(tmp_path, ["model", 1], simulate)
    assert made == [0]
    assert again.values.keys() == first.values.keys()
    assert all(np.array_equal(again.values[name], value) for name, value in first.values.items())
    assert again[1:3][0].tolist() == [1, 1] and again[3:] == first[3:]
    stored_or_new_run(tmp_path, ["model", 2], simulate)
    stored_or_new_run(None, ["model", 1], simulate)
    assert made == [0, 1, 2]
