"""The command of ``act.py``: measurements as JSON on the standard input, setpoints as JSON on the standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.runtime.exported_policy import ExportedPolicy

NOW = "time"  # among the measurements: when they were read, as a whole


class Policy(ExportedPolicy):
    """A bundle's policy for the field: it also refuses what only a swap, another unit or a jump explains."""

    def __init__(self, folder: Path | str, step_s: float | None = None, *, stale_s: float | None = None) -> None:
        super().__init__(folder, step_s, watchful=True, stale_s=stale_s)


def read_json(text: str, where: str) -> dict[str, Any]:
    """A JSON object.

    Raises
    ------
    ValueError
        Where it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON ({error}); give an object of point: [a number for each row]") from None
    if not isinstance(found, dict):
        raise ValueError(f"{where} is no JSON object; give point: [a number for each row], as --example prints")
    return found


def decided(policy: Policy, measurements: dict[str, Any]) -> dict[str, list[float]]:
    """Setpoints of a reading; its ``time`` is that of every point that has none of its own."""
    at = measurements.pop(NOW, None)
    if at is not None:
        measurements = {
            name: value if isinstance(value, dict) else {"value": value, "time": at}
            for name, value in measurements.items()
        }
    return {name: value.tolist() for name, value in policy.act(measurements).items()}


def middle_reading(policy: ExportedPolicy) -> dict[str, list[float]]:
    """A made-up reading: every point in the middle of its usual range."""
    return {p["name"]: [0.5 * (p["low"] + p["high"])] * p["rows"] for p in policy.read}


def main(arguments: Sequence[str] | None = None) -> int:
    """Decide once; 0 where it went well, 1 with one line on the standard error where not."""
    parser = argparse.ArgumentParser(description="Measurements (JSON, standard input) to setpoints (JSON).")
    parser.add_argument("--bundle", default=str(Path(__file__).parent), help="the bundle; left out: where act.py is")
    parser.add_argument("--memory", help="a JSON file that carries the rule, rates and timers from call to call")
    parser.add_argument("--step-s", type=float, help="seconds between two calls; left out: those of the training")
    parser.add_argument("--stale-s", type=float, help="age at which a reading is refused; left out: two steps")
    parser.add_argument("--example", action="store_true", help="print a made-up reading, and decide nothing")
    given = parser.parse_args(arguments)
    try:
        policy = Policy(given.bundle, given.step_s, stale_s=given.stale_s)
        if given.example:
            told: object = middle_reading(policy)
        else:
            kept = Path(given.memory) if given.memory else None
            if kept is not None and kept.exists():
                policy.recall(read_json(kept.read_text(encoding="utf-8"), str(kept)))
            told = decided(policy, read_json(sys.stdin.read(), "the standard input"))
            if kept is not None:
                draft = kept.with_name(kept.name + ".part")
                draft.write_text(json.dumps(policy.memory()), encoding="utf-8")
                draft.replace(kept)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0
