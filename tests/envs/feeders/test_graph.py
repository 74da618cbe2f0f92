"""Feeders from the utility to the racks: who carries what, and what survives a loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from envs.feeders.graph import Feeder, FeederGraph, Outlet, circle_of, failover_load_kw, load_shares, single_losses


def two_paths(racks: int = 4) -> FeederGraph:
    """2N: each rack hangs on both paths."""
    feeders = (
        Feeder("utility", 100.0, may_fail=False),
        Feeder("a", 50.0, ("utility",)),
        Feeder("b", 50.0, ("utility",)),
    )
    return FeederGraph(feeders, tuple(Outlet(f"rack {r}", ("a", "b")) for r in range(racks)))


def parallel_units(units: int) -> FeederGraph:
    """N+1: units that share a busbar."""
    each = tuple(Feeder(f"unit {k}", 40.0) for k in range(units))
    bus = Feeder("bus", 200.0, tuple(f.name for f in each), may_fail=False)
    return FeederGraph((*each, bus), (Outlet("hall", ("bus",)),))


def three_that_cross() -> FeederGraph:
    """Distributed redundancy: each pair of three feeders backs a third of the racks."""
    feeders = tuple(Feeder(name, 30.0) for name in "abc")
    return FeederGraph(feeders, tuple(Outlet(pair, tuple(pair)) for pair in ("ab", "bc", "ca")))


def test_every_kilowatt_that_a_rack_draws_passes_each_level_once() -> None:
    share, served = load_shares(two_paths())
    np.testing.assert_array_equal(share[0], 1.0)
    np.testing.assert_array_equal(share[1] + share[2], 1.0)
    assert served.all()


def test_after_the_loss_of_a_path_the_other_carries_all() -> None:
    outages = single_losses(two_paths())
    load = failover_load_kw(outages, np.full((4, 2), 10.0))
    assert outages.lost.tolist() == [-1, 1, 2]
    np.testing.assert_allclose(load[:, 1, 0], [20.0, 0.0, 40.0])
    np.testing.assert_allclose(load[:, 2, 1], [20.0, 40.0, 0.0])
    assert outages.served.all()


@pytest.mark.parametrize("units", [2, 3, 5])
def test_units_in_parallel_share_alike_and_those_left_take_the_part_of_a_lost_one(units: int) -> None:
    load = failover_load_kw(single_losses(parallel_units(units)), np.array([[60.0]]))[:, :units, 0]
    np.testing.assert_allclose(load[0], 60.0 / units)
    for k in range(units):
        np.testing.assert_allclose(np.delete(load[k + 1], k), 60.0 / (units - 1))
        assert load[k + 1, k] == 0.0


def test_where_feeds_cross_the_survivors_take_what_their_partners_carried() -> None:
    load = failover_load_kw(single_losses(three_that_cross()), np.array([[10.0], [20.0], [30.0]]))[:, :, 0]
    np.testing.assert_allclose(load[0], [20.0, 15.0, 25.0])
    np.testing.assert_allclose(load[1], [0.0, 20.0, 40.0])  # a is lost: ab hangs on b, ca on c


def test_a_standby_carries_nothing_until_all_feeds_are_lost() -> None:
    graph = FeederGraph((Feeder("main", 10.0), Feeder("spare", 10.0)), (Outlet("rack", ("main",), ("spare",)),))
    load = failover_load_kw(single_losses(graph), np.array([[6.0]]))[:, :, 0]
    np.testing.assert_allclose(load, [[6.0, 0.0], [0.0, 6.0], [6.0, 0.0]])


def test_a_rack_whose_feeds_are_all_lost_is_dark_and_loads_nobody() -> None:
    share, served = load_shares(two_paths(), lost=[1, 2])
    assert not served.any() and not share.any()


def test_a_feeder_without_power_above_it_feeds_nobody() -> None:
    share, served = load_shares(two_paths(), lost=[0])
    assert not served.any() and not share.any()


@pytest.mark.parametrize(
    ("fed_by", "circle"),
    [
        ({"a": [], "b": ["a"], "c": ["a", "b"], "d": ["b", "c"]}, ()),
        ({"a": ["a"]}, ("a", "a")),
        ({"top": [], "a": ["top", "c"], "b": ["a"], "c": ["b"], "row": ["c"]}, ("a", "c", "b", "a")),
    ],
)
def test_a_circle_is_named_without_those_that_only_hang_on_it(fed_by: dict, circle: tuple[str, ...]) -> None:
    assert circle_of(fed_by) == circle


WRONG: dict[str, tuple[str, Callable[[], FeederGraph]]] = {
    "unknown": ("no feeder", lambda: FeederGraph((Feeder("a", 1.0, ("b",)),), (Outlet("r", ("a",)),))),
    "circle": (
        "circle",
        lambda: FeederGraph((Feeder("a", 1.0, ("b",)), Feeder("b", 1.0, ("a",))), (Outlet("r", ("a",)),)),
    ),
    "twice": ("used twice", lambda: FeederGraph((Feeder("a", 1.0), Feeder("a", 1.0)), (Outlet("r", ("a",)),))),
    "zero": ("above 0 kW", lambda: FeederGraph((Feeder("a", 0.0),), (Outlet("r", ("a",)),))),
    "unfed": ("has no feed", lambda: FeederGraph((Feeder("a", 1.0),), (Outlet("r", ()),))),
    "empty": ("no outlet", lambda: FeederGraph((Feeder("a", 1.0),), ())),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_graph_that_cannot_carry_power_is_refused(case: str) -> None:
    words, made = WRONG[case]
    with pytest.raises(ValueError, match=words):
        made()
