from __future__ import annotations

from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from envs.scenario import Scenario, load
from experiments.evaluation.splits import SPLITS, load_split, plan_episodes, read_split


@pytest.mark.parametrize("field", ["sites", "weather_seeds", "workload_seeds"])
@pytest.mark.parametrize("judge", ["test", "sealed"])
def test_splits_share_no_site_and_no_seed(field: str, judge: str) -> None:
    drawn = [value for name in ("train", "validation", judge) for value in getattr(load_split(name), field)]
    assert len(drawn) == len(set(drawn))


def test_every_site_of_a_split_is_embedded() -> None:
    climates = pytest.importorskip("envs.signals.weather.climates")
    known = set(climates.sites())
    assert all(set(load_split(name).sites) <= known for name in SPLITS)


TEST = files("configs").joinpath("splits/test.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("phoenix_az", "dallas_tx", "changed after it was frozen"),
        ("days: 7", "dais: 7", r"line 7: key 'dais' is unknown.*did you mean 'days'\?"),
        ("episodes: 24", "episodes: 25", "line 6: episodes = 25; give a multiple of 12"),
        ("episodes: 24", "episodes: 1.5", "line 6: episodes = 1.5 is outside 1..12000"),
        ("[3000, 3001]", "[3000, x]", "line 4: weather_seeds = .*; give a list of whole numbers from 0"),
        ("[3000, 3001]", "[3000, 3000]", "line 4: weather_seeds = .*; give at least one, and each once"),
        ("[3000, 3001]", "[3000.5]", "line 4: weather_seeds = .*; give a list of whole numbers"),
        ("name: test", "name: [", "line 4: cannot be read as YAML"),
        ("name: test", "name: ../test", "line 2: name = '../test'"),
    ],
)
def test_a_split_that_was_changed_or_is_wrong_is_refused_by_file_and_place(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(TEST.replace(old, new))
    with pytest.raises(ValueError, match=words) as said:
        read_split(path)
    assert str(path) in str(said.value)


def test_episodes_cover_every_month_equally_and_every_site() -> None:
    split = load_split("test")
    plan = plan_episodes(split)
    assert len(plan) >= 20
    assert set(Counter(e.month for e in plan).values()) == {len(plan) // 12}
    assert {e.site for e in plan} == set(split.sites)
    assert {e.days for e in plan} == {7}
    assert plan == plan_episodes(split)


def test_a_short_plan_spreads_over_the_year() -> None:
    assert [e.month for e in plan_episodes(load_split("test"), episodes=4, days=1)] == [1, 4, 7, 10]


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="'tests'.*validation"):
        load_split("tests")


def test_the_split_none_is_the_scenario_s_own_sites_and_seeds() -> None:
    from envs.scenario import load
    from experiments.evaluation.episodes import split_of

    scenario = load("edge_room")
    split = split_of(scenario, "none")
    assert split.sites == list(scenario.site.climates)
    assert plan_episodes(split, 2, 1)[0].workload_seed in scenario.site.workload_seeds
    assert split_of(scenario, "test") == load_split("test")


def test_a_split_that_nobody_stated_replaces_nothing_of_one_s_own(tmp_path: Path) -> None:
    from experiments.evaluation.episodes import chosen_split

    assert chosen_split(load("edge_room"), "", "train") == "train"
    hall = tmp_path / "my_hall.yaml"
    hall.write_text("base: edge_room\nname: my_hall\n")
    for scenario, words in (
        (load(str(hall)), "scenario 'my_hall' is no shipped one"),
        (load("edge_room", ["site.weather_seeds=[7]"]), r"scenario.site.weather_seeds = \[7\]"),
        (load("edge_room", ["site.climates=[phoenix_az]"]), r"scenario.site.climates = \['phoenix_az'\]"),
    ):
        with pytest.raises(ValueError, match=f"{words}.* would be replaced by .* of split 'train'; give split=none"):
            chosen_split(scenario, "", "train")
        assert chosen_split(scenario, "none", "train") == "none"
        assert chosen_split(scenario, "train", "train") == "train", "it is stated"


def test_a_copied_file_that_keeps_a_shipped_name_is_one_s_own_by_its_plant(tmp_path: Path) -> None:
    from experiments.evaluation.episodes import chosen_split

    def copied(name: str, change: str) -> Scenario:
        (tmp_path / name).write_text(f"base: edge_room\n{change}\n")
        return load(str(tmp_path / name))

    assert chosen_split(copied("same.yaml", "episode: {steps: 7}"), "", "train") == "train"
    other = copied("other.yaml", "zones: {room: {coil_ua_kw_k: 4}}")
    with pytest.raises(ValueError, match="'edge_room' is another plant than the shipped one of that name.*split=none"):
        chosen_split(other, "", "train")
    with pytest.raises(ValueError, match="is another plant"):
        chosen_split(other, "", "train", ["scenario=edge_room", "scenario.episode.steps=7"])
    stated = ["scenario.zones.room.coil_ua_kw_k=4", "scenario.site.utc_offset_h=1", "split=''"]
    assert chosen_split(other, "", "train", stated) == "train", "it is the shipped plant with what was typed"


def test_an_override_that_the_stated_split_would_replace_is_refused() -> None:
    from experiments.evaluation.episodes import chosen_split

    typed = ["scenario=edge_room", "scenario.site.workload_seeds=[3]", "split=test"]
    with pytest.raises(ValueError, match=r"scenario.site.workload_seeds=\[3\] would be replaced .* or leave it out"):
        chosen_split(load("edge_room"), "test", "test", typed)
    assert chosen_split(load("edge_room"), "test", "test", ["scenario.site.grid_zone=CAISO"]) == "test"
