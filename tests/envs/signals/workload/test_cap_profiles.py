"""Measured sweeps of power limits become a rack's curves; the built-in law stays where nothing was measured."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from envs.engine.compiled import CompiledFunction
from envs.equipment.rack_table import rack_table
from envs.equipment.throughput import CLASSES, class_curve, throughput
from envs.physics.hinge import Hinge
from envs.physics.namespace import Floats
from envs.scenario import load
from envs.scenario.rack_group import RackGroup, archetype_of, profile_hash
from envs.signals.workload.cap_profiles import read_cap_profile
from experiments.records import run_folder

OWN = "class,power_w,throughput\nfinetune,700,100\nfinetune,560,97\nfinetune,420,85\nfinetune,350,70\n"
SMI = (
    "power.limit [W], power.draw [W], clocks.current.sm [MHz], throughput\n"
    "700.00 W, 690.00 W, 1980 MHz, 50\n560.00 W, 552.00 W, 1700 MHz, 48\n350.00 W, 345.00 W, 1100 MHz, 35\n"
)
ML_ENERGY = "model_id,gpu_model,num_gpus,max_num_seqs,avg_power_watts,output_throughput_tokens_per_sec\n" + "".join(
    f"m,H100,1,{2**k},{w},{t}\n" for k, (w, t) in enumerate([(300, 250), (400, 500), (600, 1000)])
)


def written(folder: Path, text: str = OWN) -> Path:
    path = folder / "sweep.csv"
    path.write_text(text)
    return path


def work(kind: str, rho: Floats, path: Path | None) -> Floats:
    """Throughput of a class on an HGX rack with a profile, by its table."""
    archetype = archetype_of(RackGroup("hgx_air", cap_profile=str(path or "")))
    table = rack_table([archetype], [[CLASSES.index(kind)], [CLASSES.index("none")]], np.float64)
    at = np.stack([rho, np.ones_like(rho)])[:, None]
    return np.asarray(throughput(table, at, np.ones((1, len(rho)))))[0, 0]


def test_a_sweep_takes_the_place_of_the_curve_of_its_class_alone(tmp_path: Path) -> None:
    path, rho = written(tmp_path), np.array([0.5, 0.55, 0.6, 0.8, 0.9, 1.0])
    np.testing.assert_allclose(work("finetune", rho, path), [0.7, 0.775, 0.85, 0.97, 0.985, 1.0])
    np.testing.assert_array_equal(work("pretrain", rho, path), work("pretrain", rho, None))
    assert abs(work("finetune", rho, path)[1] - work("finetune", rho, None)[1]) > 0.05


def test_below_the_lowest_point_work_falls_in_a_line_to_none_at_the_idle_draw(tmp_path: Path) -> None:
    path, static = written(tmp_path), 0.16 / 0.86
    np.testing.assert_allclose(work("finetune", np.array([static, (static + 0.5) / 2]), path), [0.0, 0.35], atol=1e-12)


def test_a_curtailment_reads_the_same_points_as_the_plant(tmp_path: Path) -> None:
    profile = read_cap_profile(written(tmp_path))
    rho, done = class_curve(CLASSES.index("finetune"), 0.16, profile)
    np.testing.assert_allclose(np.interp(0.55, rho, done), work("finetune", np.array([0.55]), written(tmp_path)))


def test_numpy_machine_code_and_gradient_agree_on_a_measured_curve(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    archetype = archetype_of(RackGroup("hgx_air", cap_profile=str(written(tmp_path))))
    table = rack_table([archetype], [[CLASSES.index("finetune")], [CLASSES.index("none")]], np.float64)
    rho = np.array([0.45, 0.52, 0.7, 0.95])
    at, cool = np.stack([rho, np.ones_like(rho)])[:, None], np.ones((1, len(rho)))
    plain = throughput(table, at, cool)
    np.testing.assert_allclose(CompiledFunction(lambda x, y: throughput(table, x, y), (at, cool))(at, cool), plain)
    given = torch.tensor(at, requires_grad=True)
    curves = Hinge(*(torch.tensor(np.asarray(part)) for part in table.curves))
    found = throughput(SimpleNamespace(curves=curves), given, torch.tensor(cool))
    np.testing.assert_allclose(found.detach().numpy(), plain)
    found[0].sum().backward()
    static = 0.16 / 0.86
    slopes = [0.7 / (0.5 - static), 0.15 / 0.1, 0.12 / 0.2, 0.03 / 0.2]
    np.testing.assert_allclose(given.grad[0, 0].numpy(), slopes, rtol=1e-9)


def test_other_sources_are_read_by_their_headings(tmp_path: Path) -> None:
    smi = read_cap_profile(written(tmp_path, SMI))
    assert set(smi) == {"pretrain", "finetune", "prefill", "decode", "batch"}
    np.testing.assert_allclose(smi["batch"], ([0.5, 0.8, 1.0], [0.7, 0.96, 1.0]))
    decode = read_cap_profile(written(tmp_path, ML_ENERGY))
    assert list(decode) == ["decode"]
    np.testing.assert_allclose(decode["decode"], ([0.5, 2 / 3, 1.0], [0.25, 0.5, 1.0]))


def test_a_scenario_takes_a_profile_for_some_of_its_racks(tmp_path: Path) -> None:
    scenario = load("ai_hall", [f"racks.r3_shared.cap_profile={written(tmp_path)}"])
    assert archetype_of(scenario.racks["r3_shared"]).cap_points["finetune"][1][0] == 0.7
    assert not archetype_of(scenario.racks["r2_conv"]).cap_points


def test_a_scenario_is_known_by_what_its_profile_says_and_not_by_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    here, there = written(tmp_path), written(tmp_path / "elsewhere")
    halls = [load("ai_hall", [f"racks.r3_shared.cap_profile={path}"]) for path in (here, there)]
    first, again = (hall.hash() for hall in halls)
    written(tmp_path, OWN.replace("420,85", "420,86"))
    assert load("ai_hall").hash() != first == again != halls[0].hash()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OWN.replace("420,85", "420,105"), "line 3: throughput 97 at 560 W is lower than at less power"),
        (OWN.replace("finetune,560", "tuning,560"), "line 3: .*class.*tuning"),
        (OWN.replace("560", "a lot"), "line 3, column 'power_w': found 'a lot', expected a number above 0"),
        (OWN.replace(",97", ",-97"), "line 3, column 'throughput'"),
        ("class,power_w,throughput\nfinetune,700,100\nfinetune,660,99\n", "has 2 points from 0.94"),
        ("power,throughput\n1,2\n", "line 1: found .*a sweep has power_w and throughput"),
        (OWN.splitlines()[0] + "\n", "no rows"),
        (OWN + "finetune,421,60\n", "line 4 and line 6: throughput 85 and 60 at the same power, 420 W .*leave one"),
        (OWN.replace("560,97", "560,70"), "line 3: 560 W is 0.80 of the highest power, and throughput 70 only 0.70"),
        ("class,throughput,power_w\nfinetune,700,100\nfinetune,560,97\nfinetune,350,70\n", "columns swapped"),
        ("class,power_w,throughput\n" + "".join(f"batch,{w},9\n" for w in (700, 560, 350)), "the same from 0.50 of"),
        (OWN.replace("350,70", "0.35,70"), "from 0.001 of its uncapped power on; .*none under 0.05"),
        (OWN.replace("560,97", "560,nan"), "line 3, column 'throughput': found .*nan"),
        (OWN.replace("560,97", "560,"), "line 3, column 'throughput'"),
        (ML_ENERGY + "m,B200,1,8,700,2000\n", "runs on B200, H100; give those of one gpu_model"),
    ],
)
def test_a_sweep_that_is_wrong_is_refused_with_place_and_mend(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        read_cap_profile(written(tmp_path, text))


def test_a_profile_that_is_absent_or_of_racks_without_accelerators_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file; give a sweep"):
        archetype_of(RackGroup("hgx_air", cap_profile=str(tmp_path / "none.csv")))
    with pytest.raises(ValueError, match="which have no accelerators"):
        archetype_of(RackGroup("legacy_air", cap_profile=str(written(tmp_path))))


GOOD = {"batch": [[0.5, 0.8, 1.0], [0.7, 0.95, 1.0]]}


@pytest.mark.parametrize(
    ("rho", "work", "words"),
    [
        ([0.5, 1.0], [0.7, 1.0], "two of equal length, 3 to 64"),
        ([0.5, 0.8, 1.0], [0.7, 1.0], "two of equal length"),
        ([0.5, 0.5, 1.0], [0.7, 0.8, 1.0], r"power of class batch .*rise from 0.05 to 0.9 to exactly 1"),
        ([0.5, 0.8, 1.1], [0.7, 0.8, 1.0], "power of class batch"),
        ([0.95, 0.98, 1.0], [0.7, 0.8, 1.0], "power of class batch"),
        ([0.5, 0.8, 1.0], [0.7, 0.6, 1.0], "work of class batch .*rise from 0 or more to exactly 1"),
        ([0.5, 0.8, 1.0], [0.7, 0.8, 1.2], "work of class batch"),
        ([0.5, 0.8, 1.0], [0.7, float("nan"), 1.0], "work of class batch"),
    ],
)
def test_curves_as_plain_data_are_refused_where_they_are_none(rho: list[float], work: list[float], words: str) -> None:
    assert archetype_of(RackGroup("hgx_air", cap_curves=GOOD)).cap_points["batch"][1] == (0.7, 0.95, 1.0)
    with pytest.raises(ValueError, match=words):
        RackGroup("hgx_air", cap_curves={"batch": [rho, work]})


@pytest.mark.parametrize("both", [5, [0.5, 0.8], [["a", "b", "c"], [1, 2, 3]], "no list"])
def test_curves_that_are_no_lists_of_numbers_are_refused_by_class(both: object) -> None:
    with pytest.raises(ValueError, match=r"class batch is .*; give two lists of numbers"):
        RackGroup("hgx_air", cap_curves={"batch": both})


def test_the_hash_of_curves_knows_neither_the_order_of_classes_nor_whole_numbers() -> None:
    whole = [[*GOOD["batch"][0][:-1], 1], [*GOOD["batch"][1][:-1], 1]]
    one, other = {"prefill": GOOD["batch"], "decode": GOOD["batch"]}, {"decode": whole, "prefill": GOOD["batch"]}
    assert profile_hash(RackGroup("hgx_air", cap_curves=one)) == profile_hash(RackGroup("hgx_air", cap_curves=other))


def test_curves_of_an_unknown_class_or_beside_a_file_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cap_curves.*class.*bath.*batch"):
        RackGroup("hgx_air", cap_curves={"bath": GOOD["batch"]})
    with pytest.raises(ValueError, match="leave one of them out"):
        RackGroup("hgx_air", cap_curves=GOOD, cap_profile="sweep.csv")


def test_a_group_that_carries_its_curve_is_the_same_hall_without_the_file(tmp_path: Path) -> None:
    scenario = load("ai_hall", [f"racks.r3_shared.cap_profile={written(tmp_path)}"])
    hashed, points = scenario.hash(), archetype_of(scenario.racks["r3_shared"]).cap_points
    run_folder.write_scenario(tmp_path, scenario)
    (tmp_path / "sweep.csv").unlink()
    again = load(str(tmp_path / run_folder.SCENARIO_FILE))
    assert again.hash() == hashed != load("ai_hall").hash()
    assert archetype_of(again.racks["r3_shared"]).cap_points == points


@pytest.mark.parametrize(
    ("name", "kind", "at_half", "builtin"),
    [
        ("zeus_summary_power_v100", "finetune", 0.637, 0.65),
        ("zeus_summary_power_a40", "finetune", 0.489, 0.65),
        ("zeus_summary_power_rtx6000", "finetune", 0.679, 0.65),
        ("emerald_a100_cap_sweep", "pretrain", 0.603, 0.584),
    ],
)
def test_measured_accelerators_differ_from_the_built_in_law_where_it_was_found(
    name: str, kind: str, at_half: float, builtin: float
) -> None:
    root = os.environ.get("COLDAISLE_DATA")
    if not root:
        pytest.skip("COLDAISLE_DATA is not set: measured GPU sweeps are not shipped")
    half = np.array([0.5])
    assert work(kind, half, Path(root) / "gpu" / f"{name}.csv")[0] == pytest.approx(at_half, abs=0.006)
    assert work(kind, half, None)[0] == pytest.approx(builtin, abs=0.001)
