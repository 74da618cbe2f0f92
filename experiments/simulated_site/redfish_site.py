"""A simulated hall as a Redfish service: sensors for points, controls for setpoints, with ETags and sessions."""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from agents.live.clock import Clock
from agents.live.connectors.redfish import CONNECTION, HELD, SESSIONS
from agents.live.events import secret_from
from agents.live.point_map import LiveMap
from experiments.simulated_site.hall import SimulatedHall


class RedfishSite:
    """Serves the resources of a point map.

    Parameters
    ----------
    site : LiveMap
    hall : SimulatedHall
    clock : Clock
    """

    def __init__(self, site: LiveMap, hall: SimulatedHall, clock: Clock) -> None:
        self.site, self.hall = site, hall
        self.told = {**CONNECTION, **site.connection}
        self.by_path = {p.address.split("#")[0]: p for p in site.places()}
        self.setpoints = {s.place.address.split("#")[0]: s for s in site.setpoints}
        self.versions: dict[str, int] = dict.fromkeys(self.by_path, 0)
        self.sessions: set[str] = set()
        self.lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen."""
        url = urlsplit(str(self.told["url"]))
        self._server = ThreadingHTTPServer((url.hostname or "127.0.0.1", url.port or 80), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="redfish site", daemon=True).start()

    def publish(self) -> None:
        """Nothing: a resource is made when it is asked for."""

    def stop(self) -> None:
        """Give up the port."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def resource(self, path: str) -> dict[str, Any]:
        """A resource as of now."""
        place = self.by_path[path]
        value = place.theirs(self.hall.values()[place.key])
        about = {"@odata.id": path, "Id": path.rsplit("/", 1)[1], "Status": {"State": "Enabled", "Health": "OK"}}
        if path not in self.setpoints:
            return {**about, "Reading": value}
        held = self.setpoints[path].channel in self.hall.commands
        return {**about, "SetPoint": value, "ControlMode": HELD if held else "Disabled"}

    def change(self, path: str, body: dict[str, Any]) -> int:
        """Status of a PATCH: a value is in force while the mode says so."""
        setpoint = self.setpoints[path]
        value, mode = body.get("SetPoint"), body.get("ControlMode")
        if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
            return 400
        if mode == HELD and value is not None:
            self.hall.command(setpoint.channel, setpoint.place.ours(float(value)))
        elif mode is not None:
            self.hall.relinquish(setpoint.channel)
        self.versions[path] += 1
        return 200

    def is_allowed(self, token: str) -> bool:
        """Whether a request may see anything."""
        return not self.told["user"] or token in self.sessions


def _handler(owner: RedfishSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self._may():
                return
            with owner.lock:
                found = owner.resource(self.path)
                self._send(200, found, ETag=f'"{owner.versions[self.path]}"')

        def do_PATCH(self) -> None:
            body = self._body()
            if not self._may():
                return
            with owner.lock:
                if self.path not in owner.setpoints:
                    self._send(405)
                elif self.headers.get("If-Match") != f'"{owner.versions[self.path]}"':
                    self._send(412)
                else:
                    self._send(owner.change(self.path, body))

        def do_POST(self) -> None:
            body = self._body()
            password = secret_from(str(owner.told["password_env"]), "password") if owner.told["user"] else ""
            if self.path != SESSIONS or (body.get("UserName"), body.get("Password")) != (owner.told["user"], password):
                self._send(401)
                return
            token = secrets.token_hex(16)
            owner.sessions.add(token)
            self._send(201, {}, **{"X-Auth-Token": token, "Location": f"{SESSIONS}/{token}"})

        def do_DELETE(self) -> None:
            owner.sessions.discard(self.path.rsplit("/", 1)[1])
            self._send(204)

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def _may(self) -> bool:
            if not owner.is_allowed(self.headers.get("X-Auth-Token", "")):
                self._send(401)
                return False
            if self.path not in owner.by_path:
                self._send(404)
                return False
            return True

        def _body(self) -> dict[str, Any]:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                content = json.loads(raw)
            except ValueError:
                content = {}
            return content if isinstance(content, dict) else {}

        def _send(self, status: int, content: dict[str, Any] | None = None, **headers: str) -> None:
            raw = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    return Handler
