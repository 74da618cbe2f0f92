"""Modbus TCP: polls registers, writes setpoints with function 16, hands back by a fallback value.

Modbus has no release. Handing back writes the fallback value of the point map and then clears the point's ``enable``
coil, where it has one: the controller at the other end must take over by that coil, or run well at the fallback.
pymodbus is pinned to one minor version: its minors rename arguments. Modbus Application Protocol V1.1b3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from agents.live.clock import Clock
from agents.live.connectors.polled import PolledConnector
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Patience, Reading, Readings, Unreachable, WriteNote
from envs.unknown_name import unknown_name

CONNECTION: Mapping[str, Any] = {
    "host": "127.0.0.1", "port": 502, "device": 1, "timeout_s": 3.0, "retries": 1, "word_order": "big",
}  # fmt: skip
TABLES = ("input", "holding", "coil", "discrete")
KINDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
SPAN = {"int16": (-32_768, 32_767), "uint16": (0, 65_535), "int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
MOST_REGISTERS, GAP = 120, 8  # a request holds 125; a few unused registers are read along
EXAMPLE = "an address is holding:100:float32 or coil:3"


class Register(NamedTuple):
    """Table, first register and type of an address."""

    table: str
    at: int
    kind: str

    @property
    def words(self) -> int:
        """Registers that it takes."""
        return KINDS.get(self.kind, 1)


def register_of(address: str) -> Register:
    """Register of a checked address."""
    table, at, kind = (*address.split(":"), "")[:3]
    return Register(table, int(at), kind)


class ModbusConnector(PolledConnector):
    """One Modbus device.

    Parameters
    ----------
    site : LiveMap
        ``connection``: host, port, ``device`` (unit id), ``timeout_s``, ``retries``, ``word_order``.
    clock : Clock
    """

    def __init__(self, site: LiveMap, clock: Clock) -> None:
        super().__init__(site, clock, CONNECTION)
        self.address = f"{self.told['host']}:{self.told['port']}"
        self._client: Any = None

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Write each setpoint, then set its coil."""
        for key, value in values.items():
            setpoint = self.site.setpoint(key)
            self._put(setpoint.place, setpoint.place.theirs(value))
            if setpoint.enable:
                self._set_coil(setpoint.enable, True)

    def _hand_back(self, setpoint: MappedSetpoint) -> None:
        """Write the fallback, then clear the coil."""
        if setpoint.fallback is not None:
            self._put(setpoint.place, setpoint.place.theirs(setpoint.fallback))
        if setpoint.enable:
            self._set_coil(setpoint.enable, False)

    def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _read(self, places: Sequence[Place]) -> Readings:
        found: Readings = {}
        patience = Patience(f"modbus {self.address}")
        for table in TABLES:
            here = [(register_of(p.address), p) for p in places if p.address.startswith(table + ":")]
            for part in _batches(sorted(here, key=lambda pair: pair[0].at)):
                patience.require()
                found |= self._batch(table, part)
        return found

    def _batch(self, table: str, part: Sequence[tuple[Register, Place]]) -> Readings:
        first = part[0][0].at
        count = part[-1][0].at + part[-1][0].words - first
        asked = self.clock.now()
        call = {
            "input": lambda c: c.read_input_registers, "holding": lambda c: c.read_holding_registers,
            "coil": lambda c: c.read_coils, "discrete": lambda c: c.read_discrete_inputs,
        }[table]  # fmt: skip
        answer = self._ask(f"reading {count} of {table} from {first}", call, first, count=count)
        words = answer.bits if table in ("coil", "discrete") else answer.registers
        if len(words) < count:
            raise ConnectorFault(f"modbus {self.address}: {count} values of {table} from {first} came as {len(words)}")
        found: Readings = {}
        for register, place in part:
            raw = words[register.at - first : register.at - first + register.words]
            value = float(raw[0]) if not register.kind else self._number(raw, register.kind)
            good = math.isfinite(value)
            found[place.key] = Reading(
                place.ours(value) if good else math.nan, asked, good, "" if good else "not finite"
            )
        return found

    def _number(self, raw: Sequence[int], kind: str) -> float:
        from pymodbus.client import ModbusTcpClient

        value = ModbusTcpClient.convert_from_registers(
            list(raw), getattr(ModbusTcpClient.DATATYPE, kind.upper()), self.told["word_order"]
        )
        return float(value) if isinstance(value, (int, float)) else math.nan

    def _put(self, place: Place, value: float) -> None:
        from pymodbus.client import ModbusTcpClient

        register = register_of(place.address)
        whole: float = value
        if register.kind != "float32":
            low, high = SPAN[register.kind]
            whole = round(value)
            if not low <= whole <= high:
                raise ConnectorFault(f"modbus {place.address}: {whole} does not fit {register.kind}; mend its scale")
        kind = getattr(ModbusTcpClient.DATATYPE, register.kind.upper())
        words = ModbusTcpClient.convert_to_registers(whole, kind, self.told["word_order"])
        self._ask(f"writing {value:g} to {place.address}", lambda c: c.write_registers, register.at, words)

    def _set_coil(self, address: str, on: bool) -> None:
        self._ask(f"setting {address} to {on:d}", lambda c: c.write_coil, register_of(address).at, on)

    def _ask(self, what: str, call: Callable[[Any], Callable[..., Any]], *given: Any, **named: Any) -> Any:
        from pymodbus.exceptions import ModbusException

        client = self._connected()
        try:
            answer = call(client)(*given, device_id=int(self.told["device"]), **named)
        except (ModbusException, OSError, ValueError, IndexError) as error:
            self.close()
            raise Unreachable(
                f"modbus {self.address}: {what} failed ({error}); check the device, its port and route"
            ) from error
        if answer.isError():
            raise ConnectorFault(f"modbus {self.address}: {what} was refused ({answer}); check address and rights")
        return answer

    def _connected(self) -> Any:
        if self._client is None:
            from pymodbus.client import ModbusTcpClient

            client: Any = ModbusTcpClient(  # the library types neither connect nor close
                self.told["host"], port=int(self.told["port"]), timeout=float(self.told["timeout_s"]),
                retries=int(self.told["retries"]),
            )  # fmt: skip
            if not client.connect():
                raise Unreachable(f"modbus {self.address} cannot be reached; check the device, its port and route")
            self._client = client
        return self._client


def _batches(sorted_places: Sequence[tuple[Register, Place]]) -> list[list[tuple[Register, Place]]]:
    """Neighbours that one request can hold."""
    parts: list[list[tuple[Register, Place]]] = []
    for register, place in sorted_places:
        if parts:
            last, first = parts[-1][-1][0], parts[-1][0][0]
            near = register.at - (last.at + last.words) <= GAP
            if near and register.at + register.words - first.at <= MOST_REGISTERS:
                parts[-1].append((register, place))
                continue
        parts.append([(register, place)])
    return parts


def check_address(address: str, where: str) -> None:
    """Refuse what is no ``table:register:type``, or ``coil:n``."""
    parts = address.split(":")
    if parts[0] not in TABLES:
        raise ValueError(f"{where}: {unknown_name('table', parts[0], TABLES)}; {EXAMPLE}")
    if len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) > 65_535:
        raise ValueError(f"{where}: register in {address!r} is outside 0..65535; {EXAMPLE}")
    if parts[0] in ("input", "holding"):
        if len(parts) != 3 or parts[2] not in KINDS:
            raise ValueError(f"{where}: {unknown_name('type', ''.join(parts[2:]), KINDS)}; {EXAMPLE}")
    elif len(parts) != 2:
        raise ValueError(f"{where}: {address!r} has a type, which a {parts[0]} has not; {EXAMPLE}")


def objects_of(place: Place) -> list[str]:
    """Each register, coil or input."""
    register = register_of(place.address)
    return [f"{register.table}:{register.at + k}" for k in range(register.words)]


def connector(site: LiveMap, clock: Clock) -> ModbusConnector:
    """A connector to one device.

    Raises
    ------
    ModuleNotFoundError
        Where pymodbus is not installed.
    ValueError
        For a setpoint that could not be handed back.
    """
    import logging

    import pymodbus  # noqa: F401  -- at the door

    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    for s in site.setpoints:
        if s.fallback is None:
            raise ValueError(
                f"{site.path}, line {s.place.line}: {s.channel} has no fallback; give the value [our unit] that hands "
                "it back, Modbus has no other way"
            )
    return ModbusConnector(site, clock)
