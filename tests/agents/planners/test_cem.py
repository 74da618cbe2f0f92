from __future__ import annotations

import numpy as np
import pytest

from agents.planners.cem import Budget, Progress, minimize, minimize_each

BOTTOM = np.array([0.2, 0.9, 0.5, 0.05])
BUDGET = Budget(population=40, elites=8, iterations=40, least_spread=0.0)


def bowl(candidates: np.ndarray) -> np.ndarray:
    return ((candidates - BOTTOM) ** 2 * np.array([1.0, 5.0, 2.0, 10.0])).sum(axis=-1)


def test_search_finds_the_bottom_of_a_bowl() -> None:
    found = minimize(bowl, np.full(4, 0.5), BUDGET, seed=0)
    np.testing.assert_allclose(found.best, BOTTOM, atol=0.01)
    assert found.cost == pytest.approx(float(bowl(found.best)))


def test_search_finds_an_optimum_on_the_edge_of_the_box() -> None:
    found = minimize(lambda c: c.sum(axis=-1), np.full(3, 0.5), BUDGET, seed=0)
    assert found.cost < 0.01


def test_same_seed_gives_the_same_search_and_another_seed_another() -> None:
    short = Budget(population=10, elites=3, iterations=3)
    first, again, other = (minimize(bowl, np.full(4, 0.5), short, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.best, again.best)
    assert first.history == again.history
    assert not np.array_equal(first.best, other.best)


def test_result_is_never_worse_than_the_start() -> None:
    found = minimize(bowl, BOTTOM, Budget(population=4, elites=2, iterations=2), seed=0)
    assert found.cost == 0.0
    assert all(later <= earlier for earlier, later in zip(found.history, found.history[1:]))


def test_each_problem_is_searched_on_its_own() -> None:
    bottoms = np.array([[0.1, 0.8], [0.9, 0.3], [0.5, 0.5]])
    found = minimize_each(lambda c: ((c - bottoms) ** 2).sum(axis=-1), np.full((3, 2), 0.5), BUDGET, seed=3)
    np.testing.assert_allclose(found.best, bottoms, atol=0.01)
    assert found.cost.shape == (3,)


def test_result_is_never_worse_than_the_other_candidate_given() -> None:
    short = Budget(population=4, elites=2, iterations=1, spread=0.01)
    found = minimize_each(lambda c: bowl(c), np.full((1, 4), 0.5), short, seed=0, also=BOTTOM[None])
    assert found.cost[0] == 0.0


def test_progress_hears_of_every_iteration() -> None:
    heard: list[Progress] = []
    minimize(bowl, np.full(4, 0.5), Budget(population=6, elites=2, iterations=5), seed=0, progress=heard.append)
    assert [p.iteration for p in heard] == [0, 1, 2, 3, 4]
    assert heard[-1].best_cost <= heard[0].best_cost


@pytest.mark.parametrize("numbers", [{"elites": 1}, {"elites": 40, "population": 40}, {"iterations": 0}])
def test_budget_that_cannot_search_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="elites < population"):
        Budget(**numbers)
