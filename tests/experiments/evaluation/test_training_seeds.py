"""Training seeds of one policy are one row, and few of them are marked wherever a number stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.evaluation.bounds import bound_rows
from experiments.evaluation.comparison import comparisons, page
from experiments.evaluation.policies import learned_rows
from experiments.evaluation.results import Evaluation, print_table, save, stored_evaluation, summarise
from experiments.evaluation.seeds import SEEDS, shortage
from experiments.evaluation.splits import load_split, plan_episodes
from experiments.export import evaluation_card
from experiments.report import write_report
from tests.experiments.test_report import evaluation


def several(seeds: int, episodes: int = 24, **trips: float) -> Evaluation:
    """Rules, and seeds of one policy that save 1, 2, 3 ... % of cost and energy."""
    found = evaluation()
    again = -(-episodes // 12)
    wide = {name: {k: np.tile(v, again)[:episodes] for k, v in table.items()} for name, table in found.scores.items()}
    members = [f"mine seed_{i}" for i in range(seeds)] if seeds > 1 else ["mine"]
    scores = {"rules": wide["rules"]}
    for i, member in enumerate(members):
        table = dict(wide["rules"])
        for column in ("cost_usd_day", "energy_per_work_kwh_h", "facility_kwh"):
            table[column] = table[column] * (0.99 - 0.01 * i)
        table["trips"] = table["trips"] + trips.get(f"seed_{i}", 0.0)
        scores[member] = table
    traces = {name: found.traces["rules"] for name in scores}
    facts = {**found.facts, SEEDS: {"mine": members}, "wall_s": dict.fromkeys(scores, 1.0)}
    return Evaluation(scores, traces, plan_episodes(load_split("test"), episodes), facts)


def test_five_seeds_are_one_row_of_their_mean() -> None:
    found = several(5)
    rows = summarise(found)
    assert list(rows) == ["rules", "mine"]
    assert rows["mine"]["cost_usd_day"] == pytest.approx(0.97 * rows["rules"]["cost_usd_day"])
    mine = comparisons(found, "rules")[1]
    assert mine.seeds == 5 and mine.share_frac == pytest.approx(-0.03) and mine.lacks == ""
    assert mine.chance is not None and mine.chance.estimate == 1.0


def test_spread_over_seeds_widens_the_interval_of_the_comparison() -> None:
    (_, one), (_, five) = (comparisons(several(n), "rules") for n in (1, 5))
    assert one.difference_usd_day is not None and five.difference_usd_day is not None
    widths = [d.high - d.low for d in (one.difference_usd_day, five.difference_usd_day)]
    assert widths[1] > 3.0 * widths[0]


@pytest.mark.parametrize(
    ("seeds", "episodes", "words"),
    [
        (5, 24, ""),
        (4, 24, "not a result: 4 of 5 training seeds"),
        (5, 12, "not a result: 12 of 20 episodes"),
        (1, 12, "not a result: 1 of 5 training seeds, 12 of 20 episodes"),
    ],
)
def test_fewer_than_five_seeds_or_twenty_episodes_are_no_result(seeds: int, episodes: int, words: str) -> None:
    found = several(seeds, episodes)
    assert shortage("mine", found.facts, episodes) == words
    assert shortage("rules", found.facts, 24) == ""


def test_the_mark_stands_wherever_the_number_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = several(3)
    folder = save(found, tmp_path, "rules")
    print_table(found, "rules")
    terminal = capsys.readouterr().out
    assert "mine: not a result" in terminal and "3 of 5 training seeds" in terminal
    summary = pd.read_csv(folder / "summary.csv").set_index("policy")
    words = "not a result: 3 of 5 training seeds"
    assert list(summary.loc[["rules", "mine"], "result"]) == ["yes", words]
    assert evaluation_card(folder, "mine")["result"] == words
    assert "| not a result: 3 of 5 training seeds |" in page(found, "rules")
    html = write_report(folder).read_text()
    tables = [part.split("</table>")[0] for part in html.split("<table")[1:]]
    marked = [table for table in tables if ">mine" in table or "mine<" in table]
    assert len(marked) >= 4 and all("not a result" in table for table in marked)
    assert "not a result" in html.split(">Figures")[1].split("</h2>")[0]


def test_nothing_is_marked_that_has_five_seeds_and_twenty_episodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = several(5)
    folder = save(found, tmp_path, "rules")
    print_table(found, "rules")
    assert "not a result" not in capsys.readouterr().out + page(found, "rules") + write_report(folder).read_text()


def test_few_episodes_are_told_of_the_whole_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = several(5, 12)
    print_table(found, "rules")
    assert "(not a result)" in capsys.readouterr().out.split("controller")[0]
    assert "12 of 20 episodes, and none of the numbers" in write_report(save(found, tmp_path, "rules")).read_text()


def test_one_seed_that_fails_a_gate_takes_the_number_of_all(tmp_path: Path) -> None:
    found = several(5, seed_2=5.0)
    mine = comparisons(found, "rules")[1]
    assert mine.difference_usd_day is None and mine.failures is not None
    assert mine.failures[0].startswith("seed 3 of 5: more trips")
    assert "| no number |" in page(found, "rules")
    assert "seed 3 of 5: more trips" in write_report(save(found, tmp_path, "rules")).read_text()


def test_seeds_survive_the_disk(tmp_path: Path) -> None:
    stored = stored_evaluation(save(several(5), tmp_path, "rules"))
    assert comparisons(stored, "rules") == comparisons(several(5), "rules")


def test_the_gap_closed_is_that_of_all_seeds() -> None:
    found = several(5)
    oracle = {k: v * 0.9 if k == "cost_usd_day" else v for k, v in found.scores["rules"].items()}
    found.scores["oracle_found"] = oracle
    found.facts["bounds"] = {"starts": ["rules"], "plays": 1, "candidates": 1, "floor_kwh": [1.0] * 24}
    rows = {row.name: row for row in bound_rows(found, "rules")}
    assert rows["mine"].gap_closed_frac == pytest.approx(0.3, abs=0.03)
    gap = comparisons(found, "rules")[1].gap_share
    assert gap is not None and gap.low < 0.3 < gap.high


def run_folder(place: Path, weights: bytes) -> Path:
    place.mkdir(parents=True)
    (place / "run.json").write_text('{"algorithm": "ppo"}')
    (place / "model.npz").write_bytes(weights)
    (place / "untrained.npz").write_bytes(b"0")
    return place


def test_a_star_means_every_training_seed_of_one_policy(tmp_path: Path) -> None:
    for i in range(3):
        run_folder(tmp_path / f"seed_{i}", bytes([i]))
    found = learned_rows({"mine": str(tmp_path / "seed_*")})
    assert found.seeds == {
        "mine": ["mine seed_0", "mine seed_1", "mine seed_2"],
        "mine untrained": [f"mine untrained seed_{i}" for i in range(3)],
    }
    assert set(found.makers) == {row for rows in found.seeds.values() for row in rows}
    alone = learned_rows({"mine": str(tmp_path / "seed_1")})
    assert alone.seeds == {"mine": ["mine"], "mine untrained": ["mine untrained"]}


def test_one_model_does_not_count_as_two_seeds(tmp_path: Path) -> None:
    for i in range(2):
        run_folder(tmp_path / f"seed_{i}", b"same")
    with pytest.raises(ValueError, match="seed_0 and .*seed_1 hold the same model"):
        learned_rows({"mine": str(tmp_path / "seed_*")})


def test_a_star_that_meets_nothing_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing_\* holds neither"):
        learned_rows({"mine": str(tmp_path / "nothing_*")})
