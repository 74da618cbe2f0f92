"""One control step of the jobs of all sites, in its order: what comes, what fails, who starts, how far they run."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import numpy as np

from envs.scheduling.job_table import Arrivals, Floats, JobTable, Ledger, admit
from envs.scheduling.network import Network
from envs.scheduling.placement import RackScores
from envs.scheduling.progress import crash, run
from envs.scheduling.scheduler import Habits, Wishes, schedule


class Jobs(NamedTuple):
    """Table, ledger and what is to come; a value that only `advance` writes into."""

    table: JobTable
    ledger: Ledger
    arrivals: Arrivals


class Plant(NamedTuple):
    """What the jobs feel of the plant.

    Attributes
    ----------
    pace : ndarray (K, R, B)
        Work done over work demanded, by class.
    dark : ndarray of bool (R, B)
        Racks without power.
    racks : RackScores
        What placement sees.
    """

    pace: Floats
    dark: Floats
    racks: RackScores


def advance(
    jobs: Jobs,
    plant: Plant,
    wishes: Wishes,
    now_s: float,
    step_s: float,
    habits: Habits | None = None,
    net: Network | None = None,
    exposed: Floats | None = None,
) -> None:
    """Step the jobs in their own arrays.

    Parameters
    ----------
    jobs : Jobs
        Written into.
    plant : Plant
    wishes : Wishes
    now_s, step_s : float
        Beginning and length of the step [s].
    habits : Habits, optional
    net, exposed : optional
        As in `progress.run`.
    """
    table, ledger, arrivals = jobs
    admit(table, ledger, arrivals, now_s)
    crash(table, ledger, plant.dark)
    schedule(table, ledger, plant.racks, wishes, habits)
    run(table, ledger, plant.pace, now_s, step_s, net, exposed)


def stepped(
    jobs: Jobs,
    plant: Plant,
    wishes: Wishes,
    now_s: float,
    step_s: float,
    habits: Habits | None = None,
    net: Network | None = None,
    exposed: Floats | None = None,
) -> Jobs:
    """The jobs one step later; those given stay as they are. Arguments as in `advance`."""
    own = copied(jobs)
    advance(own, plant, wishes, now_s, step_s, habits, net, exposed)
    return own


def copied(jobs: Jobs) -> Jobs:
    """The jobs in arrays of their own; the list of arrivals, which nobody writes into, is shared."""
    arrivals = jobs.arrivals._replace(taken=np.copy(jobs.arrivals.taken))
    return Jobs(deepcopy(jobs.table), deepcopy(jobs.ledger), arrivals)
