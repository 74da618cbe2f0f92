"""A simulated hall as a BACnet device: analog inputs for points, commandable analog values for setpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.analog import AnalogInputObject, AnalogValueObjectCmd
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import Real

from agents.live.clock import Clock
from agents.live.connectors.bacnet import CONNECTION
from agents.live.point_map import LiveMap
from agents.live.reading import Key
from experiments.simulated_site.background_site import BackgroundSite
from experiments.simulated_site.hall import SimulatedHall

DEVICE = 3_055


class CommandedValue(AnalogValueObjectCmd):
    """An analog value that tells when its priority array changed."""

    _told: Callable[[], None] | None = None

    async def write_property(self, attr: Any, value: Any, index: Any = None, priority: Any = None) -> None:
        """Take a write, then tell."""
        await super().write_property(attr, value, index, priority)
        if self._told is not None:
            self._told()


class BacnetSite(BackgroundSite):
    """Serves the objects of a point map.

    Parameters
    ----------
    site : LiveMap
    hall : SimulatedHall
    clock : Clock
    """

    CONNECTION = CONNECTION

    def __init__(self, site: LiveMap, hall: SimulatedHall, clock: Clock) -> None:
        super().__init__(site, hall, clock)
        self.inputs: dict[Key, Any] = {}
        self.values: dict[Key, CommandedValue] = {}
        self._app: NormalApplication | None = None

    async def _begin(self) -> None:
        device = DeviceObject(
            objectIdentifier=("device", DEVICE), objectName="simulated hall", vendorIdentifier=999,
            maxApduLengthAccepted=1476,
        )  # fmt: skip
        self._app = NormalApplication(device, IPv4Address(f"{self.told['host']}:{self.told['port']}"))
        for point in self.site.points:
            if point.fixed is None:
                self.inputs[point.place.key] = self._added(AnalogInputObject, point.place.address, str(point.place.key))
        for setpoint in self.site.setpoints:
            made = self._added(CommandedValue, setpoint.place.address, str(setpoint.place.key))
            made._told = lambda key=setpoint.channel: self._commanded(key)
            self.values[setpoint.channel] = made
        await self._show()

    def _added(self, kind: Any, address: str, name: str) -> Any:
        made = kind(
            objectIdentifier=address, objectName=name, presentValue=0.0,
            eventState="normal", outOfService=False, units="noUnits",
        )  # fmt: skip
        assert self._app is not None
        self._app.add_object(made)
        return made

    async def _show(self) -> None:
        values = self.hall.values()
        for place in self.site.places():
            if place.key in self.inputs:
                self.inputs[place.key].presentValue = Real(place.theirs(values[place.key]))
        for setpoint in self.site.setpoints:
            if setpoint.channel not in self.hall.commands:
                made = self.values[setpoint.channel]
                made.relinquishDefault = Real(setpoint.place.theirs(values[setpoint.place.key]))
                made.recalculating()

    async def _end(self) -> None:
        if self._app is not None:
            self._app.close()

    def _commanded(self, key: Key) -> None:
        made = self.values[key]
        if made.currentCommandPriority.unsigned is None:
            self.hall.relinquish(key)
        else:
            self.hall.command(key, self.site.setpoint(key).place.ours(float(made.presentValue)))
