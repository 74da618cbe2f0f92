"""How jobs run on a site: the scheduler's habits, the network and the leaf of each rack, from its scenario."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Scenario
from envs.scenario.jobs_config import JOB_RULES, JobsConfig
from envs.scheduling.control_step import Laws
from envs.scheduling.network import Network, network
from envs.scheduling.topology_files import leaves_of_groups
from envs.scheduling.waiting_line import Habits


def job_laws(config: JobsConfig, scenario: Scenario, racks: NDArray[np.int64]) -> tuple[Laws, NDArray[np.int64]]:
    """How jobs run on a site, and the leaf of each rack."""
    leaves = config.leaves
    if config.topology:
        shared = [key for key, group in scenario.racks.items() if group.workload == "shared"]
        leaves = leaves_of_groups(Path(config.topology), shared)
    leaf = np.repeat([leaves.get(key, 0) for key in scenario.racks], [g.count for g in scenario.racks.values()])
    pods = np.zeros(int(leaf.max()) + 1, np.int64)
    rack, of_leaf, of_pod = config.oversubscription
    net: Network = network(racks, leaf, pods, (rack, of_leaf, of_pod), config.home_gb_s, config.out_gb_s)
    rule = JOB_RULES[config.rule]
    habits = Habits(config.starts, rule.backfill, rule.reserve, config.preempt, rule.by_deadline, rule.whole)
    exposed = np.array([config.exposed_pretrain_frac, config.exposed_finetune_frac])
    return Laws(habits, net, exposed), leaf
