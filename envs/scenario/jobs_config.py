"""Jobs of a site: who schedules them, by which rule, over which network. Without it the load is drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from envs.parameters import Parameters, parameter
from envs.unknown_name import unknown_name


class JobRule(NamedTuple):
    """A rule of the scheduler.

    Attributes
    ----------
    weights : tuple of float
        Of placement: whole domain, whole leaf, cool inlet, row's power, UPS's power, tightest fit.
    backfill, reserve : bool
        Whether later jobs may pass the first, and whether they must leave it what it needs.
    by_deadline : bool
        Whether the earliest deadline goes first.
    whole : float
        A job that one rack can hold waits for one, if it comes within so many times the job's own need; 0: never.
    """

    weights: tuple[float, float, float, float, float, float]
    backfill: bool = True
    reserve: bool = True
    by_deadline: bool = False
    whole: float = 0.0


#: Rules by name. Slurm's topology plugins: the tree seeks the fewest switches, the block the fewest whole domains.
JOB_RULES: dict[str, JobRule] = {
    "fifo": JobRule((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), backfill=False),
    "backfill": JobRule((0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    "best_fit": JobRule((0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    "slurm_tree": JobRule((0.0, 2.0, 0.0, 0.0, 0.0, 1.0)),
    "slurm_block": JobRule((4.0, 2.0, 0.0, 0.0, 0.0, 1.0)),
    "edf": JobRule((4.0, 2.0, 0.0, 0.0, 0.0, 1.0), reserve=False, by_deadline=True),
    "whole_domain": JobRule((4.0, 2.0, 0.0, 0.0, 0.0, 1.0), whole=0.2),
}
LEVELS = 3  # of uplinks: racks, leaves, pods


@dataclass(frozen=True)
class JobsConfig(Parameters):
    """Jobs that a scheduler places on the racks of all groups with the workload ``shared``.

    ``log`` is a file of jobs that were submitted elsewhere (`envs/signals/workload/cluster_logs.py`), instead of the
    generator's; ``occupancy`` then says nothing. ``rule`` names one of `JOB_RULES`. ``leaves`` gives the leaf switch of
    each such group; one leaf where it is empty. ``topology`` is a file that tells them in their place: Slurm's
    ``topology.yaml`` or node labels of topograph (`envs/scheduling/topology_files.py`).
    """

    rule: str = "slurm_block"
    log: str = ""
    curtail: str = ""
    slots: int = parameter(128, 8, 2048, "1", "jobs of a site at once; more wait outside")
    starts: int = parameter(8, 1, 64, "1", "most starts of a site in a step [G]")
    occupancy: float = parameter(0.68, 0.05, 1.5, "1", "offered load over capacity, WORKLOAD 6a")
    deadline_stretch: float = parameter(0.0, 0.0, 100.0, "1", "deadline, in run times; none by default; HANDBOOK J8")
    rigid_frac: float = parameter(0.0, 0.0, 1.0, "1", "of jobs up to a rack is of tier 0: never slowed or stopped [G]")
    preempt: bool = False
    leaves: dict[str, int] = field(default_factory=dict)
    topology: str = ""
    home_gb_s: float = parameter(900.0, 1.0, 1e5, "GB/s", "NVL72 inside, per accelerator and direction, WORKLOAD 5")
    out_gb_s: float = parameter(50.0, 0.1, 1e4, "GB/s", "400 Gb/s per accelerator, WORKLOAD 5")
    oversubscription: list[float] = parameter([1.0, 2.0, 7.0], 1.0, 100.0, "1", "of rack, leaf and pod [G]")
    exposed_pretrain_frac: float = parameter(0.03, 0.0, 0.9, "1", "of a step, inside a domain [G]")
    exposed_finetune_frac: float = parameter(0.01, 0.0, 0.9, "1", "of a step, inside a domain [G]")

    def __post_init__(self) -> None:
        """Check ranges, the name of the rule and the levels of the network."""
        super().__post_init__()
        if self.rule not in JOB_RULES:
            raise ValueError(unknown_name("JobsConfig.rule", self.rule, JOB_RULES))
        if len(self.oversubscription) != LEVELS:
            raise ValueError(
                f"JobsConfig.oversubscription = {list(self.oversubscription)}; give {LEVELS} ratios: of a rack's, a "
                "leaf's and a pod's uplink"
            )
        if self.out_gb_s > self.home_gb_s:
            raise ValueError(
                f"JobsConfig.out_gb_s = {self.out_gb_s} is above home_gb_s = {self.home_gb_s}; give at most that"
            )

    @property
    def domain_weight(self) -> float:
        """Weight of racks that hold the whole job."""
        return JOB_RULES[self.rule].weights[0]

    @property
    def leaf_weight(self) -> float:
        """Weight of leaves that hold the whole job."""
        return JOB_RULES[self.rule].weights[1]

    @property
    def fit_weight(self) -> float:
        """Weight of racks of which the job leaves least."""
        return JOB_RULES[self.rule].weights[5]
