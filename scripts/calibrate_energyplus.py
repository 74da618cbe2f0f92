"""Fit our halls to telemetry of EnergyPlus's, and judge them on held-out months (docs/validation).

``python -m scripts.calibrate_energyplus --keep runs/energyplus_telemetry``

A script and no mode of ``coldaisle calibrate``: it makes its own telemetry and hides nothing a hall's owner would type.
``--studies`` and ``--climates`` take fewer; ``--keep`` holds the telemetry files, so that only the fits run again.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from envs.energyplus.engine import ENGINE_VERSION, engine_version
from experiments.calibration import energyplus_page
from experiments.calibration.energyplus_study import STUDIES, run
from experiments.records.provenance import git_state, package_versions, plant_hash
from scripts.calibration_coverage import print_iteration


def main() -> None:
    """Run the studies; each takes its place among those stored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", nargs="+", choices=list(STUDIES), default=list(STUDIES))
    parser.add_argument("--climates", nargs="+", default=["il_chicago"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("runs/energyplus_telemetry"))
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    given = parser.parse_args()
    asked = shlex.join(["python", "-m", "scripts.calibrate_energyplus", *sys.argv[1:]])
    for climate in given.climates:
        for name in given.studies:
            sys.stdout.write(f"{name} in {climate}\n")
            done = run(name, climate, given.keep, given.seed, print_iteration)
            facts = {**provenance(), "command": asked, **done.facts}
            study = energyplus_page.study_of(done._replace(facts=facts))
            energyplus_page.store(given.out, study)
            for v in energyplus_page.verdicts(study.months):
                sys.stdout.write(f"  {'met' if v.passed else 'MISSED'}: {v.quantity} {v.worst:.3g} (month {v.month})\n")


def provenance() -> dict[str, Any]:
    """Versions, commit and hash of the plant's code."""
    return {
        "energyplus": ENGINE_VERSION,
        "wheel": engine_version(),
        "plant_hash": plant_hash(),
        "versions": package_versions(("numpy", "scipy")),
        **git_state(),
    }


if __name__ == "__main__":
    main()
