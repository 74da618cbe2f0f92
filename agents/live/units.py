"""Units of a point map, and the one place where they become ours."""

from __future__ import annotations

from envs.interface.channels import CHANNELS
from envs.interface.points import POINTS

IN_FORCE = "in_force."
#: Our unit to the units a map may state: ``ours = factor * theirs + constant``.
CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "degC": {"degC": (1.0, 0.0), "degF": (5.0 / 9.0, -160.0 / 9.0), "K": (1.0, -273.15)},
    "1": {"1": (1.0, 0.0), "%": (0.01, 0.0)},
    "kW": {"kW": (1.0, 0.0), "W": (0.001, 0.0), "MW": (1000.0, 0.0)},
    "Pa": {"Pa": (1.0, 0.0), "kPa": (1000.0, 0.0), "inH2O": (249.089, 0.0)},
    "h": {"h": (1.0, 0.0), "min": (1.0 / 60.0, 0.0), "s": (1.0 / 3600.0, 0.0)},
    "m": {"m": (1.0, 0.0), "ft": (0.3048, 0.0)},
    "USD/MWh": {"USD/MWh": (1.0, 0.0), "USD/kWh": (1000.0, 0.0)},
    "g/kWh": {"g/kWh": (1.0, 0.0), "kg/MWh": (1.0, 0.0)},
}


def our_units() -> dict[str, str]:
    """Unit of every point and, as ``in_force.<channel>``, of every channel."""
    return {p.name: p.unit for p in POINTS} | {IN_FORCE + c.name: c.unit for c in CHANNELS.values()}


def brick_classes() -> dict[str, str]:
    """Brick class of every point and every ``in_force.<channel>``; empty where none fits."""
    return {p.name: p.brick for p in POINTS} | {IN_FORCE + c.name: c.brick for c in CHANNELS.values()}
