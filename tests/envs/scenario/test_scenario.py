"""Scenarios at the door: each wrong line is refused by name, with the range and the mend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.plant.layout import Layout
from envs.scenario import SHIPPED, Scenario, load

REFUSED = [
    ("nonsense=1", r"key 'nonsense'.*choose one of"),
    ("tower.colour=red", r"key 'tower.colour'.*cells"),
    ("tower.cells=many", r"key 'tower.cells'.*'many'.*give a value of the field's type"),
    ("tower.cells=2.5", r"key 'tower.cells'.*2.5"),
    ("forecast=maybe", r"key 'forecast'.*'maybe'"),
    ("site.climates=5", r"key 'site.climates'"),
    ("chilled_water=5", r"5"),
    ("episode.steps=0", r"Episode.steps = 0 is outside \[1, 120000\]"),
    ("elevation_m=9000", r"Scenario.elevation_m = 9000.0 is outside \[-400.0, 5000.0\] m"),
    ("elevation_m=nan", r"Scenario.elevation_m = nan"),
    ("power.pdu_loss_frac=1.5", r"PowerChain.pdu_loss_frac = 1.5 is outside .*fractions 0..1"),
    ("rules.tcs_setpoint_c=308", r"Rules.tcs_setpoint_c = 308.0 is outside .*degC"),
    ("rules.caps=magic", r"Rules.caps = 'magic' is unknown; choose"),
    ("rules.supply_air={low: 26, high: 20}", r"rules.supply_air: low = 26.0 is above high = 20.0"),
    ("episode.substep_s=70", r"substep_s = 70.0 does not divide step_s = 300.0"),
    ("racks.r1.archetype=gpu", r"archetype = 'gpu' is unknown; choose one of"),
    ("racks.r1.workload=x", r"workload = 'x' is unknown; choose one of"),
    ("racks.r1.zone=7", r"racks.r1.zone = 7, but there are 2 zones; give 0..1"),
    ("racks.r1.row=9", r"racks.r1.row = 9, but .* 4 rows; add"),
    ("chilled_water=null", r"nothing cools the air; give chilled_water or dx"),
    ("tower=null", r"water-cooled and needs a tower"),
    ("coolant=null", r"liquid-cooled racks \(racks.r1: .*; give coolant"),
    ("dx={}", r"dx units serve one zone, but there are 2"),
    ("racks={}", r"'racks=\{\}': an empty mapping is merged with what is there, so it changes nothing"),
    ("zones.a={}", r"'zones.a=\{\}': an empty mapping"),
    ("agent_channels=[cw_supply_temp_setpoint_c,cw_supply_temp_setpoint_c]", r"agent_channels: .* stands twice"),
    (
        "agent_channels=[crah_fan_sped_frac]",
        r"channel 'crah_fan_sped_frac' is unknown; .*'crah_fan_speed_frac'\?",
    ),
    (
        "agent_channels=[fan]",
        r"agent_channels: channel 'fan' is unknown; choose one of: backfill_grace_h, ",
    ),
    ("encodings.fan=delta", r"encodings: channel 'fan' is unknown; choose one of: backfill_grace_h, "),
    (
        "legacy_setpoints.fan=1",
        r"legacy_setpoints: channel 'fan' is unknown; choose one of: backfill_grace_h, ",
    ),
    (
        "channel_ranges.fan=[1,2]",
        r"channel_ranges: channel 'fan' is unknown; choose one of: backfill_grace_h, ",
    ),
    ("channel_ranges.supply_air_temp_setpoint_c=[24,13]", r"give \[low, high\] with low < high"),
    ("channel_ranges.supply_air_temp_setpoint_c=[13]", r"give \[low, high\]"),
    ("channel_ranges.supply_air_temp_setpoint_c=[a,b]", r"'a' is no number"),
    ("reward_weights.magic=1", r"reward term 'magic' is unknown; the terms are"),
    ("reward_weights.energy=-1", r"reward weight energy = -1.0 is negative; give 0"),
    ("site.workload_seeds=[]", r"Site.workload_seeds = \[\] has nothing to draw from"),
    ("site.climates=[]", r"Site.climates = \[\] has nothing to draw from"),
]


@pytest.mark.parametrize(("line", "words"), REFUSED, ids=[line for line, _ in REFUSED])
def test_a_wrong_line_is_refused_with_its_mend(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load("ai_hall", [line])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("racks.r1.overrides.foo=1", "override 'foo' is no parameter of a rack; choose from"),
        ("racks.r1.overrides.peak_kw=-5", "RackArchetype.peak_kw = -5.0 is outside"),
        ("zones.c={}", "give each zone at least one rack group"),
    ],
)
def test_what_a_hall_cannot_hold_is_refused_when_it_is_laid_out(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Layout(load("ai_hall", [line]), "float32")  # type: ignore[arg-type]


def test_an_unknown_name_and_a_missing_file_say_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'moon_base' is unknown; give one of .*ai_hall"):
        load("moon_base")
    with pytest.raises(ValueError, match="does not exist; shipped scenarios are"):
        load(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("racks: {}", r"mine.yaml', racks: an empty mapping is merged with what is there, so it changes nothing"),
        ("racks: {cpu: {}}", r"mine.yaml', racks.cpu: an empty mapping"),
        ("name: ${oc.env:HOME}", r"mine.yaml', name: '\$\{oc.env:HOME\}' would be filled in from outside the file"),
        ("site: {climates: ['${oc.env:HOME}']}", r"site.climates.0: '\$\{oc.env:HOME\}' would be filled in"),
    ],
)
def test_a_line_of_a_file_that_would_do_nothing_or_fetch_something_is_refused(
    line: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"base: edge_room\n{line}\n")
    with pytest.raises(ValueError, match=words):
        load(str(path))


def test_a_file_holds_only_what_deviates_from_its_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: edge_room\nname: mine\nepisode: {steps: 7}\n")
    mine, base = load(str(path)), load("edge_room")
    assert mine.name == "mine" and mine.episode.steps == 7 and mine.racks == base.racks


@pytest.mark.parametrize("text", ["[13,24]", "[13.0, 24]", "[13.5, 24.5]"])
def test_a_range_may_be_given_in_whole_numbers(text: str) -> None:
    low, high = load("ai_hall", [f"channel_ranges.supply_air_temp_setpoint_c={text}"]).channel_ranges[
        "supply_air_temp_setpoint_c"
    ]
    assert isinstance(low, float) and isinstance(high, float) and low < 14 < high


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_loads_and_is_frozen(name: str) -> None:
    scenario = load(name)
    assert isinstance(scenario, Scenario) and scenario.name == name
    with pytest.raises(AttributeError):
        scenario.name = "other"  # type: ignore[misc]


def test_every_deviation_changes_the_hash_and_nothing_else_does() -> None:
    assert load("ai_hall").hash() == load("ai_hall").hash() == load("ai_hall", ["tower.cells=3"]).hash()
    assert load("ai_hall", ["tower.cells=4"]).hash() != load("ai_hall").hash()


def test_one_string_of_overrides_is_refused_as_a_whole_not_letter_by_letter() -> None:
    with pytest.raises(ValueError, match=r"overrides = 'episode.steps=3' is one string; .*: \['episode.steps=3'\]"):
        load("ai_hall", "episode.steps=3")


def test_a_parameter_of_a_machine_that_is_not_there_is_refused_and_builds_none() -> None:
    with pytest.raises(ValueError, match=r"'edge_room' has no tower.*give 'tower=\{\}' too"):
        load("edge_room", ["tower.cell_fan_kw=12"])
    added = load("edge_room", ["tower={}", "tower.cell_fan_kw=12"]).tower
    assert added is not None and added.cell_fan_kw == 12.0


def test_halls_that_differ_in_one_site_of_many_have_hashes_of_their_own() -> None:
    """Machine code is known by the hash; an array's text leaves out what stands between its ends."""
    one, other = (np.full(4000, 1000.0), np.full(4000, 1000.0))
    other[2000] = 1001.0
    halls = [replace(load("edge_room"), expected_peak_kw=values * 0.107) for values in (one, other)]
    assert halls[0].hash() != halls[1].hash()
