"""PI control of CRAH fan speed on the zone's worst inlet (SCENARIOS "Fan PI")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Measurements, Setpoints
from envs.parameters import Parameters, parameter
from envs.physics.namespace import Floats

GUESS = "engineering guess, SCENARIOS"
USUAL_INTERVAL_S = 300.0  # for which the gains are stated
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
    """

    memory = ("integral",)

    def __init__(self, constants: FanPi, step_s: float) -> None:
        self.constants = constants
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
        self.integral = np.clip(before + self.ki * error, c.low, c.high).astype(inlet.dtype)
        return {"crah_fan_speed_frac": np.clip(self.integral + self.kp * error, c.low, c.high).astype(inlet.dtype)}
