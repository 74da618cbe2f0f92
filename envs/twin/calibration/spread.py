"""What is left unknown, for training on halls as they may be: a file of parameters with their spread, and draws."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from envs.scenario import Scenario
from envs.twin.calibration.calibration import Calibration
from envs.twin.calibration.free_parameters import FreeParameter, with_values

DIGITS = 6
SCALES = ("log", "linear")


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
            "scale": SCALES[0] if p.log else SCALES[1],
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
        Where the file has no ``parameters`` and ``correlation`` of one size, or an entry that is missing or impossible.
    """
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    parts = content if isinstance(content, dict) else {}
    entries, like = parts.get("parameters"), _matrix(parts.get("correlation"))
    if not isinstance(entries, dict) or not entries or like.shape != (len(entries), len(entries)):
        raise ValueError(f"{path}: expected 'parameters' and a square 'correlation'; give a calibration's spread.yaml")
    values, vectors = np.linalg.eigh(like)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = root @ np.random.default_rng(seed).standard_normal((len(entries), n))
    made = {}
    for row, (name, entry) in enumerate(entries.items()):
        e = _numbers(entry, f"{path}: parameters: {name}")
        move = e["sd"] * z[row]
        raw = e["value"] * np.exp(move) if entry["scale"] == SCALES[0] else e["value"] + move
        made[name] = np.clip(raw, e["low"], e["high"]).astype(np.float32)  # compiled programs hold no wide numbers
    return with_values(scenario, made)


def _matrix(given: object) -> NDArray[np.float64]:
    """Correlations as an array; an empty one where they are no finite numbers."""
    try:
        like = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        return np.zeros(0)
    return like if np.isfinite(like).all() else np.zeros(0)


def _numbers(entry: object, place: str) -> dict[str, float]:
    """Value, deviation and bounds of an entry.

    Raises
    ------
    ValueError
        Naming what is missing or impossible.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"{place} is no entry; give value, sd, scale, low and high")
    made = {}
    for part in ("value", "sd", "low", "high"):
        number = entry.get(part)
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise ValueError(f"{place}: {part} = {number!r} is no finite number; give a calibration's spread.yaml")
        made[part] = float(number)
    if made["sd"] < 0.0:
        raise ValueError(f"{place}: sd = {made['sd']:g} is below 0; give a deviation of 0 or more")
    if entry.get("scale") not in SCALES:
        raise ValueError(f"{place}: scale = {entry.get('scale')!r} is none of {', '.join(SCALES)}")
    if made["low"] > made["high"]:
        raise ValueError(f"{place}: low = {made['low']:g} is above high = {made['high']:g}; swap them")
    return made
