from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from envs.signals.noise import autoregressive_noise
from envs.signals.plain_year import MONTH_DAYS, MONTH_EDGES
from envs.signals.weather.climates import climate, sites
from envs.signals.weather.generator import hourly_weather, smooth_year
from envs.signals.weather.weather import generate_weather

SITES = sorted(sites())
YEARS = 60
FILE_SITES = {
    "phoenix_az": "phoenix_az_tmy3",
    "sterling_va": "sterling_va_tmy3",
    "chicago_il": "chicago_il_tmy3",
    "dallas_tx": "dallas_tx_tmy3",
    "miami_fl": "miami_fl_tmy3",
    "denver_co": "denver_co_tmy3",
    "seattle_wa": "seattle_wa_tmy3",
    "stockholm_se": "stockholm_iwec_STATSONLY",
    "helsinki_fi": "helsinki_iwec_STATSONLY",
    "frankfurt_de": "frankfurt_de_om2023",
    "london_gb": "london_gb_om2023",
    "mumbai_in": "mumbai_in_om2023",
    "singapore_sg": "singapore_om2023",
}
# Hottest 0.4 % of hours [degC], facts of PHYSICS k (site_stats)
HOT_DESIGN_C = {
    "phoenix_az": 42.8,
    "sterling_va": 33.9,
    "chicago_il": 32.2,
    "miami_fl": 33.3,
    "denver_co": 35.0,
    "dallas_tx": 38.28,
    "seattle_wa": 30.6,
    "stockholm_se": 25.5,
    "helsinki_fi": 25.3,
    "frankfurt_de": 30.5,
    "london_gb": 28.3,
    "mumbai_in": 35.7,
    "singapore_sg": 32.4,
}


def months(values: np.ndarray) -> list[np.ndarray]:
    """Each month of every year: (years, days, 24)."""
    cube = values.reshape(-1, 365, 24)
    return [cube[:, a:b] for a, b in zip(MONTH_EDGES[:-1], MONTH_EDGES[1:])]


def test_there_are_climates_on_three_continents() -> None:
    assert len(SITES) >= 17
    zones = {sites()[key].utc_offset_h for key in SITES}
    assert {-8.0, -5.0, 1.0, 3.0, 5.5, 8.0, 9.0} <= zones
    assert all(sites()[key].source for key in SITES)


@pytest.mark.parametrize("key", SITES)
def test_normals_are_plausible_and_complete(key: str) -> None:
    normals = climate(key)
    assert all(np.shape(getattr(normals, name)) == (12,) for name in ("temp_mean_c", "dew_point_c", "day_mean_sd_k"))
    assert np.all(normals.dew_point_c < normals.temp_mean_c)
    assert np.all((normals.diurnal_amplitude_k > 0.3) & (normals.diurnal_amplitude_k < 12.0))
    assert np.all((normals.hour_of_max >= 10) & (normals.hour_of_max <= 17))


def test_an_unknown_site_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'atlantis'.*phoenix_az"):
        climate("atlantis")


def test_the_season_keeps_each_month_and_has_no_kink() -> None:
    normals = climate("chicago_il").temp_mean_c
    fine = smooth_year(normals, np.arange(365 * 24) / 24.0 + 1 / 48.0)
    means = [fine[24 * a : 24 * b].mean() for a, b in zip(MONTH_EDGES[:-1], MONTH_EDGES[1:])]
    np.testing.assert_allclose(means, normals, atol=1e-3)
    slope = np.diff(np.concatenate([fine, fine[:2]]))
    assert np.abs(np.diff(slope)).max() < 0.02 * np.abs(slope).max()
    assert sum(MONTH_DAYS) == 365


def test_noise_has_unit_variance_and_its_persistence() -> None:
    noise = autoregressive_noise(np.random.default_rng(0), 40_000, 0.7)
    assert noise.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(noise[:-1], noise[1:])[0, 1] == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("key", SITES)
def test_generated_months_hold_their_normals(key: str) -> None:
    normals = climate(key)
    dry_bulb, dew_point = hourly_weather(normals, seed=1, years=YEARS)
    season = smooth_year(normals.temp_mean_c, np.arange(365) + 0.5)
    for month, block in enumerate(months(dry_bulb)):
        # where one year's months jump (London in May 2023), a smooth season alone spreads wider than that year's days
        trend = season[MONTH_EDGES[month] : MONTH_EDGES[month + 1]].std()
        spread = max(float(normals.day_mean_sd_k[month]), 1.1 * trend)
        day_means = block.mean(axis=2)
        assert block.mean() == pytest.approx(normals.temp_mean_c[month], abs=1.0 if spread < 6.0 else 1.3)
        assert np.sqrt(day_means.var(axis=1, ddof=1).mean()) == pytest.approx(spread, rel=0.25)
        profile = block.mean(axis=(0, 1))
        assert (np.ptp(profile) / 2) == pytest.approx(normals.diurnal_amplitude_k[month], rel=0.2)
        assert abs(int(profile.argmax()) - normals.hour_of_max[month]) <= 1.5
    assert np.all(dew_point <= dry_bulb)


@pytest.mark.parametrize("key", sorted(HOT_DESIGN_C))
def test_generated_heat_is_near_the_design_temperature(key: str) -> None:
    dry_bulb, _ = hourly_weather(climate(key), seed=2, years=10)
    assert np.quantile(dry_bulb, 0.996) == pytest.approx(HOT_DESIGN_C[key], abs=4.0)


def test_the_same_seed_gives_the_same_year_and_another_seed_another() -> None:
    one, again, other = (generate_weather("dallas_tx", seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.dry_bulb_c, again.dry_bulb_c)
    np.testing.assert_array_equal(one.wet_bulb_c, again.wet_bulb_c)
    assert np.abs(one.dry_bulb_c - other.dry_bulb_c).mean() > 1.0


def test_sites_with_the_same_seed_do_not_share_their_weather() -> None:
    def anomaly(key: str) -> np.ndarray:
        days = hourly_weather(climate(key), 0)[0].reshape(365, 24).mean(axis=1)
        return days - smooth_year(climate(key).temp_mean_c, np.arange(365) + 0.5)

    assert abs(np.corrcoef(anomaly("dallas_tx"), anomaly("frankfurt_de"))[0, 1]) < 0.3


def test_a_year_never_repeats() -> None:
    dry_bulb, _ = hourly_weather(climate("frankfurt_de"), 0, years=3)
    years = dry_bulb.reshape(3, 365, 24).mean(axis=2)
    years = years - years.mean(axis=0)
    assert np.abs(years).mean() > 1.0
    days = years.ravel()
    for lag in (7, 28, 365):
        assert np.corrcoef(days[:-lag], days[lag:])[0, 1] < 0.3


def test_more_years_do_not_change_the_length_of_a_year() -> None:
    assert len(generate_weather("tokyo_jp", 0, years=2).dry_bulb_c) == 2 * 8760


@pytest.mark.parametrize("key", SITES)
def test_generated_weather_is_bounded_and_wet_bulb_below_dry_bulb(key: str) -> None:
    weather = generate_weather(key, seed=0)
    assert np.all(weather.wet_bulb_c <= weather.dry_bulb_c + 1e-9)
    for values, low, high in (
        (weather.dry_bulb_c, -45.0, 54.0),
        (weather.wet_bulb_c, -45.0, 34.0),
        (weather.humidity_ratio, 1e-5, 0.035),
        (weather.pressure_kpa, 75.0, 103.0),
    ):
        assert np.all(np.isfinite(values)) and values.min() >= low and values.max() <= high
    if weather.latitude > 20.0:
        july = weather.wet_bulb_c[24 * MONTH_EDGES[6] : 24 * MONTH_EDGES[7]].mean()
        january = weather.wet_bulb_c[: 24 * 31].mean()
        assert july > january + 3.0


def test_a_bad_seed_or_year_is_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        generate_weather("tokyo_jp", -1)
    with pytest.raises(ValueError, match="years"):
        generate_weather("tokyo_jp", 0, years=0)


@pytest.mark.skipif("COLDAISLE_DATA" not in os.environ, reason="COLDAISLE_DATA is unset: no site statistics at hand")
@pytest.mark.parametrize("key", sorted(FILE_SITES))
def test_generated_wet_bulb_agrees_with_the_measured_year(key: str) -> None:
    with (Path(os.environ["COLDAISLE_DATA"]) / "weather" / "site_stats.csv").open() as stream:
        stats = {row["site"]: row for row in csv.DictReader(stream)}[FILE_SITES[key]]
    weather = generate_weather(key, seed=4, years=8)
    assert weather.wet_bulb_c.mean() == pytest.approx(float(stats["Twb_mean"]), abs=1.0)
    assert weather.dry_bulb_c.mean() == pytest.approx(float(stats["T_mean"]), abs=1.0)
    assert np.quantile(weather.wet_bulb_c, 0.996) == pytest.approx(float(stats["Twb_p996"]), abs=2.5)
    assert weather.elevation_m == pytest.approx(float(stats["elev_m"]), abs=0.5)


@pytest.mark.skipif("COLDAISLE_DATA" not in os.environ, reason="COLDAISLE_DATA is unset: no monthly statistics at hand")
def test_embedded_normals_are_the_rounded_facts_of_the_monthly_statistics() -> None:
    with (Path(os.environ["COLDAISLE_DATA"]) / "weather" / "monthly_stats.csv").open() as stream:
        rows = {(row["site"], int(row["month"])): row for row in csv.DictReader(stream)}
    for key, name in FILE_SITES.items():
        for month in range(12):
            row, normals = rows[name, month + 1], climate(key)
            assert normals.temp_mean_c[month] == pytest.approx(float(row["T_mean"]), abs=0.051)
            assert normals.dew_point_c[month] == pytest.approx(float(row["Td_mean"]), abs=0.051)
            assert normals.day_mean_sd_k[month] == pytest.approx(float(row["T_dailymean_sd"]), abs=0.051)
