from __future__ import annotations

import time
from multiprocessing import active_children, get_context

import pytest

from experiments.worker_pool import worker_pool


def test_a_pool_gives_what_its_processes_return() -> None:
    with worker_pool(2) as pool:
        assert list(pool.map(abs, [-1, 2, -3])) == [1, 2, 3]


def test_a_stopped_program_waits_for_none_of_its_processes() -> None:
    others = set(active_children())
    with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:
        pool.submit(abs, -1).result()  # it has begun
        pool.submit(time.sleep, 3600.0)
        raise KeyboardInterrupt
    assert set(active_children()) <= others


def test_a_stopped_pool_leaves_the_processes_of_others_alone() -> None:
    other = get_context("spawn").Process(target=time.sleep, args=(3600.0,))
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt), worker_pool(1) as pool:
            pool.submit(abs, -1).result()
            raise KeyboardInterrupt
        assert other.is_alive()
    finally:
        other.kill()
        other.join()
