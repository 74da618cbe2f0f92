"""A building that is known by its Brick model alone: the map that comes of it reads every point of a real server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from building import Building

from agents.live.connectors import connector_of
from agents.live.decider import Decider
from agents.live.point_map import LiveMap, Place, read_live_map
from experiments.point_map import BrickSettings, TemplateSettings, from_brick, template
from experiments.point_maps.brick_classes import CHANNEL_PLACES, POINT_PLACES, UNITS, BrickPlace

pytest.importorskip("rdflib", reason="Brick models need the extra [brick]")
Make = Callable[..., Building]
QUDT = {ours: theirs for theirs, ours in reversed(UNITS.items())}


def turtle(places: list[Place]) -> str:
    """A Brick model of some places; what Brick has no class for is named by hand."""
    lines = [
        "@prefix : <urn:hall#> .", "@prefix brick: <https://brickschema.org/schema/Brick#> .",
        "@prefix ref: <https://brickschema.org/schema/Brick/ref#> .",
        "@prefix unit: <http://qudt.org/vocab/unit/> .",
    ]  # fmt: skip
    for n, place in enumerate(places):
        name, row = place.key.name.removeprefix("in_force."), place.key.row
        known = (CHANNEL_PLACES if place.key.name.startswith("in_force.") else POINT_PLACES).get(name)
        kind = known.classes[-1] if known else "Point"
        where = f'ref:hasExternalReference [ ref:BACnetURI "bacnet://7/{place.address}/present-value" ]'
        lines.append(f":p{n} a brick:{kind} ; brick:hasUnit unit:{QUDT[place.unit]} ; {where} .")
        lines += _owner(n, row, known) if known else [f':p{n} <urn:coldaisle#point> "{name}[{row}]" .']
    return "\n".join(lines)


def _owner(n: int, row: int, known: BrickPlace) -> list[str]:
    kind = known.on[0] if known.on else "HVAC_Zone"
    return [f":{kind}{row} a brick:{kind} ; brick:hasPoint :p{n} ."]


def test_a_brick_model_becomes_a_map_that_reads_the_building_and_fits_the_bundle(
    building: Make, bundle: Path, tmp_path: Path
) -> None:
    b = building("bacnet")
    needed = {p["name"] for p in b.loop.parts.decider.policy.read} | {c.name for c in b.loop.parts.decider.channels}
    places = [p for p in b.site.places() if p.unit in QUDT and p.key.name.removeprefix("in_force.") in needed]
    (tmp_path / "hall.ttl").write_text(turtle(places), encoding="utf-8")
    wire = b.site.connection
    told = BrickSettings(
        str(tmp_path / "hall.ttl"), str(bundle), file=str(tmp_path / "made.yaml"), host=wire["host"],
        port=wire["port"], limits="bundle",
    )  # fmt: skip
    said = from_brick(told)
    site = read_live_map(tmp_path / "made.yaml")
    assert f"{len(places)} values of {len(places)} points" in said
    assert {p.key: p.address for p in site.places()} == {p.key: p.address for p in places}
    decider = Decider(bundle, _with_prices(site, b.site), None)
    assert {c.name for c in decider.channels} == {s.channel.name for s in site.setpoints}
    connector = connector_of(site, b.clock)
    readings = connector.read()
    connector.close()
    before = b.loop.parts.connector.read()
    assert all(readings[key].good for key in readings)
    assert np.allclose([readings[key].value for key in readings], [before[key].value for key in readings])
    with pytest.raises(ValueError, match="is there already"):
        from_brick(told)


def _with_prices(site: LiveMap, whole: LiveMap) -> LiveMap:
    """The map, and the points of the whole one whose unit QUDT lacks."""
    known = {p.place.key for p in site.points}
    rest = tuple(p for p in whole.points if p.place.key not in known and p.place.unit not in QUDT)
    return LiveMap(site.path, site.protocol, site.connection, (*site.points, *rest), site.setpoints, site.digest)


def test_a_template_that_is_filled_in_fits_the_bundle(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "points.yaml"
    template(TemplateSettings("bacnet", str(bundle), str(file)))
    lines, at = [], 0
    for line in file.read_text(encoding="utf-8").splitlines():
        if "rows:" in line:
            kind, at = "analog-input" if "name:" in line else "analog-value", at + 100
            line = line.replace('address: "?"', f'address: "{kind},{{n}}", start: {at}')
        lines.append(
            line.replace('low: "?", high: "?"', "low: 0.2, high: 0.9").replace('host: "?"', 'host: "192.0.2.7"')
        )
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="low = 0.2 is outside"):
        read_live_map(file)
    ranges = {c.name: (float(np.min(c.low)), float(np.max(c.high))) for c in _channels(bundle)}
    for k, line in enumerate(lines):
        name = line.partition('channel: "')[2].partition('"')[0]
        if name:
            low, high = ranges[name]
            lines[k] = line.replace("low: 0.2, high: 0.9", f"low: {low}, high: {high}")
    file.write_text("\n".join(lines), encoding="utf-8")
    assert Decider(bundle, read_live_map(file)).channels


def _channels(bundle: Path) -> list[object]:
    from agents.runtime.exported_policy import ExportedPolicy

    policy = ExportedPolicy(bundle, watchful=True)
    return [*policy.interface.decoder.channels, *policy.ruled]
