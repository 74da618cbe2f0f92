"""Demand that arrives as requests: interactive inference, batch inference and the CPU hall (WORKLOAD 6b).

Requests follow a measured week times slow and fast noise; watts follow the phases of serving, so they swing far less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.signals.workload import profiles as tables
from envs.signals.workload.minutes import Draw, mean_reverting
from envs.signals.workload.profiles import CLASS_POWER_FRAC, IDLE_POWER_FRAC, MINUTES_PER_WEEK

POWER_TABLE = 1001  # loads by which power is turned back into phases


def weekly_shape(service: str, utc_offset_h: float) -> np.ndarray:
    """Place the service's measured week in site time: one value a minute, mean 1, shape (10080,).

    Hours are means: a value stands at the middle of its hour, and minutes between are interpolated.
    """
    profile = tables.SERVICE_PROFILE[service]
    hour = (np.arange(MINUTES_PER_WEEK) + 0.5) / 60.0 - utc_offset_h
    shape = np.interp(hour, np.arange(168) + 0.5, profile, period=168)
    return shape / shape.mean()


def relative_rate(draw: Draw, minutes: int, service: str, utc_offset_h: float) -> np.ndarray:
    """Draw expected requests over their long-run mean: week shape times exp of the terms of WORKLOAD 6b; (minutes,)."""
    terms = dict(tables.LOAD_TERMS, minute=(tables.SERVICE_MINUTE_SD[service], tables.LOAD_MINUTE_TAU))
    log_load = _events(draw, minutes)
    variance = 0.0
    for name, (sd, tau) in terms.items():
        log_load += mean_reverting(draw(name), minutes, sd, tau)
        variance += sd * sd
    weeks = -(-minutes // MINUTES_PER_WEEK)
    return np.tile(weekly_shape(service, utc_offset_h), weeks)[:minutes] * np.exp(log_load - variance / 2.0)


def _events(draw: Draw, minutes: int) -> np.ndarray:
    """Log factor of rare surges and drops, each 15-120 minutes long; shape (minutes,)."""
    log_factor = np.zeros(minutes)
    when, length, factor = draw("event_time"), draw("event_length"), draw("event_factor")
    counts = draw("event_count").poisson(tables.EVENTS_PER_WEEK, -(-minutes // MINUTES_PER_WEEK))
    for week in np.repeat(np.arange(counts.size), counts):
        start = week * MINUTES_PER_WEEK + int(when.integers(MINUTES_PER_WEEK))
        stop = start + round(length.uniform(*tables.EVENT_LENGTH_MIN))
        log_factor[start:stop] += np.log(tables.EVENT_FACTORS[int(factor.integers(len(tables.EVENT_FACTORS)))])
    return log_factor


def minute_counts(draw: Draw, expected: np.ndarray, dispersion: float) -> np.ndarray:
    """Draw the requests of each minute: Poisson mixed with a gamma so that variance = ``dispersion`` x mean.

    Parameters
    ----------
    draw : callable
        Purpose -> generator.
    expected : ndarray
        Shape (minutes,), expected requests per minute.
    dispersion : float
        Index of dispersion of a minute, above 1 (gamma gaps of shape k: 1/k).
    """
    mixed = draw("gamma").standard_gamma(expected / (dispersion - 1.0)) * (dispersion - 1.0)
    return draw("poisson").poisson(mixed).astype(np.float64)


def requests(draw: Draw, minutes: int, service: str, gpus: int, utc_offset_h: float) -> np.ndarray:
    """Draw the requests of each minute that reach a pool of ``gpus`` accelerators; shape (minutes,)."""
    per_s = tables.SERVICE_RATE_PER_GPU_S[service] * gpus
    small_code = service == "code" and per_s < tables.SMALL_POOL_RATE_S
    dispersion = tables.SMALL_CODE_POOL_DISPERSION if small_code else tables.SERVICE_DISPERSION[service]
    return minute_counts(draw, 60.0 * per_s * relative_rate(draw, minutes, service, utc_offset_h), dispersion)


def pool_load(counts: np.ndarray) -> np.ndarray:
    """Load over saturation: the pool is sized so that the 99.5 % minute of the first four weeks is 0.80 of it.

    Tokens per request enter as their means, so that tokens and requests have one shape.
    """
    return tables.POOL_LOAD * counts / np.quantile(counts[: 4 * MINUTES_PER_WEEK], tables.POOL_QUANTILE)


class Phases(NamedTuple):
    """Activity of the two phases of serving, same shape: of ``prefill``, and of ``decode`` at a full batch's draw."""

    prefill: np.ndarray
    decode: np.ndarray


def batch_at(load: np.ndarray) -> np.ndarray:
    """Requests that a replica at ``load`` of saturation decodes together: ``b = 77.6 x / (1 - x)``, x below 1."""
    return np.asarray(tables.BATCH_HALF_TOKENS * load / (1.0 - load))


def load_at(batch: float) -> float:
    """Load of saturation that a batch of so many requests carries: ``x = b / (b + 77.6)``."""
    return batch / (batch + tables.BATCH_HALF_TOKENS)


def most_load(batch_max: int) -> float:
    """Most of saturation that a replica takes: 0.95, less where it holds ``batch_max`` requests at most (0: any)."""
    if not batch_max:
        return tables.LOST_LOAD
    return min(tables.LOST_LOAD, load_at(batch_max))


def phases(load: np.ndarray, service: str, most: float = tables.LOST_LOAD) -> Phases:
    """What replicas that carry ``load`` of saturation do (WORKLOAD 6b, PHYSICS B3).

    A replica prefills for the share ``g x`` of its time; ``g`` is what prompts take of it at saturation. For the rest
    it decodes a batch of ``b = 77.6 x / (1 - x)`` requests, if there is one (``1 - exp(-b)``). Decode draws 0.20 of TDP
    with a request alone and 0.43 with a full batch, half of the way at ``b = 36.3``: its activity is what it draws over
    idle, relative to a full batch. Load above ``most`` (`most_load`) counts as ``most``.
    """
    x = np.clip(load, 0.0, most)
    batch = batch_at(x)
    low, high = tables.DECODE_POWER_FRAC
    draw = low + (high - low) * batch / (batch + tables.BATCH_HALF_POWER)
    decodes = -np.expm1(-batch) * (draw - IDLE_POWER_FRAC) / (high - IDLE_POWER_FRAC)
    prefill = prompt_time(service) * x
    return Phases(prefill, (1.0 - prefill) * decodes)


def prompt_time(service: str) -> float:
    """Share of a saturated replica's time that goes to prompts, by mean tokens (WORKLOAD 2, 6b)."""
    tokens_in, tokens_out = tables.SERVICE_TOKENS[service]
    return tables.PREFILL_TOKEN_COST * tokens_in / (tables.PREFILL_TOKEN_COST * tokens_in + tokens_out)


def phases_power(phase: Phases) -> np.ndarray:
    """Power [TDP] of accelerators in two phases, idle included (WORKLOAD 6c)."""
    prefill, decode = (CLASS_POWER_FRAC[name] - IDLE_POWER_FRAC for name in ("prefill", "decode"))
    return IDLE_POWER_FRAC + prefill * phase.prefill + decode * phase.decode


def autoscaled_share(load: np.ndarray, most: float = tables.LOST_LOAD) -> np.ndarray:
    """Share of replicas kept awake: clip(x / 0.60, 0.3, 1), largest of the last 30 minutes; shape of ``load``.

    Replicas that take less than 0.95 (``most``) are woken at as much less than 0.60.
    """
    aim = tables.AUTOSCALE_LOAD * (most / tables.LOST_LOAD)
    wanted = np.clip(load / aim, tables.AUTOSCALE_FLOOR, 1.0)
    padded = np.concatenate([np.full(tables.AUTOSCALE_HOLD_MIN - 1, wanted[0]), wanted])
    windows = np.lib.stride_tricks.sliding_window_view(padded, tables.AUTOSCALE_HOLD_MIN)
    return windows.max(axis=1)


def phases_of_power(power_frac: np.ndarray, service: str) -> Phases:
    """Phases in which a service's accelerators draw ``power_frac`` [TDP] together: the inverse of `phases`.

    Above the draw of a saturated pool decode gives way to prefill, up to prefill alone at full power.
    """
    way = phases(np.linspace(0.0, tables.LOST_LOAD, POWER_TABLE), service)
    drawn = np.append(phases_power(way), CLASS_POWER_FRAC["prefill"])
    ends = (1.0, 0.0)
    return Phases(*(np.interp(power_frac, drawn, np.append(part, end)) for part, end in zip(way, ends)))


class Serving(NamedTuple):
    """Minutes of one pool, each (M,): ``load`` over saturation, share of replicas ``awake``, ``unserved`` load."""

    load: np.ndarray
    awake: np.ndarray
    unserved: np.ndarray


def beyond(load: np.ndarray, awake: np.ndarray, most: float) -> np.ndarray:
    """Load that the share ``awake`` of replicas cannot take, over the saturation of all; shape of ``load``."""
    return np.maximum(load / awake - most, 0.0) * awake


def serving(
    draw: Draw,
    minutes: int,
    service: str,
    gpus: int,
    utc_offset_h: float,
    autoscale: bool,
    most: float = tables.LOST_LOAD,
) -> Serving:
    """Load of an interactive pool and what it cannot serve (WORKLOAD 6b)."""
    whole = max(minutes, 4 * MINUTES_PER_WEEK)
    load = pool_load(requests(draw, whole, service, gpus, utc_offset_h))[:minutes]
    awake = autoscaled_share(load, most) if autoscale else np.ones(minutes)
    return Serving(load, awake, beyond(load, awake, most))


def serving_activity(load: np.ndarray, awake: np.ndarray, service: str, most: float = tables.LOST_LOAD) -> Phases:
    """Prefill and decode activity of a rack: the share ``awake`` of its replicas carries ``load``, the rest idles."""
    return Phases(*(awake * part for part in phases(load / awake, service, most)))


def cpu_utilisation(load: np.ndarray, service: str) -> np.ndarray:
    """Utilisation 0..1 of CPU servers that draw 0.52 to 0.72 of peak with the load (WORKLOAD 3, WORKLOAD 6b).

    Inverts PHYSICS B1, ``P/P_max = i + (1 - i)(2 u - u^1.4)`` with an idle share i of 0.40 (range 0.3-0.5).
    """
    low, high = tables.CPU_LOAD_RANGE[service]
    floor, ceiling = tables.CPU_POWER_RANGE
    power = floor + (ceiling - floor) * np.clip((load - low) / (high - low), 0.0, 1.0)
    u = np.linspace(0.0, 1.0, 401)
    curve = tables.CPU_IDLE_FRAC + (1.0 - tables.CPU_IDLE_FRAC) * (2.0 * u - u**tables.CPU_EXPONENT)
    return np.interp(power, curve, u)


def batch_demand(draw: Draw, minutes: int, gpus: int) -> np.ndarray:
    """Accelerator-hours that arrive in each minute for the batch queue; shape (minutes,).

    Each day's total is lognormal (log-sd 1) with mean half of what the racks can do; within the day it comes as
    submissions do (PAI hours).
    """
    days = -(-minutes // 1440)
    sd = tables.BATCH_DAY_SD
    daily = np.exp(sd * draw("batch_day").standard_normal(days) - sd * sd / 2.0)
    hourly = np.outer(daily, tables.PAI_HOUR).ravel() * tables.BATCH_MEAN_FRAC * gpus
    return np.repeat(hourly / 60.0, 60)[:minutes]
