from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_log_frames import row

from agents.page.feed import Feed
from agents.page.log_frames import facts_of, log_frame
from envs.core import DataCenterCore
from envs.scenario import load
from experiments.evaluation.episodes import explicit_plan, scenario_of_episodes, split_of
from experiments.evaluation.policies import reference_policies
from experiments.evaluation.splits import plan_episodes
from experiments.watching.hall import WatchedHall

pytest.importorskip("fastapi", reason="the page needs the extra [page]")
pytest.importorskip("uvicorn", reason="the page needs the extra [page]")

from agents.page.server import PageServer  # noqa: E402

pytestmark = pytest.mark.slow
Open = Callable[..., Any]


def until_step(page: Any, number: int) -> None:
    """Wait until the page shows a step of the episode."""
    page.locator("#mode").filter(has_text=f"step {number} of").wait_for(timeout=60_000)


class Shown:
    """A hall of two zones behind a page; ``step`` shows the next control step."""

    def __init__(self) -> None:
        scenario = load("ai_hall", ("site.workload_weeks=1",))
        episode = plan_episodes(split_of(scenario, "none"), days=1)[0]
        site = scenario_of_episodes(scenario, [episode])
        core = DataCenterCore(site, 1)
        known = reference_policies(scenario)
        plan = explicit_plan(site, core.world, [episode])
        hall = WatchedHall(site, plan, core, known["legacy_fixed"], known["rules_tuned"], "legacy_fixed")
        self.feed = Feed(hall.facts())
        self._frames = hall.frames()
        self.server = PageServer(self.feed, port=0)
        self.server.start()
        for _ in range(30):
            self.step()

    def step(self) -> dict[str, Any]:
        frame = next(self._frames)
        self.feed.put(frame)
        return dict(frame)


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    made = Shown()
    yield made
    made.server.stop()


@pytest.fixture
def live(shown: Shown, open_page: Open) -> Callable[..., Any]:
    def opened(**options: Any) -> Any:
        page = open_page(shown.server.address, **options)
        page.wait_for_selector("#link.good")
        page.wait_for_selector("#day path.line")
        return page

    return opened


def test_each_rack_is_on_the_plan_with_its_own_inlet(shown: Shown, live: Any) -> None:
    page, frame = live(), shown.step()
    until_step(page, frame["number"])
    told = page.locator("#plan .rack text:first-of-type").all_text_contents()
    assert told == [f"{rack['top_inlet_c']:.1f}" for rack in frame["view"]["racks"]]


def test_a_new_step_arrives_without_a_reload(shown: Shown, live: Any) -> None:
    page = live()
    before = page.locator("#clock").inner_text()
    shown.step()
    page.locator("#clock").filter(has_not_text=before).wait_for()
    lengths = page.evaluate("[coldaisleDay.time.length, ...Object.values(coldaisleDay.series).map((s) => s.length)]")
    assert len(set(lengths)) == 1 and lengths[0] == shown.feed.version


def test_setpoints_stand_with_what_is_advised_what_the_rules_would_set_and_why(shown: Shown, live: Any) -> None:
    page, frame = live(), shown.step()
    until_step(page, frame["number"])
    rows = page.locator("#advice tbody tr:not(.why)").all_inner_texts()
    assert len(rows) == len(frame["advice"])
    fan = next(row for row in frame["advice"] if row["name"] == "crah_fan_speed_frac")
    assert f"{100 * fan['in_force']:.0f}" in rows[0] and fan["why"] in page.locator("#advice").inner_text()
    assert "above the rules" in fan["why"]
    assert "than under the rules since the episode began" in page.locator("#rules").inner_text()


def test_power_flows_from_the_utility_to_the_outdoor_air(shown: Shown, live: Any) -> None:
    page = live()
    links = shown.step()["view"]["links"]
    assert page.locator("#sankey path.flow").count() == len(links)
    assert {"Utility", "Racks", "Outdoor air"} <= set(page.locator("#sankey .node-name").all_text_contents())


def test_a_rack_tells_its_numbers_to_pointer_and_to_keys(live: Any) -> None:
    page = live()
    page.locator("#plan .rack").first.hover()
    assert "inlet at the top" in page.locator(".tip").inner_text()
    page.locator(".plan-stage").focus()
    page.keyboard.press("ArrowRight")
    assert "r1[1]" in page.locator("#plan .aloud").text_content()


def test_racks_are_coloured_by_power_where_that_is_chosen(live: Any) -> None:
    page = live()
    colours = "[...document.querySelectorAll('#plan .rack > rect:first-child')].map((r) => r.style.fill)"
    before = page.evaluate(colours)
    page.get_by_role("button", name="Power", exact=True).click()
    assert page.evaluate(colours) != before
    assert "power of its rating" in page.locator(".plan-key").inner_text()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1440, 900), (3840, 2160)])
def test_the_page_fits_phone_tablet_desk_and_wall(width: int, height: int, live: Any) -> None:
    page = live(width=width, height=height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.tile b')).fontSize)")
    assert size >= (38 if width > 2000 else 24)


@pytest.fixture
def server_of_a_log() -> Iterator[PageServer]:
    """The page of a loop whose log lacks the cycles from 4 to 9 of 12, and whose setpoint somebody else has taken."""
    rows = [row(cycle) for cycle in (*range(4), *range(10, 13))]
    taken = {"channel": "chw_supply_temp_setpoint_c", "row": 0, "value": 15.0, "since_s": 1.7e9, "how": "by hand"}
    rows[-1] |= {"state": "released", "let_go": "taken", "let_go_s": 1.7e9, "taken": json.dumps([taken])}
    feed = Feed(facts_of(rows[0], "a log"))
    for each in rows:
        feed.put(log_frame(each))
    server = PageServer(feed, port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def logged(server_of_a_log: PageServer, open_page: Open) -> Callable[..., Any]:
    def opened(**options: Any) -> Any:
        page = open_page(server_of_a_log.address, **options)
        page.wait_for_selector("#day path.line", state="attached")
        return page

    return opened


def test_the_time_axis_is_true_across_a_gap_of_the_log_and_the_gap_is_empty(logged: Any) -> None:
    page = logged()
    path = page.locator("#day path.line").first.get_attribute("d")
    pieces = [[float(at) for at in re.findall(r"[ML]([-\d.]+) ", "M" + piece)] for piece in path.split("M")[1:]]
    assert [len(piece) for piece in pieces] == [4, 3]
    step = pieces[0][1] - pieces[0][0]
    assert pieces[1][0] - pieces[0][0] == pytest.approx(10 * step, abs=0.5)
    assert pieces[1][2] - pieces[1][0] == pytest.approx(2 * step, abs=0.5)
    page.locator("#day svg").scroll_into_view_if_needed()
    box = page.locator("#day svg").bounding_box()
    page.mouse.move(box["x"] + pieces[1][0], box["y"] + 60)
    then = page.evaluate(f"coldaisle.clock({row(10)['time_s']}, true)")
    assert then in page.locator("#day .readout").first.text_content()
    page.mouse.move(box["x"] + 0.5 * (pieces[0][3] + pieces[1][0]), box["y"] + 60)
    assert "none" in page.locator("#day .readout").first.text_content()


@pytest.mark.parametrize("width", [320, 390, 600, 1440])
def test_titles_and_names_of_lines_are_whole_at_every_width(width: int, logged: Any) -> None:
    page = logged(width=width)
    words = "[...document.querySelectorAll('#day .panel-title, #day .panel-key')]"
    ends = page.evaluate(words + ".map((text) => text.getBBox()).map((box) => box.x + box.width)")
    assert max(ends) <= page.locator("#day svg").bounding_box()["width"]
    words = " ".join(page.locator("#day .panel-title").all_text_contents())
    assert "temperature of the chilled water that leaves the plant [degC]" in words
    assert page.locator("#day .panel-key").filter(has_text="advised").count() == 1


def test_the_banner_names_what_somebody_else_holds_and_since_when_the_loop_has_let_go(logged: Any) -> None:
    page = logged()
    told = page.locator("#why").inner_text()
    assert "Let go since" in told and page.evaluate("coldaisle.clock(1.7e9, true)") in told
    assert "Held by somebody else: chw supply temp setpoint at 15.0 degC (by hand)" in told


def test_a_hall_that_falls_silent_is_told_and_heard_again(browser: Any) -> None:
    shown = Shown()
    context = browser.new_context()
    page = context.new_page()
    page.goto(shown.server.address)
    page.wait_for_selector("#link.good")
    port = shown.server.port
    shown.server.stop()
    page.wait_for_selector("#link.bad", timeout=15_000)
    assert "stale" in page.locator("body").get_attribute("class")
    again = PageServer(shown.feed, port=port)
    again.start()
    try:
        page.wait_for_selector("#link.good", timeout=20_000)
    finally:
        again.stop()
        context.close()


def test_the_page_s_memory_is_flat_over_days(shown: Shown, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(shown.server.address)
    page.wait_for_selector("#day path.line")
    session = context.new_cdp_session(page)

    def after_a_day() -> float:
        for _ in range(288):
            shown.step()
        seen = shown.feed.version
        until_step(page, (seen - 1) % 288 + 1)
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"])

    used = [after_a_day() for _ in range(4)]
    assert page.evaluate("coldaisleDay.time.length") <= 288
    assert used[-1] < 1.15 * used[1]
    context.close()


def test_a_page_that_is_opened_over_a_loop_that_died_is_red_and_says_since_when(shown: Shown, open_page: Open) -> None:
    frame = shown.step()
    shown.feed.put({**frame, "written_s": time.time() - 7200.0})
    try:
        page = open_page(shown.server.address)
        page.locator(".verdict.bad").wait_for(timeout=20_000)
        assert "Nothing has been heard since" in page.locator("#headline").inner_text()
        assert "silent for 7" in page.locator("#link").inner_text()
    finally:
        shown.feed.put(frame)
