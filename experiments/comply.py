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
    """Report as configured and write page and facts."""
    from experiments.compliance.ashrae import class_hours, inlet_hours
    from experiments.compliance.page import answer_words, save

    folder = Path(config.folder)
    meters = asked_meters(config, folder)
    site, readings, found = comply(meters)
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    inlets_c = inlet_hours(site)
    hours = [] if inlets_c is None else class_hours(inlets_c)
    page = save(folder, site, readings, found, " ".join(["coldaisle comply", *words]), hours)
    LOG.info(answer_words(site, found))
    LOG.info("report written to %s", page)


def run() -> None:
    """``coldaisle comply`` and ``python -m experiments.comply``."""
    register(sys.argv, "comply")
    main()


if __name__ == "__main__":
    run()
