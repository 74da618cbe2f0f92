"""Our plant's supervisory rule on EnergyPlus's machines, so that both plants are run by one rule.

The rule (`envs.equipment.chilled_water`: hysteresis and lockout of the economizer, staging of the chiller) is not
written a second time: its code steps here on what EnergyPlus measured in the step before, where a building system has
its meters: water supplied to the coils, water coming back from them and its flow, condenser water, wet bulb. Only what
it decides goes on, the economizer's and the chiller's availability; the temperatures it would lead to in our plant are
dropped. Nothing of our replay is read, so the modes of the two plants can still part.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from envs.energyplus.engine import Actuator, Control, Variable, schedule_actuator
from envs.energyplus.water_plant import CHILLER_AVAILABLE
from envs.equipment import chilled_water
from envs.physics import heat_exchanger, staging
from envs.scenario import Scenario
from envs.units import CP_WATER_KJ_KG_K

ECONOMIZER, CHILLER = "economizer_available", "chiller_available"
SUPPLY = "coil_water_in_c[0]"  # behind the loop's volume, as the supply of our plant is


def rule_actuators() -> dict[str, Actuator]:
    """What the rule sets beside the channels and `water_cooled_hall.economizer_actuators`.

    The model must have a switched chiller.
    """
    return {CHILLER: schedule_actuator(CHILLER_AVAILABLE)}


def rule_variables() -> dict[str, Variable]:
    """What is read beside `water_cooled_hall.variables`."""
    return {CHILLER: Variable("Schedule Value", CHILLER_AVAILABLE)}


def rule_fingerprint(scenario: Scenario) -> list[Any]:
    """What could change the rule's decisions: its constants and its source, for `stored_run`."""
    assert scenario.chilled_water is not None
    written = [inspect.getsource(module) for module in (chilled_water, staging, heat_exchanger)]
    return [asdict(scenario.chilled_water), *written, Path(__file__).read_text(encoding="utf-8")]


def with_our_rule(control: Control, scenario: Scenario, step_s: float) -> Control:
    """A control that also switches economizer and chiller as our plant would at the temperatures of the step before.

    Parameters
    ----------
    control : Control
        Load and setpoints. Where it closes the economizer itself (`water_cooled_hall.with_economizer_guard`) it stays
        closed.
    scenario : Scenario
        Chilled water with an economizer.
    step_s : float
        Between two decisions [s]: a zone time step.

    Raises
    ------
    ValueError
        Where the scenario has no economizer: nothing is to be decided then.
    """
    plant = scenario.chilled_water
    if plant is None or not plant.economizer:
        raise ValueError(f"scenario {scenario.name!r} has no economizer to switch; set chilled_water.economizer: true")
    state: chilled_water.ChwState | None = None

    def both(step: int, measured: dict[str, float] | None) -> dict[str, float]:
        nonlocal state
        asked = dict(control(step, measured))
        if measured is None:
            return asked
        state = _rule_step(plant, state, measured, asked["chw_supply_temp_setpoint_c"], step_s)
        asked[ECONOMIZER] = min(asked.get(ECONOMIZER, 1.0), float(state.economizer_on[0]))
        asked[CHILLER] = min(1.0, float(state.stages.running[0]))
        return asked

    return both


def _rule_step(
    plant: chilled_water.ChilledWater,
    state: chilled_water.ChwState | None,
    measured: dict[str, float],
    setpoint_c: float,
    step_s: float,
) -> chilled_water.ChwState:
    """Switches and timers of the rule after a step at what was measured; what it thinks of the loop is overwritten."""
    supply, flow, load, setpoint, condenser, wet_bulb = np.array([
        [measured[SUPPLY]],
        [measured["chw_flow_kg_s"]],
        [measured["chw_flow_kg_s"] * CP_WATER_KJ_KG_K * (measured["chw_return_c"] - measured[SUPPLY])],
        [setpoint_c],
        [measured["cw_supply_c"]],
        [measured["wet_bulb_c"]],
    ])  # fmt: skip
    before = chilled_water.initial(plant, supply, load) if state is None else state._replace(supply_c=supply)
    fit, tripped = float(plant.chillers_duty), 0.0 * supply
    after, _ = chilled_water.advance(plant, before, load, flow, setpoint, condenser, wet_bulb, fit, tripped, step_s)
    return after
