"""How an agent's actions become setpoints: on top of the building's best rule, or in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agents.planners.tuned import tuned_of
from agents.planners.tuning import with_rules
from envs.interface.channels import CHANNELS
from envs.unknown_name import unknown_name

if TYPE_CHECKING:
    from envs.scenario import Rules, Scenario

#: How an agent acts on all the channels that it holds.
AGENT_ENCODINGS: dict[str, str] = {
    "residual": "adds to the best rule there is; 0 is the rule",
    "feedforward": "adds to the best rule as the weather alone would move it; the rule answers no alarm and no request",
    "joint": "as feedforward, and adds to what the rules of power limits and battery would set as well",
    "absolute": "as the scenario's `encodings` say; -1..1 is the range",
    "delta": "moves the value in force by up to the slew",
}
#: Encodings that add to a rule.
ON_A_RULE = ("residual", "feedforward", "joint")
#: Of these, those whose rule answers no alarm and no request.
WITHOUT_FEEDBACK = ("feedforward", "joint")


def agent_scenario(scenario: Scenario, encoding: str, reach_frac: float) -> Scenario:
    """The scenario as the agent acts in it.

    An agent on top of a rule that holds cooling leaves power limits and battery to the building: it moves heat, and
    jobs where a scheduler places them. One whose encoding is ``joint`` holds all of the scenario's ``agent_channels``.

    Parameters
    ----------
    scenario : Scenario
    encoding : str
        One of `AGENT_ENCODINGS`.
    reach_frac : float
        How far an agent on top of a rule may move a channel from it, as a share of its range.

    Raises
    ------
    ValueError
        For an unknown encoding, or a reach outside ]0, 1].
    """
    if encoding not in AGENT_ENCODINGS:
        raise ValueError(unknown_name("agent.encoding", encoding, AGENT_ENCODINGS))
    if not 0.0 < reach_frac <= 1.0:
        raise ValueError(f"agent.reach_frac = {reach_frac}; give a share of the range above 0, at most 1")
    if encoding == "absolute":
        return scenario
    held = list(scenario.agent_channels)
    cooling = [name for name in held if CHANNELS[name].kind == "cooling"]
    on_a_rule = encoding in ON_A_RULE
    if on_a_rule and cooling and encoding != "joint":
        held = [name for name in held if CHANNELS[name].kind in ("cooling", "jobs")]
    return replace(
        scenario,
        agent_channels=held,
        encodings={**scenario.encodings, **dict.fromkeys(held, "residual" if on_a_rule else encoding)},
        reach_frac=dict.fromkeys(held, reach_frac) if on_a_rule else scenario.reach_frac,
    )


def best_rules(scenario: Scenario, encoding: str = "residual") -> Rules:
    """Constants of the best rule, as an agent of an encoding adds to it: the tuned ones, else the scenario's own.

    For ``feedforward`` and ``joint`` the fan keeps its lowest speed, supply air and chilled water their highest
    temperature; what cold weather adds stays. The gradient of a plant sees no switch: a rule that counts requests would
    work against it.
    """
    found = tuned_of(scenario)
    rules = scenario.rules if found is None else with_rules(scenario, {**found.rules, "caps": found.caps}).rules
    if encoding not in WITHOUT_FEEDBACK:
        return rules
    return replace(
        rules,
        fan=replace(rules.fan, kp_per_k=0.0, ki_per_k_300s=0.0),
        supply_air=replace(rules.supply_air, respond_k=0.0),
        chilled_water=replace(rules.chilled_water, respond_k=0.0),
    )
