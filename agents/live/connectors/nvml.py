"""Power limits of NVIDIA accelerators by their driver: reads power and limit, sets the limit, hands the default back.

An address is ``gpu:<index>:<what>``, with ``power``, ``limit`` [W] or ``temperature`` [degC]. Setting a limit needs the
rights of an administrator. A machine without the driver's library is told so at the first call, not at the import.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.live.clock import Clock
from agents.live.connectors.polled import PolledConnector
from agents.live.point_map import LiveMap, MappedSetpoint, Place
from agents.live.reading import ConnectorFault, Key, Reading, Readings, Unreachable, WriteNote
from envs.unknown_name import unknown_name

CONNECTION: Mapping[str, Any] = {}
WHAT = ("power", "limit", "temperature")
EXAMPLE = "an address is gpu:0:limit"


class NvmlConnector(PolledConnector):
    """The accelerators of this machine.

    Parameters
    ----------
    site : LiveMap
    clock : Clock
    nvml : module
        pynvml.
    """

    NOT_HANDED_BACK = "not every limit was handed back"

    def __init__(self, site: LiveMap, clock: Clock, nvml: Any) -> None:
        super().__init__(site, clock, CONNECTION)
        self.nvml = nvml
        self._is_open = False

    def write(self, values: Mapping[Key, float], note: WriteNote) -> None:
        """Set each limit, inside what the board allows."""
        for key, value in values.items():
            place = self.site.setpoint(key).place
            index, watts = _index(place), place.theirs(value)
            low, high = self._ask("limits", lambda d: self.nvml.nvmlDeviceGetPowerManagementLimitConstraints(d), index)
            if not low <= round(1000.0 * watts) <= high:
                raise ConnectorFault(
                    f"nvml gpu {index}: a limit of {watts:g} W is outside {low / 1000:g}..{high / 1000:g} W of the "
                    "board; mend low, high or scale in the point map"
                )
            self._set_limit(index, round(1000.0 * watts))

    def _hand_back(self, setpoint: MappedSetpoint) -> None:
        """Set the board's own default."""
        index = _index(setpoint.place)
        self._set_limit(index, self._ask("the default", self.nvml.nvmlDeviceGetPowerManagementDefaultLimit, index))

    def _read(self, places: Sequence[Place]) -> Readings:
        now = self.clock.now()
        return {place.key: self._reading(place, now) for place in places}

    def close(self) -> None:
        """Let the library go."""
        if self._is_open:
            self.nvml.nvmlShutdown()
            self._is_open = False

    def _set_limit(self, index: int, milliwatts: int) -> None:
        set_limit = self.nvml.nvmlDeviceSetPowerManagementLimit
        self._ask(f"setting a limit of {milliwatts / 1000:g} W", lambda d: set_limit(d, milliwatts), index)

    def _reading(self, place: Place, now: float) -> Reading:
        what = place.address.split(":")[2]
        ask: Callable[[Any], float] = {
            "power": lambda d: self.nvml.nvmlDeviceGetPowerUsage(d) / 1000.0,
            "limit": lambda d: self.nvml.nvmlDeviceGetPowerManagementLimit(d) / 1000.0,
            "temperature": lambda d: float(self.nvml.nvmlDeviceGetTemperature(d, self.nvml.NVML_TEMPERATURE_GPU)),
        }[what]
        try:
            return Reading(place.ours(float(self._ask(what, ask, _index(place)))), now)
        except Unreachable:
            raise
        except ConnectorFault as fault:
            return Reading(math.nan, now, False, str(fault))

    def _ask(self, what: str, call: Callable[[Any], Any], index: int) -> Any:
        self._open()
        try:
            return call(self.nvml.nvmlDeviceGetHandleByIndex(index))
        except self.nvml.NVMLError as error:
            raise ConnectorFault(
                f"nvml gpu {index}: {what} failed ({error}); check the index, and that the loop may set limits"
            ) from None

    def _open(self) -> None:
        if self._is_open:
            return
        try:
            self.nvml.nvmlInit()
        except self.nvml.NVMLError as error:
            raise Unreachable(
                f"nvml: the driver's library is not here ({error}); run the loop on a machine with NVIDIA accelerators"
            ) from None
        self._is_open = True


def _index(place: Place) -> int:
    return int(place.address.split(":")[1])


def check_address(address: str, where: str) -> None:
    """Refuse what is no ``gpu:index:what``."""
    parts = address.split(":")
    if len(parts) != 3 or parts[0] != "gpu" or not parts[1].isdigit():
        raise ValueError(f"{where}: address = {address!r}; {EXAMPLE}")
    if parts[2] not in WHAT:
        raise ValueError(f"{where}: {unknown_name('value', parts[2], WHAT)}; {EXAMPLE}")


def connector(site: LiveMap, clock: Clock) -> NvmlConnector:
    """A connector to this machine's accelerators.

    Raises
    ------
    ModuleNotFoundError
        Where nvidia-ml-py is not installed.
    """
    import pynvml

    return NvmlConnector(site, clock, pynvml)
