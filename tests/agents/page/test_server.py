from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from agents.page.feed import Feed
from agents.page.parts import DRAWINGS, part, scripts
from tests.agents.page.test_feed import facts, frame

pytest.importorskip("fastapi", reason="the page needs the extra [page]")
pytest.importorskip("uvicorn", reason="the page needs the extra [page]")

from agents.page.server import SERVED, PageServer, is_loopback, stream  # noqa: E402


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Feed, PageServer]]:
    feed = Feed(facts())
    server = PageServer(feed, port=0)
    server.start()
    yield feed, server
    server.stop()


def get(server: PageServer, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer."""
    asked = urllib.request.Request(server.address + path, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def test_the_page_and_all_that_it_loads_come_from_this_server(served: tuple[Feed, PageServer]) -> None:
    status, headers, page = get(served[1], "/")
    assert status == 200 and headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert {name.removeprefix("/static/") for name in loaded} == set(SERVED)
    assert all(get(served[1], path)[0] == 200 for path in loaded)
    assert "default-src 'self'" in headers["content-security-policy"]
    for text in (page, *(part(name) for name in SERVED)):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize(
    "path", ["/static/../server.py", "/static/server.py", "/static/report.js", "/docs", "/openapi.json"]
)
def test_nothing_else_is_served(path: str, served: tuple[Feed, PageServer]) -> None:
    assert get(served[1], path)[0] == 404


def test_another_host_than_this_machine_is_refused(served: tuple[Feed, PageServer]) -> None:
    assert get(served[1], "/", Host="evil.example")[0] == 400
    for host in ("0.0.0.0", "192.0.2.7", "hall.example"):
        assert not is_loopback(host)
        with pytest.raises(ValueError, match="ssh -L"):
            PageServer(Feed(facts()), host)


def test_nothing_can_be_changed_through_the_page(served: tuple[Feed, PageServer]) -> None:
    for path in ("/", "/facts", "/events", "/health"):
        asked = urllib.request.Request(served[1].address + path, data=b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(asked, timeout=10)


def test_health_waits_for_the_first_frame_and_the_stream_sends_it(served: tuple[Feed, PageServer]) -> None:
    feed, server = served
    assert get(server, "/health")[0] == (200 if feed.version else 503)
    feed.put(frame(1, 300.0, a=1.5))
    assert get(server, "/health")[0] == 200
    with urllib.request.urlopen(server.address + "/events", timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.readline() == b"id: %d\n" % feed.version
        told = json.loads(answer.readline().decode().removeprefix("data: "))
    assert told["frame"]["number"] == 1 and told["rows"]["series"]["a"][-1] == 1.5


def test_a_port_that_is_taken_is_told_with_its_mend(served: tuple[Feed, PageServer]) -> None:
    with pytest.raises(OSError, match=f"port = {served[1].port} of 127.0.0.1 cannot be opened .*give another, or 0"):
        PageServer(Feed(facts()), port=served[1].port)


def test_a_slow_reader_gets_the_newest_frame_and_every_row() -> None:
    feed = Feed(facts())

    async def read() -> list[str]:
        told, events = [], stream(feed)
        feed.put(frame(1, 300.0, a=1.0))
        told.append(await anext(events))
        for k in (2, 3, 4):
            feed.put(frame(k, 300.0 * k, a=float(k)))
        told.append(await anext(events))
        await events.aclose()
        return told

    first, second = (json.loads(text.split("data: ")[1]) for text in asyncio.run(read()))
    assert first["frame"]["number"] == 1 and second["frame"]["number"] == 4
    assert second["rows"]["series"]["a"] == [2.0, 3.0, 4.0]


def test_a_script_that_would_end_its_element_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "</script" not in scripts((*DRAWINGS, "report.js"))
    monkeypatch.setattr("agents.page.parts.part", lambda name: "x = '</SCRIPT>'")
    with pytest.raises(ValueError, match="would end the page's script"):
        scripts(("base.js",))
