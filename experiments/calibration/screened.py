"""A telemetry file as a calibration meets it: read through its point map, and screened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from envs.twin.telemetry.screening import ScreenedTelemetry


def screened_file(scenario: Scenario, telemetry: Path, points: Path) -> ScreenedTelemetry:
    """Read a telemetry file and look for what is wrong with it, before anything is fitted."""
    from envs.plant.datacenter import Plant
    from envs.twin.telemetry.point_map import read_point_map
    from envs.twin.telemetry.read import read_telemetry
    from envs.twin.telemetry.screening import screen

    layout = Plant(scenario, "float64").layout
    read, findings = read_telemetry(
        telemetry, read_point_map(points, scenario, layout), layout, scenario.episode.step_s
    )
    rack = float(layout.rack_rated_kw.max())
    rated = {"rack_power_kw": rack, "it_power_kw": layout.rated_it_kw, "facility_power_kw": 1.5 * layout.rated_it_kw}
    rated |= {"row_power_kw": float(layout.row_rated_kw.max()), "ups_power_kw": layout.rated_it_kw}
    return screen(read, rated, findings)
