"""The verb from a building's history to a verdict, with meters in a file, the live loop's log, or both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.live.loop import IN_CONTROL as OF_THE_LOOP
from agents.live.loop import RELEASED
from agents.live.settings import settings_from
from experiments.savings.plan_file import TrialPlan, read_plan
from experiments.savings.reading import IN_CONTROL, UNIX_TO_EPOCH_H
from experiments.savings.record import SiteRecord, moment_of
from experiments.savings.schedule import Schedule
from experiments.savings.simulated import simulated_site
from experiments.verify_savings import PlanSettings, SavingsSettings, judge, plan

UTC_OFFSET_H = -5
POINTS = """
time: {column: time, utc_offset_h: 0}
points:
  - {name: cooling, channel: cooling_power_kw, unit: kW}
  - {name: IT, channel: it_power_kw, unit: kW}
  - {name: WB, channel: wet_bulb_c, unit: degF}
  - {name: "inlet {row}", channel: rack_inlet_c, rows: 2, unit: degC}
"""


def write_csv(path: Path, record: SiteRecord, per_hour: int = 2) -> Path:
    """Half-hourly readings in UTC, each row at the end of its step."""
    lines = ["time,cooling,IT,WB,inlet 0,inlet 1,who"]
    for hour in range(record.hours):
        for part in range(per_hour):
            start = moment_of(record.first_hour + hour - UTC_OFFSET_H).astype("datetime64[m]")
            stamp = start + np.timedelta64((part + 1) * 60 // per_hour, "m")
            cells = [
                100.0 * record.power_kw[hour], 300.0 * record.load[hour], 1.8 * record.wet_bulb_c[hour] + 32.0,
                record.inlet_c[hour], record.inlet_c[hour] - 1.0, record.in_control[hour],
            ]  # fmt: skip
            lines.append(",".join([f"{stamp}Z", *(f"{c:.4f}" for c in cells)]))
    path.write_text("\n".join(lines) + "\n")
    path.with_name("points.yaml").write_text(POINTS)
    return path


def write_log(folder: Path, record: SiteRecord, meters: bool) -> None:
    """A live loop's log of hourly cycles, joined as the loop joins them."""
    rows = []
    for hour in range(record.hours):
        begin = record.first_hour + hour - UTC_OFFSET_H + UNIX_TO_EPOCH_H
        row: dict[str, float | str] = {
            "time_s": 3600.0 * begin,
            "cycle_s": 3600.0,
            "state": OF_THE_LOOP if record.in_control[hour] else RELEASED,
        }
        if meters:
            row |= {
                "measured.facility_power_share[0]": record.load[hour] + 0.3 * record.power_kw[hour],
                "measured.it_power_share[0]": record.load[hour],
                "measured.wet_bulb_c[0]": record.wet_bulb_c[hour],
                "measured.zone_inlet_max_c[0]": record.inlet_c[hour],
                "measured.zone_inlet_max_c[1]": record.inlet_c[hour] - 2.0,
            }
        rows.append(row)
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / f"cycles-run-000000000-{len(rows) - 1:09d}.parquet")


def site_under(schedule: Schedule, held: TrialPlan | None, share: float) -> tuple[SiteRecord, float]:
    """The same site before the trial, and in it."""
    signs = held.signs if held else -np.ones(schedule.pairs, np.int8)
    found = simulated_site(schedule, signs, share if held else 0.0, np.random.default_rng(4))
    return found.record, found.true_share


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with history and plan."""
    folder = tmp_path_factory.mktemp("building")
    before, _ = site_under(Schedule(24 * 9800, 42), None, 0.0)
    history = write_csv(folder / "history.csv", before)
    words = [f"history={history}", f"points={folder / 'points.yaml'}", "start=2027-01-11", "seed=7"]
    plan(settings_from(PlanSettings, [*words, f"utc_offset_h={UTC_OFFSET_H}", f"folder={folder}"]))
    return folder


def judged_with(planned: Path, folder: Path, words: Sequence[str]) -> tuple[str, dict[str, object]]:
    """Verdict and data of the verb."""
    told = settings_from(SavingsSettings, [f"plan={planned / 'plan.yaml'}", f"folder={folder}", *words])
    said, page = judge(told)
    assert page.read_text().count("<h2>") == 3
    return said, json.loads((folder / "savings.json").read_text())


def test_the_log_s_word_for_in_control_is_the_loop_s() -> None:
    assert IN_CONTROL == OF_THE_LOOP


def test_a_trial_is_planned_from_history_and_its_schedule_is_for_people_to_read(planned: Path) -> None:
    made = read_plan(planned / "plan.yaml")
    lines = (planned / "schedule.csv").read_text().splitlines()
    assert lines[0] == "start,judged_from,end,who,pair" and len(lines) == 57
    assert lines[1].startswith("2027-01-11T00:00,2027-01-11T03:00,2027-01-12T00:00,")
    assert 0.0 < made.detectable < 0.05 and made.seed == 7


@pytest.mark.parametrize("source", ["column", "log beside", "log alone"])
def test_the_saving_is_found_from_a_file_a_log_or_both(planned: Path, tmp_path: Path, source: str) -> None:
    made = read_plan(planned / "plan.yaml")
    record, truth = site_under(made.schedule, made, 0.10)
    words = []
    if source != "log alone":
        words = [f"telemetry={write_csv(tmp_path / 'trial.csv', record)}", f"points={tmp_path / 'points.yaml'}"]
    if source == "column":
        words.append("who=who")
    else:
        write_log(tmp_path / "log", record, meters=source == "log alone")
        words.append(f"log={tmp_path / 'log'}")
    said, data = judged_with(planned, tmp_path, words)
    found = data["saving"]
    assert said.startswith("The policy saved") and data["credited"] and isinstance(found, dict)
    assert found["low"] <= truth <= found["high"]
    if source == "column":
        lines = (tmp_path / "blocks.csv").read_text().splitlines()
        assert len(lines) == 57 and {line.split(",")[1] for line in lines[1:]} == {"policy", "rules"}


def test_a_trial_without_a_record_of_who_was_in_control_is_refused_in_words(planned: Path, tmp_path: Path) -> None:
    made = read_plan(planned / "plan.yaml")
    record, _ = site_under(made.schedule, made, 0.10)
    words = [f"telemetry={write_csv(tmp_path / 'trial.csv', record)}", f"points={tmp_path / 'points.yaml'}"]
    said, data = judged_with(planned, tmp_path, words)
    assert said.startswith("No saving is claimed: assignment not recorded.") and not data["credited"]


def test_a_plan_that_would_not_show_what_is_worth_knowing_is_refused_with_the_days_it_needs(planned: Path) -> None:
    words = [f"history={planned / 'history.csv'}", f"points={planned / 'points.yaml'}", "start=2027-01-11"]
    made = read_plan(planned / "plan.yaml")
    least = f"least_saving={0.7 * made.detectable}"
    with pytest.raises(ValueError, match=r"give days=\d+"):
        plan(settings_from(PlanSettings, [*words, f"utc_offset_h={UTC_OFFSET_H}", f"folder={planned / 'no'}", least]))


def test_a_plan_whose_seed_was_changed_after_it_was_sealed_is_a_broken_assignment(
    planned: Path, tmp_path: Path
) -> None:
    text = (planned / "plan.yaml").read_text().replace("seed: 7", "seed: 8")
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ValueError, match="broken assignment"):
        read_plan(tmp_path / "plan.yaml")


def test_two_periods_without_a_plan_are_judged_by_regression_and_said_not_to_be_randomised(
    planned: Path, tmp_path: Path
) -> None:
    made = read_plan(planned / "plan.yaml")
    record, _ = site_under(made.schedule, made, 0.0)
    words = [f"telemetry={write_csv(tmp_path / 'trial.csv', record)}", f"points={tmp_path / 'points.yaml'}"]
    words += ["baseline=2027-01-11/2027-02-07", "reporting=2027-02-08/2027-03-07", f"utc_offset_h={UTC_OFFSET_H}"]
    _, page = judge(settings_from(SavingsSettings, [*words, f"folder={tmp_path}"]))
    data = json.loads((tmp_path / "savings.json").read_text())
    assert data["regression"]["baseline"] == 28 and "randomised switchback is the proof" in page.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give plan="),
        (["baseline=2027-01-11", "reporting=2027-02-08/2027-03-07", "log=x"], "holds no cycles"),
        (["baseline=2027-01-11/2027-02-07", "reporting=2027-02-08/2027-03-07"], "nothing to judge"),
        (["baseline=a/b", "reporting=c/d", "telemetry=t", "outcome=kwh"], "outcome"),
        (["baseline=a/b", "reporting=c/d", "telemetry=t"], "without points"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused_with_the_mend(words: list[str], said: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        judge(settings_from(SavingsSettings, words))
