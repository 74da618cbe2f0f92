"""What a start may cost: packages that environments, forecast and the operator's side must not load on import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join([str(ROOT), str(ROOT / "experiments" / "face")])
SCIPY = tuple(f"scipy.{part}" for part in ("interpolate", "linalg", "optimize", "signal", "sparse", "special", "stats"))
HEAVY = ("pandas", "pyarrow", "torch", "mlflow", "matplotlib", "stable_baselines3", "onnx", "hydra", "rich", *SCIPY)
DOORS = (
    "coldaisle", "envs", "envs.core", "envs.single_env", "envs.vector_env", "envs.hooks", "envs.play",
    "envs.twin.telemetry.read", "envs.twin.screening.screen", "envs.twin.calibration.calibration",
    "agents.forecasting.engine", "experiments.forecasting.judge", "experiments.forecasting.halls",
    "agents.references", "agents.policy", "agents.planners.mpc",
    "agents.runtime.exported_policy", "agents.runtime.__main__", "experiments.cli",
)  # fmt: skip
#: It extends a class of stable-baselines3, which loads torch.
NOT_LIGHT = ("envs.sb3_vec_env",)


def loaded(program: str) -> set[str]:
    """Packages of ``HEAVY`` that a fresh interpreter holds after a program."""
    code = f"{program}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    command = [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": PATH}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def modules_below(*folders: str) -> list[str]:
    """Every module below these folders."""
    found = (path.relative_to(ROOT).with_suffix("") for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted({".".join(path.parts).removesuffix(".__init__") for path in found} - set(NOT_LIGHT))


@pytest.mark.parametrize("module", DOORS)
def test_importing_a_door_loads_nothing_heavy(module: str) -> None:
    assert not loaded(f"import {module}")


def test_no_module_of_the_environments_the_forecast_and_the_operators_side_loads_anything_heavy() -> None:
    modules = modules_below("envs", "agents/forecasting", "agents/planners", "agents/runtime", "agents/page")
    assert len(modules) > 150 and not loaded("\n".join(f"import {module}" for module in modules))


def test_a_forecast_verb_that_was_only_imported_loads_hydra_alone() -> None:
    assert loaded("import experiments.forecast") == {"hydra"}


def test_making_and_stepping_an_environment_loads_nothing_heavy_but_the_special_functions() -> None:
    program = """
import gymnasium
env = gymnasium.make("coldaisle:coldaisle/DataCenter-v1", scenario="edge_room")
env.reset(seed=0)
env.step(env.action_space.sample())
"""
    assert loaded(program) <= {"scipy.special", "scipy.linalg"}


def test_the_watch_sees_a_heavy_package() -> None:
    assert {"pandas"} <= loaded("import pandas") and {"scipy.optimize"} <= loaded("import scipy.optimize")
