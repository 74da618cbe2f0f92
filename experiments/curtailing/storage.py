"""A battery that takes part in a curtailment: it gives first, limits on jobs take the rest; behind the end it charges.

What it holds is spread over the event, because limits cost the more work the deeper they go:

    gives     = min(what is above the target, what it holds / time left, rating)
    charges   = min(room under the ceiling, what it lacks / time left, rating)

What is above the target is what the site took in the last step without the battery, what limits held back, less the
jobs that end. A job that starts in the step is held by limits for a minute.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.equipment.battery import Battery
from envs.scenario import Scenario

Floats = NDArray[np.float64]
CHANNEL = "battery_power_kw"
UNDER_CEILING = 0.98  # of it, or of the site's limit, up to which charging goes; engineering guess
SPARE_S = 3600.0  # before the day's end by which charging means to be done; engineering guess
RATED_H = 2.0  # in which a battery of one's own gives all that it holds; engineering guess
MOST_KWH_PER_MW = 100_000.0


class Stored(NamedTuple):
    """What a battery did in the day that begins with an event, each ``(B,)`` [kWh].

    Attributes
    ----------
    gave, took : ndarray
        At its terminals; what it took is on the site's meter.
    short : ndarray
        What it could give less at the day's end than before the event.
    """

    gave: Floats
    took: Floats
    short: Floats


def with_battery(scenario: Scenario, kwh_per_mw: float, hours: float) -> Scenario:
    """The scenario with a battery that can give so much at its terminals; 0 keeps its own.

    Parameters
    ----------
    scenario : Scenario
    kwh_per_mw : float
        By MW of the site's limit [kWh/MW].
    hours : float
        Of the event [h]; the rating gives all in the event, or in `RATED_H` where that is shorter.

    Raises
    ------
    ValueError
        For a size out of range, or where there is no battery at all.
    """
    if not 0.0 <= kwh_per_mw <= MOST_KWH_PER_MW:
        raise ValueError(
            f"storage_kwh_per_mw = {kwh_per_mw}; give 0 (the scenario's own battery) to {MOST_KWH_PER_MW:g} kWh per MW"
        )
    battery = scenario.battery
    if kwh_per_mw:
        limit_kw = min(float(scenario.power.utility_limit_kw), float(scenario.power.ups_limit_kw))
        usable_kwh, law = kwh_per_mw * limit_kw / 1000.0, Battery()
        window = law.one_way_efficiency_frac * (law.soc_max_frac - law.soc_min_frac)
        battery = Battery(power_kw=usable_kwh / min(hours, RATED_H), capacity_kwh=usable_kwh / window)
    if battery is None:
        raise ValueError(
            f"ways: storage needs a battery, and scenario {scenario.name!r} has none; give storage_kwh_per_mw, such "
            "as 300, or a scenario with a battery"
        )
    channels = [*scenario.agent_channels, *([] if CHANNEL in scenario.agent_channels else [CHANNEL])]
    return replace(scenario, battery=battery, agent_channels=channels)


class StorageShare:
    """Commands the batteries of a core's sites around an event, step by step.

    Parameters
    ----------
    core : DataCenterCore
        With jobs that hold a target.
    day_s : float
        From the event's beginning until charging is over [s].
    step_s : float
    """

    def __init__(self, core: DataCenterCore, day_s: float, step_s: float) -> None:
        assert core.jobs is not None and core.jobs.curtailment is not None and core.scenario.battery is not None
        self.core, self.held, self.table = core, core.jobs.curtailment, core.jobs.jobs.table
        self.law, self.day_s, self.step_s = core.scenario.battery, day_s, step_s
        self.limit_kw = core.plant.layout.provisioned_kw
        self.begun_kwh = self.usable_kwh()
        self.gave_kwh = self.took_kwh = np.zeros(len(self.begun_kwh))

    def usable_kwh(self) -> Floats:
        """What the batteries can give at their terminals ``(B,)`` [kWh]."""
        held = np.asarray(self.core.flows.battery_soc_frac, np.float64) - float(self.law.soc_min_frac)
        return np.asarray(np.maximum(held, 0.0) * self.law.capacity_kwh * self.law.one_way_efficiency_frac)

    def command_kw(self) -> Floats:
        """Power of the coming step ``(B,)`` [kW], charging positive; the limits on jobs are told of it."""
        flows, target, since_s = self.core.flows, self.held.target, self.held.since_s
        own_kw = np.asarray(flows.grid_power_kw - flows.battery_power_kw, np.float64)
        asks_kw = own_kw + self.held.to_come_kw(self.table, self.step_s)
        middle_s = since_s + 0.5 * self.step_s
        inside = (middle_s >= target.start_s) & (middle_s < target.end_s)
        left_h = np.maximum(target.end_s - since_s, self.step_s) / 3600.0
        gives = np.minimum(np.maximum(asks_kw - target.at(since_s, self.step_s), 0.0), self.usable_kwh() / left_h)
        charging = (middle_s >= target.end_s + target.release_s) & (middle_s < self.day_s)
        recovers = middle_s < target.end_s + target.recovery_s
        room = UNDER_CEILING * np.where(recovers, target.ceiling_kw, self.limit_kw) - asks_kw
        eta2 = float(self.law.one_way_efficiency_frac) ** 2
        lacks_kwh = np.maximum(self.begun_kwh - self.usable_kwh(), 0.0) / eta2
        hours = max(self.day_s - SPARE_S - since_s, self.step_s) / 3600.0
        takes = np.where(charging, np.minimum(np.maximum(room, 0.0), lacks_kwh / hours), 0.0)
        power = np.clip(np.where(inside, -gives, takes), -self.law.power_kw, self.law.power_kw)
        self.held.battery_kw = power
        return np.asarray(power, np.float64)

    def book(self) -> None:
        """Count what the last step gave and took."""
        kwh = np.asarray(self.core.flows.battery_power_kw, np.float64) * self.step_s / 3600.0
        self.gave_kwh = self.gave_kwh + np.maximum(-kwh, 0.0)
        self.took_kwh = self.took_kwh + np.maximum(kwh, 0.0)

    def stored(self) -> Stored:
        """What was given and taken so far."""
        return Stored(self.gave_kwh, self.took_kwh, np.maximum(self.begun_kwh - self.usable_kwh(), 0.0))
