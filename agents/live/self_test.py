"""What must work before a loop may write: read, decide, hand back, and write what is in force already."""

from __future__ import annotations

import math

from agents.live.loop import LiveLoop
from agents.live.reading import ConnectorFault, Key, WriteNote


def self_test(loop: LiveLoop) -> list[str]:
    """Go through every step of a cycle without moving the building.

    Points are read and checked, a decision is made, every point is handed back, each setpoint is written as it stands
    where that lies inside the site's limits, read back, and handed back again.

    Returns
    -------
    list of str
        What was tried, one line a step.

    Raises
    ------
    ConnectorFault, ValueError
        Of the first step that fails.
    """
    parts = loop.parts
    told = []
    readings, now = parts.connector.read(), parts.clock.now()
    measurements = loop.check.measurements(readings, now)
    told.append(f"read {len(parts.site.places())} values, all usable")
    decision = parts.decider.decide(measurements, now)
    parts.decider.reset()
    told.append(f"decided {sum(len(v) for v in decision.given.values())} setpoints")
    _mark(loop)
    parts.connector.release()
    _mark(loop)
    told.append("handed every point back")
    stands = loop.in_force(measurements)
    inside = {key: value for key, value in stands.items() if _is_inside(loop, key, value)}
    if inside:
        note = WriteNote(parts.decider.policy_hash, "self-test: nothing moves", "passed", "none", 0)
        try:
            parts.connector.write(inside, note)
            back = parts.connector.read_back(inside)
        finally:
            parts.connector.release()
        _mark(loop)
        off = [
            f"{key} {value:g} came back as {back.get(key, math.nan):g}"
            for key, value in inside.items()
            if loop.taken.is_off(key, value, back)
        ]
        if off:
            raise ConnectorFault(f"the self-test's read-back failed: {'; '.join(off[:5])}")
    told.append(f"wrote {len(inside)} of {len(stands)} setpoints as they stand, read them back, handed them back")
    _mark(loop)
    if parts.heartbeat is not None:
        told.append(f"the watchdog is process {parts.heartbeat.pid}")
    return told


def _mark(loop: LiveLoop) -> None:
    if loop.parts.heartbeat is not None:
        loop.parts.heartbeat.mark()


def _is_inside(loop: LiveLoop, key: Key, value: float) -> bool:
    return any(s.channel == key and s.low <= value <= s.high for s in loop.parts.site.setpoints)
