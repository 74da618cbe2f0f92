"""Guideline 36 trim and respond for air and chilled water; wet-bulb reset of condenser water (PHYSICS i3, i5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import Floats, Measurements, Setpoints
from envs.controllers.outdoor_reset import OutdoorReset
from envs.parameters import Parameters, parameter

GUESS = "engineering guess, SCENARIOS"


@dataclass(frozen=True)
class TrimRespond(Parameters):
    """Constants of one trim-and-respond loop, per 300 s."""

    low: float = parameter(18.0, 0.0, 40.0, "degC", GUESS)
    high: float = parameter(27.0, 0.0, 40.0, "degC", GUESS)
    start: float = parameter(20.0, 0.0, 40.0, "degC", GUESS)
    trim_k: float = parameter(0.1, 0.0, 2.0, "K", "Guideline 36, PHYSICS i5")
    ignore: float = parameter(2.0, 0.0, 100.0, "requests", "Guideline 36, PHYSICS i5")
    respond_k: float = parameter(0.3, 0.0, 5.0, "K per request", GUESS)
    respond_max_k: float = parameter(0.9, 0.0, 5.0, "K", GUESS)
    delay_s: float = parameter(600.0, 0.0, 7200.0, "s", "Guideline 36, PHYSICS i5")


def trim_and_respond(
    c: TrimRespond,
    setpoint: Floats,
    requests: Floats,
    age_s: Floats,
    scale: float = 1.0,
    raised_k: Floats | float = 0.0,
) -> Floats:
    """One sample of the loop: trim up, respond down in proportion to the requests beyond ``ignore``.

    ``raised_k`` is added to the upper end, which stays at or above the lower one.

    Check (PHYSICS i5: trim 0.1, respond 0.2, max 0.6, I 2, from 18.0): requests 0,1,3,5,8,0 give 18.0 18.0 17.9 17.4
    16.9 17.0
    with high 18.
    """
    beyond = requests - c.ignore
    respond = np.where(beyond > 0.0, np.minimum(c.respond_k * beyond, c.respond_max_k), 0.0)
    moved = np.clip(setpoint + scale * (c.trim_k - respond), c.low, np.maximum(c.high + raised_k, c.low))
    return np.where(age_s < c.delay_s, setpoint, moved).astype(setpoint.dtype)


class _TrimAndRespondLoop(ABC):
    """A setpoint moved by requests: what the two loops share is the setpoint in mind and how long they have run."""

    memory = ("setpoint", "age_s")
    channel: str

    @property
    def goes_on(self) -> dict[str, str]:
        """The setpoint in mind is its channel's."""
        return {"setpoint": self.channel}

    def __init__(self, constants: TrimRespond, step_s: float, outdoor: OutdoorReset | None = None) -> None:
        self.constants = constants
        self.step_s = step_s
        self.outdoor = outdoor or OutdoorReset()
        self.setpoint: Floats | None = None
        self.age_s: Floats | None = None

    @abstractmethod
    def requests(self, measurements: Measurements) -> Floats:
        """Requests for a colder setpoint, one row per row of the channel ``(k, B)``."""

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Back to the start setpoint and the start delay."""
        if mask is None or self.setpoint is None or self.age_s is None:
            self.setpoint = self.age_s = None
            return
        self.setpoint = np.where(mask, self.constants.start, self.setpoint).astype(self.setpoint.dtype)
        self.age_s = np.where(mask, 0.0, self.age_s).astype(self.setpoint.dtype)

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoint per row of the channel ``(k, B)``."""
        requests = self.requests(measurements)
        if self.setpoint is None or self.age_s is None or self.setpoint.shape != requests.shape:
            self.setpoint = np.full_like(requests, self.constants.start)
            self.age_s = np.zeros_like(requests)
        raised_k = self.outdoor.added(self.channel, measurements)
        self.setpoint = trim_and_respond(
            self.constants, self.setpoint, requests, self.age_s, self.step_s / 300.0, raised_k
        )
        self.age_s = self.age_s + self.step_s
        return {self.channel: self.setpoint}


class SupplyAirReset(_TrimAndRespondLoop):
    """Holds ``supply_air_temp_setpoint_c``: an inlet over ``one_c`` is one request, over ``three_c`` three."""

    channel = "supply_air_temp_setpoint_c"
    reads = ("rack_inlet_c", "wet_bulb_c")

    def __init__(
        self,
        constants: TrimRespond,
        membership: Floats,
        step_s: float,
        one_c: float = 25.5,
        three_c: float = 27.0,
        outdoor: OutdoorReset | None = None,
    ) -> None:
        super().__init__(constants, step_s, outdoor)
        self.membership = membership
        self.one_c, self.three_c = one_c, three_c

    def requests(self, measurements: Measurements) -> Floats:
        """Requests of each zone's racks ``(Z, B)``."""
        inlet = measurements["rack_inlet_c"]
        asked = (inlet > self.one_c).astype(inlet.dtype) + 2.0 * (inlet > self.three_c)
        return self.membership.astype(inlet.dtype) @ asked.astype(inlet.dtype)


class ChilledWaterReset(_TrimAndRespondLoop):
    """Holds ``chw_supply_temp_setpoint_c``: a valve over 95 % is one request, three with the air 1 K too warm."""

    channel = "chw_supply_temp_setpoint_c"
    reads = ("coil_valve_frac", "zone_supply_c", "in_force.supply_air_temp_setpoint_c", "wet_bulb_c")

    def requests(self, measurements: Measurements) -> Floats:
        """Requests of all coils ``(1, B)``."""
        valve = measurements["coil_valve_frac"]
        over = measurements["zone_supply_c"] > measurements["in_force.supply_air_temp_setpoint_c"] + 1.0
        starved = valve > 0.95
        return (starved + 2.0 * (starved & over)).sum(axis=0, keepdims=True).astype(valve.dtype)


@dataclass(frozen=True)
class CondenserReset(Parameters):
    """Constants of the condenser-water reset."""

    approach_k: float = parameter(3.0, 0.5, 15.0, "K", "PHYSICS i3 (MBL)")
    part_load_k: float = parameter(0.0, 0.0, 10.0, "K", 'SCENARIOS "Condenser water reset", load-aware form: 3')
    low: float = parameter(15.6, 5.0, 35.0, "degC", "PHYSICS i3 (MBL)")
    high: float = parameter(29.4, 5.0, 40.0, "degC", "PHYSICS i3 (MBL)")

    def setpoint_c(self, wet_bulb_c: Floats | float) -> Floats:
        """Setpoint of a plant at full load [degC], shaped like the wet bulb."""
        return np.clip(wet_bulb_c + self.approach_k, self.low, self.high)


class CondenserWaterReset:
    """Holds ``cw_supply_temp_setpoint_c`` at the wet bulb plus an approach, clipped; an outdoor reset adds to that."""

    channel = "cw_supply_temp_setpoint_c"
    reads = ("wet_bulb_c", "chiller_plr_frac")

    def __init__(self, constants: CondenserReset, outdoor: OutdoorReset | None = None) -> None:
        self.constants = constants
        self.outdoor = outdoor or OutdoorReset()

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing to forget."""

    def act(self, measurements: Measurements) -> Setpoints:
        """Setpoint of the plant ``(1, B)``."""
        c = self.constants
        wet_bulb = measurements["wet_bulb_c"]
        target = wet_bulb + c.approach_k
        if np.any(c.part_load_k) and "chiller_plr_frac" in measurements:
            target = target + c.part_load_k * (1.0 - np.clip(measurements["chiller_plr_frac"], 0.0, 1.0))
        held = np.clip(target, c.low, c.high) + self.outdoor.added(self.channel, measurements)
        return {self.channel: held.astype(wet_bulb.dtype)}
