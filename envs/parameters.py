"""How a machine declares its parameters: default, range, unit and source in one line, checked once when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np


def parameter(default: Any, low: float, high: float, unit: str, source: str) -> Any:
    """One field of a machine's dataclass.

    Parameters
    ----------
    default : float, int or tuple of float
        The value when a scenario says nothing.
    low, high : float
        The plausible range, inclusive; a value outside it is refused when the machine is made.
    unit : str
        The unit as a reader writes it: ``kW``, ``kg/s``, ``1`` for a fraction.
    source : str
        Where the default comes from: a label of the handbook (PHYSICS E1), a data sheet, "engineering guess".
    """
    metadata = {"low": low, "high": high, "unit": unit, "source": source}
    if isinstance(default, (list, tuple)):
        values = list(default)
        return field(default_factory=lambda: list(values), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Parameters:
    """Base of every machine: checks each declared range when an instance is made.

    Values may be numbers or, for domain randomisation, arrays with the environment axis last.

    Raises
    ------
    ValueError
        Naming the machine, the field, the value, the allowed range and the mend.
    """

    def __post_init__(self) -> None:
        """Check every field that carries a range."""
        for spec in fields(self):
            if "low" in spec.metadata:
                check_range(type(self).__name__, spec.name, getattr(self, spec.name), spec.metadata)


def check_range(owner: str, name: str, value: Any, spec: Any) -> None:
    """Raise a ValueError where ``value`` leaves ``[low, high]`` or is not a finite number."""
    low, high, unit = spec["low"], spec["high"], "" if spec["unit"] == "1" else f" {spec['unit']}"
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{owner}.{name} = {value!r} is not a number; give one in [{low}, {high}]{unit}") from None
    if not np.all(np.isfinite(numbers)) or (numbers.size and (numbers.min() < low or numbers.max() > high)):
        raise ValueError(
            f"{owner}.{name} = {value!r} is outside [{low}, {high}]{unit}; give a value in that range "
            "(temperatures in degC, fractions 0..1, power in kW)"
        )
