"""Rows of jobs that share a network: what placement and neighbours cost them, by our model of uplinks (handbook J5).

Nothing is fitted: a class's exposed communication is the guess that every hall has, and bandwidths are the makers'.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.scenario.jobs_config import JobsConfig
from envs.scheduling.network import Network, job_bandwidth, network, network_speed
from experiments.published.row import Check, Row, check_near

HOST, HOSTS, PODS = 8, 64, 4  # 2,048 accelerators in pods of 512; assumed, the article tells neither
JOB, SIZES = 256, (8, 16, 32, 64, 128, 256)
STEPS, SETTLED, EVERY, LASTS, BUSY = 4000, 1000, 20, 40.0, 0.8
H100_GB_S, A100_GB_S = 450.0, 300.0  # NVLink of a host, per direction
H100_OUT_GB_S, A100_OUT_GB_S = 50.0, 12.5  # 400 Gb/s each; four ports of 200 Gb/s for eight
GPT, BERT = 64, 16  # accelerators; assumed, the summary does not tell


def fleet() -> Network:
    """Hosts of 8 accelerators as domains, pods that do not block inside, 7 : 1 above them."""
    of_pod = np.repeat(np.arange(PODS), HOSTS)
    hosts = np.full(HOSTS * PODS, HOST)
    return network(hosts, of_pod, np.arange(PODS), (1.0, 1.0, 7.0), H100_GB_S, H100_OUT_GB_S)


def speeds(net: Network, held: NDArray[np.int16]) -> NDArray[np.float64]:
    """Of jobs ``(M,)`` on one site, at the exposed communication of pretraining that a hall has by default."""
    rate = job_bandwidth(net, held, np.zeros(len(held), np.int64), 1)
    return network_speed(net, rate, np.full(len(held), JobsConfig().exposed_pretrain_frac))


def in_one_pod() -> float:
    """Speed of the job where it has half of a pod."""
    held = np.zeros((1, HOSTS * PODS), np.int16)
    held[0, : JOB // HOST] = HOST
    return float(speeds(fleet(), held)[0])


def split_over_pods() -> float:
    """Speed of the job where every other one crosses pods too: eight jobs, each with an eighth of its hosts in turn."""
    held = np.zeros((HOSTS * PODS * HOST // JOB, HOSTS * PODS), np.int16)
    for host in range(HOSTS * PODS):
        held[host % len(held), host] = HOST
    return float(speeds(fleet(), held)[0])


def first_fit(seed: int = 0) -> NDArray[np.float64]:
    """Speeds of the large jobs of a fleet that is kept busy first-fit while jobs come and go."""
    net, rng = fleet(), np.random.default_rng(seed)
    free = np.ones(HOSTS * PODS, bool)
    jobs: list[tuple[float, NDArray[np.intp]]] = []
    found: list[float] = []
    for step in range(STEPS):
        for ends, hosts in jobs:
            if ends <= step:
                free[hosts] = True
        jobs = [job for job in jobs if job[0] > step]
        while free.sum() > (1.0 - BUSY) * len(free):
            hosts = np.flatnonzero(free)[: int(rng.choice(SIZES)) // HOST]
            free[hosts] = False
            jobs.append((step + rng.exponential(LASTS), hosts))
        if step >= SETTLED and step % EVERY == 0:
            held = np.zeros((len(jobs), len(free)), np.int16)
            for row, (_, hosts) in enumerate(jobs):
                held[row, hosts] = HOST
            found += speeds(net, held)[held.sum(axis=1) == JOB].tolist()
    return np.array(found)


def placed_job() -> list[Check]:
    """A 256-accelerator job by its placement, over that in one pod."""
    whole, split, fitted = in_one_pod(), split_over_pods(), float(first_fit().mean())
    return [
        check_near("split over pods", split / whole, 0.46, "1", plus_minus=0.05),
        check_near("first-fit", fitted / whole, 0.65, "1", plus_minus=0.05),
        Check("first-fit over split", fitted / split, "above 1", 1.0, np.inf, "1"),
    ]


def longer_iteration(neighbour: int) -> tuple[float, float]:
    """What two jobs on one uplink, as wide as the first one's ports, lose: longer iteration and less throughput [%]."""
    racks, of = np.array([GPT, GPT, neighbour, neighbour]) // 2, np.array([0, 1, 0, 1])
    net = network(racks, of, np.zeros(2, np.int64), (1.0, 1.0, 1.0), A100_GB_S, A100_OUT_GB_S)
    wide = net.uplink_gb_s.copy()
    wide[len(racks) : len(racks) + 2] = GPT / 2 * A100_OUT_GB_S
    net = net._replace(uplink_gb_s=wide)
    held = np.array([[GPT // 2, GPT // 2, 0, 0], [0, 0, neighbour // 2, neighbour // 2]], np.int16)
    alone, beside = np.array([speeds(net, held[k : k + 1])[0] for k in range(2)]), speeds(net, held)
    return 100.0 * (float(alone[0] / beside[0]) - 1.0), 100.0 * (float(beside[1] / alone[1]) - 1.0)


def neighbours() -> list[Check]:
    """A GPT beside a BERT that sends through the same uplinks."""
    longer, less = longer_iteration(BERT)
    return [
        check_near("iteration of GPT beside a BERT of a quarter", longer, 11.0, "%", plus_minus=3.0),
        check_near("throughput of that BERT", less, -7.7, "%", plus_minus=3.0),
        check_near("iteration of GPT beside a BERT of its size", longer_iteration(GPT)[0], 11.0, "%", plus_minus=3.0),
    ]


ROWS = (
    Row(
        "M7",
        "256-accelerator job by placement, over one pod",
        "first-fit 0.65, split pods 0.46 (412, 631, 905 ms)",
        "0.05",
        "Fluidstack, engineering blog",
        placed_job,
    ),
    Row(
        "M8",
        "two jobs on one uplink",
        "GPT +11.0 % (1.53 to 1.70 s), BERT -7.7 %",
        "3 points",
        "Crux, SIGCOMM 2024, summary",
        neighbours,
    ),
)
