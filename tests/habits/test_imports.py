"""What a start may cost: packages that importing the environments must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy", "pandas", "pyarrow", "torch", "mlflow", "matplotlib", "stable_baselines3", "onnx")


def loaded(statement: str) -> set[str]:
    """Packages of ``HEAVY`` that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("module", ["envs", "envs.core", "envs.single_env", "envs.vector_env"])
def test_importing_the_environments_loads_nothing_heavy(module: str) -> None:
    assert not loaded(f"import {module}")


def test_making_and_stepping_an_environment_loads_none_of_scipys_heavy_parts() -> None:
    scipy = ("signal", "stats", "interpolate", "optimize", "sparse")
    heavy = (*(f"scipy.{name}" for name in scipy), "pandas", "torch", "mlflow")
    code = f"""
import gymnasium, sys
env = gymnasium.make("envs:coldaisle/DataCenter-v1", scenario="edge_room")
env.reset(seed=0)
env.step(env.action_space.sample())
print(*(name for name in {heavy} if name in sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not run.stdout.split()


def test_the_watch_sees_a_heavy_package() -> None:
    assert "pandas" in loaded("import pandas")
