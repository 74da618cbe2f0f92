"""Plans: they keep every limit through every single loss, beat a greedy rule where it fails, and name what binds."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.feeders.graph import Feeder
from experiments.place import example_files, place
from experiments.placing.answer import PlacingAnswer, PlacingAsked, placed_answer
from experiments.placing.binding import binding_of
from experiments.placing.capacity import Capacity
from experiments.placing.greedy import RULES, State
from experiments.placing.hall import Block, PlacingHall, Position, RoomUnits, Standing
from experiments.placing.hall_file import read_hall
from experiments.placing.page import save
from experiments.placing.planning import greedy_plan
from experiments.placing.racks import CAPPED, HALL, ROW, SHED, WHOLE, Deployment, Kind, Shape
from experiments.placing.replay import losses
from experiments.placing.seats import seats_of
from experiments.placing.sequences import deployment, drawn_deployments, example_hall

BIG, SMALL = Kind(100.0, 0.8), Kind(30.0)


def small_hall(
    ups_kw: float = 600.0, pdu_kw: float = 310.0, unit_kw: float = 100.0, cdu_kw: float = 500.0, per_row: int = 4
) -> PlacingHall:
    """Two rows of positions; each row has a pair of panels, one from each UPS."""
    feeders = [Feeder("ups a", ups_kw), Feeder("ups b", ups_kw)]
    positions = []
    for row in ("r1", "r2"):
        feeders += [Feeder(f"{row} {side}", pdu_kw, (f"ups {side}",)) for side in "ab"]
        block = Block(row, "z", (f"{row} a", f"{row} b"), ("c1", "c2"), 120.0, 1500.0, 48.0)
        positions += [Position(f"{row}-{n}", block, str(len(positions) + n)) for n in range(per_row)]
    return PlacingHall(
        "small", tuple(positions), tuple(feeders), {"z": RoomUnits(3, unit_kw)}, {"c1": cdu_kw, "c2": cdu_kw}
    )


def come(*shapes: Shape) -> list[Deployment]:
    return [deployment(f"d{n}", shape, 0) for n, shape in enumerate(shapes)]


def rows_of(found: PlacingAnswer) -> dict[str, set[str]]:
    rows: dict[str, set[str]] = {}
    for seat in found.seats:
        rows.setdefault(seat.deployment.name, set()).add(seat.position.block.row)
    return rows


def test_all_are_placed_where_first_fit_refuses_one() -> None:
    arrivals = come(*(Shape(((BIG, n),), ROW) for n in (1, 1, 2, 2)))
    found = placed_answer(small_hall(), arrivals, PlacingAsked())
    assert not found.refused and all(len(rows) == 1 for rows in rows_of(found).values())
    first_fit = next(rule for rule in found.rules if rule.name == "first fit")
    assert (found.racks, first_fit.racks) == (6, 4)


def test_room_is_kept_for_what_may_come() -> None:
    capacity = Capacity(small_hall())
    arrivals = come(*[Shape(((BIG, 1),), HALL)] * 3)
    row = Shape(((BIG, 3),), ROW)
    asked = PlacingAsked(tuple(come(row)), later_racks=3)
    kept = {seat.position.block.row for seat in placed_answer(small_hall(), arrivals, asked).seats}
    assert len(kept) == 1
    even = greedy_plan(capacity, arrivals, next(rule for rule in RULES if rule.name == "balanced feeds"))
    assert len({seat.position.block.row for seat in seats_of(capacity, even.decided)}) == 2


@pytest.mark.parametrize("seed", range(4))
def test_what_the_program_does_not_better_stands_as_the_best_rule_put_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrivals = come(*[Shape((((BIG, SMALL)[int(rng.integers(2))], 1),), HALL)] * 6)
    found = placed_answer(small_hall(), arrivals, PlacingAsked())
    assert found.kw == found.rules[0].kw
    capacity = Capacity(small_hall())
    plans = [greedy_plan(capacity, arrivals, rule) for rule in RULES]
    places = [{seat.position.name for seat in seats_of(capacity, plan.decided)} for plan in plans]
    assert {seat.position.name for seat in found.seats} in places


def test_nothing_that_fits_is_refused_for_what_may_come() -> None:
    asked = PlacingAsked(tuple(come(Shape(((BIG, 3),), ROW))), later_racks=30, futures=2)
    hall = small_hall(unit_kw=130.0)
    assert not placed_answer(hall, come(*[Shape(((SMALL, 1),), HALL)] * 8), asked).refused


@pytest.mark.parametrize("seed", range(6))
def test_plans_of_drawn_arrivals_keep_every_limit_and_beat_every_rule_or_match_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = [BIG, SMALL, BIG._replace(redundancy=CAPPED), SMALL._replace(redundancy=SHED), BIG._replace(kw=60.0)]
    shapes = [
        Shape(((kinds[int(rng.integers(5))], int(rng.integers(1, 4))),), (ROW, HALL)[int(rng.integers(2))])
        for _ in range(9)
    ]
    found = placed_answer(small_hall(), come(*shapes), PlacingAsked())
    assert len({seat.position.name for seat in found.seats}) == found.racks > 0
    assert all(one.held for one in found.losses) and len(found.losses) == 14
    assert found.rules[0].kw <= found.kw
    assert 0.0 <= found.stranded_frac <= found.rules[0].stranded_frac


def test_a_replay_shows_trips_and_dark_racks_of_a_plan_that_is_none() -> None:
    hall = small_hall()
    crowd = [(BIG._replace(kw=160.0), position.name) for position in hall.positions]
    found = {(one.supply, one.name): one for one in losses(hall, crowd)}
    assert found["power", "ups a"].trips > 0 and found["power", "ups a"].before_frac > 2.0
    assert found["coolant", "c1"].trips == 1 and found["air", "room unit 1 of zone z"].trips == 2
    single = replace(hall, positions=tuple(p._replace(block=p.block._replace(feeds=("r1 a",))) for p in hall.positions))
    dark = {one.name: one.dark for one in losses(single, [(SMALL, "r1-0"), (SMALL._replace(redundancy=SHED), "r1-1")])}
    assert (dark["ups a"], dark["ups b"]) == (1, 0)


@pytest.mark.parametrize(
    ("hall", "shape", "what", "words"),
    [
        (small_hall(pdu_kw=90.0), Shape(((BIG, 1),), ROW), "feed", "after the loss of"),
        (small_hall(unit_kw=20.0), Shape(((SMALL, 2),), ROW), "room unit", "room unit 2 of zone z after the loss of"),
        (small_hall(cdu_kw=100.0), Shape(((BIG, 2),), ROW), "CDU", "c2 after the loss of c1: 60 kW over 100 kW"),
        (small_hall(), Shape(((SMALL, 5),), ROW), "positions", "positions of r1 that take a rack of 30 kW: 4 free, 5"),
        (small_hall(), Shape(((Kind(130.0),  1),), ROW), "kind of place", "take 120 kW, the rack has 130 kW"),
        (small_hall(), Shape(((Kind(20.0, kg=1600.0), 1),), HALL), "kind of place", "take 1500 kg"),
    ],
)  # fmt: skip
def test_what_binds_is_named(hall: PlacingHall, shape: Shape, what: str, words: str) -> None:
    capacity = Capacity(hall)
    answer = placed_answer(hall, come(shape), PlacingAsked())
    assert [one.binding.what for one in answer.refused] == [what]
    assert words in binding_of(capacity, shape, State(*capacity.used())).words


@pytest.mark.parametrize(("redundancy", "racks"), [(WHOLE, 3), (CAPPED, 4), (SHED, 6)])
def test_racks_that_fall_back_leave_room_for_more(redundancy: str, racks: int) -> None:
    hall = small_hall(ups_kw=300.0, pdu_kw=600.0, unit_kw=1000.0, cdu_kw=1000.0)
    kind = BIG._replace(redundancy=redundancy)
    asked = PlacingAsked(overload_frac=2.0)
    assert placed_answer(hall, come(*[Shape(((kind, 1),), HALL)] * 8), asked).racks == racks


def test_what_stands_counts_and_a_plan_stands_in_the_next(tmp_path: Path) -> None:
    hall, arrivals = small_hall(), come(Shape(((BIG, 3),), ROW), Shape(((BIG, 3),), ROW))
    first = placed_answer(hall, arrivals, PlacingAsked())
    standing = tuple(Standing(seat.rack, seat.position.name, seat.kind) for seat in first.seats)
    after = placed_answer(replace(hall, standing=standing), come(Shape(((BIG, 1),), HALL)), PlacingAsked())
    assert (first.racks, after.racks) == (6, 0) and after.refused[0].binding.what == "feed"
    crowded = replace(hall, feeders=tuple(replace(f, limit_kw=200.0) for f in hall.feeders), standing=standing)
    with pytest.raises(ValueError, match="what stands already passes a limit: .* carries"):
        placed_answer(crowded, arrivals, PlacingAsked())


def test_the_plan_is_written_as_tables_page_and_updates_of_an_inventory(tmp_path: Path) -> None:
    hall = small_hall()
    found = placed_answer(hall, come(Shape(((BIG, 2),), ROW), Shape(((SMALL, 9),), ROW)), PlacingAsked())
    facts = {"command": "coldaisle place", "hall_hash": "0" * 64, "arrivals_hash": "1" * 64}
    page = save(tmp_path, hall, found, facts).read_text()
    assert "2 of 11 racks are placed" in page and "No single loss trips the plan." in page
    assert "9 racks are refused by: positions." in page
    with (tmp_path / "plan.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    patch = json.loads((tmp_path / "dcim_racks.json").read_text())
    assert [row["rack"] for row in rows] == [one["custom_fields"]["rack"] for one in patch] == ["d0-1", "d0-2"]
    assert all(one["status"] == "reserved" and isinstance(one["id"], int) for one in patch)
    assert (tmp_path / "dcim_racks.csv").read_text().startswith("id,status,cf_rack")


def test_a_plan_file_is_a_table_of_standing_racks(tmp_path: Path) -> None:
    hall_path, _ = example_files()
    text = hall_path.read_text() + "standing: plan.csv\n"
    (tmp_path / "hall.yaml").write_text(text)
    (tmp_path / "positions.csv").write_text((hall_path.parent / "positions.csv").read_text())
    found = placed_answer(read_hall(hall_path), come(Shape(((SMALL, 2),), ROW)), PlacingAsked())
    save(tmp_path, read_hall(hall_path), found, {"command": "", "hall_hash": "", "arrivals_hash": ""})
    standing = read_hall(tmp_path / "hall.yaml").standing
    assert [one.name for one in standing] == ["cpu-1", "cpu-2", "cpu-3", "d0-1", "d0-2"]
    assert standing[-1].kind == SMALL


@pytest.mark.slow
def test_the_shipped_example_holds_every_loss_in_the_plant(tmp_path: Path) -> None:
    _, found = place(*example_files(), PlacingAsked(), tmp_path)
    assert [one.lost for one in found.played] == ["nothing", "a room unit of zone a", "a room unit of zone b", "a CDU"]
    assert all(one.held for one in found.played) and all(one.held for one in found.losses)
    assert found.racks == 18 and [one.binding.what for one in found.refused] == ["positions"]


@pytest.mark.slow
def test_300_racks_onto_200_positions_keep_every_limit_through_every_single_loss() -> None:
    hall = example_hall()
    arrivals = drawn_deployments(np.random.default_rng(3), 300, 1)
    assert {kind.redundancy for one in arrivals for kind, _ in one.racks} == {WHOLE, CAPPED, SHED}
    found = placed_answer(hall, arrivals, PlacingAsked(later_racks=100))
    assert len({seat.position.name for seat in found.seats}) == found.racks > 150
    assert len(found.losses) > 80 and all(one.held for one in found.losses)
    assert max(one.after_frac for one in found.losses if one.supply == "power") > 0.95
    assert found.rules[0].kw <= found.kw
