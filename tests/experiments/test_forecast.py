from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.forecasting.engine import Forecaster, ForecastSettings
from agents.forecasting.lags import lookback_steps
from envs.scenario import Scenario, load
from experiments.forecast import JudgedHalls, failures_alone, forecast
from experiments.forecasting.halls import HallDraw, build
from experiments.forecasting.judge import Judging, judged_moments
from experiments.forecasting.page import save
from experiments.forecasting.score import hall_interval, pooled_coverage, pooled_score, score_of
from experiments.forecasting.table import FACTS, FAILURE_FACTS, FAILURE_WORDS, TABLE, WORDS

STEP_S, PER_DAY = 1200.0, 72
DRAW = HallDraw(halls=2, seed=4)
HOW = Judging(
    train_days=3,
    blocks=2,
    block_h=12.0,
    failures=1,
    failure_h=0.25,
    settings=ForecastSettings(folds=2, horizon_h=6.0),
)


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load("edge_room", ["episode.step_s=1200", "episode.substep_s=300", "site.workload_weeks=3"])


@pytest.fixture(scope="module")
def judged(small: Scenario) -> Iterator[JudgedHalls]:
    said: list[str] = []
    yield forecast(small, DRAW, HOW, match=False, jobs=1, tick=said.append)
    assert any("hall 2 of 2" in words for words in said)


def random_score(seed: int, hall_shift: float = 0.0) -> Any:
    rng = np.random.default_rng(seed)
    read = rng.standard_normal((4, 3, 50)) + hall_shift
    return score_of(read * 0.0, read * 0.0 - 1.0, read * 0.0 + 1.0, read, read)


def test_coverage_is_the_share_of_readings_inside() -> None:
    score = random_score(0)
    found = pooled_coverage(score)
    assert abs(found["inlet"] - 0.683) < 0.07
    assert np.isclose(np.sqrt(score.inlets("squared").mean()), 1.0, atol=0.1)


def test_scores_of_halls_add_up() -> None:
    halls = [random_score(1), random_score(2, 3.0)]
    whole = pooled_score(halls)
    assert whole.blocks == 100
    mean = 0.5 * sum(pooled_coverage(h)["both"] for h in halls)
    assert np.isclose(pooled_coverage(whole)["both"], mean)
    low, high = hall_interval(halls)["inlet"]
    assert high - low > 0.3  # two unlike halls say little about a third


def test_every_method_is_judged_on_the_same_day_blocks(judged: JudgedHalls) -> None:
    assert {len(scores) for scores in judged.scores.values()} == {2}
    assert {score.blocks for scores in judged.scores.values() for score in scores} == {2}
    assert {"forecast", "persistence", "seasonal", "autoregression"} <= set(judged.scores)


def test_every_zone_is_asked_with_one_and_with_all_units_lost(judged: JudgedHalls) -> None:
    assert list(judged.failures) == ["zone room: one room unit", "zone room: every room unit"]
    everything = judged.failures["zone room: every room unit"]
    assert everything.asked == everything.crossings == everything.foreseen == 2


def test_failures_asked_alone_are_those_of_the_whole_run(judged: JudgedHalls, small: Scenario) -> None:
    found, wall_s = failures_alone(small, DRAW, HOW, match=False, tick=lambda words: None)
    assert found["zone room: every room unit"] == judged.failures["zone room: every room unit"]
    assert found["zone room: one room unit"].peak_rmse_k == judged.failures["zone room: one room unit"].peak_rmse_k
    assert list(wall_s) == ["simulation", "matching", "asking", "failures"]


def test_the_page_the_table_and_the_facts_are_written(judged: JudgedHalls, tmp_path: Path, small: Scenario) -> None:
    facts: dict[str, Any] = {"command": "coldaisle forecast", "scenario": "edge_room", "scenario_hash": small.hash()}
    facts |= {"draw": asdict(DRAW), "judging": asdict(HOW), "wall_s": judged.wall_s}
    page = save(tmp_path, judged.scores, judged.failures, judged.example, facts, STEP_S)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/png") == 3
    assert "Not known: the" in text
    stored = json.loads((tmp_path / FACTS).read_text())
    assert {"versions", "git_hash", "pooled", "command"} <= set(stored)
    assert (
        json.loads((tmp_path / FAILURE_FACTS).read_text())["failures"]["zone room: every room unit"]["crossings"] == 2
    )
    assert "| zone room: every room unit | 2 | 2 | 2 |" in (tmp_path / FAILURE_WORDS).read_text()
    assert "| autoregression | 4 |" in (tmp_path / WORDS).read_text()
    assert (tmp_path / TABLE).read_text().startswith("method,horizon_min")


def test_judged_blocks_lie_after_the_training_days_and_do_not_overlap(small: Scenario) -> None:
    from envs.twin.telemetry.telemetry import COOLING, INLET, RACK_POWER, Telemetry

    rows = HOW.days(STEP_S) * PER_DAY
    zeros = {n: np.zeros((rows, 1), np.float32) for n in (INLET, COOLING, RACK_POWER)}
    history = Telemetry.of_hall(zeros, STEP_S, np.datetime64("2023-01-01", "s"))
    past, after = judged_moments(Forecaster(small, HOW.settings), history, HOW.train_rows(STEP_S), HOW)
    blocks = past.now[:: HOW.moments_per_block] - history.part(0, 1).now
    assert len(blocks) == HOW.blocks
    assert blocks[0] >= HOW.train_rows(STEP_S) - 1
    assert np.diff(blocks).min() >= PER_DAY // 4
    assert after.values[INLET].shape[0] == PER_DAY // 4 + 1
    assert past.values[INLET].shape[0] == lookback_steps(STEP_S)


@pytest.mark.parametrize("halls", [-1, 0])
def test_fewer_than_one_hall_is_refused_with_the_mend(halls: int) -> None:
    with pytest.raises(ValueError, match=f"halls = {halls}; give 1 or more"):
        HallDraw(halls=halls)


def test_halls_of_another_seed_are_other_halls_and_of_the_same_seed_the_same(small: Scenario) -> None:
    flows = [build(small, HallDraw(halls=3, days=1, seed=s))[1]["zones.room.unit_flow_m3_s"] for s in (1, 1, 2)]
    assert np.array_equal(flows[0], flows[1])
    assert not np.array_equal(flows[0], flows[2])
    assert 0.05 < np.std(np.log(np.concatenate([flows[0], flows[2]]))) < 0.5
