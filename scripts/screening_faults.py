"""Which single mistakes of a telemetry file are found and named, and how often a clean file raises an alarm.

``python -m scripts.screening_faults`` writes ``docs/validation/screening.md``: some ten minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from envs.scenario import load
from envs.whole_file import write_whole
from experiments.calibration.single_faults import SINGLE_FAULTS, SingleFault, found, recorded_halls

PAGE = Path("docs/validation/screening.md")
RECORD, START, DAYS, SEED = "edge_room", 150, 3, 1
#: Clean records: scenario, halls, days of each.
CLEAN = (
    ("edge_room", 12, 3),
    ("legacy_air", 4, 2),
    ("liquid_hall", 4, 2),
    ("ai_hall", 8, 2),
)
INTRO = """# Single mistakes in a telemetry file: found and named, before and after

Made by `python -m scripts.screening_faults`. The recipes are
`experiments/calibration/single_faults.py`.

**Each mistake is put alone into the clean record of a hall whose parameters the scenario does not
know.** The record is {record}: {days} days from day {start} of the year, with noise, constant sensor
errors and 5 % gaps. "Before" is what strangers saw of commit 998cf49, with records of their own: 24
mistakes of one trial, and spikes, registers and hertz of another.

| mistake | before | found now | named as |
|---|---|---|---|
"""


def fault_row(fault: SingleFault, said: str) -> str:
    """One row of the table."""
    return f"| {fault.name} | {fault.before} | {'yes' if said else 'NO'} | {said} |"


def fault_rows() -> list[str]:
    """A row per single fault."""
    scenario = load(RECORD, ["site.workload_weeks=1"])
    (clean,) = recorded_halls(scenario, [START], DAYS, SEED)
    rows = []
    for fault in SINGLE_FAULTS:
        named = fault.named(found(fault.make(clean, np.random.default_rng(0)), scenario))
        said = f"{named[0].kind}: `{named[0].point}` {named[0].what}; {named[0].mend}" if named else ""
        rows.append(fault_row(fault, said))
        print(rows[-1], flush=True)
    return rows


def clean_rows() -> list[str]:
    """A row per scenario: halls, and those of which screening said anything."""
    rows = []
    for name, halls, days in CLEAN:
        scenario = load(name, ["site.workload_weeks=1"])
        starts = np.linspace(0, 350, halls).astype(int).tolist()
        said = [found(t, scenario) for t in recorded_halls(scenario, starts, days, SEED)]
        alarms = [f"{f.kind} `{f.point}`" for findings in said for f in findings]
        rows.append(f"| {name} | {halls} of {days} days | {sum(map(bool, said))} | {', '.join(alarms)} |")
        print(rows[-1], flush=True)
    return rows


def page() -> str:
    """Return the whole page."""
    faults = "\n".join(fault_rows())
    clean = "\n".join(clean_rows())
    return (
        INTRO.format(record=RECORD, days=DAYS, start=START)
        + f"{faults}\n\n## Clean files\n\n**Hidden halls in all seasons, no mistake put in.** Gaps are not counted.\n\n"
        + f"| scenario | records | with a finding | which |\n|---|---|---|---|\n{clean}\n"
    )


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    write_whole(PAGE, page())


if __name__ == "__main__":
    main()
