"""``coldaisle comply``: the figures that regulation and standards ask of a data centre's year, each with its meters."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.given_file import given_file
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from experiments.compliance.figures import Told
    from experiments.compliance.meters import Reading, Site

LOG = logging.getLogger(__name__)


def comply(meters: Path) -> tuple[Site, list[Reading], Told]:
    """Read a file of meters and what they counted, and work out the figures.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `experiments.compliance.meters.read_site`, `reading` and `experiments.compliance.figures.told`.
    """
    from experiments.compliance.figures import told
    from experiments.compliance.meters import read_site, reading

    site = read_site(meters)
    readings = [reading(meter, site) for meter in site.meters]
    return site, readings, told(site, readings)


def asked_meters(config: DictConfig, folder: Path) -> Path:
    """The file of meters that is named, or that of a simulated year.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where neither or both are asked for.
    """
    if bool(config.meters) == bool(config.scenario):
        found = "both" if config.meters else "neither"
        raise ValueError(f"found {found} of meters and scenario; give meters=<yaml> or scenario=<name>")
    if config.meters:
        return given_file("meters", config.meters, "a YAML file that names the meters (docs/comply.md shows one)")
    from experiments.compliance.simulated_year import write_year

    scenario: Any = OmegaConf.to_object(config.scenario)
    meters = write_year(scenario, folder)
    LOG.info("a year of %s was simulated; its meters: %s", scenario.name, meters)
    return meters


@verb_main("comply")
def main(config: DictConfig) -> None:
    """Report as configured and write page, facts and audit trail; or verify a trail."""
    from experiments.compliance.audit import TRAIL, verified

    folder = Path(config.folder)
    if config.verify:
        trail = given_file("verify", config.verify, f"the {TRAIL} that `coldaisle comply` wrote")
        mine, later = verified(trail, config.seal)
        which = f"the report in its lines {mine[0].number} to {mine[-1].number}"
        LOG.info("%s holds: %d links of %s come out again; seal %s", trail, len(mine), which, mine[-1].sha256)
        if config.seal:
            LOG.info("%d reports follow it; the seal holds nothing of them", later)
        if not config.seal:
            LOG.info("no seal= was given: who wrote trail, page and files anew together is not found")
        return
    if config.seal:
        raise ValueError("seal goes with verify=<audit.jsonl>; a report makes a seal of its own")
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    sources = [Path(config[key]) if config[key] else None for key in ("residency", "log", "trail")]
    report_year(asked_meters(config, folder), folder, " ".join(["coldaisle comply", *words]), *sources)


def report_year(
    meters: Path,
    folder: Path,
    command: str,
    residency: Path | None = None,
    log: Path | None = None,
    trail: Path | None = None,
) -> str:
    """Write page, facts and audit trail of a year, and return the trail's seal.

    Parameters
    ----------
    meters, folder : Path
    command : str
        As it was typed.
    residency : Path, optional
        Records of where jobs ran and moved.
    log : Path, optional
        Folder of the live loop.
    trail : Path, optional
        To append to, instead of the folder's own.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `comply`, `experiments.compliance.residency.residency`, `experiments.compliance.decisions.decisions` and
        `experiments.compliance.audit.recorded`.
    """
    from experiments.compliance.ashrae import class_hours, inlet_hours
    from experiments.compliance.audit import TRAIL, Report, recorded
    from experiments.compliance.decisions import WRITES, decisions, write_setpoints
    from experiments.compliance.page import FACTS, answer_words, save
    from experiments.compliance.residency import residency as stated
    from experiments.compliance.statements import decision_parts, residency_parts

    site, readings, found = comply(meters)
    where = None if residency is None else stated(residency, site.year, site.utc_offset_h)
    who = None if log is None else decisions(log, site.year, site.utc_offset_h)
    inlets_c = inlet_hours(site)
    hours = [] if inlets_c is None else class_hours(inlets_c)
    statements = [*([] if where is None else residency_parts(where)), *([] if who is None else decision_parts(who))]
    page = save(folder, site, readings, found, command, hours, statements)
    written = [page, folder / FACTS]
    if who is not None:
        write_setpoints(folder / WRITES, who.writes)
        written.append(folder / WRITES)
    report = Report(meters, site, readings, found, command, tuple(written), where, who)
    seal = recorded(trail or folder / TRAIL, report)
    LOG.info(answer_words(site, found))
    if where is not None and where.violations:
        LOG.warning("%d breaches of residency; the first: %s", len(where.violations), where.violations[0])
    LOG.info("report written to %s; seal of its audit trail, to be kept elsewhere: %s", page, seal)
    return seal


def run() -> None:
    """``coldaisle comply`` and ``python -m experiments.comply``."""
    register(sys.argv, "comply")
    main()


if __name__ == "__main__":
    run()
