"""Any setpoints of any policy become the nearest safe ones: ranges, interlocks, slew, and a look one step ahead.

Every bound of the first three is on one setpoint, so that clipping gives the nearest. The same code runs on one site in
the field and on a batch in training; it needs numpy and the table of channels alone. What looks ahead is handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.action import value_in_force
from envs.interface.channel import Channel
from envs.interface.interface import IN_FORCE
from envs.shield.ahead import Ahead
from envs.shield.foresight import Foresight
from envs.shield.interlocks import INTERLOCKS, Interlock
from envs.shield.intervention import Change, Intervention, interventions
from envs.shield.site_limits import SiteLimits
from envs.unknown_name import unknown_name

Array = NDArray[np.floating]


class Guarded(NamedTuple):
    """What the shield made of a batch's setpoints.

    Attributes
    ----------
    setpoints : dict
        Safe ones ``{channel: (k, B)}``.
    changes : list of Change
        In the order in which the limits acted.
    """

    setpoints: dict[str, Array]
    changes: list[Change]


class Shield:
    """Makes setpoints safe.

    Parameters
    ----------
    channels : sequence of Channel
        All channels of the site, bound to it.
    step_s : float
        Seconds until setpoints can be changed again.
    site : SiteLimits, optional
        What its machines bear.
    foresight : Foresight, optional
        A model of the site; without one nothing is foreseen.
    movable : collection of str, optional
        Channels that it may move where something is foreseen; all when left out.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        step_s: float,
        site: SiteLimits | None = None,
        foresight: Foresight | None = None,
        movable: Collection[str] | None = None,
    ) -> None:
        if not (np.isfinite(step_s) and step_s > 0.0):
            raise ValueError(f"step_s = {step_s}; give the seconds between two decisions, above 0")
        self.channels = {c.name: c for c in channels}
        self.step_s, self.site = float(step_s), site or SiteLimits()
        self.foresight = foresight
        self.movable = frozenset(self.channels if movable is None else movable)
        self._ahead = None if foresight is None else Ahead(foresight, channels)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Forget what was observed, for all ``n`` sites or for those in ``mask``."""
        if self.foresight is not None:
            self.foresight.reset(n, mask)

    def snapshot(self) -> dict[str, Any]:
        """What was observed, as plain data."""
        return {} if self.foresight is None else self.foresight.snapshot()

    def restore(self, saved: Mapping[str, Any], like: Any) -> None:
        """Go on from a snapshot; ``like`` as `envs.shield.foresight.Foresight.restore` has it."""
        if self.foresight is not None:
            self.foresight.restore(saved, like)

    def safe(
        self, setpoints: Mapping[str, ArrayLike], measurements: Mapping[str, ArrayLike]
    ) -> tuple[dict[str, Array], list[Intervention]]:
        """The nearest safe setpoints, and what was changed for which limit and by how much.

        Parameters
        ----------
        setpoints : mapping
            Channel to rows ``(k,)`` of one site or ``(k, B)`` of B sites, in physical units.
        measurements : mapping
            Point to rows in the same form; ``in_force.<channel>`` must be there for every channel given.

        Returns
        -------
        tuple
            Setpoints in the form given, and the list of interventions.

        Raises
        ------
        ValueError
            For a channel that the site lacks, a setpoint of another shape, or no setpoint in force.
        """
        seen = {name: _rows(value) for name, value in measurements.items()}
        single = all(np.ndim(value) < 2 for value in setpoints.values())
        made = self.guarded({name: _rows(value) for name, value in setpoints.items()}, seen)
        given = {name: value[:, 0] for name, value in made.setpoints.items()} if single else made.setpoints
        return given, interventions(made.changes)

    def guarded(self, setpoints: Mapping[str, Array], measurements: Mapping[str, Array]) -> Guarded:
        """As `safe`, of arrays ``(k, B)``, with the changes as arrays; call it once per control step."""
        changes = list[Change]()
        made = {name: self._within(name, value, measurements, changes) for name, value in setpoints.items()}
        told = [change for change in changes if change.moved.any()]
        if self._ahead is not None and self.foresight is not None:
            self.foresight.observe(measurements)
            held = {name: self._in_force(name, measurements) for name in self.channels}
            stays = {**held, **made}
            whole, foreseen = self._ahead.corrected(stays, lambda: self._refuge(stays, measurements))
            moved = [change for change in foreseen if change.moved.any()]
            made |= {change.channel.name: whole[change.channel.name] for change in moved}
            told += moved
        return Guarded(made, told)

    def _refuge(self, stays: Mapping[str, Array], measurements: Mapping[str, Array]) -> dict[str, Array]:
        """The safest setpoints that may be reached in this step."""
        return {
            c.name: self._within(c.name, np.full_like(stays[c.name], c.refuge_value), measurements, [])
            if c.name in self.movable
            else stays[c.name]
            for c in self.channels.values()
        }

    def _within(self, name: str, wanted: Array, measurements: Mapping[str, Array], changes: list[Change]) -> Array:
        """One channel's setpoints inside range, interlocks and slew."""
        c, in_force = self._channel(name), self._in_force(name, measurements)
        if wanted.shape != in_force.shape:
            raise ValueError(f"{name} has shape {wanted.shape}; give {in_force.shape}, as its setpoint in force")
        value = self._numbers(c, wanted, in_force, changes)
        value = _bounded(c, value, (c.low, c.high), ("range", "outside the channel's range"), changes)
        for lock in INTERLOCKS:
            if lock.channel == name:
                value = self._locked(lock, c, value, measurements, changes)
        reached = value_in_force(c, value, in_force, self.step_s)
        changes.append(Change(c, "slew", value, reached, f"further than one step of {self.step_s:g} s may go"))
        return reached

    def _channel(self, name: str) -> Channel:
        if name not in self.channels:
            raise ValueError(unknown_name("channel", name, self.channels))
        return self.channels[name]

    def _in_force(self, name: str, measurements: Mapping[str, Array]) -> Array:
        found = measurements.get(IN_FORCE + name)
        if found is None or not np.isfinite(found).all():
            raise ValueError(f"measurements lack {IN_FORCE}{name}; give the setpoint that holds now, as finite numbers")
        return found

    def _numbers(self, c: Channel, wanted: Array, in_force: Array, changes: list[Change]) -> Array:
        """What is no finite number stays as it is in force."""
        value = np.where(np.isfinite(wanted), wanted, in_force).astype(in_force.dtype)
        changes.append(Change(c, "no_number", wanted, value, "no finite number, so what is in force stays"))
        return value

    def _locked(
        self, lock: Interlock, c: Channel, value: Array, measurements: Mapping[str, Array], changes: list[Change]
    ) -> Array:
        missing = [name for name in lock.reads if name not in measurements]
        if missing:
            held = measurements[IN_FORCE + c.name]
            changes.append(Change(c, lock.name, value, held, f"{', '.join(missing)} is not measured, so it stays"))
            return held
        known = [np.isfinite(measurements[name]) for name in lock.reads]
        low, high = lock.bounds(self.site, c, measurements)
        there = (
            np.all([np.broadcast_to(x, value.shape) for x in known], axis=0) if known else np.ones(value.shape, bool)
        )
        held = np.where(there, value, measurements[IN_FORCE + c.name])
        bounds = np.where(there, low, -np.inf), np.where(there, high, np.inf)
        if np.any(held != value):
            unread = f"{', '.join(lock.reads)} is no finite number, so it stays"
            changes.append(Change(c, lock.name, value, held, unread))
        return _bounded(c, held, bounds, (lock.name, lock.reason), changes)


def _bounded(
    c: Channel, value: Array, bounds: tuple[ArrayLike, ArrayLike], words: tuple[str, str], changes: list[Change]
) -> Array:
    low, high = bounds
    bounded = np.minimum(np.maximum(value, low), high).astype(value.dtype, copy=False)
    changes.append(Change(c, words[0], value, bounded, words[1]))
    return bounded


def _rows(value: ArrayLike) -> Array:
    """Rows ``(k, B)`` of a number, of rows ``(k,)`` or of ``(k, B)``."""
    array = np.asarray(value)
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    return array.reshape(array.shape[0] if array.ndim else 1, -1)
