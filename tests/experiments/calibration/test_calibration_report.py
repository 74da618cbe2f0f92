from __future__ import annotations

import csv
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from envs.core import DataCenterCore
from envs.episodes.world import World
from envs.scenario import load
from envs.scenario.typed_config import schema
from envs.twin.calibration.calibration import calibrate
from envs.twin.calibration.foreseen import foreseen
from envs.twin.calibration.spread import scenario_draws
from envs.twin.screening.screen import screen
from envs.twin.telemetry.synthetic import plan_of, simulated_truth, synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry
from experiments.calibration.html_page import HTML, write_calibration, write_check
from experiments.calibration.report import (
    INTERVALS,
    REPORT,
    SCENARIO,
    SPREAD,
    calibrated_data,
    write_findings,
    write_outcome,
)

pytestmark = pytest.mark.usefixtures("compiled_engine")  # the engine that users have

KEPT = ("power_factor", "ups_loss_scale", "pump_efficiency")


def logged(overrides: tuple[str, ...] = ()) -> Telemetry:
    """Some 20 hours of a small hall, that of the scenario but for some overrides."""
    scenario = load("edge_room", ["site.workload_weeks=1", *overrides])
    world = World.build(scenario)
    truth = simulated_truth(scenario, 36 + 216, plan_of(world, [150], 3), world, 3)
    return synthetic_telemetry(truth, 0, scenario.sensors, 1)


def calibrated(telemetry: Telemetry, out: Path, replayed: bool = False) -> str:
    """The page of a calibration of the scenario to telemetry; every file of it is in ``out``."""
    scenario = load("edge_room", ["site.workload_weeks=1"])
    checked = screen(telemetry, scenario=scenario if replayed else None)
    found = calibrate(
        scenario,
        checked.telemetry,
        held_out_frac=0.5,
        window_s=3 * 3600.0,
        keep=KEPT,
        wrong_inputs=checked.wrong_inputs,
    )
    write_findings(out, checked.findings)
    write_outcome(out, found, OmegaConf.to_container(schema(scenario)), checked, 1.0)
    write_calibration(out, found, scenario.name, checked)
    return (out / REPORT).read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a calibration of a small hall left behind."""
    out = tmp_path_factory.mktemp("calibration")
    calibrated(logged(), out)
    return out


def test_the_calibrated_scenario_loads_and_trains(folder: Path) -> None:
    scenario = load(str(folder / SCENARIO), ["site.workload_weeks=1"])
    assert scenario.name == "edge_room_calibrated" and scenario.chilled_water is not None
    core = DataCenterCore(scenario, 2)
    core.reset(seed=0)
    core.step(np.zeros((2, core.action_size), np.float32))
    assert np.isfinite(core.flows.facility_power_kw).all()


def test_draws_from_the_spread_are_halls_that_differ(folder: Path) -> None:
    scenario = load(str(folder / SCENARIO), ["site.workload_weeks=1"])
    halls = scenario_draws(scenario, folder / SPREAD, 4)
    assert halls.chilled_water is not None and np.ptp(halls.chilled_water.power_factor) > 0.0
    core = DataCenterCore(halls, 4, dtype="float64")
    core.reset(seed=0)
    core.step(np.zeros((4, core.action_size), np.float32))
    assert np.isfinite(core.flows.facility_power_kw).all()


def test_a_spread_without_its_correlations_is_refused(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "spread.yaml"
    broken.write_text(yaml.safe_dump({"parameters": {"power.ups_loss_scale": {"value": 1.0}}}))
    with pytest.raises(ValueError, match="spread.yaml, line 1: correlation is missing; .* with 1 rows of as many"):
        scenario_draws(load("edge_room"), broken, 4)


def test_the_page_says_what_is_known_and_the_error_ahead(folder: Path) -> None:
    page = (folder / REPORT).read_text()
    assert "`power.ups_loss_scale`" in page and "`rack_inlet_c`" in page and "missing" in page
    assert {p.suffix for p in folder.iterdir()} == {".csv", ".html", ".md", ".yaml", ".png"}


def test_the_html_page_opens_with_the_verdict_and_carries_its_figures(folder: Path) -> None:
    page = (folder / HTML).read_text()
    assert "It fits. " in page and "power.ups_loss_scale" in page and "data:image/png;base64," in page
    assert page.index("It fits. ") < page.index("Known from the data") < page.index("Not known")


def test_a_check_foresees_what_would_be_known_and_why_the_rest_would_not(folder: Path, tmp_path: Path) -> None:
    scenario, checked = load("edge_room", ["site.workload_weeks=1"]), screen(logged())
    found = foreseen(scenario, checked.telemetry, 0.5, KEPT)
    assert found.load == "rack_power_kw" and "rack_inlet_c" in found.outputs and found.days >= 1
    assert "power.ups_loss_scale" in {i.path for i in found.intervals}
    with (folder / INTERVALS).open() as file:
        known = {row["path"] for row in csv.DictReader(file) if row["identified"] == "True"}
    assert {i.path for i in found.intervals if i.identified} <= known and known
    page = write_check(tmp_path, found, scenario.name, checked).read_text()
    reasons = [i.why for i in found.intervals if not i.identified and i.kind != "input"]
    assert "Nothing was fitted. " in page and all(reason in unescape(page) for reason in reasons)


def test_a_hall_that_fits_arrives_and_its_outputs_follow_their_replay(folder: Path) -> None:
    page = (folder / REPORT).read_text()
    assert "arrived" in page and "It does not fit" not in page and "Known from the data (0)" not in page


@pytest.mark.slow
def test_a_hall_of_another_structure_opens_with_what_does_not_fit(tmp_path: Path) -> None:
    constant = ("chilled_water.pump_constant_speed=true", "chilled_water.pump_flow_m3_s=0.006")
    page = calibrated(logged(constant), tmp_path)
    opening = page.split("## ")[0]
    assert "**It does not fit." in opening and "`chw_return_c`" in opening and "`chw_pump_power_kw`" in opening
    assert "arrived" not in page and "Known from the data (0)" in page
    with (tmp_path / INTERVALS).open() as file:
        assert {row["identified"] for row in csv.DictReader(file)} == {"False"}


@pytest.mark.slow
def test_a_late_meter_that_screening_let_pass_is_told_by_its_own_replay(tmp_path: Path) -> None:
    clean = logged()
    late = np.roll(clean.values["chiller_power_kw"], 12, axis=0)
    opening = calibrated(clean.with_values({**clean.values, "chiller_power_kw": late}), tmp_path).split("## ")[0]
    assert "`chiller_power_kw`: comes 3600 s late" in opening and "arrived" not in opening


@pytest.mark.slow
def test_an_input_whose_clock_is_off_leaves_nothing_known(tmp_path: Path) -> None:
    clean = logged()
    late = np.roll(clean.values["rack_power_kw"], 12, axis=0)
    page = calibrated(clean.with_values({**clean.values, "rack_power_kw": late}), tmp_path, replayed=True)
    assert "`rack_power_kw[0] and 7 more`: rack_power_kw stand 3600 s late" in page.split("## ")[0]
    assert "arrived" not in page and "Known from the data (0)" in page
    with (tmp_path / INTERVALS).open() as file:
        assert {row["identified"] for row in csv.DictReader(file)} == {"False"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: e.pop("sd"), "sd is missing"),
        (lambda e: e.update(scale="lgo"), "scale 'lgo' is unknown; choose one of: linear, log"),
        (lambda e: e.update(value="much"), "value = much; give a finite number"),
        (lambda e: e.update(low=2.0, high=1.0), "value = "),
        (lambda e: e.update(sd=float("nan")), "sd = nan is outside 0..100"),
        (lambda e: e.update(mean=1.0), "key 'mean' is unknown; choose one of: high, low, scale, sd, value"),
    ],
)
def test_a_spread_with_a_wrong_entry_is_refused_by_name(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    content = yaml.safe_load((folder / SPREAD).read_text())
    path = next(iter(content["parameters"]))
    change(content["parameters"][path])
    broken = tmp_path / "spread.yaml"
    broken.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=rf"spread\.yaml, line \d+: {re.escape(told)}"):
        scenario_draws(load("edge_room"), broken, 2)


def test_a_spread_of_a_parameter_that_the_hall_lacks_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    text, broken = (folder / SPREAD).read_text(), tmp_path / "spread.yaml"
    path = next(iter(yaml.safe_load(text)["parameters"]))
    broken.write_text(text.replace(f"{path}:", f"{path}e:"))
    with pytest.raises(ValueError, match=rf"line \d+: parameter of scenario 'edge_room' '{path}e' is unknown"):
        scenario_draws(load("edge_room"), broken, 2)


def test_fitted_values_reach_every_group_of_an_archetype() -> None:
    base = OmegaConf.to_container(schema(load("ai_hall")))
    made = calibrated_data(base, {"racks.hgx_air.solids_kj_k": 412.3456789, "zones.a.fan_kw": 4.5})
    groups = [g for g in made["racks"].values() if g["archetype"] == "hgx_air"]
    assert len(groups) == 2 and all(g["overrides"]["solids_kj_k"] == 412.346 for g in groups)
    assert made["zones"]["a"]["fan_kw"] == 4.5 and base["zones"]["a"]["fan_kw"] != 4.5
