from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.report import DEMO_WORDS, write_report
from experiments.results import print_table, read, save
from experiments.score import MEASURES, Scorer
from experiments.splits import load_split, plan_episodes
from experiments.trace import BATCH_SERIES, CONSUMERS

STEPS = 288


def evaluation(**work: float) -> Any:
    """Made-up scores and series of three policies on twelve episodes."""
    from types import SimpleNamespace

    generator = np.random.default_rng(0)
    noise = generator.normal(1.0, 0.05, 12)
    scores, traces = {}, {}
    for name, energy in {"rules": 1.0, "learned": 0.94, "random": 1.4}.items():
        table = {m.column: 100.0 * noise for m in MEASURES}
        table |= {
            "facility_kwh": 1000 * energy * noise,
            "work_done_h": 1e3 * noise * work.get(name, 1.0),
            "it_kwh": 800 * noise,
        }
        table["energy_per_work_kwh_h"] = table["facility_kwh"] / table["work_done_h"]
        table["worst_rack"] = np.zeros(12)
        table["energy_residual_frac"] = np.full(12, 2e-7)
        scores[name] = table
        series = {k: (25 + generator.normal(size=(STEPS, 12))).astype(np.float32) for k in BATCH_SERIES}
        series |= {f"consumer/{c}": np.full(STEPS, 10.0, np.float32) for c in CONSUMERS}
        series |= {"setpoint/crah_fan_speed_frac": np.full((STEPS, 2), 0.5, np.float32)}
        series |= {"setpoint/chw_supply_temp_setpoint_c": np.full((STEPS, 1), 18.0, np.float32)}
        traces[name] = series
    facts = {"scenario": "ai_hall", "scenario_hash": "a" * 12, "channel_hash": "b" * 12, "step_s": 300.0, "steps": 3456}
    facts["wall_s"] = dict.fromkeys(scores, 1.5)
    episodes = plan_episodes(load_split("test"), 12)
    return SimpleNamespace(scores=scores, traces=traces, episodes=episodes, facts=facts)


def test_the_report_is_one_small_file_that_needs_no_other(tmp_path: Path) -> None:
    page = write_report(save(evaluation(), tmp_path, "rules", "seed: 1"), note=DEMO_WORDS).read_text()
    assert len(page) < 3_000_000
    assert DEMO_WORDS in page
    assert page.count("data:image/png;base64,") == 7
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert str(tmp_path) not in page
    for words in ("energy-balance residual", "Setpoints in force", "Load duration", "torch", "PUE (side column)"):
        assert words in page


def test_a_fair_saving_is_shown_and_an_unfair_one_is_not(tmp_path: Path) -> None:
    fair = write_report(save(evaluation(), tmp_path / "a", "rules")).read_text()
    assert "+6.00 % [+6.00, +6.00]" in fair
    unfair = write_report(save(evaluation(learned=0.9), tmp_path / "b", "rules")).read_text()
    assert "+6.00 %" not in unfair
    assert "less useful work done" in unfair


def test_scores_survive_the_disk(tmp_path: Path) -> None:
    found = evaluation()
    stored = read(save(found, tmp_path, "rules"))
    assert list(stored.scores) == list(found.scores)
    for name, table in found.scores.items():
        for column, values in table.items():
            np.testing.assert_allclose(stored.scores[name][column], values)
    assert stored.traces["learned"]["worst_inlet_c"].shape == (STEPS, 12)
    assert len(stored.facts["episodes"]) == 12


def test_an_unknown_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'rule'.*rules"):
        save(evaluation(), tmp_path, "rule")


def test_a_folder_without_an_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="coldaisle evaluate"):
        write_report(tmp_path)


def test_the_terminal_table_names_every_policy_and_its_gate(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(evaluation(learned=0.9), "rules", note="a note")
    text = " ".join(capsys.readouterr().out.split())
    assert "learned" in text
    assert "less useful" in text or "failed" in text


def test_made_up_scores_have_the_columns_of_the_scorer() -> None:
    assert {m.column for m in MEASURES} <= set(evaluation().scores["rules"])
    assert Scorer.__name__ == "Scorer"
