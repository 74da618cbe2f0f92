"""The one table of constraints: what must not happen, over what it is counted, how it is judged, what is forgiven.

Every reader takes the same rows: the gates of a report, the searches of the planners, and whatever learns or acts
under limits. PROTOCOL 6 asks for all of them; the numbers stand here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.channels import Channel

Array = NDArray[np.float64]

TRAVEL = "travel"  # no flow of the plant: how far each setpoint in force moved


@dataclass(frozen=True)
class Constraint:
    """One row of the table.

    A policy keeps the row where its use over a period is within ``allowed`` of a reference on the same period.

    Attributes
    ----------
    name : str
        Of its use, wherever a table has it.
    flow : str
        Field of ``Flows`` that is added up, or ``TRAVEL``.
    over : str
        What the rows of that flow are: ``site``, ``rack``, ``class`` (of work) or ``channel`` (its rows).
    judge : str
        ``sum`` over the rows; ``worst``: the row with the largest sum over the period; ``mean`` over the rows.
    unit : str
        Of the use.
    meaning : str
        In words, as "more ..." or "less ..." goes on.
    limit : str
        Key of the scenario that holds the limit which the flow exceeds; empty where there is no single one.
    budget_per_day : float
        Use that no policy should pass, whatever its reference does [unit/day]; infinite where only the reference
        counts. The search for rules cuts its reference to it (``within_budget``); reports and the oracle do not. The
        limit for learning under constraints.
    allowance_per_day : float
        Absolute: forgiven beyond the reference [unit/day].
    tolerance : float
        Relative: share of the reference that is forgiven [1], PROTOCOL 6.
    spares_safest : bool
        Whether what the safest known policy needs is no breach of the budget. Not where safe from heat is not safe
        from this: the policy as found caps nothing, and leaves all of it to the fast protection.
    weight : float
        What a unit of breach counts when a search ranks what is not allowed [1/unit]; a missing share of ``at_least``
        counts so much as a whole.
    at_least : bool
        The use may not be less than the reference's, instead of not more.
    is_gate : bool
        Whether it decides; a row that does not is reported only.
    """

    name: str
    flow: str
    over: str
    judge: str
    unit: str
    meaning: str
    limit: str = ""
    budget_per_day: float = float("inf")
    allowance_per_day: float = 0.0
    tolerance: float = 1e-3
    spares_safest: bool = True
    weight: float = 1.0
    at_least: bool = False
    is_gate: bool = True


#: Budgets and allowances: engineering guesses. A tenth of a kelvin-minute a day is below what a sensor of 0.2 K can
#: tell. A thousandth of a trip forgives rounding, and no trip in a year. A tenth of an accelerator-hour is six minutes
#: of one accelerator. Two ranges a day, in the mean of all setpoints, are each once through its range and back. Fifteen
#: of the busiest are more than any reference that does not hunt moves beyond the rules (11, caps that follow the load).
#: A hundredth of the time is what a cloud lets batch machines be capped before it adds no more (Kumbhare and others,
#: 2021, USENIX ATC, "Prediction-based power oversubscription in cloud platforms" [R]).
CONSTRAINTS: tuple[Constraint, ...] = (
    Constraint(
        "degree_minutes_worst_rack",
        flow="inlet_excess_degree_minutes",
        over="rack",
        judge="worst",
        unit="K min",
        meaning="degree-minutes over the inlet limit on its worst rack",
        limit="reward.inlet_limit_c",
        budget_per_day=1.0,
        allowance_per_day=0.1,
    ),
    Constraint(
        "tcs_degree_minutes",
        flow="tcs_excess_degree_minutes",
        over="site",
        judge="sum",
        unit="K min",
        meaning="degree-minutes over the coolant limit",
        limit="coolant.tcs_limit_c",
        budget_per_day=1.0,
        allowance_per_day=0.1,
    ),
    Constraint(
        "limit_excess_kwh",
        flow="limit_excess_kwh",
        over="site",
        judge="sum",
        unit="kWh",
        meaning="energy over a cap or branch limit",
        budget_per_day=0.0,
        allowance_per_day=0.01,
        weight=10.0,
        is_gate=False,
    ),
    Constraint(
        "overload_kwh",
        flow="overload_kwh",
        over="site",
        judge="sum",
        unit="kWh",
        meaning="energy over a limit that no memory forgives",
        budget_per_day=0.0,
        allowance_per_day=0.01,
        weight=10.0,
    ),
    Constraint(
        "protection_s",
        flow="capper_active_s",
        over="site",
        judge="sum",
        unit="s",
        meaning="time in which the fast protection caps the racks",
        budget_per_day=0.0,
        allowance_per_day=864.0,
        spares_safest=False,
        weight=0.01,
    ),
    Constraint(
        "trips",
        flow="trips",
        over="site",
        judge="sum",
        unit="1",
        meaning="trips",
        budget_per_day=0.0,
        allowance_per_day=0.001,
        weight=1000.0,
    ),
    Constraint(
        "work_done_h",
        flow="work_done",
        over="class",
        judge="sum",
        unit="accelerator-h",
        meaning="useful work done",
        allowance_per_day=0.1,
        weight=100.0,
        at_least=True,
    ),
    Constraint(
        "actuator_travel",
        flow=TRAVEL,
        over="channel",
        judge="mean",
        unit="full ranges per channel-row",
        meaning="actuator travel",
        allowance_per_day=2.0,
    ),
    Constraint(
        "busiest_setpoint_travel",
        flow=TRAVEL,
        over="channel",
        judge="worst",
        unit="full ranges",
        meaning="travel of the busiest setpoint",
        allowance_per_day=15.0,
    ),
)

GATES: tuple[Constraint, ...] = tuple(c for c in CONSTRAINTS if c.is_gate)
(FULL_WORK,) = (c for c in CONSTRAINTS if c.at_least)


@dataclass(frozen=True)
class HardLimit:
    """What must not be passed at any moment, whatever a reference does: what a shield keeps.

    Attributes
    ----------
    name : str
        Of the limit.
    backs : str
        The row of `CONSTRAINTS` that counts what comes before it.
    flow : str
        Field of ``Flows`` that is held under the limit.
    limit : str
        Field of ``Flows`` or key of the scenario that holds the limit; empty where ``value`` is the limit.
    value : float
        The limit where it is the same on every site.
    unit : str
        Of flow and limit.
    meaning : str
        What would happen, as a clause.
    margin : float
        Kept under the limit for what model and sensors do not tell [unit].
    longest_s : float
        For how long the limit may be passed [s]; 0: never.
    levers : tuple of str
        Kinds of channels (`envs.interface.channel.KINDS`) that may be moved for it, the cheapest first.
    """

    name: str
    backs: str
    flow: str
    unit: str
    meaning: str
    limit: str = ""
    value: float = float("nan")
    margin: float = 0.0
    longest_s: float = 0.0
    levers: tuple[str, ...] = ("cooling", "cap")


#: Margins: engineering guesses; half a kelvin is more than two standard deviations of a temperature sensor. Ten minutes
#: over the allowable inlet: a loss within one control step of 300 s, and the step in which it is answered. Servers of
#: the next class bear 35 degC for good.
HARD_LIMITS: tuple[HardLimit, ...] = (
    HardLimit(
        "inlet_allowable",
        backs="degree_minutes_worst_rack",
        flow="rack_inlet_max_c",
        limit="inlet_allowable_c",
        unit="degC",
        meaning="the warmest inlet would pass the allowable limit",
        margin=0.5,
        longest_s=600.0,
    ),
    HardLimit(
        "coolant_supply",
        backs="tcs_degree_minutes",
        flow="tcs_supply_c",
        limit="coolant.tcs_limit_c",
        unit="degC",
        meaning="the coolant would pass its limit",
        margin=0.5,
    ),
    HardLimit(
        "breaker_memory",
        backs="trips",
        flow="breaker_memory_frac",
        value=1.0,
        unit="1",
        meaning="a breaker would come near to its trip",
        margin=0.03,
        levers=("cap",),
    ),
)


class Use:
    """What episodes that run side by side use of every constraint, added up step by step in float64.

    Parameters
    ----------
    channels : sequence of Channel
        Whose travel is counted, where they wear anything.
    """

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = tuple(c for c in channels if c.wears)
        self.rows: dict[str, Array] = {}
        self._before: Mapping[str, Array] | None = None

    def add(self, flows: object, in_force: Mapping[str, NDArray[Any]]) -> None:
        """Add one control step.

        Parameters
        ----------
        flows : Flows
            Sums of the step; arrays ``(B,)`` or ``(k, B)``.
        in_force : mapping of str to array (k, B)
            Setpoints that held in the step. Travel counts from the second step on.
        """
        travel = self._travel(in_force)
        for c in CONSTRAINTS:
            value = np.atleast_2d(np.asarray(travel if c.flow == TRAVEL else getattr(flows, c.flow), np.float64))
            part = value if c.judge == "worst" else getattr(value, c.judge)(axis=0, keepdims=True)
            self.rows[c.name] = self.rows[c.name] + part if c.name in self.rows else part.copy()

    def sums(self) -> dict[str, Array]:
        """Use of every constraint so far, each ``(B,)`` [its unit]."""
        return {name: rows.max(axis=0) for name, rows in self.rows.items()}

    def _travel(self, in_force: Mapping[str, NDArray[Any]]) -> Array:
        """Full ranges that each row of each channel moved since the step before ``(R, B)``."""
        if not self.channels:
            return 0.0 * np.asarray(next(iter(in_force.values())), np.float64)[:1]
        now = {c.name: np.asarray(in_force[c.name], np.float64) for c in self.channels}
        before, self._before = self._before or now, now
        return np.concatenate([np.abs(now[c.name] - before[c.name]) / (c.high - c.low) for c in self.channels])


def allowed(c: Constraint, reference: ArrayLike, days: ArrayLike) -> Array:
    """What a policy may use where ``reference`` is used, over ``days``; the least of it where ``c.at_least``."""
    used, forgiven = np.asarray(reference, np.float64), c.allowance_per_day * np.asarray(days, np.float64)
    share = c.tolerance * np.abs(used)
    with np.errstate(invalid="ignore"):  # a reference that is not finite gives a bound that nothing keeps
        return used - share - forgiven if c.at_least else used + share + forgiven


def within_budget(c: Constraint, reference: float, safest: float, days: float) -> float:
    """The reference's use, at most the budget, or what the safest known policy needs: who runs away opens no gate."""
    return min(reference, max(c.budget_per_day * days, safest if c.spares_safest else 0.0))


def breaches(use: Mapping[str, ArrayLike], reference: Mapping[str, ArrayLike], days: ArrayLike) -> dict[str, Array]:
    """By how much each gate is broken, weighted; 0 where it is kept, infinite where use or bound is not finite.

    Parameters
    ----------
    use, reference : mapping of str to array
        By the names of ``GATES``; shapes that broadcast.
    days : array
        Length of the period that both were summed over.
    """
    found = {}
    for c in GATES:
        used, bound = np.asarray(use[c.name], np.float64), allowed(c, reference[c.name], days)
        finite = np.isfinite(used) & np.isfinite(bound)
        used, bound = (np.where(finite, values, 0.0) for values in (used, bound))
        over = (bound - used) / np.maximum(np.abs(bound), 1e-9) if c.at_least else used - bound
        found[c.name] = np.where(finite, np.maximum(c.weight * over, 0.0), np.inf)
    return found


def table() -> list[dict[str, str | float | bool | None]]:
    """The constraints as plain data, for reports, manifests and documents; an infinite budget is None, as in JSON."""
    rows = [asdict(c) for c in CONSTRAINTS]
    return [{key: None if value == float("inf") else value for key, value in row.items()} for row in rows]
