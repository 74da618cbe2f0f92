"""The one table of readings that physics ties together, and the check that holds a site's reading against it.

The live loop, ``python -m agents.runtime`` and ``act.py`` share it; ``docs/bundle.md`` tells it in words. Slacks are
engineering guesses: beyond what the shipped plants show under every fault of the library, and inside what the mix-up
shows. Sensor noise and bias are 0.2 K each, and what stands in a pipe lags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.interface import DRY_BULB, HOTTEST_CHIP, IN_FORCE, WET_BULB, PointData

Array = NDArray[np.floating]

DOWN = "rack_down_frac"  # racks that are down: the hall is really that hot
#: Supply temperatures and the setpoints that their local loops hold.
FOLLOWS = {
    "zone_supply_c": "supply_air_temp_setpoint_c",
    "chw_supply_c": "chw_supply_temp_setpoint_c",
    "cw_supply_c": "cw_supply_temp_setpoint_c",
    "fws_supply_c": "fws_supply_temp_setpoint_c",
    "tcs_supply_c": "tcs_supply_temp_setpoint_c",
}
CALM_WEIGHT = 1e6  # of racks that are down, where a relation holds while none is
OVER_SETPOINT_K = 42.0  # a supply over its setpoint; in degF it is at least so far above one from 14 degC on
COLDER, WARMER, MORE = "colder", "warmer", "more"


class Relation(NamedTuple):
    """A point that is never colder, warmer or more than another by over a slack.

    Attributes
    ----------
    point : str
    way : str
        ``colder``, ``warmer`` or ``more``.
    other : str
        Empty: the ``constant`` alone.
    slack : float
        In the unit of both [K or 1].
    mend : str
        What else explains the reading.
    calm : bool
        Holds only while no rack is down.
    where : str
        A point of the sites on which it holds; empty: all.
    constant, factor : float
        The other side is ``constant + factor * other``.
    """

    point: str
    way: str
    other: str
    slack: float
    mend: str
    calm: bool = False
    where: str = ""
    constant: float = 0.0
    factor: float = 1.0


_SWAPPED = "check whether the two are swapped, and the units of both"
_DEGC_AS_DEGF = "check the unit in which it is read: degC that is taken for degF shows this"
_DEGF_AS_DEGC = "check the unit in which it is read: degF that is taken for degC shows this"

RELATIONS: tuple[Relation, ...] = (
    # heat flows one way
    Relation("zone_return_c", COLDER, "zone_supply_c", 3.0, _SWAPPED),
    Relation("zone_inlet_max_c", COLDER, "zone_supply_c", 10.0, _SWAPPED, calm=True),
    Relation("chw_return_c", COLDER, "chw_supply_c", 3.0, _SWAPPED),
    Relation("tcs_return_c", COLDER, "tcs_supply_c", 3.0, _SWAPPED),
    Relation(HOTTEST_CHIP, COLDER, "tcs_supply_c", 3.0, _SWAPPED, calm=True),
    Relation(HOTTEST_CHIP, COLDER, "zone_inlet_max_c", 10.0, _SWAPPED, calm=True),
    # what evaporation can do
    Relation(DRY_BULB, COLDER, WET_BULB, 2.0, _SWAPPED),
    Relation(WET_BULB, COLDER, DRY_BULB, 30.0, _DEGC_AS_DEGF),
    Relation("cw_supply_c", COLDER, WET_BULB, 5.0, _DEGC_AS_DEGF),
    Relation("fws_supply_c", COLDER, WET_BULB, 5.0, _DEGC_AS_DEGF, where="dry_cooler_fan_speed_frac"),
    # a local loop holds its setpoint, or lost its machine
    Relation("zone_supply_c", COLDER, IN_FORCE + FOLLOWS["zone_supply_c"], 15.0, _DEGC_AS_DEGF),
    Relation("chw_supply_c", COLDER, IN_FORCE + FOLLOWS["chw_supply_c"], 15.0, _DEGC_AS_DEGF),
    Relation("cw_supply_c", COLDER, IN_FORCE + FOLLOWS["cw_supply_c"], 18.0, _DEGC_AS_DEGF, calm=True),
    Relation("fws_supply_c", COLDER, IN_FORCE + FOLLOWS["fws_supply_c"], 18.0, _DEGC_AS_DEGF, calm=True),
    Relation("tcs_supply_c", COLDER, IN_FORCE + FOLLOWS["tcs_supply_c"], 20.0, _DEGC_AS_DEGF),
    *(
        Relation(supply, WARMER, IN_FORCE + setpoint, OVER_SETPOINT_K, _DEGF_AS_DEGC, calm=True)
        for supply, setpoint in FOLLOWS.items()
    ),
    # a chip that hot has shut down
    Relation(HOTTEST_CHIP, WARMER, "", 0.0, _DEGF_AS_DEGC, calm=True, constant=130.0, factor=0.0),
    Relation(HOTTEST_CHIP, WARMER, "tcs_supply_c", 80.0, _DEGF_AS_DEGC, calm=True),
    Relation(HOTTEST_CHIP, WARMER, "zone_inlet_max_c", 100.0, _DEGF_AS_DEGC, calm=True),
    # one circuit cools the next; after what names the circuit itself
    Relation("zone_supply_c", COLDER, "chw_supply_c", 5.0, _SWAPPED, calm=True),
    Relation("zone_return_c", COLDER, "room_dew_point_c", 5.0, _SWAPPED),
    Relation("tcs_supply_c", COLDER, "fws_supply_c", 4.0, _SWAPPED),
    # power: of a step in which racks went down, the mean is still high
    Relation("it_power_share", MORE, "facility_power_share", 0.2, "check the scale of both"),
    Relation(
        "it_power_share", MORE, DOWN, 0.85, "racks that are down draw nothing; check both", constant=1.0, factor=-1.0
    ),
)


class Related:
    """The relations that hold between the points of one site.

    Parameters
    ----------
    points : sequence of PointData
        In the order of the numbers.
    table : iterable of Relation
    """

    def __init__(self, points: Sequence[PointData], table: Iterable[Relation] = RELATIONS) -> None:
        self.names = [p["name"] for p in points]
        rows = {p["name"]: p["rows"] for p in points}
        starts = dict(zip(self.names, np.cumsum([0, *rows.values()]).tolist()))
        self.holding = [r for r in table if _holds(r, rows)]
        lines: list[Array] = []
        most: list[float] = []
        for r in self.holding:
            for k in range(max(rows[r.point], rows.get(r.other, 1))):
                line, sign = np.zeros(sum(rows.values())), -1.0 if r.way == COLDER else 1.0
                line[starts[r.point] + k % rows[r.point]] = sign
                if r.other:
                    line[starts[r.other] + k % rows[r.other]] -= sign * r.factor
                if r.calm and DOWN in rows:
                    line[starts[DOWN]] = -CALM_WEIGHT
                lines.append(line)
                most.append(r.slack + sign * r.constant)
        self.matrix = np.array(lines).reshape(len(lines), sum(rows.values()))
        self.most = np.array(most)

    def hold(self, numbers: Array) -> bool:
        """Whether all hold for one site's numbers ``(n,)``; no rack's share is under 0 here."""
        return bool((self.matrix @ numbers <= self.most).all())

    def require(self, seen: Mapping[str, Array]) -> None:
        """Refuse what cannot be beside the rest.

        Parameters
        ----------
        seen : mapping
            Points ``{name: (k, B)}``.

        Raises
        ------
        ValueError
            Naming both points, by how much they cannot be, and what to check.
        """
        calm = np.asarray(seen[DOWN] <= 0.0 if DOWN in seen else True)
        for r in self.holding:
            other = r.constant + r.factor * seen[r.other] if r.other else np.float64(r.constant)
            by = (other - seen[r.point]) if r.way == COLDER else (seen[r.point] - other)
            wrong = (by > r.slack) & (calm | (not r.calm))
            if wrong.any():
                raise ValueError(f"{_words(r, float(by[wrong].max()), seen)}, which cannot be; {r.mend}")


def _holds(r: Relation, rows: Mapping[str, int]) -> bool:
    """Whether a site has both points, row by row or one of them once."""
    if r.point not in rows or (r.other and r.other not in rows) or (r.where and r.where not in rows):
        return False
    counts = {rows[r.point], rows.get(r.other, 1)}
    return len(counts) == 1 or 1 in counts


def _words(r: Relation, by: float, seen: Mapping[str, Array]) -> str:
    if r.way == MORE:
        beside = f"{r.other} = {seen[r.other].max():g}"
        return f"{r.point} = {seen[r.point].max():g} beside {beside}"
    other = r.other or f"{r.constant:g} degC"
    calm = " while no rack is down" if r.calm else ""
    return f"{r.point} is {by:.1f} K {r.way} than {other}{calm}"
