"""Load from files: utilisation, class shares, job lists and the refusals (WORKLOAD 6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from envs.signals.workload.requests import serving_activity
from envs.signals.workload.traces import read_workload
from envs.signals.workload.workload import Partition, partitions_for

HALL = partitions_for(
    [("frontier", [0, 1], 72), ("interactive", [2], 72), ("shared", [3], 32), ("batch", [4], 32), ("cpu", [5], 1)]
)


def _frame(rows: int = 60, freq: str = "1min") -> pd.DataFrame:
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-02T12:00", periods=rows, freq=freq).strftime("%Y-%m-%dT%H:%M:%S")
    columns = {f"rack_{rack}": rng.random(rows).round(4) for rack in (0, 1, 2, 4, 5)}
    shares = {"pretrain:3": rng.random(rows).round(4) / 2, "finetune:3": rng.random(rows).round(4) / 2}
    return pd.DataFrame({"time": times, **columns, **shares})


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_trace_is_averaged_over_the_control_step(tmp_path: Path, suffix: str) -> None:
    frame, path = _frame(63), tmp_path / f"load.{suffix}"
    getattr(frame, f"to_{suffix}")(path, index=False)
    w = read_workload(path, HALL, 300.0)
    means = {name: frame[name].to_numpy()[:60].reshape(12, 5).mean(axis=1) for name in frame.columns[1:]}
    assert w.steps == 12
    assert w.activity[:, 0, 0] == pytest.approx(means["rack_0"], abs=1e-6)
    assert w.activity[:, 0, 3] == pytest.approx(means["pretrain:3"], abs=1e-6)
    assert w.activity[:, 1, 3] == pytest.approx(means["finetune:3"], abs=1e-6)
    assert w.activity[:, 0, 5] == pytest.approx(means["rack_5"], abs=1e-6)
    assert w.batch_arrival == pytest.approx(means["rack_4"] * 32 / 12.0, abs=1e-5)
    assert np.all(w.activity[:, :, 4] == 0.0)
    assert w.swing[:, 0] == pytest.approx(0.65 * means["rack_0"], abs=1e-6)
    prefill, _ = serving_activity(means["rack_2"], np.ones(12), "conv")
    assert w.activity[:, 0, 2] == pytest.approx(prefill, abs=1e-6)
    assert w.unserved.sum() == pytest.approx(np.maximum(means["rack_2"] - 0.95, 0.0).sum() * 6.0, abs=1e-5)
    assert np.all(w.job[:, :2] == 0)
    assert (w.seed, w.activity.dtype) == (-1, np.float32)


def test_an_hourly_trace_is_held_over_its_steps(tmp_path: Path) -> None:
    _frame(3, "1h").to_csv(tmp_path / "hours.csv", index=False)
    w = read_workload(tmp_path / "hours.csv", HALL, 300.0)
    assert w.steps == 36
    assert np.all(w.activity[:12] == w.activity[0])


@pytest.mark.parametrize(("freq", "found"), [("7min", "420 s apart"), ("8min", "480 s apart")])
def test_rows_whose_step_does_not_fit_the_control_step_are_refused(tmp_path: Path, freq: str, found: str) -> None:
    _frame(75, freq).to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(ValueError, match=f"odd.csv: its rows are {found}.*resample the file to 300 s"):
        read_workload(tmp_path / "odd.csv", HALL, 300.0)


def test_a_trace_keeps_its_place_in_the_week(tmp_path: Path) -> None:
    _frame().to_csv(tmp_path / "load.csv", index=False)
    local = read_workload(tmp_path / "load.csv", HALL, utc_offset_h=-7.0)
    assert local.week_start_s == (24 + 12) * 3600.0


@pytest.mark.parametrize(
    ("name", "row", "value", "words"),
    [
        ("rack_1", 7, 55.0, ["line 9", "'rack_1'", "55", "[0, 1]", "percent"]),
        ("rack_1", 3, "busy", ["line 5", "'rack_1'", "busy"]),
        ("pretrain:3", 2, 1.0, ["line 4", "pretrain:3, finetune:3", "above 1"]),
        ("time", 4, "2024-01-02T12:00:00", ["line 6", "'time'", "60 s after"]),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(
    tmp_path: Path, name: str, row: int, value: object, words: list[str]
) -> None:
    frame = _frame().astype(object)
    frame.loc[row, name] = value
    frame.to_csv(tmp_path / "load.csv", index=False)
    with pytest.raises(ValueError) as refusal:
        read_workload(tmp_path / "load.csv", HALL)
    assert all(word in str(refusal.value) for word in ["load.csv", *words])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rack_5", "rack_6", ["'rack_6'", "one of the 6 rack indices"]),
        ("rack_5", "pretrain:5", ["'pretrain:5'", "rack_5 or cpu:5"]),
        ("pretrain:3", "rack_3", ["'rack_3'", "not both"]),
        ("rack_5", "rack_05", ["no column for rack 5", "rack_5"]),
        ("rack_0", "power", ["'power'", "rack_<index>"]),
    ],
)
def test_a_bad_heading_is_named_with_what_was_expected(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    frame = _frame().rename(columns={old: new})
    frame = frame.drop(columns="rack_05", errors="ignore")
    frame.to_csv(tmp_path / "load.csv", index=False)
    with pytest.raises(ValueError) as refusal:
        read_workload(tmp_path / "load.csv", HALL)
    assert all(word in str(refusal.value) for word in ["load.csv, line 1", *words])


def _jobs() -> pd.DataFrame:
    rows = [(0.0, 7200.0, 32, "pretrain"), (10.0, 3600.0, 48, "finetune"), (20.0, 600.0, 32, "eval")]
    return pd.DataFrame(rows, columns=["submit_s", "duration_s", "gpus", "class"])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_job_list_is_placed_by_the_same_scheduler(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"jobs.{suffix}"
    getattr(_jobs().sample(frac=1.0, random_state=0), f"to_{suffix}")(path, index=False)
    w = read_workload(path, [Partition("shared", (4, 5), 32)], 300.0)
    assert w.steps == 36  # the second job waits for the first: 7200 + 3600 s
    assert w.activity[10, 0, 4] == pytest.approx(1.0, abs=0.01)
    assert w.activity[24:, 0].max() == pytest.approx(0.0, abs=1e-6)
    assert w.activity[30, 1, 4:].sum() == pytest.approx(1.5, abs=0.01)
    assert np.all(w.job[24:, 4:] == 4)
    assert w.job_groups == ((4, 5),)


def test_a_faulty_job_list_is_refused_by_line(tmp_path: Path) -> None:
    part, path = [Partition("shared", (0, 1), 32)], tmp_path / "jobs.csv"
    wrong = _jobs().replace("eval", "mining")
    pd.concat([wrong, wrong.assign(**{"class": "gaming"})]).to_csv(path, index=False)
    with pytest.raises(ValueError, match="line 4, column 'class': found 'mining', expected pretrain"):
        read_workload(path, part)
    _jobs().replace(48, 65).to_csv(path, index=False)
    with pytest.raises(ValueError, match="line 3, column 'gpus': found 65"):
        read_workload(path, part)
    with pytest.raises(ValueError, match="one shared partition"):
        read_workload(path, [Partition("cpu", (0,))])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.csv"):
        read_workload(tmp_path / "nowhere.csv", HALL)


def test_an_empty_trace_is_refused_with_its_name_and_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match=r"empty\.csv, line 1: found no headings .*expected the names of"):
        read_workload(tmp_path / "empty.csv", HALL)
    (tmp_path / "empty.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.parquet: cannot be read as Parquet"):
        read_workload(tmp_path / "empty.parquet", HALL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.assign(submit_s=f.submit_s + 1_672_531_200), "line 2, column 'submit_s': .*subtract 1672531200 "),
        (lambda f: f.assign(submit_s=f.submit_s + 60 * 86_400), "60 days after second 0.*subtract 5184000 "),
        (lambda f: f.assign(submit_s=[0.0, 10.0, 6e7]), "line 4: its job comes 694 days after the jobs before it"),
        (lambda f: f.assign(submit_s=[0.0, 1e308, 20.0]), "line 3: its job comes"),
        (lambda f: f.assign(duration_s=[7200.0, 1e12, 600.0]), "line 3, column 'duration_s': found 1e.12"),
        (lambda f: pd.concat([f.assign(duration_s=6e7)] * 3), "the list lasts .* days on 64 accelerators"),
        (lambda f: f.assign(submit_s=["0", "1e400", "20"]), "line 3, column 'submit_s': found '1e400'"),
    ],
)
def test_a_job_list_that_is_mostly_idle_or_endless_is_refused_before_it_is_placed(
    tmp_path: Path, change, words: str
) -> None:
    change(_jobs()).to_csv(tmp_path / "jobs.csv", index=False)
    with pytest.raises(ValueError, match=r"jobs\.csv.*" + words):
        read_workload(tmp_path / "jobs.csv", [Partition("shared", (0, 1), 32)])


def test_a_job_list_with_stamps_keeps_its_place_in_the_week(tmp_path: Path) -> None:
    jobs = _jobs().drop(columns="submit_s").assign(submit_time=[1_672_842_600, 1_672_842_610, 1_672_842_620])
    jobs.to_csv(tmp_path / "jobs.csv", index=False)  # Wednesday 4 January 2023, 14:30 UTC, 09:30 at the site
    w = read_workload(tmp_path / "jobs.csv", [Partition("shared", (4, 5), 32)], 300.0, utc_offset_h=-5.0)
    assert w.week_start_s == 2 * 86_400.0
    busy = np.flatnonzero(w.activity[:, :, 4:].sum(axis=(1, 2)) > 0.0)
    assert busy[0] == 9.5 * 12 and w.steps == 9.5 * 12 + 36


def test_a_job_has_one_accelerator_or_more(tmp_path: Path) -> None:
    part, path = [Partition("shared", (0, 1), 32)], tmp_path / "jobs.csv"
    _jobs().assign(gpus=1).to_csv(path, index=False)
    assert read_workload(path, part).steps > 0
    _jobs().assign(gpus=0.5).to_csv(path, index=False)
    with pytest.raises(ValueError, match="line 2, column 'gpus': found 0.5, expected a number in .1, 64."):
        read_workload(path, part)
