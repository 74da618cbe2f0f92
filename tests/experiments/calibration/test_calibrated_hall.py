"""Our hall, begun with wrong sizes and fitted to EnergyPlus's telemetry, follows it on days that it has not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.plant.datacenter import Plant
from envs.scenario import Scenario, load
from envs.twin.calibration.calibration import replay_at
from envs.twin.calibration.free_parameters import free_parameters, with_values
from envs.twin.calibration.windows import windows_of
from experiments.calibration.energyplus_hall import OFF_FRAC, OFF_SD, TOTAL, MonthRow, month_rows, wrong_sizes
from experiments.calibration.energyplus_page import page, store, stored_studies, study_of, verdicts
from experiments.calibration.energyplus_study import Hall, StudyRun, hall_with_file, run
from experiments.calibration.energyplus_telemetry import Stretch, rows_alone

pytestmark = pytest.mark.usefixtures("compiled_engine")  # the engine that users have

DAYS, LATER = Stretch((4,), 1), Stretch((6,), 1)
WINDOW_S = 3 * 3600.0
NAME, CLIMATE = "hall_cold", "il_chicago"
VALIDATION = Path(__file__).parents[3] / "docs" / "validation"
FACTS = {
    "energyplus": "25.2",
    "wheel": "0",
    "git_hash": "0" * 40,
    "git_dirty": "false",
    "plant_hash": "f" * 64,
    "versions": {"numpy": "2"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("telemetry")


@pytest.fixture(scope="module")
def hall(folder: Path) -> Hall:
    return hall_with_file(NAME, CLIMATE, folder, 0, (DAYS, LATER))


@pytest.fixture(scope="module")
def done(folder: Path, hall: Hall) -> StudyRun:
    return run(NAME, CLIMATE, folder, 0, None, DAYS, LATER, WINDOW_S, ["power_factor"])


def errors(hall: Hall, sizes: Scenario) -> list[MonthRow]:
    """Of a day that nobody fitted, under these sizes."""
    free = free_parameters(sizes)
    later = {6: hall.rows[6]}
    windows = windows_of(
        rows_alone(hall.checked.telemetry, list(later.values())), sizes, Plant(sizes, "float64").layout, WINDOW_S
    )
    return month_rows("after", later, windows, replay_at(sizes, windows, free, np.zeros(len(free))))


def of(rows: list[MonthRow], quantity: str, way: str = "after") -> MonthRow:
    return next(r for r in rows if r.quantity == quantity and r.way == way)


def test_every_size_that_is_fitted_begins_wrong() -> None:
    sizes = load("legacy_air")
    right = {p.path: p for p in free_parameters(sizes) if not p.is_input}
    begun = {p.path: p.prior for p in free_parameters(wrong_sizes(sizes, 0)) if not p.is_input}
    assert begun.keys() == right.keys() and len(begun) > 15
    for path, p in right.items():
        off = abs(begun[path] - p.prior)
        low, high = (OFF_FRAC[0] * p.prior, OFF_FRAC[1] * p.prior) if p.log else (OFF_SD[0] * p.sd, OFF_SD[1] * p.sd)
        assert begun[path] in (p.low, p.high) or low - 1e-9 <= off <= high + 1e-9, path


@pytest.mark.energyplus
def test_the_file_has_moving_setpoints_noise_and_gaps(folder: Path, hall: Hall) -> None:
    import pandas as pd

    table = pd.read_csv(folder / f"{NAME}_{CLIMATE}_0" / "telemetry.csv")
    assert len(table) == (DAYS.days + LATER.days) * 288
    assert 0.03 < table.drop(columns="time").isna().mean().mean() < 0.07
    for name in ("crah_fan_speed_frac", "supply_air_temp_setpoint_c", "chw_supply_temp_setpoint_c"):
        assert table[f"{name}[0]"].nunique() > 8
    assert 0.1 < table["cw_supply_c[0]"].diff().abs().median() < 0.6


@pytest.mark.energyplus
def test_the_stored_sizes_meet_the_bars_on_a_day_that_they_have_not_seen_and_wrong_ones_do_not(hall: Hall) -> None:
    study = next(s for s in stored_studies(VALIDATION) if s.key == f"{NAME} {CLIMATE}")
    fitted = with_values(hall.scenario, {s.path: s.fitted for s in study.sizes})
    assert [v for v in verdicts(errors(hall, fitted)) if not v.passed] == []
    assert of(errors(hall, wrong_sizes(hall.scenario, 0)), TOTAL).cv_frac > 0.10


@pytest.mark.slow
@pytest.mark.energyplus
def test_a_fit_to_one_day_finds_what_the_chiller_draws_on_another(done: StudyRun) -> None:
    rows = done.judged.rows
    before, after = (of(rows, "chiller_power_kw", way) for way in ("before", "after"))
    assert abs(before.bias) > 0.08 * before.mean
    assert abs(after.bias) < 0.5 * abs(before.bias)


@pytest.mark.slow
@pytest.mark.energyplus
def test_a_study_is_stored_and_read_back_and_takes_its_own_place(done: StudyRun, tmp_path: Path) -> None:
    study = study_of(done._replace(facts=FACTS | done.facts))
    for _ in range(2):
        store(tmp_path, study)
    found = stored_studies(tmp_path)
    assert len(found) == 1 and len(found[0].months) == len(study.months)
    assert found[0].sizes[0].start == pytest.approx(study.sizes[0].start, rel=1e-4)
    text = page(found)
    assert "MISSED" in text and "`chilled_water.power_factor`" in text and "wrong sizes, unfitted" in text
