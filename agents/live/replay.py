"""Makes every decision of a log again, from what was measured then, and compares to the bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.live.decider import Decider, flat
from agents.live.decision_log import Value, logged_rows
from agents.live.limits import SafeSetpoints
from agents.live.point_map import read_live_map


class Replayed(NamedTuple):
    """What a replay found.

    Attributes
    ----------
    decisions : int
        Decisions that were made again.
    skipped : int
        Cycles that came to no decision then.
    differences : list of str
        Each value that came out another way, in words.
    """

    decisions: int
    skipped: int
    differences: list[str]


def replayed(folder: Path, bundle: Path, shield: SafeSetpoints | None = None) -> Replayed:
    """Replay a log with the bundle that made it.

    Raises
    ------
    ValueError
        Where the log was made by another bundle, or its point map is gone or was changed.
    FileNotFoundError
        Where there is no log.
    """
    decisions = skipped = 0
    differences: list[str] = []
    deciders: dict[tuple[str, str, float], Decider] = {}
    for row in logged_rows(folder):
        if row["kind"] != "cycle":
            continue
        key = str(row["run"]), str(row["map_hash"]), float(row["cycle_s"] or 0.0)
        if key not in deciders:
            deciders[key] = _decider(folder, bundle, row, shield)
        decider = deciders[key]
        if row["reset"]:
            decider.begin_again()
        if row.get("follows"):
            decider.follow()
        measured = _measured(decider, row)
        if math.isnan(float(row["decision_us"] or math.nan)):
            skipped += 1
            continue
        decision = decider.decide(measured, float(row["decided_s"] or 0.0))
        decisions += 1
        for kind, setpoints in (("wanted", decision.wanted), ("given", decision.given)):
            for at, value in flat(setpoints).items():
                then = row[f"{kind}.{at}"]
                if value != then:
                    differences.append(f"run {row['run']} cycle {row['cycle']}: {kind} {at} is {value!r}, was {then!r}")
    return Replayed(decisions, skipped, differences)


def _decider(folder: Path, bundle: Path, row: Mapping[str, Value], shield: SafeSetpoints | None) -> Decider:
    digest = str(row["map_hash"])
    path = folder / f"points-{digest[:12]}.yaml"
    site = read_live_map(path)
    if site.digest != digest:
        raise ValueError(f"{path} is not the map that the log was made with ({digest[:12]}); put the old one back")
    decider = Decider(bundle, site, float(row["cycle_s"] or 0.0), shield)
    if decider.policy_hash != row["policy_hash"]:
        raise ValueError(
            f"{folder} was made by the bundle {str(row['policy_hash'])[:12]}, {bundle} is {decider.policy_hash[:12]}; "
            "give the bundle of then"
        )
    return decider


def _measured(decider: Decider, row: Mapping[str, Value]) -> dict[str, np.ndarray]:
    return {
        name: np.array([row[f"measured.{name}[{k}]"] for k in range(rows)], np.float64)
        for name, rows in decider.measured.items()
    }
