"""The one table of points: what an agent and the building's rules see of a site, with fixed ranges.

The plant's instruments, the observation, the exported manifest and the page ``docs/reference/points.md`` read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from envs.interface.channel import Channel

RULE = "rule."  # before the name of a channel: what the building's rule would set there


@dataclass(frozen=True)
class Point:
    """One measured quantity.

    Attributes
    ----------
    name : str
        Physical name, ending in its unit.
    per : str
        ``site``, ``zone``, ``row`` (power rows) or ``rack``.
    low, high : float
        Fixed range that maps to -1..1; values beyond it are clipped in the observation only.
    unit : str
        Unit of the value.
    meaning : str
        What it is, in a line.
    sensor : str
        Kind of sensor noise: ``temperature``, ``power``, ``flow``, ``fraction`` or ``exact``.
    needs : str
        A key of `envs.interface.channel.NEEDS`; empty where every site has it.
    observed : bool
        Whether the agent's observation carries it (controllers receive every point).
    symbol : str
        Symbol of the equations; empty where none is in use.
    guideline_36 : str
        Term of ASHRAE Guideline 36; empty where none fits.
    brick : str
        Class of the Brick schema; empty where none fits.
    rows : int
        Number of rows once bound to a scenario.
    """

    name: str
    per: str
    low: float
    high: float
    unit: str
    meaning: str = ""
    sensor: str = "exact"
    needs: str = ""
    observed: bool = True
    symbol: str = ""
    guideline_36: str = ""
    brick: str = ""
    rows: int = 0


POINTS: tuple[Point, ...] = (
    Point("rack_inlet_c", "rack", 10.0, 45.0, "degC", "warmest air at the inlet of each rack: at its top",
          sensor="temperature",
          observed=False, symbol="T_in", brick="Intake_Air_Temperature_Sensor"),
    Point("zone_inlet_max_c", "zone", 10.0, 45.0, "degC", "warmest rack inlet of the zone", sensor="temperature",
          symbol="T_in,max", guideline_36="worst inlet of the zone", brick="Max_Air_Temperature (derived)"),
    Point("zone_supply_c", "zone", 8.0, 40.0, "degC", "air that the zone's room units blow", sensor="temperature",
          symbol="T_sat", guideline_36="supply air temperature", brick="Supply_Air_Temperature_Sensor"),
    Point("zone_return_c", "zone", 15.0, 60.0, "degC", "air that comes back to the zone's room units",
          sensor="temperature", symbol="T_rat", guideline_36="return air temperature",
          brick="Return_Air_Temperature_Sensor"),
    Point("zone_fan_speed_frac", "zone", 0.0, 1.0, "1", "speed of the zone's room units, as a share of full speed",
          symbol="n_fan", guideline_36="supply fan speed feedback", brick="Speed_Sensor"),
    Point("zone_air_supply_frac", "zone", 0.0, 3.0, "1",
          "air that the zone's room units supply, over the air that its racks draw", sensor="flow", observed=False),
    Point("zone_aisle_pressure_pa", "zone", -100.0, 100.0, "Pa",
          "pressure of the cold aisle over the hot one; negative where hot air flows back", sensor="flow",
          symbol="dp", guideline_36="duct/underfloor static pressure (proxy)",
          brick="Air_Differential_Pressure_Sensor"),
    Point("coil_valve_frac", "zone", 0.0, 1.0, "1", "opening of the room units' water valves", needs="chw",
          symbol="v_chw", guideline_36="chilled water valve position", brick="Valve_Position_Sensor"),
    Point("room_dew_point_c", "site", -15.0, 25.0, "degC", "dew point of the dampest zone", sensor="temperature",
          symbol="T_dp", guideline_36="zone dew point", brick="Dewpoint_Sensor"),
    Point("chw_supply_c", "site", 4.0, 30.0, "degC", "chilled water that leaves the plant", sensor="temperature",
          needs="chw", symbol="T_chw,s", guideline_36="chilled water supply temperature",
          brick="Chilled_Water_Supply_Temperature_Sensor"),
    Point("chw_return_c", "site", 6.0, 40.0, "degC", "chilled water that comes back to the plant",
          sensor="temperature", needs="chw", symbol="T_chw,r", guideline_36="chilled water return temperature",
          brick="Chilled_Water_Return_Temperature_Sensor"),
    Point("chiller_plr_frac", "site", 0.0, 1.1, "1",
          "heat that the chillers move over the capacity of those that run", needs="chw", symbol="PLR",
          guideline_36="chiller part load ratio"),
    Point("chillers_running", "site", 0.0, 4.0, "1", "chillers that run", needs="chw", symbol="N_ch",
          guideline_36="chiller stage", brick="Chiller (run status)"),
    Point("economizer_on", "site", 0.0, 1.0, "1", "1 where the waterside economizer is on", needs="economizer",
          symbol="WSE", guideline_36="waterside economizer status", brick="Enable_Status"),
    Point("economizer_hold_frac", "site", 0.0, 1.0, "1",
          "time since the economizer switched, over its lockout; 1 means free to switch", needs="economizer"),
    Point("chiller_hold_frac", "site", 0.0, 1.0, "1",
          "time since a chiller was staged, over the least time between stages; 1 means free to stage", needs="chw"),
    Point("cw_supply_c", "site", 8.0, 40.0, "degC", "condenser water that leaves the tower", sensor="temperature",
          needs="tower", symbol="T_cw,s", guideline_36="condenser water supply temperature",
          brick="Entering_Condenser_Water_Temperature_Sensor"),
    Point("tower_fan_speed_frac", "site", 0.0, 1.0, "1", "speed of the tower's fans, as a share of full speed",
          needs="tower", symbol="n_ct", guideline_36="cooling tower fan speed", brick="Speed_Sensor"),
    Point("tower_cells_running", "site", 0.0, 4.0, "1", "tower cells that run", needs="tower"),
    Point("tower_hold_frac", "site", 0.0, 1.0, "1",
          "time since a cell was staged, over the least time between stages; 1 means free to stage", needs="tower"),
    Point("fws_supply_c", "site", 10.0, 50.0, "degC", "facility water that reaches the coolant distribution units",
          sensor="temperature", needs="fws", symbol="T_fws,s", brick="Supply_Water_Temperature_Sensor"),
    Point("dry_cooler_fan_speed_frac", "site", 0.0, 1.0, "1",
          "speed of the dry coolers' fans, as a share of full speed", needs="dry", brick="Speed_Sensor"),
    Point("dry_cooler_pad_on", "site", 0.0, 1.0, "1", "1 where the dry coolers' pads are wet", needs="dry"),
    Point("tcs_supply_c", "site", 15.0, 60.0, "degC", "coolant that reaches the racks", sensor="temperature",
          needs="tcs", symbol="T_tcs,s", brick="Supply_Water_Temperature_Sensor"),
    Point("tcs_return_c", "site", 20.0, 70.0, "degC", "coolant that comes back from the racks", sensor="temperature",
          needs="tcs", symbol="T_tcs,r", brick="Return_Water_Temperature_Sensor"),
    Point("cdu_valve_frac", "site", 0.0, 1.0, "1", "opening of the coolant distribution units' valves", needs="tcs"),
    Point("chip_max_c", "site", 20.0, 105.0, "degC", "hottest chip of the site", sensor="temperature"),
    Point("it_power_share", "site", 0.0, 1.1, "1", "IT power over the site's rated IT power", sensor="power",
          symbol="P_it", brick="Electric_Power_Sensor"),
    Point("facility_power_share", "site", 0.0, 1.8, "1", "facility power over the site's rated IT power",
          sensor="power", symbol="P_dc", brick="Electric_Power_Sensor"),
    Point("row_power_share", "row", 0.0, 1.1, "1", "power of the row's racks over their rating", sensor="power",
          symbol="P_row", brick="Electric_Power_Sensor"),
    Point("row_demand_share", "row", 0.0, 1.1, "1",
          "power that the row's racks would draw without a cap, over their rating", sensor="power"),
    Point("feeder_load_frac", "site", 0.0, 1.3, "1", "power through the UPS over its limit", sensor="power",
          symbol="P_ups", brick="UPS (load)"),
    Point("breaker_memory_frac", "site", 0.0, 1.1, "1",
          "largest thermal memory of any breaker; it trips a little over 1"),
    Point("capper_engaged", "site", 0.0, 1.0, "1", "1 where the feeder's protection caps the racks", needs="feeder"),
    Point("rack_down_frac", "site", 0.0, 1.0, "1", "share of the racks that are down"),
    Point("restart_frac", "site", 0.0, 1.0, "1", "time until every rack works again, over the longest restart"),
    Point("backlog_training_h", "site", 0.0, 24.0, "h", "training that waits, over all training accelerators",
          needs="deferrable"),
    Point("backlog_batch_h", "site", 0.0, 48.0, "h", "batch work that waits, over all batch accelerators",
          needs="batch"),
    Point("batch_ahead_h", "site", 0.0, 48.0, "h",
          "batch work done before its deadline, over all batch accelerators", needs="batch"),
    Point("job_running_share", "site", 0.0, 1.0, "1", "accelerators on which jobs work, of all that jobs may hold",
          needs="jobs"),
    Point("job_restarting_share", "site", 0.0, 1.0, "1", "accelerators whose jobs start again after a stop",
          needs="jobs"),
    Point("job_paused_share", "site", 0.0, 1.0, "1", "accelerators whose jobs are paused", needs="jobs"),
    Point("job_flexible_share", "site", 0.0, 1.0, "1", "accelerators whose jobs may be paused", needs="jobs"),
    Point("job_ending_share", "site", 0.0, 1.0, "1", "accelerators whose jobs end within an hour at full pace",
          needs="jobs"),
    Point("job_waiting_share", "site", 0.0, 4.0, "1", "accelerators that waiting jobs ask for, over all", needs="jobs"),
    Point("job_waiting_h", "site", 0.0, 48.0, "h", "work of the waiting jobs, over all accelerators", needs="jobs"),
    Point("job_largest_waiting_share", "site", 0.0, 1.0, "1", "accelerators of the largest waiting job, over all",
          needs="jobs"),
    Point("job_oldest_wait_h", "site", 0.0, 24.0, "h", "how long the oldest waiting job has waited", needs="jobs"),
    Point("battery_soc_frac", "site", 0.0, 1.0, "1", "charge of the battery over its capacity", needs="battery",
          symbol="SoC", brick="Energy_Storage (state of charge)"),
    Point("billing_peak_share", "site", 0.0, 1.8, "1",
          "highest 15 min mean of the month so far, over the site's rated IT power"),
    Point("demand_window_share", "site", 0.0, 1.8, "1",
          "mean of the running 15 min window so far, over the site's rated IT power"),
    Point("demand_window_elapsed_frac", "site", 0.0, 1.0, "1", "share of the running 15 min window that is over"),
    Point("site_elevation_m", "site", -400.0, 5000.0, "m", "height of the site above the sea", observed=False),
    Point("dry_bulb_c", "site", -25.0, 50.0, "degC", "outdoor air", sensor="temperature", symbol="T_db",
          guideline_36="outdoor air dry bulb", brick="Outside_Air_Temperature_Sensor"),
    Point("wet_bulb_c", "site", -25.0, 35.0, "degC", "outdoor wet bulb", sensor="temperature", symbol="T_wb",
          guideline_36="outdoor air wet bulb", brick="Outside_Air_Wet_Bulb_Temperature_Sensor"),
    Point("price_usd_mwh", "site", -50.0, 350.0, "USD/MWh", "price of energy in this step"),
    Point("carbon_g_kwh", "site", 0.0, 900.0, "g/kWh", "carbon intensity of the grid in this step"),
    Point("dr_active", "site", 0.0, 1.0, "1", "1 while the utility asks for a reduction", needs="demand_response"),
    Point("dr_reduction_frac", "site", 0.0, 0.3, "1",
          "reduction that the utility asks for, as a share of the expected peak", needs="demand_response"),
    Point("dr_announced_frac", "site", 0.0, 0.3, "1",
          "reduction of the next announced event, as a share of the expected peak; 0 where none is announced",
          needs="demand_response"),
    Point("dr_starts_in_h", "site", 0.0, 2.0, "h", "time until the announced event begins; 0 where none is announced",
          needs="demand_response"),
    Point("dr_ends_in_h", "site", 0.0, 6.0, "h",
          "time until the event that runs ends, or else the announced one; 0 where there is neither",
          needs="demand_response"),
    Point("hour_sin", "site", -1.0, 1.0, "1", "sine of the hour of the day"),
    Point("hour_cos", "site", -1.0, 1.0, "1", "cosine of the hour of the day"),
    Point("week_sin", "site", -1.0, 1.0, "1", "sine of the hour of the week"),
    Point("week_cos", "site", -1.0, 1.0, "1", "cosine of the hour of the week"),
    Point("forecast_wet_bulb_1h_c", "site", -25.0, 35.0, "degC", "outdoor wet bulb forecast for 1 h ahead",
          needs="forecast"),
    Point("forecast_wet_bulb_4h_c", "site", -25.0, 35.0, "degC", "outdoor wet bulb forecast for 4 h ahead",
          needs="forecast"),
    Point("forecast_price_4h_usd_mwh", "site", -50.0, 350.0, "USD/MWh", "price of energy forecast for 4 h ahead",
          needs="forecast"),
)  # fmt: skip


def bind_points(rows: Mapping[str, int], present: set[str], channels: Sequence[Channel]) -> tuple[Point, ...]:
    """The points of one scenario: table rows whose machine is present, then every channel's setpoint in force.

    What the building's rule would set comes last, for channels whose encoding adds to it.
    """
    bound = [replace(p, rows=rows[p.per]) for p in POINTS if p.needs in present or not p.needs]
    bound += [
        Point(f"in_force.{c.name}", c.per, c.low, c.high, c.unit, f"in force: {c.meaning}", rows=c.rows)
        for c in channels
        if c.rows > 0
    ]
    bound += [
        Point(
            RULE + c.name, c.per, c.low, c.high, c.unit, f"what the building's rule would set: {c.meaning}", rows=c.rows
        )
        for c in channels
        if c.rows > 0 and c.encoding == "residual"
    ]
    return tuple(bound)
