"""One decision of a bundle, explained: what the rule would set, and which measurements moved the policy away from it.

Of a setpoint: what was wanted is its usual value, plus what each measurement adds by being unlike the usual. Usual is
the mean of the last day. A policy on top of the building's rule adds to what the rule sets now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.explain.attribution import action_of, attributed
from agents.runtime.exported_policy import ExportedPolicy
from envs.controllers.plain_rule import rule_from
from envs.interface.action import value_in_force
from envs.interface.channel import SLEW_INTERVAL_S, Channel
from envs.interface.interface import IN_FORCE, with_rule
from envs.unit_text import unit_behind

Array = NDArray[np.floating]
EXPLAINED = ("residual", "absolute", "delta")  # encodings in which a setpoint follows its own action alone
OTHERS = "all others"
LEAST_SHOWN = 0.001  # of a channel's range: a smaller part is not told


class Part(NamedTuple):
    """What one measurement adds to one setpoint [unit of the setpoint]."""

    element: str
    adds: float


class Explained(NamedTuple):
    """Why one setpoint is as it is.

    Attributes
    ----------
    channel, row, unit : str, int, str
    rule : float
        What the building's rule would set, by range and slew; NaN where the bundle has no rule.
    usual : float
        What the policy would ask for if all that it sees were usual, beside the present rule.
    wanted : float
        What it asks for: ``usual`` plus all parts; before range and slew.
    parts : tuple of Part
        The largest first; they add up to ``wanted - usual``.
    """

    channel: str
    row: int
    unit: str
    rule: float
    usual: float
    wanted: float
    parts: tuple[Part, ...]

    def plain(self, most: int) -> dict[str, Any]:
        """As data for a log, with so many parts at most; the others are one part."""
        told = [[p.element, round(p.adds, 5)] for p in self.parts[:most]]
        told.append([OTHERS, round(sum(p.adds for p in self.parts[most:]), 5)])
        known = {"rule": self.rule, "usual": self.usual, "wanted": self.wanted}
        numbers = {name: round(v, 5) if np.isfinite(v) else None for name, v in known.items()}
        return {"channel": self.channel, "row": self.row, "unit": self.unit, **numbers, "parts": told}


class Explainer:
    """Explains the decisions of one policy on one site, cycle by cycle.

    Parameters
    ----------
    policy : ExportedPolicy
        Only read: the rule is run a second time here.
    """

    def __init__(self, policy: ExportedPolicy) -> None:
        self.policy, self.interface = policy, policy.interface
        told = policy.manifest["interface"].get("rule")
        self.rule = None if told is None else rule_from(told["parts"], self.interface.step_s)
        self.day: deque[NDArray[np.float32]] = deque(maxlen=max(2, round(86_400.0 / self.interface.step_s)))
        self.reset()

    def reset(self) -> None:
        """Forget what the rule remembers; what is usual stays."""
        if self.rule is not None:
            self.rule.reset(1)
        self.rule_setpoints: dict[str, Array] = {}

    def explained(self, measurements: Mapping[str, Any]) -> list[Explained]:
        """Every setpoint of the decision that these measurements lead to; call it once a cycle.

        Parameters
        ----------
        measurements : mapping
            All points that the policy reads ``{name: (k,)}``, derived ones with them.
        """
        given = {name: np.asarray(v, np.float64).reshape(np.size(v), 1) for name, v in measurements.items()}
        wanted: dict[str, Array] = {} if self.rule is None else dict(self.rule.act(given))
        channels = (*self.interface.decoder.channels, *self.policy.ruled)
        self.rule_setpoints = {
            c.name: value_in_force(c, wanted[c.name], given[IN_FORCE + c.name], self.interface.step_s)[:, 0]
            for c in channels
            if c.name in wanted
        }
        now = self.interface.encode(with_rule(given, wanted))[0]
        usual = np.mean(self.day, axis=0) if self.day else now
        self.day.append(now)
        return self._told(np.asarray(usual, np.float64), now.astype(np.float64), given, wanted)

    def _told(
        self, usual: NDArray[np.float64], now: NDArray[np.float64], given: Mapping[str, Array], rule: dict[str, Array]
    ) -> list[Explained]:
        network, names = self.policy.network, self.interface.observer.element_names
        adds, before, after = attributed(network, usual, now), action_of(network, usual), action_of(network, now)
        found, at = [], 0
        for c in self.interface.decoder.channels:
            for k in range(c.action_rows):
                if c.encoding in EXPLAINED:
                    values = [self._value(c, a[at], k, given, rule) for a in (before, after)]
                    moved = after[at] - before[at]
                    scale = (values[1] - values[0]) / moved if abs(moved) > 1e-12 else 0.0
                    parts = [Part(n, float(scale * v)) for n, v in zip(names, adds[at])]
                    parts.sort(key=lambda part: -abs(part.adds))
                    by_rule = float(self.rule_setpoints[c.name][k]) if c.name in self.rule_setpoints else float("nan")
                    found.append(Explained(c.name, k, c.unit, by_rule, values[0], values[1], tuple(parts)))
                at += 1
        return found

    def _value(self, c: Channel, action: float, k: int, given: Mapping[str, Array], rule: Mapping[str, Array]) -> float:
        """What an action asks for, before range and slew."""
        if c.encoding == "residual":
            held = min(max(float(rule[c.name][k, 0]), c.low), c.high)
            return held + action * c.reach_frac * (c.high - c.low)
        if c.encoding == "delta":
            share = self.interface.step_s / SLEW_INTERVAL_S
            up, down = (min(s, c.high - c.low) * share for s in (c.slew_up, c.slew_down))
            return float(given[IN_FORCE + c.name][k, 0]) + action * (up if action > 0 else down)
        return c.low + 0.5 * (action + 1.0) * (c.high - c.low)


def words_of(one: Explained, span: float, most: int = 3) -> str:
    """Why a setpoint is as it is, in a line; ``span`` is the range of its channel."""
    unit = unit_behind(one.unit)
    parts = [f"{p.element} {p.adds:+.3g}" for p in one.parts[:most] if abs(p.adds) >= LEAST_SHOWN * span]
    why = f"; moved by {', '.join(parts)}" if parts else "; nothing that it sees is unusual"
    rule = f", the rule would set {one.rule:.4g}" if np.isfinite(one.rule) else ""
    return f"{one.channel}[{one.row}]: wants {one.wanted:.4g}{unit}{rule}; usual {one.usual:.4g}{why}"
