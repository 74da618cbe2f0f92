"""What the air of the zones is made of: its state, its balance, its flows, what it meets outside."""

from __future__ import annotations

from typing import NamedTuple

from envs.physics.namespace import Array


class AirState(NamedTuple):
    """State of the zones, each ``(Z, B)``: temperatures [degC], humidity ratio [kg/kg], fan speed and valve [0..1]."""

    hot_c: Array
    supply_c: Array
    humidity_ratio: Array
    fan_speed_frac: Array
    valve_frac: Array
    fabric_c: Array  # slab and walls, which hold the heat of hours


class AirBalance(NamedTuple):
    """Air flows of the zones, each ``(Z, B)``.

    ``coil_kg_s`` passes the running units, ``supply_kg_s`` of it reaches the aisle (the rest leaks back through stopped
    units), ``direct_kg_s`` the racks, which draw ``drawn_kg_s``; ``bypass_kg_s = coil -
    direct`` returns unused. ``phi`` is the recirculated share of the racks' air [0..1], ``dp_pa`` the aisle pressure
    proxy.
    """

    supply_kg_s: Array
    drawn_kg_s: Array
    direct_kg_s: Array
    bypass_kg_s: Array
    phi: Array
    dp_pa: Array
    coil_kg_s: Array
    fan_speed_frac: Array
    running: Array


class AirFlows(NamedTuple):
    """What the zones exchanged over a step (means), each ``(Z, B)``; supply and valve are those at its end."""

    fan_power_kw: Array
    coil_sensible_kw: Array
    coil_latent_kw: Array
    condensate_kg_s: Array
    humidifier_power_kw: Array
    humidifier_water_kg_s: Array
    water_flow_kg_s: Array
    valve_frac: Array
    return_c: Array
    supply_c: Array
    supply_rise_k: Array  # over the sub-step
    hot_rise_k: Array  # mean of the sub-step over its start
    outdoor_heat_kw: Array  # that leaves with the outdoor air that leaks through; below 0 where it is hotter outside


class OutdoorAir(NamedTuple):
    """Air outside a building, each ``(B,)``: [degC] and [kg/kg]."""

    dry_bulb_c: Array
    humidity_ratio: Array


class HeatResponse(NamedTuple):
    """How the racks' heat falls when the air they breathe warms, each ``(Z, B)`` [kW/K]; made by `heat_response`."""

    per_supply_kw_k: Array
    per_hot_kw_k: Array
