"""Each tutorial runs as a newcomer runs it, and prints what its page says that one will see."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = os.pathsep.join([str(ROOT), str(ROOT / "experiments" / "face")])  # as an editable install lays the path
TUTORIALS = ROOT / "docs" / "tutorials"
SHOWN = re.compile(r"^# ```text\n(.*?)^# ```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SLOW = {"train_and_judge", "your_own_hall"}  # training and calibration: about half a minute each
NAMES = [
    pytest.param(path.stem, marks=[pytest.mark.slow] if path.stem in SLOW else [])
    for path in sorted(TUTORIALS.glob("*.py"))
]


def promised(name: str) -> list[str]:
    """Lines that the page of a tutorial says one will see."""
    (block,) = SHOWN.findall((TUTORIALS / f"{name}.py").read_text(encoding="utf-8"))
    return [line.removeprefix("# ") for line in block.splitlines()]


def numbers(lines: list[str]) -> list[float]:
    """Every number of the lines, in order."""
    return [float(number) for line in lines for number in NUMBER.findall(line)]


@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_prints_what_its_page_says(name: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(TUTORIALS / f"{name}.py")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": INSTALLED},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    printed, page = run.stdout.splitlines(), promised(name)
    assert [NUMBER.sub("#", line) for line in printed] == [NUMBER.sub("#", line) for line in page]
    assert numbers(printed) == pytest.approx(numbers(page), rel=0.05)  # another processor rounds otherwise
