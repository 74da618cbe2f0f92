"""The one table of channels: what an agent or the building may move, in which units, how far and how fast.

One row says all that the rest of the house needs to know of a channel. The action space, the decoding, the slew limits,
the plant's layout, the rules' first values, the searches, the replay of telemetry, the exported manifest and the page
``docs/reference/channels.md`` read it. Ranges and slews: SCENARIOS, "Channels an agent may hold".

To add a channel, write its row here, the constant of its rule in `envs.scenario.scenario.Rules` (or its loop in
`envs.building.rules.LOOPS`), and its use in the plant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from envs.interface.channel import ENCODINGS, SLEW_INTERVAL_S, Channel
from envs.unknown_name import unknown_name

__all__ = (
    "CHANNELS",
    "SLEW_INTERVAL_S",
    "Channel",
    "bind_channels",
    "channels_of_kind",
    "channels_of_site",
    "table_hash",
)

_INF = float("inf")


def _free_wish(name: str, meaning: str, low: float, high: float, unit: str, start: float | str) -> Channel:
    """What is asked of the scheduler and moves as it likes; 0 asks for nothing."""
    return Channel(
        name=name,
        meaning=meaning,
        kind="jobs",
        per="site",
        low=low,
        high=high,
        slew_down=_INF,
        slew_up=_INF,
        unit=unit,
        deadband=0.0,
        possible=(-10.0, 10.0) if unit == "1" else (-240.0, 240.0),
        needs="jobs",
        start=start,
        idle=0.0,
        as_found=None if low == 0.0 else 0.0,
        replayed_at=0.0,
        encodings=("absolute", "residual"),
    )


def _placement_weight(name: str, racks: str, start: float | str) -> Channel:
    """A weight of the score by which a job is placed: of which racks."""
    return _free_wish(name, f"weight of {racks} where a job is placed", 0.0, 4.0, "1", start)


def _order_hours(name: str, widest_h: float, meaning: str) -> Channel:
    """Hours by which a scheduler's order is moved; 0 is the rule's own, and the middle of the range."""
    return _free_wish(name, meaning, -widest_h, widest_h, "h", f"rules.{name}")


CHANNELS: dict[str, Channel] = {
    c.name: c
    for c in (
        Channel(
            name="crah_fan_speed_frac",
            meaning="speed of a zone's room units, as a share of full speed",
            kind="cooling",
            per="zone",
            low=0.30,
            high=1.0,
            slew_down=0.10,
            slew_up=_INF,
            unit="1",
            deadband=0.02,
            possible=(0.05, 1.0),
            start="rules.fan.start",
            followed_by=("zone_fan_speed_frac", "crah_fan_power_kw"),
            refuge="high",
            symbol="n_fan",
            guideline_36="supply fan speed command",
            brick="Fan_Speed_Command",
        ),
        Channel(
            name="supply_air_temp_setpoint_c",
            meaning="temperature of the air that a zone's room units blow",
            kind="cooling",
            per="zone",
            low=18.0,
            high=27.0,
            slew_down=1.0,
            slew_up=1.0,
            unit="degC",
            deadband=0.2,
            possible=(5.0, 45.0),
            start="rules.supply_air.start",
            followed_by=("zone_supply_c",),
            symbol="T_sat,sp",
            guideline_36="supply air temperature setpoint",
            brick="Supply_Air_Temperature_Setpoint",
        ),
        Channel(
            name="chw_supply_temp_setpoint_c",
            meaning="temperature of the chilled water that leaves the plant",
            kind="cooling",
            per="site",
            low=14.0,
            high=22.0,
            slew_down=0.5,
            slew_up=0.5,
            unit="degC",
            deadband=0.2,
            possible=(2.0, 30.0),
            needs="chw",
            start="rules.chilled_water.start",
            followed_by=("chw_supply_c",),
            symbol="T_chw,sp",
            guideline_36="chilled water supply temperature setpoint",
            brick="Leaving_Chilled_Water_Temperature_Setpoint",
        ),
        Channel(
            name="cw_supply_temp_setpoint_c",
            meaning="temperature of the condenser water that leaves the cooling tower",
            kind="cooling",
            per="site",
            low=15.6,
            high=29.4,
            slew_down=1.0,
            slew_up=1.0,
            unit="degC",
            deadband=0.2,
            possible=(5.0, 45.0),
            needs="tower",
            start="rules.condenser_water.setpoint_c",
            encodings=("absolute", "delta", "residual", "approach"),
            symbol="T_cw,sp",
            guideline_36="condenser water supply temperature setpoint",
            brick="Entering_Condenser_Water_Temperature_Setpoint",
        ),
        Channel(
            name="fws_supply_temp_setpoint_c",
            meaning="temperature of the facility water that cools the coolant loop",
            kind="cooling",
            per="site",
            low=20.0,
            high=36.0,
            slew_down=1.0,
            slew_up=1.0,
            unit="degC",
            deadband=0.2,
            possible=(2.0, 50.0),
            needs="tcs",
            start="rules.fws_setpoint_c",
            followed_by=("fws_supply_c",),
            symbol="T_fws,sp",
            guideline_36="facility water supply temperature setpoint",
            brick="Leaving_Water_Temperature_Setpoint",
        ),
        Channel(
            name="tcs_supply_temp_setpoint_c",
            meaning="temperature of the coolant that reaches the racks",
            kind="cooling",
            per="site",
            low=25.0,
            high=42.0,
            slew_down=1.0,
            slew_up=1.0,
            unit="degC",
            deadband=0.2,
            possible=(10.0, 60.0),
            needs="tcs",
            start="rules.tcs_setpoint_c",
            followed_by=("tcs_supply_c",),
            symbol="T_tcs,sp",
            guideline_36="coolant (technology loop) supply temperature setpoint",
            brick="Leaving_Water_Temperature_Setpoint",
        ),
        Channel(
            name="tcs_pump_speed_frac",
            meaning="speed of the coolant pumps, as a share of full speed",
            kind="cooling",
            per="site",
            low=0.70,
            high=1.0,
            slew_down=0.05,
            slew_up=0.05,
            unit="1",
            deadband=0.02,
            possible=(0.05, 1.0),
            needs="tcs",
            start="rules.tcs_pump_speed_frac",
            as_found=1.0,
            followed_by=("tcs_pump_power_kw",),
            refuge="high",
            symbol="n_tcs",
            guideline_36="coolant pump speed command",
            brick="Speed_Command",
        ),
        Channel(
            name="rack_power_limit_frac",
            meaning="limit of the power of each rack in a power row, as a share of its rating",
            kind="cap",
            per="row",
            low=0.45,
            high=1.0,
            slew_down=_INF,
            slew_up=0.10,
            unit="1",
            deadband=0.02,
            possible=(0.05, 1.0),
            start=1.0,
            idle=1.0,
            as_found=1.0,
            replayed_at=2.0,  # far above the rating: a measured load is already capped
            encodings=("absolute", "delta", "residual", "feeder_share"),
            symbol="P_lim",
        ),
        Channel(
            name="battery_power_kw",
            meaning="power into the battery; negative discharges it",
            kind="storage",
            per="site",
            low=-1.0,
            high=1.0,
            slew_down=_INF,
            slew_up=_INF,
            unit="kW",
            deadband=0.0,
            needs="battery",
            limited_by="battery.power_kw",
            start=0.0,
            idle=0.0,
            as_found=0.0,
            replayed_at=0.0,
            symbol="P_bat",
        ),
        _placement_weight("place_domain_weight", "racks that hold the whole job", "jobs.domain_weight"),
        _placement_weight("place_leaf_weight", "leaf switches that hold the whole job", "jobs.leaf_weight"),
        _placement_weight("place_inlet_weight", "racks with cool inlets", 0.0),
        _placement_weight("place_row_weight", "power rows with power left", 0.0),
        _placement_weight("place_fit_weight", "racks of which the job leaves least", "jobs.fit_weight"),
        _order_hours("order_small_h", 24.0, "how far the smallest jobs go ahead of their time of submission"),
        _order_hours("order_short_h", 24.0, "how far the shortest jobs go ahead of their time of submission"),
        _order_hours("order_urgent_h", 24.0, "how far jobs without slack to their deadline go ahead of their time"),
        _order_hours(
            "backfill_grace_h", 48.0, "for how long the first in the queue may be passed by who ends within it"
        ),
        Channel(
            name="job_admission_frac",
            meaning="share of the accelerators that jobs may hold; above it none starts",
            kind="jobs",
            per="site",
            low=0.3,
            high=1.0,
            slew_down=_INF,
            slew_up=_INF,
            unit="1",
            deadband=0.0,
            possible=(0.0, 1.0),
            needs="jobs",
            start=1.0,
            idle=1.0,
            replayed_at=1.0,
            encodings=("absolute", "residual"),
        ),
        Channel(
            name="job_pause_frac",
            meaning="share of the accelerators of flexible jobs that is paused",
            kind="jobs",
            per="site",
            low=0.0,
            high=0.5,
            slew_down=_INF,
            slew_up=_INF,
            unit="1",
            deadband=0.0,
            possible=(0.0, 1.0),
            needs="jobs",
            start=0.0,
            idle=0.0,
            replayed_at=0.0,
            encodings=("absolute", "residual"),
        ),
        Channel(
            name="class_power_limit_frac",
            meaning="limit of the power of racks by the class that works on them, as a share of their rating",
            kind="jobs",
            per="class",
            low=0.45,
            high=1.0,
            slew_down=_INF,
            slew_up=0.10,
            unit="1",
            deadband=0.02,
            possible=(0.05, 1.0),
            needs="jobs",
            start=1.0,
            idle=1.0,
            replayed_at=1.0,
            encodings=("absolute", "residual"),
        ),
    )
}


def channels_of_kind(*kinds: str) -> tuple[str, ...]:
    """Names of the channels of these kinds, in the table's order."""
    return tuple(c.name for c in CHANNELS.values() if c.kind in kinds)


def channels_of_site(machines: Collection[str]) -> tuple[str, ...]:
    """Names of the channels of a site with these machines, in the table's order."""
    return tuple(c.name for c in CHANNELS.values() if not c.needs or c.needs in machines)


def require_channels(names: Sequence[str], where: str) -> None:
    """Raise where a name is none of the table's channels, or stands twice.

    Raises
    ------
    ValueError
        Opening with ``where``.
    """
    for name in names:
        if name not in CHANNELS:
            raise ValueError(f"{where}: {unknown_name('channel', name, CHANNELS)}")
    if twice := [name for name in CHANNELS if list(names).count(name) > 1]:
        raise ValueError(f"{where}: channel {twice[0]!r} stands twice; name each channel once")


def bind_channels(
    names: Sequence[str],
    rows: Mapping[str, int],
    ranges: Mapping[str, Sequence[float]],
    encodings: Mapping[str, str],
    reach: Mapping[str, float] | None = None,
) -> tuple[Channel, ...]:
    """The rows of the table as one scenario has them.

    Parameters
    ----------
    names : sequence of str
        Channels that the scenario's plant has, in order.
    rows : mapping
        Number of rows per kind: ``{"site": 1, "zone": Z, "row": P, "class": K}``.
    ranges : mapping
        Name to ``[low, high]`` where the scenario deviates from the table.
    encodings : mapping
        Name to encoding where the scenario deviates from ``absolute``.
    reach : mapping, optional
        Name to ``reach_frac`` where the scenario deviates from the table.

    Raises
    ------
    ValueError
        For a name that is unknown or stands twice, an unknown encoding, a range that is empty, or a reach outside
        ]0, 1].
    """
    reaches = reach or {}
    for where, named in (("names", names), ("ranges", ranges), ("encodings", encodings), ("reach", reaches)):
        require_channels(list(named), where)
    bound = []
    for name in names:
        channel = CHANNELS[name]
        low, high = (float(v) for v in ranges.get(name, (channel.low, channel.high)))
        if not low < high:
            raise ValueError(f"channel {name}: range [{low}, {high}] is empty; give [low, high] with low < high")
        encoding = encodings.get(name, channel.encoding)
        if encoding not in ENCODINGS:
            raise ValueError(f"channel {name}: encoding {encoding!r} is unknown; choose one of {channel.encodings}")
        if encoding not in channel.encodings:
            others = [c.name for c in CHANNELS.values() if encoding in c.encodings]
            raise ValueError(
                f"channel {name}: encoding {encoding!r} is only for {others}; choose one of {channel.encodings}"
            )
        share = float(reaches.get(name, channel.reach_frac))
        if not 0.0 < share <= 1.0:
            raise ValueError(f"channel {name}: reach_frac = {share}; give a share of its range above 0, at most 1")
        rows_of = rows[channel.per]
        bound.append(replace(channel, low=low, high=high, encoding=encoding, reach_frac=share, rows=rows_of))
    return tuple(bound)


def table_hash(channels: Sequence[Channel]) -> str:
    """Twelve hex digits that a policy is bound to: another contract is another policy."""
    text = json.dumps([c.contract() for c in channels], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
