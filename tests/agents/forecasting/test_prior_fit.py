from __future__ import annotations

from dataclasses import replace

import numpy as np

from agents.forecasting.prior_fit import PriorFitSettings, matched_scenarios
from envs.scenario import Scenario
from envs.twin.telemetry.telemetry import Telemetry
from experiments.forecasting.halls import Halls

FEW = PriorFitSettings(windows=2, hours=6.0, iterations=3)


def test_the_matched_plant_is_nearer_to_the_hall_than_the_nominal_one(
    small: Scenario, halls: Halls, train: Telemetry
) -> None:
    found = matched_scenarios(small, train, FEW)[0]
    true = {name: values[0] for name, values in halls.parameters.items()}
    flow, power = "zones.room.unit_flow_m3_s", "chilled_water.power_factor"
    before = [abs(np.log(v / true[k])) for k, v in ((flow, 2.7), (power, 1.0))]
    zone, plant = found.zones["room"], found.chilled_water
    assert plant is not None
    after = [abs(np.log(v / true[k])) for k, v in ((flow, zone.unit_flow_m3_s), (power, plant.power_factor))]
    assert sum(after) < 0.6 * sum(before)


def test_no_iterations_leave_the_scenario_as_it_is(small: Scenario, train: Telemetry) -> None:
    assert matched_scenarios(small, train, replace(FEW, iterations=0))[0].hash() == small.hash()


def test_halls_are_matched_side_by_side_as_each_alone(small: Scenario, halls: Halls) -> None:
    few = replace(FEW, iterations=1)
    both = matched_scenarios(small, halls.telemetry, few)
    alone = matched_scenarios(small, halls.telemetry.hall(1), few)[0]
    assert np.isclose(both[1].zones["room"].unit_flow_m3_s, alone.zones["room"].unit_flow_m3_s, rtol=0.02)
