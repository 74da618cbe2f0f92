"""A simulated hall behind a real server of a protocol, and a live loop that reaches it over a wire with faults."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from faulty_proxy import TcpWire, UdpWire, free_port

from agents.live.clock import SteppedClock
from agents.live.connectors import connector_of
from agents.live.connectors.simulated import SimulatedConnector
from agents.live.decider import Decider
from agents.live.decision_log import DecisionLog
from agents.live.events import Events
from agents.live.loop import LiveLoop, Parts
from agents.live.point_map import LiveMap, read_live_map
from agents.live.reading import Key
from agents.live.settings import ServeSettings
from envs.scenario import Scenario, load
from experiments.simulated_site.hall import PacedHall, SimulatedHall
from experiments.simulated_site.point_maps import connection_to, point_map_text
from experiments.simulated_site.site_server import SiteServer, server_of

QUICK: dict[str, dict[str, Any]] = {
    "simulated": {},
    "bacnet": {"timeout_s": 1.0, "retries": 1},
    "modbus": {"timeout_s": 1.0, "retries": 1},
    "opcua": {"timeout_s": 3.0},
    "redfish": {"timeout_s": 1.0},
    "mqtt": {"timeout_s": 3.0, "first_s": 3.0, "heartbeat_s": 0.1, "silence_s": 2.0, "republish_s": 0.5},
}


def scenario_of_tests() -> Scenario:
    """A hall with air and liquid, with a short list of work."""
    return load("liquid_hall", ("site.workload_weeks=1",))


class WatchedHall(SimulatedHall):
    """Notes every command."""

    def __init__(self, scenario: Scenario, seed: int = 0) -> None:
        self.noted: list[tuple[Key, float]] = []
        super().__init__(scenario, seed)

    def command(self, key: Key, value: float) -> None:
        self.noted.append((key, value))
        super().command(key, value)


class Building:
    """Hall, server, wire, connector and loop; time moves by the loop's sleeps."""

    def __init__(self, protocol: str, bundle: Path, place: Path, broker: int = 0, **told: Any) -> None:
        self.protocol, self.place = protocol, place
        self.hall = WatchedHall(scenario_of_tests())
        self.clock = SteppedClock()
        upstream = broker or free_port()
        connection = {**connection_to(protocol, "127.0.0.1", upstream), **QUICK[protocol]} if QUICK[protocol] else {}
        self.map_of_site = self._map(connection, "site.yaml")
        self.wire: TcpWire | UdpWire | None = None
        self.server: SiteServer | None = None
        if protocol != "simulated":
            self.server = server_of(self.map_of_site, self.hall, self.clock)
            self.server.start()
            self.wire = UdpWire(upstream) if protocol == "bacnet" else TcpWire(upstream)
            connection |= connection_to(protocol, "127.0.0.1", self.wire.port)
        self.site = self._map(connection, "points.yaml")
        self.paced = PacedHall(self.hall, self.clock)
        self.clock.follow(self._follow)
        self.events = io.StringIO()
        self.settings = replace(
            ServeSettings(str(bundle), str(self.site.path), "auto", str(place / "log"), "anna,ben", recover_s=600.0),
            **told,
        )
        self.loop = self.made_loop(bundle)

    def made_loop(self, bundle: Path, shield: Any = None) -> LiveLoop:
        """A loop on this building."""
        connector = (
            SimulatedConnector(self.site, self.clock, self.paced)
            if self.protocol == "simulated"
            else connector_of(self.site, self.clock)
        )
        log = DecisionLog(Path(self.settings.folder), f"run{int(self.clock.now())}")
        shutil.copyfile(self.site.path, Path(self.settings.folder) / f"points-{self.site.digest[:12]}.yaml")
        parts = Parts(
            Decider(bundle, self.site, self.settings.cycle_s or None, shield),
            self.site, connector, self.clock, log, Events(self.clock, self.events),
        )  # fmt: skip
        return LiveLoop(parts, self.settings)

    def cycle(self) -> dict[str, Any]:
        """One cycle and the time to the next; the row."""
        row = self.loop.cycle(self.clock.now())
        if self.loop.release_pending:
            self.loop._release("again")
        self.clock.sleep(self.loop.cycle_s)
        return row

    def settled(self) -> None:
        """Cycle until the loop holds points; a broker's first values may take a cycle."""
        for _ in range(8):
            self.cycle()
            if self.loop.held:
                return
        raise AssertionError(self.events.getvalue()[-2000:])

    def told(self, level: str) -> list[dict[str, Any]]:
        """Events of a level."""
        found = [json.loads(line) for line in self.events.getvalue().splitlines()]
        return [event for event in found if event["level"] == level]

    def is_handed_back(self, within_s: float = 10.0) -> bool:
        """Whether nothing is commanded, at once or a moment later."""
        until = time.monotonic() + within_s
        while self.hall.commands and time.monotonic() < until:
            time.sleep(0.02)
        return not self.hall.commands

    def wait_for_silence(self) -> None:
        """Until a DSX connector has heard nothing of its building for as long as it may."""
        connector, end = self.loop.parts.connector, time.monotonic() + 60.0
        while connector._is_heard():
            assert time.monotonic() < end, "the building is still heard"
            time.sleep(0.05)

    def settle_wire(self) -> None:
        """Until the building has taken every message that was on its way: ours come in order."""
        seen, end = -1, time.monotonic() + 30.0
        while seen != len(self.hall.noted) and time.monotonic() < end:
            seen = len(self.hall.noted)
            time.sleep(0.3)

    def outside(self) -> list[str]:
        """Commands outside the limits of the point map."""
        limits = {s.channel: s for s in self.site.setpoints}
        return [
            f"{key} = {value}"
            for key, value in self.hall.noted
            if not limits[key].low - 1e-4 <= value <= limits[key].high + 1e-4
        ]

    def close(self) -> None:
        """Give up every port."""
        self.loop.parts.connector.close()
        self.loop.parts.log.close()
        if self.wire is not None:
            self.wire.close()
        if self.server is not None:
            self.server.stop()

    def _map(self, connection: dict[str, Any], name: str) -> LiveMap:
        path = self.place / name
        path.write_text(point_map_text(self.hall, self.protocol, connection), encoding="utf-8")
        return read_live_map(path)

    def _follow(self, now: float) -> None:
        if self.paced.catch_up() and self.server is not None:
            self.server.publish()
            if self.protocol == "mqtt":
                time.sleep(0.05)  # a broker passes messages on in its own time


@contextmanager
def running_mosquitto(place: Path) -> Iterator[int]:
    """A mosquitto of its own; its port."""
    port = free_port()
    config = place / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                import socket

                socket.create_connection(("127.0.0.1", port), 0.1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10.0)
