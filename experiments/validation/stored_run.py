"""Runs of EnergyPlus kept in a folder: after a change of our plant only our side has to run again.

A run is found by the hash of everything it depends on: model, weather file, schedules and the version of the wheel.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from envs.energyplus.engine import EngineRun
from experiments.records.provenance import content_hash

HASH_DIGITS = 16


def stored_or_new_run(folder: Path | None, depends_on: Any, simulate: Callable[[], EngineRun]) -> EngineRun:
    """The run of ``folder`` with this hash, or a new one, which is then kept there.

    Parameters
    ----------
    folder : Path, optional
        None keeps nothing.
    depends_on : plain data
        Everything that could change the outcome.
    simulate : callable
        Makes the run.
    """
    if folder is None:
        return simulate()
    path = folder / f"{content_hash(depends_on)[:HASH_DIGITS]}.npz"
    if not path.is_file():
        run = simulate()
        folder.mkdir(parents=True, exist_ok=True)
        facts = json.dumps({"step_s": run.step_s, "warnings": run.warnings, "system_steps": run.system_steps})
        values: dict[str, Any] = {f"value {name}": value for name, value in run.values.items()}
        unfinished = path.with_suffix(".part.npz")
        np.savez_compressed(unfinished, month=run.month, hour=run.hour, facts=np.array(facts), **values)
        unfinished.replace(path)
        return run
    with np.load(path) as kept:
        facts = json.loads(str(kept["facts"]))
        found = {name.removeprefix("value "): kept[name] for name in kept.files if name.startswith("value ")}
        return EngineRun(found, kept["month"], kept["hour"], facts["step_s"], facts["warnings"], facts["system_steps"])
