"""What the caps must keep: rows of limits, which nest or cross."""

from __future__ import annotations

import numpy as np
import pytest

from envs.feeders.graph import Feeder, FeederGraph, Outlet, failover_load_kw, single_losses
from envs.feeders.limits import limits_of, nested_tree, with_minima
from scripts.caps_against_lp import random_graph
from tests.envs.feeders.test_graph import parallel_units, three_that_cross, two_paths


def test_two_paths_come_to_one_row_the_one_that_is_left_after_a_loss() -> None:
    limits = limits_of(two_paths(), single_losses(two_paths()))
    assert limits.limit_kw.ravel().tolist() == [50.0] and limits.name == ("b after the loss of a",)
    assert nested_tree(limits) is not None


def test_units_in_parallel_may_carry_together_what_is_firm_with_one_out() -> None:
    limits = limits_of(parallel_units(3), single_losses(parallel_units(3)))
    assert limits.limit_kw.min() == pytest.approx(80.0)


def test_without_a_reserve_only_the_state_with_nothing_lost_counts() -> None:
    limits = limits_of(parallel_units(3), single_losses(parallel_units(3)), after_loss=False)
    assert limits.limit_kw.min() == pytest.approx(120.0)


def test_a_feeder_that_may_be_overloaded_after_a_loss_allows_as_much_more() -> None:
    limits = limits_of(parallel_units(3), single_losses(parallel_units(3)), overload_frac=1.25)
    assert limits.limit_kw.min() == pytest.approx(100.0)


def test_feeds_that_cross_are_no_tree() -> None:
    assert nested_tree(limits_of(three_that_cross(), single_losses(three_that_cross()))) is None


def test_promises_to_a_class_in_each_row_nest_and_to_a_class_across_rows_cross() -> None:
    feeders = (Feeder("utility", 60.0), *(Feeder(f"row {p}", 40.0, ("utility",)) for p in range(2)))
    outlets = tuple(Outlet(f"{kind} in row {p}", (f"row {p}",)) for p in range(2) for kind in ("serving", "training"))
    graph = FeederGraph(feeders, outlets)
    limits = limits_of(graph, single_losses(graph), after_loss=False)
    in_each = with_minima(limits, np.array([0, -1, 1, -1]), np.array([[5.0], [5.0]]), ["serving 0", "serving 1"])
    across = with_minima(limits, np.array([0, -1, 0, -1]), np.array([[10.0]]), ["serving"])
    assert nested_tree(in_each) is not None and nested_tree(across) is None


@pytest.mark.parametrize("seed", range(20))
def test_what_keeps_the_rows_keeps_every_feeder_in_every_state_and_what_breaks_one_breaks_a_feeder(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, paths=2)
    outages = single_losses(graph)
    limits = limits_of(graph, outages)
    load = rng.uniform(0.0, 10.0, (len(graph.outlets), 200))
    load *= rng.uniform(0.8, 1.2, 200) * (limits.limit_kw / (limits.weight @ load)).min(
        axis=0
    )  # around the first limit
    kept = (limits.weight @ load <= limits.limit_kw).all(axis=0)
    carried = (failover_load_kw(outages, load) <= graph.limit_kw[None, :, None] + 1e-9).all(axis=(0, 1))
    assert 0 < kept.sum() < 200
    np.testing.assert_array_equal(kept, carried)
