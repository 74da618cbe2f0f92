"""A thousand cheap sites with a known saving: what they do from hour to hour is fitted to our own plant.

Power follows load and wet bulb with a bend, through a thermal mass that carries over from block to block; noise
remembers itself over hours and days; loads have weekdays, weekends and jobs; the weather has fronts and a season. The
policy's share saved depends on the weather, as real ones do. The truth is what the policy would have saved in the
judged hours, had it held all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.signals.noise import autoregressive_noise
from experiments.savings.record import HOURS_PER_DAY, Floats, SiteRecord, weekday_of
from experiments.savings.schedule import Schedule, Signs, policy_hours

WARM_UP_H = 72


@dataclass(frozen=True)
class SiteFamily:
    """Ranges that sites are drawn from, each uniform.

    Slopes, noise and its memory span those of 18 series of our plant: three halls, six climates, 56 days each.

    Attributes
    ----------
    load_slope : tuple
        Growth of cooling power over growth of IT power, both relative [1].
    bulb_slope : tuple
        Relative growth per kelvin of wet bulb above the bend [1/K]; a third of it below.
    noise : tuple
        Standard deviation of the hourly noise, relative [1].
    memory_h : tuple
        Time over which the hourly noise remembers [h].
    drift : tuple
        Standard deviation of a slow drift that remembers for ten days, relative [1].
    mass_h : tuple
        Time constant with which power follows what is asked [h]: carries over from block to block.
    saving_spread : tuple
        How far the share saved falls from the coldest to the warmest hours, over its mean [1].
    """

    load_slope: tuple[float, float] = (0.1, 0.9)
    bulb_slope: tuple[float, float] = (0.0, 0.05)
    noise: tuple[float, float] = (0.005, 0.06)
    memory_h: tuple[float, float] = (1.0, 48.0)
    drift: tuple[float, float] = (0.0, 0.05)
    mass_h: tuple[float, float] = (0.25, 1.0)
    saving_spread: tuple[float, float] = (0.0, 1.0)


class SimulatedSite(NamedTuple):
    """A site, what it recorded, and what was truly saved.

    Attributes
    ----------
    record : SiteRecord
    true_share : float
        Of the power in the judged hours, had the policy held all instead of none [1].
    """

    record: SiteRecord
    true_share: float


def simulated_site(
    schedule: Schedule, signs: Signs, share: float, rng: np.random.Generator, family: SiteFamily | None = None
) -> SimulatedSite:
    """One site under a switchback.

    Parameters
    ----------
    schedule : Schedule
    signs : ndarray (P,)
    share : float
        That the policy saves in a usual hour [1]; 0 for a policy without effect.
    rng : Generator
    family : SiteFamily, optional
    """
    return _site(schedule, policy_hours(schedule, signs), judged_hours(schedule), share, rng, family or SiteFamily())


def before_and_after(
    schedule: Schedule, share: float, rng: np.random.Generator, family: SiteFamily | None = None
) -> SimulatedSite:
    """The same site under the rules for the first half of the days, under the policy from there on."""
    hours = schedule.days * HOURS_PER_DAY
    after = np.arange(hours) >= hours // 2
    return _site(schedule, after, after, share, rng, family or SiteFamily())


def _site(
    schedule: Schedule,
    policy: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    share: float,
    rng: np.random.Generator,
    family: SiteFamily,
) -> SimulatedSite:
    """A site whose policy has some hours; the truth is that of the counted ones."""
    of = {name: rng.uniform(*bounds) for name, bounds in vars(family).items()}
    held = np.concatenate([np.zeros(WARM_UP_H, bool), policy])
    hours = schedule.first_hour - WARM_UP_H + np.arange(len(held))
    wet, dry = _weather(hours, rng)
    load = _load(hours, rng)
    warmth = (wet - wet.mean()) / max(float(wet.std()), 1e-9)
    bend = wet.mean() + rng.uniform(-1.0, 1.0) * wet.std()
    above = np.maximum(wet - bend, 0.0) + (wet - bend) / 3.0
    usual = 1.0 + of["load_slope"] * (load - 1.0) + of["bulb_slope"] * above
    noise = of["noise"] * autoregressive_noise(rng, len(held), float(np.exp(-1.0 / of["memory_h"])))
    slow = of["drift"] * autoregressive_noise(rng, len(held), float(np.exp(-1.0 / 240.0)))
    wanted = np.maximum(usual, 0.2) * np.exp(noise + slow)
    saved = share * (1.0 - 0.5 * of["saving_spread"] * np.clip(warmth, -1.5, 1.5))
    kept = float(np.exp(-1.0 / of["mass_h"]))
    by_rules, by_policy, switched = (
        _followed(wanted * (1.0 - saved * arm), kept)[WARM_UP_H:] for arm in (0.0, 1.0, held.astype(np.float64))
    )
    load, wet, dry = load[WARM_UP_H:], wet[WARM_UP_H:], dry[WARM_UP_H:]
    truth = 1.0 - float(by_policy[counted].sum() / by_rules[counted].sum())
    meter = 1.0 + 0.005 * rng.standard_normal(len(load))
    record = SiteRecord(
        schedule.first_hour, switched * meter, load, wet + 0.2 * rng.standard_normal(len(wet)), dry,
        np.full(len(load), 25.0), held[WARM_UP_H:].astype(np.float64),
    )  # fmt: skip
    return SimulatedSite(record, truth)


def judged_hours(schedule: Schedule) -> NDArray[np.bool_]:
    """Hours ``(T,)`` after each block's wash-out."""
    return np.arange(schedule.days * HOURS_PER_DAY) % schedule.block_h >= schedule.washout_h


def _weather(hours: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Wet and dry bulb: a season, a day, fronts of some days, and hours."""
    day = hours / HOURS_PER_DAY
    season = rng.uniform(4.0, 10.0) * np.sin(2.0 * np.pi * (day / 365.0 + rng.random()))
    daily = rng.uniform(1.0, 4.0) * np.sin(2.0 * np.pi * (day - 0.4))
    fronts = rng.uniform(2.0, 4.0) * autoregressive_noise(rng, len(hours), float(np.exp(-1.0 / 60.0)))
    wet = 10.0 + season + 0.6 * daily + fronts + 0.4 * rng.standard_normal(len(hours))
    return wet, wet + 2.0 + np.maximum(daily, -2.0) + np.abs(fronts) * 0.3


def _load(hours: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """IT power over its mean: weekdays, office hours, jobs that come and go."""
    weekend = weekday_of(hours) >= 5
    office = np.sin(2.0 * np.pi * (hours % HOURS_PER_DAY - 9) / HOURS_PER_DAY)
    jobs = rng.uniform(0.02, 0.10) * autoregressive_noise(rng, len(hours), float(np.exp(-1.0 / 36.0)))
    steps = rng.uniform(0.0, 0.06) * autoregressive_noise(rng, len(hours), float(np.exp(-1.0 / 4.0)))
    shape = 1.0 - rng.uniform(0.0, 0.15) * weekend + rng.uniform(0.0, 0.08) * office
    return np.maximum(shape + jobs + steps, 0.3)


def _followed(wanted: Floats, kept: float) -> Floats:
    """First-order lag of what is asked."""
    found = np.empty_like(wanted)
    now = wanted[0]
    for k, value in enumerate(wanted):
        now = kept * now + (1.0 - kept) * value
        found[k] = now
    return found
