"""What the grid says to the site: price, carbon intensity and demand response, held over their intervals."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.signals.cells import listed, read_headings
from envs.signals.grid.demand_response import DemandResponseEvent, event_signals, generate_events
from envs.signals.grid.generator import hourly_carbon, hourly_price, time_of_use_price
from envs.signals.grid.zones import Zone, grid_zone
from envs.signals.plain_year import DAYS_PER_YEAR, is_leap_day, plain_seconds
from envs.signals.series import Label, Series, interval_means, read_series
from envs.signals.table_file import TIME_COLUMN, Column, time_heading

DEFAULT_BASE_USD_MWH = 80.0  # where a zone has no market facts, engineering guess
FILE_COLUMNS = {
    "price_usd_mwh": Column("price_usd_mwh", -1000.0, 20000.0, "USD/MWh", "is it per kWh or in cents?"),
    "carbon_g_kwh": Column("carbon_g_kwh", 0.0, 1500.0, "g/kWh", "kg/MWh equals g/kWh; lb/MWh: multiply by 0.4536"),
}


class GridSamples(NamedTuple):
    """Grid signals over every control step, each (T,) float32."""

    price_usd_mwh: NDArray[np.float32]
    carbon_g_kwh: NDArray[np.float32]
    dr_active: NDArray[np.float32]
    dr_reduction_frac: NDArray[np.float32]
    dr_announced_frac: NDArray[np.float32]
    dr_starts_in_h: NDArray[np.float32]
    dr_ends_in_h: NDArray[np.float32]


@dataclass(frozen=True)
class GridSignals:
    """Price and carbon intensity of a place over whole days, and its demand response events.

    Parameters
    ----------
    zone : Zone
        The grid zone.
    start_utc : numpy.datetime64
        Start of the first interval.
    step_s : float
        Length of an interval [s].
    price_usd_mwh, carbon_g_kwh : numpy.ndarray, shape (T,)
        Held over each interval [USD/MWh], [g/kWh].
    events : tuple of DemandResponseEvent
        Demand response, in UTC.
    """

    zone: Zone
    start_utc: np.datetime64
    step_s: float
    price_usd_mwh: NDArray[np.float64]
    carbon_g_kwh: NDArray[np.float64]
    events: tuple[DemandResponseEvent, ...] = ()

    @property
    def span_s(self) -> float:
        """Seconds covered."""
        return len(self.price_usd_mwh) * self.step_s

    def sample(self, step_s: float, start_utc: np.datetime64 | None = None, span_s: float | None = None) -> GridSamples:
        """Hold (or average, for longer steps) the signals on a control grid.

        Parameters
        ----------
        step_s : float
            Control step [s].
        start_utc : numpy.datetime64, optional
            Start of the first step; default the start of the series. Hours that the series lacks at either end (a site
            in another time zone) come from its other end; another calendar year is aligned by the day of the year.
        span_s : float, optional
            Seconds wanted, at most what the series covers; default all of it.

        Returns
        -------
        GridSamples
            Arrays (span / step_s,) float32; element k is the mean over ``start_utc + [k, k + 1) * step_s``.
        """
        start = self.start_utc if start_utc is None else start_utc
        span = self.span_s if span_s is None else span_s
        count = span / step_s if step_s > 0.0 else 0.0
        if count < 1.0 or abs(count - round(count)) > 1e-9 * count:
            raise ValueError(f"step_s = {step_s:g} does not divide the span of {span:g} s; choose one that does")
        if span > self.span_s:
            raise ValueError(
                f"grid series of {self.zone.key} covers {self.span_s / 86400.0:g} days, {span / 86400.0:g} are wanted; "
                "load more years (years=...) or a longer file: a year is never repeated"
            )
        shift_s = self._shift_s(start, span)
        twice = np.tile(np.stack([self.price_usd_mwh, self.carbon_g_kwh], axis=1), (2, 1))
        held = interval_means(twice, self.step_s, shift_s + np.arange(round(count) + 1) * step_s).astype(np.float32)
        own_start = self.start_utc + np.timedelta64(round(shift_s), "s")
        events = event_signals(self.events, own_start, step_s, len(held), self.span_s)
        return GridSamples(held[:, 0].copy(), held[:, 1].copy(), *events)

    def _shift_s(self, start: np.datetime64, span: float) -> float:
        """Seconds from the start of the series to the wanted start, wrapped into the series."""
        offset = np.timedelta64(round(self.zone.utc_offset_h * 3600.0), "s")  # leap days are local days
        ahead = plain_seconds(start + offset) - plain_seconds(self.start_utc + offset)
        if ahead >= 0.0 and ahead + span <= self.span_s:
            return ahead
        return ahead % (DAYS_PER_YEAR * 86_400.0) % self.span_s


def load_grid(
    zone: str = "US",
    seed: int = 0,
    years: int = 1,
    start_year: int = 2023,
    *,
    tariff: str = "tou",
    base_price_usd_mwh: float | None = None,
    events_per_year: float = 0.0,
    events: Sequence[DemandResponseEvent] = (),
) -> GridSignals:
    """Grid signals of an embedded zone, generated: the same for the same zone and seed.

    Parameters
    ----------
    zone : str
        A key of `grid_zones.zones`, such as ``"ERCOT"``.
    seed : int
        Decides carbon, wholesale price and generated events.
    years : int
        Years of 365 days.
    start_year : int
        Calendar year of the first local midnight.
    tariff : {"tou", "wholesale", "flat"}
        Time of use (PHYSICS g), generated market price, or one price.
    base_price_usd_mwh : float, optional
        Shoulder or flat price [USD/MWh]; default the zone's market mean, else 80 (engineering guess).
    events_per_year : float
        Mean number of generated demand response events (PHYSICS F8), besides the given ``events``.
    events : sequence of DemandResponseEvent
        Known events.
    """
    place = grid_zone(zone)
    carbon = hourly_carbon(place, seed, years)
    local = np.datetime64(f"{start_year:04d}-01-01T00:00:00", "s")
    start = local - np.timedelta64(round(place.utc_offset_h * 3600.0), "s")
    price = _tariff_price(place, tariff, base_price_usd_mwh, seed, years, local)
    drawn = generate_events(_event_generator(place, seed), start, DAYS_PER_YEAR * years, events_per_year)
    return GridSignals(place, start, 3600.0, price, carbon, (*drawn, *events))


def _event_generator(zone: Zone, seed: int) -> np.random.Generator:
    """Make the generator of a zone's demand response."""
    return np.random.default_rng([zlib.crc32(zone.key.encode()), seed, 2])


def _tariff_price(
    zone: Zone, tariff: str, base_usd_mwh: float | None, seed: int, years: int, first_day: np.datetime64
) -> NDArray[np.float64]:
    """Hourly price (8760 * years,) [USD/MWh] by the chosen tariff."""
    if tariff == "wholesale":
        return hourly_price(zone, seed, years)
    if tariff not in ("tou", "flat"):
        raise ValueError(f"tariff = {tariff!r}; choose 'tou', 'wholesale' or 'flat'")
    base = base_usd_mwh
    if base is None:
        base = zone.price.mean if zone.price is not None else DEFAULT_BASE_USD_MWH
    if tariff == "flat":
        return np.full(24 * DAYS_PER_YEAR * years, base)
    return time_of_use_price(base, first_day, years)


def with_grid_file(grid: GridSignals, path: str | Path, zone: str = "") -> GridSignals:
    """Return the grid with what a table has of ``price_usd_mwh`` and ``carbon_g_kwh``.

    With a column ``time`` each stamp is the start of its interval, in local standard time of the grid's zone (or by the
    clock on the wall of an IANA ``zone``) where it carries no offset, and the table may begin anywhere in the year;
    without one its rows are the hours from 1 January 00:00 on. It must cover the 365 days of a year; 29 February is
    left out. Any other column is refused.

    Raises
    ------
    ValueError
        Naming the file and what was expected of it.
    """
    headings = read_headings(Path(path))
    columns = {name: name for name in FILE_COLUMNS if name in headings}
    if not columns:
        raise ValueError(
            f"{path}, line 1: found {listed(headings)}, expected {' and/or '.join(FILE_COLUMNS)}; rename a column"
        )
    stamped = time_heading(Path(path))
    return with_file(
        grid, path, columns, time_column=stamped, utc_offset_h=grid.zone.utc_offset_h, zone=zone, others=()
    )


def with_file(
    grid: GridSignals,
    path: str | Path,
    columns: Mapping[str, str],
    *,
    time_column: str | Sequence[str] | None = None,
    utc_offset_h: float = 0.0,
    zone: str = "",
    step_s: float = 3600.0,
    label: Label = "start",
    others: Collection[str] | None = None,
) -> GridSignals:
    """Return the grid with price or carbon (or both) replaced by those of a CSV or Parquet file.

    Parameters
    ----------
    grid : GridSignals
        What the file does not replace.
    path : str or Path
        A ``.csv``, ``.csv.gz`` or ``.parquet`` file of whole days. With stamps it is at least as long as ``grid``; more
        is cut, and 29 February is left out. Without stamps it is just as long.
    columns : mapping
        ``price_usd_mwh`` and/or ``carbon_g_kwh`` to the file's headings.
    time_column : str or sequence of str, optional
        Heading of time stamps, or of date and time of day; without it row 0 is the first hour of ``grid`` and
        ``step_s`` its step.
    utc_offset_h : float
        Offset [h] of stamps that carry none.
    zone : str
        IANA zone whose clock on the wall such stamps follow; empty: standard time.
    step_s : float
        Distance of rows [s] of a file without time column.
    label : {"start", "end", "mid"}
        What the stamps name.
    others : collection of str, optional
        Columns that may be there unread, see `read_table`.
    """
    if not columns or set(columns) - set(FILE_COLUMNS):
        raise ValueError(f"columns maps {sorted(columns)}; map {' and/or '.join(FILE_COLUMNS)} to headings of {path}")
    specs = [replace(FILE_COLUMNS[ours], name=theirs) for ours, theirs in columns.items()]
    given = None if time_column else grid.start_utc
    series = read_series(
        path,
        specs,
        time_column=time_column,
        start_utc=given,
        step_s=step_s,
        utc_offset_h=utc_offset_h,
        zone=zone,
        label=label,
        others=others,
    )
    if time_column:
        series = _years_of(_without_leap_days(series, grid.zone.utc_offset_h), grid)
    elif series.duration_s > grid.span_s:
        raise ValueError(
            f"{path}, line {len(series) + 1}: {len(series)} rows of {series.step_s:g} s without stamps cover "
            f"{series.duration_s / 86400.0:g} days, expected {grid.span_s / 86400.0:g}: which day is too many is not "
            f"known; add a column '{TIME_COLUMN}' (29 February is then left out), or cut the file"
        )
    if series.duration_s < grid.span_s:
        raise ValueError(
            f"{path}, line {len(series) + 1}: {len(series)} rows of {series.step_s:g} s cover "
            f"{series.duration_s / 86400.0:g} days, expected {grid.span_s / 86400.0:g}: a year is never repeated; give "
            "a longer file"
        )
    file_values = dict(zip(columns, series.values.T))
    blank = np.zeros(len(series))
    read = replace(
        grid,
        start_utc=series.first_edge_utc if time_column else grid.start_utc,
        step_s=series.step_s,
        price_usd_mwh=file_values.get("price_usd_mwh", blank),
        carbon_g_kwh=file_values.get("carbon_g_kwh", blank),
        events=(),
    )
    aligned = read.sample(grid.step_s, grid.start_utc, grid.span_s)
    return replace(grid, **{ours: getattr(aligned, ours).astype(np.float64) for ours in columns})


def _without_leap_days(series: Series, utc_offset_h: float) -> Series:
    """Leave 29 February (local standard time) out, as every year of weather does; other series stay as they are."""
    since = np.round((np.arange(len(series)) * series.step_s + utc_offset_h * 3600.0) * 1000.0)
    kept = ~is_leap_day(series.first_edge_utc.astype("datetime64[ms]") + since.astype("timedelta64[ms]"))
    if kept.all():
        return series
    moved = np.timedelta64(round(int(np.argmax(kept)) * series.step_s * 1000.0), "ms")
    return replace(series, start_utc=series.start_utc + moved, values=series.values[kept])


def _years_of(series: Series, grid: GridSignals) -> Series:
    """As much of a series as the grid spans, where it lies in other years than the grid: what wraps must fit."""
    after_s = float((series.first_edge_utc - grid.start_utc) / np.timedelta64(1, "s"))
    covers = after_s <= 0.0 and after_s + series.duration_s >= grid.span_s
    count = round(grid.span_s / series.step_s)
    return series if covers or len(series) <= count else series.part(0, count)
