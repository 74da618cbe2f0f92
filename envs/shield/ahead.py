"""The nearest setpoints from which the site keeps its hard limits, as a model of the site foresees it.

What is wanted stays where the outlook is safe. Else setpoints move towards their refuge, the safest values that are
within reach: the lever that needs the least travel, and no further than it must. Cooling is moved first. Power limits
are moved only where all of it does not keep the limits with the machines that run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.channel import Channel
from envs.interface.constraints import HARD_LIMITS, HardLimit
from envs.shield.foresight import Foresight, Outlook
from envs.shield.intervention import Change

Array = NDArray[np.floating]
Setpoints = dict[str, Array]
Rows = dict[str, NDArray[np.bool_]]
Peak = Callable[[Outlook], Array]

SHARES = np.linspace(0.125, 1.0, 8)  # of the way to the refuge that are tried


class Way(NamedTuple):
    """Rows that move together, each ``(k, U)`` for the sites that are looked at."""

    rows: Rows
    travel: Array  # (U,), to the refuge [full ranges]


class Ahead:
    """Looks one step ahead.

    Parameters
    ----------
    foresight : Foresight
    channels : sequence of Channel
        All channels of the site.
    """

    def __init__(self, foresight: Foresight, channels: Sequence[Channel]) -> None:
        self.foresight, self.channels = foresight, tuple(channels)

    def corrected(self, wanted: Setpoints, refuge_of: Callable[[], Setpoints]) -> tuple[Setpoints, list[Change]]:
        """Safe setpoints ``{channel: (k, B)}`` of all channels, and what was changed for which limit.

        ``refuge_of`` gives the safest setpoints within reach; it is asked only where something must be moved.
        """
        every = np.arange(next(iter(wanted.values())).shape[1])
        outlook = self.foresight.outlook(wanted, every)
        sites = np.flatnonzero(_peak_as_is(outlook) > 0.0)
        if not len(sites) and not (_peak_of_both(outlook) > 0.0).any():
            return wanted, []
        refuge = refuge_of()
        made = self._cooled(wanted, refuge, outlook)
        if len(sites):
            made = self._capped(made, refuge, sites)
        return made, [] if made is wanted else self._told(wanted, made, outlook)

    def _cooled(self, wanted: Setpoints, refuge: Setpoints, outlook: Outlook) -> Setpoints:
        """Cooling moved where the limits that it can keep would not be kept."""
        sites = np.flatnonzero(_peak_of_both(outlook) > 0.0)
        if not len(sites):
            return wanted
        start, end = (_columns(points, sites) for points in (wanted, refuge))
        ways = self._ways(start, end, _over_by_row(outlook, sites))
        kept = self._peaks([_moved(start, end, way.rows, 1.0) for way in ways], sites, _peak_of_both) <= 0.0
        travel = np.where(kept, np.stack([way.travel for way in ways]), np.inf)
        best = np.where(kept.any(axis=0), travel.argmin(axis=0), len(ways) - 1)  # the last moves all
        rows = {name: _chosen([way.rows[name] for way in ways], best) for name in start}
        tried = [_moved(start, end, rows, share) for share in SHARES]
        enough = self._peaks(tried, sites, _peak_of_both) <= 0.0
        return _put(wanted, _chosen_setpoints(tried, _first(enough)), sites)

    def _capped(self, made: Setpoints, refuge: Setpoints, sites: NDArray[np.intp]) -> Setpoints:
        """Power limits lowered where cooling alone does not keep the limits with the machines that run."""
        now = self.foresight.outlook(_columns(made, sites), sites)
        sites = sites[_peak_as_is(now) > 0.0]
        start, end = (_columns(points, sites) for points in (made, refuge))
        rows = {c.name: np.full(start[c.name].shape, c.kind == "cap") for c in self.channels}
        if not len(sites) or not any(mask.any() for mask in rows.values()):
            return made
        tried = [_moved(start, end, rows, share) for share in SHARES]
        enough = self._peaks(tried, sites, _peak_as_is) <= 0.0
        return _put(made, _chosen_setpoints(tried, _first(enough)), sites)

    def _ways(self, start: Setpoints, end: Setpoints, over: NDArray[np.bool_]) -> list[Way]:
        """Each cooling channel alone, then all; of channels by zone the rows that are over a limit."""
        cooling = [c for c in self.channels if c.kind == "cooling"]
        masks = {c.name: np.broadcast_to(over if c.per == "zone" else True, start[c.name].shape) for c in cooling}
        still = {name: np.zeros(value.shape, bool) for name, value in start.items()}
        chosen = [{**still, c.name: masks[c.name]} for c in cooling] + [{**still, **masks}]
        spans = {c.name: c.high - c.low for c in self.channels}
        return [
            Way(rows, sum(np.abs((end[n] - start[n]) * mask).sum(axis=0) / spans[n] for n, mask in rows.items()))
            for rows in chosen
        ]

    def _peaks(self, tried: Sequence[Setpoints], sites: NDArray[np.intp], peak: Peak) -> Array:
        """Peak ``(T, U)`` of each trial."""
        stacked = {name: np.concatenate([points[name] for points in tried], axis=1) for name in tried[0]}
        return peak(self.foresight.outlook(stacked, np.tile(sites, len(tried)))).reshape(len(tried), len(sites))

    def _told(self, wanted: Setpoints, made: Setpoints, outlook: Outlook) -> list[Change]:
        """One change for each limit and channel: a site's is told under the limit that it would pass the furthest."""
        over = {limit.name: _highest(limit, outlook) for limit in HARD_LIMITS if limit.name in outlook.as_is}
        foremost = np.argmax(np.stack(list(over.values())), axis=0)
        found = []
        for number, limit in enumerate(limit for limit in HARD_LIMITS if limit.name in over):
            for c in self.channels:
                given = np.where(foremost == number, made[c.name], wanted[c.name])
                found.append(Change(c, limit.name, wanted[c.name], given, limit.meaning, over[limit.name], limit.unit))
        return found


def _highest(limit: HardLimit, outlook: Outlook) -> Array:
    both = [part[limit.name].max(axis=0) for part in outlook if limit.name in part]
    return np.max(both, axis=0)


def _peak_as_is(outlook: Outlook) -> Array:
    return np.max([over.max(axis=0) for over in outlook.as_is.values()], axis=0)


def _peak_of_both(outlook: Outlook) -> Array:
    """Of the limits that cooling can keep."""
    cooled = [limit for limit in HARD_LIMITS if "cooling" in limit.levers and limit.name in outlook.as_is]
    return np.max([_highest(limit, outlook) for limit in cooled], axis=0)


def _over_by_row(outlook: Outlook, sites: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Zones over their limit ``(Z, U)``; all, where none is."""
    inlet = np.max([part["inlet_allowable"][:, sites] for part in outlook], axis=0) > 0.0
    return inlet | ~inlet.any(axis=0)


def _columns(points: Mapping[str, Array], sites: NDArray[np.intp]) -> Setpoints:
    return {name: value[:, sites] for name, value in points.items()}


def _moved(start: Setpoints, end: Setpoints, rows: Rows, share: float) -> Setpoints:
    return {
        name: (value + share * np.where(rows[name], end[name] - value, 0.0)).astype(value.dtype)
        for name, value in start.items()
    }


def _first(enough: NDArray[np.bool_]) -> NDArray[np.intp]:
    """First trial that is enough for each site; the last where none is."""
    return np.where(enough.any(axis=0), enough.argmax(axis=0), len(enough) - 1)


def _chosen(values: Sequence[NDArray], which: NDArray[np.intp]) -> NDArray:
    return np.stack(values)[which, :, np.arange(len(which))].T


def _chosen_setpoints(tried: Sequence[Setpoints], which: NDArray[np.intp]) -> Setpoints:
    return {name: _chosen([points[name] for points in tried], which) for name in tried[0]}


def _put(points: Setpoints, fresh: Setpoints, sites: NDArray[np.intp]) -> Setpoints:
    made = {name: value.copy() for name, value in points.items()}
    for name, value in fresh.items():
        made[name][:, sites] = value
    return made
