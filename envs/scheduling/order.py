"""The order of a queue: by how many hours jobs go ahead of their time, for their size, their length, their deadline.

A job that waits ages by itself: who comes later than the widest lead never passes it. With every number at 0 the order
is the rule's own, to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.scheduling.job_table import Floats

HOUR_S = 3600.0
SLACK_S = 86_400.0  # slack from which a deadline does not press; engineering guess

#: What the leads of an order look at, each 0 to 1.
LEADS = ("small", "short", "urgent")


class Order(NamedTuple):
    """What an agent or a rule may ask of the order of the queue.

    Attributes
    ----------
    lead_h : ndarray (3, B)
        By how many hours a job goes ahead where a feature of `LEADS` is 1; below 0 it falls behind.
    grace_h : ndarray (B,)
        For so long after its submission who ends within that time may pass the first, whatever it has reserved [h];
        below 0: by how many hours who passes must end before the reservation.
    """

    lead_h: Floats
    grace_h: Floats


def plain_order(sites: int) -> Order:
    """The rule's own."""
    return Order(np.zeros((len(LEADS), sites)), np.zeros(sites))


def lead_s(
    lead_h: Floats, accelerators: Floats, lasts_s: Floats, submit_s: Floats, deadline_s: Floats, domain: float
) -> Floats:
    """By how long jobs go ahead of their time ``(W,)`` [s].

    Parameters
    ----------
    lead_h : ndarray (3, W)
        Of `Order`, for the site of each job.
    accelerators, lasts_s, submit_s, deadline_s : ndarray (W,)
        Of the jobs; how long they still need at full pace [s].
    domain : float
        Accelerators of the largest rack.

    Notes
    -----
    ``lead = small h1 + short h2 + urgent h3`` with::

        small  = domain / (domain + accelerators)       a half where a job fills the largest rack
        short  = 3600 s / (3600 s + lasts)              a half at one hour
        urgent = 1 - slack / 1 d                        slack = deadline - submit - lasts, held within 0 and 1 d

    With h3 = 24 h alone, jobs whose slack is below a day go by the time at which they must start at the latest (least
    laxity). Nothing but sums, products and quotients: machine code gives the same bits.
    """
    slack_s = np.minimum(np.maximum(deadline_s - submit_s - lasts_s, 0.0), SLACK_S)
    small = domain / (domain + np.asarray(accelerators, np.float64))
    short = HOUR_S / (HOUR_S + lasts_s)
    urgent = 1.0 - slack_s / SLACK_S
    return np.asarray(HOUR_S * (lead_h[0] * small + lead_h[1] * short + lead_h[2] * urgent))


class Passing(NamedTuple):
    """What says how long the first in the queue may be passed, by site; each ``(M,)``: grace, submit time, now."""

    grace_h: Floats
    submit_s: Floats
    now_s: Floats


def passing_s(shadow_s: Floats, grace_h: Floats, submit_s: Floats, now_s: Floats) -> Floats:
    """Within how long who passes the first in the queue must end ``(M,)`` [s].

    Parameters
    ----------
    shadow_s : ndarray (M,)
        Until the first may start.
    grace_h, submit_s, now_s : ndarray (M,)
        As in `Passing`.
    """
    until_s = np.where(grace_h > 0.0, HOUR_S * grace_h - (now_s - submit_s), -np.inf)
    return np.asarray(np.maximum(shadow_s + HOUR_S * np.minimum(grace_h, 0.0), until_s))
