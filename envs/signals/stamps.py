"""The one reader of time stamps: what a cell says, what a stamp without an offset means, and the grid they stand on.

Weather, prices, loads, job lists and telemetry all come through here, so that a format that one of them understands is
understood by all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from envs.signals.cells import line, require_column, shown

if TYPE_CHECKING:
    import pandas as pd

Times = NDArray[np.datetime64]  # datetime64[ms], UTC
Floats = NDArray[np.float64]

#: What every message about a stamp offers.
FORMATS = (
    "an ISO 8601 time such as 2023-01-31T14:00 (local standard time) or 2023-01-31T14:00Z (also -07, -0700, -07:00), "
    "YYYYMMDDHHMM(SS), seconds or milliseconds since 1970, or Excel day numbers"
)
ZERO = np.datetime64("2000-01-01T00:00:00", "ms")  # the moment of second 0 in a log that counts from any zero
JITTER_FRAC = 0.1  # of the usual step: a stamp so near to its place on the grid stands there
LATENESS_S = 5.0  # by which a logger's stamps may usually be off full minutes
FURTHEST_OFFSET_H = 14.0  # UTC+14, Line Islands
_YEARS = (1900, 2100)
_EPOCH_S = (3.1e8, 4.1e9)  # 1979 to 2099
_EXCEL_DAYS = (25_569.0, 73_050.0)  # 1970 to 2099
_EXCEL_ZERO = np.datetime64("1899-12-30T00:00:00", "ms")
_LONGEST_COUNT_S = 100.0 * 365.25 * 86_400.0
_PATTERN = (
    r"^\s*(?P<year>\d{4})(?P<sep>[-/]?)(?P<month>\d\d)(?P=sep)(?P<day>\d\d)"
    r"(?:(?:(?:[T_]|\s+)(?P<hour>\d{1,2})|(?P<joined>\d\d))"
    r"(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?)?"
    r"\s*(?P<offset>[Zz]|UTC|GMT|[+\-\u2212]\d\d(?::?\d\d)?)?)?\s*$"
)


@dataclass(frozen=True)
class SiteClock:
    """What a stamp without an offset means at a site.

    Attributes
    ----------
    utc_offset_h : float
        Local standard time minus UTC [h], -14..14.
    zone : str
        IANA name such as ``Europe/Berlin``: stamps are the clock on the wall there, with daylight saving. Empty:
        local standard time.

    Raises
    ------
    ValueError
        For an offset or a zone that is none.
    """

    utc_offset_h: float = 0.0
    zone: str = ""

    def __post_init__(self) -> None:
        """Refuse what no clock can be."""
        if not -FURTHEST_OFFSET_H <= self.utc_offset_h <= FURTHEST_OFFSET_H:
            raise ValueError(
                f"utc_offset_h = {self.utc_offset_h}; give local standard time minus UTC in hours, -14..14, such as -5 "
                "or 5.75 (YAML reads 5:30 as 330: write 5.5)"
            )
        if self.zone:
            zone_of(self.zone)


class _Parsed(NamedTuple):
    """Cells taken apart: the clock's face [ms], and its offset to UTC [s] (NaN: the cell does not say)."""

    face: Times
    offset_s: Floats


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Raises
    ------
    ValueError
        Where the name or the computer's table of zones is missing.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as fault:
        raise ValueError(
            f"time zone {name!r} is unknown here; give an IANA name such as Europe/Berlin or America/New_York, and "
            "install the package 'tzdata' where the computer has no table of zones"
        ) from fault


def read_stamps(
    path: Path,
    frame: pd.DataFrame,
    columns: tuple[str, ...],
    clock: SiteClock,
    *,
    any_zero: bool = False,
) -> Times:
    """Read the moments of a file's rows.

    Parameters
    ----------
    path : Path
        Named in errors.
    frame : pandas.DataFrame
        From `cells.read_cells`.
    columns : tuple of str
        The heading of the stamps, or the headings of date and time of day.
    clock : SiteClock
        Of the site: for stamps that carry no offset.
    any_zero : bool
        Whether plain seconds may count from any moment; they then count from 1 January 2000.

    Returns
    -------
    numpy.ndarray, shape (T,)
        datetime64[ms], UTC, in the file's order.

    Raises
    ------
    ValueError
        Naming file, line, column, what was found and the formats that are read.
    """
    import pandas as pd

    name = " + ".join(columns)
    cells = [require_column(path, frame, column) for column in columns]
    if len(cells) == 1 and isinstance(cells[0].dtype, pd.DatetimeTZDtype):
        parsed = _Parsed(_milliseconds(cells[0].dt.tz_convert("UTC").dt.tz_localize(None)), np.zeros(len(frame)))
    elif len(cells) == 1 and pd.api.types.is_datetime64_dtype(cells[0].dtype):
        parsed = _Parsed(_milliseconds(cells[0]), np.full(len(frame), np.nan))
    else:
        text = _text(cells)
        parsed = _parsed(text)
        if np.isnat(parsed.face).any() and len(cells) == 1:
            counted = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
            known = np.isfinite(counted)
            if known.any() and known.all():
                with np.errstate(over="ignore", invalid="ignore"):
                    parsed = _counted(path, name, counted, any_zero)
            elif known.any() and np.isnat(parsed.face[known]).all():  # a column of numbers: name the cell that is none
                parsed.face[known] = ZERO
    unread = np.flatnonzero(np.isnat(parsed.face))
    if unread.size:
        row = int(unread[0])
        found = " ".join(str(column.iloc[row]) for column in cells)
        raise ValueError(
            f"{path}, {line(path, row)}, column '{name}': found {shown(found)}, expected {FORMATS}; rewrite it "
            f"({unread.size} such cells)"
        )
    return _utc(path, name, parsed, clock)


def are_stamps(cells: pd.Series) -> bool:
    """Whether a column that nobody named as the time holds dates (numbers are none: they could be anything)."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return True
    text = cells.head(8).astype(str)
    some = text[text.str.strip() != ""]
    dates = some.str.contains(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|^\s*\d{1,2}:\d\d", regex=True)
    return bool(len(some)) and bool(dates.all())


def usual_step_s(moments_s: Floats) -> float:
    """The distance [s] that most neighbours have, by all rows together; 0 where none rises."""
    steps = np.diff(moments_s)
    rising = np.sort(steps[steps > 0.0])
    if not rising.size:
        return 0.0
    step = float(rising[(rising.size - 1) // 2])
    rows = float(np.rint(steps / step).sum())
    even = float(moments_s[-1] - moments_s[0]) / rows if rows > 0.0 else step
    step = even if abs(even - step) <= JITTER_FRAC * step else step
    for whole, allowed in ((60.0, max(0.001 * step, 2.0 / max(rows, 1.0))), (1.0, 0.5)):
        rounded = round(step / whole) * whole
        if rounded and abs(step - rounded) <= allowed:
            return rounded
    return step


def on_grid(moments_s: Floats, step_s: float) -> Floats:
    """Moments (T,) [s] with the logger's jitter taken off: what is near to its place on the grid stands there.

    Places are multiples of the step, moved by the usual remainder where that is more than a logger's lateness (a file
    that is read at half past).
    """
    if step_s <= 0.0:
        return moments_s
    angle = moments_s % step_s / step_s * 2.0 * np.pi
    phase = math.atan2(np.sin(angle).mean(), np.cos(angle).mean()) / (2.0 * np.pi) * step_s
    late = abs(phase) <= min(JITTER_FRAC * step_s, LATENESS_S)
    multiple = np.rint((moments_s - phase) / step_s) * step_s
    near = np.abs(moments_s - multiple - phase) <= JITTER_FRAC * step_s
    return np.where(near, multiple + (0.0 if late else round(phase)), moments_s)


def even_stamps(path: Path, name: str, times: Times) -> tuple[NDArray[np.datetime64], float]:
    """Stamps on their grid, in whole seconds, and its step [s].

    Raises
    ------
    ValueError
        For a gap, a doubled stamp or one that goes back, with its line.
    """
    if len(times) < 2:
        raise ValueError(f"{path}: one row in column '{name}', expected two or more to know the step")
    moments = times.astype("datetime64[ms]").astype(np.int64) / 1000.0
    step = usual_step_s(moments)
    moments = on_grid(moments, step)
    stamps = np.rint(moments).astype(np.int64).astype("datetime64[s]")
    steps = np.diff(moments)
    faults = np.flatnonzero((steps <= 0) | (np.abs(steps - step) > 1e-3))
    if faults.size:
        row = int(faults[0])
        found = "repeats" if steps[row] == 0 else "is before" if steps[row] < 0 else f"is {steps[row]:g} s after"
        usual = f", expected {step:g} s after" if step > 0.0 else ""  # rows from the newest on have no such step
        raise ValueError(
            f"{path}, {line(path, row + 1)}, column '{name}': {stamps[row + 1]} {found} the stamp above it{usual}; "
            "write rows in the order of time, in evenly spaced standard time (no daylight saving, or name its zone in "
            f"site.clock_zone; remove rows that were exported twice) ({faults.size} such steps)"
        )
    return stamps, step


def _text(cells: list[pd.Series]) -> pd.Series:
    """Cells as text, date and time of day joined; whole numbers without a decimal point."""
    import pandas as pd

    parts = []
    for column in cells:
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            parts.append(column.dt.strftime("%Y-%m-%d").fillna(""))
        elif pd.api.types.is_float_dtype(column.dtype) and np.all(np.abs(column % 1.0) == 0.0):
            parts.append(column.astype("int64").astype(str))
        else:
            parts.append(column.astype(str).str.strip())
    return parts[0] if len(parts) == 1 else parts[0] + " " + parts[1]


def _milliseconds(column: pd.Series) -> Times:
    return column.to_numpy().astype("datetime64[ms]")


def _parsed(text: pd.Series) -> _Parsed:
    """Every cell by the one pattern; NaT where it is no stamp."""
    import pandas as pd

    part = text.str.extract(_PATTERN)

    def number(name: str) -> Floats:
        return pd.to_numeric(part[name], errors="coerce").fillna(0.0).to_numpy(np.float64)

    digits = part["year"] + part["month"] + part["day"]
    day = pd.to_datetime(digits, format="%Y%m%d", errors="coerce").to_numpy().astype("datetime64[ms]")
    hour = np.where(part["joined"].notna(), number("joined"), number("hour"))
    fraction = pd.to_numeric("0." + part["part"].fillna("0")).to_numpy(np.float64)
    second = 60.0 * number("minute") + number("second") + fraction
    offset = part["offset"].fillna("").astype(str).str.replace("\u2212", "-").str.replace(":", "")
    numeric = pd.to_numeric(offset.str.slice(1).where(offset.str.match(r"[+-]"), "0"), errors="coerce").fillna(0.0)
    size = numeric.to_numpy(np.float64)
    short = offset.str.len().to_numpy() <= 3  # +07
    offset_s = np.where(short, size * 3600.0, size // 100.0 * 3600.0 + size % 100.0 * 60.0)
    offset_s = np.where(offset.str.startswith("-"), -offset_s, offset_s)
    year = number("year")
    good = (hour < 24.0) & (number("minute") < 60.0) & (number("second") < 60.0) | (hour == 24.0) & (second == 0.0)
    good &= (year >= _YEARS[0]) & (year <= _YEARS[1]) & (np.abs(offset_s) <= FURTHEST_OFFSET_H * 3600.0)
    good &= ~(part["joined"].notna() & (part["sep"].fillna("") != "")).to_numpy()
    face = day + np.rint((3600.0 * hour + second) * 1000.0).astype("timedelta64[ms]")
    face[~good] = np.datetime64("NaT")
    return _Parsed(face, np.where(offset.to_numpy() == "", np.nan, offset_s))


def _counted(path: Path, name: str, numbers: Floats, any_zero: bool) -> _Parsed:
    """Stamps that are numbers: since 1970 (UTC), Excel's days (local) or, where allowed, seconds from any zero."""
    universal, local = np.zeros(len(numbers)), np.full(len(numbers), np.nan)
    low, high = float(numbers.min()), float(numbers.max())
    for factor in (1.0, 1e3, 1e6, 1e9):
        if _EPOCH_S[0] * factor <= low and high <= _EPOCH_S[1] * factor:
            since = np.rint(numbers / factor * 1000.0).astype(np.int64)
            return _Parsed(since.astype("datetime64[ms]"), universal)
    steps = np.diff(numbers)
    usual = usual_step_s(numbers)
    days = len(numbers) > 1 and float(np.median(np.abs(steps))) <= (0.5 if any_zero else 1.0)
    if _EXCEL_DAYS[0] <= low and high <= _EXCEL_DAYS[1] and days:
        return _Parsed(_EXCEL_ZERO + np.rint(numbers * 86_400.0).astype("timedelta64[s]"), local)
    even = usual > 0.0 and float(np.mean(np.abs(steps - usual) <= JITTER_FRAC * usual)) >= 0.5
    if any_zero and low >= 0.0 and high - low <= _LONGEST_COUNT_S and high <= _EPOCH_S[1] and even:
        return _Parsed(ZERO + np.rint(numbers * 1000.0).astype("timedelta64[ms]"), universal)
    row = int(np.argmax(np.abs(numbers - np.median(numbers))))
    also = ", or evenly spaced seconds from any zero" if any_zero else ""
    raise ValueError(
        f"{path}, {line(path, row)}, column '{name}': found the number {numbers[row]:.15g} among numbers from "
        f"{low:.15g} to {high:.15g}, which are no moments that are read; expected {FORMATS}{also}; rewrite the column"
    )


def _utc(path: Path, name: str, parsed: _Parsed, clock: SiteClock) -> Times:
    """UTC of clock faces: by their own offset, else by the site's clock."""
    silent = np.isnan(parsed.offset_s)
    if clock.zone and silent.any():
        naive = np.zeros(len(silent))
        naive[silent] = _zone_offset_s(path, name, parsed.face, silent, clock.zone)
    else:
        naive = np.full(len(silent), clock.utc_offset_h * 3600.0)
    offset_s = np.where(silent, naive, parsed.offset_s)
    return parsed.face - np.rint(offset_s * 1000.0).astype("timedelta64[ms]")


def _zone_offset_s(path: Path, name: str, all_faces: Times, silent: NDArray[np.bool_], zone: str) -> Floats:
    """Offsets [s] of a clock on the wall; the hour that comes twice in autumn is told by the file's order."""
    import pandas as pd

    rows = np.flatnonzero(silent)
    faces = all_faces[silent]
    index = pd.DatetimeIndex(faces)
    where = zone_of(zone)
    early = index.tz_localize(where, ambiguous=np.ones(len(faces), bool), nonexistent="NaT")
    late = index.tz_localize(where, ambiguous=np.zeros(len(faces), bool), nonexistent="NaT")
    skipped = np.flatnonzero(early.isna())
    if skipped.size:
        row = int(rows[skipped[0]])
        raise ValueError(
            f"{path}, {line(path, row)}, column '{name}': {all_faces[row].astype('datetime64[s]')} does not exist in "
            f"{zone}: the clock jumps over it in spring; is the column standard time? then leave the zone out"
        )
    first = early.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ms]")
    second = late.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ms]")
    twice = first != second
    utc = first.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], twice, [False]]).astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2]):
        back = np.flatnonzero(np.diff(faces[start:stop]) <= np.timedelta64(0, "ms"))
        if not back.size:
            row = int(rows[start])
            raise ValueError(
                f"{path}, {line(path, row)}, column '{name}': {all_faces[row].astype('datetime64[s]')} comes twice in "
                f"{zone}, and the file has it once, so nobody can tell which it is; write UTC or an offset there"
            )
        utc[start + int(back[0]) + 1 : stop] = second[start + int(back[0]) + 1 : stop]
    return (faces - utc) / np.timedelta64(1, "s")
