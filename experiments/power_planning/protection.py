"""The fast protection of feeders: it cuts in proportion within seconds, before a breaker opens (PHYSICS i7, F3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.equipment import breaker
from envs.equipment.breaker import Breaker

Floats = NDArray[np.float64]
WATCHED_S = 1800.0  # after the cut
STEP_S = 10.0


class Protection(NamedTuple):
    """When it cuts after an overload begins [s], from which share of a limit on, and to which."""

    after_s: float
    cap_frac: float
    target_frac: float


def cut_kw(how: Protection, share: Floats, drawn: Floats, floor: Floats, limit_kw: Floats) -> Floats:
    """Draw of the outlets ``(L, E)`` [kW] after the protection has acted.

    Each feeder over its limit leaves its racks the same part of what can be cut; an outlet heeds the least.

    Parameters
    ----------
    how : Protection
    share : ndarray (N, L)
        Share of an outlet's load that each feeder carries.
    drawn, floor : ndarray (L, E)
        What the outlets draw, and what no cap takes of it [kW].
    limit_kw : ndarray (N, 1)
    """
    floor = np.minimum(floor, drawn)
    load = share @ drawn
    may_kw = np.where(load >= limit_kw * how.cap_frac, limit_kw * how.target_frac, np.inf)
    free = np.maximum(may_kw - share @ floor, 0.0) / np.maximum(share @ (drawn - floor), 1e-9)
    part = np.ones_like(drawn)
    for row, kept in zip(share, np.minimum(free, 1.0)):
        part = np.minimum(part, np.where(row[:, None] > 0.0, kept[None, :], 1.0))
    return np.asarray(floor + part * (drawn - floor))


def opened(law: Breaker, limit_kw: Floats, settled: Floats, over: Floats, cut: Floats, after_s: float) -> int:
    """Events in which a breaker opens: loads ``(N, E)`` [kW] before, until the cut, and from the cut on.

    Parameters
    ----------
    law : Breaker
    limit_kw : ndarray (N, 1)
        Ratings.
    settled, over, cut : ndarray (N, E)
        The thermal memory has settled at the first.
    after_s : float
        How long the overload lasts [s].
    """
    feeders, events = settled.shape
    nodes = breaker.breaker_nodes(None, limit_kw[:, 0], 1.0, [0] * feeders, np.float64)
    memory = np.concatenate([(settled / limit_kw) ** 2, np.zeros((1, events))])
    state = breaker.BreakerState(memory if law.form == "thermal" else memory * 0.0, np.zeros_like(memory))
    found = np.zeros(events)
    for load, span_s in [(over, after_s)] + [(cut, STEP_S)] * round(WATCHED_S / STEP_S):
        state, flows = breaker.advance(law, nodes, state, load, load, np.zeros(events), span_s)
        found += flows.trips
    return int((found > 0).sum())
