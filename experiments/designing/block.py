"""The hall that a design means: a block of eight racks of one kind, with cooling and power sized for it.

What the designs of one batch share stands in the scenario as numbers; what differs stands in it as arrays ``(n,)``.
Sizes are those of the shipped halls by the kilowatt of heat they were drawn for (SCENARIOS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.outdoor_reset import OutdoorReset
from envs.equipment.air_side import AirZone
from envs.equipment.chilled_water import ChilledWater
from envs.equipment.cooling_tower import CoolingTower
from envs.equipment.dry_cooler import DryCooler
from envs.equipment.liquid_loop import CoolantDistribution, FacilityWater
from envs.equipment.power_chain import PowerChain
from envs.scenario import Rules, Scenario, load
from envs.scenario.rack_group import RackGroup, archetype_of
from experiments.designing.variables import PLANTS, RACKS, Floats

#: Numbers, or arrays with a value for each site, where machines declare a number.
Numbers = Any
RACKS_OF_BLOCK = 8
UPS_MARGIN = 1.15  # firm UPS power over what the racks may draw
UPS_UNITS_DUTY = 4
BUFFER_RISE_K = 5.0
#: Group of a shipped scenario whose rack each kind is.
RACK_OF = {
    "air_34": ("ai_hall", "r3_shared"),
    "liquid_120": ("ai_hall", "r1"),
    "liquid_190": ("hot_water_hall", "train_190"),
    "liquid_600": ("hot_water_hall", "train_600"),
}
TCS_LIMIT_C = {"liquid_120": 45.0, "liquid_190": 50.0, "liquid_600": 50.0}  # SCENARIOS ai_hall, hot_water_hall
_CHILLED_RANGE = {"chw_supply_temp_setpoint_c": [8.0, 26.0]}
_LIQUID_RANGES = {"fws_supply_temp_setpoint_c": [15.0, 44.0], "tcs_supply_temp_setpoint_c": [20.0, 48.0]}
_ROW = ("frontier", "frontier", "conv", "code")  # work of the four groups of two racks


class Sizes(NamedTuple):
    """What a block is sized by and what it costs by; each ``(n,)``, kW of heat or as named."""

    it_kw: Floats
    liquid_kw: Floats
    air_kw: Floats
    rejection_kw: Floats
    chiller_kw: Floats
    ups_kw: Floats
    ups_firm_kw: Floats
    buffer_m3: Floats
    cdu_ua_kw_k: Floats


def rack_group(kind: str) -> RackGroup:
    """The rack of a kind."""
    scenario, group = RACK_OF[kind]
    return _shipped(scenario).racks[group]


@lru_cache(maxsize=4)
def _shipped(name: str) -> Scenario:
    return load(name)


def structure(designs: Mapping[str, Floats]) -> NDArray[np.int64]:
    """Number of what cannot be an array, ``(n,)``: designs of one number run as one batch."""
    return (designs["rack"] * len(PLANTS) + designs["plant"]).astype(np.int64)


def sizes(designs: Mapping[str, Floats]) -> Sizes:
    """Sizes of designs of any structure."""
    peaks = np.array([float(archetype_of(rack_group(kind)).peak_kw) for kind in RACKS])
    rack = designs["rack"].astype(int)
    it = peaks[rack] * RACKS_OF_BLOCK
    liquid = np.where(rack > 0, designs["liquid_frac"], 0.0) * it
    towers = designs["plant"] > 0
    electrical = 0.03 * it  # loss of the UPS at half load, and of the busways
    air = it - liquid + electrical
    units = np.array([UPS_UNITS_DUTY, UPS_UNITS_DUTY + 1, 2 * UPS_UNITS_DUTY])[designs["ups"].astype(int)]
    firm = UPS_MARGIN * it
    heat = designs["rejection_size"] * (liquid + np.where(towers, 1.15 * air, 0.0))
    buffered = (liquid + air) * designs["buffer_min"] * 60.0 / (4186.0 * BUFFER_RISE_K)
    return Sizes(
        it, liquid, air, heat, designs["chiller_size"] * air, units * firm / UPS_UNITS_DUTY, firm, buffered,
        np.where(rack > 0, 1.23 * liquid / designs["cdu_approach_k"], 0.0),
    )  # fmt: skip


def block(designs: Mapping[str, Floats], climate: str, name: str) -> Scenario:
    """Scenario of designs of one structure; of a single one with numbers instead of arrays.

    Parameters
    ----------
    designs : mapping
        ``{variable: (n,)}``.
    climate : str
        Embedded climate, or path of a weather file.
    name : str
    """
    one = len(designs["rack"]) == 1
    d = {key: float(v[0]) if one else np.asarray(v, np.float32) for key, v in designs.items()}
    found = sizes(designs)
    s: Numbers = Sizes._make(float(x[0]) if one else np.asarray(x, np.float32) for x in found)
    rack, plant = RACKS[int(designs["rack"][0])], PLANTS[int(designs["plant"][0])]
    liquid = rack != RACKS[0]
    it_kw = float(found.it_kw[0])
    chilled_m3 = s.buffer_m3 * (s.air_kw / (s.air_kw + s.liquid_kw))
    base = _shipped("ai_hall")
    return replace(
        base,
        name=name,
        expected_peak_kw=1.4 * it_kw,
        racks=_racks(rack, d),
        zones={"hall": _zone(s, it_kw)},
        coolant=_coolant(rack, s) if liquid else None,
        facility_water=_facility_water(plant, s, s.buffer_m3 - chilled_m3) if liquid else None,
        chilled_water=_chilled_water(plant, s, chilled_m3),
        tower=_tower(s) if plant != PLANTS[0] else None,
        dry_cooler=_dry_cooler(s, d) if liquid and plant == PLANTS[0] else None,
        battery=None,
        power=_power(s, designs["ups"] if not one else designs["ups"][:1], it_kw, one),
        site=replace(base.site, climates=[climate], workload_weeks=2, workload_seeds=[0]),
        rules=_rules(base.rules, d),
        agent_channels=["rack_power_limit_frac"],
        encodings={},
        channel_ranges={**_CHILLED_RANGE, **(_LIQUID_RANGES if liquid else {})},
        legacy_setpoints={},
        reach_frac={},
    )  # fmt: skip


def _racks(kind: str, d: Mapping[str, Any]) -> dict[str, RackGroup]:
    like = rack_group(kind)
    own = {"liquid_share_frac": d["liquid_frac"]} if kind != RACKS[0] else {}
    peak = float(archetype_of(like).peak_kw)
    return {
        f"racks_{k}": replace(
            like, count=RACKS_OF_BLOCK // len(_ROW), zone=0, row=k // 2, workload=work,
            priority=2 * (work != "frontier"), breaker_kw=round(1.2 * peak, 1), overrides={**like.overrides, **own},
        )
        for k, work in enumerate(_ROW)
    }  # fmt: skip


def _zone(s: Numbers, it_kw: float) -> AirZone:
    """Three units on duty of four; each as zone A's of ai_hall by the heat that it takes."""
    share = s.air_kw / 3.0
    flow: Numbers = np.maximum(0.0601 * 1.3 * share, 0.2)
    racks_flow: Numbers = np.maximum(0.0601 * s.air_kw, 0.2)
    return AirZone(
        crah_units=4, crah_running=3, unit_flow_m3_s=flow, fan_kw=0.646 * flow, coil_ua_kw_k=0.20 * share,
        coil_water_kg_s=0.03 * share, leakage_frac=0.03, it_flow_m3_s=racks_flow,
        hot_aisle_kj_k=25.0 * RACKS_OF_BLOCK, plenum_kj_k=150.0, air_volume_m3=135.0,
    )  # fmt: skip


def _coolant(kind: str, s: Numbers) -> CoolantDistribution:
    return CoolantDistribution(
        cdus=4, cdus_running=3, ua_kw_k=s.cdu_ua_kw_k / 3.0, tcs_flow_lpm=1.5 * s.liquid_kw,
        stored_litres=1.0 * s.liquid_kw, tcs_limit_c=TCS_LIMIT_C[kind],
    )  # fmt: skip


def _facility_water(plant: str, s: Numbers, buffer_m3: Numbers) -> FacilityWater:
    towers = plant != PLANTS[0]
    return FacilityWater(
        flow_kg_s=s.liquid_kw / 41.8, pumps_running=2, volume_m3=0.0064 * s.liquid_kw + buffer_m3,
        pump_dp_kpa=150.0 if towers else 250.0, exchanger_ua_kw_k=0.256 * s.liquid_kw if towers else 0.0,
        cw_design_kg_s=0.0294 * s.liquid_kw,
    )  # fmt: skip


def _chilled_water(plant: str, s: Numbers, buffer_m3: Numbers) -> ChilledWater:
    return ChilledWater(
        machine="F" if plant == PLANTS[0] else "B", chillers_installed=3, chillers_duty=2,
        nominal_capacity_kw=s.chiller_kw / 2.0, pumps_duty=2, pump_flow_m3_s=1.8e-5 * s.air_kw,
        loop_volume_m3=0.5 + 0.0076 * s.air_kw + buffer_m3, economizer=plant == PLANTS[2],
        economizer_design_kw=s.air_kw,
    )  # fmt: skip


def _tower(s: Numbers) -> CoolingTower:
    """Two cells on duty of three, as ai_hall's by the heat of its design day."""
    ratio = s.rejection_kw / 1598.0
    return CoolingTower(
        cell_nominal_kw=850.0 * ratio, cell_water_kg_s=36.5 * ratio, cell_fan_kw=8.9 * ratio,
        cell_air_kg_s=23.0 * ratio, pump_flow_l_s=30.0 * ratio, cell_basin_m3=3.0 * ratio, loop_m3=2.0 * ratio,
    )  # fmt: skip


def _dry_cooler(s: Numbers, d: Mapping[str, Any]) -> DryCooler:
    """Three units, as liquid_hall's by the heat that each has there; without pads these cool nothing."""
    ratio = s.rejection_kw / 2352.0
    return DryCooler(
        units=3, ua_kw_k=607.5 * ratio, water_kw_k=527.0 * ratio, air_kw_k=527.0 * ratio, fan_kw=117.7 * ratio,
        pad_effectiveness=0.85 * d["pad"],
    )  # fmt: skip


def _power(s: Numbers, ups: Floats, it_kw: float, one: bool) -> PowerChain:
    units = np.array([UPS_UNITS_DUTY, UPS_UNITS_DUTY + 1, 2 * UPS_UNITS_DUTY])[ups.astype(int)]
    firm = UPS_MARGIN * it_kw
    return PowerChain(
        ups_units=int(units[0]) if one else units.astype(np.float32), ups_unit_kw=firm / UPS_UNITS_DUTY,
        ups_limit_kw=firm * (1.0 - 1e-6), pdu_loss_frac=0.005, transformer_kva=1.7 * it_kw,
        lighting_kw=4.0, row_limit_kw=[0.6 * it_kw, 0.6 * it_kw], utility_limit_kw=2.0 * it_kw,
    )  # fmt: skip


def _rules(rules: Rules, d: Mapping[str, Any]) -> Rules:
    """Water at the design's temperatures; fans and supply air by the building's rules."""
    held = d["chw_supply_c"]
    return replace(
        rules,
        chilled_water=replace(rules.chilled_water, low=held, high=held, start=held),
        tcs_setpoint_c=d["tcs_supply_c"],
        fws_setpoint_c=d["tcs_supply_c"] - d["cdu_approach_k"],
        outdoor=OutdoorReset(),
    )
