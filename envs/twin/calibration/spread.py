"""What is left unknown, for training on halls as they may be: a file of parameters with their spread, and draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Scenario
from envs.twin.calibration.calibration import Calibration
from envs.twin.calibration.free_parameters import FreeParameter, free_parameters, with_values
from envs.unknown_name import unknown_name
from envs.yaml_entry import YamlEntry, shown

DIGITS = 6
SCALES = ("log", "linear")
KEYS, ENTRY_KEYS = ("parameters", "correlation"), ("value", "sd", "scale", "low", "high")
LARGEST_SD = 100.0


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
        Where the file has no ``parameters`` and ``correlation`` of one size, a parameter that the scenario lacks, or an
        entry that is missing or impossible, naming file, line, value and mend.
    """
    top = YamlEntry.of_file(Path(path), KEYS)
    entries, like = top.mapping("parameters").named(ENTRY_KEYS), _matrix(top.raw.get("correlation"))
    if not entries or like.shape != (len(entries), len(entries)):
        raise top.refused("correlation", f"give a calibration's spread.yaml, with {len(entries)} rows of as many")
    values, vectors = np.linalg.eigh(like)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = root @ np.random.default_rng(seed).standard_normal((len(entries), n))
    known = [parameter.path for parameter in free_parameters(scenario)]
    made = {}
    for row, (name, entry) in enumerate(entries.items()):
        if name not in known:
            raise entry.fault("", unknown_name(f"parameter of scenario {scenario.name!r}", shown(name), known))
        made[name] = _drawn(name, entry, z[row])
    try:
        return with_values(scenario, made)
    except ValueError as fault:  # a draw that no machine can be
        raise ValueError(f"{path}: {fault}") from fault


def _drawn(name: str, entry: YamlEntry, z: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values of a parameter from standard normal numbers ``(B,)``; float32, for compiled programs hold no wide ones.

    Raises
    ------
    ValueError
        Naming the place and what is missing or impossible.
    """
    middle, low, high = (entry.finite(key) for key in ("value", "low", "high"))
    sd, scale = entry.number("sd", None, 0.0, LARGEST_SD), entry.choice("scale", SCALES)
    if not low <= middle <= high:
        raise entry.refused("value", f"{name} lies from low = {low:g} to high = {high:g}; give a value there")
    raw = middle * np.exp(sd * z) if scale == SCALES[0] else middle + sd * z
    least, most = np.float32(low), np.float32(high)
    least = np.nextafter(least, np.float32(np.inf)) if least < low else least  # float32 must not round out of the range
    most = np.nextafter(most, np.float32(-np.inf)) if most > high else most
    return np.clip(raw.astype(np.float32), least, most)


def _matrix(given: object) -> NDArray[np.float64]:
    """Correlations as an array; an empty one where they are none."""
    try:
        like = np.asarray(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.zeros(0)
    return like if np.all(np.abs(like) <= 1.0) else np.zeros(0)
