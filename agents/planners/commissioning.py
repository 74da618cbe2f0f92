"""Gains of the fan loop as an engineer sets them: a step test on the hall, then lambda tuning.

The fans run where the warmest inlet answers them most, up to 4 K over its setpoint; everything else is held, no alarm
steps in. Then they step up. How far the inlet falls, and how much of it in the first control interval, gives gain and
lag. Short of air the inlet answers ten times as strongly as with plenty, and there gains must not swing either:

    Kp = tau / (K (lambda + theta)),    Ki per interval = T / (K (lambda + theta))

(lambda tuning of a first-order lag with dead time; Dahlin 1968, Rivera, Morari and Skogestad 1986). A controller that
samples every ``T`` sees a change ``T/2`` late on average and acts for ``T``: ``theta = 1.5 T``; ``lambda = theta``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.building.rules import first_setpoints
from envs.controllers.pid import USUAL_INTERVAL_S
from envs.faults import nothing_lost
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.state import PlantState
from envs.scenario import Scenario
from envs.signals.step import Load, Outside, outside_from_bulbs

DRY_BULB_C, WET_BULB_C, LOAD = 20.0, 14.0, 0.8  # a usual day
STEP, SPEEDS = 0.02, np.linspace(0.30, 1.0, 57)
SPAN_K = 4.0  # over the setpoint, in which the loop must settle
SETTLING_S = 2.0 * 3600.0
DEAD_INTERVALS = 1.5  # half an interval until a change is read, one in which the fans stand
LEAST_GAIN_K = 5.0  # per unit of speed: fans with less do not steer the inlet


class StepTest(NamedTuple):
    """What the warmest inlet does after fans step up: gain [K per unit of speed, positive] and lag [s]."""

    gain_k: float
    lag_s: float


class Gains(NamedTuple):
    """Of ``envs.controllers.pid.FanPi``."""

    kp_per_k: float
    ki_per_k_300s: float


def lambda_gains(test: StepTest, interval_s: float) -> Gains | None:
    """Gains for a loop that acts every ``interval_s``; None where the fans do not steer the inlet."""
    if test.gain_k < LEAST_GAIN_K:
        return None
    closed = 2.0 * DEAD_INTERVALS * interval_s
    return Gains(test.lag_s / (test.gain_k * closed), USUAL_INTERVAL_S / (test.gain_k * closed))


def fan_step_test(scenario: Scenario) -> StepTest:
    """Step test where a zone's inlet answers most, within `SPAN_K` over its setpoint, without alarms."""
    bench = _Bench(scenario)
    zone, speed = bench.steepest(scenario.rules.fan.setpoint_c)
    state, before = bench.settled(speed)
    trace = np.array([inlet for state, inlet in bench.steps(state, speed + STEP)]) - before
    fall = trace[:, zone, 0]
    share = float(np.clip(fall[0] / fall[-1], 0.01, 0.99)) if fall[-1] < 0.0 else 0.99
    return StepTest(-float(fall[-1]) / STEP, -bench.interval_s / float(np.log(1.0 - share)))


class _Bench:
    """The hall under a usual load on a usual day, its other setpoints held where the rules begin."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.plant = Plant(scenario, np.float64, alarms=False)
        self.interval_s = float(scenario.episode.step_s)

    def steepest(self, setpoint_c: float) -> tuple[int, Floats]:
        """Zone whose inlet answers most, and the speed of all fans at which it does ``(Z, 1)``."""
        zones = self.plant.layout.n_zones
        _, inlet = self.settled(np.broadcast_to(SPEEDS, (zones, len(SPEEDS))))
        fall = np.where(inlet[:, :-1] <= setpoint_c + SPAN_K, inlet[:, :-1] - inlet[:, 1:], -np.inf)
        zone, at = np.unravel_index(np.argmax(fall), fall.shape)
        return int(zone), np.full((zones, 1), SPEEDS[at])

    def settled(self, speed: Floats) -> tuple[PlantState, Floats]:
        """State and warmest inlets ``(Z, B)`` after hours at a speed ``(Z, B)``."""
        n = speed.shape[1]
        zero = np.zeros(n)
        outside, load = self._signals(n)
        lost = nothing_lost(n, self.plant.layout.n_zones, self.plant.dtype)
        state, _ = self.plant.steady_state(outside, load, self._setpoints(speed), lost, zero, zero + 0.5)
        return self.steps(state, speed)[-1]

    def steps(self, state: PlantState, speed: Floats) -> list[tuple[PlantState, Floats]]:
        """States and warmest inlets of the control steps that follow."""
        n = speed.shape[1]
        outside, load = self._signals(n)
        setpoints = self._setpoints(speed)
        lost = nothing_lost(n, self.plant.layout.n_zones, self.plant.dtype)
        trace = []
        for k in range(round(SETTLING_S / self.interval_s)):
            state, flows = self.plant.step(state, setpoints, outside, load, lost, np.full(n, k))
            trace.append((state, flows.zone_inlet_max_c))
        return trace

    def _setpoints(self, speed: Floats) -> dict[str, Floats]:
        channels = self.plant.layout.channels.values()
        wet, dry = np.full(speed.shape[1], WET_BULB_C), np.full(speed.shape[1], DRY_BULB_C)
        held = first_setpoints(self.scenario, channels, wet, dry, self.plant.dtype)
        return {**held, "crah_fan_speed_frac": np.ascontiguousarray(speed, dtype=np.float64)}

    def _signals(self, n: int) -> tuple[Outside, Load]:
        lay = self.plant.layout
        weather = outside_from_bulbs(np.full(n, DRY_BULB_C), np.full(n, WET_BULB_C), self.scenario.elevation_m)
        draws = (lay._reference_weights.reshape(lay.slot_class.shape) > 0.0).astype(np.float64)
        share = draws / np.maximum(draws.sum(axis=0), 1.0)
        job = np.broadcast_to(np.arange(lay.n_racks)[:, None], (lay.n_racks, n))
        zero = np.zeros(n)
        return weather, Load(
            LOAD * np.repeat(share[:, :, None], n, axis=2), np.ascontiguousarray(job), zero, zero, zero
        )
