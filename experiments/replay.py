"""``coldaisle replay``: every decision of a live loop's log, made again and compared to the bit."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from agents.live.replay import replayed
from agents.live.settings import settings_from


@dataclass(frozen=True)
class ReplaySettings:
    """Make every decision of a log again and compare it to the bit.

    Attributes
    ----------
    log : str
        The folder that `coldaisle serve` wrote to.
    bundle : str
        The bundle that decided then.
    """

    log: str
    bundle: str


SETTINGS = ReplaySettings
MOST_TOLD = 20


def run() -> None:
    """``coldaisle replay`` and ``python -m experiments.replay``; ends with an error where a decision differs."""
    settings = settings_from(ReplaySettings, sys.argv[1:])
    found = replayed(Path(settings.log), Path(settings.bundle))
    for line in found.differences[:MOST_TOLD]:
        sys.stdout.write(line + "\n")
    sys.stdout.write(
        f"{found.decisions} decisions made again, {len(found.differences)} values differ; {found.skipped} cycles had "
        "come to no decision\n"
    )
    if found.differences:
        raise ValueError("the log is not what this bundle decides; check versions and files")


if __name__ == "__main__":
    run()
