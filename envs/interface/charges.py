"""Constraints as prices: a learner pays for what it uses of each row of the table, and more while it uses too much.

The price of a row is the multiplier of a Lagrangian: raised while all sites together use more than the limit, lowered
while they use less, never below 0 (dual ascent). A second part answers the last period alone, so that price and policy
do not swing against each other (Stooke, Achiam and Abbeel 2020, "Responsive Safety in Reinforcement Learning by PID
Lagrangian Methods"). What an agent learns from it needs no weight chosen by hand.

Work has no price here: what is missing of it hangs on demand and caps, so only a reference on the same days can say
how much may be missing. The reward pays for it, and the gate judges it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.interface.channel import Channel
from envs.interface.constraints import GATES, TRAVEL, Constraint

Array = NDArray[np.float64]
Values = Any  # arrays, or what the engine records in their place

#: Rows of the table that have a price.
CHARGED: tuple[Constraint, ...] = tuple(c for c in GATES if not c.at_least)
DAY_S = 86_400.0
ANSWER = 5.0  # updates' worth of price that the last period alone adds or takes, engineering guess
LARGEST_RISE = 4.0  # of use over its limit, less 1, in one update: one hot hour shall not set the price of a week


class Prices(NamedTuple):
    """How the prices stand, as plain data."""

    usd: Array
    """Of the use of a whole day's limit, row after row of `CHARGED`, before the answer to the last one [USD]."""
    used: Array
    """Use of the period that is under way, mean of the sites [unit]."""
    steps: int
    """Control steps of that period so far."""


def used_rows(
    flows: object, in_force: Mapping[str, Values], before: Mapping[str, Values], channels: Sequence[Channel]
) -> list[Values]:
    """What a step uses of every row of `CHARGED`, each ``(B,)``; the engine can record it.

    Where the worst row of a flow is judged, the worst of each step is taken, which is never less.
    """
    travel = [np.abs(in_force[c.name] - before[c.name]) * (1.0 / (c.high - c.low)) for c in channels if c.wears]
    travel = travel or [0.0 * next(iter(in_force.values()))[:1]]
    return [_used(c, flows, travel) for c in CHARGED]


def _used(c: Constraint, flows: object, travel: Sequence[Values]) -> Values:
    if c.flow == TRAVEL:
        if c.judge == "mean":
            return sum(part.sum(axis=0) for part in travel) * (1.0 / sum(part.shape[0] for part in travel))
        most = travel[0].max(axis=0)
        for part in travel[1:]:
            most = np.maximum(most, part.max(axis=0))
        return most
    value = getattr(flows, c.flow)
    return value.max(axis=0) if c.judge == "worst" else value


class Charges:
    """Prices of the table's rows, learnt beside a policy.

    Parameters
    ----------
    channels : sequence of Channel
        Whose travel is charged.
    step_s : float
        Control step [s].
    rate_usd : float
        By how much the price of a day's limit rises in one update where use is twice the limit [USD].
    share : float
        Limits are this share of the table's allowances. Within them these gates are kept, whatever the reference does.
    every : int
        Control steps between two updates.

    Raises
    ------
    ValueError
        Where rate, share or steps are not above 0.
    """

    def __init__(
        self, channels: Sequence[Channel], step_s: float, rate_usd: float, share: float = 1.0, every: int = 24
    ) -> None:
        for name, value in (("rate_usd", rate_usd), ("share", share), ("every", every)):
            if not value > 0:
                raise ValueError(f"{name} = {value} of the constraints; give more than 0")
        self.channels, self.rate_usd, self.every = tuple(channels), rate_usd, every
        self.limits = share * np.array([c.allowance_per_day for c in CHARGED])
        self.period_days = every * step_s / DAY_S
        self.last = np.zeros(len(CHARGED))
        """Use of the last whole period over its limit."""
        self._prices = Prices(np.zeros(len(CHARGED)), np.zeros(len(CHARGED)), 0)

    @property
    def usd_day(self) -> Array:
        """Price of the use of a whole day's limit of each row [USD]."""
        price: Array = np.maximum(self._prices.usd + ANSWER * self._rise(), 0.0)
        return price

    @property
    def usd_per_unit(self) -> Array:
        """Price of a unit of each row [USD/unit]."""
        return self.usd_day / self.limits

    def _rise(self) -> Array:
        """By how much the last period raises the prices [USD]."""
        rise: Array = self.rate_usd * np.minimum(self.last - 1.0, LARGEST_RISE)
        return rise

    def charged(self, flows: object, in_force: Mapping[str, Values], before: Mapping[str, Values]) -> Array:
        """What a step costs beside its reward ``(B,)`` [USD]; the prices learn from it."""
        rows = np.stack([np.asarray(row, np.float64) for row in used_rows(flows, in_force, before, self.channels)])
        cost: Array = self.usd_per_unit @ rows
        self.learn(rows.mean(axis=1))
        return cost

    def learn(self, used: Array) -> None:
        """Add what the sites used in a step in the mean ``(K,)``; move the prices where a period ends."""
        usd, so_far, steps = self._prices
        so_far, steps = so_far + used, steps + 1
        if steps == self.every:
            self.last = so_far / (self.limits * self.period_days)
            usd = np.maximum(usd + self._rise(), 0.0)
            so_far, steps = np.zeros_like(so_far), 0
        self._prices = Prices(usd, so_far, steps)

    def numbers(self) -> dict[str, float]:
        """Price and use of every row, for logs."""
        found = {}
        for c, usd, last in zip(CHARGED, self.usd_day, self.last):
            found[f"{c.name}_usd_day"], found[f"{c.name}_over_limit"] = float(usd), float(last)
        return found

    def save_state(self) -> dict[str, Any]:
        """Everything that changes, as plain data."""
        usd, used, steps = self._prices
        return {"usd": usd.copy(), "used": used.copy(), "steps": steps, "last": self.last.copy()}

    def load_state(self, saved: Mapping[str, Any]) -> None:
        """Go on from ``save_state``."""
        self._prices = Prices(saved["usd"].copy(), saved["used"].copy(), int(saved["steps"]))
        self.last = saved["last"].copy()
