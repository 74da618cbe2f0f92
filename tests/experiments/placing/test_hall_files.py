"""Halls and arrivals from plain tables and from exports of NetBox and Nautobot; each bad file names place and mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.place import example_files, place
from experiments.placing.answer import PlacingAsked
from experiments.placing.arrivals import read_arrivals
from experiments.placing.hall import PlacingHall
from experiments.placing.hall_file import read_hall

HALL = """name: small
positions: {positions}
{feeds}feeders:
  ups a: {{limit_kw: 400}}
  ups b: {{limit_kw: 400}}
  pdu 1: {{limit_kw: 300, feeds: [ups a]}}
  pdu 2: {{limit_kw: 300, feeds: [ups b]}}
room_units:
  z: {{units: 3, unit_kw: 60}}
cdus:
  c1: {{limit_kw: 300}}
  c2: {{limit_kw: 300}}
"""
PLAIN = """name,row,zone,feeds,cdus,kw_limit,kg_limit,u_limit
p1,r1,z,pdu 1; pdu 2,c1; c2,33.12,1000,48
p2,r1,z,pdu 1; pdu 2,,33.12,1000,48
"""
ARRIVALS = "deployment,racks,kw,liquid_frac,together,kg\na,2,30,0.5,row,800\nb,1,12,0,hall,700\n"


def hall_of(folder: Path, positions: str, content: object, feeds: object = None) -> PlacingHall:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / positions).write_text(text)
    line = ""
    if feeds is not None:
        name = "feeds.csv" if isinstance(feeds, str) else "feeds.json"
        (folder / name).write_text(feeds if isinstance(feeds, str) else json.dumps(feeds))
        line = f"power_feeds: {name}\n"
    path = folder / "hall.yaml"
    path.write_text(HALL.format(positions=positions, feeds=line))
    return read_hall(path)


def netbox_rack(number: int, cdus: str | None) -> dict[str, Any]:
    return {
        "id": number, "url": f"https://netbox.example/api/dcim/racks/{number}/", "name": f"p{number}",
        "location": {"id": 3, "name": "r1"}, "status": {"value": "available", "label": "Available"},
        "u_height": 48, "max_weight": 1000, "weight_unit": {"value": "kg", "label": "Kilograms"}, "tenant": None,
        "custom_fields": {"zone": "z", "cdus": cdus},
    }  # fmt: skip


def netbox_feed(rack: str, panel: str, status: str = "active") -> dict[str, Any]:
    return {
        "id": 9, "power_panel": {"id": 1, "name": panel}, "rack": {"id": 1, "name": rack}, "name": f"{rack}-{panel}",
        "status": {"value": status}, "phase": {"value": "three-phase"}, "voltage": 400, "amperage": 60,
        "max_utilization": 80,
    }  # fmt: skip


RACKS = [netbox_rack(1, "c1; c2"), netbox_rack(2, None)]
FEEDS = [netbox_feed(rack, panel) for rack in ("p1", "p2") for panel in ("pdu 1", "pdu 2")]


def same(one: PlacingHall, other: PlacingHall) -> bool:
    def told(hall: PlacingHall) -> list[object]:
        return [(p.name, p.block._replace(kw_limit=round(p.block.kw_limit, 0))) for p in hall.positions]

    return told(one) == told(other)


def test_a_plain_table_and_the_exports_of_netbox_and_nautobot_give_one_hall(tmp_path: Path) -> None:
    plain = hall_of(tmp_path, "plain.csv", PLAIN)
    rest = hall_of(tmp_path, "rest.json", {"count": 2, "next": None, "results": RACKS}, {"results": FEEDS})
    assert same(plain, rest) and rest.positions[0].dcim_id == "1"
    graph = [{**rack, "status": "available", "weight_unit": "kg"} for rack in RACKS]
    assert same(
        plain, hall_of(tmp_path, "graph.json", {"data": {"rack_list": graph}}, {"data": {"power_feed_list": FEEDS}})
    )
    nautobot = [
        {"id": f"0b1c{n}", "name": f"p{n}", "rack_group": {"name": "r1"}, "u_height": 48, "cf_kg_limit": 1000,
         "_custom_field_data": {"zone": "z", "cdus": cdus}}
        for n, cdus in ((1, ["c1", "c2"]), (2, []))
    ]  # fmt: skip
    assert same(plain, hall_of(tmp_path, "nautobot.json", {"data": {"racks": nautobot}}, FEEDS))
    csv = "ID,Name,Location,Height (U),U Height,Max Weight,Weight Unit,cf_zone,cf_cdus\n"
    csv += "1,p1,r1,,48,1000,kg,z,c1;c2\n2,p2,r1,,48,1000,kg,z,\n"
    feeds = "name,power_panel__name,rack__name,phase,voltage,amperage,max_utilization\n"
    feeds += "".join(
        f"x,{panel},{rack},three-phase,400,60,80\n" for rack in ("p1", "p2") for panel in ("pdu 1", "pdu 2")
    )
    assert same(plain, hall_of(tmp_path, "export.csv", csv, feeds))


def test_a_feed_carries_volts_times_amperes_times_utilisation_times_root_three(tmp_path: Path) -> None:
    hall = hall_of(tmp_path, "rest.json", RACKS, FEEDS)
    assert hall.positions[0].block.kw_limit == pytest.approx(400 * 60 * 0.8 * 3**0.5 / 1000)


def test_a_feed_that_is_offline_is_none(tmp_path: Path) -> None:
    feeds = [*FEEDS[:1], netbox_feed("p1", "pdu 2", "offline"), *FEEDS[2:]]
    assert hall_of(tmp_path, "rest.json", RACKS, feeds).positions[0].block.feeds == ("pdu 1",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("pdu 1; pdu 2,c1", "pdu 1; pdu 9,c1", "line 2: feeds: feeder 'pdu 9' is unknown; choose one of"),
        ("pdu 1; pdu 2,c1", "pdu 1; pdu 1,c1", "line 2: feeds = 'pdu 1; pdu 1' names one twice"),
        ("pdu 1; pdu 2,c1; c2", ",c1; c2", "line 2: position 'p1' has no feeds"),
        ("c1; c2", "c1; c3", "line 2: cdus: CDU 'c3' is unknown; choose one of: c1, c2"),
        ("33.12,1000,48\np2", "33 kW,1000,48\np2", "line 2: kw_limit = '33 kW' is outside 0..1e+06"),
        ("p2,r1,z", "p1,r1,z", "line 3: position 'p1' stands twice (first in line 2)"),
        ("p2,r1,z", "p2,r1,y", "line 3: zone: zone 'y' is unknown; choose one of: z"),
        ("p2,r1,z", "p2,,z", "line 3: no row; fill it in"),
        ("kw_limit", "kw_limt", "column 'kw_limt' is read nowhere; did you mean 'kw_limit'?"),
        ("name,row", "label,row", "none of the columns name"),
    ],
)
def test_a_bad_table_of_positions_is_refused_by_line_value_and_mend(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in PLAIN
    with pytest.raises(ValueError, match="positions.csv") as refused:
        hall_of(tmp_path, "positions.csv", PLAIN.replace(old, new, 1))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("racks", "feeds", "words"),
    [
        (
            {"count": 900, "next": "https://netbox.example/?offset=50", "results": RACKS},
            FEEDS,
            "export again with ?limit=0",
        ),
        ({"errors": [{"message": "no such field"}]}, FEEDS, "the server answered with errors"),
        ({"data": {"a": [], "b": []}}, FEEDS, "2 lists under data; ask for one kind of object"),
        ("{'results': []}", FEEDS, "cannot be read as JSON"),
        (
            [{**RACKS[0], "location": {"id": "0b1c", "url": "/api/"}}],
            FEEDS,
            "entry 1: location is a reference without a name",
        ),
        (RACKS, [netbox_feed("p1", "pdu 7")], "entry 1: power_panel: feeder 'pdu 7' is unknown"),
        (RACKS, [{**FEEDS[0], "voltage": 0}], "entry 1: voltage = 0; give what the feed has"),
        (RACKS, [{**FEEDS[0], "max_utilization": 800}], "entry 1: max_utilization = '800' is outside 1..100"),
        (RACKS, FEEDS[:2], "entry 2: position 'p2' has no feeds"),
    ],
)
def test_a_bad_export_is_refused_by_entry_value_and_mend(
    tmp_path: Path, racks: object, feeds: object, words: str
) -> None:
    with pytest.raises(ValueError, match="rest.json|feeds.json") as refused:
        hall_of(tmp_path, "rest.json", racks, feeds)
    assert words in str(refused.value)


def test_rows_of_one_deployment_come_together(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text(ARRIVALS + "a,1,9,0,row,500\n")
    first, second = read_arrivals(path)
    assert [(kind.kw, names) for kind, names in first.racks] == [(30.0, ("a-1", "a-2")), (9.0, ("a-3",))]
    assert (first.kw, first.together, second.size) == (69.0, "row", 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a,2,30", "a,0,30", "line 2: racks = '0' is outside 1..5000"),
        ("a,2,30", "a,1.5,30", "line 2: racks = '1.5' is no whole number"),
        ("a,2,30", "a,2,many", "line 2: kw = 'many' is outside 0.1..2000"),
        ("0.5,row", "50,row", "line 2: liquid_frac = '50' is outside 0..1"),
        ("0.5,row", "0.5,rack", "line 2: together 'rack' is unknown; choose one of: cdu, hall, row, zone"),
        ("b,1,12,0,hall", "a,1,12,0,hall", "line 3: together = hall of deployment 'a', which has row in line 2"),
    ],
)
def test_a_bad_table_of_arrivals_is_refused_by_line_value_and_mend(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "arrivals.csv"
    assert old in ARRIVALS
    path.write_text(ARRIVALS.replace(old, new))
    with pytest.raises(ValueError, match="arrivals.csv") as refused:
        read_arrivals(path)
    assert words in str(refused.value)


@pytest.mark.parametrize("key", ["hall", "arrivals"])
def test_a_file_that_is_not_there_is_named_with_its_key_and_the_mend(key: str, tmp_path: Path) -> None:
    files = dict(zip(("hall", "arrivals"), example_files())) | {key: Path("nope.yaml")}
    with pytest.raises(FileNotFoundError, match=f"{key} = nope.yaml: no such file; give a .*place.md"):
        place(files["hall"], files["arrivals"], PlacingAsked(), tmp_path)
