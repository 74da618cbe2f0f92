"""The loop on a simulated hall: what it does where all is well, and where anything is not."""

from __future__ import annotations

import json
import math
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import Building

from agents.live.clock import SteppedClock
from agents.live.decider import Decider
from agents.live.decision_log import logged_rows, logged_table
from agents.live.parts import Command
from agents.live.reading import ConnectorFault, Key, Reading
from agents.live.replay import replayed
from agents.runtime.manifest import content_sum

Make = Callable[..., Building]


class Spoiled:
    """A connector that spoils what it reads."""

    def __init__(self, inner: Any, spoil: Callable[[dict[Key, Reading]], None]) -> None:
        self.inner, self.spoil = inner, spoil

    def read(self) -> dict[Key, Reading]:
        readings = dict(self.inner.read())
        self.spoil(readings)
        return readings

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def spoiled(key: Key, **changes: Any) -> Callable[[dict[Key, Reading]], None]:
    def spoil(readings: dict[Key, Reading]) -> None:
        readings[key] = readings[key]._replace(**changes)

    return spoil


COOLANT = Key("tcs_supply_c")
INPUTS: dict[str, tuple[Callable[[dict[Key, Reading]], None], str]] = {
    "missing": (lambda readings: readings.pop(COOLANT) and None, "was not read"),
    "not a number": (spoiled(COOLANT, value=math.nan), "no finite number"),
    "infinite": (spoiled(COOLANT, value=math.inf), "no finite number"),
    "stale": (spoiled(COOLANT, stamp_s=1.0), "s old, over 300 s"),
    "from the future": (spoiled(COOLANT, stamp_s=4e9), "in the future"),
    "flagged bad": (spoiled(COOLANT, good=False, why="fault"), "is bad: fault"),
    "impossible": (spoiled(COOLANT, value=-90.0), "impossible"),
    "in kelvin": (spoiled(COOLANT, value=305.0), "over most_per_min"),
    "dry bulb in degF": (spoiled(Key("dry_bulb_c"), value=86.0), "impossible"),
    "in percent": (spoiled(Key("it_power_share"), value=55.0), "impossible"),
}


def test_a_loop_in_shadow_reads_decides_and_records_and_never_writes(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    for _ in range(6):
        row = b.cycle()
    b.loop.end()
    assert row["state"] == "shadow" and not row["fault"]
    assert not b.hall.noted and b.loop.releases == 0
    assert math.isfinite(row["given.tcs_supply_temp_setpoint_c[0]"])
    assert math.isnan(row["written.tcs_supply_temp_setpoint_c[0]"])


def test_a_shadow_that_finds_a_fault_does_not_even_release(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    released = []
    b.loop.parts.connector = Spoiled(b.loop.parts.connector, INPUTS["stale"][0])
    b.loop.parts.connector.release = lambda: released.append(1)
    assert b.cycle()["fault"] and b.loop.state == "shadow"
    assert not released


def test_a_loop_in_auto_holds_what_it_decides_and_every_write_says_whose_and_why(building: Make) -> None:
    b = building("simulated")
    row = b.cycle()
    assert b.hall.commands == pytest.approx(b.loop.held)
    assert row["read_back.tcs_supply_temp_setpoint_c[0]"] == row["written.tcs_supply_temp_setpoint_c[0]"]
    (write,) = [e for e in b.told("info") if e["event"] == "writes"]
    assert write["policy_hash"] == b.loop.parts.decider.policy_hash
    assert write["reason"].startswith("ppo for liquid_hall") and write["shield"] == "passed"
    assert write["expected"] == "not yet known: too few cycles were scored"
    b.loop.end()
    assert not b.hall.commands


@pytest.mark.parametrize("what", INPUTS)
def test_an_input_nobody_should_act_on_hands_every_point_back_within_its_cycle(what: str, building: Make) -> None:
    spoil, words = INPUTS[what]
    b = building("simulated")
    b.settled()
    whole = b.loop.parts.connector
    b.loop.parts.connector = Spoiled(whole, spoil)
    noted = len(b.hall.noted)
    row = b.cycle()
    assert words in row["fault"]
    assert row["state"] == "released" and not b.hall.commands and len(b.hall.noted) == noted
    assert [e["why"] for e in b.told("alarm") if e["event"] == "fault"] == [row["fault"]]
    b.loop.parts.connector = whole
    states = [b.cycle()["state"] for _ in range(4)]
    assert states == ["released", "released", "in control", "in control"]  # recover_s is two cycles


def test_a_swapped_pair_of_bulbs_is_refused(building: Make) -> None:
    b = building("simulated")

    def swap(readings: dict[Key, Reading]) -> None:
        dry, wet = readings[Key("dry_bulb_c")], readings[Key("wet_bulb_c")]
        readings[Key("dry_bulb_c")] = dry._replace(value=min(dry.value, wet.value) - 25.0)
        readings[Key("wet_bulb_c")] = wet._replace(value=dry.value)

    b.loop.parts.connector = Spoiled(b.loop.parts.connector, swap)
    assert "check which sensor is which" in b.cycle()["fault"]


def test_a_sensor_that_jumps_or_hangs_is_refused_where_the_map_says_how_fast_it_may_move(building: Make) -> None:
    b = building("simulated")
    points = list(b.site.points)
    at = next(i for i, p in enumerate(points) if p.place.key == COOLANT)
    object.__setattr__(points[at], "most_per_min", 0.5)
    warm = b.cycle()["measured.tcs_supply_c[0]"] + 4.0
    whole = b.loop.parts.connector
    b.loop.parts.connector = Spoiled(whole, spoiled(COOLANT, value=warm))
    assert "over most_per_min" in b.cycle()["fault"]
    object.__setattr__(points[at], "most_per_min", math.inf)
    object.__setattr__(points[at], "still_s", 900.0)
    faults = [b.cycle()["fault"] for _ in range(5)]
    assert not faults[0] and "over still_s" in faults[-1]


def test_a_late_start_and_a_long_cycle_write_nothing(building: Make) -> None:
    b = building("simulated")
    row = b.loop.cycle(b.clock.now() - 60.0)
    assert "60 s late" in row["fault"] and not b.hall.noted
    b = building("simulated")
    decide = b.loop.parts.decider.decide

    def slow(measurements: Any, now: float) -> Any:
        b.clock._now += 45.0
        return decide(measurements, now)

    b.loop.parts.decider.decide = slow
    row = b.cycle()
    assert "took 45 s" in row["fault"] and not b.hall.noted and row["state"] == "released"


def test_any_exception_of_policy_or_shield_hands_every_point_back(building: Make) -> None:
    b = building("simulated")
    b.settled()
    decide = b.loop.parts.decider.decide
    b.loop.parts.decider.decide = lambda measurements, now: 1 / 0
    row = b.cycle()
    assert row["fault"] == "ZeroDivisionError: division by zero"
    assert row["state"] == "released" and not b.hall.commands
    b.loop.parts.decider.decide = decide
    assert b.cycle()["reset"]


def test_a_read_back_that_differs_hands_every_point_back(building: Make) -> None:
    b = building("simulated")
    connector = b.loop.parts.connector
    connector.read_back = lambda keys: dict.fromkeys(keys, 1.5)
    row = b.cycle()
    assert "read-back of" in row["fault"] and not b.hall.commands


def test_a_release_that_fails_is_tried_again_until_it_does_not(building: Make) -> None:
    b = building("simulated", cycles=3)
    b.settled()
    connector, tries = b.loop.parts.connector, []
    release = connector.release

    def failing() -> None:
        tries.append(b.clock.now())
        if len(tries) < 4:
            raise ConnectorFault("no route")
        release()

    connector.release = failing
    b.loop.fail(RuntimeError("a test"))
    assert b.loop.release_pending and b.hall.commands
    b.loop._wait(b.clock.now() + b.loop.cycle_s)
    assert not b.loop.release_pending and not b.hall.commands
    assert tries[-1] - tries[0] <= 60.0
    assert len([e for e in b.told("alarm") if e["event"].startswith("release failed")]) == 3


def test_a_loop_that_cannot_record_does_not_write_on(building: Make) -> None:
    b = building("simulated")
    b.settled()

    def full(cycle: int, row: Any) -> None:
        raise OSError(28, "No space left on device")

    b.loop.parts.log.append = full
    b.cycle()
    assert b.loop.state == "released" and not b.hall.commands
    assert "No space left" in b.loop.fault


class Wild:
    """A shield that is none: it asks for the worst of everything."""

    def __init__(self, value: float) -> None:
        self.value = value

    def reset(self, n: int) -> None:
        pass

    def safe(self, setpoints: Mapping[str, Any], measurements: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        return {name: np.full_like(value, self.value) for name, value in setpoints.items()}, []


@pytest.mark.parametrize("value", [1e9, -1e9])
def test_nothing_is_written_outside_the_site_s_limits_whatever_is_asked(
    value: float, building: Make, bundle: Path
) -> None:
    b = building("simulated")
    b.loop.parts.log.close()
    b.loop = b.made_loop(bundle, Wild(value))
    for _ in range(30):
        before = dict(b.hall.values())
        row = b.cycle()
        for name, told in row.items():
            if name.startswith("written.") and math.isfinite(told):
                key = Key(name[8:].partition("[")[0], int(name[:-1].rpartition("[")[2]))
                c = b.loop.parts.decider.limits.channels[key.name]
                now = before[Key("in_force." + key.name, key.row)]
                assert now - c.slew_down - 1e-3 <= told <= now + c.slew_up + 1e-3
    assert b.hall.noted and not b.outside()
    assert row["shield"].startswith("changed")
    told = json.loads(row["interventions"])
    assert told and told[0]["limit"] in ("range", "slew") and told[0]["wanted"] == value


def test_the_loop_looks_one_step_ahead_and_the_log_names_the_limit_and_by_how_much(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    assert not b.loop.parts.decider.looks_not_ahead
    assert b.cycle()["shield"] == "passed"

    def hot(readings: dict[Key, Reading]) -> None:
        for key, reading in readings.items():
            if key.name == "zone_inlet_max_c":
                readings[key] = reading._replace(value=33.0)

    b.loop.parts.connector = Spoiled(b.loop.parts.connector, hot)
    row = b.cycle()
    told = json.loads(row["interventions"])
    assert {one["limit"] for one in told} == {"inlet_allowable"}, row["fault"]
    assert "inlet_allowable: the warmest inlet would pass the allowable limit less its margin by" in row["shield"]
    assert row["shield"] in b.events.getvalue()


def test_a_map_without_what_the_twin_needs_says_so_and_keeps_the_interlocks(building: Make, bundle: Path) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    points = tuple(p for p in b.site.points if p.place.key.name != "row_demand_share")
    decider = Decider(bundle, replace(b.site, points=points))
    assert not decider.looks_not_ahead, "the bundle derives it"
    shutil.copytree(bundle, b.place / "bundle")
    manifest = json.loads((b.place / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]["twin.zip"]
    (b.place / "bundle" / "twin.zip").unlink()
    manifest["sha256"] = content_sum(manifest)
    (b.place / "bundle" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    decider = Decider(b.place / "bundle", b.site)
    assert "has no twin.zip" in decider.looks_not_ahead
    assert decider.shield.first.site.row_limit_frac, "what the branches carry comes with the bundle"


def test_a_setpoint_that_the_site_has_far_outside_the_limits_is_left_to_the_site(building: Make, bundle: Path) -> None:
    b = building("simulated")
    far = next(s for s in b.site.setpoints if s.channel.name == "fws_supply_temp_setpoint_c")
    object.__setattr__(far, "high", far.low + 1.0)  # the rule has it some 10 K higher
    b.loop.parts.log.close()
    b.loop = b.made_loop(bundle)
    row = b.cycle()
    assert not row["fault"] and b.loop.held and far.channel not in b.loop.held
    assert all(key != far.channel for key, _ in b.hall.noted) and "left to the site" in row["interventions"]


def test_a_setpoint_that_no_shield_looked_at_is_refused_at_the_last_door(building: Make) -> None:
    b = building("simulated")
    b.loop.parts.decider.shield = Wild(1e9)
    row = b.cycle()
    assert "nothing is written" in row["fault"] and not b.hall.noted


def test_an_operator_takes_the_points_back_at_any_time_and_gives_them_again(building: Make) -> None:
    b = building("simulated")
    b.settled()
    b.loop.ask(Command("release", who="anna"))
    b.loop._obey()
    assert not b.hall.commands and b.loop.state == "released"
    assert {b.cycle()["state"] for _ in range(5)} == {"released"}
    b.loop.ask(Command("resume", who="anna"))
    b.loop._obey()
    states = [b.cycle()["state"] for _ in range(3)]
    assert states[-1] == "in control"
    assert [e["who"] for e in b.told("warning") if e["event"] == "command"] == ["anna", "anna"]


def test_in_advise_a_person_s_word_writes_one_proposal_and_an_old_one_is_worth_nothing(building: Make) -> None:
    b = building("simulated", mode="advise", approved_by="")
    b.cycle()
    b.cycle()
    assert not b.hall.noted and b.loop.proposal is not None
    b.loop.ask(Command("confirm", b.loop.proposal.cycle - 1, "anna"))
    b.loop._obey()
    assert not b.hall.noted
    changes = dict(b.loop.proposal.changes)
    b.loop.ask(Command("confirm", b.loop.proposal.cycle, "anna"))
    b.loop._obey()
    assert b.hall.commands.keys() == changes.keys() and not b.outside()
    rows = list(logged_rows(Path(b.settings.folder)))
    assert [(r["kind"], r["approved_by"]) for r in rows][-1] == ("confirmation", "anna")
    b.cycle()
    assert b.hall.commands == pytest.approx(b.loop.held) and len(b.hall.noted) == len(changes)


def test_the_log_replays_to_the_bit_through_faults_and_restarts(building: Make, bundle: Path) -> None:
    b = building("simulated")
    for cycle in range(24):
        whole = b.loop.parts.connector
        if cycle in (7, 15):
            b.loop.parts.connector = Spoiled(whole, INPUTS["stale" if cycle == 7 else "impossible"][0])
        b.cycle()
        b.loop.parts.connector = whole
    b.loop.end()
    b.loop = b.made_loop(bundle)
    for _ in range(6):
        b.cycle()
    found = replayed(Path(b.settings.folder), bundle)
    assert found.differences == [] and found.decisions == 28 and found.skipped == 2


def test_a_changed_log_is_found_by_the_replay(building: Make, bundle: Path) -> None:
    import pyarrow.parquet as pq

    b = building("simulated")
    b.cycle()
    path = next(Path(b.settings.folder).glob("cycle-*.parquet"))
    table = pq.read_table(path)
    at = table.column_names.index("wanted.tcs_supply_temp_setpoint_c[0]")
    moved = np.nextafter(table.column(at)[0].as_py(), 100.0)
    pq.write_table(table.set_column(at, table.column_names[at], [[moved]]), path)
    (difference,) = replayed(Path(b.settings.folder), bundle).differences
    assert "wanted tcs_supply_temp_setpoint_c[0]" in difference


def test_the_loop_scores_its_own_predictions_and_its_intervals_hold_what_they_say(building: Make) -> None:
    b = building("simulated", mode="shadow", approved_by="")
    for _ in range(120):
        b.cycle()
    rows = logged_table(Path(b.settings.folder), ("scored_held", "scored_told", "widest")).to_pydict()
    told, held = sum(rows["scored_told"]), sum(rows["scored_held"])
    assert told > 300 and 0.80 < held / told <= 1.0
    predicted = b.loop.last_row["predicted.zone_inlet_max_c[0]"]
    assert abs(predicted - b.loop.last_row["measured.zone_inlet_max_c[0]"]) < 3.0
    assert "K (+-" in b.loop.last_row["expected"]


@pytest.mark.slow
def test_a_simulated_day_in_auto_ends_without_a_fault_inside_every_limit(building: Make, bundle: Path) -> None:
    b = building("simulated")
    for _ in range(288):
        b.cycle()
    assert b.loop.faults == 0 and not b.outside()
    found = replayed(Path(b.settings.folder), bundle)
    assert found.decisions == 288 and not found.differences


@pytest.mark.parametrize("set_by_s", [-7200.0, 7200.0])
def test_a_wall_clock_that_is_set_is_a_fault_of_the_next_cycle_and_moves_no_cycle(
    set_by_s: float, building: Make
) -> None:
    b = building("simulated")
    b.settled()
    base, waits = b.clock, list[float]()

    class SetClock(SteppedClock):
        """The wall of a machine whose clock is set after the second cycle; the hall's own time goes on."""

        by = 0.0

        def now(self) -> float:
            return base.now() + self.by

        def elapsed(self) -> float:
            return base.elapsed()

        def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
            waits.append(seconds)
            base.sleep(seconds, wake)

    clock, cycle, rows = SetClock(), b.loop.cycle, list[dict[str, Any]]()
    b.loop.parts.clock = clock

    def counted(due: float) -> dict[str, Any]:
        rows.append(dict(cycle(due)))
        clock.by = set_by_s if len(rows) >= 2 else 0.0
        if len(rows) == 4:
            b.loop.stop()
        return rows[-1]

    b.loop.cycle = counted  # type: ignore[method-assign]
    b.loop.run()
    assert waits and max(waits) <= b.loop.cycle_s
    assert rows[1]["fault"] == "" and rows[1]["state"] == "in control"
    assert f"the machine's clock was set by {set_by_s:+.0f} s" in rows[2]["fault"] and rows[2]["state"] == "released"
    assert "clock was set" not in rows[3]["fault"]
    assert b.is_handed_back()
