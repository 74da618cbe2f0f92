"""Caps by equal marginal value: the greedy on nested feeders beside the linear program, which takes crossed ones."""

from __future__ import annotations

import numpy as np
import pytest

from envs.feeders.graph import Feeder, FeederGraph, Floats, Outlet, failover_load_kw, single_losses
from envs.feeders.limits import Limits, NestedTree, limits_of, nested_tree, with_minima
from envs.feeders.nested_caps import shared_power
from envs.feeders.value_pieces import Pieces, concave_corners, pieces_of_curves
from scripts.caps_against_lp import compared, random_graph, random_pieces
from tests.envs.feeders.test_graph import three_that_cross

highspy = pytest.importorskip("highspy", reason="needs the extra [planner]")
from envs.feeders.linear_program import program_power  # noqa: E402


def tree_of(limits: Limits) -> NestedTree:
    tree = nested_tree(limits)
    assert tree is not None
    return tree


def two_rows(utility_kw: float, row_kw: float = 20.0) -> Limits:
    feeders = (Feeder("utility", utility_kw), *(Feeder(f"row {p}", row_kw, ("utility",)) for p in range(2)))
    graph = FeederGraph(feeders, tuple(Outlet(f"rack {r}", (f"row {r // 2}",)) for r in range(4)))
    return limits_of(graph, single_losses(graph), after_loss=False)


def straight(slopes: list[float], top_kw: float = 10.0, floor_kw: float = 2.0) -> Pieces:
    """Racks whose work rises in proportion to power."""
    power = [np.array([floor_kw, top_kw])] * len(slopes)
    return pieces_of_curves(power, [slope * x for slope, x in zip(slopes, power)])


@pytest.mark.parametrize("seed", range(60))
def test_on_random_trees_the_greedy_is_worth_what_the_linear_program_is(seed: int) -> None:
    found = compared(np.random.default_rng([7, seed]))
    assert abs(found.gap_frac) < 1e-9 and found.over_kw < 1e-9


def test_the_steepest_racks_are_served_first_and_a_row_s_limit_sends_the_rest_to_the_other_row() -> None:
    shared = shared_power(tree_of(two_rows(28.0, row_kw=14.0)), straight([4.0, 3.0, 2.0, 1.0]))
    np.testing.assert_allclose(shared.outlet_kw[:, 0], [10.0, 4.0, 10.0, 4.0])
    shared = shared_power(tree_of(two_rows(24.0)), straight([4.0, 3.0, 2.0, 1.0]))
    np.testing.assert_allclose(shared.outlet_kw[:, 0], [10.0, 10.0, 2.0, 2.0])


def test_where_all_demand_fits_nothing_is_capped() -> None:
    shared = shared_power(tree_of(two_rows(40.0)), straight([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(shared.outlet_kw, 10.0)


def test_a_promise_is_kept_before_steeper_work_and_costs_no_more_than_it_must() -> None:
    limits = with_minima(two_rows(24.0), np.array([-1, -1, 0, 0]), np.array([[9.0]]), ["tenant"])
    shared = shared_power(tree_of(limits), straight([4.0, 3.0, 2.0, 1.0]))
    np.testing.assert_allclose(shared.outlet_kw[:, 0], [10.0, 5.0, 7.0, 2.0])
    assert shared.short_kw[0] == pytest.approx(0.0)


def test_a_promise_that_no_sharing_can_keep_is_told_in_kilowatts() -> None:
    limits = with_minima(two_rows(24.0, row_kw=8.0), np.array([-1, -1, 0, 0]), np.array([[9.0]]), ["tenant"])
    pieces = straight([4.0, 3.0, 2.0, 1.0])
    for shared in (shared_power(tree_of(limits), pieces), program_power(limits, pieces)):
        assert shared.short_kw[0] == pytest.approx(1.0)


def test_floors_that_pass_a_limit_are_told_and_nothing_else_is_given() -> None:
    shared = shared_power(tree_of(two_rows(7.0)), straight([1.0] * 4))
    np.testing.assert_allclose(shared.outlet_kw, 2.0)
    assert shared.short_kw[0] == pytest.approx(1.0)


def test_a_batch_of_sites_is_shared_as_each_site_alone() -> None:
    rng = np.random.default_rng(3)
    graph = random_graph(rng)
    limits = limits_of(graph, single_losses(graph), after_loss=False)
    plain = random_pieces(rng, len(graph.outlets))
    sites = plain._replace(
        width_kw=plain.width_kw * rng.uniform(0.3, 1.0, (1, 5)), slope=plain.slope * rng.uniform(0.5, 2.0, (1, 5))
    )
    loose = limits._replace(limit_kw=limits.limit_kw * rng.uniform(0.6, 1.0, (1, 5)))
    together = shared_power(tree_of(loose), sites)
    for k in range(5):
        one = sites._replace(width_kw=sites.width_kw[:, [k]], slope=sites.slope[:, [k]])
        alone = shared_power(tree_of(loose._replace(limit_kw=loose.limit_kw[:, [k]])), one)
        np.testing.assert_allclose(together.outlet_kw[:, k], alone.outlet_kw[:, 0], atol=1e-9)


def test_slopes_that_differ_by_site_are_each_sorted_for_their_own_site() -> None:
    pieces = straight([4.0, 3.0, 2.0, 1.0])
    turned = pieces._replace(slope=np.hstack([pieces.slope, pieces.slope[::-1]]))
    shared = shared_power(tree_of(two_rows(24.0)), turned)
    np.testing.assert_allclose(shared.outlet_kw[:, 0], shared.outlet_kw[::-1, 1])


def test_more_power_is_never_worth_less_and_each_further_kilowatt_is_worth_no_more() -> None:
    rng = np.random.default_rng(11)
    graph = random_graph(rng)
    pieces = random_pieces(rng, len(graph.outlets))
    limits = limits_of(graph, single_losses(graph), after_loss=False)
    grown = limits._replace(limit_kw=limits.limit_kw * np.linspace(0.7, 1.4, 30))
    value = shared_power(tree_of(grown), pieces).value(pieces)
    assert (np.diff(value) >= -1e-9).all() and (np.diff(value, 2) <= 1e-9).all()


def test_on_crossed_feeds_the_program_keeps_every_survivor_within_its_limit() -> None:
    graph = three_that_cross()
    outages = single_losses(graph)
    limits, pieces = limits_of(graph, outages), straight([3.0, 2.0, 1.0], top_kw=30.0)
    shared = program_power(limits, pieces)
    assert (failover_load_kw(outages, shared.outlet_kw) <= 30.0 + 1e-6).all()
    assert shared.value(pieces)[0] == pytest.approx(best_of_grid(limits, [3.0, 2.0, 1.0]), rel=0.02)


def best_of_grid(limits: Limits, slopes: list[float]) -> float:
    """Value above the floors of 2 kW, by trying all powers on a grid of 0.5 kW."""
    x = np.stack(np.meshgrid(*[np.arange(2.0, 30.1, 0.5)] * 3, indexing="ij")).reshape(3, -1)
    fits = (limits.weight @ x <= limits.limit_kw + 1e-9).all(axis=0)
    return float((np.array(slopes) @ (x[:, fits] - 2.0)).max())


def test_the_hull_of_a_curve_bridges_its_dents_and_ends_at_its_highest_value() -> None:
    x: Floats = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert concave_corners(x, np.array([0.0, 1.0, 1.2, 3.0, 3.0])) == [0, 3]
    assert concave_corners(x, np.array([0.0, 2.0, 3.0, 3.5, 3.2])) == [0, 1, 2, 3]


@pytest.mark.parametrize("power", [[1.0, 0.5], [1.0, np.nan], []])
def test_a_curve_that_is_none_is_refused(power: list[float]) -> None:
    with pytest.raises(ValueError, match="curve 0"):
        pieces_of_curves([np.array(power)], [np.array(power)])
