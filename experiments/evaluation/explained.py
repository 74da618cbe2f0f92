"""What a learnt policy does otherwise than the baseline, as a shallow tree for each setpoint, with its fidelity.

The trees are made from the episode that an evaluation keeps in detail. A setpoint is told by what stood before its
step: weather, price, load, the warmest inlet. How far the tree is to be believed stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.explain.tree import imitation
from agents.references import REFERENCES
from envs.interface.channels import CHANNELS
from experiments.evaluation.trace import Series

DEPTH = 2
SETPOINT, OUTSIDE = "setpoint/", "outside/"
SEEN = ("it_power_kw", "worst_inlet_c")
STILL = 1e-3  # of a channel's range: a mean difference that is less is none
LOW_FIDELITY = 0.5


def explained_policies(traces: Mapping[str, Series], names: Sequence[str], baseline: str) -> list[dict[str, Any]]:
    """A row for each setpoint of each learnt policy that is not as the baseline's; empty where nobody learnt.

    Parameters
    ----------
    traces : mapping of str to Series
        By policy.
    names : sequence of str
        In reading order.
    baseline : str
    """
    if baseline not in traces:
        return []
    learnt = [n for n in names if n != baseline and n in traces and n not in REFERENCES and not n.endswith(" shielded")]
    found = []
    for name in learnt:
        for key in (k for k in traces[name] if k.startswith(SETPOINT) and k in traces[baseline]):
            row = _row(name, key, traces[name], traces[baseline])
            found += [row] if row else []
    return found


def _row(name: str, key: str, ours: Series, theirs: Series) -> dict[str, Any] | None:
    c = CHANNELS[key.removeprefix(SETPOINT)]
    here, there = (np.asarray(s[key], np.float64).reshape(len(s[key]), -1).mean(axis=1) for s in (ours, theirs))
    more = here - there
    if np.abs(more).mean() < STILL * (c.high - c.low):
        return None
    words, seen = _seen(ours)
    unit = "" if c.unit == "1" else c.unit
    head = {
        "policy": name,
        "setpoint": c.name,
        "unit": unit,
        "mean": f"{here.mean():.3g}",
        "more": f"{more.mean():+.2g}",
    }
    try:
        tree = imitation(seen[:-1], more[1:], DEPTH)
    except ValueError as problem:
        return {**head, "fidelity": str(problem), "lines": []}
    told = "stood still" if math.isnan(tree.fidelity) else f"{tree.fidelity:.0%}"
    doubt = "" if tree.fidelity >= LOW_FIDELITY else ", do not believe it"
    return {**head, "fidelity": told + doubt, "lines": tree.lines(words, c.unit)}


def _seen(series: Series) -> tuple[list[str], NDArray[np.float64]]:
    """What a person would look at, by step ``(T, n)``: weather, price, load, the warmest inlet."""
    columns = {k.removeprefix(OUTSIDE): series[k] for k in series if k.startswith(OUTSIDE)}
    columns |= {k: series[k][:, 0] for k in SEEN if k in series}
    return list(columns), np.stack([np.asarray(v, np.float64) for v in columns.values()], axis=1)
