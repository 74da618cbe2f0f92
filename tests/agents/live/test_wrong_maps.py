"""Readings that only a wrong point map explains, over a real BACnet server: the loop, ``python -m agents.runtime`` and
``act.py`` refuse each for one reason, in the first cycle, and nothing is written.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from building import Building
from test_refusals import RETURN, SUPPLY, Make, Values, in_fahrenheit, shown_wrong, swapped

from agents.live.parts import Command
from agents.live.reading import Key
from agents.live.serve import FIRST_READING, begin
from agents.runtime.__main__ import main

CHIP, DRY, WET, DOWN = Key("chip_max_c"), Key("dry_bulb_c"), Key("wet_bulb_c"), Key("rack_down_frac")
FAN, IT = Key("zone_fan_speed_frac"), Key("it_power_share")
LIQUID = (Key("fws_supply_c"), Key("tcs_supply_c"), Key("tcs_return_c"), CHIP)


def declared_degf(key: Key) -> Callable[[Values], Values]:
    """A sensor in degC behind a point that the map calls degF."""
    return lambda values: {key: (values[key] - 32.0) / 1.8}


def shown(**values: float) -> Callable[[Values], Values]:
    return lambda _: {Key(name): value for name, value in values.items()}


WRONG: dict[str, tuple[Callable[[Values], Values], str]] = {
    "no number": (shown(tcs_supply_c=math.nan), "tcs_supply_c"),
    "outdoor air of a summer in degF": (shown(dry_bulb_c=86.0), "dry_bulb_c"),
    "coolant in kelvin": (shown(tcs_supply_c=308.0), "tcs_supply_c"),
    "supply air in degF": (in_fahrenheit(SUPPLY), "zone_supply_c"),
    "supply air in degC, declared degF": (declared_degf(SUPPLY), "zone_supply_c"),
    "facility water in degC, declared degF": (declared_degf(Key("fws_supply_c")), "fws_supply_c"),
    "coolant in degC, declared degF": (declared_degf(Key("tcs_supply_c")), "tcs_supply_c"),
    "the whole liquid side in degF": (lambda v: {k: 32.0 + 1.8 * v[k] for k in LIQUID}, "_supply_c"),
    "supply and return swapped": (swapped, "zone_return_c is"),
    "bulbs swapped": (lambda v: {DRY: v[DRY], WET: v[DRY] + 4.9}, "dry_bulb_c is 4.9 K colder than wet_bulb_c"),
    "a chip at 190 degC": (shown(chip_max_c=190.0), "chip_max_c is 60.0 K warmer than 130 degC"),
    "all racks down at full power": (shown(rack_down_frac=1.0, it_power_share=1.0), "it_power_share = 1 beside"),
    "a speed in percent": (lambda v: {FAN: 100.0 * v[FAN]}, "zone_fan_speed_frac"),
    "a speed that was divided by 100": (lambda v: {FAN: v[FAN] / 100.0}, "zone_fan_speed_frac"),
    "a meter in the wrong scale": (lambda v: {Key("facility_power_share"): 0.01, IT: v[IT]}, "it_power_share"),
}


def reading_of(row: Mapping[str, Any]) -> dict[str, list[float]]:
    """What a cycle measured, as JSON of a bundle."""
    found: dict[str, list[float]] = {}
    for column, value in row.items():
        told = re.fullmatch(r"measured\.(.+)\[(\d+)\]", column)
        if told:
            found.setdefault(told[1], []).append(value)
    return found


@pytest.mark.parametrize("what", WRONG)
def test_loop_runtime_and_act_py_refuse_a_wrong_reading_for_one_reason_before_anything_is_written(
    what: str, building: Make, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, words = WRONG[what]
    b = building("bacnet")
    if what == "no number":
        b.hall.values = lambda: type(b.hall).values(b.hall) | wrong({})  # type: ignore[method-assign]
        b.server.publish()
    else:
        shown_wrong(b, wrong)
    row = b.cycle()
    assert words in row["fault"] and row["state"] == "released" and not b.hall.noted, row["fault"]
    measured = reading_of(row)
    if what == "no number":  # the loop refused it before it was measured
        measured = {name: [1.0] * len(value) for name, value in measured.items()} | {"tcs_supply_c": [math.nan]}
    file = tmp_path / "hall.json"
    file.write_text(json.dumps(measured), encoding="utf-8")
    assert main([str(bundle), str(file)]) == 1
    said = capsys.readouterr().err.strip()
    act = subprocess.run(
        [sys.executable, str(bundle / "act.py")], input=file.read_text(), capture_output=True, text=True, check=False
    )
    assert act.returncode == 1 and not act.stdout and act.stderr.strip() == said
    assert said in row["fault"] or what == "no number" and words in said


def test_a_first_reading_in_order_is_acted_on_alike_by_all_three(building: Make, bundle: Path, tmp_path: Path) -> None:
    b = building("bacnet", mode="shadow", approved_by="")
    row = b.cycle()
    assert not row["fault"]
    file = tmp_path / "hall.json"
    file.write_text(json.dumps(reading_of(row)), encoding="utf-8")
    made = subprocess.run(
        [sys.executable, str(bundle / "act.py")], input=file.read_text(), capture_output=True, text=True, check=True
    )
    for name, values in json.loads(made.stdout).items():
        assert values == pytest.approx([row[f"wanted.{name}[{k}]"] for k in range(len(values))], rel=1e-6), name


def test_a_jump_is_refused_by_name_in_the_cycle_in_which_it_comes(building: Make) -> None:
    b = building("bacnet")
    b.settled()
    shown_wrong(b, lambda values: {DRY: values[DRY] + 30.0})
    assert "dry_bulb_c moved by" in b.cycle()["fault"] and b.is_handed_back()


def test_a_loop_begins_with_a_table_of_what_each_point_reads(
    building: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    b = building("bacnet", mode="shadow", approved_by="")
    shown_wrong(b, declared_degf(SUPPLY))
    begin(b.loop)
    table = (Path(b.settings.folder) / FIRST_READING).read_text(encoding="utf-8")
    assert capsys.readouterr().err == table
    line = next(line for line in table.splitlines() if line.startswith("zone_supply_c[0]"))
    place = next(p.place for p in b.site.points if p.place.key == SUPPLY)
    setpoint = b.hall.values()[Key("in_force.supply_air_temp_setpoint_c")]
    for part in (place.address, "degC", "8..40", f"{setpoint:.4g}", "outside its usual range"):
        assert part in line, line
    (said,) = [e for e in b.told("info") if e["event"] == "first reading"]
    assert said["look_at"]["zone_supply_c[0]"] == "outside its usual range"
    assert not b.hall.noted


def test_a_fault_that_takes_the_points_twice_within_a_day_waits_for_a_person(building: Make) -> None:
    b = building("bacnet")
    b.settled()
    true = b.loop.parts.connector.read_back
    b.loop.parts.connector.read_back = lambda keys: {k: v + 5.0 for k, v in true(keys).items()}

    def taken() -> None:
        """Until the loop has taken the points again, and lost them."""
        faults = b.loop.faults
        for _ in range(12):
            b.cycle()
            if b.loop.faults > faults:
                return
        raise AssertionError(b.loop.state)

    b.loop.held.clear()  # so that every point is written again
    taken()
    assert "read-back of" in b.loop.fault and not b.loop.until_resumed
    taken()
    assert b.loop.until_resumed and b.is_handed_back()
    noted = len(b.hall.noted)
    assert {b.cycle()["state"] for _ in range(6)} == {"released"} and len(b.hall.noted) == noted
    b.loop.parts.connector.read_back = true
    b.loop.ask(Command("resume", who="anna"))
    b.loop._obey()
    assert [b.cycle()["state"] for _ in range(3)][-1] == "in control"


def left(b: Building, bundle: Path, told: str) -> None:
    """Another loop on the building, whose map leaves the racks' limits to it."""
    text = b.site.path.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if "rack_power_limit_frac" in line)
    new = re.sub(r'low: \S+ high: \S+ address: "[^"]*", start: \d+', told.replace("\\", ""), old)
    if "address" in told:
        new = re.sub(r"low: \S+ high: \S+ ", "", old)[:-1] + ", left_to_building: true}"
    b.site.path.write_text(text.replace(old, new), encoding="utf-8")
    from agents.live.point_map import read_live_map

    b.loop.parts.connector.close()
    b.loop.parts.log.close()
    b.site = read_live_map(b.site.path)
    b.loop = b.made_loop(bundle)


@pytest.mark.parametrize("told", ["address", "left_to_building: true, fixed: 1.0"])
def test_a_channel_that_the_map_leaves_to_the_building_is_never_written_nor_released(
    told: str, building: Make, bundle: Path
) -> None:
    b = building("bacnet")
    left(b, bundle, told)
    commanded: list[tuple[str, float | None]] = []
    write = b.loop.parts.connector._command
    b.loop.parts.connector._command = lambda place, value, priority: (
        commanded.append((place.key.name, value)),
        write(place, value, priority),
    )
    b.settled()
    rows = [b.cycle() for _ in range(3)]
    b.loop.end()
    names = {name for name, _ in commanded}
    assert "in_force.tcs_supply_temp_setpoint_c" in names and "in_force.rack_power_limit_frac" not in names
    assert all(math.isnan(row["written.rack_power_limit_frac[0]"]) for row in rows)
    assert all(
        row["given.rack_power_limit_frac[0]"] == row["measured.in_force.rack_power_limit_frac[0]"] for row in rows
    )
    assert not any("rack_power_limit" in row["shield"] for row in rows)


def test_the_self_test_leaves_alone_what_the_map_leaves_to_the_building(building: Make, bundle: Path) -> None:
    from agents.live.self_test import self_test

    b = building("bacnet")
    left(b, bundle, "address")
    self_test(b.loop)
    assert not [key for key, _ in b.hall.noted if key.name == "rack_power_limit_frac"]


def test_taking_over_moves_the_fans_by_no_more_than_shadow_said(building: Make, bundle: Path) -> None:
    b = building("bacnet", mode="shadow", approved_by="")
    for _ in range(12):
        advised = b.cycle()
    b.loop.end()
    in_force = advised["measured.in_force.crah_fan_speed_frac[0]"]
    object.__setattr__(b.settings, "mode", "auto")
    b.loop = b.made_loop(bundle)
    taken = b.cycle()
    moved = taken["written.crah_fan_speed_frac[0]"] - taken["measured.in_force.crah_fan_speed_frac[0]"]
    said = advised["given.crah_fan_speed_frac[0]"] - in_force
    assert abs(moved - said) < 0.03, (moved, said)


def test_an_unknown_object_is_named_in_the_fault(building: Make) -> None:
    b = building("bacnet")
    b.cycle()
    b.loop.parts.connector.close()
    place = next(p.place for p in b.site.points if p.place.key == RETURN)
    object.__setattr__(place, "address", "analog-input,9513")
    fault = b.cycle()["fault"]
    assert "zone_return_c[0] at 'analog-input,9513' is bad: unknown object analog-input,9513" in fault
