"""The clock of a simulated building: loop and building agree on it, over midnight, restarts and other speeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.live import clock as clocks
from agents.live.clock import DAY_S, building_clock, started_clock

MIDNIGHT = 20_000 * DAY_S


class Wall:
    """A wall's clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = MIDNIGHT + 60.0

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    made = Wall()
    monkeypatch.setattr(clocks.time, "time", made.time)
    return made


def test_a_loop_that_starts_after_midnight_shows_its_building_s_time(tmp_path: Path, wall: Wall) -> None:
    site = started_clock(tmp_path / "points.yaml", 60.0)
    assert site.now() == MIDNIGHT + 3600.0
    wall.now_s += DAY_S
    assert building_clock(tmp_path / "points.yaml", 60.0).now() == site.now() == MIDNIGHT + 3600.0 + 60.0 * DAY_S


def test_the_time_of_a_building_never_goes_back_at_a_restart_or_at_another_speed(tmp_path: Path, wall: Wall) -> None:
    points, shown = tmp_path / "points.yaml", []
    for speed in (60.0, 1.0, 5.0, 60.0, 400.0):
        site = started_clock(points, speed)
        for _ in range(2):
            shown.append(site.now())
            wall.now_s += 0.3 * DAY_S
    assert shown == sorted(shown)


def test_another_speed_than_the_building_s_is_refused_with_the_right_one(tmp_path: Path, wall: Wall) -> None:
    points = tmp_path / "points.yaml"
    started_clock(points, 60.0)
    for speed in (1.0, 5.0):
        with pytest.raises(ValueError, match=r"give speed=60, or delete .*points\.yaml\.clock"):
            building_clock(points, speed)


def test_a_real_building_runs_on_the_wall_s_clock_and_a_damaged_file_is_named(tmp_path: Path, wall: Wall) -> None:
    points = tmp_path / "points.yaml"
    assert building_clock(points, 1.0).now() == wall.now_s
    (tmp_path / "points.yaml.clock").write_text("{}")
    with pytest.raises(ValueError, match=r"points\.yaml\.clock: 'agrees'; delete it"):
        building_clock(points, 60.0)
