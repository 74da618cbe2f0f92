"""Every reference that a result is held against, by name: the one place that makes them, each from its core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from agents.planners.best_constant import ConstantAction, fixed_setpoints
from agents.planners.gradient_mpc import GradientMpc
from agents.planners.linear_model import learnt_model
from agents.planners.linear_mpc import LinearMpc
from agents.planners.mpc import Mpc, MpcSettings
from agents.planners.tuned import TunedRules, tuned_of
from agents.planners.tuning import Constant, rules_from, with_rules
from agents.policy import interface_of, random_policy
from envs.building.rules import building_controller, legacy_fixed
from envs.controllers.base import CombinedController
from envs.controllers.pid import CHANNEL as FAN_SPEED

if TYPE_CHECKING:
    from agents.planners.load_ahead import LoadAhead
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.scenario import Scenario
    from envs.twin.telemetry.telemetry import Telemetry

Maker = Callable[["DataCenterCore"], "Controller"]

RULES_AS_GIVEN, RULES_TUNED, PROPORTIONAL = "rules_as_given", "rules_tuned", "rules_proportional_caps"
WATER_FILLING = "rules_water_filling_caps"
THREE_BAND, MARGINAL_VALUE = "rules_three_band_caps", "rules_marginal_value_caps"
CAPPING = {WATER_FILLING: "water_filling", THREE_BAND: "three_band", MARGINAL_VALUE: "marginal_value"}
RULES = (RULES_AS_GIVEN, RULES_TUNED, PROPORTIONAL, *CAPPING)
PI = "pi"  # fans by their loop, every other setpoint where the search for fixed ones put it
MPC, MPC_GRADIENT, MPC_LINEAR, MPC_ENGINE = "mpc", "mpc_gradient", "mpc_linear", "mpc_engine"
MPC_ROWS = (MPC, MPC_GRADIENT, MPC_LINEAR, MPC_ENGINE)
ORACLE = "oracle_found"  # the best plan found with the true future, `coldaisle evaluate bounds=true`
REFERENCES = (*RULES, "random", "legacy_fixed", "best_constant", "tuned_fixed", PI, *MPC_ROWS, ORACLE)


def reference_controllers(
    scenario: Scenario,
    tuned: TunedRules | None = None,
    seed: int = 0,
    mpc: MpcSettings | None = None,
    ahead: Callable[[DataCenterCore], LoadAhead] | None = None,
    explored: Callable[[DataCenterCore], Telemetry] | None = None,
) -> dict[str, Maker]:
    """List the reference controllers of a scenario: name to a function that makes one from the core (PROTOCOL 5).

    Parameters
    ----------
    scenario : Scenario
    tuned : TunedRules, optional
        What the searches found; that of ``configs/tuned`` when left out. Rows that need a search are left out where
        there was none, and the best constant where the agent holds other channels than it was found for.
    seed : int
        Of the random policy, and of the MPC's searches.
    mpc : MpcSettings, optional
        Adds the rows ``mpc`` and ``mpc_gradient``, which move the best rules there are, by search and by the plant's
        slopes; some twenty times dearer to run than a rule.
    ahead : callable, optional
        Makes from the core what an MPC expects of load and weather; adds the row ``mpc_engine``.
    explored : callable, optional
        Telemetry of steps around the rules before the core's episodes; adds the row ``mpc_linear``, which learns from
        it.
    """
    found = tuned or tuned_of(scenario)
    made: dict[str, Maker] = {
        "random": lambda core: random_policy(interface_of(core), seed),
        "legacy_fixed": lambda core: legacy_fixed(core.scenario, core.plant.layout),
    }
    constants: Mapping[str, Constant] = {}
    best: Mapping[str, Constant] = {}
    if found is not None:
        constants, best = found.rules, {**found.rules, "caps": found.caps}
        if found.constant and found.constant["channels"] == channels_of(scenario):
            made["best_constant"] = lambda core: ConstantAction(core, np.asarray(found.constant["action"]))
        made["tuned_fixed"] = lambda core: fixed_setpoints(core.channels, found.fixed)
    made[RULES_AS_GIVEN] = lambda core: rules_from(core, {})
    made[PROPORTIONAL] = lambda core: rules_from(core, {**constants, "caps": "proportional"})
    if found is not None:
        made[RULES_TUNED] = lambda core: rules_from(core, best)
        if found.fixed:
            made[PI] = lambda core: pi_and_fixed(core, found)
        for name, caps in CAPPING.items() if found.caps != "water_filling" else ():
            made[name] = capped_rules(constants, caps)
    if mpc is not None:
        made[MPC] = lambda core: Mpc(core, rules_from(core, best), mpc, seed)
        made[MPC_GRADIENT] = lambda core: GradientMpc(core, rules_from(core, best))
    if explored is not None:
        made[MPC_LINEAR] = lambda core: linear_mpc(core, rules_from(core, best), explored(core))
    if mpc is not None and ahead is not None:
        made[MPC_ENGINE] = lambda core: Mpc(core, rules_from(core, best), mpc, seed, ahead(core))
    return made


def linear_mpc(core: DataCenterCore, base: Controller, seen: Telemetry) -> LinearMpc:
    """The linear MPC that learnt from this telemetry."""
    moves = [c for c in core.agent_channels if c.kind == "cooling"]
    return LinearMpc(core, base, learnt_model(seen, moves))


def capped_rules(constants: Mapping[str, Constant], caps: str) -> Maker:
    """The tuned rules with another one to share the feeder."""
    return lambda core: rules_from(core, {**constants, "caps": caps})


def pi_and_fixed(core: DataCenterCore, found: TunedRules) -> CombinedController:
    """PI loops of the fans and tuned power limits, without any reset; what no loop holds stands at the tuned value."""
    held = (FAN_SPEED, "rack_power_limit_frac")
    looped = [c.name for c in core.channels if c.name in held]
    kept = {key: value for key, value in found.rules.items() if not key.startswith("outdoor.")}
    loops = building_controller(with_rules(core.scenario, {**kept, "caps": found.caps}), core.plant.layout, looped)
    others = [c for c in core.channels if c.name not in held]
    return CombinedController([*loops.parts, fixed_setpoints(others, found.fixed)])


def channels_of(scenario: Scenario) -> dict[str, str]:
    """List the agent's channels and their encodings: what gives an action of the box its meaning."""
    return {name: scenario.encodings.get(name, "absolute") for name in sorted(scenario.agent_channels)}
