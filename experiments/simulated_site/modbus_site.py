"""A simulated hall as a Modbus device: input registers for points, holding registers and coils for setpoints.

A setpoint's register shows the site's own value until its coil is set; then what was written is in force.
"""

from __future__ import annotations

from typing import Any

from pymodbus.client import ModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from agents.live.clock import Clock
from agents.live.connectors.modbus import CONNECTION, register_of
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from experiments.simulated_site.background_site import BackgroundSite
from experiments.simulated_site.hall import SimulatedHall

READ_HOLDING, READ_INPUT = 3, 4
WRITE_COIL, WRITE_REGISTERS = 5, 16


class ModbusSite(BackgroundSite):
    """Serves the registers of a point map.

    Parameters
    ----------
    site : LiveMap
    hall : SimulatedHall
    clock : Clock
    """

    CONNECTION = CONNECTION

    def __init__(self, site: LiveMap, hall: SimulatedHall, clock: Clock) -> None:
        super().__init__(site, hall, clock)
        self.by_register = {register_of(s.place.address).at: s for s in site.setpoints}
        self.by_coil = {register_of(s.enable).at: s for s in site.setpoints if s.enable}
        self.written: dict[Any, float] = {}
        self.own_write = False
        self._server: ModbusTcpServer | None = None

    async def _begin(self) -> None:
        inputs = max(register_of(p.place.address).at for p in self.site.points if p.fixed is None) + 8
        holding, coils = max(self.by_register, default=0) + 8, max(self.by_coil, default=0) + 16
        device = SimDevice(
            int(self.told["device"]),
            (
                [SimData(0, values=[False] * (16 * (coils // 16 + 1)), datatype=DataType.BITS)],
                [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
                [SimData(0, count=holding, datatype=DataType.REGISTERS)],
                [SimData(0, count=inputs, datatype=DataType.REGISTERS)],
            ),
            action=self._taken,
        )
        self._server = ModbusTcpServer(device, address=(str(self.told["host"]), int(self.told["port"])))
        await self._server.serve_forever(background=True)
        await self._show()

    async def _show(self) -> None:
        values = self.hall.values()
        self.own_write = True
        try:
            for point in self.site.points:
                if point.fixed is None:
                    await self._set(READ_INPUT, point.place, values[point.place.key])
            for setpoint in self.site.setpoints:
                if setpoint.channel not in self.hall.commands:
                    await self._set(WRITE_REGISTERS, setpoint.place, values[setpoint.place.key])
        finally:
            self.own_write = False

    async def _end(self) -> None:
        if self._server is not None:
            await self._server.shutdown()

    async def _set(self, function: int, place: Place, value: float) -> None:
        register = register_of(place.address)
        words = self._words(register.kind, place.theirs(value))
        assert self._server is not None
        await self._server.async_setValues(int(self.told["device"]), function, register.at, words)

    def _words(self, kind: str, value: float) -> list[int]:
        whole = value if kind == "float32" else round(value)
        data_type = getattr(ModbusTcpClient.DATATYPE, kind.upper())
        return ModbusTcpClient.convert_to_registers(whole, data_type, self.told["word_order"])

    async def _taken(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> None:
        """What a client wrote: a value, or a coil that puts it in force or takes it out.

        It gives no other task a turn, so that ``own_write`` tells whose write this is.
        """
        if values is None or self.own_write:
            return
        if function == WRITE_REGISTERS and address in self.by_register:
            setpoint = self.by_register[address]
            self.written[setpoint.channel] = self._ours(setpoint, values)
            if setpoint.channel in self.hall.commands or not setpoint.enable:
                self.hall.command(setpoint.channel, self.written[setpoint.channel])
        elif function == WRITE_COIL and address in self.by_coil:
            setpoint = self.by_coil[address]
            if values[0]:
                self.hall.command(setpoint.channel, self.written[setpoint.channel])
            else:
                self.hall.relinquish(setpoint.channel)

    def _ours(self, setpoint: MappedSetpoint, words: list[int]) -> float:
        kind = register_of(setpoint.place.address).kind
        data_type = getattr(ModbusTcpClient.DATATYPE, kind.upper())
        value = ModbusTcpClient.convert_from_registers(list(words), data_type, self.told["word_order"])
        assert isinstance(value, (int, float))
        return setpoint.place.ours(float(value))
