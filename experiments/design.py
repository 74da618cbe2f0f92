"""``coldaisle design``: which hall to build: cost, PUE, water, kW that can be used and ride-through of many designs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from experiments.designing.page import Found, Held
    from experiments.designing.search import Archive
    from experiments.designing.years import Climate

LOG = logging.getLogger(__name__)
Tick = Callable[[int], None]
TOLD = 10  # lines of progress in a log
TORNADOS = ("cost_usd_kw_year", "pue")


def design(
    climate: str,
    designs: int,
    population: int,
    objectives: Sequence[str],
    costs: Mapping[str, float],
    fixed: Mapping[str, float] | None = None,
    check: int = 0,
    seed: int = 0,
    tick: Tick | None = None,
) -> Found:
    """Play designs, find the front, and say what moves its cheapest one.

    Parameters
    ----------
    climate : str
        Embedded climate, or path of a weather file.
    designs, population : int
        How many are played, and how many of them at a time.
    objectives : sequence of str
        Of `experiments.designing.figures.OBJECTIVES`.
    costs : mapping
        As of `experiments.designing.costs.read_costs`.
    fixed : mapping, optional
        Variables that do not move, as numbers.
    check : int
        Designs of the front that are also played on every day of the year.
    seed : int
        Of the search.
    tick : callable, optional
        Called with the number of designs that were played.

    Raises
    ------
    ValueError
        For an unknown objective, or numbers that make no search.
    """
    from experiments.designing.figures import require_objectives
    from experiments.designing.front import front, sensitivities, tornado
    from experiments.designing.page import Found
    from experiments.designing.search import searched
    from experiments.designing.years import climate_of

    if check < 0:
        raise ValueError(f"check = {check}; give 0 or more: designs of the front to play on all 365 days")
    names, held_fixed = require_objectives(objectives), dict(fixed or {})
    where = climate_of(climate)
    archive = searched(designs, population, names, where, costs, held_fixed, seed, tick)
    best = front(archive, names)
    shares = sensitivities(archive.points[:population], archive, names, seed)
    bars: dict[str, Any] = {}
    for name in TORNADOS if len(best) else ():
        bars[name] = tornado(archive, int(best[0]), name, where, costs, held_fixed)
    held = held_against_year(archive, best[:check].tolist(), where) if check and len(best) else None
    return Found(archive, best, bars, shares, held)


def held_against_year(archive: Archive, numbers: Sequence[int], climate: Climate) -> Held:
    """Errors of the typical days of some designs, which are played on every day of the year."""
    from experiments.designing.page import Held
    from experiments.designing.variables import rows
    from experiments.designing.years import whole_year, years

    at = np.asarray(numbers, np.intp)
    whole, days = years(rows(archive.designs, at), whole_year(climate)), archive.year
    pue, wue = ([getattr(y, k) / (y.it_kwh + y.pdu_kwh) for y in (whole, days)] for k in ("energy_kwh", "water_kg"))
    return Held(
        len(at),
        float(np.abs(days.energy_kwh[at] / whole.energy_kwh - 1.0).max()),
        float(np.abs(pue[1][at] - pue[0]).max()),
        float(np.abs(wue[1][at] - wue[0]).max()),
        float(np.abs(days.peak_kw[at] / whole.peak_kw - 1.0).max()),
    )


def replay(folder: Path, number: int) -> list[tuple[str, float, float]]:
    """Play one stored design alone: each figure, as stored and as played now.

    Raises
    ------
    FileNotFoundError, ValueError
        Where the folder has no designs, or none of that number.
    """
    import pandas as pd

    from experiments.designing.front import replayed
    from experiments.designing.page import FACTS, TABLE
    from experiments.designing.variables import VARIABLES
    from experiments.designing.years import climate_of

    for name in (FACTS, TABLE):
        if not (folder / name).is_file():
            mend = f"give the folder of an earlier search, which holds {FACTS} and {TABLE}"
            raise FileNotFoundError(f"replay = {folder}: no {name} there; {mend}")
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    table = pd.read_csv(folder / TABLE)
    if number not in table["design"].to_numpy():
        raise ValueError(f"point = {number}; {folder / TABLE} has designs 0 to {len(table) - 1}")
    row = table[table["design"] == number].iloc[0]
    values = {v.name: float(v.options.index(row[v.name])) if v.options else float(row[v.name]) for v in VARIABLES}
    found = replayed(values, climate_of(facts["climate"]), facts["costs"])
    return [(name, float(row[name]), float(column[0])) for name, column in found.figures._asdict().items()]


@verb_main("design")
def main(config: DictConfig) -> None:
    """Search as configured and write table, facts, scenarios and page; or play a stored design again."""
    from experiments.designing.costs import read_costs
    from experiments.designing.page import save, verdict
    from experiments.designing.search import generation
    from experiments.designing.variables import fixed_values
    from experiments.records.progress import steps_bar

    if config.replay:
        for name, stored, now in replay(Path(config.replay), config.point):
            LOG.info("%-20s stored %.6g, now %.6g", name, stored, now)
        return
    costs = read_costs(Path(config.costs) if config.costs else None)
    fixed = fixed_values(dict(OmegaConf.to_container(config.fixed) or {}))  # type: ignore[arg-type]
    population = generation(config.designs, config.population)
    total = -(-config.designs // population) * population
    done = 0
    with steps_bar("designs", total, shown=True) as step:

        def tick(n: int) -> None:
            nonlocal done
            before, done = done, done + n
            for _ in range(n):
                step()
            if TOLD * done // total > TOLD * before // total:
                LOG.info("%d of %d designs", done, total)

        asked = config.climate, config.designs, population, list(config.objectives), costs, fixed
        found = design(*asked, config.check, config.seed, tick)
    words = [word for word in HydraConfig.get().overrides.task if not word.startswith("folder=")]
    facts = {
        "command": " ".join(["coldaisle design", *words]),
        "climate": config.climate,
        "objectives": list(config.objectives),
        "fixed": dict(fixed),
        "costs": dict(costs),
        "seed": config.seed,
    }
    page = save(Path(config.folder), found, config.climate, list(config.objectives), facts)
    LOG.info(verdict(found) if len(found.best) else "No design can be built; the page says why.")
    LOG.info("designs written to %s", page)


def run() -> None:
    """``coldaisle design`` and ``python -m experiments.design``."""
    register(sys.argv, "design")
    main()


if __name__ == "__main__":
    run()
