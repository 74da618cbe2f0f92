"""The engine: what is asked is read, what is set takes effect, and errors mend."""

from __future__ import annotations

import numpy as np
import pytest

from envs.energyplus import engine
from envs.energyplus.building import RunPeriod
from envs.energyplus.water_cooled_hall import actuators, hall_model, variables
from experiments.validation.campaign import STUDIES, scenario_of

DAY = RunPeriod((4, 20), (4, 20))


@pytest.fixture(scope="module")
def hall():
    scenario = scenario_of(STUDIES["hall_cold"])
    return scenario, hall_model(scenario, 200.0, DAY)


def chicago():
    return engine.weather_files()["il_chicago"]


def test_a_missing_wheel_says_what_to_install(monkeypatch):
    monkeypatch.setattr(engine, "available", lambda: False)
    with pytest.raises(ValueError, match=r"coldaisle\[energyplus\]"):
        engine.weather_files()
    with pytest.raises(ValueError, match=r"coldaisle\[energyplus\]"):
        engine.simulate({}, None, {})


@pytest.mark.energyplus
def test_a_setpoint_takes_effect_in_the_very_step_it_is_given_in(hall):
    scenario, model = hall
    asked = []

    def control(step, measured):
        asked.append(7.5 if step % 24 < 12 else 8.5)
        return {"chw_supply_temp_setpoint_c": asked[-1]}

    run = engine.simulate(model, chicago(), variables(scenario), actuators(scenario), control)
    assert len(asked) == len(run.month) == 288
    assert run.values["chw_supply_temp_setpoint_c"] == pytest.approx(asked)
    assert run.values["chw_supply_c"] == pytest.approx(asked, abs=0.05)


@pytest.mark.energyplus
def test_the_control_hears_the_step_before_and_nothing_at_the_first(hall):
    scenario, model = hall
    heard = []

    def control(step, measured):
        heard.append(None if measured is None else measured["dry_bulb_c"])
        return {}

    run = engine.simulate(model, chicago(), variables(scenario), actuators(scenario), control)
    assert heard[0] is None and heard[1:] == pytest.approx(run.values["dry_bulb_c"][:-1])


@pytest.mark.energyplus
def test_means_over_the_step_carry_the_energy_of_its_system_steps(hall):
    scenario, model = hall

    def control(step, measured):
        return {"it_kw[0]": 200.0 + 200.0 * (step // 12 % 2)}

    run = engine.simulate(model, chicago(), variables(scenario), actuators(scenario), control)
    taken = run.values["coil_sensible_kw[0]"].mean() - run.values["crah_fan_power_kw[0]"].mean()
    assert run.system_steps > len(run.month)
    assert taken == pytest.approx(run.values["it_kw[0]"].mean(), rel=0.005)


@pytest.mark.energyplus
def test_an_exception_in_the_control_stops_the_run_and_is_raised(hall):
    scenario, model = hall
    calls = []

    def control(step, measured):
        calls.append(step)
        if step == 3:
            raise ZeroDivisionError("of the controller")
        return {}

    with pytest.raises(ZeroDivisionError, match="of the controller"):
        engine.simulate(model, chicago(), variables(scenario), actuators(scenario), control)
    assert calls == [0, 1, 2, 3]


@pytest.mark.energyplus
def test_an_unknown_variable_an_unknown_actuator_and_a_wrong_name_are_told(hall):
    scenario, model = hall
    with pytest.raises(ValueError, match="variable 'x': the model has no 'Chiller Colour'"):
        engine.simulate(model, chicago(), {"x": engine.Variable("Chiller Colour", "Chiller")})
    with pytest.raises(ValueError, match="actuator 'y': the model has no 'Schedule Value' of 'Nothing'"):
        engine.simulate(model, chicago(), {}, {"y": engine.schedule_actuator("Nothing")})
    with pytest.raises(ValueError, match="control returned 'z'; the model's actuators are"):
        engine.simulate(model, chicago(), {}, actuators(scenario), lambda step, measured: {"z": 1.0})


@pytest.mark.energyplus
def test_a_model_that_energyplus_refuses_quotes_its_error_file(hall):
    _, model = hall
    broken = {**model, "Pump:VariableSpeed": {}}
    with pytest.raises(RuntimeError, match="(?s)EnergyPlus stopped.*CHW Pump|EnergyPlus stopped.*CHW PUMP"):
        engine.simulate(broken, chicago(), {})


@pytest.mark.energyplus
def test_two_runs_in_one_process_give_the_same_numbers(hall):
    scenario, model = hall
    first, second = (engine.simulate(model, chicago(), variables(scenario)) for _ in range(2))
    for name, value in first.values.items():
        assert np.array_equal(value, second.values[name]), name
