"""The sentence that a demo ends with: against the strongest opponent, with its interval, or no number."""

from __future__ import annotations

import re

import numpy as np
import pytest

from envs.interface.constraints import GATES
from experiments.evaluation.opponents import COST, strongest_opponent, verdict
from experiments.evaluation.stats import mean_difference

BASE = np.linspace(300.0, 500.0, 24)
NOISE = np.tile([-1.0, 1.0], 12)


def table(cost: np.ndarray, degree_minutes: float = 0.0) -> dict[str, np.ndarray]:
    gates = {c.name: np.ones(24) if c.name == "work_done_h" else np.zeros(24) for c in GATES}
    return {**gates, "degree_minutes_worst_rack": np.full(24, degree_minutes), "days": np.ones(24), COST: cost}


def scores(candidate: np.ndarray, degree_minutes: float = 0.0) -> dict[str, dict[str, np.ndarray]]:
    return {
        "rules_tuned": table(BASE),
        "best_constant": table(BASE + 5.0),
        "tuned_fixed": table(BASE - 50.0, 9.0),
        "mine": table(candidate, degree_minutes),
    }


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (BASE - 3.0 + NOISE, "mine is cheaper than rules_tuned on 24 unseen episodes.*-3.00 USD/day, -0.75 %"),
        (BASE + 3.0 + NOISE, "mine is dearer than rules_tuned.*3.00 USD/day"),
        (BASE + NOISE, "mine is neither cheaper nor dearer than rules_tuned"),
    ],
)
def test_the_verdict_follows_the_interval(candidate: np.ndarray, words: str) -> None:
    assert re.search(words, verdict(scores(candidate), "mine"))


def test_a_failed_gate_takes_the_place_of_the_number() -> None:
    told = verdict(scores(BASE - 30.0, 9.0), "mine")
    assert told.startswith("mine gets no savings number against rules_tuned") and "USD" not in told


def test_a_constant_that_runs_hot_is_no_opponent_and_a_cheap_safe_one_is() -> None:
    known = scores(BASE)
    assert strongest_opponent(known) == "rules_tuned"
    assert strongest_opponent({**known, "best_constant": table(BASE - 1.0)}) == "best_constant"


def test_seeds_widen_the_interval() -> None:
    alone = mean_difference(BASE - 2.0 + NOISE, BASE)
    seeds = mean_difference(np.stack([BASE - 6.0 + NOISE, BASE + 2.0 + NOISE]), BASE)
    assert alone.estimate == pytest.approx(-2.0) and seeds.estimate == pytest.approx(-2.0)
    assert seeds.high - seeds.low > 2.0 * (alone.high - alone.low)
