"""What flows from the utility to the outdoor air, as links between a few nodes [kW].

Electricity is as the plant's books have it. Heat is followed as if nothing were stored: each node hands on what comes
in, so that all of it ends outdoors. What air, water and walls took up stands beside it, `HallView.taken_up_kw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from envs.physics.namespace import Floats
from envs.scenario import Scenario

#: Nodes from left to right: column and words.
NODES: dict[str, tuple[int, str]] = {
    "utility": (0, "Utility"),
    "battery": (0, "Battery out"),
    "ups": (1, "UPS"),
    "charging": (2, "Battery in"),
    "racks": (2, "Racks"),
    "rooms": (3, "Room air"),
    "coolant": (3, "Coolant loop"),
    "chilled": (4, "Chilled water"),
    "dx": (4, "Room compressors"),
    "tower": (5, "Cooling tower"),
    "dry": (5, "Dry coolers"),
    "outdoors": (6, "Outdoor air"),
}
LEAST_KW = 1e-3  # a thinner link is none


class Link(NamedTuple):
    """A flow between two nodes [kW]; ``kind`` is ``electric`` or ``heat``."""

    source: str
    target: str
    kw: float
    kind: str


def power_links(scenario: Scenario, one: Mapping[str, Floats], liquid_kw: float) -> tuple[Link, ...]:
    """The links of one site.

    Parameters
    ----------
    scenario : Scenario
        Which machines there are.
    one : mapping of str to float
        Fields of `Flows` of one site.
    liquid_kw : float
        Heat of the racks to the coolant [kW].
    """
    f = {name: float(value) for name, value in one.items() if value.ndim == 0}
    links = [*_electricity(f), *_heat(scenario, f, liquid_kw)]
    return tuple(link for link in links if link.kw > LEAST_KW)


def _rooms_kw(f: Mapping[str, float]) -> float:
    """What hangs on the transformer and warms the rooms."""
    return f["lighting_power_kw"] + f["humidifier_power_kw"]


def _chilled_kw(f: Mapping[str, float]) -> float:
    return f["chiller_power_kw"] + f["chw_pump_power_kw"]


def _tower_kw(f: Mapping[str, float]) -> float:
    return f["tower_fan_power_kw"] + f["cw_pump_power_kw"] + f["basin_heater_power_kw"]


def _on_the_ups_kw(f: Mapping[str, float]) -> float:
    pumps = f["tcs_pump_power_kw"] + f["fws_pump_power_kw"]
    return f["it_power_kw"] + f["crah_fan_power_kw"] + pumps + f["pdu_loss_kw"] + f["ups_loss_kw"]


def _electricity(f: Mapping[str, float]) -> list[Link]:
    into, out = max(f["battery_power_kw"], 0.0), max(-f["battery_power_kw"], 0.0)
    made = [
        ("utility", "ups", _on_the_ups_kw(f) - out),
        ("battery", "ups", out),
        ("utility", "charging", into),
        ("utility", "rooms", _rooms_kw(f)),
        ("utility", "chilled", _chilled_kw(f)),
        ("utility", "dx", f["dx_power_kw"]),
        ("utility", "tower", _tower_kw(f)),
        ("utility", "dry", f["dry_cooler_fan_power_kw"]),
        ("ups", "racks", f["it_power_kw"]),
        ("ups", "rooms", f["crah_fan_power_kw"]),
        ("ups", "coolant", f["tcs_pump_power_kw"] + f["fws_pump_power_kw"]),
    ]
    return [Link(*link, "electric") for link in made]


def _heat(scenario: Scenario, f: Mapping[str, float], liquid_kw: float) -> list[Link]:
    room_machine = "chilled" if scenario.chilled_water is not None else "dx"
    air = f["it_power_kw"] - liquid_kw
    rooms = air + f["crah_fan_power_kw"] + _rooms_kw(f) + f["pdu_loss_kw"]
    coolant = liquid_kw + f["tcs_pump_power_kw"] + f["fws_pump_power_kw"]
    chilled = rooms + f["ups_loss_kw"] + _chilled_kw(f) if room_machine == "chilled" else 0.0
    sink = "dry" if scenario.dry_cooler is not None else "tower"
    made = [
        ("utility", "outdoors", f["transformer_loss_kw"]),
        ("racks", "rooms", air),
        ("racks", "coolant", liquid_kw),
        ("ups", "rooms", f["pdu_loss_kw"]),
        ("ups", room_machine, f["ups_loss_kw"]),
        ("rooms", room_machine, rooms),
        ("coolant", sink, coolant),
        ("chilled", "tower" if scenario.tower is not None else "outdoors", chilled),
    ]
    if room_machine == "dx":
        made.append(("dx", "outdoors", rooms + f["ups_loss_kw"] + f["dx_power_kw"]))
    if scenario.tower is not None:
        by_tower = coolant if sink == "tower" else 0.0
        made.append(("tower", "outdoors", chilled + by_tower + _tower_kw(f)))
    if scenario.dry_cooler is not None:
        made.append(("dry", "outdoors", coolant + f["dry_cooler_fan_power_kw"]))
    return [Link(*link, "heat") for link in made]
