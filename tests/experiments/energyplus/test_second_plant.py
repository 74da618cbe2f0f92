"""EnergyPlus behind the controllers' interface: what goes out is in force, what comes in has the names of the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from envs.controllers.fixed import Fixed
from envs.core import DataCenterCore
from envs.energyplus import hall
from envs.play import play
from envs.scenario import load
from experiments.transfer import reference_choice
from experiments.transfers.setting import Setting, setting, weather_path

pytestmark = pytest.mark.energyplus
STEPS, RULED = 24, 72
CONSTANT = {
    "crah_fan_speed_frac": [0.7],
    "supply_air_temp_setpoint_c": [16.0],
    "chw_supply_temp_setpoint_c": [7.0],
    "cw_supply_temp_setpoint_c": [26.0],
    "rack_power_limit_frac": [1.0] * 4,
}


@pytest.fixture(scope="module")
def given() -> Setting:
    scenario = load("legacy_air", ["site.workload_weeks=1", "sensors.temperature_noise_k=0"])
    return setting(scenario, weather_path("il_chicago"), [7], 1)


@pytest.fixture(scope="module")
def core(given: Setting) -> Iterator[DataCenterCore]:
    from envs.energyplus.plant import EnergyPlusPlant

    day = int(given.plan.site_start[0]) // given.world.steps_per_day
    plant = EnergyPlusPlant(given.scenario, given.weather, day, 1)
    yield DataCenterCore(given.scenario, 1, world=given.world, plant=plant)
    plant.close()


def played(core: DataCenterCore, given: Setting, controller: Any, steps: int = STEPS) -> dict[str, np.ndarray]:
    """Flows and setpoints in force of each step, ``(T,)`` or ``(T, k)``."""
    core.reset(seed=0, plan=given.plan)
    controller.reset(1)
    rows: list[dict[str, np.ndarray]] = []
    for step in play(core, controller, steps):
        row = {name: np.array(getattr(core.flows, name))[..., 0] for name in core.flows._fields}
        row |= {f"in_force.{name}": np.array(value)[:, 0] for name, value in core.in_force.items()}
        rows.append(row | {name: getattr(step.outside, name)[0] for name in ("dry_bulb_c", "wet_bulb_c")})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def ruled(core: DataCenterCore, given: Setting) -> dict[str, np.ndarray]:
    return played(core, given, reference_choice(given.scenario, ["rules_as_given"])["rules_as_given"](core), RULED)


@pytest.fixture(scope="module")
def cold(core: DataCenterCore, given: Setting) -> dict[str, np.ndarray]:
    return played(core, given, Fixed(CONSTANT))


def test_setpoints_out_are_the_setpoints_in_force(ruled: dict[str, np.ndarray]) -> None:
    fans, held = ruled["zone_fan_speed_frac"], ruled["in_force.crah_fan_speed_frac"]
    assert np.ptp(held) > 0.2 and np.abs(fans - held).max() < 2e-3
    water = ruled["in_force.chw_supply_temp_setpoint_c"][:, 0]
    assert np.ptp(water) > 2.0 and np.abs(ruled["chw_supply_c"] - water).max() < 0.05
    air = ruled["in_force.supply_air_temp_setpoint_c"][:, 0]
    over_k = ruled["zone_supply_c"][:, 0] - air
    within_reach = air > water + 5.0  # of the coil
    assert within_reach.sum() > 20 and np.abs(over_k[within_reach]).max() < 0.25
    assert over_k.min() > -0.25


def test_a_colder_water_setpoint_raises_energypluss_chiller_energy(
    core: DataCenterCore, given: Setting, cold: dict[str, np.ndarray]
) -> None:
    warm = played(core, given, Fixed(CONSTANT | {"chw_supply_temp_setpoint_c": [10.0]}))
    air = [run["zone_supply_c"][-12:] for run in (warm, cold)]
    assert np.allclose(*air, atol=0.05)  # the same air, from colder water
    assert cold["chiller_power_kw"][-12:].mean() > 1.03 * warm["chiller_power_kw"][-12:].mean()


def test_colder_supply_air_raises_energypluss_water_and_chiller_energy(
    core: DataCenterCore, given: Setting, cold: dict[str, np.ndarray]
) -> None:
    warm = played(core, given, Fixed(CONSTANT | {"supply_air_temp_setpoint_c": [22.0]}))
    assert cold["coil_valve_frac"].mean() > 1.2 * warm["coil_valve_frac"].mean()
    assert cold["rack_inlet_c"][-1].max() < warm["rack_inlet_c"][-1].max() - 5.0
    assert cold["server_fan_power_kw"].mean() <= warm["server_fan_power_kw"].mean()


def test_the_same_setpoints_twice_in_one_process_give_the_same_day(
    core: DataCenterCore, given: Setting, cold: dict[str, np.ndarray]
) -> None:
    again = played(core, given, Fixed(CONSTANT))
    assert all(np.array_equal(cold[name], again[name], equal_nan=True) for name in cold)


def test_a_controller_sees_the_same_names_on_both_plants(core: DataCenterCore, given: Setting) -> None:
    ours = DataCenterCore(given.scenario, 1, world=given.world)
    for one in (core, ours):
        one.reset(seed=0, plan=given.plan)
    assert list(core.measurements()) == list(ours.measurements())
    assert core.channel_hash == ours.channel_hash and core.observer.points == ours.observer.points
    shapes = {name: value.shape for name, value in ours.measurements().items()}
    assert {name: value.shape for name, value in core.measurements().items()} == shapes
    assert all(np.isfinite(value).all() for value in core.measurements().values())


def test_both_plants_meet_the_same_weather_and_load(given: Setting, ruled: dict[str, np.ndarray]) -> None:
    ours = DataCenterCore(given.scenario, 1, world=given.world)
    found = played(ours, given, reference_choice(given.scenario, ["rules_as_given"])["rules_as_given"](ours), RULED)
    for name in ("dry_bulb_c", "wet_bulb_c", "reference_it_kw", "work_demanded"):
        np.testing.assert_allclose(found[name], ruled[name], rtol=1e-6)  # machine code rounds otherwise
    assert np.allclose(found["it_power_kw"], ruled["it_power_kw"], rtol=0.03)


def test_once_settled_what_comes_in_as_power_leaves_as_heat(cold: dict[str, np.ndarray]) -> None:
    power, residual = cold["facility_power_kw"][-8:], cold["energy_residual_kw"][-8:]
    assert abs(residual.mean()) < 0.005 * power.mean()


def test_a_learned_policy_acts_on_energyplus_through_its_box(core: DataCenterCore, given: Setting) -> None:
    from agents.policy import LearnedPolicy, interface_of

    observed: list[np.ndarray] = []

    def predict(observation: np.ndarray) -> np.ndarray:
        observed.append(observation)
        return np.full((1, 4), -1.0, np.float32)  # every channel at the low end of its range

    run = played(core, given, LearnedPolicy(predict, interface_of(core)), 12)
    assert len(observed) == 12 and all(o.shape == (1, core.observer.size) and np.abs(o).max() <= 1.0 for o in observed)
    assert run["in_force.crah_fan_speed_frac"][-1, 0] == pytest.approx(0.3)
    assert run["zone_fan_speed_frac"][-1, 0] == pytest.approx(0.3, abs=2e-3)


def test_racks_that_draw_more_than_is_supplied_breathe_the_room(core: DataCenterCore, given: Setting) -> None:
    starved = played(core, given, Fixed(CONSTANT | {"crah_fan_speed_frac": [0.3]}), 12)
    supply, room = starved["zone_supply_c"][-1, 0], starved["zone_return_c"][-1, 0]
    assert supply + 0.3 < starved["rack_inlet_c"][-1].max() < room


def test_one_model_runs_at_a_time(core: DataCenterCore, given: Setting) -> None:
    from envs.energyplus.plant import EnergyPlusPlant

    core.reset(seed=0, plan=given.plan)
    other = EnergyPlusPlant(given.scenario, given.weather, 10, 1)
    with pytest.raises(ValueError, match="already running"):
        DataCenterCore(given.scenario, 1, world=given.world, plant=other).reset(seed=0, plan=given.plan)


def test_energyplus_takes_one_hall_and_no_faults(given: Setting) -> None:
    from dataclasses import replace

    from envs.energyplus.plant import EnergyPlusPlant
    from envs.faults import Fault, FaultConfig

    plant = EnergyPlusPlant(given.scenario, given.weather, 10, 1)
    with pytest.raises(ValueError, match="num_envs = 2"):
        DataCenterCore(given.scenario, 2, world=given.world, plant=plant).reset(seed=0)
    with pytest.raises(ValueError, match="end of the year"):
        EnergyPlusPlant(given.scenario, given.weather, 360, 7)
    faulty = replace(given.scenario, faults=FaultConfig(scheduled=[Fault("chiller_trip", 0.0, 600.0)]))
    with pytest.raises(ValueError, match="faults"):
        EnergyPlusPlant(faulty, given.weather, 10, 1)


def test_the_outdoor_air_of_a_step_is_the_one_that_energyplus_had_in_it(core: DataCenterCore, given: Setting) -> None:
    core.reset(seed=0, plan=given.plan)
    outside = core.outside
    orders = dict.fromkeys(hall.actuators(given.scenario), 10.0)
    seen = core.plant._hall.step(orders)
    for name in ("dry_bulb_c", "wet_bulb_c", "humidity_ratio", "pressure_kpa"):
        assert seen[name] == pytest.approx(float(getattr(outside, name)[0]), rel=1e-5)
