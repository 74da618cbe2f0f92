"""Topics, units and payloads of DSX Exchange, as its public guide for building systems tells them.

The building publishes values and retained metadata; an integration publishes requests, and only for points whose
metadata name it. See docs.nvidia.com, DSX Exchange, "BMS Integration Companion Guide", 2026.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from agents.live.point_map import MappedSetpoint, Place

ROOT = "BMS/v1"
PUBLIC = "PUB"
GOOD, BAD = 1, 0
HEARTBEAT_BMS, ECHO_BMS = "HeartbeatTimestampBms", "HeartbeatEchoBms"
HEARTBEAT, ECHO = "HeartbeatTimestampIntegration", "HeartbeatEchoIntegration"
#: Unit of a point map to the metadata's ``engUnit``.
ENG_UNITS = {"degC": "C", "degF": "F", "1": "", "%": "%", "kW": "kW", "W": "W", "MW": "MW", "Pa": "Pa", "kPa": "kPa"}
LARGEST_PAYLOAD = 65_536


class Value(NamedTuple):
    """A value message."""

    value: float
    stamp_s: float
    quality: int


def value_topic(place: Place) -> str:
    """Topic of a value that the building publishes."""
    return f"{ROOT}/{PUBLIC}/Value/{_path(place)}"


def metadata_topic(place: Place) -> str:
    """Topic of a point's metadata."""
    return f"{ROOT}/{PUBLIC}/Metadata/{_path(place)}"


def request_path(setpoint: MappedSetpoint) -> str:
    """Object type, point type and tag path of the request that asks for a setpoint."""
    dsx = setpoint.place.dsx
    tag = dsx.get("request_path", f"{setpoint.place.address}/request").replace("{row}", str(setpoint.channel.row))
    return f"{dsx['object']}/{dsx.get('request', 'GenericPoint')}/{tag}"


def request_topic(setpoint: MappedSetpoint, integration: str) -> str:
    """Topic on which an integration asks for a setpoint."""
    return f"{ROOT}/{integration}/Value/{request_path(setpoint)}"


def derived_topic(metadata: str, integration: str) -> str:
    """Topic of an integration's values, from that of the point's metadata."""
    return metadata.replace(f"{ROOT}/{PUBLIC}/Metadata/", f"{ROOT}/{integration}/Value/", 1)


def eng_unit(unit: str) -> str:
    """The ``engUnit`` of a map's unit."""
    return ENG_UNITS.get(unit, unit)


def payload(value: float, stamp_s: float, quality: int = GOOD) -> str:
    """A value message as JSON."""
    return json.dumps({"value": value, "timestamp": round(1000.0 * stamp_s), "quality": quality})


def read_value(raw: bytes | bytearray) -> Value:
    """The value message of a payload.

    Raises
    ------
    ValueError
        Saying what is wrong with it.
    """
    content = read_object(raw)
    value, stamp, quality = (content.get(key) for key in ("value", "timestamp", "quality"))
    for name, given in (("value", value), ("timestamp", stamp), ("quality", quality)):
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
            raise ValueError(f"its {name} is {str(given)[:40]!r}, no number")
    assert isinstance(value, (int, float)) and isinstance(stamp, (int, float))
    return Value(float(value), float(stamp) / 1000.0, GOOD if quality == GOOD else BAD)


def read_object(raw: bytes | bytearray) -> dict[str, Any]:
    """The JSON object of a payload.

    Raises
    ------
    ValueError
        Where it is none.
    """
    if len(raw) > LARGEST_PAYLOAD:
        raise ValueError(f"its payload has {len(raw)} bytes, more than {LARGEST_PAYLOAD}")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(f"its payload {bytes(raw[:40])!r} is no JSON") from None
    if not isinstance(content, dict):
        raise ValueError(f"its payload {bytes(raw[:40])!r} is no JSON object")
    return content


def _path(place: Place) -> str:
    return f"{place.dsx['object']}/{place.dsx['point']}/{place.address}"
