"""One control step of the jobs of all sites: who is stopped, starts and pauses before it, and how far they run in it.

Where numba is installed and `COLDAISLE_ENGINE` does not say numpy, machine code does the same (`compiled`).
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import numpy as np

from envs.scheduling.job_table import Arrivals, Floats, JobTable, Ledger, admit
from envs.scheduling.network import Network
from envs.scheduling.placement import RackScores
from envs.scheduling.progress import crash, rack_activity, run
from envs.scheduling.scheduler import Wishes, schedule
from envs.scheduling.tier_limits import TierLimits
from envs.scheduling.waiting_line import Habits


class Jobs(NamedTuple):
    """Table, ledger and what is to come; a value that only `decide` and `settle` write into."""

    table: JobTable
    ledger: Ledger
    arrivals: Arrivals


class Laws(NamedTuple):
    """How jobs run.

    Attributes
    ----------
    habits : Habits
        Of the scheduler.
    net : Network or None
        None: no network slows anybody.
    exposed : ndarray (K,)
        Share of a step that waits for communication inside a domain, by class.
    """

    habits: Habits
    net: Network | None
    exposed: Floats


def decide(
    jobs: Jobs, racks: RackScores, wishes: Wishes, laws: Laws, now_s: Floats | float, step_s: float
) -> tuple[Floats, Floats]:
    """Stop who stands in the dark, then schedule; written into the jobs' own arrays.

    Returns
    -------
    tuple of ndarray (K, R, B), ndarray (R, B)
        As `progress.rack_activity`.
    """
    table, ledger, _ = jobs
    crash(table, ledger, racks.dark)
    schedule(table, ledger, racks, wishes, now_s, laws.habits)
    return rack_activity(table, len(ledger.asked), step_s)


def settle(
    jobs: Jobs, pace: Floats, now_s: Floats | float, step_s: float, laws: Laws, limits: TierLimits | None = None
) -> Floats:
    """Run the jobs through the step, then let in who has come until its end; written into their own arrays.

    Parameters
    ----------
    jobs : Jobs
    pace : ndarray (K, R, B)
        Work done over work demanded, by class, as caps and heat leave it; 0 for a rack without power.
    now_s : float or ndarray (B,)
        Beginning of the step [s].
    step_s : float
        Its length [s].
    laws : Laws
    limits : TierLimits, optional
        Those under which the racks' activity was told; None: nobody is limited.

    Returns
    -------
    ndarray (B,)
        Work that was late, as of `progress.run`.
    """
    table, ledger, arrivals = jobs
    late_h = run(table, ledger, pace, now_s, step_s, laws.net, laws.exposed, limits)
    admit(table, ledger, arrivals, now_s + step_s)
    return late_h


def copied(jobs: Jobs) -> Jobs:
    """The jobs in arrays of their own; the list of arrivals, which nobody writes into, is shared."""
    arrivals = jobs.arrivals._replace(taken=np.copy(jobs.arrivals.taken))
    return Jobs(deepcopy(jobs.table), deepcopy(jobs.ledger), arrivals)


def advance(
    jobs: Jobs, racks: RackScores, wishes: Wishes, pace: Floats, now_s: Floats | float, step_s: float, laws: Laws
) -> None:
    """A whole step where nothing stands between decision and progress; arguments as in `decide` and `settle`."""
    admit(*jobs, now_s)
    decide(jobs, racks, wishes, laws, now_s, step_s)
    settle(jobs, pace, now_s, step_s, laws)
