"""A hall from its file: positions of a table or an export, feeders, room units, CDUs, and what stands already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from envs.feeders.graph import Feeder
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry
from experiments.placing.arrivals import KIND, read_kind
from experiments.placing.hall import NO_LIMIT, Block, PlacingHall, Position, RoomUnits, Standing
from experiments.placing.inventory import Record, records
from experiments.power_planning.hall_feeders import feeders_of

KEYS = ("name", "positions", "power_feeds", "feeders", "room_units", "cdus", "standing", "scenario")
ROOM_KEYS = ("units", "unit_kw")
CDU_KEYS = ("limit_kw",)
MOST_KW, MOST_POSITIONS = 1e6, 20_000
KG = {"kg": 1.0, "lb": 0.45359237, "g": 1e-3, "oz": 0.028349523125}
#: Feeds of these statuses carry nothing.
OUT = ("offline", "failed", "decommissioned")
PHASES = ("single-phase", "three-phase")
#: Columns of a position that give what stands there.
STANDING = "rack"
KNOWN = (
    *("name", "row", "rack_group", "location", "zone", "feeds", "cdus", "kw_limit", "kg_limit", "max_weight"),
    *("weight_unit", "u_limit", "u_height", "id", STANDING, *KIND),
)


class Feed(NamedTuple):
    """A feed of one rack: what it comes from and what it carries [kW]."""

    panel: str
    kw: float


def read_hall(path: Path) -> PlacingHall:
    """Read a hall.

    Parameters
    ----------
    path : Path
        A YAML file, as docs/place.md shows; the files that it names lie beside it.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming file, line, value, what is allowed and the mend.
    """
    top = YamlEntry.of_file(path, KEYS)
    feeders = feeders_of(top.mapping("feeders"))
    rooms = {
        zone: RoomUnits(one.whole("units", None, 1, 200), one.number("unit_kw", None, 0.1, MOST_KW))
        for zone, one in top.mapping("room_units", {}).named(ROOM_KEYS).items()
    }
    cdus = {
        name: one.number("limit_kw", None, 0.1, MOST_KW)
        for name, one in top.mapping("cdus", {}).named(CDU_KEYS).items()
    }
    feeds = read_feeds(path.parent / top.text("power_feeds"), feeders) if "power_feeds" in top else {}
    rows = records(path.parent / top.text("positions"), ["name"], KNOWN)
    if len(rows) > MOST_POSITIONS:
        raise top.fault("positions", f"{len(rows)} positions; give {MOST_POSITIONS} at most, such as those of one hall")
    positions = [_position(row, feeders, feeds, rooms, cdus) for row in rows]
    _require_once(rows, [one.name for one in positions], "position")
    standing = [Standing(row.text([STANDING]), row.text(["name"]), read_kind(row)) for row in rows if _stands(row)]
    places = {one.name for one in positions}
    if "standing" in top:
        more = records(path.parent / top.text("standing"), ["position"], ("position", *KNOWN))
        standing += [_standing(row, places) for row in more]
        _require_once(more, [row.text(["position"]) for row in more], "position")
    taken = [one.position for one in standing]
    if twice := sorted({name for name in taken if taken.count(name) > 1}):
        raise top.fault("standing", f"two racks stand on {twice[0]!r}; give each position one rack")
    scenario = top.text("scenario", "")
    return PlacingHall(top.name("name"), tuple(positions), feeders, rooms, cdus, tuple(standing), scenario)


def _stands(row: Record) -> bool:
    return STANDING in row.cells


def _standing(row: Record, places: set[str]) -> Standing:
    position = row.text(["position"])
    if position not in places:
        raise row.fault(unknown_name("position", position, places))
    return Standing(row.text([STANDING, "name"], position), position, read_kind(row))


def _position(
    row: Record,
    feeders: Sequence[Feeder],
    feeds: Mapping[str, list[Feed]],
    rooms: Mapping[str, RoomUnits],
    cdus: Mapping[str, float],
) -> Position:
    name = row.text(["name"])
    own = feeds.get(name, [])
    panels = row.names("feeds", [feeder.name for feeder in feeders], "feeder")
    panels = panels or tuple(dict.fromkeys(feed.panel for feed in own))
    if not panels:
        raise row.fault(f"position {name!r} has no feeds; name feeders in feeds, or give it power feeds")
    zone = row.text(["zone"], "")
    if zone and zone not in rooms:
        raise row.fault(f"zone: {unknown_name('zone', zone, rooms)}")
    carried = [sum(feed.kw for feed in own if feed.panel == panel) for panel in panels]
    kw = min([row.number("kw_limit", NO_LIMIT, 0.0, MOST_KW), *(kw for kw in carried if kw > 0.0)])
    block = Block(
        row.text(["row", "rack_group", "location"]),
        zone,
        tuple(sorted(panels)),
        tuple(sorted(row.names("cdus", cdus, "CDU"))),
        kw,
        _kg_limit(row),
        row.number("u_limit", row.number("u_height", NO_LIMIT, 0.0, 200.0), 0.0, 200.0),
    )
    return Position(name, block, row.text(["id"], ""))


def _kg_limit(row: Record) -> float:
    if "kg_limit" in row.cells or "max_weight" not in row.cells:
        return row.number("kg_limit", NO_LIMIT, 0.0, 1e6)
    return row.number("max_weight", None, 0.0, 1e9) * KG[row.choice("weight_unit", KG, "kg")]


def read_feeds(path: Path, feeders: Sequence[Feeder]) -> dict[str, list[Feed]]:
    """Power feeds of NetBox or Nautobot, by the name of their rack.

    What a feed carries is its voltage times its amperage times ``max_utilization``, times the root of 3 where it has
    three phases, as both programs count it. A feed that is offline or has no rack is left out.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming file, line or entry, value, what is allowed and the mend.
    """
    known = [feeder.name for feeder in feeders]
    found: dict[str, list[Feed]] = {}
    for row in records(path, ["power_panel"]):
        if "rack" not in row.cells or row.cells.get("status", "active").lower() in OUT:
            continue
        panel = row.text(["power_panel"])
        if panel not in known:
            raise row.fault(f"power_panel: {unknown_name('feeder', panel, known)}; name each panel under feeders")
        volt, ampere = abs(row.number("voltage", None, -32768.0, 32767.0)), row.number("amperage", None, 1.0, 32767.0)
        share = row.number("max_utilization", 80.0, 1.0, 100.0) / 100.0
        phases = sqrt(3.0) if row.choice("phase", PHASES, PHASES[0]) == PHASES[1] else 1.0
        if volt == 0.0:
            raise row.fault("voltage = 0; give what the feed has")
        found.setdefault(row.cells["rack"], []).append(Feed(panel, volt * ampere * share * phases / 1000.0))
    return found


def _require_once(rows: Sequence[Record], names: Sequence[str], what: str) -> None:
    seen: dict[str, str] = {}
    for row, name in zip(rows, names):
        if name in seen:
            first = seen[name].rpartition(", ")[2]
            raise row.fault(f"{what} {name!r} stands twice (first in {first}); name each once")
        seen[name] = row.where
