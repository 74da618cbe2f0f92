"""Processes side by side that end with the program: a stopped one waits for none of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context


@contextmanager
def worker_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of fresh processes; where the block ends by an error or a signal they are ended at once.

    Parameters
    ----------
    jobs : int
        How many. They leave Ctrl-C to the program, which a terminal sends to all of them.
    """
    others = set(active_children())  # of pools that are somebody else's
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_leave_interrupts) as pool:
        try:
            yield pool
        except BaseException:
            for child in set(active_children()) - others:
                child.terminate()
            raise


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
