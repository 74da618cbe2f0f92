"""What a transfer says without EnergyPlus: rank agreement, where every point comes from, and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.energyplus.origins import ORIGINS, origin_lines
from envs.interface.constraints import GATES
from envs.scenario import load
from experiments.evaluation.score import MEASURES
from experiments.transfer import reference_choice
from experiments.transfers.setting import setting, weather_path
from experiments.transfers.table import agreement, page


def test_plants_that_order_every_pair_alike_agree_fully() -> None:
    found = agreement("cooling_kwh", {"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 10.0, "b": 11.0, "c": 12.0})
    assert (found.tau, found.same, found.pairs) == (pytest.approx(1.0), 3, 3)


def test_a_swapped_pair_of_near_equals_counts_against_all_pairs_but_not_against_those_apart() -> None:
    found = agreement("cooling_kwh", {"a": 100.0, "b": 101.0, "c": 150.0}, {"a": 101.0, "b": 100.0, "c": 150.0})
    assert (found.same, found.pairs) == (2, 3) and (found.same_apart, found.apart) == (2, 2)


@pytest.mark.parametrize("name", ["legacy_air", "edge_room"])
def test_every_point_of_a_hall_that_energyplus_carries_has_an_origin(name: str) -> None:
    core = DataCenterCore(load(name, ["site.workload_weeks=1"]), 1)
    points = [p.name for p in core.observer.points if not p.name.startswith("in_force.")]
    assert set(points) <= set(ORIGINS) and all(f"`{point}`" in "\n".join(origin_lines()) for point in points)


def evaluation(values: dict[str, float]) -> SimpleNamespace:
    """Two weeks of each controller, every column at one value; what a plant would have found."""
    columns = (
        [m.column for m in MEASURES]
        + [c.name for c in GATES]
        + ["facility_kwh", "it_kwh", "server_fan_kwh", "psu_loss_kwh"]
    )
    equal = {"work_done_h": np.ones(2), "days": np.full(2, 7.0)}
    scores = {name: {c: np.full(2, v) for c in columns} | equal for name, v in values.items()}
    weeks = [SimpleNamespace(month=m, workload_seed=5, days=7) for m in (1, 7)]
    facts = {
        "scenario": "legacy_air",
        "scenario_hash": "abc",
        "channel_hash": "def",
        "weather": "here.epw",
        "energyplus": "26.1.0",
        "mixes": True,
        "hold_curves": False,
    }
    return SimpleNamespace(scores=scores, facts=facts, episodes=weeks)


def test_a_controller_that_fails_a_gate_gets_no_saving_in_the_table() -> None:
    found = {"coldaisle": evaluation({"good": 2.0, "hot": 4.0}), "EnergyPlus": evaluation({"good": 2.0, "hot": 1.0})}
    rows = [line for line in page(found, "good").splitlines() if "| hot |" in line]
    assert "gate" in rows[0] and "-50.0 %" in rows[1]


def test_what_cannot_be_run_is_refused_with_the_mend() -> None:
    scenario = load("legacy_air")
    with pytest.raises(ValueError, match="months = \\[13\\]"):
        setting(scenario, SimpleNamespace(), [13], 7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="days = 40"):
        setting(scenario, SimpleNamespace(), [1], 40)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="are no reference controllers of"):
        reference_choice(scenario, ["nobody"])


@pytest.mark.energyplus
def test_a_weather_file_is_a_path_or_a_name_of_the_wheel() -> None:
    pytest.importorskip("pyenergyplus", reason="the weather files lie in the wheel pyenergyplus-lbnl")
    assert weather_path("il_chicago").suffix == ".epw" and weather_path(str(weather_path("il_chicago"))).is_file()
    with pytest.raises(ValueError, match="il_chicago"):
        weather_path("atlantis")
