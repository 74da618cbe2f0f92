"""Trees of arrays: whatever their shape, the environments stand on the last axis."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from envs.trees import as_classes_of, as_plain_data, assign, columns, leaves, map_leaves, tiled_tree


class Inner(NamedTuple):
    stages: Any
    missing: Any = None


class Outer(NamedTuple):
    inner: Inner
    by_name: dict[str, Any]
    pair: tuple[Any, Any]
    label: str = "hall"


def tree(offset: float = 0.0, n: int = 3) -> Outer:
    base = np.arange(float(n)) + offset
    return Outer(Inner(base), {"zones": np.stack([base + 10.0, base + 20.0])}, (base + 30.0, None))


def flat(given: Any) -> list[np.ndarray]:
    out: list[np.ndarray] = []
    leaves(given, out)
    return out


def test_leaves_are_all_arrays_in_the_order_of_the_tree() -> None:
    assert [a.ravel()[0] for a in flat(tree())] == [0.0, 10.0, 30.0]


def test_a_mapped_tree_keeps_its_classes_and_all_that_is_no_array() -> None:
    doubled = map_leaves(tree(), lambda a: 2.0 * a)
    assert type(doubled) is Outer and type(doubled.inner) is Inner
    assert doubled.inner.missing is None and doubled.pair[1] is None and doubled.label == "hall"
    np.testing.assert_array_equal(doubled.by_name["zones"], 2.0 * tree().by_name["zones"])


def test_columns_take_environments_in_the_order_asked_for() -> None:
    some = columns(tree(), np.array([2, 0]))
    np.testing.assert_array_equal(some.inner.stages, [2.0, 0.0])
    np.testing.assert_array_equal(some.by_name["zones"], [[12.0, 10.0], [22.0, 20.0]])


def test_copies_stand_copy_after_copy() -> None:
    twice = tiled_tree(tree(), 2)
    np.testing.assert_array_equal(twice.inner.stages, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    assert twice.by_name["zones"].shape == (2, 6)
    for array, whole in zip(flat(columns(twice, np.arange(3, 6))), flat(tree()), strict=True):
        np.testing.assert_array_equal(array, whole)


def test_assigned_environments_are_replaced_and_the_old_tree_is_left_as_it_was() -> None:
    old = tree()
    new = assign(old, columns(tree(100.0), np.array([1])), np.array([1]))
    np.testing.assert_array_equal(new.inner.stages, [0.0, 101.0, 2.0])
    np.testing.assert_array_equal(new.by_name["zones"][1], [20.0, 121.0, 22.0])
    np.testing.assert_array_equal(new.pair[0], [30.0, 131.0, 32.0])
    np.testing.assert_array_equal(old.inner.stages, [0.0, 1.0, 2.0])


def test_trees_of_other_shapes_are_not_assigned() -> None:
    with pytest.raises(ValueError, match="zip"):
        assign((np.zeros(2), np.zeros(2)), (np.ones(1),), np.array([0]))


def test_what_was_stored_plainly_comes_back_in_its_classes_and_its_own_memory() -> None:
    given = tree()
    stored = as_plain_data(given)
    assert type(stored) is dict and type(stored["inner"]) is dict
    given.inner.stages[0] = 99.0
    back = as_classes_of(tree(50.0), stored, "state")
    assert type(back) is Outer and back.label == "hall"
    np.testing.assert_array_equal(back.inner.stages, [0.0, 1.0, 2.0])
    assert not np.shares_memory(back.inner.stages, stored["inner"]["stages"])


def test_a_stored_tree_of_another_version_is_refused_where_it_differs() -> None:
    stored = as_plain_data(tree())
    stored["inner"]["gone"] = stored["inner"].pop("stages")
    with pytest.raises(ValueError, match=r"state\.inner: another version"):
        as_classes_of(tree(), stored, "state")


def test_columns_are_in_c_order_as_the_arrays_of_a_replay_are() -> None:
    tree = {"two": np.arange(12.0).reshape(3, 4), "three": np.arange(24.0).reshape(2, 3, 4)}
    found = columns(tree, np.array([3, 0, 0]))
    assert all(value.flags.c_contiguous for value in found.values())
    np.testing.assert_array_equal(found["three"], tree["three"][..., [3, 0, 0]])
