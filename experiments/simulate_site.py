"""``coldaisle simulate-site``: a simulated hall behind a protocol, with the point map that fits it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.live.clock import started_clock
from agents.live.point_map import read_live_map
from agents.live.reading import ConnectorFault
from agents.live.settings import settings_from
from envs.unknown_name import unknown_name
from envs.whole_file import write_whole

if TYPE_CHECKING:
    from experiments.simulated_site.hall import SimulatedHall

SHOWN_EVERY_S = 60.0  # of the hall: a value is published again though it stands still
PLANTS = ("ours", "energyplus")
PORTS = {"bacnet": 47808, "modbus": 5020, "mqtt": 1883, "opcua": 4840, "redfish": 8000}


@dataclass(frozen=True)
class SiteSettings:
    """Put a simulated hall behind a protocol and write its point map.

    Attributes
    ----------
    protocol : str
        `bacnet`, `modbus`, `opcua`, `redfish`, or `mqtt` (DSX Exchange; needs a running broker).
    scenario : str
        Name of a scenario, or a YAML file.
    points : str
        Where the point map goes; one that stands there is overwritten.
    host : str
        Address to listen on, or of the broker.
    port : int
        Its port; 0 takes the usual one of the protocol.
    speed : float
        Seconds of the hall in one of the wall.
    seed : int
        Of the simulated weather, work and noise.
    plant : str
        `ours`, or `energyplus`, which needs the extra `energyplus`.
    weather : str
        EPW file of `energyplus`, or its name in that wheel.
    month : int
        Month of `energyplus`.
    days : int
        Days until `energyplus` ends.
    steps : int
        Control steps until it ends; 0 runs until it is stopped.
    """

    protocol: str = "bacnet"
    scenario: str = "liquid_hall"
    points: str = "points.yaml"
    host: str = "127.0.0.1"
    port: int = 0
    speed: float = 60.0
    seed: int = 0
    plant: str = "ours"
    weather: str = "il_chicago"
    month: int = 7
    days: int = 7
    steps: int = 0

    def __post_init__(self) -> None:
        if self.plant not in PLANTS:
            raise ValueError(unknown_name("plant", self.plant, PLANTS))
        if self.protocol not in PORTS:
            raise ValueError(unknown_name("protocol", self.protocol, PORTS))
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"port = {self.port} is outside 0..65535; give 0 for the usual one of the protocol")


SETTINGS = SiteSettings


@contextmanager
def hall_of(settings: SiteSettings) -> Iterator[SimulatedHall]:
    """The hall that is asked for."""
    from envs.scenario import load
    from experiments.simulated_site.hall import SimulatedHall

    scenario = load(settings.scenario)
    if settings.plant == "ours":
        yield SimulatedHall(scenario, settings.seed)
        return
    from experiments.simulated_site.energyplus_hall import energyplus_hall

    with energyplus_hall(scenario, settings.weather, settings.month, settings.days, settings.seed) as hall:
        yield hall


def simulate(settings: SiteSettings, ended: threading.Event) -> None:
    """Serve a hall until ``ended`` is set, or its steps are made."""
    with hall_of(settings) as hall:
        serve_hall(settings, hall, ended)


def serve_hall(settings: SiteSettings, hall: SimulatedHall, ended: threading.Event) -> None:
    """Serve the hall at the pace of the clock."""
    from experiments.simulated_site.hall import PacedHall
    from experiments.simulated_site.point_maps import connection_to, point_map_text
    from experiments.simulated_site.site_server import server_of

    clock = started_clock(settings.points, settings.speed)
    host, port = settings.host, settings.port or PORTS[settings.protocol]
    connection = connection_to(settings.protocol, host, port)
    write_whole(Path(settings.points), point_map_text(hall, settings.protocol, connection))
    site = read_live_map(settings.points)
    server = server_of(site, hall, clock)
    server.start()
    paced = PacedHall(hall, clock)
    sys.stdout.write(
        f"{settings.scenario} behind {settings.protocol} at {host}:{port}, "
        f"{settings.speed:g} times as fast as the wall; point map: {settings.points}\n"
    )
    sys.stdout.flush()
    last = settings.steps or (0 if settings.plant == "ours" else hall.core.max_episode_steps)
    try:
        while not ended.is_set() and not (last and hall.steps >= last):
            clock.sleep(min(paced.next_s - clock.now(), SHOWN_EVERY_S), ended)
            paced.catch_up()
            server.publish()
    finally:
        server.stop()


def run() -> None:
    """``coldaisle simulate-site`` and ``python -m experiments.simulate_site``."""
    settings = settings_from(SiteSettings, sys.argv[1:])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        simulate(settings, ended)
    except ConnectorFault as fault:
        raise ValueError(str(fault)) from None


if __name__ == "__main__":
    run()
