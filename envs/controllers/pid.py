"""PI control of CRAH fan speed on the zone's worst inlet (SCENARIOS "Fan PI")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints
from envs.controllers.outdoor_reset import OutdoorReset
from envs.parameters import Parameters, parameter

GUESS = "engineering guess, SCENARIOS"
USUAL_INTERVAL_S = 300.0  # for which the gains are stated
CHANNEL = "crah_fan_speed_frac"
COMMISSIONED = "step test of ai_hall and lambda tuning, PHYSICS i2"


@dataclass(frozen=True)
class FanPi(Parameters):
    """Constants of the fan loop at an interval of 300 s; see `FanPiController` for others."""

    setpoint_c: float = parameter(25.5, 15.0, 35.0, "degC", GUESS)
    kp_per_k: float = parameter(0.001, 0.0, 2.0, "1/K", COMMISSIONED)
    ki_per_k_300s: float = parameter(0.0025, 0.0, 2.0, "1/K per 300 s", COMMISSIONED)
    low: float = parameter(0.30, 0.0, 1.0, "1", GUESS)
    high: float = parameter(1.0, 0.0, 1.0, "1", GUESS)
    dead_band_k: float = parameter(0.3, 0.0, 5.0, "K", GUESS)
    start: float = parameter(0.70, 0.0, 1.0, "1", GUESS)


class FanPiController:
    """Holds ``crah_fan_speed_frac``; anti-windup by clamping the integral to the output range; bumpless start.

    A loop that acts every ``T`` bears gains ``Kp ~ 1/T`` and ``Ki per interval`` independent of ``T`` (lambda tuning,
    PHYSICS i2). Above 300 s both follow that law; below, the integral gain per second stays, slower than it could be.

    Parameters
    ----------
    constants : FanPi
    step_s : float
        Control interval [s].
    outdoor : OutdoorReset, optional
        Adds to the lowest speed.
    """

    memory = ("integral",)
    goes_on: ClassVar[dict[str, str]] = {"integral": CHANNEL}
    reads = ("zone_inlet_max_c", "wet_bulb_c")

    def __init__(self, constants: FanPi, step_s: float, outdoor: OutdoorReset | None = None) -> None:
        self.constants, self.step_s = constants, step_s
        self.outdoor = outdoor or OutdoorReset()
        self.kp = constants.kp_per_k * min(1.0, USUAL_INTERVAL_S / step_s)
        self.ki = constants.ki_per_k_300s * min(1.0, step_s / USUAL_INTERVAL_S)
        self.integral: Floats | None = None

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """The integral goes back to the start speed."""
        if mask is None:
            self.integral = None
        elif self.integral is not None:
            self.integral = np.where(mask, self.constants.start, self.integral).astype(self.integral.dtype)

    def act(self, measurements: Measurements) -> Setpoints:
        """Fan speed per zone ``(Z, B)``."""
        c = self.constants
        inlet = measurements["zone_inlet_max_c"]
        raw = inlet - c.setpoint_c
        error = np.sign(raw) * np.maximum(np.abs(raw) - c.dead_band_k, 0.0)
        before = self.integral
        if before is None or before.shape != inlet.shape:
            before = np.full_like(inlet, c.start)
        low = np.minimum(c.low + self.outdoor.added(CHANNEL, measurements), c.high)
        self.integral = np.clip(before + self.ki * error, low, c.high).astype(inlet.dtype)
        return {CHANNEL: np.clip(self.integral + self.kp * error, low, c.high).astype(inlet.dtype)}
