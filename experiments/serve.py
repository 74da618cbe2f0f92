"""``coldaisle serve``: a bundle on a building, in shadow until somebody says otherwise. Needs no hydra and no torch."""

from __future__ import annotations

import sys

from agents.live.clock import Clock
from agents.live.connectors import Connector, connector_of
from agents.live.point_map import LiveMap
from agents.live.reading import ConnectorFault
from agents.live.serve import serve
from agents.live.settings import ServeSettings, settings_from

SETTINGS = ServeSettings


def connector(site: LiveMap, clock: Clock) -> Connector:
    """A connector to the building; a simulated one is made here, where the simulator may be imported."""
    if site.protocol != "simulated":
        return connector_of(site, clock)
    from agents.live.connectors.simulated import SimulatedConnector
    from envs.scenario import load
    from experiments.simulated_site.hall import PacedHall, SimulatedHall

    told = site.connection
    hall = SimulatedHall(load(str(told.get("scenario", "liquid_hall"))), int(told.get("seed", 0)))
    return SimulatedConnector(site, clock, PacedHall(hall, clock))


def run() -> None:
    """``coldaisle serve`` and ``python -m experiments.serve``."""
    settings = settings_from(ServeSettings, sys.argv[1:])
    try:
        serve(settings, make_connector=connector)
    except ConnectorFault as fault:
        raise ValueError(str(fault)) from None


if __name__ == "__main__":
    run()
