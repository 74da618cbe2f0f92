"""Every scenario file composes, and runs a step under its own rules and under an agent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.scenario import SHIPPED, load

CONFIGS = Path(__file__).parents[2] / "configs"
SCENARIOS = sorted((CONFIGS / "scenario").glob("*.yaml"))
FILES = [*SCENARIOS, *sorted((CONFIGS / "validation").glob("*.yaml"))]
ONE_WEEK = ("site.workload_weeks=1", "episode.step_s=300", "episode.substep_s=60")


def test_what_is_shipped_is_what_lies_in_the_folder() -> None:
    assert {f.stem for f in SCENARIOS} == set(SHIPPED)
    assert len(FILES) > len(SCENARIOS)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_scenario_file_runs_a_step(file: Path) -> None:
    scenario = load(str(file), ONE_WEEK)
    core = DataCenterCore(scenario, 2)
    core.reset(seed=0)
    obs, reward, _, _ = core.step(np.zeros((2, core.action_size)))
    ruled = core.step_setpoints(core.rules.act(core.measured))
    assert np.isfinite(obs).all() and np.isfinite(reward).all() and np.isfinite(ruled[1]).all()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_scenario_file_says_nothing_twice(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "${" not in text and load(str(file)).name == file.stem
