"""What every protocol's server of a simulated hall has in common: started, shown new values, stopped."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from agents.live.clock import Clock
from agents.live.point_map import LiveMap
from agents.live.reading import ConnectorFault
from experiments.simulated_site.hall import SimulatedHall


class SiteServer(Protocol):
    """A hall behind a protocol."""

    def start(self) -> None:
        """Listen; returns when it can be reached."""

    def publish(self) -> None:
        """Show the hall's values of now, and the site's own setpoints where none is commanded."""

    def stop(self) -> None:
        """End; the port is free again."""


def server_of(site: LiveMap, hall: SimulatedHall, clock: Clock) -> SiteServer:
    """The server of a point map's protocol.

    Raises
    ------
    ConnectorFault
        Where a hall cannot be put behind it.
    """
    if site.protocol not in SERVERS:
        raise ConnectorFault(f"no simulated hall behind {site.protocol}; choose one of {', '.join(SERVERS)}")
    module = import_module(f"experiments.simulated_site.{site.protocol}_site")
    return cast("SiteServer", getattr(module, SERVERS[site.protocol])(site, hall, clock))


#: Protocol to the class of its server, in the module ``<protocol>_site``.
SERVERS = {
    "bacnet": "BacnetSite",
    "modbus": "ModbusSite",
    "mqtt": "MqttSite",
    "opcua": "OpcuaSite",
    "redfish": "RedfishSite",
}
