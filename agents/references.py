"""Every reference that a result is held against, by name: the one place that makes them, each from its core."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from agents.planners.best_constant import ConstantAction, fixed_setpoints
from agents.planners.mpc import Mpc, MpcSettings
from agents.planners.tuned import TunedRules, load_tuned, plant_hash
from agents.planners.tuning import Constant, rules_from
from agents.policy import interface_of, random_policy
from envs.building.rules import legacy_fixed

if TYPE_CHECKING:
    from agents.planners.load_ahead import LoadAhead
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.scenario import Scenario

Maker = Callable[["DataCenterCore"], "Controller"]

RULES_AS_GIVEN, RULES_TUNED, PROPORTIONAL = "rules_as_given", "rules_tuned", "rules_proportional_caps"
WATER_FILLING = "rules_water_filling_caps"
GIVEN_GAINS = {"fan.kp_per_k": 0.06, "fan.ki_per_k_300s": 0.04}  # SCENARIOS "Fan PI"; a scenario may run slower
RULES = (RULES_AS_GIVEN, RULES_TUNED, PROPORTIONAL, WATER_FILLING)
MPC_ROWS = ("mpc", "mpc_engine")
ORACLE = "oracle_found"  # the best plan found with the true future, `coldaisle evaluate bounds=true`
REFERENCES = (*RULES, "random", "legacy_fixed", "best_constant", "tuned_fixed", *MPC_ROWS, ORACLE)


def reference_controllers(
    scenario: Scenario,
    tuned: TunedRules | None = None,
    seed: int = 0,
    mpc: MpcSettings | None = None,
    ahead: Callable[[DataCenterCore], LoadAhead] | None = None,
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
        Adds the row ``mpc``, which moves the best rules there are; some twenty times dearer to run than a rule.
    ahead : callable, optional
        Makes from the core what an MPC expects of load and weather; adds the row ``mpc_engine``.
    """
    found = tuned or load_tuned(scenario.name)
    if found is not None and found.plant_hash != plant_hash(scenario):
        warnings.warn(
            f"the tuned constants of {scenario.name} were found on another plant ({found.plant_hash}); "
            f"they stay a baseline, but tune them anew: python -m scripts.tune_rules {scenario.name}",
            stacklevel=2,
        )
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
    made[RULES_AS_GIVEN] = lambda core: rules_from(core, GIVEN_GAINS)
    made[PROPORTIONAL] = lambda core: rules_from(core, {**constants, "caps": "proportional"})
    if found is not None:
        made[RULES_TUNED] = lambda core: rules_from(core, best)
        if found.caps != "water_filling":
            made[WATER_FILLING] = lambda core: rules_from(core, {**constants, "caps": "water_filling"})
    if mpc is not None:
        made["mpc"] = lambda core: Mpc(core, rules_from(core, best), mpc, seed)
    if mpc is not None and ahead is not None:
        made["mpc_engine"] = lambda core: Mpc(core, rules_from(core, best), mpc, seed, ahead(core))
    return made


def channels_of(scenario: Scenario) -> dict[str, str]:
    """List the agent's channels and their encodings: what gives an action of the box its meaning."""
    return {name: scenario.encodings.get(name, "absolute") for name in sorted(scenario.agent_channels)}
