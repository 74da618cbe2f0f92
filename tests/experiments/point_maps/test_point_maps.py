"""Point maps from a Brick model and templates: what they hold, and what they leave open by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.live.connectors import OPEN
from agents.live.point_map import read_live_map
from agents.live.reading import Key
from agents.live.units import IN_FORCE, brick_classes
from experiments.point_map import BrickSettings
from experiments.point_maps.assignment import assignments
from experiments.point_maps.brick_classes import CHANNEL_PLACES, POINT_PLACES
from experiments.point_maps.brick_model import BrickPoint, read_brick_model
from experiments.point_maps.map_text import FORMS, brick_text, template_text
from experiments.point_maps.wanted import Wanted

pytest.importorskip("rdflib", reason="Brick models need the extra [brick]")
HEAD = """\
@prefix : <urn:hall#> .
@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix ref: <https://brickschema.org/schema/Brick/ref#> .
@prefix bacnet: <http://data.ashrae.org/bacnet/2020#> .
@prefix unit: <http://qudt.org/vocab/unit/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:crah10 a brick:CRAH ; rdfs:label "CRAH 10" ; brick:hasPoint :sat10 .
:crah2 a brick:CRAH ; rdfs:label "CRAH 2" ; brick:hasPart :fan2 .
:fan2 a brick:Supply_Fan .
:sat10 a brick:Supply_Air_Temperature_Sensor ; brick:hasUnit unit:DEG_F ;
  ref:hasExternalReference [ bacnet:object-identifier "analog-input,10" ; bacnet:objectOf :device ] ,
                           [ ref:hasTimeseriesId "crah10/sat" ] .
:sat2 a brick:Discharge_Air_Temperature_Sensor ; brick:isPointOf :crah2 ; brick:hasUnit unit:DEG_C ;
  ref:hasExternalReference [ ref:BACnetURI "bacnet://77/analog-input,2/present-value" ] .
:speed a brick:Speed_Command ; brick:isPointOf :fan2 ; brick:hasUnit unit:PERCENT ;
  ref:hasExternalReference [ bacnet:object-identifier "analog-value,5" ; bacnet:objectOf :device ] .
:meter a brick:Building_Electrical_Meter ; brick:hasPoint :power .
:power a brick:Electric_Power_Sensor ; brick:hasUnit unit:KiloW ;
  ref:hasExternalReference [ bacnet:object-identifier "analog-input,30" ; bacnet:objectOf :device ] .
:device a bacnet:BACnetDevice ; bacnet:device-instance 77 ; bacnet:ip-address "192.0.2.7" .
:tcs a brick:Leaving_Water_Temperature_Sensor ; <urn:coldaisle#point> "tcs_supply_c" ; brick:hasUnit unit:DEG_C ;
  ref:hasExternalReference [ bacnet:object-identifier "analog-input,40" ; bacnet:objectOf :device ] .
:oat a brick:Outside_Air_Temperature_Sensor ;
  ref:hasExternalReference [ bacnet:object-identifier "analog-input,50" ; bacnet:objectOf :device ] .
:wet a brick:Outside_Air_Wet_Bulb_Temperature_Sensor ; brick:hasUnit unit:DEG_C ;
  ref:hasExternalReference [ bacnet:object-identifier "analog-input,51" ; bacnet:objectOf :device ] .
"""
WISHES = [
    Wanted("zone_supply_c", 2, "degC", False, 8.0, 40.0),
    Wanted("facility_power_share", 1, "1", False, 0.0, 2.0, rated_kw=(2000.0,)),
    Wanted("tcs_supply_c", 1, "degC", False, 10.0, 60.0),
    Wanted("dry_bulb_c", 1, "degC", False, -30.0, 50.0),
    Wanted("wet_bulb_c", 2, "degC", False, -30.0, 35.0),
    Wanted("zone_return_c", 2, "degC", False, 10.0, 60.0, is_derived=True),
    Wanted("crah_fan_speed_frac", 1, "1", True, 0.3, 1.0),
]


def model(tmp_path: Path, extra: str = "") -> list[BrickPoint]:
    path = tmp_path / "hall.ttl"
    path.write_text(HEAD + extra, encoding="utf-8")
    return read_brick_model(path)


def text_of(points: list[BrickPoint], limits: str = "bundle") -> str:
    return brick_text(assignments(WISHES, points), "bacnet", {"host": "192.0.2.7", "port": 47808}, limits)


def test_rows_stand_in_natural_order_of_equipment_with_unit_scale_and_address(tmp_path: Path) -> None:
    path = tmp_path / "points.yaml"
    path.write_text(text_of(model(tmp_path)), encoding="utf-8")
    site = read_live_map(path)
    places = {place.key: place for place in site.places()}
    first, second = (places[Key("zone_supply_c", k)] for k in range(2))
    assert (first.address, second.address) == ("analog-input,2", "analog-input,10"), "CRAH 2 before CRAH 10"
    assert second.ours(68.0) == pytest.approx(20.0) and first.brick == "Discharge_Air_Temperature_Sensor"
    assert places[Key("facility_power_share")].ours(1500.0) == pytest.approx(0.75)
    assert places[Key("tcs_supply_c")].address == "analog-input,40", "named by hand: Brick has no such class"
    (fans,) = site.setpoints
    assert (fans.channel, fans.place.address) == (Key("crah_fan_speed_frac", 0), "analog-value,5")
    assert fans.place.theirs(0.62) == pytest.approx(62.0) and (fans.low, fans.high) == (0.3, 1.0)


def test_what_the_model_lacks_stands_there_as_a_comment_that_says_why(tmp_path: Path) -> None:
    lines = text_of(model(tmp_path)).splitlines()
    told = {line.split()[1]: line for line in lines if line.startswith("  # ") and "perhaps" not in line}
    assert "oat (Outside_Air_Temperature_Sensor) has no brick:hasUnit" in told["dry_bulb_c"]
    assert "2 wanted, the model has 1" in told["wet_bulb_c"]
    assert "  #   perhaps wet (Outside_Air_Wet_Bulb_Temperature_Sensor)" in lines
    assert "the model has no such point; the bundle derives it" in told["zone_return_c"]


def test_limits_of_setpoints_are_left_open_unless_the_bundle_s_are_taken_on_purpose(tmp_path: Path) -> None:
    path = tmp_path / "points.yaml"
    path.write_text(text_of(model(tmp_path), "ask"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 17: low = \? is outside"):
        read_live_map(path)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (':wet <urn:coldaisle#point> "wet_bulb" .', "point or channel 'wet_bulb' is unknown"),
        (':wet <urn:coldaisle#point> "wet_bulb_c[2]" .', "wet_bulb_c has 2 rows, from 0 on"),
        (':wet <urn:coldaisle#point> "tcs_supply_c" .', r"tcs_supply_c\[0\] is named twice"),
    ],
)
def test_a_point_that_is_named_by_hand_must_be_one_of_the_bundle_s(tmp_path: Path, extra: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assignments(WISHES, model(tmp_path, extra))


def test_a_file_that_is_no_model_of_a_building_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such Brick model"):
        read_brick_model(tmp_path / "none.ttl")
    path = tmp_path / "hall.ttl"
    path.write_text("this is no turtle", encoding="utf-8")
    with pytest.raises(ValueError, match="hall.ttl is no Turtle"):
        read_brick_model(path)
    path.write_text("<urn:a> a <https://brickschema.org/schema/Brick#CRAH> .", encoding="utf-8")
    with pytest.raises(ValueError, match="hasExternalReference"):
        read_brick_model(path)
    with pytest.raises(ValueError, match="point-map template protocol=modbus"):
        BrickSettings("hall.ttl", "bundle", "modbus")


@pytest.mark.parametrize("protocol", sorted(FORMS))
def test_a_template_names_every_wish_and_is_refused_by_line_until_it_is_filled(tmp_path: Path, protocol: str) -> None:
    path = tmp_path / "points.yaml"
    text = template_text(WISHES, protocol)
    assert all(wish.name in text for wish in WISHES)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"line \d+") as refused:
        read_live_map(path)
    assert OPEN in str(refused.value) or "open" in str(refused.value)


def test_the_class_that_our_tables_give_a_point_is_one_that_a_model_may_give_it() -> None:
    ours = brick_classes()
    known = POINT_PLACES | {IN_FORCE + name: place for name, place in CHANNEL_PLACES.items()}
    assert {name: ours[name] for name, place in known.items() if ours[name] not in place.classes} == {}
