"""Generated carbon intensity and price: the shape of a zone times persistent noise, fitted to its yearly facts."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache

import numpy as np

from envs.physics.namespace import Floats
from envs.signals.grid.zones import PriceFacts, Shape, Zone, grid_zone
from envs.signals.noise import NOISE_LIMIT, autoregressive_noise
from envs.signals.plain_year import DAYS_PER_YEAR, MONTH_DAYS

SLOW_PERSISTENCE = float(np.exp(-1.0 / 36.0))  # weather fronts; engineering guess near the EIA 2022 residuals
FAST_PERSISTENCE = float(np.exp(-1.0 / 4.0))  # unit outages, ramps; engineering guess near the EIA 2022 residuals
SLOW_SHARE = 0.8  # of the variance, engineering guess
SCARCITY_QUANTILE = 0.95  # spikes come in the tightest hours only, so that p95 stays where it is
SPIKE_PROBABILITY = 0.2  # of a tight hour: 88 spikes a year, engineering guess


def _share_below(score: float | Floats) -> Floats:
    """Share of the standard normal distribution below a score."""
    from scipy.special import ndtr  # here, so that importing the environments does not import scipy

    return ndtr(score)


def _score_of(share: float | Floats) -> Floats:
    """Score below which a share of the standard normal distribution lies."""
    from scipy.special import ndtri

    return ndtri(share)


@cache
def _normals() -> Floats:
    """Sixty equally likely scores (60,), within the limit of the noise."""
    return np.clip(_score_of((np.arange(60) + 0.5) / 60.0), -NOISE_LIMIT, NOISE_LIMIT)


def hourly_shape(shape: Shape, years: int = 1) -> Floats:
    """Month x hour factors of every local standard hour, (8760 * years,), mean 1."""
    factors = (np.repeat(shape.month, MONTH_DAYS)[:, None] * shape.hour).ravel()
    return np.tile(factors / factors.mean(), years)


def _noise(rng: np.random.Generator, count: int) -> Floats:
    """Draw unit noise (count,) of two persistences [1/h]."""
    slow = autoregressive_noise(rng, count, SLOW_PERSISTENCE)
    fast = autoregressive_noise(rng, count, FAST_PERSISTENCE)
    return np.clip(np.sqrt(SLOW_SHARE) * slow + np.sqrt(1.0 - SLOW_SHARE) * fast, -NOISE_LIMIT, NOISE_LIMIT)


def _generator(zone: Zone, seed: int, stream: int) -> np.random.Generator:
    """Make the generator of one signal of one zone."""
    if seed < 0:
        raise ValueError(f"seed = {seed}; give a seed >= 0")
    return np.random.default_rng([zlib.crc32(zone.key.encode()), seed, stream])


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    """Root of a rising function, or the end of the interval nearer to it."""
    for _ in range(24):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if rising(middle) > 0.0 else (middle, high)
    return 0.5 * (low + high)


def _cells(shape: Shape) -> Floats:
    """Month x hour factors (288,), scaled to a yearly mean of 1."""
    cells = shape.month[:, None] * shape.hour
    return (cells / np.average(cells.mean(axis=1), weights=MONTH_DAYS)).ravel()


@cache
def carbon_noise_sd(key: str) -> float:
    """Log standard deviation of a zone's carbon noise that gives the distance of p5 and p95 of its facts."""
    facts = grid_zone(key).carbon
    cells = _cells(facts.shape)

    def excess(sd: float) -> float:
        mixture = cells[:, None] * np.exp(sd * _normals() - 0.5 * sd * sd)
        low, high = np.quantile(mixture, [0.05, 0.95])
        return float(facts.mean * (high - low) - (facts.p95 - facts.p5))

    return _bisect(excess, 0.0, 2.0)


def hourly_carbon(zone: Zone, seed: int, years: int = 1) -> Floats:
    """Carbon intensity [g/kWh] of every local standard hour, (8760 * years,): mean x shape x exp(noise)."""
    sd = carbon_noise_sd(zone.key)
    shape = hourly_shape(zone.carbon.shape, years)
    noise = _noise(_generator(zone, seed, 0), len(shape))
    return zone.carbon.mean * shape * np.exp(sd * noise - 0.5 * sd * sd)


def price_quantile(facts: PriceFacts, score: Floats) -> Floats:
    """Body of the price distribution [USD/MWh] at a standard normal score.

    Above the median lognormal through p95; below it lognormal with the same spread or, where the facts know negative
    prices, normal through zero at their share of hours.
    """
    spread = np.log(facts.p95 / facts.median) / float(_score_of(0.95))
    body = facts.median * np.exp(spread * score)
    if facts.negative_frac > 0.0:
        below = facts.median * (1.0 - score / float(_score_of(facts.negative_frac)))
        body = np.where(score < 0.0, below, body)
    return np.minimum(body, facts.maximum)


def _scores(latent: Floats, cells: Floats, sd: float) -> Floats:
    """Return normal scores of the latent tightness within the distribution it has over a year."""
    mixture = np.sort((cells[:, None] + sd * _normals()).ravel())
    rank = (np.arange(mixture.size) + 0.5) / mixture.size
    return np.clip(_score_of(np.interp(latent, mixture, rank)), -NOISE_LIMIT, NOISE_LIMIT)


def _spike_mean(facts: PriceFacts) -> float:
    """Return the mean height [USD/MWh] of spikes that make up what the body lacks of the mean."""
    fine = (np.arange(2000) + 0.5) / 2000.0
    lacking = facts.mean - float(price_quantile(facts, _score_of(fine)).mean())
    return max(lacking, 0.0) / (SPIKE_PROBABILITY * (1.0 - SCARCITY_QUANTILE))


@cache
def price_noise_sd(key: str) -> float:
    """Log standard deviation of the tightness noise that leaves the daily shape its spread over the hours."""
    facts = _price_facts(grid_zone(key))
    cells = np.log(_cells(facts.shape))
    wanted = float(np.std(facts.shape.hour))

    def shortfall(sd: float) -> float:
        scores = _scores((cells[:, None] + sd * _normals()).ravel(), cells, sd)
        spikes = (_share_below(scores) > SCARCITY_QUANTILE) * SPIKE_PROBABILITY * _spike_mean(facts)
        by_hour = (price_quantile(facts, scores) + spikes).reshape(12, 24, -1).mean(axis=(0, 2))
        return wanted - float(np.std(by_hour) / facts.mean)

    return _bisect(shortfall, 0.02, 3.0)


def _price_facts(zone: Zone) -> PriceFacts:
    """Return the market facts or say which zones have them."""
    if zone.price is None:
        raise ValueError(
            f"no wholesale price facts for zone '{zone.key}'; choose tariff 'tou' or 'flat', or give site.grid_file"
        )
    return zone.price


def hourly_price(zone: Zone, seed: int, years: int = 1) -> Floats:
    """Wholesale price [USD/MWh] of every local standard hour, (8760 * years,): lognormal body plus Poisson spikes.

    Tightness = log shape + persistent noise; its rank within the year is mapped to the body, so that median, p95 and
    the share of negative hours are those of the facts. Exponential spikes fall on a fifth of the tightest 5 % of hours
    and make up what the body lacks of the mean; everything is capped at the recorded maximum.
    """
    facts = _price_facts(zone)
    sd = price_noise_sd(zone.key)
    cells = np.log(_cells(facts.shape))
    rng = _generator(zone, seed, 1)
    tightness = np.log(hourly_shape(facts.shape, years))
    tightness += sd * _noise(rng, len(tightness))
    scores = _scores(tightness, cells, sd)
    tight = _share_below(scores) > SCARCITY_QUANTILE
    struck = tight & (rng.random(len(scores)) < SPIKE_PROBABILITY)
    spikes = struck * rng.exponential(1.0, len(scores)) * _spike_mean(facts)
    return np.minimum(price_quantile(facts, scores) + spikes, facts.maximum)


def time_of_use_price(base_usd_mwh: float, first_day: np.datetime64, years: int = 1) -> Floats:
    """Time-of-use tariff [USD/MWh] of every local standard hour, (8760 * years,), PHYSICS g (engineering guess).

    Off-peak 22-07 0.75 x base; on-peak 16-21 on weekdays 1.5 x; else (shoulder) 1.0 x.

    Parameters
    ----------
    base_usd_mwh : float
        The shoulder price.
    first_day : numpy.datetime64
        Local date of the first hour: it decides the weekday.
    years : int
        Years of 365 days.
    """
    hour = np.arange(24)
    workday = np.where((hour >= 22) | (hour < 7), 0.75, np.where((hour >= 16) & (hour < 21), 1.5, 1.0))
    weekend = np.where((hour >= 22) | (hour < 7), 0.75, 1.0)
    days = first_day.astype("datetime64[D]") + np.arange(DAYS_PER_YEAR * years)
    return base_usd_mwh * np.where(np.is_busday(days)[:, None], workday, weekend).ravel()
