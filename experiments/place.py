"""``coldaisle place``: which racks to come stand where, so that least power is stranded and no single loss trips."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from experiments.given_file import given_file
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from experiments.placing.answer import PlacingAnswer, PlacingAsked
    from experiments.placing.hall import PlacingHall

LOG = logging.getLogger(__name__)
RACKS = "a .csv, .parquet or .json file of racks to come (docs/place.md shows one)"
EXAMPLE = ("hall.yaml", "arrivals.csv")


def place(hall: Path, arrivals: Path, asked: PlacingAsked, folder: Path) -> tuple[PlacingHall, PlacingAnswer]:
    """Read a hall and racks to come, and plan.

    Parameters
    ----------
    hall, arrivals : Path
        As docs/place.md shows them.
    asked : PlacingAsked
    folder : Path
        Gets the load of a replay in the plant.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `experiments.placing.hall_file.read_hall`, `experiments.placing.arrivals.read_arrivals` and
        `experiments.placing.answer.placed_answer`.
    """
    from experiments.placing.answer import placed_answer
    from experiments.placing.arrivals import read_arrivals
    from experiments.placing.hall_file import read_hall

    read = read_hall(given_file("hall", hall, "a YAML file of a hall (docs/place.md shows one)"))
    given_file("arrivals", arrivals, RACKS)
    return read, placed_answer(read, read_arrivals(arrivals), asked, folder)


def example_files() -> tuple[Path, Path]:
    """The shipped example: hall and racks to come."""
    from importlib import resources

    folder = Path(str(resources.files("configs").joinpath("place")))
    return folder / EXAMPLE[0], folder / EXAMPLE[1]


@verb_main("place")
def main(config: DictConfig) -> None:
    """Plan as configured and write plan, tables, facts and page."""
    from experiments.placing.answer import PlacingAsked
    from experiments.placing.arrivals import read_arrivals
    from experiments.placing.page import save, verdict_of
    from experiments.placing.program import Effort
    from experiments.records.provenance import file_hashes

    if bool(config.hall) != bool(config.arrivals):
        given, lacks = ("hall", "arrivals=<csv>") if config.hall else ("arrivals", "hall=<yaml>")
        raise ValueError(f"{given} is given alone; add {lacks}, or leave both out for the shipped example")
    hall, arrivals = (Path(config.hall), Path(config.arrivals)) if config.hall else example_files()
    later = tuple(read_arrivals(given_file("later", config.later, RACKS))) if config.later else ()
    asked = PlacingAsked(
        later,
        config.later_racks,
        config.futures,
        config.overload_frac,
        Effort(config.nodes, config.seconds),
        config.seed,
    )
    folder = Path(config.folder)
    read, found = place(hall, arrivals, asked, folder)
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    hashes = file_hashes([hall, arrivals])
    facts: dict[str, object] = {
        "command": " ".join(["coldaisle place", *words]),
        "hall": read.name,
        "hall_hash": hashes[hall.name],
        "arrivals_hash": hashes[arrivals.name],
        "asked": {key: config[key] for key in ("later_racks", "futures", "overload_frac", "nodes", "seconds", "seed")},
    }
    page = save(folder, read, found, facts)
    LOG.info(verdict_of(read, found)[1])
    LOG.info("plan written to %s", page)


def run() -> None:
    """``coldaisle place`` and ``python -m experiments.place``."""
    register(sys.argv, "place")
    main()


if __name__ == "__main__":
    run()
