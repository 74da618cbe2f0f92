"""One small hall, recorded once: what it truly did, and what its sensors said."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from envs.episodes.world import World
from envs.plant.datacenter import Plant
from envs.plant.layout import Layout
from envs.scenario import Scenario, load
from envs.twin.calibration.free_parameters import with_values
from envs.twin.telemetry.synthetic import plan_of, simulated_truth
from envs.twin.telemetry.telemetry import Telemetry

HIDDEN = {
    "zones.room.coil_ua_kw_k": 3.6,
    "zones.room.fan_kw": 1.85,
    "zones.room.fan_exponent": 2.55,
    "chilled_water.power_factor": 1.08,
    "power.ups_loss_scale": 1.15,
}


class Hall(NamedTuple):
    """The prior scenario, its layout, and the truth of a hall with hidden parameters."""

    scenario: Scenario
    layout: Layout
    truth: Telemetry


@pytest.fixture(scope="package")
def hall() -> Hall:
    scenario = load("edge_room", ["site.workload_weeks=1"])
    world = World.build(scenario)
    truth = simulated_truth(with_values(scenario, HIDDEN), 36 + 144, plan_of(world, [150], 3), world, 3)
    return Hall(scenario, Plant(scenario, "float64").layout, truth)
