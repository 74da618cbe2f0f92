"""What an earlier run learnt: its log's last cycles, predicted and scored again, so that a restart forgets nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from agents.live.decider import Decider
from agents.live.decision_log import Value, logged_table, segments
from agents.live.predictions import MOST_SCORES, Predictor


def learnt_from(predictor: Predictor, folder: Path, decider: Decider, cycle_s: float) -> int:
    """Teach a predictor the last cycles of a log, up to `MOST_SCORES`; how many it learnt from.

    Only cycles of this bundle, this point map and this pace count, and only neighbours: a gap teaches nothing.
    """
    if not segments(folder):
        return 0
    points = decider.points()
    names = [f"measured.{name}[{row}]" for name, (rows, *_) in points.items() for row in range(rows)]
    given = [f"given.{key}" for key in decider.decided()]
    wanted = ("kind", "run", "cycle", "time_s", "state", "policy_hash", "map_hash", "cycle_s", *names, *given)
    table = logged_table(folder, wanted)
    known = set(table.column_names)
    if not known.issuperset(wanted):
        return 0
    learnt, before = 0, (math.nan, "")
    for row in table.slice(max(0, table.num_rows - MOST_SCORES)).to_pylist():
        told = row["kind"], row["policy_hash"], row["map_hash"], row["cycle_s"]
        mine = told == ("cycle", decider.policy_hash, decider.map_hash, cycle_s)
        measured = _rows(points, row, "measured.")
        if not mine or not all(np.isfinite(value).all() for value in measured.values()):
            predictor.forget()
            continue
        if row["run"] != before[1] or not abs(row["time_s"] - before[0] - cycle_s) < 0.5 * cycle_s:
            predictor.forget()
        learnt += bool(predictor.score(measured))
        held = {c.name: (c.rows,) for c in decider.channels} if row["state"] == "in control" else {}
        setpoints = _rows(held, row, "given.")
        predictor.predict(measured, {n: v for n, v in setpoints.items() if np.isfinite(v).all()})
        before = row["time_s"], row["run"]
    predictor.forget()
    return learnt


def _rows(names: Mapping[str, tuple[object, ...]], row: Mapping[str, Value], kind: str) -> dict[str, np.ndarray]:
    found = {}
    for name, (rows, *_) in names.items():
        assert isinstance(rows, int)
        found[name] = np.array([row[f"{kind}{name}[{k}]"] for k in range(rows)], np.float64)
    return found
