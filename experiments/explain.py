"""``coldaisle explain``: which measurements moved each setpoint, and what the rule would have done."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from agents.live.log_explained import day_lines, decision_lines, explained_rows
from agents.live.settings import settings_from


@dataclass(frozen=True)
class ExplainSettings:
    """Say why a live loop decided as it did: one decision, or a day.

    Attributes
    ----------
    log : str
        The folder that `coldaisle serve` wrote to.
    cycle : int
        The decision of this cycle; 0 explains a day.
    run : str
        Of which run of the loop, where a log holds several; empty takes the last that has the cycle.
    day : str
        A day in UTC, as 2026-07-01; empty takes the last 24 hours of the log.
    most : int
        Measurements that are told for each setpoint.
    """

    log: str
    cycle: int = 0
    run: str = ""
    day: str = ""
    most: int = 5

    def __post_init__(self) -> None:
        for name, (low, high) in {"cycle": (0, 10**9), "most": (1, 8)}.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} = {value} is outside {low}..{high}; give a number in that range")


SETTINGS = ExplainSettings


def run() -> None:
    """``coldaisle explain`` and ``python -m experiments.explain``."""
    settings = settings_from(ExplainSettings, sys.argv[1:])
    rows = explained_rows(Path(settings.log))
    if settings.cycle:
        lines = decision_lines(rows, settings.cycle, settings.run, settings.most)
    else:
        lines = day_lines(rows, settings.day, settings.most)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    run()
