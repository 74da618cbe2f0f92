"""The report tells what a learnt policy does otherwise, and how far its tree is to be believed."""

from __future__ import annotations

import numpy as np

from experiments.evaluation.explained import explained_policies
from experiments.evaluation.trace import Series


def series(setpoint: np.ndarray, wet_bulb_c: np.ndarray) -> Series:
    one = np.ones((len(wet_bulb_c), 1), np.float32)
    return {
        "setpoint/supply_air_temp_setpoint_c": setpoint.astype(np.float32)[:, None],
        "outside/wet_bulb_c": wet_bulb_c.astype(np.float32),
        "it_power_kw": 500.0 * one,
        "worst_inlet_c": 24.0 * one,
    }


def test_what_follows_the_wet_bulb_is_told_by_it_and_noise_is_not_believed() -> None:
    generator = np.random.default_rng(0)
    wet_bulb_c = np.repeat(generator.uniform(0.0, 25.0, 120), 8)
    rules = np.full(960, 20.0)
    follows = rules + np.where(np.roll(wet_bulb_c, 1) <= 12.0, 2.0, -1.0)
    traces = {
        "rules_tuned": series(rules, wet_bulb_c),
        "mine": series(follows, wet_bulb_c),
        "noise": series(rules + generator.normal(0.0, 1.0, 960), wet_bulb_c),
        "same": series(rules, wet_bulb_c),
        "legacy_fixed": series(rules + 3.0, wet_bulb_c),
    }
    mine, noise = explained_policies(traces, list(traces), "rules_tuned")
    assert mine["policy"] == "mine" and mine["lines"][0].startswith("wet_bulb_c at most 1")
    assert float(mine["fidelity"].rstrip("%")) > 90
    assert noise["policy"] == "noise" and "do not believe it" in noise["fidelity"]


def test_without_a_learnt_policy_or_the_baseline_s_series_there_is_nothing_to_tell() -> None:
    traces = {"rules_tuned": series(np.full(96, 20.0), np.zeros(96))}
    assert explained_policies(traces, ["rules_tuned"], "rules_tuned") == []
    assert explained_policies(traces, ["rules_tuned"], "mpc") == []
