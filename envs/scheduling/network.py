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


def uplink_ports(net: Network, held: NDArray[np.int16]) -> Floats:
    """Ports of each job that send through each uplink ``(M, R + G + P)``; none where all of the job is below it.

    Parameters
    ----------
    net : Network
    held : ndarray of int (M, R)
        Accelerators of the jobs on racks.
    """
    on_rack = held.astype(np.float64)
    leaves, pods = len(net.pod_of), int(net.pod_of.max()) + 1
    on_leaf = on_rack @ (net.leaf_of[:, None] == np.arange(leaves)[None, :]).astype(np.float64)
    on_pod = on_leaf @ (net.pod_of[:, None] == np.arange(pods)[None, :]).astype(np.float64)
    ports = np.concatenate([on_rack, on_leaf, on_pod], axis=1)
    return np.where(ports < on_rack.sum(axis=1, keepdims=True), ports, 0.0)


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
        found[spans] = _filled(net, uplink_ports(net, held[spans]), site[spans], sites)
    return found


def _filled(net: Network, ports: Floats, site: Ints, sites: int) -> Floats:
    """Rate per port of jobs that span domains ``(M,)`` [GB/s]: all rise alike until an uplink is full."""
    rate, rising = np.zeros(len(ports)), np.ones(len(ports), bool)
    left = np.repeat(net.uplink_gb_s[None, :], sites, axis=0)
    sends = ports > 0.0
    for _ in range(ROUNDS):
        wants = np.zeros_like(left)
        np.add.at(wants, site, ports * rising[:, None])
        step = np.where(wants > 0.0, left / np.maximum(wants, _NONE), np.inf).min(axis=1)
        more = np.where(rising, np.minimum(step[site], net.out_gb_s - rate), 0.0)
        rate += more
        np.subtract.at(left, site, ports * more[:, None])
        full = left < 1e-9 * net.uplink_gb_s
        rising &= (rate < net.out_gb_s - _NONE) & ~(sends & full[site]).any(axis=1)
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
