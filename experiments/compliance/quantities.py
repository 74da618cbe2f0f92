"""What is metered, what is told of a site, and the figures that follow from both.

Delegated Regulation (EU) 2024/1364 (EED, Annexes I to III) and ISO/IEC 30134. Symbols and formulas are recalled and
checked against public summaries of both, not against their whole text.
"""

from __future__ import annotations

from typing import NamedTuple

#: Units of a meter, by dimension, each with its factor to the unit that stands first.
UNITS: dict[str, dict[str, float]] = {
    "energy": {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3, "GWh": 1e6, "MJ": 1.0 / 3.6, "GJ": 1e3 / 3.6},
    "power": {"kW": 1.0, "W": 1e-3, "MW": 1e3},
    "volume": {"m3": 1.0, "L": 1e-3},
    "mass": {"kg": 1.0, "g": 1e-3, "t": 1e3},
    "temperature": {"degC": 1.0},
}


class Quantity(NamedTuple):
    """Something that meters count over a year, or measure as a mean.

    Attributes
    ----------
    symbol : str
        Of the regulation.
    dimension : str
        A key of `UNITS`.
    meaning : str
    is_figure : bool
        Whether the regulation asks for it; else other figures rest on it.
    """

    symbol: str
    dimension: str
    meaning: str
    is_figure: bool = True


QUANTITIES: dict[str, Quantity] = {
    "total_energy": Quantity("EDC", "energy", "all energy that the data centre takes"),
    "it_energy": Quantity("EIT", "energy", "energy of the IT equipment, at the output of the UPS"),
    "water": Quantity("WIN", "volume", "all water that comes in"),
    "potable_water": Quantity("WIN-POT", "volume", "potable water that comes in"),
    "reused_heat": Quantity("EREUSE", "energy", "waste heat that is reused outside the data centre"),
    "renewable_guarantees": Quantity("ERES-GOO", "energy", "renewable energy by guarantees of origin"),
    "renewable_contracts": Quantity("ERES-PPA", "energy", "renewable energy by power purchase agreements"),
    "renewable_on_site": Quantity("ERES-OS", "energy", "renewable energy made on site"),
    "carbon": Quantity("CO2", "mass", "carbon dioxide of the energy"),
    "waste_heat_temperature": Quantity("TWH", "temperature", "mean temperature of the waste heat"),
    "intake_temperature": Quantity("TIN", "temperature", "mean setpoint of the air at the IT's inlet"),
    "inlet_temperature": Quantity("", "temperature", "air measured at the IT's inlets, for ASHRAE's classes", False),
}
RENEWABLE = ("renewable_guarantees", "renewable_contracts", "renewable_on_site")


class Fact(NamedTuple):
    """Something that no meter counts, with its unit and highest believable value."""

    symbol: str
    unit: str
    most: float
    meaning: str


FACTS: dict[str, Fact] = {
    "installed_it_kw": Fact("PDIT", "kW", 1e7, "installed power demand of the IT"),
    "floor_m2": Fact("SDC", "m2", 1e7, "floor of the data centre"),
    "computer_room_m2": Fact("SCR", "m2", 1e7, "floor of the computer rooms"),
    "battery_kw": Fact("CBtG", "kW", 1e7, "battery capacity that is offered to the grid"),
    "cooling_degree_days": Fact("CDD", "K d", 1e4, "cooling degree days of the place"),
    "server_capacity": Fact("CSERV", "SERT", 1e12, "capacity of the servers"),
    "storage_capacity_tb": Fact("CSTOR", "TB", 1e12, "capacity of the storage"),
}
REPORTS_FROM_KW = 500.0  # installed IT power from which a data centre reports, Article 1


class Ratio(NamedTuple):
    """A figure: the sum of some quantities over one other.

    Attributes
    ----------
    symbol, standard, unit : str
    parts : tuple of str
    whole : str
    factor : float
        To the figure's unit.
    """

    symbol: str
    standard: str
    unit: str
    parts: tuple[str, ...]
    whole: str
    factor: float = 1.0


RATIOS: tuple[Ratio, ...] = (
    Ratio("PUE", "ISO/IEC 30134-2, EED Annex III", "1", ("total_energy",), "it_energy"),
    Ratio("REF", "ISO/IEC 30134-3, EED Annex III", "1", RENEWABLE, "total_energy"),
    Ratio("ERF", "ISO/IEC 30134-6, EED Annex III", "1", ("reused_heat",), "total_energy"),
    Ratio("CUE", "ISO/IEC 30134-8", "kg/kWh", ("carbon",), "it_energy"),
    Ratio("WUE", "ISO/IEC 30134-9, EED Annex III", "L/kWh", ("water",), "it_energy", 1000.0),
)
#: Figures of the standard that need what no meter here has.
NOT_COMPUTED = {
    "ITEEsv (ISO/IEC 30134-4)": "needs a benchmark of each server's performance per watt",
    "ITEUsv (ISO/IEC 30134-5)": "needs the utilisation of each server's processors",
    "CER (ISO/IEC 30134-7)": "needs the heat that the cooling removes, metered",
    "data traffic (EED Annex II)": "needs the traffic and bandwidth of the network",
}
