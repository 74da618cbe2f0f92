"""The task judges: named terms in USD from the plant's Flows, soft limits from one ``tolerance``, one scale.

Terms are costs (positive is worse); the reward is minus their sum over the scenario's scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.parameters import Parameters, parameter

Array = NDArray[np.floating]

GUESS = "engineering guess, see PHYSICS F7 and WORKLOAD 4c"

CLOSING_DELAY_H = 12.0  # wait expected of training that is put off; engineering guess
BATCH_SHARE_AT_RISK = 0.1  # of queued batch work that will miss its deadline; engineering guess
CLOSING_PRICE_USD_MWH = 60.0  # least price of energy taken from storage by the end; engineering guess
REFILL_LOSS = 1.15  # energy bought over energy that is missing: a round trip; engineering guess
STORED_HEAT_COP = 5.0  # electricity to remove a unit of heat left in the loops; engineering guess


@dataclass(frozen=True)
class RewardConfig(Parameters):
    """Prices of the reward's terms; a term with weight 0 is reported but does not count."""

    demand_charge_usd_kw_month: float = parameter(15.0, 0.0, 200.0, "USD/kW/month", "PHYSICS F7, 8-25")
    carbon_usd_t: float = parameter(20.0, 0.0, 1000.0, "USD/t", GUESS)
    water_usd_m3: float = parameter(4.0, 0.0, 100.0, "USD/m3", "PHYSICS F7, make-up")
    blowdown_usd_m3: float = parameter(2.0, 0.0, 100.0, "USD/m3", "PHYSICS F7, blowdown")
    interactive_lost_usd_h: float = parameter(3.0, 0.0, 100.0, "USD/accelerator-h", "WORKLOAD 4c")
    training_lost_usd_h: float = parameter(2.4, 0.0, 100.0, "USD/accelerator-h", "WORKLOAD 4c")
    training_delay_usd_h2: float = parameter(0.05, 0.0, 10.0, "USD/accelerator-h per h of delay", "WORKLOAD 4c")
    batch_lost_usd_h: float = parameter(1.2, 0.0, 100.0, "USD/accelerator-h", "WORKLOAD 4c")
    inlet_limit_c: float = parameter(27.0, 15.0, 45.0, "degC", "ASHRAE TC9.9 recommended, PHYSICS c")
    inlet_margin_k: float = parameter(5.0, 0.5, 20.0, "K", "27 soft to 32 hard (A1), PHYSICS c")
    inlet_usd_rack_h: float = parameter(10.0, 0.0, 1000.0, "USD per rack-hour at full excess", GUESS)
    ramp_limit_k_h: float = parameter(20.0, 1.0, 100.0, "K/h", "ASHRAE TC9.9, PHYSICS c")
    ramp_usd_h: float = parameter(2.0, 0.0, 1000.0, "USD per hour at full excess", GUESS)
    coolant_margin_k: float = parameter(3.0, 0.5, 20.0, "K", GUESS)
    coolant_usd_h: float = parameter(20.0, 0.0, 1000.0, "USD per hour at full excess", GUESS)
    branch_usd_kwh: float = parameter(5.0, 0.0, 1000.0, "USD per kWh over a limit", GUESS)
    trip_usd: float = parameter(200.0, 0.0, 1e6, "USD per trip", GUESS)
    dr_penalty_usd_kwh: float = parameter(1.0, 0.0, 100.0, "USD per kWh short", "PHYSICS F8, engineering guess")
    travel_usd: float = parameter(0.02, 0.0, 10.0, "USD per full range of actuator travel", GUESS)
    scale_usd: float = parameter(5.0, 0.01, 1e6, "USD that make a reward of -1", GUESS)


def tolerance(value: Array, limit: Array | float, margin: Array | float) -> Array:
    """1 up to ``limit``, falling smoothly to 0 at ``limit + margin`` and beyond (bounded: no quadratic tail).

    The shape is ``(1 - s)^2 (1 + 2 s)`` with ``s`` the share of the margin used: flat at both ends.
    """
    s = np.minimum(np.maximum((value - limit) / margin, 0.0), 1.0)
    share: Array = (1.0 - s) * (1.0 - s) * (1.0 + 2.0 * s)
    return share


@dataclass(frozen=True)
class Term:
    """One cost that an agent is paid for, in USD.

    Attributes
    ----------
    name : str
        Key of ``reward_weights`` and of the cost terms.
    meaning : str
        What is priced, in a line.
    prices : tuple of str
        Fields of `RewardConfig` that set it; empty where signals or fixed constants alone do.
    """

    name: str
    meaning: str
    prices: tuple[str, ...] = ()


TERMS: tuple[Term, ...] = (
    Term("energy", "grid energy less what the load signal asks of the racks, at the price of the hour"),
    Term("demand", "rise of the month's highest 15 min mean, for the episode's share of the month",
         ("demand_charge_usd_kw_month",)),
    Term("carbon", "carbon of the same energy", ("carbon_usd_t",)),
    Term("water", "water drawn, and water drained from the tower", ("water_usd_m3", "blowdown_usd_m3")),
    Term("work_lost", "work that was asked for and is never done",
         ("interactive_lost_usd_h", "training_lost_usd_h", "batch_lost_usd_h")),
    Term("work_delayed", "training and batch work that waits, charged when the wait begins and refunded when it ends",
         ("training_delay_usd_h2", "batch_lost_usd_h")),
    Term("demand_response", "energy above what an active event allows", ("dr_penalty_usd_kwh",)),
    Term("inlet", "inlets over their limit, summed over the racks",
         ("inlet_limit_c", "inlet_margin_k", "inlet_usd_rack_h")),
    Term("ramp", "rise or fall of the zones' worst inlet faster than its limit", ("ramp_limit_k_h", "ramp_usd_h")),
    Term("coolant", "coolant over its limit or under the dew point", ("coolant_margin_k", "coolant_usd_h")),
    Term("branch", "energy over a limit of the power chain", ("branch_usd_kwh",)),
    Term("trips", "breakers that trip and racks that shut themselves down", ("trip_usd",)),
    Term("travel", "travel of the agent's channels, in full ranges", ("travel_usd",)),
    Term("closing", "at the end: battery charge short of the start, heat left in the loops"),
)  # fmt: skip
TERM_NAMES = tuple(t.name for t in TERMS)


class PricedFlows(Protocol):
    """What of the plant's Flows is priced; ``(B,)`` but for the inlets ``(R, B)`` and work by class ``(K, B)``."""

    @property
    def grid_power_kw(self) -> Array: ...  # noqa: D102
    @property
    def reference_it_kw(self) -> Array: ...  # noqa: D102
    @property
    def makeup_kg(self) -> Array: ...  # noqa: D102
    @property
    def blowdown_kg(self) -> Array: ...  # noqa: D102
    @property
    def work_demanded(self) -> Array: ...  # noqa: D102
    @property
    def work_done(self) -> Array: ...  # noqa: D102
    @property
    def work_lost(self) -> Array: ...  # noqa: D102
    @property
    def backlog(self) -> Array: ...  # noqa: D102
    @property
    def rack_inlet_max_c(self) -> Array: ...  # noqa: D102
    @property
    def inlet_limit_c(self) -> Array: ...  # noqa: D102
    @property
    def inlet_allowable_c(self) -> Array: ...  # noqa: D102
    @property
    def coolant_excess_k(self) -> Array: ...  # noqa: D102
    @property
    def limit_excess_kwh(self) -> Array: ...  # noqa: D102
    @property
    def trips(self) -> Array: ...  # noqa: D102


@dataclass(frozen=True)
class PricingInputs:
    """What the environment knows beside the plant's Flows when it prices a step; all ``(B,)``."""

    price_usd_mwh: Array
    carbon_g_kwh: Array
    demand_cost_usd: Array
    demand_response_short_kwh: Array
    travel_ranges: Array
    inlet_ramp_k_h: Array


def terms(config: RewardConfig, flows: PricedFlows, judged: PricingInputs, step_h: float) -> dict[str, Array]:
    """Cost terms [USD] of one step, each ``(B,)``; ``closing`` is charged at an episode's end by ``closing_cost``.

    Energy is grid energy less what the load signal asks of the racks (the agent cannot change that part), at the
    price of the hour.
    """
    c = config
    grid_kwh = (flows.grid_power_kw - flows.reference_it_kw) * step_h
    hot = 1.0 - tolerance(flows.rack_inlet_max_c, flows.inlet_limit_c, flows.inlet_allowable_c - flows.inlet_limit_c)
    return {
        "energy": grid_kwh * judged.price_usd_mwh * 1e-3,
        "demand": judged.demand_cost_usd,
        "carbon": grid_kwh * judged.carbon_g_kwh * (c.carbon_usd_t * 1e-6),
        "water": flows.makeup_kg * (c.water_usd_m3 * 1e-3) + flows.blowdown_kg * (c.blowdown_usd_m3 * 1e-3),
        "work_lost": work_lost_cost(c, flows),
        "work_delayed": work_delayed_cost(c, flows, step_h),
        "demand_response": judged.demand_response_short_kwh * c.dr_penalty_usd_kwh,
        "inlet": hot.sum(axis=0) * (c.inlet_usd_rack_h * step_h),
        "ramp": (1.0 - tolerance(judged.inlet_ramp_k_h, c.ramp_limit_k_h, c.ramp_limit_k_h)) * (c.ramp_usd_h * step_h),
        "coolant": (1.0 - tolerance(flows.coolant_excess_k, 0.0, c.coolant_margin_k)) * (c.coolant_usd_h * step_h),
        "branch": flows.limit_excess_kwh * c.branch_usd_kwh,
        "trips": flows.trips * c.trip_usd,
        "travel": judged.travel_ranges * c.travel_usd,
    }


class LostWork(Protocol):
    """What says how much work was lost, by class ``(K, B)`` [accelerator-h]."""

    @property
    def work_lost(self) -> Array: ...  # noqa: D102


def work_lost_cost(config: RewardConfig, flows: LostWork) -> Array:
    """Cost [USD] of work lost in the step, by class (WORKLOAD 4c)."""
    pre, fine, prefill, decode, batch, cpu = (flows.work_lost[k] for k in range(6))
    cost: Array = (
        (pre + fine) * config.training_lost_usd_h
        + (prefill + decode + cpu) * config.interactive_lost_usd_h
        + batch * config.batch_lost_usd_h
    )
    return cost


def work_delayed_cost(config: RewardConfig, flows: PricedFlows, step_h: float) -> Array:
    """Cost [USD] of work that waits (WORKLOAD 4c).

    Work that begins to wait is charged at once for the wait that is expected of it, and what is caught up is
    refunded. Over an episode this sums to the price of what still waits at its end, but an agent meets it in the
    step that caused it.
    """
    waiting = flows.backlog[0] + flows.backlog[1]
    deferred = flows.work_demanded - flows.work_done - flows.work_lost
    training = (deferred[0] + deferred[1]) * (config.training_delay_usd_h2 * CLOSING_DELAY_H)
    queued = deferred[4] * (BATCH_SHARE_AT_RISK * config.batch_lost_usd_h)
    cost: Array = waiting * (config.training_delay_usd_h2 * step_h) + training + queued
    return cost


def refill_price(site_price_usd_mwh: Array) -> Array:
    """Price [USD/kWh] of energy that an episode took from storage, by the site's mean price, carbon included."""
    price: Array = np.maximum(site_price_usd_mwh * REFILL_LOSS, CLOSING_PRICE_USD_MWH) * 1e-3
    return price


def closing_cost(battery_kwh: Array, heat_kwh: Array, refill_usd_kwh: Array) -> Array:
    """Cost [USD] of what an episode leaves: battery charge short, heat left in the loops.

    Waiting work is priced by ``work_delayed_cost``. Only what is missing costs; a surplus earns nothing, or charging
    and overcooling in the last hours would pay.

    Parameters
    ----------
    battery_kwh, heat_kwh : ndarray (B,)
        Battery energy and heat above the start [kWh].
    refill_usd_kwh : ndarray (B,)
        From ``refill_price``.
    """
    short: Array = np.maximum(heat_kwh, 0.0) / STORED_HEAT_COP + np.maximum(-battery_kwh, 0.0)
    return short * refill_usd_kwh


def total_cost(term_values: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Weighted sum of the terms ``(B,)`` [USD]: what the agent is paid for, with its sign turned."""
    cost: Array | float = 0.0
    for name, value in term_values.items():
        weight = float(weights.get(name, 1.0))
        cost = cost + value if weight == 1.0 else cost + value * weight
    return cost if isinstance(cost, np.ndarray) else np.asarray(cost)


def total(term_values: Mapping[str, Array], weights: Mapping[str, float], scale_usd: float) -> Array:
    """Reward ``(B,)``: minus the weighted sum of the terms over ``scale_usd``."""
    reward: Array = total_cost(term_values, weights) * (-1.0 / scale_usd)
    return reward


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise a ValueError where a weight names a term that does not exist or is negative."""
    for name, weight in weights.items():
        if name not in TERM_NAMES:
            raise ValueError(f"reward term {name!r} is unknown; the terms are {TERM_NAMES}")
        if not float(weight) >= 0.0:
            raise ValueError(f"reward weight {name} = {weight} is negative; give 0 to leave a term out")
