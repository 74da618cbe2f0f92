"""The air outside: dry bulb, wet bulb, humidity and pressure over whole days, from a generator or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.physics.psychrometrics import humidity_ratio, pressure_kpa, wet_bulb_c
from envs.signals.series import Series
from envs.signals.table_file import DRY_BULB_C, PRESSURE_PA, RH_FRAC, Table, read_table, time_heading
from envs.signals.weather.climates import ClimateSite, climate
from envs.signals.weather.epw import read_epw
from envs.signals.weather.generator import hourly_weather

FILE_SUFFIXES = (".epw", ".csv", ".gz", ".parquet")
HANDED_COLUMNS = {"dry_bulb_c": "drybulb_c", "rh_frac": "rh_frac", "pressure_pa": "pressure_pa"}
COMPUTED_COLUMNS = ("wetbulb_c", "dewpoint_c")  # may stand in a table: they follow from the three that are read


class WeatherSamples(NamedTuple):
    """Weather at the start of every control step from the first local midnight on, each (T,) float32."""

    dry_bulb_c: NDArray[np.float32]
    wet_bulb_c: NDArray[np.float32]
    humidity_ratio: NDArray[np.float32]
    pressure_kpa: NDArray[np.float32]


@dataclass(frozen=True)
class Weather:
    """Weather of one place over whole days (as a rule years); what follows the last value is the first one.

    Parameters
    ----------
    site : ClimateSite
        Name, latitude, longitude, elevation [m], local standard time minus UTC [h].
    start_utc : numpy.datetime64
        The moment of the first value.
    step_s : float
        Distance of two values [s].
    dry_bulb_c, wet_bulb_c : numpy.ndarray, shape (T,)
        Temperatures [degC].
    humidity_ratio : numpy.ndarray, shape (T,)
        Water in the air [kg/kg dry air].
    pressure_kpa : numpy.ndarray, shape (T,)
        Station pressure [kPa].
    """

    site: ClimateSite
    start_utc: np.datetime64
    step_s: float
    dry_bulb_c: NDArray[np.float64]
    wet_bulb_c: NDArray[np.float64]
    humidity_ratio: NDArray[np.float64]
    pressure_kpa: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse a span that is not whole days: sampling wraps around its end."""
        if abs(self.span_s / 86400.0 - round(self.span_s / 86400.0)) > 1e-9 or self.span_s < 86400.0:
            raise ValueError(
                f"weather of {self.site.name} covers {self.span_s / 3600.0:g} h, expected whole days (a year has 8760 "
                "h); complete or cut it"
            )

    @property
    def span_s(self) -> float:
        """Seconds covered."""
        return len(self.dry_bulb_c) * self.step_s

    @property
    def latitude(self) -> float:
        """Degrees north."""
        return self.site.latitude

    @property
    def longitude(self) -> float:
        """Degrees east."""
        return self.site.longitude

    @property
    def elevation_m(self) -> float:
        """Metres above the sea."""
        return self.site.elevation_m

    @property
    def utc_offset_h(self) -> float:
        """Local standard time minus UTC [h]."""
        return self.site.utc_offset_h

    @property
    def grid_start_utc(self) -> np.datetime64:
        """The first step of every sampled grid: local midnight of the first day, in UTC."""
        offset = np.timedelta64(round(self.utc_offset_h * 3600.0), "s")
        midnight = (self.start_utc + offset).astype("datetime64[D]").astype("datetime64[s]")
        return midnight - offset

    def sample(self, step_s: float) -> WeatherSamples:
        """Interpolate linearly to the control grid.

        Parameters
        ----------
        step_s : float
            Control step [s]; must divide a day.

        Returns
        -------
        WeatherSamples
            Arrays (span / step_s,) float32: element k is the weather at ``grid_start_utc + k * step_s``.
        """
        if not step_s > 0.0 or abs(86400.0 / step_s - round(86400.0 / step_s)) > 1e-9:
            raise ValueError(f"Weather.sample(step_s={step_s:g}): give a step that divides a day, such as 300")
        lead_s = float((self.start_utc - self.grid_start_utc) / np.timedelta64(1, "s"))
        known = lead_s + np.arange(len(self.dry_bulb_c)) * self.step_s
        wanted = np.arange(round(self.span_s / step_s)) * step_s
        arrays = (getattr(self, name) for name in WeatherSamples._fields)
        return WeatherSamples(*(np.interp(wanted, known, a, period=self.span_s).astype(np.float32) for a in arrays))

    def series(self) -> Series:
        """Return the four signals as a `Series` of moments."""
        values = np.stack([getattr(self, name) for name in WeatherSamples._fields], axis=1)
        return Series(self.start_utc, self.step_s, values, WeatherSamples._fields, "mid", "interpolate")


def weather_from_humidity(
    site: ClimateSite,
    start_utc: np.datetime64,
    step_s: float,
    dry_bulb_c: NDArray[np.float64],
    rh_frac: NDArray[np.float64],
    station_pressure_kpa: NDArray[np.float64] | float,
) -> Weather:
    """Weather from dry bulb [degC], relative humidity 0..1 and pressure [kPa]; the wet bulb is computed here, once."""
    pressure = np.broadcast_to(np.asarray(station_pressure_kpa, np.float64), dry_bulb_c.shape)
    moisture = humidity_ratio(dry_bulb_c, rh_frac, pressure)
    return Weather(site, start_utc, step_s, dry_bulb_c, wet_bulb_c(dry_bulb_c, rh_frac, pressure), moisture, pressure)


def _new_year_utc(year: int, utc_offset_h: float) -> np.datetime64:
    """Local midnight of 1 January in UTC."""
    return np.datetime64(f"{year:04d}-01-01T00:00:00", "s") - np.timedelta64(round(utc_offset_h * 3600.0), "s")


def generate_weather(site: str, seed: int = 0, years: int = 1, start_year: int = 2023) -> Weather:
    """Synthetic hourly weather of an embedded climate (PHYSICS K1): the same for the same site and seed.

    Parameters
    ----------
    site : str
        A key of `climates.sites`.
    seed : int
        Decides the whole series.
    years : int
        Consecutive, different years of 365 days each (a 365-day calendar: 29 February does not exist).
    start_year : int
        The calendar year of the first value.
    """
    normals = climate(site)
    dry_bulb, dew_point = hourly_weather(normals, seed, years)
    rh = np.exp(17.625 * (dew_point / (243.04 + dew_point) - dry_bulb / (243.04 + dry_bulb)))  # PHYSICS A7, Magnus
    start = _new_year_utc(start_year, normals.site.utc_offset_h)
    standard = float(pressure_kpa(normals.site.elevation_m))
    return weather_from_humidity(normals.site, start, 3600.0, dry_bulb, np.minimum(rh, 1.0), standard)


def read_epw_weather(path: str | Path, start_year: int = 2023) -> Weather:
    """Weather of an EPW file by its months and days, placed in ``start_year``.

    A record is the moment that ends its hour, local standard time: hour 1 is 01:00. A whole year begins on 1 January.
    """
    epw = read_epw(path)
    site = ClimateSite(Path(path).stem, epw.name, epw.latitude, epw.longitude, epw.elevation_m, epw.utc_offset_h)
    since_s = round(epw.first_day * 86_400.0 + epw.step_s)
    start = _new_year_utc(start_year, epw.utc_offset_h) + np.timedelta64(since_s, "s")
    return weather_from_humidity(site, start, epw.step_s, epw.dry_bulb_c, epw.rh_frac, epw.pressure_kpa)


def read_table_weather(
    path: str | Path,
    site: ClimateSite,
    *,
    columns: Mapping[str, str] = HANDED_COLUMNS,
    time_column: str | Sequence[str] | None = None,
    first_hour: float = 1.0,
    step_s: float = 3600.0,
    rows: int | None = None,
    start_year: int = 2023,
    zone: str = "",
) -> Weather:
    """Weather of a CSV or Parquet table with dry bulb, relative humidity and, where it has it, pressure.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file.
    site : ClimateSite
        Place and time zone of the station.
    columns : mapping
        Our names ``dry_bulb_c``, ``rh_frac`` and (optional) ``pressure_pa`` to the file's headings. Without a pressure
        the standard atmosphere at the site's elevation is taken.
    time_column : str or sequence of str, optional
        Heading of time stamps (or of date and time of day), which then decide start and step: moments of the readings,
        local standard time of the site where they carry no offset. Left out: ``time``, where the file has such a
        column.
    first_hour : float
        Without a time column: local standard hour of the first row (1 for hour-ending files such as TMY3).
    step_s : float
        Without a time column: distance of two rows [s].
    rows : int, optional
        Rows the file must have; without a time column of hourly data 8760 is a year.
    start_year : int
        Without a time column: the calendar year.
    zone : str
        IANA zone whose clock on the wall, with daylight saving, the stamps without an offset follow; empty: the site's
        standard time.
    """
    known = {"dry_bulb_c": DRY_BULB_C, "rh_frac": RH_FRAC, "pressure_pa": PRESSURE_PA}
    unknown = set(columns) - set(known)
    if unknown or not {"dry_bulb_c", "rh_frac"} <= set(columns):
        raise ValueError(
            f"columns maps {sorted(columns)}, expected dry_bulb_c, rh_frac and maybe pressure_pa to headings of {path}"
        )
    specs = [replace(known[ours], name=theirs) for ours, theirs in columns.items()]
    time_column = time_column or time_heading(Path(path))
    table = read_table(
        path,
        specs,
        time_column=time_column,
        utc_offset_h=site.utc_offset_h,
        zone=zone,
        rows=rows,
        others=COMPUTED_COLUMNS,
    )
    start = _new_year_utc(start_year, site.utc_offset_h) + np.timedelta64(round(first_hour * 3600.0), "s")
    if table.times_utc is not None and table.step_s is not None:
        start, step_s = table.times_utc[0], table.step_s
    _require_whole_days(path, table, step_s)
    dry_bulb, rh = table.columns[columns["dry_bulb_c"]], np.minimum(table.columns[columns["rh_frac"]], 1.0)
    if "pressure_pa" not in columns:
        return weather_from_humidity(site, start, step_s, dry_bulb, rh, float(pressure_kpa(site.elevation_m)))
    return weather_from_humidity(site, start, step_s, dry_bulb, rh, table.columns[columns["pressure_pa"]] / 1000.0)


def _require_whole_days(path: str | Path, table: Table, step_s: float) -> None:
    """Name the file and its last line where rows are missing at its end, or (without stamps) anywhere."""
    count = len(next(iter(table.columns.values())))
    if round(count * step_s) % 86_400 == 0:
        return
    stamps = table.times_utc
    last = f"'{stamps[-1]}' UTC" if stamps is not None else f"row {count}"
    mend = (
        "complete the last day" if stamps is not None else "add the missing rows; a column 'time' says where they are"
    )
    raise ValueError(
        f"{path}, line {count + 1}: the table ends with {last} after {count} rows of {step_s:g} s, "
        f"{count * step_s / 86_400.0:g} days, expected whole days (a year has 8760 h); {mend}"
    )


def load_weather(
    name_or_path: str | Path,
    seed: int = 0,
    years: int = 1,
    start_year: int = 2023,
    *,
    site: ClimateSite | str | None = None,
    columns: Mapping[str, str] = HANDED_COLUMNS,
    time_column: str | Sequence[str] | None = None,
    first_hour: float = 1.0,
    zone: str = "",
) -> Weather:
    """Weather by the key of an embedded climate (generated) or by the path of a file (read).

    Parameters
    ----------
    name_or_path : str or Path
        A key of `climates.sites` such as ``"phoenix_az"``, or an ``.epw``, ``.csv``, ``.csv.gz`` or ``.parquet`` file.
    seed, years : int
        For the generator; files ignore them.
    start_year : int
        Calendar year of series that carry none.
    site : ClimateSite or str, optional
        Place of a table (EPW files carry their own): a `ClimateSite` or the key of an embedded one.
    columns, time_column, first_hour, zone
        See `read_table_weather`.
    """
    suffix = Path(name_or_path).suffix.lower()
    if suffix not in FILE_SUFFIXES:
        return generate_weather(str(name_or_path), seed, years, start_year)
    if suffix == ".epw":
        return read_epw_weather(name_or_path, start_year)
    if site is None:
        raise ValueError(
            f"{name_or_path}: a table does not say where it was measured; give site=ClimateSite(...) or the key of an "
            "embedded site"
        )
    place = climate(site).site if isinstance(site, str) else site
    return read_table_weather(
        name_or_path,
        place,
        columns=columns,
        time_column=time_column,
        first_hour=first_hour,
        start_year=start_year,
        zone=zone,
    )
