"""What is left unknown, for training on halls as they may be: a file of parameters with their spread, and draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from envs.scenario import Scenario
from envs.twin.calibration.calibration import Calibration
from envs.twin.calibration.free_parameters import FreeParameter, with_values

DIGITS = 6


def spread_of(found: Calibration) -> dict[str, Any]:
    """Plain data of a posterior: per path its middle, deviation, scale and bounds, and all correlations."""
    keep = [k for k, p in enumerate(found.fit.free) if not p.is_input]
    sd = np.sqrt(np.diag(found.covariance))[keep]
    like = found.covariance[np.ix_(keep, keep)] / np.outer(sd, sd)
    parameters = {}
    for k, deviation in zip(keep, sd):
        p: FreeParameter = found.fit.free[k]
        parameters[p.path] = {
            "value": round(float(p.value(found.fit.u[k])), DIGITS),
            "sd": round(float(p.sd * deviation), DIGITS),
            "scale": "log" if p.log else "linear",
            "low": round(p.low, DIGITS),
            "high": round(p.high, DIGITS),
        }
    return {"parameters": parameters, "correlation": [[round(float(c), 4) for c in row] for row in like]}


def scenario_draws(scenario: Scenario, path: str | Path, n: int, seed: int = 0) -> Scenario:
    """The scenario with ``n`` draws of what a spread file leaves unknown, one per environment.

    Parameters
    ----------
    scenario : Scenario
        As a rule the calibrated one beside the file.
    path : str or Path
        ``spread.yaml`` of a calibration.
    n : int
        Environments B: the batch must have as many.
    seed : int
        Of the draws.

    Raises
    ------
    ValueError
        Where the file has no ``parameters`` and ``correlation`` of one size.
    """
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    entries = (content or {}).get("parameters") or {}
    like = np.asarray((content or {}).get("correlation") or [], np.float64)
    if not entries or like.shape != (len(entries), len(entries)):
        raise ValueError(f"{path}: expected 'parameters' and a square 'correlation'; give a calibration's spread.yaml")
    values, vectors = np.linalg.eigh(like)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = root @ np.random.default_rng(seed).standard_normal((len(entries), n))
    made = {}
    for row, (name, e) in enumerate(entries.items()):
        move = float(e["sd"]) * z[row]
        raw = e["value"] * np.exp(move) if e["scale"] == "log" else e["value"] + move
        made[name] = np.clip(raw, e["low"], e["high"])
    return with_values(scenario, made)
