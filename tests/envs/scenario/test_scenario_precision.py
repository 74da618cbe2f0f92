"""Arrays among a scenario's parameters take the precision of the plant, wherever they stand."""

import numpy as np
import pytest

from envs.plant.datacenter import Plant
from envs.scenario import SHIPPED, load
from envs.scenario.precision import in_precision
from envs.twin.calibration.free_parameters import with_values


def test_arrays_of_zones_racks_and_machines_become_the_plants_and_no_other_value_moves() -> None:
    nominal = load("edge_room")
    archetype = next(iter(nominal.racks.values())).archetype
    zone, path = next(iter(nominal.zones)), f"racks.{archetype}.airflow_m3_s_kw"
    wide = with_values(nominal, {f"zones.{zone}.unit_flow_m3_s": np.array([2.5, 2.9]), path: np.array([0.04, 0.05])})
    plant = Plant(wide, "float32")
    flow = plant.scenario.zones[zone].unit_flow_m3_s
    assert flow.dtype == np.float32 and flow.tolist() == pytest.approx([2.5, 2.9])
    changed = [g.overrides["airflow_m3_s_kw"] for g in plant.scenario.racks.values() if g.archetype == archetype]
    assert changed and all(x.dtype == np.float32 for x in changed)
    assert Plant(wide, "float64").scenario is wide, "nothing to change"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_scenario_without_arrays_is_left_as_it_is(name: str) -> None:
    scenario = load(name)
    assert in_precision(scenario, "float32") is scenario
