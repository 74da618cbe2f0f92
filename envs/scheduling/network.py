"""How fast jobs run over the network: the span of each, its class's exposed communication, and who shares its uplinks.

Levels from the bottom: the accelerator domain (a rack), the leaf (racks under one switch), the spine (leaves of a pod),
the core. A job inside one domain runs at full speed. One that spans domains sends through the uplinks of all that it
stands on; uplinks are shared max-min fair (Bertsekas and Gallager 1992, 6.5.2).

    speed = 1 / (1 + exposed (bw_home / bw_job - 1))
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scheduling.job_table import Floats, Ints

ROUNDS = 4  # of filling; each saturates an uplink, and what is left after them is given to nobody
_NONE = 1e-9


class Network(NamedTuple):
    """Bandwidths per accelerator and capacities of uplinks.

    Attributes
    ----------
    home_gb_s, out_gb_s : float
        Per accelerator inside its domain, and through its own port to outside [GB/s].
    leaf_of, pod_of : ndarray of int
        Leaf of each rack ``(R,)``, pod of each leaf ``(G,)``.
    uplink_gb_s : ndarray (R + G + P,)
        Of racks to their leaf, leaves to their spine, pods to the core [GB/s].
    """

    home_gb_s: float
    out_gb_s: float
    leaf_of: Ints
    pod_of: Ints
    uplink_gb_s: Floats


def network(
    rack_accelerators: Ints,
    leaf_of: Ints,
    pod_of: Ints,
    oversubscription: tuple[float, float, float] = (1.0, 1.0, 7.0),
    home_gb_s: float = 900.0,
    out_gb_s: float = 50.0,
) -> Network:
    """Uplinks from the ports below each, divided by an oversubscription.

    Parameters
    ----------
    rack_accelerators, leaf_of : ndarray of int (R,)
    pod_of : ndarray of int (G,)
    oversubscription : tuple of float
        Of a rack's, a leaf's and a pod's uplink. 7 : 1 above pods is Meta's (WORKLOAD 5).
    home_gb_s, out_gb_s : float
        NVL72 inside, and 400 Gb/s outside, per direction: 18 : 1 (WORKLOAD 5).

    Raises
    ------
    ValueError
        For an oversubscription below 1, or a bandwidth outside above the one inside.
    """
    if min(oversubscription) < 1.0:
        raise ValueError(f"oversubscription = {oversubscription}; give ratios from 1 for rack, leaf and pod")
    if not 0.0 < out_gb_s <= home_gb_s:
        raise ValueError(f"out_gb_s = {out_gb_s}, home_gb_s = {home_gb_s}; give 0 < out_gb_s <= home_gb_s")
    ports = np.asarray(rack_accelerators, np.float64) * out_gb_s
    leaves, pods = int(np.max(leaf_of)) + 1, int(np.max(pod_of)) + 1
    by_leaf = np.bincount(leaf_of, ports, leaves)
    by_pod = np.bincount(pod_of, by_leaf, pods)
    levels = [x / ratio for x, ratio in zip((ports, by_leaf, by_pod), oversubscription)]
    return Network(home_gb_s, out_gb_s, np.asarray(leaf_of), np.asarray(pod_of), np.concatenate(levels))


class Sends(NamedTuple):
    """Who sends through which uplink, each ``(S,)``: job, uplink, and the job's ports below it."""

    job: Ints
    uplink: Ints
    ports: Floats


def uplink_sends(net: Network, held: NDArray[np.int16]) -> Sends:
    """What jobs send through uplinks; nothing where all of a job is below one.

    Parameters
    ----------
    net : Network
    held : ndarray of int (M, R)
        Accelerators of the jobs on racks.
    """
    jobs, racks = held.shape
    leaves, pods = len(net.pod_of), int(net.pod_of.max()) + 1
    job, rack = np.nonzero(held)
    ports = held[job, rack].astype(np.float64)
    whole = np.bincount(job, ports, jobs)
    levels: list[tuple[Ints, Ints, Floats]] = [(job, rack, ports)]
    for first, of, count in ((racks, net.leaf_of, leaves), (racks + leaves, net.pod_of[net.leaf_of], pods)):
        below = np.bincount(job * count + of[rack], ports, jobs * count)
        place = np.flatnonzero(below)
        levels.append((place // count, first + place % count, np.asarray(below[place], np.float64)))
    job, uplink, ports = (np.concatenate(column) for column in zip(*levels))
    crosses = ports < whole[job]
    return Sends(job[crosses], uplink[crosses], ports[crosses])


def job_bandwidth(net: Network, held: NDArray[np.int16], site: Ints, sites: int) -> Floats:
    """Bandwidth per accelerator of each job ``(M,)`` [GB/s], shared max-min with the others of its site.

    Parameters
    ----------
    net : Network
    held : ndarray of int (M, R)
    site : ndarray of int (M,)
    sites : int
    """
    found = np.full(len(held), net.home_gb_s)
    spans = np.count_nonzero(held, axis=1) > 1
    if spans.any():
        found[spans] = _filled(net, uplink_sends(net, held[spans]), site[spans], sites)
    return found


def _filled(net: Network, sends: Sends, site: Ints, sites: int) -> Floats:
    """Rate per port of jobs that span domains ``(M,)`` [GB/s]: all rise alike until an uplink is full."""
    uplinks = len(net.uplink_gb_s)
    rate, rising = np.zeros(len(site)), np.ones(len(site), bool)
    left = np.tile(net.uplink_gb_s, sites)
    at = site[sends.job] * uplinks + sends.uplink
    for _ in range(ROUNDS):
        wants = np.bincount(at, sends.ports * rising[sends.job], len(left))
        step = np.where(wants > 0.0, left / np.maximum(wants, _NONE), np.inf).reshape(sites, uplinks).min(axis=1)
        more = np.where(rising, np.minimum(step[site], net.out_gb_s - rate), 0.0)
        rate += more
        left -= np.bincount(at, sends.ports * more[sends.job], len(left))
        full = left < 1e-9 * net.uplink_gb_s.max()
        held_up = np.bincount(sends.job, full[at], len(site)) > 0
        rising &= (rate < net.out_gb_s - _NONE) & ~held_up
        if not rising.any():
            break
    return rate


def network_speed(net: Network, bandwidth: Floats, exposed: Floats) -> Floats:
    """Speed of jobs ``(M,)`` of that inside one domain.

    Parameters
    ----------
    net : Network
    bandwidth : ndarray (M,)
        Per accelerator [GB/s].
    exposed : ndarray (M,)
        Share of a step that waits for communication inside a domain.
    """
    return np.asarray(1.0 / (1.0 + exposed * (net.home_gb_s / np.maximum(bandwidth, _NONE) - 1.0)))
