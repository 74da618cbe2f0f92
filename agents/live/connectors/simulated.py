"""A simulated building that lives in this process: read and written without a protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from agents.live.clock import Clock
from agents.live.point_map import LiveMap
from agents.live.reading import ConnectorFault, Key, Reading, Readings, WriteNote

CONNECTION: Mapping[str, Any] = {}


class Hall(Protocol):
    """A building that is played: `experiments.simulated_site` has one."""

    def values(self) -> dict[Key, float]:
        """Every point, and each setpoint in force as ``in_force.<channel>``; our units."""

    def command(self, key: Key, value: float) -> None:
        """Put a setpoint over the site's own, by channel and row."""

    def relinquish(self, key: Key) -> None:
        """Leave a setpoint to the site's own controller."""


class SimulatedConnector:
    """Reads and writes a hall directly.

    Parameters
    ----------
    site : LiveMap
    clock : Clock
    hall : Hall
    """

    def __init__(self, site: LiveMap, clock: Clock, hall: Hall) -> None:
        self.site, self.clock, self.hall = site, clock, hall

    def read(self) -> Readings:
        """Every mapped value, as of now."""
        values, now = self.hall.values(), self.clock.now()
        missing = [str(p.key) for p in self.site.places() if p.key not in values]
        if missing:
            raise ConnectorFault(f"the simulated hall has no {', '.join(missing[:5])}; take them out of the point map")
        return {place.key: Reading(values[place.key], now) for place in self.site.places()}

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Command the hall's setpoints."""
        for key, value in values.items():
            self.hall.command(key, value)

    def read_back(self, keys: Collection[Key]) -> dict[Key, float]:
        """Setpoints in force."""
        values = self.hall.values()
        return {key: values[self.site.setpoint(key).place.key] for key in keys}

    def release(self) -> None:
        """Relinquish every mapped setpoint."""
        for setpoint in self.site.setpoints:
            self.hall.relinquish(setpoint.channel)

    def holder(self, key: Key) -> str | None:
        """None: such a building does not say whose command stands."""
        return None

    def close(self) -> None:
        """Nothing to give up."""


def check_address(address: str, where: str) -> None:
    """Any address will do: values are found by name."""


def connector(site: LiveMap, clock: Clock) -> SimulatedConnector:
    """Refused: such a hall is made by the program that runs it."""
    raise ConnectorFault(f"{site.path}: a simulated hall is opened by `coldaisle serve`, nobody else can reach it")
