"""What a shield did in an evaluation: in which share of the steps it acted, for which limits, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluation.score import COST, Table

SHIELDED = " shielded"  # behind the name of a policy: its row behind the shield
PREFIX = "shield_"


def acted_shares(sums: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Share of an evaluation's steps in which the shield acted: ``steps``, and by limit. Empty without a shield."""
    steps = float(sums["l"].sum())
    return {name.removeprefix(PREFIX): float(v.sum()) / steps for name, v in sums.items() if name.startswith(PREFIX)}


def shield_facts(
    free: Mapping[str, Table], shielded: Mapping[str, Table], acted: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """Of every policy: shares of the steps, and cost and facility energy more than without the shield."""
    found: dict[str, dict[str, Any]] = {}
    for name, table in shielded.items():
        days = table["days"]
        more = {key: table[key] - free[name][key] for key in (COST.column, "facility_kwh", "work_done_h")}
        found[name] = {
            "acted": dict(acted[name]),
            "cost_usd_day": float(np.average(more[COST.column], weights=days)),
            "facility_kwh_day": float(more["facility_kwh"].sum() / days.sum()),
            "work_done_h_day": float(more["work_done_h"].sum() / days.sum()),
        }
    return found


def shield_words(facts: Mapping[str, Any]) -> str:
    """A line for every policy that was played behind the shield; nothing where none was."""
    lines = []
    for name, row in facts.get("shield", {}).items():
        limits = {key: share for key, share in row["acted"].items() if key != "steps" and share > 0.0}
        why = f" ({', '.join(f'{key} {share:.2%}' for key, share in limits.items())})" if limits else ""
        lines.append(
            f"shield: it acted on {name} in {row['acted'].get('steps', 0.0):.2%} of the steps{why}; "
            f"it cost {row['cost_usd_day']:+.2f} USD/day, {row['facility_kwh_day']:+.1f} kWh/day, "
            f"{row['work_done_h_day']:+.2f} accelerator-h/day\n"
        )
    return "".join(lines)
