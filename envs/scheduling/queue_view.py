"""What is seen of the jobs of a site: a few numbers, whatever the size of the table."""

from __future__ import annotations

import numpy as np

from envs.scheduling.job_table import PAUSED, RUNNING, WAITING, Floats, JobTable, remaining_s

SOON_S = 3600.0
#: Rows of `queue_view`. Shares are of all accelerators that jobs may hold.
SEEN = (
    "job_running_share",
    "job_restarting_share",
    "job_paused_share",
    "job_flexible_share",
    "job_ending_share",
    "job_waiting_share",
    "job_waiting_h",
    "job_largest_waiting_share",
    "job_oldest_wait_h",
)


def queue_view(table: JobTable, now_s: Floats) -> Floats:
    """Rows of `SEEN` ``(k, B)``.

    Parameters
    ----------
    table : JobTable
    now_s : ndarray (B,)
        In the clock of the jobs' submit times [s].
    """
    facts, state = table.facts, table.state
    runs, waits = state == RUNNING, state == WAITING
    restarts = runs & (table.restart_left_s > 0.0)
    active = runs | (state == PAUSED)
    need_s = remaining_s(table)
    size = facts.accelerators / max(float(table.racks.sum()), 1.0)

    def share(which: Floats) -> Floats:
        return np.where(which, size, 0.0).sum(axis=0)

    oldest = np.where(waits, now_s - facts.submit_s, 0.0).max(axis=0)
    rows = (
        share(runs & ~restarts), share(restarts), share(state == PAUSED), share(active & (facts.tier > 0)),
        share(active & (need_s <= SOON_S)), share(waits),
        np.where(waits, table.left_h, 0.0).sum(axis=0) / max(float(table.racks.sum()), 1.0),
        np.where(waits, size, 0.0).max(axis=0), oldest / 3600.0,
    )  # fmt: skip
    return np.stack(rows)
