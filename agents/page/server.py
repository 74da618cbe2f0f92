"""Serves the page: static files and a stream of frames, on this machine alone.

Nothing can be changed through it, unless whoever shows it hands in a door: what changes anything then needs a token.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from agents.page.feed import Feed
from agents.page.parts import part

if TYPE_CHECKING:
    from fastapi import FastAPI

LOOK_S = 0.2  # between two looks for a new frame
BEAT_S = 10.0  # a line at least so often: a reader learns that the writer lives
KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
SERVED = ("base.js", "lines.js", "plan.js", "sankey.js", "theme.js", "word.js", "live.js", "page.css", "live.css")
HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1", "testserver")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Door(Protocol):
    """What stands behind a page that may change something."""

    def answer(self, path: str) -> tuple[int, str, str]:
        """Status, type and text of a GET: ``/health``, ``/metrics``, ``/state``."""

    def change(self, path: str, query: str, token: str, who: str) -> tuple[int, str]:
        """Status and text of a POST."""


def page_app(feed: Feed, door: Door | None = None, hosts: tuple[str, ...] = HOSTS) -> FastAPI:
    """The application: ``/``, ``/static/<name>``, ``/facts``, ``/events``, ``/health``, and what a door adds.

    Raises
    ------
    ModuleNotFoundError
        Where fastapi is not installed; it comes with the extra ``page``.
    """
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(title="coldaisle", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    @app.middleware("http")
    async def guarded(request: Any, call_next: Any) -> Any:
        answer = await call_next(request)
        answer.headers.update(HEADERS)
        return answer

    @app.get("/")
    def page() -> Response:
        return Response(part("live.html"), media_type=KINDS[".html"])

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in SERVED:
            return PlainTextResponse(f"there are {', '.join(SERVED)}\n", 404)
        return Response(part(name), media_type=KINDS[name[name.rindex(".") :]])

    @app.get("/facts")
    def facts() -> Response:
        return JSONResponse(feed.facts)

    if door is None:

        @app.get("/health")
        def health() -> Response:
            return JSONResponse({"frames": feed.version}, 200 if feed.version else 503)

    @app.get("/events")
    def events() -> Response:
        return StreamingResponse(stream(feed), media_type="text/event-stream")

    if door is not None:
        _add_door(app, door)
    return app


def _add_door(app: FastAPI, door: Door) -> None:
    """What a machine asks for, and what a person may change. A browser sends no such header by itself."""
    from fastapi import Request
    from fastapi.responses import Response

    async def told(request: Any) -> Response:
        status, kind, text = await asyncio.to_thread(door.answer, request.url.path)
        return Response(text, status, media_type=kind)

    async def changed(request: Any) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        who, query = request.headers.get("x-who", ""), urlencode(list(request.query_params.items()))
        status, text = door.change(request.url.path, query, token, who)
        return Response(text, status, media_type="text/plain")

    told.__annotations__["request"] = changed.__annotations__["request"] = Request
    for path in ("/health", "/metrics", "/state"):
        app.add_api_route(path, told, methods=["GET"])
    app.add_api_route("/{name}", changed, methods=["POST"])


async def stream(feed: Feed) -> AsyncIterator[str]:
    """Server-sent events, until the reader goes: the newest frame, and the rows of the day since the last one.

    A slow reader misses frames instead of filling memory; of the last day it misses nothing.
    """
    seen, quiet = 0, 0.0
    while True:
        version, text = feed.news(seen)
        if text:
            seen, quiet = version, 0.0
            yield f"id: {version}\ndata: {text}\n\n"
        elif quiet >= BEAT_S:
            quiet = 0.0
            yield ": alive\n\n"
        await asyncio.sleep(LOOK_S)
        quiet += LOOK_S


class PageServer:
    """Serves a feed from a thread.

    Parameters
    ----------
    feed : Feed
    host, port : str, int
        Port 0 takes a free one.
    door : Door, optional
        What may be changed through it.

    Raises
    ------
    ValueError
        For an address that others can reach: a page without a door has no password, and a door decides itself.
    OSError
        Where the port is taken.
    """

    def __init__(self, feed: Feed, host: str = "127.0.0.1", port: int = 8621, door: Door | None = None) -> None:
        import uvicorn

        if not is_loopback(host) and door is None:
            raise ValueError(
                f"host = {host!r} can be reached by others, and the page has no password; keep host=127.0.0.1 and look "
                f"through a tunnel: ssh -L {port}:127.0.0.1:{port} <this machine>"
            )
        try:
            self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise OSError(
                f"port = {port} of {host} cannot be opened ({error}); give another, or 0 for a free one"
            ) from None
        self.port = int(self._socket.getsockname()[1])
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        hosts = HOSTS if is_loopback(host) else ("*",)
        config = uvicorn.Config(
            page_app(feed, door, hosts), log_level="warning", access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="page", daemon=True)

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """End, within a few seconds."""
        self._server.should_exit = True
        self._thread.join(timeout=5.0)
        self._socket.close()


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
