"""The page of a running loop: what it shows, who may change something on it, and that it never holds the loop up."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from building import Building

from agents.live.web import LoopServer, server_of

pytest.importorskip("fastapi", reason="the page needs the extra [page]")
pytest.importorskip("uvicorn", reason="the page needs the extra [page]")
Make = Callable[..., Building]
TOKEN = "a-token-that-nobody-reads"


@pytest.fixture
def served(building: Make) -> Iterator[Callable[..., tuple[Building, str]]]:
    made: list[Any] = []

    def of(mode: str) -> tuple[Building, str]:
        b = building("simulated", mode=mode, approved_by="anna,ben" if mode == "auto" else "")
        server = server_of(b.loop, "127.0.0.1", 0, TOKEN)
        server.start()
        made.append(server)
        return b, f"http://127.0.0.1:{server.port}"

    yield of
    for server in made:
        server.stop()


def asked(address: str, method: str = "GET", token: str = "", host: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}", "X-Who": "anna"} | ({"Host": host} if host else {})
    request = urllib.request.Request(address, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20.0) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_page_health_metrics_and_state_have_one_address_and_a_change_needs_the_token(served: Any) -> None:
    b, address = served("advise")
    b.cycle()
    assert "<title>coldaisle</title>" in asked(address + "/")[1]
    assert asked(address + "/static/word.js")[0] == 200
    assert asked(address + "/health")[0] == 200
    assert "coldaisle_zone_inlet_max_c" in asked(address + "/metrics")[1]
    assert '"proposal": {"cycle": 1' in asked(address + "/state")[1]
    assert '"control":["confirm","release","resume"]' in asked(address + "/facts")[1].replace(", ", ",").replace(
        ": ", ":"
    )
    for token in ("", "wrong"):
        assert asked(address + "/confirm?cycle=1", "POST", token)[0] == 401
    assert b.loop.commands.empty()
    assert asked(address + "/confirm?cycle=1", "POST", TOKEN)[0] == 202
    b.loop._obey()
    assert b.hall.commands
    assert asked(address + "/", host="evil.example")[0] == 400


def test_a_page_that_fails_is_no_fault_of_the_loop(served: Any) -> None:
    b, _ = served("auto")
    b.loop.watchers.append(lambda: 1 / 0)
    b.settled()
    row = b.cycle()
    assert not row["fault"] and b.loop.held
    assert {e["event"] for e in b.told("warning")} == {"cannot show"}


def test_without_the_extra_the_loop_is_served_without_a_page(building: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.live import web

    monkeypatch.setattr(web, "find_spec", lambda name: None)
    b = building("simulated")
    server = server_of(b.loop, "127.0.0.1", 0, "")
    assert isinstance(server, LoopServer)
    server.server.server_close()
    assert "serves no page" in b.events.getvalue()


def test_a_frame_shows_rule_reasons_and_proposal(served: Any) -> None:
    b, _ = served("advise")
    for _ in range(3):
        b.cycle()
    (watcher,) = b.loop.watchers
    version, text = watcher.__self__.feed.news(0)
    assert version == 3
    frame = json.loads(text)["frame"]
    assert all(one["rule"] is not None for one in frame["advice"])
    assert "than under the rule" in frame["rules"]["words"]
    assert frame["proposal"]["cycle"] == 3 and frame["proposal"]["changes"]
    b.loop.proposal = None
    watcher()
    begins = json.loads(watcher.__self__.feed.news(3)[1])
    assert begins["frame"]["proposal"] is None and not begins["begins"], "the day goes on"


def test_a_frame_draws_the_racks_as_measured_and_the_power_from_the_utility_to_the_outdoor_air(served: Any) -> None:
    b, _ = served("shadow")
    row = b.cycle()
    (watcher,) = b.loop.watchers
    view = json.loads(watcher.__self__.feed.news(0)[1])["frame"]["view"]
    measured = [row[f"measured.rack_inlet_c[{r}]"] for r in range(len(view["racks"]))]
    assert [rack["top_inlet_c"] for rack in view["racks"]] == pytest.approx(measured, abs=1e-3)
    out = sum(kw for source, _, kw, _ in view["links"] if source == "utility")
    assert out == pytest.approx(view["totals"]["facility_power_kw"], rel=0.05), "the twin's power is near the meter's"
    assert sum(rack["power_kw"] for rack in view["racks"]) == pytest.approx(view["totals"]["it_power_kw"], rel=0.05)
    assert {end for source, target, *_ in view["links"] for end in (source, target)} <= set(view["nodes"])
    assert view["by_twin"] and "outdoors" in view["nodes"]


@pytest.mark.slow
def test_a_person_confirms_and_stops_on_the_page(served: Any) -> None:
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    b, address = served("advise")
    b.cycle()

    def obeyed(done: Callable[[], bool]) -> None:
        end = time.monotonic() + 30.0
        while not done() and time.monotonic() < end:
            b.loop._obey()
            page.wait_for_timeout(50)
        assert done()

    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page, errors = browser.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.locator("#proposal li").first.wait_for()
        page.fill("#who", "anna")
        page.fill("#token", "wrong")
        page.click("#confirm")
        page.locator("#answer.bad").wait_for()
        assert "Nothing was changed" in page.inner_text("#answer") and not b.hall.commands
        page.fill("#token", TOKEN)
        page.click("#confirm")
        obeyed(lambda: bool(b.hall.commands))
        page.locator("#proposal").filter(has_text="Nothing waits").wait_for()
        page.click("#release")
        obeyed(lambda: not b.hall.commands)
        page.locator("#headline").filter(has_text="released by anna").wait_for()
        page.click("#resume")
        obeyed(lambda: not b.loop.until_resumed)
        browser.close()
    assert not errors and TOKEN not in b.events.getvalue()
