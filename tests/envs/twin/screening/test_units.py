from __future__ import annotations

import numpy as np
import pytest

from envs.twin.screening.units import ratio_words, register_of, wrong_unit
from envs.twin.telemetry.quantities import QUANTITIES

RNG = np.random.default_rng(4)
POWER, SPEED = QUANTITIES["chiller_power_kw"], QUANTITIES["zone_fan_speed_frac"]
RUNNING = 20.0 + RNG.normal(0.0, 1.0, 600)
SPEEDS = np.clip(0.7 + 0.2 * np.sin(np.arange(600) / 40.0), 0.0, 0.85)


@pytest.mark.parametrize("start", [0.0, 12_345.0, 1e6])
def test_a_power_that_never_falls_is_a_register_wherever_it_starts(start: float) -> None:
    mistake = register_of(POWER, start + np.cumsum(RUNNING) / 12.0, 300.0)
    assert mistake is not None and "about 19.99 kW" in mistake.what and "kWh" in mistake.mend


def test_a_register_that_counts_whole_kilowatt_hours_is_one_too() -> None:
    assert register_of(POWER, np.floor(500.0 + np.cumsum(RUNNING) / 12.0), 300.0) is not None


@pytest.mark.parametrize("power", [RUNNING, np.full(600, 20.0), np.repeat([0.0, 20.0], 300)])
def test_a_power_is_no_register_be_it_restless_constant_or_switched_once(power: np.ndarray) -> None:
    assert register_of(POWER, power, 300.0) is None


@pytest.mark.parametrize("factor, unit", [(100.0, "%"), (60.0, "60 Hz"), (50.0, "50 Hz")])
def test_percent_and_hertz_are_told_by_the_command(factor: float, unit: str) -> None:
    assert wrong_unit(SPEED, factor * SPEEDS, (0.0, 1.2), partner=SPEEDS) == unit


def test_without_a_command_a_drive_that_ends_at_the_mains_frequency_is_in_hertz() -> None:
    full = np.minimum(SPEEDS * 1.25, 1.0)
    assert wrong_unit(SPEED, 60.0 * full, (0.0, 1.2)) == "60 Hz"
    assert wrong_unit(SPEED, 100.0 * full, (0.0, 1.2)) == "%"


def test_where_nobody_can_tell_both_are_named() -> None:
    assert wrong_unit(SPEED, 60.0 * np.minimum(SPEEDS, 0.7), (0.0, 1.2)) == "% or Hz"


@pytest.mark.parametrize("ratio, words, factor", [(2.02, "2", "0.5"), (10.3, "10", "0.1"), (0.1, "1/10", "10")])
def test_a_ratio_is_named_by_the_transformers_there_are(ratio: float, words: str, factor: str) -> None:
    said, factors = ratio_words(ratio)
    assert said.split(" or ")[0] == words and factors.split(" or ")[0] == factor


def test_a_ratio_of_no_transformer_is_named_by_its_number() -> None:
    assert ratio_words(5.5) == ("5.5", "0.1818")
