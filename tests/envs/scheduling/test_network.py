"""The network between racks: who spans what, who shares an uplink, and what that does to a job's speed."""

from __future__ import annotations

import numpy as np
import pytest

from envs.scheduling.network import Network, job_bandwidth, network, network_speed, uplink_sends

LEAF, POD = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 0, 1, 1])
RACKS = np.full(8, 72)


def nvl72(**more: tuple[float, float, float]) -> Network:
    return network(RACKS, LEAF, POD, **more)


def uplink_ports(net: Network, jobs: np.ndarray) -> np.ndarray:
    """Ports of each job on each uplink."""
    sends = uplink_sends(net, jobs)
    found = np.zeros((len(jobs), len(net.uplink_gb_s)))
    found[sends.job, sends.uplink] = sends.ports
    return found


def held(*jobs: dict[int, int]) -> np.ndarray:
    found = np.zeros((len(jobs), len(RACKS)), np.int16)
    for row, job in zip(found, jobs):
        for rack, accelerators in job.items():
            row[rack] = accelerators
    return found


def bandwidth(net: Network, jobs: np.ndarray) -> np.ndarray:
    return job_bandwidth(net, jobs, np.zeros(len(jobs), np.int64), 1)


def test_a_job_inside_one_domain_uses_no_uplink_and_runs_at_full_speed() -> None:
    jobs = held({0: 72})
    assert not uplink_ports(nvl72(), jobs).any()
    assert network_speed(nvl72(), bandwidth(nvl72(), jobs), np.array([0.3]))[0] == 1.0


def test_across_domains_there_is_an_eighteenth_of_the_bandwidth_inside() -> None:
    found = bandwidth(nvl72(), held({0: 36, 1: 36}))
    assert 900.0 / found[0] == pytest.approx(18.0)  # WORKLOAD 5


def test_across_pods_at_seven_to_one_a_whole_pod_gets_a_seventh_of_its_ports() -> None:
    jobs = held({r: 72 for r in range(8)})
    assert bandwidth(nvl72(), jobs)[0] == pytest.approx(50.0 / 7.0)


def test_a_job_sends_through_the_uplinks_that_leave_what_it_fills() -> None:
    ports = uplink_ports(nvl72(), held({0: 8, 1: 8}, {0: 8, 2: 8}, {0: 8, 4: 8}))
    racks, leaves, pods = ports[:, :8], ports[:, 8:12], ports[:, 12:]
    np.testing.assert_array_equal((racks > 0).sum(axis=1), [2, 2, 2])
    np.testing.assert_array_equal((leaves > 0).sum(axis=1), [0, 2, 2])
    np.testing.assert_array_equal((pods > 0).sum(axis=1), [0, 0, 2])


def test_two_jobs_on_one_uplink_share_it_by_their_ports_and_others_are_not_slowed() -> None:
    net = nvl72(oversubscription=(1.0, 4.0, 1.0))
    alone = bandwidth(net, held({0: 72, 2: 72}))
    both = bandwidth(net, held({0: 72, 2: 72}, {1: 72, 3: 72}, {4: 36, 5: 36}))
    assert alone[0] == pytest.approx(25.0) and both[0] == both[1] == pytest.approx(12.5)
    assert both[2] == pytest.approx(50.0)


def max_min(net: Network, jobs: np.ndarray) -> np.ndarray:
    """Progressive filling in the smallest steps: every job that can still rise does."""
    ports, rate = uplink_ports(net, jobs), np.zeros(len(jobs))
    step = net.out_gb_s / 20_000.0
    rising = ports.any(axis=1)
    while rising.any():
        more = rate + step * rising
        over = (ports * more[:, None]).sum(axis=0) > net.uplink_gb_s * (1.0 + 1e-9)
        rising &= ~((ports > 0.0) & over).any(axis=1) & (more <= net.out_gb_s)
        rate += step * rising
    return np.where(ports.any(axis=1), rate, net.home_gb_s)


@pytest.mark.parametrize("seed", range(6))
def test_bandwidth_is_max_min_fair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = nvl72(oversubscription=(1.0, 3.0, 7.0))
    jobs = np.zeros((4, 8), np.int16)
    for row in jobs:
        row[rng.choice(8, 3, replace=False)] = rng.integers(1, 19, 3)
    np.testing.assert_allclose(bandwidth(net, jobs), max_min(net, jobs), rtol=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_no_uplink_carries_more_than_it_can_and_sites_do_not_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = nvl72(oversubscription=(1.5, 3.0, 7.0))
    jobs = rng.integers(0, 18, (30, 8)).astype(np.int16) * (rng.random((30, 8)) < 0.4)
    site = rng.integers(0, 5, 30)
    rate = job_bandwidth(net, jobs.astype(np.int16), site, 5)
    for k in range(5):
        mine = site == k
        ports = uplink_ports(net, jobs[mine])
        assert (ports.T @ rate[mine] <= net.uplink_gb_s * (1.0 + 1e-9)).all()
        np.testing.assert_allclose(job_bandwidth(net, jobs[mine], np.zeros(mine.sum(), int), 1), rate[mine])


def test_more_exposed_communication_and_less_bandwidth_slow_a_job() -> None:
    exposed, speeds = np.array([0.0, 0.02, 0.1]), []
    for bw in (900.0, 50.0, 10.0):
        speeds.append(network_speed(nvl72(), np.full(3, bw), exposed))
    assert (speeds[0] == 1.0).all() and (speeds[1] >= speeds[2]).all() and (np.diff(speeds[2]) < 0.0).all()
    assert speeds[1][1] == pytest.approx(1.0 / (1.0 + 0.02 * 17.0))


@pytest.mark.parametrize("wrong", [{"oversubscription": (0.5, 1.0, 1.0)}, {"out_gb_s": 1000.0}, {"out_gb_s": 0.0}])
def test_a_network_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        network(RACKS, LEAF, POD, **wrong)  # type: ignore[arg-type]
