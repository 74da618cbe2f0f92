"""The point map's reader: units, rows, scales, and a refusal by file and line for everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.live.connectors import PROTOCOLS
from agents.live.point_map import read_live_map
from agents.live.reading import Key

TEMPLATES = Path(__file__).parents[3] / "configs/points"
WHOLE = """\
protocol: bacnet
connection: {host: 127.0.0.1, port: 47808}
points:
  - {name: zone_supply_c, rows: 2, unit: degF, address: "analog-input,{n}", start: 7, brick: Air_Sensor}
  - {name: facility_power_share, unit: "1", scale: 0.0005, address: "analog-input,20"}
  - {name: dr_active, unit: "1", fixed: 0}
  - name: wet_bulb_c
    unit: K
    address: "analog-value,9"
setpoints:
  - {channel: supply_air_temp_setpoint_c, rows: 2, unit: degC, scale: 0.1, start: 1,
     address: "analog-value,{n}", low: 19, high: 26}
"""


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "points.yaml"
    path.write_text(text, encoding="utf-8")
    return read_live_map(path)


def test_rows_units_and_scales_become_ours_and_back(tmp_path: Path) -> None:
    site = read(tmp_path, WHOLE)
    places = {place.key: place for place in site.places()}
    second = places[Key("zone_supply_c", 1)]
    assert second.address == "analog-input,8" and second.ours(68.0) == pytest.approx(20.0)
    assert places[Key("wet_bulb_c")].ours(290.15) == pytest.approx(17.0)
    assert places[Key("facility_power_share")].ours(1500.0) == pytest.approx(0.75)
    setpoint = site.setpoint(Key("supply_air_temp_setpoint_c", 1))
    assert setpoint.place.theirs(21.5) == pytest.approx(215.0) and setpoint.place.ours(215.0) == pytest.approx(21.5)
    assert (setpoint.low, setpoint.high, setpoint.priority) == (19.0, 26.0, 10)
    assert [p.fixed for p in site.points if p.place.key.name == "dr_active"] == [0.0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("bacnet", "bacnett", "line 1: protocol 'bacnett' is unknown; choose one of"),
        ("port: 47808", "prot: 47808", "line 2: key of connection 'prot' is unknown"),
        ("port: 47808", "port: high", "line 2: port = 'high'; give a int"),
        ("zone_supply_c", "zone_suply_c", "line 4: point 'zone_suply_c' is unknown"),
        ("unit: degF", "unit: F", "line 4: unit = 'F' of zone_supply_c; choose one of degC, degF, K"),
        ('"analog-input,{n}"', '"analog-input,3"', "put {row} or {n} in"),
        ("analog-input,20", "analog-inputs,20", "line 5: kind of object 'analog-inputs' is unknown"),
        ("analog-input,20", "analog-input,x", "line 5: instance 'x'"),
        ("scale: 0.0005", "scale: 0", "line 5: scale = 0"),
        ("scale: 0.0005", "scale: .nan", "line 5: scale = nan is outside"),
        ("fixed: 0}", "fixed: 0, address: a}", "line 6: dr_active needs an address, or fixed"),
        ("unit: K", "unit: psi", "line 8: unit = 'psi'"),
        ("name: wet_bulb_c", "name: dr_active", "line 8: unit = 'K' of dr_active"),
        ("low: 19", "low: 1", "line 12: low = 1 is outside 5..45"),
        ("low: 19", "low: 30", "give low below high"),
        ("low: 19", "low: 19, priority: 3", "line 12: priority = 3 is outside 8..16"),
        ("low: 19", "low: 19, lowest: 3", "line 12: key 'lowest' is unknown"),
        ("low: 19, ", "", "line 11: supply_air_temp_setpoint_c has no low; give the site's own limits"),
        (", high: 26", "", "line 11: supply_air_temp_setpoint_c has no high; give the site's own limits"),
        ("low: 19, high: 26", "fixed: 20", "line 12: a setpoint that is fixed cannot be written"),
        ("low: 19, high: 26", "left_to_building: yes please", "line 12: left_to_building = yes please; give true"),
        ("low: 19", "left_to_building: true", "line 12: high of a channel that is left_to_building; take one"),
        ("unit: degF, address", "unit: degF, fixed", "fixed = analog-input,{n} is outside"),
        ('address: "analog-input,{n}", start: 7', "fixed: 20", "line 4: fixed = 20 of zone_supply_c, which the hall's"),
        ("analog-input,20", "analog-input,08", "line 5: facility_power_share[0] is at 'analog-input,08', where line 4"),
        (
            "analog-value,9",
            "analog-value,2",
            "line 7: wet_bulb_c[0] is at 'analog-value,2', where line 11 has in_force",
        ),
        ("supply_air_temp_setpoint_c", "supply_temp", "line 11: channel 'supply_temp' is unknown"),
    ],
)
def test_what_is_wrong_is_refused_by_file_line_value_and_mend(old: str, new: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refusal:
        read(tmp_path, WHOLE.replace(old, new, 1))
    assert words in str(refusal.value) and "points.yaml, line" in str(refusal.value)


@pytest.mark.parametrize(
    ("protocol", "first", "second"),
    [
        ("bacnet", "analog-value,5", "analog-value,5"),
        ("modbus", "holding:10:float32", "holding:11:float32"),
        ("mqtt", "hall/one", "hall/one"),
        ("opcua", "ns=2;s=one", "ns=2;s=one"),
        ("redfish", "/redfish/v1/Chassis/1/Controls/A#/SetPoint", "/redfish/v1/Chassis/1/Controls/A#/SetPoint"),
    ],
)
def test_two_setpoints_on_one_object_are_refused_when_the_map_is_read(
    protocol: str, first: str, second: str, tmp_path: Path
) -> None:
    dsx = "dsx: {object: CDU, point: LiquidTemperature, request: LiquidTemperatureSpRequest}, " * (protocol == "mqtt")
    text = f"protocol: {protocol}\npoints: [{{name: dr_active, unit: '1', fixed: 0}}]\nsetpoints:\n"
    for channel, address in (("fws_supply_temp_setpoint_c", first), ("tcs_supply_temp_setpoint_c", second)):
        text += f"  - {{channel: {channel}, unit: degC, low: 20, high: 40, {dsx}address: '{address}'}}\n"
    with pytest.raises(
        ValueError, match=r"line 5: in_force.tcs_supply_temp_setpoint_c\[0\] is at .* give each its own$"
    ):
        read(tmp_path, text)


def test_two_points_may_share_an_object_where_the_map_says_so(tmp_path: Path) -> None:
    shared = WHOLE.replace("analog-value,9", "analog-value,2").replace("unit: K", "unit: K\n    shared: true")
    site = read(tmp_path, shared)
    assert [p.place.address for p in site.points if p.shared] == ["analog-value,2"]


@pytest.mark.parametrize(("told", "fixed"), [('address: "analog-value,{n}"', None), ("fixed: 21", 21.0)])
def test_a_channel_that_is_left_to_the_building_is_read_and_no_setpoint(
    told: str, fixed: float | None, tmp_path: Path
) -> None:
    text = WHOLE.replace('address: "analog-value,{n}", low: 19, high: 26', f"{told}, left_to_building: true")
    site = read(tmp_path, text)
    left = [p for p in site.points if p.place.key.name == "in_force.supply_air_temp_setpoint_c"]
    assert not site.setpoints and [p.fixed for p in left] == [fixed, fixed]


def test_a_point_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    again = WHOLE.replace("setpoints:", '  - {name: dr_active, unit: "1", fixed: 1}\nsetpoints:')
    with pytest.raises(ValueError, match=r"line 10: dr_active\[0\] stands in line 6 already"):
        read(tmp_path, again)


@pytest.mark.parametrize(
    ("protocol", "address", "words"),
    [
        ("modbus", "holding:1:float64", "type 'float64' is unknown"),
        ("modbus", "register:1:int16", "table 'register' is unknown"),
        ("modbus", "holding:70000:int16", "outside 0..65535"),
        ("modbus", "coil:3:int16", "has a type"),
        ("mqtt", "hall/+/x", "give a tag path"),
    ],
)
def test_an_address_that_a_protocol_does_not_have_is_refused(
    protocol: str, address: str, words: str, tmp_path: Path
) -> None:
    text = f'protocol: {protocol}\npoints:\n  - {{name: wet_bulb_c, unit: degC, address: "{address}"}}\n'
    with pytest.raises(ValueError, match="line 3: .*" + words.replace("(", r"\(")):
        read(tmp_path, text)


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "simulated"])
def test_every_protocol_has_a_template_that_reads(protocol: str) -> None:
    site = read_live_map(TEMPLATES / f"{protocol}.yaml")
    assert site.protocol == protocol and site.points and site.setpoints
    assert all(place.brick for place in site.places() if place.key.name == "tcs_supply_c")


def test_a_map_that_is_not_there_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="coldaisle simulate-site"):
        read_live_map(tmp_path / "none.yaml")
