"""How long users wait for the next token: the batch law of serving read as a step time (WORKLOAD 6e, PHYSICS B3).

A replica that makes ``11452 b / (b + 77.6)`` tokens a second with ``b`` requests in its batch needs
``(b + 77.6) / 11452`` seconds for a token of each: a step of 6.8 ms, and 0.087 ms more for every request. The time is
of the model that the law was fitted to, Llama 3.1 8B on one H100; that other replicas have the same is an engineering
guess.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from envs.physics.namespace import Floats
from envs.signals.workload import profiles as tables
from envs.signals.workload.partitions import require
from envs.signals.workload.requests import phases, prompt_time

#: Mean time between tokens of a request alone [ms].
ALONE_MS = 1000.0 * (1.0 + tables.BATCH_HALF_TOKENS) / tables.SATURATED_TOKENS_S

_TABLE = 1001  # loads by which activity is turned back into load
_LEAST_LOAD = 1e-3
_LEAST_PACE = 1e-6
_MS_PER_S = 1000.0


def time_between_tokens_ms(batch: Floats, pace: Floats) -> Floats:
    """Mean time between two tokens of a request [ms].

    Parameters
    ----------
    batch : ndarray
        Requests in the replica's batch, from 0 (the first alone).
    pace : ndarray
        Speed of decoding over that without a cap, above 0, up to 1.

    Notes
    -----
    ``t = (b + 77.6) / (11452 p)`` seconds: what the measured rate says, for a batch of b makes b tokens a step. It is
    within 3 % of the batch over the rate at batches of 8 to 512 (ML.ENERGY). There the median between two tokens is
    0.90 to 0.98 of it and the 99th percentile 1.5 to 2.6 times as much. Beyond a batch of 512 the law is too quick, by
    7 % at 691.
    """
    step_s = (batch + tables.BATCH_HALF_TOKENS) / tables.SATURATED_TOKENS_S
    return np.asarray(step_s * _MS_PER_S / np.maximum(pace, _LEAST_PACE))


def most_batch(target_ms: float) -> float:
    """Largest batch whose mean time between tokens keeps ``target_ms`` at full pace [requests].

    Raises
    ------
    ValueError
        Where a single request misses it.
    """
    require(target_ms >= ALONE_MS, "target_ms", target_ms, f"at least the {ALONE_MS:.2f} ms of a request alone")
    return target_ms * tables.SATURATED_TOKENS_S / _MS_PER_S - tables.BATCH_HALF_TOKENS


def slowed_load(load: Floats, prefill_pace: Floats, decode_pace: Floats, service: str) -> Floats:
    """Load of saturation of replicas that run slower and keep their requests.

    Prompts take the share g of a saturated replica's time, tokens the rest: ``X = x (g / p_prefill + (1 - g) /
    p_decode)``. It may pass 1: then requests come faster than they are answered.

    Parameters
    ----------
    load : ndarray
        Over saturation at full pace.
    prefill_pace, decode_pace : ndarray
        Speeds of the two phases, 0 to 1.
    service : str
        ``conv`` or ``code``.
    """
    g = prompt_time(service)
    slower = g / np.maximum(prefill_pace, _LEAST_PACE) + (1.0 - g) / np.maximum(decode_pace, _LEAST_PACE)
    return np.asarray(load * slower)


def replica_load(prefill: Floats, decode: Floats, service: str, autoscaled: bool) -> Floats:
    """Load over saturation of the replicas awake, from the activity of a rack's two phases (inverse of `phases`).

    Where all are awake it is the prefill over g. Where some are parked both phases shrink alike, and their ratio, which
    falls as the load rises, tells the load. Exact for a minute; a step's mean activity gives its mean load where all
    are awake, and nearly so else.
    """
    if not autoscaled:
        return np.asarray(prefill / prompt_time(service))
    works = prefill > 0.0
    found = np.interp(decode / np.where(works, prefill, 1.0), *_load_by_ratio(service))
    return np.where(works, found, 0.0)


@cache
def _load_by_ratio(service: str) -> tuple[Floats, Floats]:
    """Ratios of decode to prefill, rising, and the load at each."""
    loads = np.linspace(_LEAST_LOAD, tables.LOST_LOAD, _TABLE)
    known = phases(loads, service)
    return (known.decode / known.prefill)[::-1], loads[::-1]
