"""What every measured point is where EnergyPlus is the plant: read from it, worked out by us, or at rest."""

from __future__ import annotations

READ = "read from EnergyPlus, the mean of the step"
WORKED_OUT = "our formula on what EnergyPlus reads"
OURS = "our racks and power chain under the same load, at EnergyPlus's air and powers"
SIGNAL = "a signal of the site, the same for both plants"
AT_REST = "a constant: EnergyPlus's hall has no such machine or timer"

ORIGINS: dict[str, str] = {
    **dict.fromkeys(
        (
            "zone_supply_c", "zone_return_c", "chw_supply_c", "chiller_plr_frac", "cw_supply_c",
            "tower_fan_speed_frac",
        ),
        READ,
    ),
    **dict.fromkeys(
        (
            "rack_inlet_c", "zone_inlet_max_c", "zone_fan_speed_frac", "zone_aisle_pressure_pa", "coil_valve_frac",
            "zone_air_supply_frac", "room_dew_point_c", "chw_return_c", "chillers_running", "economizer_on",
        ),
        WORKED_OUT,
    ),
    **dict.fromkeys(
        (
            "chip_max_c", "it_power_share", "facility_power_share", "row_power_share", "row_demand_share",
            "feeder_load_frac", "breaker_memory_frac", "capper_engaged", "rack_down_frac", "restart_frac",
            "backlog_training_h", "backlog_batch_h", "batch_ahead_h", "battery_soc_frac", "billing_peak_share",
            "demand_window_share", "demand_window_elapsed_frac",
        ),
        OURS,
    ),
    **dict.fromkeys(
        (
            "dry_bulb_c", "wet_bulb_c", "price_usd_mwh", "carbon_g_kwh", "dr_active", "dr_reduction_frac",
            "dr_announced_frac", "dr_starts_in_h", "dr_ends_in_h", "site_elevation_m", "hour_sin", "hour_cos",
            "week_sin", "week_cos", "forecast_wet_bulb_1h_c", "forecast_wet_bulb_4h_c", "forecast_price_4h_usd_mwh",
        ),
        SIGNAL,
    ),
    **dict.fromkeys(("economizer_hold_frac", "chiller_hold_frac", "tower_cells_running", "tower_hold_frac"), AT_REST),
}  # fmt: skip

LIMITS = (
    "Cooling is EnergyPlus's: fans, coil, chiller, pumps, tower, water, room air.",
    "IT power, power chain, lights and the ledger of work are ours, driven by EnergyPlus's air. It has no such "
    "machines, and one load meets both plants.",
    "EnergyPlus's room is one well-mixed node. No aisle recirculates and no air leaks past the racks, so inlets are "
    "kinder than ours. Degree-minutes in EnergyPlus say whether supply air was held, not whether an aisle was.",
    "Readings are means of the last five minutes, not ends. Racks breathe the supply of the step before. So the "
    "largest energy residual of a step is no fault of a ledger there, as it is in ours.",
    "No moisture enters from outside and no humidifier runs. Controllers read a dew point no lower than ours holds.",
    "Walls store no heat, and the tower's cells run as one.",
)


def origin_lines() -> list[str]:
    """Lines of a page that say which point is what, and what EnergyPlus's hall lacks."""
    lines = ["## What is whose", ""]
    for origin in (READ, WORKED_OUT, OURS, SIGNAL, AT_REST):
        names = ", ".join(f"`{name}`" for name, kind in ORIGINS.items() if kind == origin)
        lines.append(f"- {origin[0].upper()}{origin[1:]}: {names}.")
    lines += ["- Setpoints in force (`in_force.*`): what was sent; the same slew limits as in ours.", ""]
    return [*lines, *(f"- {limit}" for limit in LIMITS)]
