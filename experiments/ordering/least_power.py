"""The least power at which racks can run jobs: what no order, no cap and no cooling can get below.

Every term is the plant's own law (PHYSICS B1, B4, B6, B7, F1, F2) at its cheapest: chips as cool as the coldest air and
coolant leave them, server fans at idle speed, power supplies at their best point, cooling for nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.equipment.power_chain import PowerChain, transformer_loss_kw, ups_loss_kw
from envs.equipment.rack_archetypes import RackArchetype, psu_loss_lines
from envs.equipment.rack_chips import LEAKAGE_REFERENCE_C
from envs.equipment.throughput import POWER_SHARE, class_curve
from envs.scenario import Scenario
from envs.scenario.rack_group import archetype_of
from envs.scheduling.job_table import Floats

COLDEST_C = 15.0  # air and coolant: the end of the fans' law (PHYSICS B7), below every setpoint that may be asked
_W_PER_KW = 1000.0
_BISECTIONS = 60


class RackPool(NamedTuple):
    """Racks of one kind that jobs may hold.

    Attributes
    ----------
    accelerators : int
        Of one rack.
    racks : int
    archetype : RackArchetype
    """

    accelerators: int
    racks: int
    archetype: RackArchetype

    @property
    def total(self) -> int:
        """Accelerators of all."""
        return self.accelerators * self.racks


def rack_pools(scenario: Scenario) -> tuple[RackPool, ...]:
    """Racks that jobs may hold, by kind, the largest first."""
    found: dict[int, RackPool] = {}
    for group in scenario.racks.values():
        if group.workload == "shared":
            kind = archetype_of(group)
            size = int(np.max(kind.accelerators))
            there = found.get(size)
            found[size] = RackPool(size, group.count + (there.racks if there else 0), kind)
    return tuple(found[size] for size in sorted(found, reverse=True))


def supply_factor(kind: RackArchetype) -> float:
    """Least input of a rack's power supplies over their output: their best point [1]."""
    load, (intercepts, slopes) = np.asarray(kind.psu_load_frac), psu_loss_lines(kind)
    output = load * kind.psu_rated_kw
    loss = (np.asarray(intercepts)[:, None] + np.asarray(slopes)[:, None] * output).max(axis=0)
    return float(1.0 + (loss / output).min())


def idle_rack_kw(kind: RackArchetype) -> float:
    """Least input of a powered rack on which nothing runs [kW]: base, idle accelerators, fans at idle speed."""
    chips = kind.accelerators * kind.accelerator_idle_frac * kind.accelerator_tdp_kw
    fans = kind.fan_max_frac * kind.air_rated_kw * kind.fan_idle_speed_frac**3
    return float((kind.base_power_kw + kind.cpu_idle_kw + chips + fans) * supply_factor(kind))


def working_points(kind: RackArchetype, index: int, flow_frac: float) -> tuple[Floats, Floats]:
    """Throughput under a cap ``(M,)`` and what it draws more than an idle accelerator, at least ``(M,)`` [kW].

    Parameters
    ----------
    kind : RackArchetype
    index : int
        Class of work.
    flow_frac : float
        Most coolant over its design flow.

    Notes
    -----
    The corners of the throughput curve (PHYSICS B4) from its best ratio of work to power up; below it a mix with idle
    accelerators does more. With chips at ``T = T_min + R rho P``::

        draw = rho P + L (T - 60) - P_idle          L the leakage per K (PHYSICS B6)
    """
    rho, work = class_curve(index, kind.accelerator_idle_frac, kind.cap_points)
    full = POWER_SHARE[index] * kind.accelerator_tdp_kw
    leak = kind.leakage_frac * kind.leakage_per_k * kind.accelerator_tdp_kw
    chip_c = COLDEST_C + least_resistance_k_kw(kind, flow_frac) * rho * full
    draw = rho * full + leak * (chip_c - LEAKAGE_REFERENCE_C)
    more = np.maximum(draw - kind.accelerator_idle_frac * kind.accelerator_tdp_kw, 1e-6) * supply_factor(kind)
    best = int((work[1:] / more[1:]).argmax()) + 1
    return work[best:], more[best:]


def least_resistance_k_kw(kind: RackArchetype, flow_frac: float) -> float:
    """Least thermal resistance from a working chip to its air or coolant [K/kW] (PHYSICS B7, D5)."""
    if kind.liquid_share_frac == 0.0:
        design = kind.fan_idle_speed_frac + kind.fan_load_speed_frac + kind.fan_chip_speed_frac
        film = kind.sink_film_frac * np.sqrt(min(design, 1.0))
        return float(kind.chip_resistance_k_w * (1.0 - kind.sink_film_frac + film) * _W_PER_KW)
    plate = kind.chip_resistance_k_w / np.sqrt(max(flow_frac, 1.0))
    return float((kind.interface_resistance_k_w + plate) * _W_PER_KW)


def racks_kw(scenario: Scenario, cooling_kw: Floats) -> Floats:
    """Most that all racks may draw at their inputs under the limits of UPS and utility ``(T,)`` [kW].

    Parameters
    ----------
    scenario : Scenario
    cooling_kw : ndarray (T,)
        What cooling draws, on either side of the UPS [kW]; 0 for a bound.

    Notes
    -----
    The losses of busways, UPS and transformer rise with what passes, so the most is found by halving. Busways lose
    least where each row carries its share of the limits: ``loss = c X^2 / sum of limits``.
    """
    power = scenario.power
    low, high = np.zeros_like(cooling_kw), np.full_like(cooling_kw, power.ups_limit_kw)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        fits = _needs_kw(power, middle, cooling_kw)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return high


def _needs_kw(power: PowerChain, racks: Floats, cooling_kw: Floats) -> np.ndarray:
    ups = racks + racks * racks * (power.pdu_loss_frac / float(np.sum(power.row_limit_kw)))
    behind = ups + np.asarray(ups_loss_kw(power, ups)) + cooling_kw + power.lighting_kw
    grid = behind + np.asarray(transformer_loss_kw(power, behind))
    return np.asarray((ups <= power.ups_limit_kw) & (grid <= power.utility_limit_kw))


def most_flow_frac(scenario: Scenario) -> float:
    """Most coolant over its design flow: all units of a hall that is designed for those that run."""
    coolant = scenario.coolant
    return 1.0 if coolant is None else float(coolant.cdus) / float(coolant.cdus_running)
