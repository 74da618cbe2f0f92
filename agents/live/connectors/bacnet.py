"""BACnet/IP: polls present values with their status flags, commands by the priority array, relinquishes by Null.

It polls: subscriptions to changes of value end without a word when a device restarts. Each value is stamped when it was
asked for, so that a slow device shows as a stale one. ASHRAE 135-2020, clauses 12 (objects), 15.7 and 15.9 (services),
19.2 (command prioritisation).
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.live.background_loop import BackgroundLoop
from agents.live.clock import Clock
from agents.live.connectors.polled import PolledConnector
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Patience, Reading, Readings, Unreachable, WriteNote
from envs.unknown_name import unknown_name

if TYPE_CHECKING:
    from bacpypes3.ipv4.app import NormalApplication

CONNECTION: Mapping[str, Any] = {
    "host": "127.0.0.1", "port": 47808, "local_host": "", "local_port": 0, "timeout_s": 3.0, "retries": 1,
    "batch": 20, "device": 3_056,
}  # fmt: skip
KINDS = (
    *("analog-input", "analog-output", "analog-value", "binary-input", "binary-output", "binary-value"),
    *("multi-state-input", "multi-state-output", "multi-state-value", "large-analog-value"),
)
WRITABLE = tuple(kind for kind in KINDS if not kind.endswith("-input"))
FLAGS = ("in-alarm", "fault", "overridden", "out-of-service")
BAD_FLAGS = (1, 3)  # an alarm or a local override is a true reading
HIGHEST_INSTANCE = 4_194_302


class BacnetConnector(PolledConnector):
    """One BACnet device.

    Parameters
    ----------
    site : LiveMap
        ``connection``: host and port of the device; ``local_host``, ``local_port`` and ``device`` of this side (empty
        and 0: any); ``timeout_s`` of one try and ``retries``; ``batch`` of objects in one request.
    clock : Clock
    """

    NOT_HANDED_BACK = "not every point was relinquished"

    def __init__(self, site: LiveMap, clock: Clock) -> None:
        super().__init__(site, clock, CONNECTION)
        told = self.told
        self.address = f"{told['host']}:{told['port']}"
        self.once_s = (1 + told["retries"]) * told["timeout_s"] + 1.0
        self._loop: BackgroundLoop | None = None
        self._app: NormalApplication | None = None

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Command each setpoint at its priority."""
        for key, value in values.items():
            setpoint = self.site.setpoint(key)
            self._command(setpoint.place, setpoint.place.theirs(value), setpoint.priority)

    def _hand_back(self, setpoint: MappedSetpoint) -> None:
        """Write Null at the setpoint's priority."""
        self._command(setpoint.place, None, setpoint.priority)

    def holder(self, key: Key) -> str | None:
        """The highest priority above the loop's own at which the object is commanded."""
        setpoint = self.site.setpoint(key)
        for number, value in enumerate(self._call(self._commands(setpoint.place)), start=1):
            if number < setpoint.priority and value is not None:
                return f"BACnet priority {number}"
        return ""

    def close(self) -> None:
        """Give up the port."""
        loop, self._loop = self._loop, None
        app, self._app = self._app, None
        if loop is not None:
            if app is not None:
                loop.loop.call_soon_threadsafe(app.close)
            loop.close()

    def _read(self, places: Sequence[Place]) -> Readings:
        found: Readings = {}
        batch = int(self.told["batch"])
        patience = Patience(f"bacnet {self.address}")
        for first in range(0, len(places), batch):
            part = places[first : first + batch]
            patience.require()
            asked = self.clock.now()
            answer = self._call(self._properties(part))
            for place in part:
                found[place.key] = self._reading(place, answer.get(place.address, {}), asked)
        return found

    def _reading(self, place: Place, told: Mapping[str, Any], stamp: float) -> Reading:
        value, flags = told.get("present-value"), told.get("status-flags")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return Reading(math.nan, stamp, False, _no_number(value, place.address))
        wrong = [FLAGS[i] for i in BAD_FLAGS if isinstance(flags, Sequence) and len(flags) > i and flags[i]]
        return Reading(place.ours(float(value)), stamp, not wrong, ", ".join(wrong))

    async def _properties(self, places: Sequence[Place]) -> dict[str, dict[str, Any]]:
        """Both properties of each object by its address."""
        from bacpypes3.pdu import Address
        from bacpypes3.primitivedata import ObjectIdentifier

        app = await self._application()
        asked: list[Any] = []
        for place in places:
            asked += [ObjectIdentifier(place.address), ["present-value", "status-flags"]]
        answer = await app.read_property_multiple(Address(self.address), asked)
        if not isinstance(answer, list):
            raise ConnectorFault(self._words("a read of many properties", answer))
        found: dict[str, dict[str, Any]] = {}
        for identifier, name, _, value in answer:
            found.setdefault(str(identifier), {})[str(name)] = value
        return {place.address: found.get(str(ObjectIdentifier(place.address)), {}) for place in places}

    async def _commands(self, place: Place) -> list[object]:
        """The priority array, from 1 on; None where nobody commands."""
        from bacpypes3.pdu import Address
        from bacpypes3.primitivedata import ObjectIdentifier

        app = await self._application()
        answer = await app.read_property(Address(self.address), ObjectIdentifier(place.address), "priority-array")
        if not isinstance(answer, Sequence):
            raise ConnectorFault(self._words(f"a read of the priority array of {place.address}", answer))
        return [None if getattr(slot, "_choice", "null") == "null" else slot for slot in answer]

    def _command(self, place: Place, value: float | None, priority: int) -> None:
        self._call(self._write(place.address, value, priority))

    async def _write(self, address: str, value: float | None, priority: int) -> None:
        from bacpypes3.pdu import Address
        from bacpypes3.primitivedata import Null, ObjectIdentifier

        app = await self._application()
        given = Null(()) if value is None else (round(value) if not address.startswith(("analog", "large")) else value)
        answer = await app.write_property(
            Address(self.address), ObjectIdentifier(address), "present-value", given, priority=priority
        )
        if answer is not None:
            what = "relinquishing" if value is None else f"writing {value:g} to"
            raise ConnectorFault(self._words(f"{what} {address} at priority {priority}", answer))

    async def _application(self) -> NormalApplication:
        if self._app is None:
            from bacpypes3.ipv4.app import NormalApplication
            from bacpypes3.local.device import DeviceObject
            from bacpypes3.pdu import IPv4Address

            device = DeviceObject(
                objectIdentifier=("device", int(self.told["device"])), objectName=f"coldaisle-{self.told['device']}",
                vendorIdentifier=999, apduTimeout=int(1000 * self.told["timeout_s"]),
                numberOfApduRetries=int(self.told["retries"]),
            )  # fmt: skip
            host = self.told["local_host"] or _own_address(self.told["host"], self.told["port"])
            port = self.told["local_port"] or _free_port(host)
            self._app = NormalApplication(device, IPv4Address(f"{host}:{port}"))
        return self._app

    def _call(self, work: Any) -> Any:
        from bacpypes3.apdu import ErrorRejectAbortNack

        if self._loop is None:
            self._loop = BackgroundLoop("bacnet")
        try:
            return self._loop.call(work, self.once_s)
        except ConnectorFault:
            raise
        except (TimeoutError, asyncio.CancelledError):
            raise Unreachable(
                f"bacnet {self.address} did not answer within {self.once_s:g} s; check the device, its port and route"
            ) from None
        except ErrorRejectAbortNack as refusal:  # no subclass of Exception
            kind = Unreachable if "no-response" in str(refusal) else ConnectorFault
            raise kind(self._words("an exchange", refusal)) from None
        except Exception as error:  # garbage on the wire ends in any of the library's errors
            raise ConnectorFault(self._words("an exchange", repr(error))) from error

    def _words(self, what: str, answer: object) -> str:
        return f"bacnet {self.address}: {what} was answered with {str(answer)[:120]!r}; check object and rights"


def check_address(address: str, where: str) -> None:
    """Refuse what is no ``kind,instance``."""
    kind, _, instance = address.partition(",")
    if kind not in KINDS:
        raise ValueError(f"{where}: {unknown_name('kind of object', kind, KINDS)}; an address is analog-input,7")
    if not instance.isdigit() or int(instance) > HIGHEST_INSTANCE:
        raise ValueError(
            f"{where}: instance {instance!r} of {address!r} is outside 0..{HIGHEST_INSTANCE}; an address is "
            "analog-input,7"
        )


def objects_of(place: Place) -> list[str]:
    """The object, however its instance is written."""
    kind, _, instance = place.address.partition(",")
    return [f"{kind},{int(instance)}"]


def connector(site: LiveMap, clock: Clock) -> BacnetConnector:
    """A connector to one device.

    Raises
    ------
    ModuleNotFoundError
        Where bacpypes3 is not installed.
    """
    import bacpypes3  # noqa: F401  -- at the door

    return BacnetConnector(site, clock)


def _no_number(value: object, address: str) -> str:
    """What came instead of a number: the device's error, or something else."""
    kind, code = getattr(value, "errorClass", None), getattr(value, "errorCode", None)
    if code is not None:
        return f"{str(code).replace('-', ' ')} {address} (error of class {kind}); check the address"
    return f"present-value is {str(value)[:60]!r}, no number"


def _own_address(host: str, port: int) -> str:
    """Address of this machine that leads to a host; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
