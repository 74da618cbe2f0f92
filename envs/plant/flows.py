"""What the plant answers with: one flat tuple of a control step. The KPIs and the task know nothing else."""

from __future__ import annotations

from typing import NamedTuple

from envs.physics.namespace import Array

#: Consumers of cooling power, in the order in which they are added up, and the kind that a figure shows them as.
COOLING_POWER = {
    "crah_fan_power_kw": "room fans",
    "chiller_power_kw": "chillers and DX",
    "dx_power_kw": "chillers and DX",
    "chw_pump_power_kw": "pumps",
    "cw_pump_power_kw": "pumps",
    "tower_fan_power_kw": "towers and dry coolers",
    "basin_heater_power_kw": "towers and dry coolers",
    "dry_cooler_fan_power_kw": "towers and dry coolers",
    "fws_pump_power_kw": "pumps",
    "tcs_pump_power_kw": "pumps",
    "humidifier_power_kw": "humidifier",
}
#: Losses between the grid and the racks.
ELECTRICAL_LOSSES = ("pdu_loss_kw", "ups_loss_kw", "transformer_loss_kw")
#: Water of a step; a sub-step has the rate of each, ``<name>_s`` [kg/s].
WATER = ("makeup_kg", "evaporation_kg", "blowdown_kg", "drift_kg")
#: Useful work by class.
WORK = ("work_demanded", "work_done", "work_lost")


class Flows(NamedTuple):
    """One control step of B sites; ``(B,)`` unless said. Powers are means [kW], masses and energies sums."""

    # power drawn
    facility_power_kw: Array
    grid_power_kw: Array
    it_power_kw: Array
    accelerator_power_kw: Array
    server_fan_power_kw: Array
    psu_loss_kw: Array
    crah_fan_power_kw: Array
    chiller_power_kw: Array
    dx_power_kw: Array
    chw_pump_power_kw: Array
    cw_pump_power_kw: Array
    tower_fan_power_kw: Array
    basin_heater_power_kw: Array  # of idle tower cells in frost
    dry_cooler_fan_power_kw: Array
    fws_pump_power_kw: Array
    tcs_pump_power_kw: Array
    humidifier_power_kw: Array
    lighting_power_kw: Array
    pdu_loss_kw: Array
    ups_loss_kw: Array
    transformer_loss_kw: Array
    battery_power_kw: Array
    battery_loss_kw: Array
    swing_kw: Array  # from trough to crest within seconds, at the UPS
    cooling_power_kw: Array  # all that moves heat, room fans included, server fans not
    reference_it_kw: Array  # what the load signal asks of the racks at a cool inlet: outside the agent's reach
    # water of the step, in kg
    evaporation_kg: Array
    blowdown_kg: Array
    drift_kg: Array
    makeup_kg: Array
    # work by class (K, B) [accelerator-h]
    work_demanded: Array
    work_done: Array
    work_lost: Array
    backlog: Array
    # limits
    worst_inlet_c: Array
    inlet_limit_c: Array  # recommended, at the site's height
    inlet_allowable_c: Array
    rack_inlet_max_c: Array  # (R, B), highest of the sub-steps
    zone_inlet_max_c: Array  # (Z, B), at the end
    inlet_excess_degree_minutes: Array  # (R, B), over the limit, at the rack's top
    coolant_excess_k: Array  # supply over its limit or under the dew point
    tcs_excess_degree_minutes: Array
    trips: Array
    limit_excess_kwh: Array
    overload_kwh: Array  # over a limit where neither a breaker's memory nor a meter's mean forgives it
    capper_active_s: Array
    # ledgers
    heat_rejected_kw: Array
    energy_residual_kw: Array
    water_residual_kg: Array
    # temperatures, positions and loads at the end of the step
    rack_inlet_c: Array  # (R, B), warmest of the rack: at its top
    rack_inlet_mean_c: Array  # (R, B)
    rack_power_kw: Array  # (R, B)
    rack_demand_kw: Array  # (R, B)
    chip_max_c: Array
    zone_supply_c: Array  # (Z, B)
    zone_return_c: Array  # (Z, B)
    zone_fan_speed_frac: Array  # (Z, B)
    zone_air_supply_frac: Array  # (Z, B), air supplied over the air that the racks draw
    zone_aisle_pressure_pa: Array  # (Z, B)
    coil_valve_frac: Array  # (Z, B)
    room_dew_point_c: Array
    chw_supply_c: Array
    chw_return_c: Array
    chw_mode: Array
    chiller_plr_frac: Array
    chillers_running: Array
    cw_supply_c: Array
    tower_fan_speed_frac: Array
    fws_supply_c: Array
    dry_cooler_fan_speed_frac: Array
    tcs_supply_c: Array
    tcs_return_c: Array
    cdu_valve_frac: Array
    row_power_kw: Array  # (P, B), racks of the row
    row_demand_kw: Array  # (P, B)
    ups_power_kw: Array
    breaker_memory_frac: Array
    capper_engaged: Array
    rack_down_frac: Array
    restart_frac: Array
    battery_soc_frac: Array
