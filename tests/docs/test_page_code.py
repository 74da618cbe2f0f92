"""The code of the first pages runs as a newcomer runs it, and gives what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from envs.scenario import SHIPPED, load
from envs.signals.weather.climates import sites

ROOT = Path(__file__).parents[2]
INSTALLED = os.pathsep.join([str(ROOT), str(ROOT / "experiments" / "face")])  # as an editable install lays the path
YOUR_HALL = (ROOT / "docs" / "your-hall.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def block(page: str, language: str) -> str:
    """The first block of code in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no block of {language}"
    return found[1]


def output_of(script: str, folder: Path) -> str:
    """What a script prints that is run in a folder."""
    (folder / "script.py").write_text(script, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": INSTALLED, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def hall(tmp_path: Path) -> Path:
    """The file of your-hall.md, saved as the page says."""
    path = tmp_path / "my_hall.yaml"
    path.write_text(block(YOUR_HALL, "yaml"), encoding="utf-8")
    return path


def test_the_hall_of_the_page_loads_and_is_no_shipped_one(hall: Path) -> None:
    scenario = load(str(hall))
    assert scenario.name not in SHIPPED
    assert sum(group.count for group in scenario.racks.values()) == 20


def test_a_slip_in_the_hall_of_the_page_is_refused_by_name(hall: Path) -> None:
    with pytest.raises(ValueError, match="needs a tower"):
        load(str(hall), ["chilled_water.machine=B"])


@pytest.mark.slow
def test_the_check_of_the_page_prints_what_the_page_says(hall: Path) -> None:
    printed, page = output_of(block(YOUR_HALL, "python"), hall.parent), block(YOUR_HALL, "text")
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", page)
    numbers, told = ([float(n) for n in NUMBER.findall(text)] for text in (printed, page))
    assert numbers == pytest.approx(told, rel=0.05)  # another processor rounds otherwise


def test_the_page_lists_every_climate_and_no_other() -> None:
    table = YOUR_HALL.split("| region | keys |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(sites())


def test_the_first_page_of_the_readme_runs_and_draws_its_figure(tmp_path: Path) -> None:
    output_of(block((ROOT / "README.md").read_text(encoding="utf-8"), "python"), tmp_path)
    assert (tmp_path / "day.png").stat().st_size > 10_000


def test_the_example_of_gradients_gives_a_slope_for_each_action_and_site(tmp_path: Path) -> None:
    pytest.importorskip("llvmlite")
    page = (ROOT / "docs" / "gradients.md").read_text(encoding="utf-8")
    rows = output_of(block(page, "python"), tmp_path).strip().splitlines()
    assert len(rows) == 5, "five actions of edge_room"
    assert all(len(NUMBER.findall(re.sub(r"e[+-]\d+", "", row))) == 4 for row in rows), "four sites"
