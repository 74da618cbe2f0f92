"""What the shield changed: a table of arrays for many sites, and a list of records for people and logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.channel import Channel
from envs.unit_text import unit_behind

Array = NDArray[np.floating]

#: Smallest change that is told, as a share of the channel's range: what float32 rounds is no intervention.
TOLD_FRAC = 1e-5


class Intervention(NamedTuple):
    """One setpoint that the shield changed, for one limit.

    Attributes
    ----------
    channel : str
        Of the table of channels.
    row : int
        Row of the channel: its zone or power row.
    limit : str
        Name of the limit: ``range``, ``slew``, an interlock, or a hard limit that was foreseen.
    wanted, given : float
        What was asked for, and what this limit left of it [unit].
    unit : str
        Of both.
    why : str
        A sentence with the reason and by how much.
    site : int
        Column of the batch; 0 for one site.
    """

    channel: str
    row: int
    limit: str
    wanted: float
    given: float
    unit: str
    why: str
    site: int = 0


class Change(NamedTuple):
    """What one limit did to one channel of every site.

    Attributes
    ----------
    channel : Channel
    limit : str
    wanted, given : ndarray (k, B)
        Before and after.
    reason : str
        What the sentence of each record begins with.
    over : ndarray (B,), optional
        By how much a hard limit less its margin would have been passed [over_unit].
    over_unit : str
        Of ``over``.
    """

    channel: Channel
    limit: str
    wanted: Array
    given: Array
    reason: str
    over: Array | None = None
    over_unit: str = ""

    @property
    def moved(self) -> NDArray[np.bool_]:
        """Where the limit changed something ``(k, B)``; a setpoint that is no number was always changed."""
        least = TOLD_FRAC * (self.channel.high - self.channel.low)
        close: NDArray[np.bool_] = np.abs(self.wanted - self.given) <= least
        return ~close


def interventions(changes: Iterable[Change]) -> list[Intervention]:
    """A record of every changed setpoint, in the order of the changes."""
    found = []
    for change in changes:
        for row, site in np.argwhere(change.moved):
            found.append(_record(change, int(row), int(site)))
    return found


def _record(change: Change, row: int, site: int) -> Intervention:
    c, wanted, given = change.channel, float(change.wanted[row, site]), float(change.given[row, site])
    where = c.name if c.rows == 1 else f"{c.name}[{row}]"
    unit = unit_behind(c.unit)
    by = f"{'up' if given > wanted else 'down'} by {abs(given - wanted):.3g}" if np.isfinite(wanted) else "set"
    reason = change.reason
    if change.over is not None:
        reason += f" less its margin by {change.over[site]:.2g} {change.over_unit}".replace(" 1", "").replace(
            "degC", "K"
        )
    why = f"{reason}: {where} {by}{unit}, from {wanted:.4g} to {given:.4g}{unit}"
    return Intervention(c.name, row, change.limit, wanted, given, c.unit, why, site)


def step_counts(changes: Iterable[Change], batch: int) -> dict[str, NDArray[np.bool_]]:
    """Sites ``(B,)`` where the shield acted in a step: ``shield_steps``, and ``shield_<limit>`` of each limit."""
    found: dict[str, NDArray[np.bool_]] = {"shield_steps": np.zeros(batch, bool)}
    for change in changes:
        where: NDArray[np.bool_] = np.any(change.moved, axis=0)
        found["shield_steps"] = np.logical_or(found["shield_steps"], where)
        name = f"shield_{change.limit}"
        found[name] = np.logical_or(found[name], where) if name in found else where
    return found
