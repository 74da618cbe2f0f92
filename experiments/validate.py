"""``coldaisle validate``: our plant against EnergyPlus over a year in several climates; tables and a page."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.registration import register
from experiments.verb_main import verb_main

LOG = logging.getLogger(__name__)


def validate(
    folder: Path,
    studies: Sequence[str] = (),
    climates: Sequence[str] = (),
    drawn: bool = True,
    command: str = "",
    keep: Path | None = None,
) -> list[Any]:
    """Run studies, write their tables and the page into ``folder``.

    Parameters
    ----------
    folder : Path
    studies : sequence of str
        Keys of ``campaign.STUDIES``; all where empty.
    climates : sequence of str
        Weather files of the wheel, such as ``fl_miami``; five of them where empty.
    drawn : bool
        Whether the page has figures.
    command : str
        What to type to get this again, for the page.
    keep : Path, optional
        Folder in which EnergyPlus's runs are kept, so that a change of our plant costs only our side again.

    Returns
    -------
    list of PlantVerdict
        One per bar.

    Raises
    ------
    ValueError
        Where a study or climate is unknown, or EnergyPlus is not installed.
    """
    from envs.energyplus import engine
    from experiments.validation import bars, page
    from experiments.validation.campaign import ABLATION_CLIMATES, CLIMATES, STUDIES, run_study

    unknown = [s for s in studies if s not in STUDIES]
    if unknown:
        raise ValueError(f"studies {unknown} are unknown; choose from {', '.join(STUDIES)}")
    files, chosen = engine.weather_files(), list(climates or CLIMATES)
    strange = [c for c in chosen if c not in files]
    if strange:
        raise ValueError(f"climates {strange} are unknown; the wheel carries {', '.join(files)}")
    facts = _facts(chosen, files, engine.engine_version(), command)
    sections, verdicts = [], []
    for key in studies or STUDIES:
        study = STUDIES[key]
        places = [c for c in chosen if not study.ablation or c in ABLATION_CLIMATES]
        if not places:
            LOG.warning("%s runs in %s only: left out", key, ", ".join(ABLATION_CLIMATES))
            continue
        outcome = run_study(study, places, keep=keep, told=LOG.info)
        sections.append(page.section(outcome, drawn))
        if not study.ablation:
            verdicts += bars.component_verdicts(outcome.components)
            verdicts += bars.plant_verdicts(sections[-1].rows, outcome.pairs)
        page.write(folder, sections, verdicts, facts)  # after each study: what is done can be read
    LOG.info("page and tables written to %s", folder)
    return verdicts


def _facts(climates: list[str], files: dict[str, Path], wheel: str, command: str) -> dict[str, Any]:
    """Where the numbers come from: versions, commit, hashes of the plant's code and of the weather files."""
    from envs.energyplus.engine import ENGINE_VERSION
    from experiments.records.provenance import file_hashes, git_state, package_versions, plant_hash

    return {
        "command": command or "coldaisle validate",
        "energyplus": ENGINE_VERSION,
        "wheel": wheel,
        "period": "TMY3 year, 5-minute steps, load and setpoints constant within the hour",
        "climates": climates,
        "plant_hash": plant_hash(),
        "weather_hashes": file_hashes(files[c] for c in climates),
        "versions": package_versions(("numpy", "scipy")),
        **git_state(),
    }


@verb_main("validate")
def main(config: DictConfig) -> None:
    """Validate as configured; a missed bar is a warning, not a failure: it stays on the page."""
    asked = [word for word in sys.argv[1:] if not word.startswith(("folder=", "keep="))]
    command = " ".join(["coldaisle validate", *asked])
    keep = Path(config.keep) if config.keep else None
    found = validate(Path(config.folder), list(config.studies), list(config.climates), config.figures, command, keep)
    for verdict in found:
        level = logging.WARNING if verdict.words == "missed" else logging.INFO
        words = f"{verdict.plant}, {verdict.case}: {verdict.bar} {verdict.worst} ({verdict.limit}; {verdict.where})"
        LOG.log(level, "%s: %s", verdict.words, words)


def run() -> None:
    """``coldaisle validate`` and ``python -m experiments.validate``."""
    register(sys.argv, "validate")
    main()


if __name__ == "__main__":
    run()
