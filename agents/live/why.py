"""Why the loop decided so, cycle by cycle: parts of each setpoint, the rule's setpoints, and what they would bring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.explain.decision import Explained, Explainer, words_of
from agents.live.checks import Measurements
from agents.live.decider import Decider, Decision
from agents.live.limits import Setpoints
from agents.live.reading import Key


class Why(NamedTuple):
    """Of one decision.

    Attributes
    ----------
    explained : list of Explained
    rule : dict
        What the building's rule would set ``{channel: (k,)}``; empty where the bundle has none.
    more_kw, warmer_k : float
        Facility power, and the warmest inlet at the end, of the coming step: under the setpoints given, less under the
        rule's. By the twin; NaN without one or without a rule.
    """

    explained: list[Explained]
    rule: Setpoints
    more_kw: float = math.nan
    warmer_k: float = math.nan


class Reasons:
    """Explains the decisions of a loop; nothing of it changes one.

    Parameters
    ----------
    decider : Decider
    """

    def __init__(self, decider: Decider) -> None:
        self.decider = decider
        self.explainer = Explainer(decider.policy)
        self.spans = {c.name: c.high - c.low for c in decider.channels}

    def reset(self) -> None:
        """Forget what the rule remembers, where the policy does."""
        self.explainer.reset()

    def why(self, measurements: Measurements, decision: Decision) -> Why:
        """Of the decision that was just made of these measurements."""
        known = self.decider.known(measurements)
        explained, rule = self.explainer.explained(known), self.explainer.rule_setpoints
        twin = self.decider.twin
        if twin is None or not rule:
            return Why(explained, rule)
        here, there = (twin.expected(setpoints, known) for setpoints in (decision.given, rule))
        return Why(explained, rule, here.power_kw - there.power_kw, here.inlet_c - there.inlet_c)

    def picture(self, measurements: Measurements) -> dict[str, Any]:
        """The hall as its twin sees it now, for the page; empty without a twin."""
        twin = self.decider.twin
        return {} if twin is None else twin.picture(self.decider.known(measurements))

    def words(self, why: Why, moved: Sequence[Key]) -> str:
        """A line for those setpoints that move, and the difference from the rule."""
        told = [words_of(o, self.spans[o.channel]) for o in why.explained if Key(o.channel, o.row) in moved]
        if math.isfinite(why.more_kw):
            told.append(f"against the rule {why.more_kw:+.2f} kW and {why.warmer_k:+.2f} K at the inlets in this step")
        return ". ".join(told)


def moves(given: Mapping[Key, float], in_force: Mapping[Key, float], deadbands: Mapping[str, float]) -> dict[Key, str]:
    """Setpoints that move by their deadband or more, in words."""
    return {
        key: f"{key} {in_force[key]:.4g} -> {value:.4g}"
        for key, value in given.items()
        if abs(value - in_force[key]) >= max(deadbands[key.name], 1e-9)
    }
