"""What connectors have in common whose building is asked value by value: reading, reading back, handing back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from agents.live.clock import Clock
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Readings, Unreachable


class PolledConnector:
    """Asks and commands a building place by place.

    Parameters
    ----------
    site : LiveMap
        Its ``connection`` is laid over the protocol's own.
    clock : Clock
    connection : mapping
        Keys of the protocol's connection and what they are where the map says nothing.
    """

    #: What is said of a setpoint that could not be handed back.
    NOT_HANDED_BACK: ClassVar[str] = "not every point was handed back"

    def __init__(self, site: LiveMap, clock: Clock, connection: Mapping[str, Any]) -> None:
        self.site, self.clock = site, clock
        self.told = {**connection, **site.connection}

    def read(self) -> Readings:
        """Every mapped value."""
        return self._read(self.site.places())

    def read_back(self, keys: Collection[Key]) -> dict[Key, float]:
        """What the building shows of the setpoints."""
        places = {self.site.setpoint(key).place.key: key for key in keys}
        found = self._read([p for p in self.site.places() if p.key in places])
        return {places[key]: reading.value for key, reading in found.items()}

    def release(self) -> None:
        """Hand every setpoint back; what fails is told after all were tried, unless nobody answers at all."""
        failed = []
        for setpoint in self.site.setpoints:
            try:
                self._hand_back(setpoint)
            except ConnectorFault as fault:
                failed.append(str(fault))
                if isinstance(fault, Unreachable):
                    break
        if failed:
            raise ConnectorFault(f"{self.NOT_HANDED_BACK}: {failed[0]}")

    def holder(self, key: Key) -> str | None:
        """None: such a building does not say whose command stands."""
        return None

    def _read(self, places: Sequence[Place]) -> Readings:
        """Values of some places."""
        raise NotImplementedError

    def _hand_back(self, setpoint: MappedSetpoint) -> None:
        """Hand one setpoint back to the site's own controller."""
        raise NotImplementedError
