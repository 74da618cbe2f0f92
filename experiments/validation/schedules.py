"""What both plants are asked to do over a year: IT heat, fan speed and setpoints, constant within each hour.

The year is drawn once from a seed, the same for every climate: a week with days and nights, weather of its own kind
(bursts that last hours), and setpoints that move within the range of the case, so that tracking is compared too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HOURS = 8760
BURST_MEMORY = 0.85  # hour to hour
BLOCK_H = 6  # setpoints stay this long


class Case(NamedTuple):
    """One way to run the hall.

    Attributes
    ----------
    name : str
    chw_c, supply_air_c : tuple of float
        Lowest and highest setpoint [degC].
    cw_low_c : float
        Lowest condenser-water setpoint [degC]; the rule is ``clip(wet bulb + 3, low, 29.4)``, PHYSICS i3.
    """

    name: str
    chw_c: tuple[float, float]
    supply_air_c: tuple[float, float]
    cw_low_c: float


COLD = Case("cold", (7.0, 8.9), (14.5, 16.5), 12.8)  # inside the box of machine B: 4.44-8.89, 12.78-29.44 degC
WARM = Case("warm", (15.0, 18.0), (22.0, 24.5), 15.6)  # SCENARIOS ai_hall; outside that box
CW_HIGH_C, CW_OVER_WET_BULB_K = 29.4, 3.0


class HourlyYear(NamedTuple):
    """Values of each hour of the year (8760,): IT load and fan speed [0..1], setpoints [degC]."""

    it_frac: NDArray[np.float64]
    fan_speed_frac: NDArray[np.float64]
    supply_air_c: NDArray[np.float64]
    chw_c: NDArray[np.float64]


def hourly_year(case: Case, seed: int = 25) -> HourlyYear:
    """Draw the year of a case; IT load 0.45..1, fans fast enough to carry it."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    day = 0.5 - 0.5 * np.cos(2.0 * np.pi * (hour % 24 - 3.0) / 24.0)
    week = np.where(hour // 24 % 7 < 5, 1.0, 0.7)
    it_frac = np.clip(0.55 + 0.3 * day * week + 0.12 * _bursts(rng), 0.45, 1.0)
    fan = np.clip(0.35 + 0.55 * it_frac + 0.05 * rng.standard_normal(HOURS), 0.55, 1.0)
    return HourlyYear(it_frac, fan, _blocks(rng, *case.supply_air_c), _blocks(rng, *case.chw_c))


def cw_setpoint_c(case: Case, wet_bulb_c: float) -> float:
    """Condenser-water setpoint [degC] at a wet bulb [degC]."""
    return float(np.clip(wet_bulb_c + CW_OVER_WET_BULB_K, case.cw_low_c, CW_HIGH_C))


def _bursts(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise that remembers the hour before, with a standard deviation of 1."""
    from scipy.signal import lfilter

    fresh = rng.standard_normal(HOURS) * np.sqrt(1.0 - BURST_MEMORY**2)
    return np.asarray(lfilter([1.0], [1.0, -BURST_MEMORY], fresh))


def _blocks(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float64]:
    """Uniform draws, each held for some hours."""
    return np.repeat(rng.uniform(low, high, HOURS // BLOCK_H), BLOCK_H)
