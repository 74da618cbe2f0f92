from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from agents.page.feed import Frame
from envs.core import DataCenterCore
from envs.interface.channels import CHANNELS
from envs.picture.hall_view import view_of
from envs.scenario import Scenario, load
from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes, split_of
from experiments.evaluation.policies import reference_policies
from experiments.evaluation.splits import plan_episodes
from experiments.watching.frames import Sums, against_rules, headline, remarks, why
from experiments.watching.hall import WatchedHall

STEPS = 288


def watched(name: str | None, scenario: Scenario) -> WatchedHall:
    episode = plan_episodes(split_of(scenario, "none"), days=1)[0]
    site = scenario_of_episodes(scenario, [episode])
    core = DataCenterCore(site, 1)
    known = reference_policies(scenario)
    plan = explicit_plan(site, core.world, [episode])
    return WatchedHall(site, plan, core, known[name] if name else None, known["rules_tuned"], name or "rules_tuned")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load("edge_room", ("site.workload_weeks=1",))


@pytest.fixture(scope="module")
def frames(scenario: Scenario) -> list[Frame]:
    return list(islice(watched("legacy_fixed", scenario).frames(), STEPS + 2))


def test_a_frame_is_json_and_counts_the_steps_of_each_episode(frames: list[Frame]) -> None:
    for frame in frames:
        json.dumps(frame, allow_nan=False)
    assert [frame["time_s"] for frame in frames[:3]] == [300.0, 600.0, 900.0]
    assert frames[STEPS]["time_s"] == 300.0 and frames[STEPS]["number"] == STEPS + 1


def test_what_the_rules_would_have_done_is_the_same_hall_played_by_the_rules(
    frames: list[Frame], scenario: Scenario
) -> None:
    alone = list(islice(watched(None, scenario).frames(), 30))
    for frame, other in zip(frames, alone):
        assert frame["series"]["rules.facility_power_kw"] == other["series"]["facility_power_kw"]
        assert other["rules"] is not None and other["rules"]["rows"] == []
    so_far = {row["name"]: row for row in frames[29]["rules"]["rows"]}["Energy so far"]
    mine = sum(frame["series"]["facility_power_kw"] for frame in frames[:30]) / 12.0
    theirs = sum(frame["series"]["facility_power_kw"] for frame in alone) / 12.0
    assert (so_far["here"], so_far["rules"]) == (pytest.approx(mine, rel=1e-4), pytest.approx(theirs, rel=1e-4))


def test_an_episode_that_begins_again_repeats_itself(frames: list[Frame]) -> None:
    first, again = frames[0]["series"], frames[STEPS]["series"]
    assert {k: v for k, v in first.items() if "." not in k} == {k: v for k, v in again.items() if "." not in k}


def test_a_band_is_there_once_enough_was_scored(frames: list[Frame]) -> None:
    low = [frame["series"]["worst_inlet_c.low"] for frame in frames[:STEPS]]
    assert low[0] is None and low[-1] is not None
    assert "of the last day's inlets lay in their band" in frames[STEPS - 1]["mode"]


def test_advice_is_within_the_channel_s_range(frames: list[Frame], scenario: Scenario) -> None:
    core = DataCenterCore(scenario, 1)
    spans = {c.name: (c.low, c.high) for c in core.channels}
    for frame in frames[::20]:
        for row in frame["advice"]:
            low, high = spans[row["name"]]
            assert row["advised"] is None or low - 1e-3 <= row["advised"] <= high + 1e-3


@pytest.mark.parametrize(
    ("held", "wanted", "rule", "words"),
    [
        (18.0, 20.0, 20.0, "on its way, at most 0.5 K in a step"),
        (18.0, 18.0, 16.5, "1.5 K above the rules"),
        (18.0, 17.0, 19.0, "on its way, at most 0.5 K in a step; 2.0 K below the rules"),
        (18.0, 18.0, 18.1, ""),
        (18.0, None, 18.0, "the building's own rule runs it"),
    ],
)
def test_the_reason_of_a_setpoint_names_direction_size_and_limit(
    held: float, wanted: float | None, rule: float | None, words: str
) -> None:
    assert why(CHANNELS["chw_supply_temp_setpoint_c"], held, wanted, rule, 300.0) == words


def test_a_share_is_told_in_points_and_a_free_channel_without_a_limit() -> None:
    assert why(CHANNELS["crah_fan_speed_frac"], 0.5, 0.7, 0.4, 300.0) == "on its way; 30 points above the rules"


@pytest.mark.parametrize(
    ("inlet_c", "level", "word"), [(24.0, "good", "within"), (28.0, "level", "Warm"), (33.0, "bad", "Too hot")]
)
def test_the_headline_judges_the_warmest_inlet(inlet_c: float, level: str, word: str, scenario: Scenario) -> None:
    core = DataCenterCore(scenario, 1)
    core.reset(seed=0)
    hot = np.full_like(core.flows.rack_inlet_c, inlet_c)
    core.flows = core.flows._replace(worst_inlet_c=hot[0], rack_inlet_c=hot)
    view = view_of(core)
    assert headline(view)[0] == level and word in headline(view)[1]
    told = remarks(view, trips=2.0)
    assert told[0]["level"] == "bad" and "2 trips" in told[0]["words"]
    assert any("racks over the" in one["words"] for one in told) == (level != "good")


def test_more_energy_than_the_rules_is_no_praise(scenario: Scenario) -> None:
    core = DataCenterCore(scenario, 1)
    core.reset(seed=0)
    view = view_of(core)
    assert against_rules(view, view, Sums(110.0, 100.0))["level"] == "level"
    told = against_rules(view, view, Sums(90.0, 100.0))
    assert told["level"] == "good" and told["words"].startswith("10 kWh (10.0 %) less than under the rules")


def test_the_verb_serves_frames_until_it_is_told_to_end(frames: list[Frame], scenario: Scenario) -> None:
    pytest.importorskip("uvicorn", reason="the page needs the extra [page]")
    from experiments.watch import shown

    end = threading.Event()

    def two() -> Iterator[Frame]:
        yield frames[0]
        end.set()
        yield frames[1]
        raise AssertionError("asked for a frame after the end")

    shown(watched(None, scenario).facts(), two(), "127.0.0.1", 0, 0.0, end)
    assert end.is_set()


def test_the_command_line_refuses_what_it_cannot_show(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments import cli

    monkeypatch.chdir(tmp_path)
    for words, mend in (
        (["steps_per_s=0"], "give a number in it"),
        ([f"log={tmp_path}"], "give the folder that `coldaisle serve` writes to"),
        (["host=0.0.0.0", "scenario=edge_room", "scenario.site.workload_weeks=1"], "ssh -L"),
    ):
        monkeypatch.setattr("sys.argv", ["coldaisle", "watch", *words])
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        assert cli.main() == 1
        assert mend in capfd.readouterr().err
