"""Processor time of one decision of a bundle: ``python -m scripts.bench_decision <bundle> [decisions]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from agents.runtime.exported_policy import ExportedPolicy


def decision_us(folder: Path | str, decisions: int = 5000) -> float:
    """Mean processor time of a decision on a reading in order [us], with the field's checks."""
    policy = ExportedPolicy(folder, watchful=True)
    reading = {p["name"]: [0.5 * (p["low"] + p["high"])] * p["rows"] for p in policy.read}
    for _ in range(10):
        policy.act(reading)
    start = time.process_time()
    for _ in range(decisions):
        policy.act(reading)
    return (time.process_time() - start) / decisions * 1e6


def main() -> None:
    """Print the figure."""
    given = sys.argv[1:]
    if not given:
        sys.exit(__doc__)
    sys.stdout.write(f"{decision_us(given[0], *(int(n) for n in given[1:2])):.0f} us a decision\n")


if __name__ == "__main__":
    main()
