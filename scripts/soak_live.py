"""A soak of the live loop: a hall behind a real BACnet server on loopback, cycle after cycle, and what memory does.

``python -m scripts.soak_live <bundle> [--minutes 60] [--scenario liquid_hall] [--folder <log>]`` prints one line for
each simulated day. Time moves by the loop's own sleeps, so that a busy machine makes no cycle late.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.live.clock import DAY_S, SteppedClock
from agents.live.connectors import connector_of
from agents.live.decider import Decider
from agents.live.decision_log import DecisionLog
from agents.live.events import Events
from agents.live.loop import LiveLoop
from agents.live.parts import Parts
from agents.live.point_map import read_live_map
from agents.live.settings import ServeSettings
from envs.scenario import load
from experiments.simulated_site.hall import PacedHall, SimulatedHall
from experiments.simulated_site.point_maps import connection_to, point_map_text
from experiments.simulated_site.site_server import server_of

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_mb() -> float:
    """Memory of this process [MB]."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * PAGE_BYTES / 1e6


def free_port() -> int:
    """A UDP port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soak(bundle: Path, scenario: str, minutes: float, place: Path) -> None:
    """Cycle for so many minutes of the wall, and print a line a simulated day."""
    hall, clock = SimulatedHall(load(scenario)), SteppedClock()
    path = place / "points.yaml"
    path.write_text(point_map_text(hall, "bacnet", connection_to("bacnet", "127.0.0.1", free_port())), encoding="utf-8")
    site = read_live_map(path)
    server = server_of(site, hall, clock)
    server.start()
    paced = PacedHall(hall, clock)
    clock.follow(lambda _: server.publish() if paced.catch_up() else None)
    folder = place / "log"
    settings = ServeSettings(str(bundle), str(path), "auto", str(folder), "soak,soak too")
    with (place / "events.jsonl").open("w", encoding="utf-8") as stream:
        parts = Parts(
            Decider(bundle, site), site, connector_of(site, clock), clock, DecisionLog(folder, "soak"),
            Events(clock, stream),
        )  # fmt: skip
        loop = LiveLoop(parts, settings)
        begun, started, day = time.monotonic(), clock.now(), 0
        while time.monotonic() - begun < 60.0 * minutes:
            loop.cycle(clock.now())
            clock.sleep(loop.cycle_s)
            if (clock.now() - started) // DAY_S > day:
                day += 1
                sys.stdout.write(
                    f"day {day}: {loop.number} cycles, {loop.faults} faults, {loop.interventions} interventions, "
                    f"{resident_mb():.1f} MB, {len(list(folder.glob('*.parquet')))} files, "
                    f"{time.process_time():.0f} s of processor time\n"
                )
                sys.stdout.flush()
        loop.end()
    server.stop()


def main() -> None:
    """Soak as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--scenario", default="liquid_hall")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        soak(given.bundle, given.scenario, given.minutes, given.folder)
        return
    with TemporaryDirectory() as place:
        soak(given.bundle, given.scenario, given.minutes, Path(place))


if __name__ == "__main__":
    main()
