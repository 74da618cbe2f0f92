"""Reader of EnergyPlus weather files (.epw): TMY3 and its kin, hour-ending labels, local standard time."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.physics.psychrometrics import pressure_kpa as standard_pressure_kpa
from envs.signals.plain_year import DAYS_PER_YEAR, MONTH_DAYS, MONTH_EDGES
from envs.units import pascals_to_kpa

_HEADER_LINES = 8
_MONTH, _DAY, _HOUR, _DRY_BULB, _RH, _PRESSURE = 1, 2, 3, 6, 8, 9  # field positions of the EPW data dictionary
_LEAP_DAY = (2, 29)
_MOST_BYTES = 64 << 20
_LEAST_RH_MAX = 1.5  # %: below that the whole file is in fractions
_PRESSURE_MARGIN_KPA = 4.0  # from the standard atmosphere: weather moves 3 kPa, cold thin air 3.5 (South Pole)
_RANGES = {
    _DRY_BULB: ("dry bulb temperature", -70.0, 60.0, "degC", "99.9 marks a missing value"),
    _RH: ("relative humidity", 0.0, 110.0, "%", "999 marks a missing value"),
    _PRESSURE: ("atmospheric station pressure", 31e3, 120e3, "Pa", "999999 marks a missing value"),
}


class EpwYear(NamedTuple):
    """One file: place from its header, arrays (T,) float64; value i belongs to the end of interval i.

    A whole year begins on 1 January, wherever the file begins, and has no 29 February; ``first_day`` is the day of such
    a year (0: 1 January) that the first value belongs to.
    """

    name: str
    latitude: float
    longitude: float
    utc_offset_h: float
    elevation_m: float
    step_s: float
    first_day: int
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
    lines = _text(path).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    name, place = _location(path, lines)
    records_per_hour = _records_per_hour(path, lines)
    rows = [line.split(",") for line in lines[_HEADER_LINES:]]
    _check_hours(path, rows, records_per_hour)
    order, first_day = _calendar_order(path, rows, records_per_hour)
    dry_bulb, rh, pressure = (_field(path, rows, position)[order] for position in (_DRY_BULB, _RH, _PRESSURE))
    if rh.size and rh.max() <= _LEAST_RH_MAX:
        raise ValueError(
            f"{path}, field {_RH + 1} (relative humidity): no value is above {rh.max():g}, expected percent; "
            "multiply it by 100"
        )
    latitude, longitude, utc_offset_h, elevation_m = place
    pressure_kpa = np.asarray(pascals_to_kpa(1.0) * pressure)
    _check_height(path, elevation_m, pressure_kpa)
    return EpwYear(
        name,
        latitude,
        longitude,
        utc_offset_h,
        elevation_m,
        3600.0 / records_per_hour,
        first_day,
        dry_bulb,
        np.minimum(rh / 100.0, 1.0),
        pressure_kpa,
    )


def _check_height(path: Path, elevation_m: float, pressure_kpa: NDArray[np.float64]) -> None:
    """The header's height and the records' pressure are of one place: limits read the one, density the other."""
    expected, found = float(standard_pressure_kpa(elevation_m)), float(np.median(pressure_kpa))
    if abs(found - expected) > _PRESSURE_MARGIN_KPA:
        raise ValueError(
            f"{path}, line 1: elevation = {elevation_m:g} m means {expected:.1f} kPa, found {found:.1f} kPa as the "
            f"median of the records, expected within {_PRESSURE_MARGIN_KPA:g} kPa; mend the height or the pressure"
        )


def _text(path: Path) -> str:
    """The file as text, with or without a byte order mark; bounded."""
    with path.open("rb") as stream:
        raw = stream.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ValueError(f"{path}: larger than {_MOST_BYTES >> 20} MiB, expected a year; is this an EPW file?")
    return raw.decode("utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else "latin-1", errors="replace")


def _location(path: Path, lines: list[str]) -> tuple[str, tuple[float, float, float, float]]:
    """City and (latitude, longitude, offset to UTC [h], elevation [m]) of the LOCATION line."""
    parts = lines[0].split(",") if lines else [""]
    expected = "LOCATION,city,state,country,source,station,latitude,longitude,time zone,elevation"
    if parts[0].strip().upper() != "LOCATION" or len(parts) < 10:
        raise ValueError(f"{path}, line 1: found '{','.join(parts)[:60]}', expected '{expected}'; is it an EPW file?")
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
    if parts[1].strip() != "1" or _whole(parts[2]) < 1 or 60 % _whole(parts[2]):
        raise ValueError(
            f"{path}, line {_HEADER_LINES}: found {parts[1].strip()} periods of {parts[2].strip()} records an hour, "
            "expected 1 period and a divisor of 60; split the file"
        )
    return _whole(parts[2])


def _check_hours(path: Path, rows: list[list[str]], records_per_hour: int) -> None:
    """Every record complete; hours run 1..24 without gap; whole days."""
    per_day = 24 * records_per_hour
    for index, row in enumerate(rows):
        hour = index % per_day // records_per_hour + 1
        if len(row) <= _PRESSURE or _whole(row[_HOUR]) != hour:
            found = f"hour {row[_HOUR]}" if len(row) > _PRESSURE else f"{len(row)} fields"
            raise ValueError(
                f"{path}, line {index + _HEADER_LINES + 1}: found {found}, expected a record of hour {hour} with at "
                "least 10 fields; a line above may be missing or doubled"
            )
    if len(rows) % per_day:
        raise ValueError(f"{path}: found {len(rows)} records, expected whole days of {per_day}; complete the last day")


def _whole(cell: str) -> int:
    """A whole number of plain digits, -1 where it is none."""
    digits = cell.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 5 else -1


def _calendar_order(path: Path, rows: list[list[str]], records_per_hour: int) -> tuple[NDArray[np.int64], int]:
    """Order of the records by their moments from 1 January on, without 29 February, and the first day of the year.

    Months and days must follow the calendar. Years are not read: those of a typical year differ from month to month.
    """
    per_day = 24 * records_per_hour
    days: list[tuple[int, int]] = []
    for index, row in enumerate(rows):
        date = (_whole(row[_MONTH]), _whole(row[_DAY]))
        expected = [days[-1]] if index % per_day else _days_after(days[-1]) if days else [date]
        if date not in expected or not _is_date(date):
            right = " or ".join(f"{month}/{day}" for month, day in expected) if _is_date(date) else "a date"
            raise ValueError(
                f"{path}, line {index + _HEADER_LINES + 1}: found month/day {row[_MONTH].strip()}/{row[_DAY].strip()}, "
                f"expected {right}; a day above may be missing, doubled or out of order"
            )
        if index % per_day == 0:
            days.append(date)
    kept = np.ones(len(rows), bool)
    for day in [d for d, date in enumerate(days) if date == _LEAP_DAY]:
        # the moments of 29 February end with the record before its last one, which is 1 March 00:00
        kept[max(day * per_day - 1, 0) : (day + 1) * per_day - (1 if day else 0)] = False
    order = np.flatnonzero(kept)
    first = next((_day_of_year(day) for day in days if day != _LEAP_DAY), 0)
    if len(order) != DAYS_PER_YEAR * per_day:
        return order, first
    return np.roll(order, first * per_day), 0


def _is_date(date: tuple[int, int]) -> bool:
    month, day = date
    return date == _LEAP_DAY or (1 <= month <= 12 and 1 <= day <= MONTH_DAYS[month - 1])


def _day_of_year(date: tuple[int, int]) -> int:
    """Day of a year without 29 February, from 0."""
    return int(MONTH_EDGES[date[0] - 1]) + date[1] - 1


def _days_after(date: tuple[int, int]) -> list[tuple[int, int]]:
    """The dates that may follow one: two after 28 February."""
    month, day = date
    if date == (2, 28):
        return [(2, 29), (3, 1)]
    if date == _LEAP_DAY or day < MONTH_DAYS[month - 1]:
        return [(3, 1)] if date == _LEAP_DAY else [(month, day + 1)]
    return [(month % 12 + 1, 1)]


def _field(path: Path, rows: list[list[str]], position: int) -> NDArray[np.float64]:
    """One field of every record, checked."""
    title, low, high, unit, note = _RANGES[position]
    values = np.empty(len(rows))
    for index, row in enumerate(rows):
        try:
            values[index] = np.nan if "_" in row[position] else float(row[position])
        except ValueError:
            values[index] = np.nan
        if not low <= values[index] <= high:
            raise ValueError(
                f"{path}, line {index + _HEADER_LINES + 1}, field {position + 1} ({title}): found "
                f"{row[position]!r}, expected {low:g}..{high:g} {unit} ({note}); fill it from its neighbours"
            )
    return values
