from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.evaluation.plots import PALETTE, colours, dashes
from experiments.evaluation.results import format_number, print_table, read, rounded, save, split_words
from experiments.evaluation.score import MEASURES, Scorer
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.evaluation.trace import BATCH_SERIES, CONSUMERS
from experiments.report import DEMO_WORDS, in_reading_order, left_out, write_report

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
    for words in ("energy-balance residual", "Setpoints in force", "Load duration", "torch", "PUE, and ERE"):
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


def test_the_baseline_and_what_was_learnt_stand_first_in_the_wide_table(tmp_path: Path) -> None:
    names = ["random", "legacy_fixed", "rules_tuned", "ppo", "ppo_untrained", "mpc"]
    assert in_reading_order(names, "rules_tuned")[:2] == ["rules_tuned", "ppo"]
    assert sorted(in_reading_order(names, "rules_tuned")) == sorted(names)
    page = write_report(save(evaluation(), tmp_path, "rules")).read_text()
    heads = re.search(r'<table class="wide">.*?</thead>', page, re.S)
    assert heads is not None
    order = re.findall(r"</span>(\w+)<wbr>", heads.group())
    assert order == ["rules", "learned", "random"]


def test_no_number_is_minus_zero(tmp_path: Path) -> None:
    measure = MEASURES[1]
    assert format_number(measure, -0.2) == "0" and rounded(-0.004, 2) == 0.0
    assert str(rounded(-0.0, 1)) == "0.0"
    found = evaluation()
    for table in found.scores.values():
        table["water_l"] = table["water_l"] * 0.0 - 1e-9
    page = write_report(save(found, tmp_path, "rules")).read_text()
    assert not re.search(r"[>\[ ]-0(\.0+)?[<\], ]", page)


def test_no_two_colours_of_a_report_look_alike() -> None:
    names = [f"policy_{i}" for i in range(1 + len(PALETTE))]
    shown = [lab(colour) for colour in colours(names, names[0]).values()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(shown, 2)) > 30.0
    style = dashes(colours(names, names[0]))
    assert len({str(style[name]) for name in (names[0], names[6], names[11])}) == 2


def lab(colour: str) -> Any:
    """CIELAB of a hex colour (sRGB, D65)."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def test_the_split_is_said_on_the_page_and_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluation()
    found.facts["split"] = "test"
    print_table(found, "rules")
    page = write_report(save(found, tmp_path, "rules")).read_text()
    for text in (" ".join(capsys.readouterr().out.split()), page):
        assert "split test: frozen sites and seeds" in text and "split=none" in text
    assert "own sites" in split_words({"split": "none"}) and split_words({}) == ""


def test_the_page_says_which_references_it_leaves_out(tmp_path: Path) -> None:
    page = write_report(save(evaluation(), tmp_path, "rules")).read_text()
    assert "mpc=true adds it" in page and "oracle" in page
    assert len(left_out(["rules_tuned", "mpc"])) == 1
