"""Ways to a building: one module a protocol, whose library is imported when a connection is opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from agents.live.clock import Clock
from agents.live.point_map import LiveMap, Place
from agents.live.reading import Key, Readings, WriteNote
from envs.unknown_name import unknown_name

#: Protocol to module, what it speaks with, and in which package that comes.
PROTOCOLS: dict[str, str] = {
    "simulated": "a simulated hall in the same process",
    "bacnet": "BACnet/IP, by bacpypes3",
    "modbus": "Modbus TCP, by pymodbus",
    "mqtt": "DSX Exchange over MQTT, by paho-mqtt",
    "opcua": "OPC UA, by asyncua",
    "redfish": "Redfish over HTTP",
    "nvml": "power limits of NVIDIA accelerators, by nvidia-ml-py",
    "table": "a CSV or Parquet file that is read again row by row",
}


#: What a template has where only the building knows.
OPEN = "?"


class Connector(Protocol):
    """A building that can be read, written and handed back. No call waits longer than its connection's timeout."""

    def read(self) -> Readings:
        """Every mapped value, each with quality and stamp.

        Raises
        ------
        ConnectorFault
            Where the building cannot be reached.
        """

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Write setpoints ``{channel and row: value}`` in our units.

        Raises
        ------
        ConnectorFault
            Where one was not taken.
        """

    def read_back(self, keys: Collection[Key]) -> dict[Key, float]:
        """What the building shows in force of setpoints that were just written, in our units.

        Raises
        ------
        ConnectorFault
            Where it cannot be reached.
        """

    def release(self) -> None:
        """Hand every setpoint back to the site's own controller; also those that this program never wrote.

        Raises
        ------
        ConnectorFault
            Where one could not be handed back.
        """

    def holder(self, key: Key) -> str | None:
        """Who else commands a setpoint, over the loop's head; empty: nobody; None: the protocol cannot tell.

        Raises
        ------
        ConnectorFault
            Where the building cannot be reached.
        """

    def close(self) -> None:
        """Give up connections; a setpoint is not released by it."""


def connector_of(site: LiveMap, clock: Clock) -> Connector:
    """A connector for a point map; nothing is sent before its first call.

    Raises
    ------
    ModuleNotFoundError
        Where the protocol's library is not installed.
    """
    module = _module(site.protocol)
    return cast("Connector", module.connector(site, clock))


def check_address(protocol: str, address: str, where: str) -> None:
    """Refuse an address that the protocol does not have.

    Raises
    ------
    ValueError
        Naming ``where``, the address, its form and an example.
    """
    _module(protocol).check_address(address, where)


def objects_of(protocol: str, place: Place) -> tuple[str, ...]:
    """What a checked place takes up in the building: two values that share any of it stand on one object."""
    module = _module(protocol)
    return tuple(module.objects_of(place)) if hasattr(module, "objects_of") else (place.address.strip(),)


def check_connection(protocol: str, connection: Mapping[str, Any], where: str) -> None:
    """Refuse a key of ``connection`` that the protocol does not know, or a value of the wrong kind.

    Raises
    ------
    ValueError
        Naming ``where``, key, value and mend.
    """
    defaults: Mapping[str, Any] = _module(protocol).CONNECTION
    for key, value in connection.items():
        if key not in defaults:
            raise ValueError(f"{where}: {unknown_name('key of connection', str(key), defaults)}")
        if value == OPEN:
            raise ValueError(f"{where}: {key} is still open; give your building's own")
        kind = type(defaults[key])
        wanted = (int, float) if kind is float else (kind,)
        if not isinstance(value, wanted) or isinstance(value, bool) != (kind is bool):
            raise ValueError(f"{where}: {key} = {str(value)[:60]!r}; give a {kind.__name__}, as {defaults[key]!r}")


def connection_of(protocol: str) -> dict[str, Any]:
    """Keys of the protocol's connection and what they are where a map says nothing."""
    return dict(_module(protocol).CONNECTION)


def _module(protocol: str) -> Any:
    return import_module(f"agents.live.connectors.{protocol}")
