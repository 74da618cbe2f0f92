"""Outdoor reset: setpoints that follow the wet bulb along one line, after Guideline 36, and water above the air."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from envs.controllers.base import Floats
from envs.parameters import Parameters, parameter

GUESS = "engineering guess, SCENARIOS"
SOURCE = "Guideline 36, PHYSICS i5; off"
FACILITY_WATER = "fws_supply_temp_setpoint_c"
NO_FLOOR_K = -60.0  # this far below the outdoor air nothing is held
OF_CHANNEL = {
    "crah_fan_speed_frac": "fan_frac",
    "supply_air_temp_setpoint_c": "supply_air_k",
    "chw_supply_temp_setpoint_c": "chilled_water_k",
    "cw_supply_temp_setpoint_c": "condenser_water_k",
    FACILITY_WATER: "fws_k",
    "tcs_supply_temp_setpoint_c": "tcs_k",
}


@dataclass(frozen=True)
class OutdoorReset(Parameters):
    """What the weather does to the building's setpoints; by default nothing.

    The whole is added at a wet bulb of ``cold_c`` and below, nothing at ``warm_c`` and above, and between them a share
    that falls along a line.

    Attributes
    ----------
    cold_c, warm_c : float
        Outdoor wet bulb at the line's ends.
    fan_frac : float
        Added to the lowest fan speed.
    supply_air_k, chilled_water_k : float
        Added to the highest supply air and chilled water that trim and respond may reach.
    condenser_water_k : float
        Added to the condenser-water setpoint, after its limits.
    fws_k, tcs_k : float
        Added to the facility-water and the coolant setpoint.
    fws_over_air_k : float
        Facility water is held at least this far above the outdoor dry bulb, so that the pads of a dry cooler stay dry.
    """

    cold_c: float = parameter(0.0, -20.0, 12.0, "degC", GUESS)
    warm_c: float = parameter(20.0, 13.0, 35.0, "degC", GUESS)
    fan_frac: float = parameter(0.0, -0.7, 0.7, "1", SOURCE)
    supply_air_k: float = parameter(0.0, -15.0, 15.0, "K", SOURCE)
    chilled_water_k: float = parameter(0.0, -15.0, 15.0, "K", SOURCE)
    condenser_water_k: float = parameter(0.0, -15.0, 15.0, "K", SOURCE)
    fws_k: float = parameter(0.0, -15.0, 15.0, "K", SOURCE)
    tcs_k: float = parameter(0.0, -15.0, 15.0, "K", SOURCE)
    fws_over_air_k: float = parameter(NO_FLOOR_K, NO_FLOOR_K, 15.0, "K", "engineering guess; off")

    def plain(self) -> dict[str, float]:
        """Plain data; without a distance it is that of before there was one, and keeps its hash."""
        told = asdict(self)
        if np.all(self.fws_over_air_k <= NO_FLOOR_K):
            del told["fws_over_air_k"]
        return told

    def added(self, channel: str, measurements: Mapping[str, Floats]) -> Floats | float:
        """What is added to a channel's setpoint [its unit], shaped like ``wet_bulb_c``, which is read; 0 where off.

        ``most (1 - clip((T_wb - cold) / (warm - cold), 0, 1))``; check: 4 K from 0 to 20 degC give 4, 3, 0 K at -5, 5
        and 25 degC.
        """
        most = getattr(self, OF_CHANNEL[channel]) if channel in OF_CHANNEL else 0.0
        if not np.any(most):
            return 0.0
        above_cold_k = measurements["wet_bulb_c"] - self.cold_c
        cold_share: Floats = 1.0 - np.clip(above_cold_k / (self.warm_c - self.cold_c), 0.0, 1.0)
        return most * cold_share

    def moved(self, channel: str, held: Floats, measurements: Mapping[str, Floats]) -> Floats:
        """A held value with what cold weather adds; facility water not below its distance to the outdoor air.

        Check: 34 degC and a distance of 4.5 K give 34, 34 and 37.5 degC at a dry bulb of 10, 29.5 and 33 degC.
        """
        value: Floats = held + self.added(channel, measurements)
        if channel != FACILITY_WATER or not np.any(self.fws_over_air_k > NO_FLOOR_K):
            return value
        return np.maximum(value, measurements["dry_bulb_c"] + self.fws_over_air_k)
