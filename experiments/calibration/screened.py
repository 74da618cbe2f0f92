"""A telemetry file as a calibration meets it: read through its point map, and screened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from envs.twin.screening.screen import ScreenedTelemetry


def screened_file(scenario: Scenario, telemetry: Path, points: Path, replay: bool = True) -> ScreenedTelemetry:
    """Read a telemetry file and look for what is wrong with it, before anything is fitted.

    ``replay`` also compares the outputs with the scenario's own replay, which takes minutes in a large hall.
    """
    from envs.plant.datacenter import Plant
    from envs.twin.screening.expected import expected_of
    from envs.twin.screening.screen import screen
    from envs.twin.telemetry.point_map import read_point_map
    from envs.twin.telemetry.read import read_telemetry

    layout = Plant(scenario, "float64").layout
    read, findings = read_telemetry(
        telemetry, read_point_map(points, scenario, layout), layout, scenario.episode.step_s
    )
    return screen(read, expected_of(layout), findings, scenario if replay else None)
