"""Least power that a class or a tenant is promised, from a YAML file, and whether caps keep it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.feeders.limits import Limits, with_minima
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry, shown
from experiments.power_planning.hall_demand import HallDemand

Floats = NDArray[np.float64]
KEYS = ("groups", "class", "kw", "share")
MOST_KW = 1e7
MISSED_KW = 1e-3  # above which a promise counts as missed
SHORT_FRAC = 0.99  # of a promise, below which a moment counts as short


class Promise(NamedTuple):
    """What some work gets at least, or all that it wants where that is less.

    Attributes
    ----------
    name : str
    where : str
        File and line, for messages.
    outlets : ndarray of bool (G + L,)
        Whose it is: the fixed part of the groups too, where all their classes are promised.
    kw, share : float
        One of them: a power [kW], or a part of what they want at the time; zero for the other.
    """

    name: str
    where: str
    outlets: NDArray[np.bool_]
    kw: float
    share: float

    def least_kw(self, wanted_kw: Floats) -> Floats:
        """What is promised at each moment ``(T,)`` [kW], of what outlets want ``(G + L, T)``."""
        wants = wanted_kw[self.outlets].sum(axis=0)
        return np.minimum(wants, self.kw) if self.kw else self.share * wants


def read_promises(path: Path, demand: HallDemand) -> tuple[Promise, ...]:
    """Promises of a file, as docs/powerplan.md shows.

    Raises
    ------
    ValueError
        For an unknown key, group or class, both or neither of kW and share, a value out of range, or no such work,
        naming file, line, value and mend.
    """
    listed = YamlEntry.of_file(path, ("minima",)).mapping("minima")
    listed.require_plain_names()
    return tuple(_promise(name, entry, demand) for name, entry in listed.named(KEYS).items())


def _promise(name: str, entry: YamlEntry, demand: HallDemand) -> Promise:
    groups = entry.texts("groups", demand.groups)
    for group in groups:
        if group not in demand.groups:
            raise entry.fault("groups", unknown_name("rack group", shown(group), demand.groups))
    kinds = sorted({w.kind for w in demand.classes})
    kind = entry.choice("class", kinds) if "class" in entry else None
    if ("kw" in entry) == ("share" in entry):
        raise entry.fault("", f"minimum {name!r} has kw and share, or neither; give one, such as share: 0.9")
    kw = entry.number("kw", None, MISSED_KW, MOST_KW) if "kw" in entry else 0.0
    share = entry.number("share", None, MISSED_KW, 1.0) if "share" in entry else 0.0
    fixed = [group in groups and kind is None for group in demand.groups]
    mine = [w.group in groups and kind in (None, w.kind) for w in demand.classes]
    if not groups or not any(mine):
        work = f"work of class {kind}" if kind else "work"
        raise entry.fault("groups", f"minimum {name!r}: no {work} that caps reach runs in {list(groups)}")
    return Promise(name, entry.where(), np.array(fixed + mine), kw, share)


def with_promises(limits: Limits, promises: Sequence[Promise], wanted_kw: Floats) -> Limits:
    """The limits, with a row for each promise.

    Parameters
    ----------
    limits : Limits
    promises : sequence of Promise
    wanted_kw : ndarray (G + L, T)
        At the moments at which power is shared.
    """
    for one in promises:
        group = np.where(one.outlets, 0, -1)
        limits = with_minima(limits, group, one.least_kw(wanted_kw)[None], [f"minimum of {one.name}"])
    return limits


class Kept(NamedTuple):
    """A promise under caps.

    Attributes
    ----------
    name : str
    promised_kw, gets_kw : float
        Means over the moments, by what was measured when the caps were decided [kW].
    missed_kw : float
        The most that the caps as decided leave out [kW].
    full : str
        What was full then.
    short_frac : float
        Share of the moments in which less than 0.99 of the promise is drawn, by what is wanted one step later [1].
    worst_frac : float
        Least that is then drawn of the promise [1].
    """

    name: str
    promised_kw: float
    gets_kw: float
    missed_kw: float
    full: str
    short_frac: float
    worst_frac: float


def kept(
    promises: Sequence[Promise],
    limits: Limits,
    wanted_kw: Floats,
    limit_kw: Floats,
    later_kw: Floats,
    drawn_kw: Floats,
) -> list[Kept]:
    """Whether caps keep each promise.

    Parameters
    ----------
    promises : sequence of Promise
    limits : Limits
        Of the feeders.
    wanted_kw, limit_kw : ndarray (G + L, T)
        When the caps were decided; infinite caps where all fits.
    later_kw, drawn_kw : ndarray (G + L, T)
        What is wanted and drawn in the step that follows.
    """
    given = np.minimum(limit_kw, wanted_kw)
    slack = limits.limit_kw - limits.weight @ given
    found = []
    for one in promises:
        least, gets = one.least_kw(wanted_kw), given[one.outlets].sum(axis=0)
        t = int((least - gets).argmax())
        over = np.flatnonzero((limits.weight[:, one.outlets] > 0.0).any(axis=1))
        full = limits.name[over[slack[over, t].argmin()]]
        missed = float(max((least - gets)[t], 0.0))
        share = drawn_kw[one.outlets].sum(axis=0) / np.maximum(one.least_kw(later_kw), MISSED_KW)
        short, worst = float((share < SHORT_FRAC).mean()), float(min(share.min(), 1.0))
        found.append(Kept(one.name, float(least.mean()), float(gets.mean()), missed, full, short, worst))
    return found


def require_kept(promises: Sequence[Promise], found: Sequence[Kept]) -> None:
    """Refuse promises that the feeders of the hall as it stands cannot keep.

    Raises
    ------
    ValueError
        Naming the promise, what is missing and what binds.
    """
    for one, row in zip(promises, found):
        if row.missed_kw > MISSED_KW:
            raise ValueError(
                f"{one.where}: minimum {one.name!r} misses {row.missed_kw:.1f} kW at the worst moment; full is: "
                f"{row.full}. Promise less there, or raise that limit"
            )
