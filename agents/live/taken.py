"""Setpoints that somebody else moved while the loop held them: whose they are, and since when."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from agents.live.checks import Measurements
from agents.live.connectors import Connector
from agents.live.reading import ConnectorFault, Key
from agents.live.units import IN_FORCE

NOBODY = ""


class Taking(NamedTuple):
    """What is known of one setpoint: what it showed, when that was seen [s since 1970], how the holder is known."""

    value: float
    since_s: float
    how: str


class Taken:
    """Refuses to go on where a setpoint is not as the loop holds it, and remembers which.

    Parameters
    ----------
    connector : Connector
        Asked who holds a setpoint, where its protocol can tell.
    tolerance : callable
        How far a setpoint may be from what was written, by key [unit of the channel].
    """

    def __init__(self, connector: Connector, tolerance: Callable[[Key], float]) -> None:
        self.connector, self.tolerance = connector, tolerance
        self.by: dict[Key, Taking] = {}

    def require_held(self, held: Mapping[Key, float], measurements: Measurements, now: float) -> None:
        """Refuse to go on where somebody else moved a point that the loop holds.

        Raises
        ------
        ConnectorFault
            Naming the first such point.
        """
        shown = {key: float(measurements[IN_FORCE + key.name][key.row]) for key in held}
        moved = [key for key in held if abs(shown[key] - held[key]) > self.tolerance(key)]
        self._note({key: shown[key] for key in moved}, now)
        for key in moved:
            raise ConnectorFault(
                f"{key} shows {shown[key]:g} where the loop holds {held[key]:g}; somebody else has taken it"
            )

    def require_back(self, written: Mapping[Key, float], back: Mapping[Key, float], now: float) -> None:
        """Refuse to go on where a setpoint did not come back as it was written; the others are nobody else's.

        Raises
        ------
        ConnectorFault
            Naming the first such setpoint.
        """
        off = [key for key, value in written.items() if self.is_off(key, value, back)]
        for key in written.keys() - set(off):
            self.by.pop(key, None)
        self._note({key: back[key] for key in off if math.isfinite(back.get(key, math.nan))}, now)
        for key in off:
            raise ConnectorFault(
                f"read-back of {key} is {back.get(key, math.nan):g}, written was {written[key]:g}; another writer or a "
                "higher priority holds it"
            )

    def is_off(self, key: Key, written: float, back: Mapping[Key, float]) -> bool:
        """Whether a setpoint did not come back as it was written; one that did not come back at all is off."""
        return not abs(back.get(key, math.nan) - written) <= self.tolerance(key)

    def look_again(self) -> None:
        """Forget the setpoints that nobody else holds any more, where the protocol can tell."""
        for key, taking in list(self.by.items()):
            how = self.connector.holder(key)
            if how == NOBODY:
                del self.by[key]
            elif how is not None:
                self.by[key] = taking._replace(how=how)

    def text(self) -> str:
        """As the log keeps it."""
        return json.dumps(
            [{"channel": key.name, "row": key.row, **taking._asdict()} for key, taking in sorted(self.by.items())]
        )

    def _note(self, shown: Mapping[Key, float], now: float) -> None:
        for key, value in shown.items():
            since_s = self.by[key].since_s if key in self.by else now
            self.by[key] = Taking(value, since_s, self.connector.holder(key) or "")
