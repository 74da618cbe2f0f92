"""Site battery: a store of energy with converter losses, power and charge limits (PHYSICS F5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from envs.parameters import Parameters, parameter
from envs.physics.namespace import Array, clip, lower, namespace, upper
from envs.physics.readings import Readings
from envs.units import SECONDS_PER_HOUR


@dataclass(frozen=True)
class Battery(Parameters):
    """Ratings at the terminals; defaults are those of the ai_hall scenario."""

    power_kw: float = parameter(1000.0, 0.0, 1e6, "kW", "SCENARIOS ai_hall")
    capacity_kwh: float = parameter(2000.0, 0.1, 1e7, "kWh", "SCENARIOS ai_hall")
    one_way_efficiency_frac: float = parameter(0.94, 0.5, 1.0, "1", "PHYSICS F5, 0.92 to 0.95")
    soc_min_frac: float = parameter(0.10, 0.0, 1.0, "1", "PHYSICS F5")
    soc_max_frac: float = parameter(0.95, 0.0, 1.0, "1", "PHYSICS F5")
    ramp_kw_s: float = parameter(1e6, 1e-3, 1e9, "kW/s", "engineering guess: a converter is not the limit")

    def __post_init__(self) -> None:
        """Check the ranges and that the charge window is not empty."""
        super().__post_init__()
        if np.any(np.asarray(self.soc_min_frac) >= np.asarray(self.soc_max_frac)):
            raise ValueError(
                f"Battery.soc_min_frac = {self.soc_min_frac!r} is not below soc_max_frac = {self.soc_max_frac!r}; "
                "give a window such as 0.10 and 0.95"
            )


class BatteryState(NamedTuple):
    """Charge and the power it last ran at, ``(B,)``."""

    soc_frac: Array
    power_kw: Array


class BatteryFlows(NamedTuple):
    """What was really done, means of the sub-step ``(B,)`` [kW]."""

    power_kw: Array
    """At the terminals, charging positive."""
    loss_kw: Array
    """Turned into heat in the converter and the cells; never negative."""
    stored_kw: Array
    """Gained by the cells: ``power - loss``."""


def initial(p: Battery, n: int, soc_frac: float = 0.5, dtype: DTypeLike = np.float32) -> BatteryState:
    """State of ``n`` batteries at rest at a charge, held in the allowed window."""
    soc = np.clip(np.full(n, soc_frac), p.soc_min_frac, p.soc_max_frac).astype(dtype)
    return BatteryState(soc, np.zeros_like(soc))


def reported(p: Battery, state: BatteryState) -> dict[str, Array]:
    """The charge as its management system reports it ``(B,)``."""
    return {"battery_soc_frac": state.soc_frac}


def corrected(p: Battery, state: BatteryState, seen: Readings, gain: float) -> BatteryState:
    """State that follows a real battery: the charge is as reported; there is nothing to pull by ``gain``."""
    return state._replace(soc_frac=seen.reported_value(state.soc_frac, "battery_soc_frac"))


def advance(
    p: Battery, state: BatteryState, command_kw: Array, dt_s: float, load_kw: Array | None = None
) -> tuple[BatteryState, BatteryFlows]:
    """One sub-step: ``soc' = soc + (eta P_c - P_d/eta) dt/E`` (PHYSICS F5).

    Parameters
    ----------
    p : Battery
        Parameters.
    state : BatteryState
        At the start of the sub-step.
    command_kw : array
        Power asked for at the terminals ``(B,)`` [kW], charging positive; cut to the ramp, the rating and what the
        charge window leaves over this sub-step.
    dt_s : float
        Sub-step [s].
    load_kw : array, optional
        Load of the site ``(B,)`` [kW]: given, the battery never delivers more (no export).

    Notes
    -----
    A round trip keeps ``eta^2`` of the energy: cycling never pays by itself. The charge window goes before the ramp.
    """
    eta, hours = p.one_way_efficiency_frac, dt_s / SECONDS_PER_HOUR
    ramp = p.ramp_kw_s * dt_s
    power = clip(clip(command_kw, -p.power_kw, p.power_kw), state.power_kw - ramp, state.power_kw + ramp)
    if load_kw is not None:
        power = namespace(power).maximum(power, -load_kw)
    room = upper((p.soc_max_frac - state.soc_frac) * (p.capacity_kwh / (eta * hours)), 0.0)
    content = upper((state.soc_frac - p.soc_min_frac) * (p.capacity_kwh * eta / hours), 0.0)
    power = clip(power, -content, room)
    charged, delivered = upper(power, 0.0), lower(power, 0.0)
    loss = charged * (1.0 - eta) - delivered * (1.0 / eta - 1.0)
    stored = charged * eta + delivered / eta
    soc = state.soc_frac + stored * (hours / p.capacity_kwh)
    return BatteryState(soc, power), BatteryFlows(power, loss, stored)
