"""Health, metrics, state and page of a loop over HTTP; what changes anything needs a token. Loopback by default."""

from __future__ import annotations

import hmac
import ipaddress
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from agents.live.loop import RELEASED, LiveLoop
from agents.live.metrics import Metrics
from agents.live.parts import Command

LATE_CYCLES = 1.5  # so many cycles without an end of one are unhealthy
CHANGES = ("release", "resume", "confirm")
STAYS = "; it stays released until somebody says /resume"


class LoopDoor:
    """What a loop tells, and what may be asked of it.

    Parameters
    ----------
    loop : LiveLoop
    host : str
        Where it will be served.
    token : str
        Empty: nothing can be changed.

    Raises
    ------
    ValueError
        For an address that others can reach, without a token.
    """

    def __init__(self, loop: LiveLoop, host: str, token: str) -> None:
        if not _is_loopback(host) and not token:
            raise ValueError(
                f"host = {host!r} can be reached by others and there is no token; set COLDAISLE_TOKEN, or keep "
                "host=127.0.0.1"
            )
        self.loop, self.token = loop, token
        self.metrics = Metrics(loop)
        self._lock = threading.Lock()

    def answer(self, path: str) -> tuple[int, str, str]:
        """Status, type and text of a GET."""
        if path == "/health":
            problem = self.problem()
            told = json.dumps({"healthy": not problem, "why": problem, "state": self.loop.state}) + "\n"
            return (503 if problem else 200), "application/json", told
        if path == "/metrics":
            with self._lock:
                return 200, "text/plain; version=0.0.4", self.metrics.text()
        if path == "/state":
            return 200, "application/json", json.dumps(self.state(), default=str) + "\n"
        return 404, "text/plain", "there are /health, /metrics and /state\n"

    def problem(self) -> str:
        """What is wrong, in words; empty where all is well."""
        loop = self.loop
        if loop.release_pending:
            return "points could not be handed back yet"
        if loop.state == RELEASED or loop.fault:
            words = loop.fault or "released, healthy again, waiting for recover_s"
            return words + (STAYS if loop.until_resumed else "")
        age = abs(loop.parts.clock.now() - loop.last_end)  # a clock that was set back tells no age
        if age > LATE_CYCLES * loop.cycle_s:
            return "no cycle has ended yet" if math.isinf(age) else f"the last cycle ended {age:.0f} s ago"
        return ""

    def state(self) -> dict[str, object]:
        """The last cycle and what waits for a person."""
        loop, proposal = self.loop, self.loop.proposal
        row = {k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in loop.last_row.items()}
        waiting = None
        if proposal is not None:
            changes = {str(key): value for key, value in proposal.changes.items()}
            waiting = {"cycle": proposal.cycle, "changes": changes, **proposal.note._asdict()}
        held = {str(key): value for key, value in loop.held.items()}
        return {
            "state": loop.state, "fault": loop.fault, "until_resumed": loop.until_resumed, "held": held,
            "taken": json.loads(loop.taken.text()), "proposal": waiting, "last": row,
        }  # fmt: skip

    def change(self, path: str, query: str, token: str, who: str) -> tuple[int, str]:
        """Status and text of a POST."""
        if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
            return 401, "a change needs the header Authorization: Bearer <token>\n"
        name = path.removeprefix("/")
        if name not in CHANGES:
            return 404, f"there are {', '.join('/' + c for c in CHANGES)}\n"
        if not who:
            return 400, "say who you are: the header X-Who: <name>\n"
        cycle = parse_qs(query).get("cycle", ["0"])[0]
        if not cycle.isdigit():
            return 400, f"cycle = {cycle[:20]!r} is no number; give that of the proposal in /state\n"
        if name == "confirm":
            over = self._over(int(cycle))
            if over:
                return 409, over
        self.loop.ask(Command(name, int(cycle), who[:80]))
        return 202, f"{name} is asked for; see /state\n"

    def _over(self, cycle: int) -> str:
        """Why a proposal can no longer be confirmed; empty where it can."""
        proposal = self.loop.proposal
        if proposal is None:
            return f"proposal {cycle} is over, and none waits now (state: {self.loop.state}); see /state\n"
        if proposal.cycle != cycle:
            return f"proposal {cycle} is over, the current one is {proposal.cycle}; see /state\n"
        return ""


class LoopServer:
    """Serves a loop without a page.

    ``GET /health`` (200 or 503), ``/metrics``, ``/state``; ``POST /release``, ``/resume``, ``/confirm?cycle=<n>`` with
    ``Authorization: Bearer <token>`` and ``X-Who: <name>``.

    Parameters
    ----------
    loop : LiveLoop
    host, port : str, int
        Port 0 takes a free one.
    token : str
        Empty: nothing can be changed over HTTP.

    Raises
    ------
    ValueError
        For an address that others can reach, without a token.
    """

    def __init__(self, loop: LiveLoop, host: str, port: int, token: str) -> None:
        self.server = ThreadingHTTPServer((host, port), _handler(LoopDoor(loop, host, token)))
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.server.serve_forever, name="loop server", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self.server.shutdown()
        self.server.server_close()


def _handler(owner: LoopDoor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*owner.answer(urlsplit(self.path).path))

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, told = owner.change(parts.path, parts.query, token, self.headers.get("X-Who", ""))
            self._send(status, "text/plain", told)

        def log_message(self, *_: object) -> None:
            """Nothing: the loop's own log tells of commands, and a request line may hold what is nobody's business."""

        def _send(self, status: int, kind: str, told: str) -> None:
            raw = told.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    return Handler


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Served(Protocol):
    """A server of a loop."""

    port: int

    def start(self) -> None:
        """Serve in a thread."""

    def stop(self) -> None:
        """End."""


def server_of(loop: LiveLoop, host: str, port: int, token: str) -> Served:
    """With the page where the extra ``page`` is installed, else without.

    Raises
    ------
    ValueError
        For an address that others can reach, without a token.
    """
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        loop.parts.events.say("warning", "serves no page", why="the extra [page] is not installed: fastapi, uvicorn")
        return LoopServer(loop, host, port, token)
    from agents.live.own_page import OwnPage
    from agents.page.server import PageServer

    page = OwnPage(loop, loop.empty_row(loop.parts.clock.now()).values)
    loop.watchers.append(page.show)
    return PageServer(page.feed, host, port, LoopDoor(loop, host, token))
