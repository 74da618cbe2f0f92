"""Jobs that move between sites: they take their work with them, and nothing else."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.scheduling.job_table import EMPTY, RUNNING, WAITING, JobTable, Ledger, empty_ledger, empty_table, waiting_h
from envs.scheduling.transfers import receive, send

KINDS, SLOTS, SITES = 2, 6, 3


def full_table(seed: int, waiting: int) -> tuple[JobTable, Ledger]:
    """The first ``waiting`` slots of each site wait, one runs."""
    rng = np.random.default_rng(seed)
    table, ledger = empty_table(SLOTS, np.array([8, 8]), SITES), empty_ledger(KINDS, SITES)
    table.state[:waiting], table.state[waiting] = WAITING, RUNNING
    table.left_h[: waiting + 1] = rng.uniform(1.0, 9.0, (waiting + 1, SITES))
    table.facts.kind[: waiting + 1] = rng.integers(0, KINDS, (waiting + 1, SITES))
    table.facts.submit_s[: waiting + 1] = rng.uniform(0.0, 1e4, (waiting + 1, SITES))
    table.stops[: waiting + 1] = rng.integers(0, 3, (waiting + 1, SITES))
    ledger.asked[:] = waiting_h(table, KINDS)
    return table, ledger


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(1, SLOTS - 1), st.data())
def test_work_asked_follows_the_jobs_and_none_is_lost_or_made(seed: int, waiting: int, data: st.DataObject) -> None:
    table, ledger = full_table(seed, waiting)
    before = ledger.asked.sum(axis=1)
    slots, sites = np.nonzero(table.state == WAITING)
    goes = np.array(data.draw(st.lists(st.booleans(), min_size=len(slots), max_size=len(slots))), bool)
    carried = send(table, ledger, (slots[goes], sites[goes]))
    np.testing.assert_allclose(ledger.asked, waiting_h(table, KINDS), atol=1e-9)
    to = np.array(
        data.draw(st.lists(st.integers(0, SITES - 1), min_size=int(goes.sum()), max_size=int(goes.sum()))), int
    )
    entered = receive(table, ledger, carried, to)
    np.testing.assert_allclose(ledger.asked, waiting_h(table, KINDS), atol=1e-9)
    outside = np.bincount(carried.facts.kind[~entered], carried.left_h[~entered], KINDS)
    np.testing.assert_allclose(ledger.asked.sum(axis=1) + outside, before, atol=1e-9)
    rooms = SLOTS - np.bincount(sites, minlength=SITES) - 1 + np.bincount(sites[goes], minlength=SITES)
    np.testing.assert_array_equal(
        np.bincount(to[entered], minlength=SITES), np.minimum(np.bincount(to, minlength=SITES), rooms)
    )


def test_a_job_arrives_as_it_left() -> None:
    table, ledger = full_table(3, 2)
    was = deepcopy(table)
    carried = send(table, ledger, (np.array([1]), np.array([0])))
    assert table.state[1, 0] == EMPTY and table.left_h[1, 0] == 0.0
    receive(table, ledger, carried, np.array([2]))
    slot = 3  # the first that is empty there
    assert table.state[slot, 2] == WAITING and table.left_h[slot, 2] == was.left_h[1, 0]
    assert table.stops[slot, 2] == was.stops[1, 0]
    for mine, came in zip(table.facts, was.facts):
        assert mine[slot, 2] == came[1, 0]


def test_a_running_job_cannot_be_sent() -> None:
    table, ledger = full_table(0, 2)
    with pytest.raises(ValueError, match="do not wait; stop them first"):
        send(table, ledger, (np.array([2]), np.array([1])))
