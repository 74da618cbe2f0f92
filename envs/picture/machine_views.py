"""The machines of a site in a few words each: what they draw, how far they are open, what water leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envs.physics.namespace import Floats
from envs.scenario import Scenario

CHW_MODES = ("mechanical", "partly free", "free cooling")


@dataclass(frozen=True)
class MachineView:
    """One machine, or several that work as one.

    Attributes
    ----------
    name, title : str
        Key of the scenario, and words.
    power_kw : float
        Drawn [kW].
    load_frac : float or None
        Speed, opening or load, as a share of full; None where it has none.
    words : str
        Its state, with units.
    """

    name: str
    title: str
    power_kw: float
    load_frac: float | None
    words: str


def machine_views(scenario: Scenario, one: Mapping[str, Floats]) -> tuple[MachineView, ...]:
    """The machines that the scenario has, from the utility to the outdoor air."""
    f = {name: float(value) for name, value in one.items() if value.ndim == 0}
    fans = one["zone_fan_speed_frac"]
    limit = float(scenario.power.ups_limit_kw)
    made = [
        MachineView("ups", "UPS", f["ups_power_kw"], f["ups_power_kw"] / limit, f"of {limit:.0f} kW allowed"),
        MachineView(
            "zones", "Room units", f["crah_fan_power_kw"], float(fans.mean()),
            f"fans at {100.0 * fans.min():.0f} to {100.0 * fans.max():.0f} %" if len(fans) > 1
            else f"fans at {100.0 * fans[0]:.0f} %",
        ),
    ]  # fmt: skip
    if scenario.battery is not None:
        kw = f["battery_power_kw"]
        doing = "charging" if kw > 0.5 else "discharging" if kw < -0.5 else "idle"
        made.append(MachineView("battery", "Battery", kw, f["battery_soc_frac"], doing))
    if scenario.coolant is not None:
        made.append(
            MachineView(
                "coolant", "Coolant loop", f["tcs_pump_power_kw"] + f["fws_pump_power_kw"], f["cdu_valve_frac"],
                f"{f['tcs_supply_c']:.1f} degC to racks, {f['tcs_return_c']:.1f} back",
            )
        )  # fmt: skip
    made += _heat_machines(scenario, f)
    return tuple(made)


def _heat_machines(scenario: Scenario, f: Mapping[str, float]) -> list[MachineView]:
    made = []
    if scenario.chilled_water is not None:
        mode = CHW_MODES[min(round(f["chw_mode"]), len(CHW_MODES) - 1)]
        running = f"{f['chillers_running']:.0f} on" if f["chillers_running"] >= 0.5 else "none on"
        made.append(
            MachineView(
                "chilled_water", "Chillers", f["chiller_power_kw"] + f["chw_pump_power_kw"], f["chiller_plr_frac"],
                f"{running}, {mode}, water {f['chw_supply_c']:.1f} degC",
            )
        )  # fmt: skip
    if scenario.dx is not None:
        made.append(MachineView("dx", "Room compressors", f["dx_power_kw"], None, "direct expansion"))
    if scenario.tower is not None:
        power = f["tower_fan_power_kw"] + f["cw_pump_power_kw"] + f["basin_heater_power_kw"]
        words = f"fans at {100.0 * f['tower_fan_speed_frac']:.0f} %, water {f['cw_supply_c']:.1f} degC"
        made.append(MachineView("tower", "Cooling tower", power, f["tower_fan_speed_frac"], words))
    if scenario.dry_cooler is not None:
        words = f"fans at {100.0 * f['dry_cooler_fan_speed_frac']:.0f} %, water {f['fws_supply_c']:.1f} degC"
        made.append(
            MachineView(
                "dry_cooler", "Dry coolers", f["dry_cooler_fan_power_kw"], f["dry_cooler_fan_speed_frac"], words
            )
        )
    return made
