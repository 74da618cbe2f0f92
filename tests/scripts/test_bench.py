"""Every row of the speed table: its case is built and takes steps, at tiny sizes."""

from __future__ import annotations

import pytest

from envs.scenario import load
from scripts import bench, bench_engine, bench_learning

SHORT = ("site.workload_weeks=1", "episode.steps=3")


@pytest.mark.parametrize("row", bench.ROWS)
def test_every_row_of_the_first_table_runs(row: str) -> None:
    name, overrides = bench.ROWS[row]
    rate, *_ = bench.core_rate(name, 2, repeats=1, seconds=0.0, overrides=(*overrides, "site.workload_weeks=1"))
    assert rate > 0.0


def test_the_row_of_a_hundred_racks_has_a_hundred_racks() -> None:
    racks = load("ai_hall", bench.HUNDRED_RACKS).racks
    assert sum(group.count for group in racks.values()) == 100


def test_the_row_of_one_gymnasium_environment_runs() -> None:
    assert bench.single_rate(repeats=1) > 0.0


def test_the_row_of_the_tape_runs() -> None:
    assert min(bench.tape_gain(batch=2, repeats=1)) > 0.0


def test_the_rows_of_the_engines_run() -> None:
    pytest.importorskip("llvmlite")
    assert min(bench_engine.engine_gain(batch=2, repeats=1)) > 0.0
    assert min(bench_engine.thread_gain(batch=64, repeats=1)) > 0.0
    assert bench_engine.operations("edge_room") > 1000


def test_the_row_of_the_gradient_runs() -> None:
    pytest.importorskip("llvmlite")
    forward, both = bench_engine.gradient_cost("edge_room", batch=8, steps=2, repeats=1)
    assert forward > 0.0 and both > 1.0


def test_the_row_of_calibration_runs() -> None:
    pytest.importorskip("llvmlite")
    spent = bench_engine.calibration_seconds(hours=6.0)
    assert spent.keys() == {"numpy", "llvm"} and min(spent.values()) > 0.0


def test_the_row_of_the_start_runs() -> None:
    pytest.importorskip("llvmlite")
    assert min(bench_engine.compile_seconds("edge_room")) > 0.0


def test_the_row_of_memory_runs() -> None:
    before, after = bench.memory(total_steps=4, batch=2)
    assert before > 0.0 and after > 0.0


def test_the_row_of_a_sites_memory_runs() -> None:
    pytest.importorskip("llvmlite")
    assert bench_engine.memory_of_a_site(few=2, many=600) > 1.0


def test_the_profile_gives_every_machine_its_share_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--profile"])
    bench.main()
    _, *rows = capsys.readouterr().out.splitlines()
    assert sum(float(row.split()[-2]) for row in rows) == pytest.approx(100.0, abs=0.1 * len(rows))
    assert {"rack", "air_side", "breaker"} <= {row.split()[0] for row in rows}


def test_the_row_of_machines_names_every_machine_of_the_hall() -> None:
    rows = dict(bench.by_machine(batch=2, substeps=5))
    assert {"rack", "air_side", "chilled_water", "cooling_tower", "power_chain"} <= rows.keys()


def test_the_row_of_ppo_runs() -> None:
    assert min(bench_learning.ppo_rates(steps=32, repeats=1, batch=4, overrides=SHORT)) > 0.0


def test_the_parts_of_ppo_are_those_of_a_run_and_cost_nothing_where_nothing_is_stepped() -> None:
    found = bench_learning.ppo_parts(steps=128, batch=4, overrides=SHORT)
    rows = {part: (real, nothing) for part, real, nothing in found}
    assert min(rows["update"]) > 0.0 and min(rows["policy in rollouts"]) > 0.0
    assert rows["core around it"][0] > 0.0 and rows["core around it"][1] == 0.0
    assert "step" in vars(bench_learning.DataCenterCore) and "on_step" in vars(bench_learning.BaseCallback)


@pytest.mark.parametrize("algorithm", ["td3"])
def test_the_row_of_updates_runs(algorithm: str) -> None:
    cost = bench_learning.update_cost(algorithm, steps=16, environments=4, overrides=SHORT)
    assert cost.gradient_step_ms > 0.0 and cost.environment_ms > 0.0 and 0.0 < cost.update_share < 1.0


@pytest.mark.slow
def test_the_quick_table_prints_every_row(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--quick"])
    bench.main()
    printed = capsys.readouterr().out
    words = [*bench.ROWS, "one gymnasium environment", "plant, 1024 sites", "memory:", "PPO, 1024 environments", "rack"]
    assert not [row for row in words if f"\n{row}" not in printed and f"\n  {row}" not in printed]
