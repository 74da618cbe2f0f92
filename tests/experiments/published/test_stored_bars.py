"""The stored cross-check against EnergyPlus: read as it was stored, and never taken for a pass where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.published import oracle
from experiments.published.row import measure_row
from experiments.records.provenance import plant_hash

STORED = """plant,case,bar,limit,worst,where,passed
hall,warm,annual cooling electricity,<= 5%,3.4%,fl_miami,True
hall,warm,hourly CV(RMSE),<= 20%,26.0%,il_chicago,False
hall,warm,coil: leaving air,RMSE <= 0.5 K,0.22 K,fl_miami,True
hall,warm,same mode,>= 95% of hours,91.0%,az_phoenix,False
hall,warm,order of climates,same,same,all,True
hall,warm,chiller: power,hourly CV(RMSE) <= 5%,5.3% of 10 hours,ca_san_francisco,
"""


def store(folder: Path, plant: str) -> None:
    (folder / "energyplus").mkdir()
    (folder / "energyplus" / "verdicts.csv").write_text(STORED)
    (folder / "energyplus" / "facts.json").write_text(json.dumps({"plant_hash": plant}))


def test_every_stored_bar_that_was_judged_is_a_check_that_passes_as_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, plant_hash())
    monkeypatch.setattr(oracle, "STORED", tmp_path)
    checks = oracle.stored_validation()
    assert [c.passed for c in checks] == [True, False, True, False, True]
    assert (checks[0].ours, checks[0].high, checks[0].unit) == (3.4, 5.0, "%")
    assert (checks[3].ours, checks[3].low) == (91.0, 95.0)
    assert not any("earlier plant" in c.what for c in checks)


def test_a_result_of_another_plant_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path, "0" * 64)
    monkeypatch.setattr(oracle, "STORED", tmp_path)
    assert all("stored on an earlier plant" in c.what for c in oracle.stored_validation())


def test_without_a_stored_result_the_row_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle, "STORED", tmp_path)
    found = measure_row(oracle.ROWS[0])
    assert found.verdict == "not run" and "coldaisle validate" in found.not_run
