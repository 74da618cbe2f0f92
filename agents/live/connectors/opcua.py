"""OPC UA: reads values with their status and source time, writes variables, hands back by a fallback and a flag.

It reads, and does not subscribe: a subscription of a server that restarted is silent. A connection that failed once is
opened anew at the next call. OPC UA has no release: a fallback is written, and then the boolean ``enable`` is cleared,
where a point has one. OPC 10000-4 (services), 10000-8 (status codes).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.live.background_loop import BackgroundLoop
from agents.live.clock import Clock
from agents.live.connectors.polled import PolledConnector
from agents.live.events import secret_from
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Reading, Readings, Unreachable, WriteNote

if TYPE_CHECKING:
    from asyncua import Client

CONNECTION: Mapping[str, Any] = {
    "url": "opc.tcp://127.0.0.1:4840", "user": "", "password_env": "", "security": "", "timeout_s": 4.0,
    "stamps": "server",
}  # fmt: skip
STAMPS = ("server", "source")


class OpcuaConnector(PolledConnector):
    """One OPC UA server.

    Parameters
    ----------
    site : LiveMap
        ``connection``: ``url``, ``user`` and ``password_env``, a ``security`` string of asyncua for certificates,
        ``timeout_s``, and ``stamps``: ``source`` believes the time of the values, ``server`` stamps when it read them.
    clock : Clock
    """

    def __init__(self, site: LiveMap, clock: Clock) -> None:
        super().__init__(site, clock, CONNECTION)
        self.url = str(self.told["url"])
        self._loop: BackgroundLoop | None = None
        self._client: Client | None = None

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Write each setpoint, then set its flag."""
        for key, value in values.items():
            setpoint = self.site.setpoint(key)
            self._put(setpoint.place.address, setpoint.place.theirs(value))
            if setpoint.enable:
                self._put(setpoint.enable, True)

    def _hand_back(self, setpoint: MappedSetpoint) -> None:
        """Write the fallback, then clear the flag."""
        if setpoint.fallback is not None:
            self._put(setpoint.place.address, setpoint.place.theirs(setpoint.fallback))
        if setpoint.enable:
            self._put(setpoint.enable, False)

    def close(self) -> None:
        """End session and connection: a server keeps few of them."""
        self._forget()
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.close()

    def _read(self, places: Sequence[Place]) -> Readings:
        asked = self.clock.now()
        told = self._call("a read", self._values([p.address for p in places]))
        return {place.key: self._reading(place, value, asked) for place, value in zip(places, told)}

    def _reading(self, place: Place, told: Any, asked: float) -> Reading:
        stamp = asked
        if self.told["stamps"] == "source" and isinstance(told.SourceTimestamp, dt.datetime):
            source = told.SourceTimestamp
            stamp = (source if source.tzinfo else source.replace(tzinfo=dt.UTC)).timestamp()
        if not told.StatusCode.is_good():
            return Reading(math.nan, stamp, False, f"its status is {told.StatusCode.name}")
        value = told.Value.Value if told.Value is not None else None
        if isinstance(value, bool):
            value = float(value)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return Reading(math.nan, stamp, False, f"its value is {str(value)[:40]!r}, no finite number")
        return Reading(place.ours(float(value)), stamp)

    def _put(self, address: str, value: float | bool) -> None:
        self._call(f"writing {value:g} to {address}", self._write(address, value))

    async def _values(self, addresses: Sequence[str]) -> list[Any]:
        from asyncua import ua

        client = await self._connected()
        nodes = [ua.NodeId.from_string(address) for address in addresses]
        return list(await client.uaclient.read_attributes(nodes, ua.AttributeIds.Value))

    async def _write(self, address: str, value: float | bool) -> None:
        from asyncua import ua

        client = await self._connected()
        node = client.get_node(ua.NodeId.from_string(address))
        kind = ua.VariantType.Boolean if isinstance(value, bool) else await node.read_data_type_as_variant_type()
        whole = kind not in (ua.VariantType.Float, ua.VariantType.Double, ua.VariantType.Boolean)
        await node.write_value(ua.DataValue(ua.Variant(round(value) if whole else value, kind)))

    async def _connected(self) -> Client:
        if self._client is None:
            from asyncua import Client

            client = Client(self.url, timeout=float(self.told["timeout_s"]))
            if self.told["user"]:
                client.set_user(self.told["user"])
                client.set_password(secret_from(self.told["password_env"], "password of the OPC UA server"))
            if self.told["security"]:
                await client.set_security_string(self.told["security"])
            await client.connect()
            self._client = client
        return self._client

    def _call(self, what: str, work: Any) -> Any:
        from asyncua.ua.uaerrors import BadNotWritable, BadTypeMismatch, BadUserAccessDenied

        if self._loop is None:
            self._loop = BackgroundLoop("opcua")
        try:
            return self._loop.call(work, 3.0 * float(self.told["timeout_s"]))
        except (BadNotWritable, BadTypeMismatch, BadUserAccessDenied) as refusal:
            raise ConnectorFault(
                f"opcua {self.url}: {what} was refused ({refusal}); check node, type and rights"
            ) from None
        except (TimeoutError, asyncio.CancelledError):
            self._forget()
            raise Unreachable(
                f"opcua {self.url}: {what} was not answered within {3.0 * float(self.told['timeout_s']):g} s"
            ) from None
        except Exception as error:  # garbage on the wire ends in any of the library's errors
            self._forget()
            raise Unreachable(
                f"opcua {self.url}: {what} failed ({type(error).__name__}: {str(error)[:120]}); check server and nodes"
            ) from error

    def _forget(self) -> None:
        """Give up a connection without waiting for a server that may be gone."""
        client, self._client = self._client, None
        if client is not None and self._loop is not None:
            asyncio.run_coroutine_threadsafe(_disconnected(client), self._loop.loop)


async def _disconnected(client: Client) -> None:
    try:
        await asyncio.wait_for(client.disconnect(), 1.0)
    except Exception:
        client.disconnect_socket()


def check_address(address: str, where: str) -> None:
    """Refuse what is no node id."""
    parts = dict(part.partition("=")[::2] for part in address.split(";"))
    kinds = [kind for kind in ("i", "s", "g", "b") if kind in parts]
    number = parts.get("ns", "0")
    if len(kinds) != 1 or not parts[kinds[0]] or not number.isdigit() or (kinds == ["i"] and not parts["i"].isdigit()):
        raise ValueError(
            f"{where}: address = {address!r} is no node id; give one such as ns=2;s=hall/supply or ns=2;i=7"
        )


def connector(site: LiveMap, clock: Clock) -> OpcuaConnector:
    """A connector to one server.

    Raises
    ------
    ModuleNotFoundError
        Where asyncua is not installed.
    ValueError
        For unknown stamps, or a setpoint that could not be handed back.
    """
    import logging

    import asyncua  # noqa: F401  -- at the door

    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    made = OpcuaConnector(site, clock)
    if made.told["stamps"] not in STAMPS:
        raise ValueError(f"{site.path}: stamps = {made.told['stamps']!r}; choose one of {', '.join(STAMPS)}")
    for s in site.setpoints:
        if s.fallback is None:
            raise ValueError(
                f"{site.path}, line {s.place.line}: {s.channel} has no fallback; give the value [our unit] that hands "
                "it back, OPC UA has no other way"
            )
    return made
