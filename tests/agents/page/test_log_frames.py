from __future__ import annotations

import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from agents.page.log_frames import LogFrames, log_frame, log_panels

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def row(cycle: int, **changed: Any) -> dict[str, Any]:
    """A cycle as the live loop logs it."""
    return {
        "run": "r", "cycle": cycle, "time_s": 1.7e9 + 300.0 * cycle, "mode": "shadow", "kind": "cycle",
        "state": "shadow", "fault": "", "reason": "ppo for hall: nothing moves", "cycle_s": 300.0,
        "policy_hash": "0123456789abcdef", "interventions": "[]", "expected": "", "scored_held": 3, "scored_told": 4,
        "measured.zone_inlet_max_c[0]": 24.0, "measured.zone_inlet_max_c[1]": 25.5,
        "measured.zone_supply_c[0]": 21.0, "measured.dry_bulb_c[0]": 12.0,
        "measured.in_force.chw_supply_temp_setpoint_c[0]": 18.0,
        "wanted.chw_supply_temp_setpoint_c[0]": 20.0, "given.chw_supply_temp_setpoint_c[0]": 18.5,
        "written.chw_supply_temp_setpoint_c[0]": math.nan,
        "predicted.zone_inlet_max_c[0]": 24.2, "half_width.zone_inlet_max_c[0]": 0.5, **changed,
    }  # fmt: skip


def write(folder: Path, name: str, *rows: dict[str, Any]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / name)


def test_a_cycle_is_shown_with_zones_setpoints_and_what_the_shield_did() -> None:
    told = [{"channel": "chw_supply_temp_setpoint_c", "row": 0, "limit": "slew", "wanted": 20.0, "given": 18.5,
             "unit": "degC", "why": "at most 0.5 K in a cycle"}]  # fmt: skip
    shown = log_frame(row(7, interventions=json.dumps(told)))
    assert shown["level"] == "good" and "25.5 degC" in shown["headline"] and "3 of 4 predictions held" in shown["mode"]
    assert [zone["inlet_max_c"] for zone in shown["view"]["zones"]] == [24.0, 25.5]
    assert shown["view"]["zones"][1]["supply_c"] is None and shown["rules"] is None
    (point,) = shown["advice"]
    assert (point["in_force"], point["advised"], point["unit"], point["moves"]) == (18.0, 18.5, "degC", True)
    assert "the shield changed 20 to 18.5" in point["why"] and "written" not in point["why"]
    assert shown["remarks"] == [{"level": "level", "words": "slew: at most 0.5 K in a cycle"}]


def test_without_a_twin_or_with_one_of_other_zones_the_measured_zones_stand_alone() -> None:
    alone = log_frame(row(7))["view"]
    other = {"zones": [{"name": "a"}], "racks": [{}], "links": [["utility", "ups", 1.0, "electric"]]}
    assert log_frame(row(7, picture=json.dumps(other)))["view"] == alone
    assert (alone["racks"], alone["links"], alone["by_twin"], alone["totals"]["it_power_kw"]) == ([], [], False, None)


def test_a_cycle_says_what_moved_a_setpoint_and_what_the_rule_would_have_done() -> None:
    parts = [["wet_bulb_c", 0.82], ["zone_inlet_max_c[1]", -0.31], ["hour_sin", 1e-6], ["all others", 0.02]]
    explained = [{"channel": "chw_supply_temp_setpoint_c", "row": 0, "unit": "degC", "parts": parts}]
    told = {"explained": json.dumps(explained), "more_kw": -1.25, "warmer_k": 0.2}
    shown = log_frame(row(7, **told, **{"rule.chw_supply_temp_setpoint_c[0]": 18.2}))
    (point,) = shown["advice"]
    assert point["rule"] == 18.2
    assert "moved by wet_bulb_c +0.82, zone_inlet_max_c[1] -0.31" in point["why"] and "hour_sin" not in point["why"]
    assert "draws 1.25 kW less than under the rule, with inlets 0.20 K warmer" in shown["rules"]["words"]
    assert log_frame(row(7, more_kw=float("nan"), warmer_k=0.0))["rules"] is None
    assert (shown["series"]["zone_inlet_max_c[0].low"], shown["series"]["zone_inlet_max_c[0].high"]) == (23.7, 24.7)
    json.dumps(shown, allow_nan=False)


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({"measured.zone_inlet_max_c[0]": 28.0}, "level", "Warm"),
        ({"measured.zone_inlet_max_c[0]": 33.0}, "bad", "Too hot"),
        ({"state": "released", "fault": "TimeoutError: late"}, "bad", "let go: TimeoutError: late"),
        ({"state": "released", "let_go": "released by anna"}, "bad", "let go: released by anna"),
        ({"fault": "ValueError: no supply"}, "bad", "Nothing is advised in this cycle: ValueError: no supply"),
        (
            {"measured.zone_inlet_max_c[0]": math.nan, "measured.zone_inlet_max_c[1]": math.nan},
            "good",
            "nobody measures",
        ),
    ],
)
def test_the_first_line_says_what_is_wrong(changed: dict[str, Any], level: str, words: str) -> None:
    shown = log_frame(row(1, **changed))
    assert shown["level"] == level and words in shown["headline"]
    json.dumps(shown, allow_nan=False)


def test_setpoints_that_somebody_else_holds_are_told_and_not_ascribed_to_the_site_s_controller() -> None:
    how = "BACnet priority 8"
    one = {"channel": "chw_supply_temp_setpoint_c", "row": 0, "value": 15.0, "since_s": 1.7e9, "how": how}
    shown = log_frame(row(9, state="released", let_go="taken", let_go_s=1.7e9, taken=json.dumps([one])))
    assert "runs what nobody else has taken" in shown["headline"] and shown["since_s"] == 1.7e9
    (taken,) = shown["taken"]
    assert (taken["name"], taken["value"], taken["how"]) == (one["channel"], 15.0, how)
    assert log_frame(row(9))["taken"] == [] and log_frame(row(9, let_go_s=math.nan))["since_s"] is None


def test_what_is_expected_is_told_in_words_and_a_shield_that_let_all_pass_says_so() -> None:
    shown = log_frame(row(3, shield="passed", expected="zone_inlet_max_c[0] +0.017 K (+-0.460)"))
    assert [one["words"] for one in shown["remarks"]] == [
        "The shield changed nothing.",
        "Expected of the advised setpoints: warmest rack inlet of the zone (0) +0.017 K (+-0.460)",
    ]


def test_a_panel_has_its_unit_and_the_loop_s_own_prediction() -> None:
    panels = {panel.title: panel for panel in log_panels(row(1))}
    inlet = panels["warmest rack inlet of the zone"]
    assert inlet.unit == "degC" and [line.key for line in inlet.lines] == ["zone_inlet_max_c[0]", "zone_inlet_max_c[1]"]
    assert [band.key for band in inlet.bands] == ["zone_inlet_max_c[0]"] and inlet.limits[0][0] == 27.0
    assert "temperature of the chilled water that leaves the plant" in panels


def test_a_log_is_followed_in_order_through_joined_segments_and_each_cycle_once(tmp_path: Path) -> None:
    write(tmp_path, "cycles-r-000000001-000000002.parquet", row(1), row(2))
    write(tmp_path, "cycle-r-000000003.parquet", row(3))
    write(tmp_path, "cycle-r-000000004.parquet", row(4, kind="confirmation"))
    end = threading.Event()
    log = LogFrames(tmp_path)
    assert log.facts()["since_epoch"] and "0123456789ab" in log.facts()["source"]
    frames = log.frames(end)
    assert [next(frames)["number"] for _ in range(3)] == [1, 2, 3]
    write(tmp_path, "cycle-r-000000005.parquet", row(5))
    write(tmp_path, "cycles-r-000000003-000000005.parquet", row(3), row(4, kind="confirmation"), row(5))
    assert next(frames)["number"] == 5
    end.set()
    assert next(frames, None) is None


def test_a_folder_without_cycles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="coldaisle serve"):
        LogFrames(tmp_path)


def test_a_frame_of_a_log_says_when_it_was_written_and_a_damaged_segment_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "cycle-1.parquet", row(1))
    (tmp_path / "cycle-2.parquet").write_bytes(b"PAR1 damaged PAR1")
    os.utime(tmp_path / "cycle-1.parquet", (1.8e9, 1.8e9))
    frame = next(LogFrames(tmp_path).frames(threading.Event()))
    assert (frame["number"], frame["written_s"]) == (1, 1.8e9)
