"""Reader of EnergyPlus weather files (.epw): TMY3 and its kin, hour-ending labels, local standard time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.units import pascals_to_kpa

_HEADER_LINES = 8
_HOUR, _DRY_BULB, _RH, _PRESSURE = 3, 6, 8, 9  # field positions of the EPW data dictionary
_RANGES = {
    _DRY_BULB: ("dry bulb temperature", -70.0, 60.0, "degC", "99.9 marks a missing value"),
    _RH: ("relative humidity", 0.0, 110.0, "%", "999 marks a missing value"),
    _PRESSURE: ("atmospheric station pressure", 31e3, 120e3, "Pa", "999999 marks a missing value"),
}


class EpwYear(NamedTuple):
    """One file: place from its header, arrays (T,) float64; value i belongs to the end of interval i."""

    name: str
    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float
    step_s: float
    dry_bulb_c: NDArray[np.float64]
    rh_frac: NDArray[np.float64]
    pressure_kpa: NDArray[np.float64]


def read_epw(path: str | Path) -> EpwYear:
    """Read an EPW file.

    Raises
    ------
    ValueError
        Naming file, line, field, what was found, what was expected and how to mend it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of an .epw file")
    lines = path.read_text(encoding="latin-1").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    name, place = _location(path, lines)
    records_per_hour = _records_per_hour(path, lines)
    rows = [line.split(",") for line in lines[_HEADER_LINES:]]
    _check_hours(path, rows, records_per_hour)
    latitude, longitude, utc_offset_h, elevation_m = place
    return EpwYear(
        name,
        latitude,
        longitude,
        utc_offset_h,
        elevation_m,
        3600.0 / records_per_hour,
        _field(path, rows, _DRY_BULB),
        np.minimum(_field(path, rows, _RH) / 100.0, 1.0),
        np.asarray(pascals_to_kpa(1.0) * _field(path, rows, _PRESSURE)),
    )


def _location(path: Path, lines: list[str]) -> tuple[str, tuple[float, float, float, float]]:
    """City and (latitude, longitude, offset to UTC [h], elevation [m]) of the LOCATION line."""
    parts = lines[0].split(",") if lines else [""]
    expected = "LOCATION,city,state,country,source,station,latitude,longitude,time zone,elevation"
    if parts[0].strip().upper() != "LOCATION" or len(parts) < 10:
        raise ValueError(f"{path}, line 1: found '{','.join(parts)[:60]}', expected '{expected}'; is this an EPW file?")
    try:
        numbers = [float(part) for part in parts[6:10]]
    except ValueError:
        raise ValueError(f"{path}, line 1: found {parts[6:10]}, expected four numbers as in '{expected}'") from None
    limits = ((-90.0, 90.0), (-180.0, 180.0), (-12.0, 14.0), (-500.0, 6000.0))
    for title, number, (low, high) in zip(expected.split(",")[6:], numbers, limits):
        if not low <= number <= high:
            raise ValueError(f"{path}, line 1: {title} = {number:g}, expected {low:g}..{high:g}; mend the header")
    return parts[1].strip(), (numbers[0], numbers[1], numbers[2], numbers[3])


def _records_per_hour(path: Path, lines: list[str]) -> int:
    """Return the third number of DATA PERIODS, the last header line; one period only."""
    parts = lines[_HEADER_LINES - 1].split(",") if len(lines) > _HEADER_LINES else [""]
    if parts[0].strip().upper() != "DATA PERIODS" or len(parts) < 3:
        raise ValueError(f"{path}, line {_HEADER_LINES}: expected 'DATA PERIODS,1,1,...' and data below it")
    if parts[1].strip() != "1" or not parts[2].strip().isdigit() or 60 % max(int(parts[2]), 1) or int(parts[2]) == 0:
        raise ValueError(
            f"{path}, line {_HEADER_LINES}: found {parts[1].strip()} periods of {parts[2].strip()} records an hour, "
            "expected 1 period and a divisor of 60; split the file"
        )
    return int(parts[2])


def _check_hours(path: Path, rows: list[list[str]], records_per_hour: int) -> None:
    """Every record complete; hours run 1..24 without gap; whole days."""
    per_day = 24 * records_per_hour
    for index, row in enumerate(rows):
        hour = index % per_day // records_per_hour + 1
        if len(row) <= _PRESSURE or not row[_HOUR].strip().isdigit() or int(row[_HOUR]) != hour:
            found = f"hour {row[_HOUR]}" if len(row) > _PRESSURE else f"{len(row)} fields"
            raise ValueError(
                f"{path}, line {index + _HEADER_LINES + 1}: found {found}, expected a record of hour {hour} with at "
                "least 10 fields; a line above may be missing or doubled"
            )
    if len(rows) % per_day:
        raise ValueError(f"{path}: found {len(rows)} records, expected whole days of {per_day}; complete the last day")


def _field(path: Path, rows: list[list[str]], position: int) -> NDArray[np.float64]:
    """One field of every record, checked."""
    title, low, high, unit, note = _RANGES[position]
    values = np.empty(len(rows))
    for index, row in enumerate(rows):
        try:
            values[index] = float(row[position])
        except ValueError:
            values[index] = np.nan
        if not low <= values[index] <= high:
            raise ValueError(
                f"{path}, line {index + _HEADER_LINES + 1}, field {position + 1} ({title}): found "
                f"{row[position]!r}, expected {low:g}..{high:g} {unit} ({note}); fill it from its neighbours"
            )
    return values
