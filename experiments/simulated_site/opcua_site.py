"""A simulated hall as an OPC UA server: variables for points and setpoints, a boolean that puts a setpoint in force."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua import Server, ua
from asyncua.common.callback import CallbackType

from agents.live.clock import Clock
from agents.live.connectors.opcua import CONNECTION
from agents.live.point_map import LiveMap
from experiments.simulated_site.background_site import BackgroundSite
from experiments.simulated_site.hall import SimulatedHall


class OpcuaSite(BackgroundSite):
    """Serves the nodes of a point map.

    Parameters
    ----------
    site : LiveMap
    hall : SimulatedHall
    clock : Clock
    """

    CONNECTION = CONNECTION
    WAIT_S = 30.0

    def __init__(self, site: LiveMap, hall: SimulatedHall, clock: Clock) -> None:
        super().__init__(site, hall, clock)
        self.nodes: dict[str, Any] = {}
        self.by_value = {s.place.address: s for s in site.setpoints}
        self.by_flag = {s.enable: s for s in site.setpoints if s.enable}
        self.written: dict[Any, float] = {}
        self._server: Server | None = None

    async def _begin(self) -> None:
        server = Server()
        await server.init()
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])  # it is on loopback, and has no password
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        server.set_endpoint(str(self.told["url"]))
        await server.register_namespace("urn:coldaisle:simulated-hall")
        for place in self.site.places():
            await self._add(server, place.address, 0.0, place.address in self.by_value)
        for flag in self.by_flag:
            await self._add(server, flag, False, True)
        server.subscribe_server_callback(CallbackType.PostWrite, self._taken)
        self._server = server
        await self._show()
        await server.start()

    async def _add(self, server: Server, address: str, value: float | bool, writable: bool) -> None:
        node = await server.nodes.objects.add_variable(ua.NodeId.from_string(address), address.split("=")[-1], value)
        if writable:
            await node.set_writable()
        self.nodes[address] = node

    async def _show(self) -> None:
        values = self.hall.values()
        for place in self.site.places():
            is_commanded = place.address in self.by_value and self.by_value[place.address].channel in self.hall.commands
            if not is_commanded:
                await self.nodes[place.address].write_value(place.theirs(values[place.key]))

    async def _end(self) -> None:
        if self._server is not None:
            await self._server.stop()

    async def _taken(self, event: Any, dispatcher: object) -> None:
        """What a client wrote: a value, or a flag that puts it in force or takes it out."""
        await asyncio.sleep(0)
        if not event.is_external:
            return
        for told, status in zip(event.request_params.NodesToWrite, event.response_params):
            address = told.NodeId.to_string()
            if not status.is_good():
                continue
            if address in self.by_value:
                setpoint = self.by_value[address]
                self.written[setpoint.channel] = setpoint.place.ours(float(told.Value.Value.Value))
                if setpoint.channel in self.hall.commands:
                    self.hall.command(setpoint.channel, self.written[setpoint.channel])
            elif address in self.by_flag:
                setpoint = self.by_flag[address]
                if told.Value.Value.Value:
                    self.hall.command(setpoint.channel, self.written[setpoint.channel])
                else:
                    self.hall.relinquish(setpoint.channel)
