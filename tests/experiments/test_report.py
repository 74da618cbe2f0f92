from __future__ import annotations

import base64
import html
import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from envs.interface.constraints import CONSTRAINTS
from experiments.evaluation.bounds import bound_rows, print_bounds
from experiments.evaluation.comparison import comparisons
from experiments.evaluation.figure_data import INLET_LIMITS_C, MOST_POINTS, QUANTILES, joined_points, packed
from experiments.evaluation.palette import DARK_PALETTE, PALETTE, colours, dashes, palette_style
from experiments.evaluation.results import (
    Evaluation,
    format_number,
    print_table,
    round_to,
    save,
    split_words,
    stored_evaluation,
)
from experiments.evaluation.score import KPIS, MEASURES, PAID, Scorer, totals
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.evaluation.trace import BATCH_SERIES, CONSUMERS
from experiments.report import COMPARED, DEMO_WORDS, in_reading_order, missing_rows, write_report

STEPS = 288


def evaluation(**work: float) -> Evaluation:
    """Made-up scores and series of three policies on twelve episodes."""
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
        table["cost_usd_day"] = 500.0 * energy * noise
        table |= {c.name: np.full(12, 10.0) for c in CONSTRAINTS if not c.at_least}
        table |= {"worst_rack": np.zeros(12), "days": np.full(12, 7.0)}
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
    return Evaluation(scores, traces, episodes, facts)


def test_the_report_is_one_small_file_that_needs_no_other(tmp_path: Path) -> None:
    page = write_report(save(evaluation(), tmp_path, "rules", "seed: 1"), note=DEMO_WORDS).read_text()
    assert len(page) < 3_000_000
    assert DEMO_WORDS in page
    assert page.count("data:image/png;base64,") == 1
    assert not re.search(r"(src|href)=\"(?!data:|#)", page) and not re.search(r"(import|url)\s*\(", page)
    assert page.count("<script") == 3 and not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert str(tmp_path) not in page
    for words in ("energy-balance residual", "One episode over time", "is exceeded", "torch", "PUE, and ERE"):
        assert words in page


def test_a_fair_saving_is_shown_and_an_unfair_one_is_not(tmp_path: Path) -> None:
    fair = write_report(save(evaluation(), tmp_path / "a", "rules")).read_text()
    assert "+6.00 % [+6.00, +6.00]" in fair
    unfair = write_report(save(evaluation(learned=0.9), tmp_path / "b", "rules")).read_text()
    assert "+6.00 %" not in unfair
    assert "less useful work done" in unfair


def test_scores_survive_the_disk(tmp_path: Path) -> None:
    found = evaluation()
    stored = stored_evaluation(save(found, tmp_path, "rules"))
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
    assert format_number(measure, -0.2) == "0" and round_to(-0.004, 2) == 0.0
    assert str(round_to(-0.0, 1)) == "0.0"
    found = evaluation()
    for table in found.scores.values():
        table["water_l"] = table["water_l"] * 0.0 - 1e-9
    page = write_report(save(found, tmp_path, "rules")).read_text()
    assert not re.search(r"[>\[ ]-0(\.0+)?[<\], ]", page)


@pytest.mark.parametrize(("theme", "apart"), [("", 30.0), ("[data-theme='dark']", 24.0)])
def test_no_two_colours_of_a_report_look_alike_on_light_and_on_dark_paper(theme: str, apart: float) -> None:
    names = [f"policy_{i}" for i in range(1 + len(PALETTE))]
    assert list(colours(names, names[0]).values()) == [f"var(--p{i})" for i in range(len(names))]
    block = re.search(rf"^:root{re.escape(theme)} {{ (.*?)}}", palette_style(), re.M)
    assert block is not None
    told = dict(re.findall(r"--(p\d+): (#\w{6});", block.group(1)))
    shown = [lab(told[f"p{i}"]) for i in range(len(names))]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(shown, 2)) > apart
    style = dashes(colours(names, names[0]))
    assert len({str(style[name]) for name in (names[0], names[6], names[11])}) == 2
    assert len(DARK_PALETTE) == len(PALETTE)


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
    assert "mpc=true adds it" in page and "bounds=true adds them" in page
    assert [words.split(",")[0] for words in missing_rows(["mpc"])] == ["the perfect-forecast oracle"]
    assert [words.split(",")[0] for words in missing_rows(["oracle_found"])] == ["MPC"]
    assert missing_rows(["mpc", "oracle_found"]) == []


# ---- the first line -------------------------------------------------------------------------------------------------


def verdict_of(page: str) -> tuple[str, str]:
    """Colour and words of the page's first section."""
    found = re.search(r'<main>\s*<section class="verdict (\w+)".*?>(.*?)</section>', page, re.S)
    assert found is not None
    return found.group(1), html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found.group(2)).split()))


def test_the_first_line_of_too_few_episodes_tells_nothing_apart_and_says_why(tmp_path: Path) -> None:
    colour, words = verdict_of(write_report(save(evaluation(), tmp_path, "rules")).read_text())
    assert colour == "level"
    assert re.match(
        r"Nothing is told apart from rules: learned is 6\.00 % cheaper "
        r"\(-(29|30|31)\.\d\d \[-\d+\.\d\d, -\d+\.\d\d\] USD/day\), not a result, "
        r"with 6\.00 % less energy per useful work\.",
        words,
    )
    assert "Safe: yes: learned passes every gate" in words
    assert "Counts: not yet: 12 of 20 episodes; 1 of 5 training seeds" in words


def counting(found: Evaluation, name: str = "tuned_fixed") -> Evaluation:
    """Twice as many episodes, and a rule in place of what was learnt."""
    scores = {
        n.replace("learned", name): {k: np.concatenate([v, v]) for k, v in table.items()}
        for n, table in found.scores.items()
    }
    traces = {n.replace("learned", name): series for n, series in found.traces.items()}
    facts = {**found.facts, "wall_s": dict.fromkeys(scores, 1.5)}
    return Evaluation(scores, traces, found.episodes * 2, facts)


def test_a_rule_that_wins_twenty_episodes_counts(tmp_path: Path) -> None:
    colour, words = verdict_of(write_report(save(counting(evaluation()), tmp_path, "rules")).read_text())
    assert colour == "good" and words.startswith("tuned_fixed wins") and "Counts: yes: 24 paired episodes" in words


def test_a_rule_that_differs_by_less_than_is_shown_wins_nothing(tmp_path: Path) -> None:
    found = evaluation()
    found.scores["learned"] = {k: v.copy() for k, v in found.scores["rules"].items()}
    found.scores["learned"]["cost_usd_day"] -= 0.0005
    whole = counting(found)
    _, words = verdict_of(write_report(save(whole, tmp_path, "rules")).read_text())
    assert words.startswith("Nothing is told apart from rules: tuned_fixed is 0.00 % cheaper (+0.00 [+0.00, +0.00]")
    row = next(row for row in comparisons(whole, "rules") if row.policy == "tuned_fixed")
    assert row.chance == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("column", "value", "safe"),
    [
        ("trips", 50.0, "Safe: no: learned has more trips"),
        ("work_done_h", 1.0, "Safe: yes by limits and trips, but learned has less useful work done"),
    ],
)
def test_who_fails_a_gate_wins_nothing_and_the_line_says_whether_it_was_safe(
    column: str, value: float, safe: str, tmp_path: Path
) -> None:
    found = evaluation()
    found.scores["learned"][column] = np.full(12, value)
    found.scores["learned"]["energy_per_work_kwh_h"] = found.scores["rules"]["energy_per_work_kwh_h"] * 0.5
    colour, words = verdict_of(write_report(save(found, tmp_path, "rules")).read_text())
    assert colour == "bad" and words.startswith("rules stays ahead: learned fails one gate and gets no number.")
    assert safe in words


@pytest.mark.parametrize(("cost", "words"), [(1.0, "Nothing is told apart from"), (1.1, "rules stays ahead: tuned")])
def test_who_is_not_cheaper_does_not_win_though_it_uses_less_energy(cost: float, words: str, tmp_path: Path) -> None:
    found = evaluation()
    wiggle = 1.0 + 0.01 * (-1.0) ** np.arange(12)
    found.scores["learned"]["cost_usd_day"] = found.scores["rules"]["cost_usd_day"] * cost * wiggle
    assert words in verdict_of(write_report(save(counting(found), tmp_path, "rules")).read_text())[1]


def test_an_oracle_and_an_untrained_network_win_nothing(tmp_path: Path) -> None:
    found = bounded()
    for name in ("oracle_found", "learned untrained"):
        found.scores[name] = {k: v.copy() for k, v in found.scores["rules"].items()}
        found.scores[name]["cost_usd_day"] = found.scores["rules"]["cost_usd_day"] * 0.5
        found.traces[name] = found.traces["rules"]
        found.facts["wall_s"][name] = 1.0
    assert "from rules: learned is" in verdict_of(write_report(save(found, tmp_path, "rules")).read_text())[1]


# ---- data of the figures --------------------------------------------------------------------------------------------


def figures_of(page: str) -> dict[str, Any]:
    """The data that the page carries."""
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found.group(1))


def unpacked(series: dict[str, Any]) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(series["data"]), "<u2").astype(float)
    values = series["low"] + (steps - 1) / 65534 * (series["high"] - series["low"])
    return np.where(steps == 0, np.nan, values)


def test_the_figures_data_are_the_evaluation_s(tmp_path: Path) -> None:
    found = evaluation()
    data = figures_of(write_report(save(found, tmp_path, "rules")).read_text())
    assert data["policies"] == ["rules", "learned", "random"] and data["shown"] == ["rules", "learned"]
    for name, series in found.traces.items():
        inlet = unpacked(data["series"][f"{name}|worst_inlet_c"])
        np.testing.assert_allclose(inlet, series["worst_inlet_c"][:, 0], atol=1e-3)
        fan = unpacked(data["series"][f"{name}|crah_fan_speed_frac|1"])
        np.testing.assert_allclose(fan, series["setpoint/crah_fan_speed_frac"][:, 1], atol=1e-3)
        curve = unpacked(data["series"][f"{name}|inlet_duration"])
        assert len(curve) == QUANTILES and (np.diff(curve) <= 1e-9).all()
        assert curve[0] == pytest.approx(series["worst_inlet_c"].max(), abs=1e-3)
    assert [row["name"] for row in data["savings"]] == ["learned", "random"]
    np.testing.assert_allclose(
        data["excess"][1]["values"], found.scores["learned"]["degree_minutes_worst_rack"], atol=1e-3
    )
    assert data["count"] == STEPS and [limit["value"] for limit in data["limits"]] == [v for v, _ in INLET_LIMITS_C]


def test_a_packed_series_keeps_its_values_and_its_gaps() -> None:
    values = np.array([3.0, np.nan, -7.25, 1e3])
    np.testing.assert_allclose(unpacked(packed(values)), values, atol=0.01)
    np.testing.assert_array_equal(unpacked(packed(np.full(3, 5.0))), np.full(3, 5.0))
    assert np.isnan(unpacked(packed([np.nan, np.inf]))).all()


def test_joined_points_keep_the_mean_or_the_hottest() -> None:
    values = np.array([1.0, 3.0, 5.0, 9.0, 2.0])
    np.testing.assert_array_equal(joined_points(values, 2), [2.0, 7.0, 2.0])
    np.testing.assert_array_equal(joined_points(values, 2, highest=True), [3.0, 9.0, 2.0])
    long = np.arange(10_080.0)
    assert len(joined_points(long, -(-len(long) // MOST_POINTS))) <= MOST_POINTS


# ---- every number of the page ---------------------------------------------------------------------------------------


def distinct() -> Evaluation:
    """An evaluation in which no two columns of a policy come to the same number."""
    found = evaluation()
    kept = {c.name for c in CONSTRAINTS} | {"facility_kwh", "it_kwh", "days", "worst_rack", "energy_residual_frac"}
    for k, (name, table) in enumerate(found.scores.items()):
        for i, m in enumerate(MEASURES):
            if m.column not in kept:
                table[m.column] = np.full(12, 37.0 * (i + 1) + 0.25 * k + (name == "learned"))
    return found


def rows_of(page: str, heading: str) -> dict[str, list[str]]:
    """Rows of the table under a heading: first cell to the others, without marks of any kind."""
    part = page.split(f"<h2>{heading}</h2>", 1)[1].split("</table>", 1)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.S) for row in re.findall(r"<tr>(.*?)</tr>", part, re.S)]
    bare = [[re.sub(r" ?<span class=\"bad\".*?</span>", "", cell) for cell in row] for row in rows]
    plain = [[html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in bare]
    return {row[0]: row[1:] for row in plain if row}


@pytest.mark.parametrize(
    ("heading", "measures"), [("Key figures, all episodes", KPIS), ("What the agent is paid for", PAID)]
)
def test_each_cell_of_a_table_is_its_policys_number_for_its_measure(
    heading: str, measures: tuple[Any, ...], tmp_path: Path
) -> None:
    found = distinct()
    rows = rows_of(write_report(save(found, tmp_path, "rules")).read_text(), heading)
    whole = {name: totals(found.scores[name]) for name in ("rules", "learned", "random")}  # in reading order
    for m in measures:
        expected = [format_number(m, numbers[m.column]) for numbers in whole.values()]
        assert rows.pop(f"{m.title} [{m.unit}]") == expected, m.column
    assert set(rows) <= {"worst rack over the limit"}


def test_the_page_says_what_each_of_the_two_costs_is(tmp_path: Path) -> None:
    page = " ".join(write_report(save(evaluation(), tmp_path, "rules")).read_text().split())
    assert "the utilities' bill alone: all grid energy at the price of the hour, and water" in page
    assert "their sum, which is the reward with its sign turned" in page


def test_the_page_shows_the_constraints_with_what_each_tolerates(tmp_path: Path) -> None:
    rows = rows_of(write_report(save(evaluation(), tmp_path, "rules")).read_text(), "Gates")
    assert {name: (cells[2], cells[3], cells[4]) for name, cells in rows.items()} == {
        "degree-minutes over the inlet limit on its worst rack [K min]": ("0.1 %", "0.1", "yes"),
        "degree-minutes over the coolant limit [K min]": ("0.1 %", "0.1", "yes"),
        "energy over a cap or branch limit [kWh]": ("0.1 %", "0.01", "no"),
        "energy over a limit that no memory forgives [kWh]": ("0.1 %", "0.01", "yes"),
        "time in which the fast protection caps the racks [s]": ("0.1 %", "864", "yes"),
        "trips [1]": ("0.1 %", "0.001", "yes"),
        "useful work done [accelerator-h]": ("0.1 %", "0.1", "yes"),
        "actuator travel [full ranges per channel-row]": ("0.1 %", "2", "yes"),
        "travel of the busiest setpoint [full ranges]": ("0.1 %", "15", "yes"),
    }


def test_the_summary_file_holds_each_total_under_its_own_name(tmp_path: Path) -> None:
    found = distinct()
    summary = pd.read_csv(save(found, tmp_path, "rules") / "summary.csv").set_index("policy")
    for name, table in found.scores.items():
        for column, value in ((m.column, totals(table)[m.column]) for m in MEASURES):
            assert summary.loc[name, column] == pytest.approx(value), column
    assert list(summary["gates"].str.split(":").str[0]) == ["baseline", "passed", "passed"]


def test_the_terminal_shows_the_measures_that_its_headings_name(capsys: pytest.CaptureFixture[str]) -> None:
    found = distinct()
    print_table(found, "rules")
    line = next(line for line in capsys.readouterr().out.splitlines() if "learned" in line)
    shown = ("energy_per_work_kwh_h", "cooling_kwh", "degree_minutes_worst_rack", "work_done_h")
    known, whole = {m.column: m for m in MEASURES}, totals(found.scores["learned"])
    assert " ".join(line.split()).startswith(
        " ".join(["learned", *(format_number(known[c], whole[c]) for c in shown), "passed"])
    )


def test_a_paired_difference_stands_beside_its_own_measure(tmp_path: Path) -> None:
    found = evaluation()
    for i, column in enumerate(COMPARED):
        found.scores["rules"][column] = np.full(12, 100.0)
        found.scores["learned"][column] = np.full(12, 100.0 - (i + 1) * (-1) ** i)
    page = write_report(save(found, tmp_path, "rules")).read_text()
    part = "<h2>x</h2>" + page.split("<h3>", 1)[1]
    rows = rows_of(part, "x")
    for i, column in enumerate(COMPARED):
        m = next(m for m in MEASURES if m.column == column)
        change = f"{-(i + 1) * (-1) ** i:+.{m.digits}f}"
        chance = "1.00 [1.00, 1.00]" if i % 2 == 0 else "0.00 [0.00, 0.00]"
        assert rows[f"{m.title} [{m.unit}]"] == [f"{change} [{change}, {change}]", chance], column


# ---- found bounds ---------------------------------------------------------------------------------------------------


def bounded() -> Evaluation:
    """Rules of 100 USD a day, a policy of 96 and an oracle of 90; the floor lies at 80 % of the rules' energy."""
    found = evaluation()
    found.scores["oracle_found"] = {name: values.copy() for name, values in found.scores["rules"].items()}
    found.traces["oracle_found"] = found.traces["rules"]
    for name, usd in {"rules": 100.0, "learned": 96.0, "random": 300.0, "oracle_found": 90.0}.items():
        found.scores[name]["cost_usd_day"] = np.full(12, usd)
        found.scores[name]["facility_kwh"] = np.full(12, 7000.0 if name != "oracle_found" else 6300.0)
    found.facts["wall_s"]["oracle_found"] = 1.5
    bounds = {"starts": ["rules"], "plays": 60, "candidates": 192, "floor_kwh": [5600.0] * 12}
    return found._replace(facts={**found.facts, "bounds": bounds})


def test_bounds_show_cost_the_gap_closed_energy_and_what_lies_over_the_floor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = write_report(save(bounded(), tmp_path, "rules")).read_text()
    print_bounds(bounded(), "rules")
    text = " ".join(capsys.readouterr().out.split())
    expected = {
        "rules": ["100.00", "+0.0", "1000.0", "+25.00"],
        "learned": ["96.00", "+40.0", "1000.0", "+25.00"],
        "random": ["300.00", "below -100", "1000.0", "+25.00"],
        "oracle_found": ["90.00", "+100.0", "900.0", "+12.50"],
        "energy floor": ["none", "none", "800.0", "+0.00"],
    }
    assert rows_of(page, "Found bounds") == expected
    for name, cells in expected.items():
        assert " ".join([name, *cells]) in text
    for words in (page, text):
        assert "192 candidates per episode" in " ".join(words.split())
    assert "bounds=true adds them" not in page


def test_who_fails_a_gate_closes_no_gap() -> None:
    found = bounded()
    found.scores["learned"]["trips"] = found.scores["rules"]["trips"] + 5.0
    rows = {row.name: row for row in bound_rows(found, "rules")}
    assert np.isnan(rows["learned"].gap_closed_frac) and rows["oracle_found"].gap_closed_frac == 1.0


def test_the_floor_is_above_nobody_who_does_the_full_work() -> None:
    found = bounded()
    found.scores["learned"]["facility_kwh"] = np.full(12, 5000.0)
    found.scores["random"] |= {"facility_kwh": np.full(12, 100.0), "work_done_h": np.full(12, 1.0)}
    rows = {row.name: row for row in bound_rows(found, "rules")}
    assert rows["energy floor"].energy_kwh_day == pytest.approx(5000.0 / 7.0)
    assert rows["learned"].energy_over_floor_frac == 0.0


def test_an_evaluation_without_bounds_has_no_such_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_bounds(evaluation(), "rules")
    assert capsys.readouterr().out == "" and bound_rows(evaluation(), "rules") == []
    assert "Found bounds" not in write_report(save(evaluation(), tmp_path, "rules")).read_text()
