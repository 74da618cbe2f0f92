"""What may be chosen in a design, within which range, and how a point of the unit cube becomes a design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.unit_text import unit_behind
from envs.unknown_name import unknown_name

Floats = NDArray[np.float64]
RACKS = ("air_34", "liquid_120", "liquid_190", "liquid_600")
PLANTS = ("air_cooled", "water_cooled", "economizer")
REDUNDANCY = ("n", "n+1", "2n")


@dataclass(frozen=True)
class Variable:
    """One thing that a design chooses.

    Attributes
    ----------
    name, unit, meaning : str
    low, high : float
        Range; of a choice the places of its options.
    options : tuple of str
        Names of the options; empty: any number of the range.
    """

    name: str
    unit: str
    meaning: str
    low: float = 0.0
    high: float = 1.0
    options: tuple[str, ...] = ()

    def value(self, unit: Floats) -> Floats:
        """Values at places of ``[0, 1]``; of a choice the number of its option."""
        if self.options:
            return np.minimum(np.floor(unit * len(self.options)), len(self.options) - 1.0)
        return self.low + (self.high - self.low) * unit


VARIABLES: tuple[Variable, ...] = (
    Variable("rack", "-", "kind of rack, and with it kW a rack", options=RACKS),
    Variable("plant", "-", "chillers on air and dry coolers, or towers, or towers with an economizer", options=PLANTS),
    Variable("liquid_frac", "1", "share of a liquid rack's heat that the coolant takes", 0.70, 0.98),
    Variable("tcs_supply_c", "degC", "coolant to the racks", 25.0, 45.0),
    Variable("cdu_approach_k", "K", "facility water under the coolant; sizes the exchangers", 3.0, 8.0),
    Variable("chw_supply_c", "degC", "chilled water to the room units", 12.0, 22.0),
    Variable("rejection_size", "1", "dry coolers or towers over what the heat asks for", 0.6, 1.6),
    Variable("chiller_size", "1", "chillers on duty over the heat of the air", 0.8, 1.5),
    Variable("pad", "-", "adiabatic pads before the dry coolers", options=("no", "yes")),
    Variable("ups", "-", "redundancy of the UPS", options=REDUNDANCY),
    Variable("buffer_min", "min", "heat of so many minutes that tanks take while they warm by 5 K", 0.0, 10.0),
    Variable("feeder_mw", "MW", "what the utility gives the site", 4.0, 24.0),
)
NAMES = tuple(variable.name for variable in VARIABLES)


def variable(name: str) -> Variable:
    """The variable of a name.

    Raises
    ------
    ValueError
        Where there is none.
    """
    if name not in NAMES:
        raise ValueError(unknown_name("variable of a design", name, NAMES))
    return VARIABLES[NAMES.index(name)]


def decoded(points: Floats, fixed: Mapping[str, float] | None = None) -> dict[str, Floats]:
    """Designs at points of the unit cube ``(n, variables)``: ``{name: (n,)}``; choices as numbers.

    Parameters
    ----------
    points : ndarray (n, variables)
    fixed : mapping, optional
        Values that every design has.
    """
    made = {v.name: v.value(points[:, k]) for k, v in enumerate(VARIABLES)}
    for name, value in (fixed or {}).items():
        made[name] = np.full(len(points), float(value))
    return made


def fixed_values(words: Mapping[str, object]) -> dict[str, float]:
    """What a user fixes, as numbers of the variables.

    Raises
    ------
    ValueError
        Naming the variable, what was given and what it may be.
    """
    return {name: _number(variable(name), given) for name, given in words.items()}


def _number(v: Variable, given: object) -> float:
    if v.options:
        if str(given).lower() not in v.options:
            raise ValueError(unknown_name(f"choice of fixed.{v.name}", str(given), v.options))
        return float(v.options.index(str(given).lower()))
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not v.low <= given <= v.high:
        raise ValueError(f"fixed.{v.name} = {given!r}; give {v.low:g} to {v.high:g}{unit_behind(v.unit)}")
    return float(given)


def shown(v: Variable, value: float) -> str:
    """A value as a reader writes it."""
    return v.options[int(value)] if v.options else f"{value:.4g}"


def matters(name: str, rack: str, plant: str) -> bool:
    """Whether a variable changes anything in a design with this rack and plant."""
    liquid = rack != RACKS[0]
    if name in ("liquid_frac", "tcs_supply_c", "cdu_approach_k"):
        return liquid
    if name == "pad":
        return liquid and plant == PLANTS[0]
    return name != "rejection_size" or liquid or plant != PLANTS[0]


def rows(designs: Mapping[str, Floats], where: NDArray[np.intp] | Sequence[int]) -> dict[str, Floats]:
    """Some of the designs."""
    return {name: np.asarray(values)[where] for name, values in designs.items()}
