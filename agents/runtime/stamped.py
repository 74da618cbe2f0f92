"""Values that carry the time of their reading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def stamped(measurements: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    """Values, and times [s since 1970, UTC] of those that have one.

    Raises
    ------
    ValueError
        Naming the point whose time is none.
    """
    values, times = dict(measurements), dict[str, float]()
    for name, value in measurements.items():
        if isinstance(value, Mapping):
            if "value" not in value:
                raise ValueError(f"{name} = {value!r:.60} has no value; give {{'value': ..., 'time': ...}}")
            other = next((key for key in value if key not in ("value", "time")), None)
            if other is not None:
                raise ValueError(f"{name} has a key {other!r:.60}; give {{'value': ..., 'time': ...}} and no other")
            values[name] = value["value"]
            if "time" in value:
                times[name] = seconds_of(name, value["time"])
    return values, times


def seconds_of(name: str, at: object) -> float:
    """Seconds since 1970 (UTC) of a number, or of a text in ISO 8601 with its offset.

    Raises
    ------
    ValueError
        Where it is neither.
    """
    when = None
    try:
        if isinstance(at, (int, float)) and not isinstance(at, bool):
            return float(at)
        when = datetime.fromisoformat(str(at))
    except (ValueError, OverflowError):
        pass
    if when is None or when.tzinfo is None:
        raise ValueError(
            f"{name}: time {at!r:.60}; give seconds since 1970 or ISO 8601 with an offset, as ...T13:00:00Z"
        )
    return when.timestamp()
