from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from envs.signals.grid.demand_response import DemandResponseEvent, event_signals, generate_events
from envs.signals.grid.generator import hourly_carbon, hourly_price, hourly_shape, time_of_use_price
from envs.signals.grid.grid import GridSamples, load_grid, with_file
from envs.signals.grid.zones import grid_zone, zones
from envs.signals.plain_year import MONTH_EDGES
from envs.signals.site_signals import SITE_SIGNALS, site_signals
from envs.signals.weather.climates import sites
from envs.signals.weather.weather import load_weather

needs_data = pytest.mark.skipif("COLDAISLE_DATA" not in os.environ, reason="COLDAISLE_DATA is unset: no grid series")
YEARS = 8
PRICED = sorted(key for key, zone in zones().items() if zone.price is not None)
# PHYSICS g: carbon mean, p5, p95 [g/kWh], shape at local 00, 03, ..., 21 h, hours of minimum and maximum
CARBON_FACTS = {
    "PJM": (392, 333, 473, "0.99 0.97 0.99 0.98 0.98 0.99 1.04 1.05", 3, 20),
    "ERCOT": (367, 211, 516, "1.00 1.01 1.09 0.86 0.87 0.91 1.18 1.09", 10, 19),
    "CAISO": (226, 82, 357, "1.28 1.28 1.07 0.61 0.58 0.73 1.19 1.26", 11, 23),
    "DE-LU": (332, 157, 540, "1.08 1.06 1.06 0.87 0.77 0.88 1.13 1.15", 12, 19),
    "GB": (163, 71, 298, ".90 0.89 1.06 0.96 0.85 0.97 1.24 1.15", 12, 19),
    "SG": (485, 458, 496, "1.02 1.02 1.02 0.98 0.95 0.97 1.01 1.02", 12, 3),
    "JP-TK": (544, 396, 598, "1.09 1.09 1.06 0.85 0.77 0.96 1.09 1.09", 12, 19),
}
# PHYSICS g: price mean, median, p95, max [USD/MWh], share of negative hours, local hour of the mean day's peak
PRICE_FACTS = {
    "PJM": (36.2, 27.5, 86.7, 618, 0.0, 17),
    "ERCOT": (28.1, 19.9, 62.1, 2064, 0.0, 19),
    "CAISO": (40.7, 38.8, 71.3, 432, 0.031, 18),
    "DE-LU": (84.6, 85.5, 153.5, 946, 0.05, 19),
    "IN-WE": (51.2, 41.8, 116.6, 117, 0.0, 20),
    "SG": (121, 90, 259, 3361, 0.0, 20),
    "JP-TK": (86.5, 83.3, 137, 248, 0.0, 19),
    "AU-NSW": (131, 83, 258, 15637, 0.061, 18),
}
PRICE_TROUGH_H = {"CAISO": 11, "DE-LU": 13}
COUNTRY_G_KWH = {"US": 369, "IE": 291, "SA": 707, "AE": 561, "TW": 642, "FR": 56, "SE": 41, "NO": 30}


def mean_day(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 24).mean(axis=0) / values.mean()


@pytest.mark.parametrize("key", sorted(CARBON_FACTS))
def test_generated_carbon_holds_mean_spread_and_hours(key: str) -> None:
    mean, p5, p95, shape, low_hour, high_hour = CARBON_FACTS[key]
    carbon = hourly_carbon(grid_zone(key), seed=0, years=YEARS)
    assert carbon.mean() == pytest.approx(mean, rel=0.03)
    low, high = np.quantile(carbon, [0.05, 0.95])
    assert high - low == pytest.approx(p95 - p5, rel=0.12)
    assert high == pytest.approx(p95, rel=0.08)
    day = mean_day(carbon)
    np.testing.assert_allclose(day[::3], np.array(shape.split(), dtype=float), atol=0.05)
    assert day[low_hour] == pytest.approx(day.min(), abs=0.03)
    assert day[high_hour] == pytest.approx(day.max(), abs=0.03)


@pytest.mark.parametrize("key", sorted(COUNTRY_G_KWH))
def test_country_zones_hold_their_yearly_mean(key: str) -> None:
    assert hourly_carbon(grid_zone(key), 0, YEARS).mean() == pytest.approx(COUNTRY_G_KWH[key], rel=0.03)


@pytest.mark.parametrize("key", sorted(zones()))
def test_every_zone_gives_positive_bounded_carbon(key: str) -> None:
    carbon = hourly_carbon(grid_zone(key), seed=3)
    assert np.all(np.isfinite(carbon)) and carbon.min() > 0.0 and carbon.max() < 1300.0


def test_the_facts_of_every_priced_zone_are_tested() -> None:
    assert sorted(PRICE_FACTS) == PRICED


@pytest.mark.parametrize("key", PRICED)
def test_generated_price_holds_its_facts(key: str) -> None:
    mean, median, p95, maximum, negative, peak = PRICE_FACTS[key]
    price = hourly_price(grid_zone(key), seed=0, years=YEARS)
    assert price.mean() == pytest.approx(mean, rel=0.06)
    assert np.median(price) == pytest.approx(median, rel=0.04)
    assert np.quantile(price, 0.95) == pytest.approx(p95, rel=0.06)
    assert price.max() <= maximum
    assert np.mean(price < 0.0) == pytest.approx(negative, abs=0.01)
    assert abs(int(mean_day(price).argmax()) - peak) <= 1
    assert price.min() > -250.0
    if key in PRICE_TROUGH_H:
        assert abs(int(mean_day(price).argmin()) - PRICE_TROUGH_H[key]) <= 1


@pytest.mark.parametrize("key", PRICED)
def test_the_mean_day_of_the_price_follows_its_shape(key: str) -> None:
    facts = grid_zone(key).price
    assert facts is not None
    day = mean_day(hourly_price(grid_zone(key), seed=1, years=YEARS))
    assert np.corrcoef(day, facts.shape.hour)[0, 1] > 0.97
    assert day.std() == pytest.approx(facts.shape.hour.std(), rel=0.2)


def test_spiky_markets_spike_rarely_and_high() -> None:
    price = hourly_price(grid_zone("ERCOT"), seed=0, years=YEARS)
    high = price > 5 * 62.1
    assert 5 < high.sum() / YEARS < 100
    assert price.max() > 1000.0


def test_signals_are_the_same_for_a_seed_and_differ_between_seeds_and_years() -> None:
    zone = grid_zone("ERCOT")
    for draw in (hourly_carbon, hourly_price):
        np.testing.assert_array_equal(draw(zone, 7), draw(zone, 7))
        assert np.mean(draw(zone, 7) != draw(zone, 8)) > 0.9
        first, second = draw(zone, 7, 2).reshape(2, -1)
        assert np.mean(first != second) > 0.9


def test_noise_persists_for_hours() -> None:
    zone = grid_zone("ERCOT")
    noise = np.log(hourly_carbon(zone, 0, 4) / hourly_shape(zone.carbon.shape, 4))
    correlation = [np.corrcoef(noise[:-lag], noise[lag:])[0, 1] for lag in (1, 6, 24)]
    assert correlation[0] > 0.85
    assert 0.6 < correlation[1] < 0.9
    assert 0.2 < correlation[2] < 0.6


def test_the_default_tariff_is_time_of_use() -> None:
    grid = load_grid("IE")
    assert set(np.round(grid.price_usd_mwh, 6)) == {60.0, 80.0, 120.0}
    sunday, monday = grid.price_usd_mwh[:24], grid.price_usd_mwh[24:48]
    assert np.array_equal(np.flatnonzero(monday == 120.0), [16, 17, 18, 19, 20])
    assert np.array_equal(np.flatnonzero(monday == 60.0), [0, 1, 2, 3, 4, 5, 6, 22, 23])
    assert sunday.max() == 80.0


def test_the_tariff_s_weekday_follows_the_calendar_year() -> None:
    price = time_of_use_price(100.0, np.datetime64("2024-01-01"))
    assert price[16] == 150.0
    assert price[5 * 24 + 16] == 100.0


def test_a_tariff_takes_its_base_from_the_caller_or_the_market() -> None:
    assert np.all(load_grid("PJM", tariff="flat").price_usd_mwh == 36.2)
    assert np.all(load_grid("PJM", tariff="flat", base_price_usd_mwh=95.0).price_usd_mwh == 95.0)
    with pytest.raises(ValueError, match="'tou', 'wholesale' or 'flat'"):
        load_grid("PJM", tariff="spot")


def test_a_zone_without_a_market_has_no_wholesale_price() -> None:
    with pytest.raises(ValueError, match=r"'IE'.*'tou' or 'flat'"):
        load_grid("IE", tariff="wholesale")


def test_an_unknown_zone_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"'MARS'.*PJM"):
        load_grid("MARS")


def test_every_site_names_a_zone_that_exists_in_its_time_zone() -> None:
    for site in sites().values():
        assert abs(grid_zone(site.grid_zone).utc_offset_h - site.utc_offset_h) <= 1.0


def test_samples_hold_the_hour_and_average_longer_steps() -> None:
    grid = load_grid("ERCOT", tariff="wholesale")
    fine, coarse = grid.sample(300.0), grid.sample(7200.0)
    assert all(values.dtype == np.float32 and len(values) == 105_120 for values in fine)
    np.testing.assert_allclose(fine.price_usd_mwh.reshape(-1, 12), grid.price_usd_mwh[:, None] * np.ones(12), rtol=1e-5)
    np.testing.assert_allclose(coarse.price_usd_mwh, grid.price_usd_mwh.reshape(-1, 2).mean(axis=1), rtol=1e-4)


def test_a_site_in_another_time_zone_sees_the_same_moment() -> None:
    grid = load_grid("PJM", seed=2)
    start = grid.start_utc + np.timedelta64(3 * 3600, "s")
    shifted = grid.sample(3600.0, start)
    np.testing.assert_allclose(shifted.carbon_g_kwh[:-3], grid.carbon_g_kwh[3:], rtol=1e-5)
    np.testing.assert_allclose(shifted.carbon_g_kwh[-3:], grid.carbon_g_kwh[:3], rtol=1e-5)


def test_half_an_hour_of_offset_mixes_neighbouring_hours() -> None:
    grid = load_grid("PJM", seed=2)
    shifted = grid.sample(3600.0, grid.start_utc + np.timedelta64(1800, "s"))
    np.testing.assert_allclose(
        shifted.carbon_g_kwh[:-1], (grid.carbon_g_kwh[:-1] + grid.carbon_g_kwh[1:]) / 2, rtol=1e-5
    )


def test_another_calendar_year_is_aligned_by_the_day() -> None:
    grid = load_grid("PJM", seed=2, start_year=2022)
    later = grid.sample(3600.0, load_grid("PJM", start_year=2025).start_utc)
    np.testing.assert_allclose(later.carbon_g_kwh, grid.carbon_g_kwh, rtol=1e-5)


def test_a_second_year_is_the_second_year() -> None:
    grid = load_grid("PJM", seed=2, years=2)
    second = grid.sample(3600.0, grid.start_utc + np.timedelta64(365, "D"), 365 * 86400.0)
    np.testing.assert_allclose(second.carbon_g_kwh, grid.carbon_g_kwh[8760:], rtol=1e-5)


def test_a_year_is_never_repeated_to_fill_two() -> None:
    with pytest.raises(ValueError, match="never repeated"):
        load_grid("PJM").sample(300.0, span_s=2 * 365 * 86400.0)


def test_a_step_that_does_not_divide_the_span_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        load_grid("PJM").sample(7000.0)


def test_generated_events_keep_the_contract_s_ranges() -> None:
    start = np.datetime64("2023-01-01T06:00:00", "s")
    events = generate_events(np.random.default_rng(0), start, 3650, 20.0)
    assert len(events) == pytest.approx(200, abs=45)
    hours = [float((event.start_utc - start) / np.timedelta64(1, "h")) % 24 for event in events]
    assert min(hours) >= 14.0 and max(hours) <= 20.0
    for event in events:
        assert 3600.0 <= event.duration_s <= 4 * 3600.0
        assert 600.0 <= event.notice_s <= 7200.0
        assert 0.10 <= event.reduction_frac <= 0.25
    days = [int((event.start_utc - start) / np.timedelta64(1, "D")) for event in events]
    assert len(set(days)) == len(days)


def test_no_rate_no_events_and_a_bad_rate_is_refused() -> None:
    start = np.datetime64("2023-01-01", "s")
    assert generate_events(np.random.default_rng(0), start, 365, 0.0) == ()
    with pytest.raises(ValueError, match="events_per_year"):
        generate_events(np.random.default_rng(0), start, 365, -1.0)


def test_an_event_is_active_and_then_over() -> None:
    start = np.datetime64("2023-01-01T00:00:00", "s")
    event = DemandResponseEvent(start + np.timedelta64(3600, "s"), 1800.0, 900.0, 0.2)
    active, reduction, *_ = event_signals([event], start, 300.0, 24)
    np.testing.assert_array_equal(np.flatnonzero(active), [12, 13, 14, 15, 16, 17])
    np.testing.assert_array_equal(np.flatnonzero(reduction), np.flatnonzero(active))
    assert reduction.max() == np.float32(0.2)


def test_an_event_is_announced_by_its_notice_and_told_with_its_beginning_and_end() -> None:
    start = np.datetime64("2023-01-01T00:00:00", "s")
    first = DemandResponseEvent(start + np.timedelta64(3600, "s"), 1800.0, 900.0, 0.2)
    second = DemandResponseEvent(start + np.timedelta64(6300, "s"), 900.0, 3600.0, 0.1)
    told = event_signals([second, first], start, 300.0, 27)
    np.testing.assert_allclose(told.announced_frac, [0.0] * 9 + [0.2] * 3 + [0.1] * 9 + [0.0] * 6, atol=1e-7)
    np.testing.assert_allclose(told.starts_in_h[9:12] * 12.0, [3, 2, 1], atol=1e-5)
    np.testing.assert_allclose(told.starts_in_h[12:21] * 12.0, np.arange(9, 0, -1), atol=1e-5)
    np.testing.assert_allclose(told.ends_in_h[9:18] * 12.0, np.arange(9, 0, -1), atol=1e-5)
    np.testing.assert_allclose(told.ends_in_h[18:24] * 12.0, np.arange(6, 0, -1), atol=1e-5)
    assert not told.starts_in_h[21:].any() and not told.ends_in_h[24:].any()


def test_given_and_generated_events_reach_the_samples() -> None:
    event = DemandResponseEvent(np.datetime64("2023-07-01T20:00:00", "s"), 7200.0, 1800.0, 0.25)
    alone = load_grid("CAISO", events=[event]).sample(300.0)
    assert alone.dr_active.sum() == 24
    assert load_grid("CAISO").sample(300.0).dr_active.sum() == 0
    many = load_grid("CAISO", events=[event], events_per_year=15.0)
    assert len(many.events) > 5
    again = load_grid("CAISO", events=[event], events_per_year=15.0)
    assert many.events == again.events
    busy = many.sample(300.0).dr_active.sum() * 300.0
    assert busy == pytest.approx(sum(e.duration_s for e in many.events), rel=0.05)


@pytest.mark.parametrize("wrong", [{"duration_s": 0.0}, {"notice_s": -1.0}, {"reduction_frac": 15.0}])
def test_an_implausible_event_is_refused(wrong: dict[str, float]) -> None:
    traits = {"duration_s": 3600.0, "notice_s": 600.0, "reduction_frac": 0.15, **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DemandResponseEvent(np.datetime64("2023-07-01"), **traits)


def price_file(path: Path, hours: int = 8760) -> Path:
    stamps = np.datetime64("2022-01-01T00:00:00", "s") + np.arange(hours) * np.timedelta64(3600, "s")
    path.write_text("utc,price\n" + "".join(f"{stamp}Z,{k % 24}\n" for k, stamp in enumerate(stamps)))
    return path


def test_a_file_replaces_the_price_and_keeps_the_rest(tmp_path: Path) -> None:
    grid = load_grid("PJM", seed=1)
    read = with_file(grid, price_file(tmp_path / "p.csv"), {"price_usd_mwh": "price"}, time_column="utc")
    np.testing.assert_array_equal(read.carbon_g_kwh, grid.carbon_g_kwh)
    np.testing.assert_allclose(read.price_usd_mwh[:24], (np.arange(24) + 5) % 24, atol=1e-4)


def test_a_file_that_is_too_short_or_absurd_is_refused(tmp_path: Path) -> None:
    grid = load_grid("PJM")
    with pytest.raises(ValueError, match="never repeated"):
        with_file(grid, price_file(tmp_path / "p.csv", 48), {"price_usd_mwh": "price"}, time_column="utc")
    (tmp_path / "c.csv").write_text("carbon\n-5\n")
    with pytest.raises(ValueError, match="line 2, column 'carbon'.*expected a number"):
        with_file(grid, tmp_path / "c.csv", {"carbon_g_kwh": "carbon"})
    with pytest.raises(ValueError, match="price_usd_mwh and/or carbon_g_kwh"):
        with_file(grid, tmp_path / "c.csv", {"power": "carbon"})


def test_a_site_s_signals_stand_in_one_float32_block() -> None:
    weather, grid = load_weather("phoenix_az", 1), load_grid("AZPS", 1, events_per_year=10.0)
    block = site_signals(weather, grid, 300.0)
    assert block.shape == (105_120, len(SITE_SIGNALS))
    assert block.dtype == np.float32 and block.flags.c_contiguous
    assert SITE_SIGNALS[:4] == ("dry_bulb_c", "wet_bulb_c", "humidity_ratio", "pressure_kpa")
    assert SITE_SIGNALS[4:] == GridSamples._fields
    np.testing.assert_array_equal(block[:, 0], weather.sample(300.0).dry_bulb_c)
    np.testing.assert_array_equal(block[:, 5], grid.sample(300.0).carbon_g_kwh)
    assert np.all(np.isfinite(block))


def test_the_sun_dips_carbon_at_noon_of_the_grid_seen_from_far_away() -> None:
    block = site_signals(load_weather("singapore_sg"), load_grid("CAISO"), 3600.0)
    assert int(mean_day(block[:, SITE_SIGNALS.index("carbon_g_kwh")].astype(np.float64)).argmin()) in (2, 3, 4)


@needs_data
@pytest.mark.parametrize("key", ["NYIS", "MISO", "BPAT", "AZPS", "SOCO"])
def test_generated_carbon_agrees_with_the_hourly_series_of_2022(key: str) -> None:
    with gzip.open(
        Path(os.environ["COLDAISLE_DATA"]) / "grid/eia_ba_carbon_intensity_2022_hourly.csv.gz", "rt"
    ) as stream:
        real = np.array([float(row[key] or "nan") for row in csv.DictReader(stream)])
    carbon = hourly_carbon(grid_zone(key), 0, YEARS)
    assert carbon.mean() == pytest.approx(np.nanmean(real), rel=0.03)
    low, high = np.nanquantile(real, [0.05, 0.95])
    np.testing.assert_allclose(np.quantile(carbon, [0.05, 0.95]), [low, high], rtol=0.12)
    local = np.roll(real, round(grid_zone(key).utc_offset_h)).reshape(-1, 24)
    day = np.nanmean(local, axis=0) / np.nanmean(local)
    assert np.abs(mean_day(carbon) - day).max() < 0.04


@needs_data
def test_embedded_shapes_are_the_means_of_the_month_hour_profiles() -> None:
    profile_names = {"PJM": "US-MIDA-PJM", "ERCOT": "US-TEX-ERCO", "CAISO": "US-CAL-CISO"}
    kinds = {"carbon": "carbon_g_per_kwh_lca", "price": "price_usd_per_mwh"}
    with gzip.open(Path(os.environ["COLDAISLE_DATA"]) / "grid/month_hour_profiles.csv.gz", "rt") as stream:
        cells = {
            (row["kind"], row["zone"], int(row["month"]), int(row["hour_local_std"])): float(row["value"])
            for row in csv.DictReader(stream)
        }
    for key in ("PJM", "ERCOT", "CAISO", "DE-LU", "IN-WE", "SG", "JP-TK", "AU-NSW"):
        for signal, kind in kinds.items():
            zone = profile_names.get(key, key)
            table = np.array([[cells[kind, zone, m, h] for h in range(24)] for m in range(1, 13)])
            facts = getattr(grid_zone(key), signal)
            np.testing.assert_allclose(facts.shape.hour, table.mean(axis=0) / table.mean(), atol=0.011)
            np.testing.assert_allclose(facts.shape.month, table.mean(axis=1) / table.mean(), atol=0.011)


def test_winter_and_summer_differ_where_the_facts_say_so() -> None:
    carbon = hourly_carbon(grid_zone("CAISO"), 0, YEARS).reshape(YEARS, 365, 24)
    january = carbon[:, : MONTH_EDGES[1]].mean()
    may = carbon[:, MONTH_EDGES[4] : MONTH_EDGES[5]].mean()
    assert january > 1.6 * may
