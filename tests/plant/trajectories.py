"""Fixed episodes of every scenario and what they come to, field by field: hashes of all bits, and means.

``python -m tests.plant.trajectories`` prints whether the stored ones still hold; with ``--store`` it writes them anew.
Store them only with a change that moves results on purpose, and say so under *Physics changed* in CHANGELOG.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from envs.core import DataCenterCore
from envs.faults import Fault

STORED = Path(__file__).with_name("trajectories.json")
SCENARIOS = ("ai_hall", "ai_hall_power_cap", "legacy_air", "liquid_hall", "edge_room")
DTYPES = ("float32", "float64")
SITES, STEPS, EPISODE_STEPS = 3, 48, 30
FAULTS = (Fault("crah_fan", 1800.0, 1800.0, 0, 1.0), Fault("weather_hot", 0.0, 7200.0, 0, 3.0))


def episode(scenario: str, dtype: str) -> dict[str, np.ndarray]:
    """Every named quantity of one fixed trajectory, steps first.

    Rules drive the first half and random actions the second. One site has faults, one is reset on its own, and
    every episode ends on the way.
    """
    core = DataCenterCore(scenario, SITES, [f"episode.steps={EPISODE_STEPS}"], dtype=dtype)
    rng = np.random.default_rng(11)
    seen: dict[str, list[np.ndarray]] = {"reset": [core.reset(seed=5)]}
    core.set_faults([list(FAULTS), [], []])
    for step in range(STEPS):
        if step < STEPS // 2:
            result = core.step_setpoints({})
        else:
            result = core.step(rng.uniform(-1.0, 1.0, (SITES, core.action_size)))
        observation, reward, truncated, cost = result
        row = core.flows._asdict() | {f"cost.{name}": value for name, value in cost.items()}
        row |= {f"in_force.{name}": value for name, value in core.in_force.items()}
        row |= {"observation": observation, "reward": reward, "truncated": truncated}
        for name, value in row.items():
            seen.setdefault(name, []).append(np.array(value))
        if truncated.any():
            sums = core.sums.by_name(core.t)
            seen.setdefault("sums", []).append(np.stack([sums[name] for name in sorted(sums)]))
            core.reset(truncated)
        if step == 10:
            core.reset(np.array([False, True, False]))
    return {name: np.stack(values) for name, values in seen.items()}


def summary(found: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    """``{field: [hash of its bits, mean]}``."""
    return {name: [_hash(value), float(np.mean(value, dtype=np.float64))] for name, value in sorted(found.items())}


def processor() -> str:
    """Hash of numpy's elementary functions on fixed numbers: equal where bits can be compared across machines."""
    parts = []
    for dtype in DTYPES:
        x = np.linspace(0.05, 3.0, 401).astype(dtype)
        product = x[:400].reshape(20, 20) @ x[1:].reshape(20, 20)
        parts += [np.exp(-x), np.log(x), np.power(x, x[::-1]), np.sqrt(x), np.sin(x), np.tanh(x), product]
    return _hash(*parts) + f" numpy {np.__version__}"


def _hash(*values: np.ndarray) -> str:
    digest = hashlib.sha256()
    for value in values:
        digest.update(str(value.dtype).encode() + str(value.shape).encode() + np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()[:16]


def main() -> None:
    """Compare, or store with ``--store``."""
    os.environ["COLDAISLE_ENGINE"] = "numpy"  # stored bits are those of numpy
    now: dict[str, Any] = {f"{s} {d}": summary(episode(s, d)) for s in SCENARIOS for d in DTYPES}
    if "--store" in sys.argv:
        kept = {"processor": processor(), "trajectories": now}
        STORED.write_text(json.dumps(kept, indent=0, sort_keys=True) + "\n", encoding="utf-8")
        return
    stored = json.loads(STORED.read_text(encoding="utf-8"))["trajectories"]
    for case, fields in now.items():
        moved = [name for name, value in fields.items() if stored[case].get(name) != value]
        sys.stdout.write(f"{case}: {'moved: ' + ', '.join(moved) if moved else 'equal to the bit'}\n")


if __name__ == "__main__":
    main()
