"""The one table of channels: what an agent or the building may move, in which units, how far and how fast.

It feeds the action space, the decoding, the slew limits, the documentation, the shield and the exported manifest.
Ranges and slews: SCENARIOS "Channels an agent may hold".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

SLEW_INTERVAL_S = 300.0

ENCODINGS = ("absolute", "delta", "approach", "feeder_share")


@dataclass(frozen=True)
class Channel:
    """One row of the table.

    Attributes
    ----------
    name : str
        Physical name, ending in its unit.
    per : str
        What the channel's rows are: ``site``, ``zone`` or ``row`` (power rows).
    low, high : float
        Range of the value in force [unit].
    slew_down, slew_up : float
        Largest change per 300 s [unit]; ``inf`` where free.
    unit : str
        Unit of the value.
    deadband : float
        Smallest change that is written to the field [unit].
    encoding : str
        How an element of the action box becomes a value: ``absolute`` maps -1..1 to low..high; ``delta`` moves the
        value in
        force by up to the slew; ``approach`` is a difference over the wet bulb of 2..10 K; ``feeder_share`` is one
        share of the
        feeder's limit, distributed over the rows by water-filling.
    rows : int
        How many rows the channel has in a scenario (0 until bound to one).
    """

    name: str
    per: str
    low: float
    high: float
    slew_down: float
    slew_up: float
    unit: str
    deadband: float
    encoding: str = "absolute"
    rows: int = 0

    @property
    def action_rows(self) -> int:
        """Elements of the action box that this channel takes."""
        return 1 if self.encoding == "feeder_share" else self.rows


_INF = float("inf")

CHANNELS: dict[str, Channel] = {
    c.name: c
    for c in (
        Channel("crah_fan_speed_frac", "zone", 0.30, 1.0, 0.10, _INF, "1", 0.02),
        Channel("supply_air_temp_setpoint_c", "zone", 18.0, 27.0, 1.0, 1.0, "degC", 0.2),
        Channel("chw_supply_temp_setpoint_c", "site", 14.0, 22.0, 0.5, 0.5, "degC", 0.2),
        Channel("cw_supply_temp_setpoint_c", "site", 15.6, 29.4, 1.0, 1.0, "degC", 0.2),
        Channel("fws_supply_temp_setpoint_c", "site", 20.0, 36.0, 1.0, 1.0, "degC", 0.2),
        Channel("tcs_supply_temp_setpoint_c", "site", 25.0, 42.0, 1.0, 1.0, "degC", 0.2),
        Channel("tcs_pump_speed_frac", "site", 0.70, 1.0, 0.05, 0.05, "1", 0.02),
        Channel("rack_power_limit_frac", "row", 0.45, 1.0, _INF, 0.10, "1", 0.02),
        Channel("battery_power_kw", "site", -1.0, 1.0, _INF, _INF, "kW", 0.0),
    )
}

#: What a range may not leave, whatever the scenario: water that is liquid, air that people and machines stand, fans and
#: pumps between a crawl and full speed. Engineering guess; a range in kelvin or percent falls outside.
POSSIBLE: dict[str, tuple[float, float]] = {
    "crah_fan_speed_frac": (0.05, 1.0),
    "supply_air_temp_setpoint_c": (5.0, 45.0),
    "chw_supply_temp_setpoint_c": (2.0, 30.0),
    "cw_supply_temp_setpoint_c": (5.0, 45.0),
    "fws_supply_temp_setpoint_c": (2.0, 50.0),
    "tcs_supply_temp_setpoint_c": (10.0, 60.0),
    "tcs_pump_speed_frac": (0.05, 1.0),
    "rack_power_limit_frac": (0.05, 1.0),
}


def bind_channels(
    names: Sequence[str],
    rows: Mapping[str, int],
    ranges: Mapping[str, Sequence[float]],
    encodings: Mapping[str, str],
) -> tuple[Channel, ...]:
    """The rows of the table as one scenario has them.

    Parameters
    ----------
    names : sequence of str
        Channels that the scenario's plant has, in order.
    rows : mapping
        Number of rows per kind: ``{"site": 1, "zone": Z, "row": P}``.
    ranges : mapping
        Name to ``[low, high]`` where the scenario deviates from the table.
    encodings : mapping
        Name to encoding where the scenario deviates from ``absolute``.

    Raises
    ------
    ValueError
        For an unknown name, an unknown encoding, or a range that is empty.
    """
    for key in (*names, *ranges, *encodings):
        if key not in CHANNELS:
            raise ValueError(f"channel {key!r} is unknown; the table has {sorted(CHANNELS)}")
    bound = []
    for name in names:
        channel = CHANNELS[name]
        low, high = (float(v) for v in ranges.get(name, (channel.low, channel.high)))
        if not low < high:
            raise ValueError(f"channel {name}: range [{low}, {high}] is empty; give [low, high] with low < high")
        encoding = encodings.get(name, "absolute")
        if encoding not in ENCODINGS:
            raise ValueError(f"channel {name}: encoding {encoding!r} is unknown; choose one of {ENCODINGS}")
        if encoding == "approach" and name != "cw_supply_temp_setpoint_c":
            raise ValueError(f"channel {name}: only cw_supply_temp_setpoint_c may be an approach over the wet bulb")
        if encoding == "feeder_share" and channel.per != "row":
            raise ValueError(f"channel {name}: only rack_power_limit_frac may be a share of the feeder")
        bound.append(replace(channel, low=low, high=high, encoding=encoding, rows=rows[channel.per]))
    return tuple(bound)


def table_hash(channels: Sequence[Channel]) -> str:
    """Twelve hex digits that a policy is bound to: another table is another policy."""
    text = json.dumps([asdict(c) for c in channels], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
