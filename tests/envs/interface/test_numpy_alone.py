"""An operator's box decodes and encodes with numpy alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ABSENT = (
    "gymnasium",
    "torch",
    "scipy",
    "stable_baselines3",
    "omegaconf",
    "hydra",
    "pandas",
    "yaml",
    "mlflow",
    "array_api_compat",
)
BOX = """
import sys
for name in {absent}:
    sys.modules[name] = None  # what an import finds where the package is not installed
import importlib, pkgutil
import numpy as np
import envs.controllers, envs.interface
for package in (envs.controllers, envs.interface):
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(package.__name__ + "." + module.name)
from envs.interface.action import ActionDecoder
from envs.interface.channels import bind_channels
fans = bind_channels(["crah_fan_speed_frac"], {{"zone": 2}}, {{}}, {{}})
decoder = ActionDecoder(fans, np.ones((1, 1)), 1.0)
value = decoder.decode(np.zeros((1, 2)), {{}}, np.zeros(1), np.zeros((1, 1)), 300.0)["crah_fan_speed_frac"]
print(value.ravel().round(9).tolist())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_interface_and_controllers_import_and_decode_without_gymnasium_torch_and_scipy() -> None:
    done = run(BOX.format(absent=ABSENT))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0.65, 0.65]"


def test_the_block_is_real() -> None:
    done = run("import sys\nsys.modules['gymnasium'] = None\nimport envs.single_env")
    assert done.returncode != 0 and "gymnasium" in done.stderr


def test_importing_envs_registers_its_ids_where_gymnasium_is_installed() -> None:
    done = run("import envs, gymnasium\nprint(*(i for i in gymnasium.registry if i.startswith('coldaisle/')))")
    ids = ["DataCenter-v1", "Cooling-v1", "PowerCap-v1", "Hall-v0", "HallPlacement-v0"]
    assert done.stdout.split() == [f"coldaisle/{name}" for name in ids]
