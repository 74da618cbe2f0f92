from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.evaluation.results import save
from experiments.report import write_report
from experiments.run_index import write_index
from tests.experiments.test_report import evaluation

pytestmark = pytest.mark.slow
Open = Callable[..., Any]
DRAWN = ("#savings", "#story", "#durations", "#means", "#excess", "#violations")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    return write_report(save(evaluation(), folder / "evaluation", "rules")).as_uri()


def paper(page: Any) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_every_figure_is_drawn_from_the_one_file_alone(report: str, open_page: Open) -> None:
    page = open_page(report, offline=True)
    for host in DRAWN:
        box = page.locator(f"{host} svg").first.bounding_box()
        assert box is not None and box["width"] > 300 and box["height"] > 80, host
    assert page.locator("#story path.line").count() >= 8


def test_the_first_thing_on_the_page_is_the_verdict(report: str, open_page: Open) -> None:
    page = open_page(report)
    first = page.locator("main > *").first
    assert "Nothing is told apart from rules: learned is" in first.inner_text() and first.bounding_box()["y"] < 60


def test_no_page_is_wider_than_a_phone(report: str, open_page: Open) -> None:
    for width in (320, 390):
        page = open_page(report, width=width, height=800, has_touch=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#story svg").bounding_box()["width"] <= width


def test_hover_reads_every_panel_at_one_moment(report: str, open_page: Open) -> None:
    page = open_page(report)
    stage = page.locator("#story .chart-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    told = page.locator("#story .readout").all_text_contents()
    assert len(told) >= 6 and sum("rules" in text for text in told) >= 5 and "day 1, 1" in told[0]
    assert page.locator("#story .hair").get_attribute("visibility") == "visible"


def test_keys_read_zoom_and_show_all_again(report: str, open_page: Open) -> None:
    page = open_page(report)
    stage = page.locator("#story .chart-stage")
    stage.focus()
    ticks = page.locator("#story .tick.middle").all_text_contents()
    page.keyboard.press("ArrowRight")
    before = page.locator("#story .where").text_content()
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#story .where").text_content() != before
    page.wait_for_function("document.querySelector('#story .aloud').textContent.includes('Warmest rack inlet')")
    page.keyboard.press("+")
    assert page.locator("#story .tick.middle").all_text_contents() != ticks
    assert page.locator("#story .tool").is_visible()
    page.keyboard.press("0")
    assert page.locator("#story .tick.middle").all_text_contents() == ticks
    assert not page.locator("#story .tool").is_visible()


def test_a_drag_zooms_all_panels(report: str, open_page: Open) -> None:
    page = open_page(report)
    stage = page.locator("#story .chart-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 400, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 80, steps=4)
    page.mouse.up()
    assert page.locator("#story .tool").is_visible()


def test_a_policy_is_taken_off_every_figure_and_put_back(report: str, open_page: Open) -> None:
    page = open_page(report)
    key = page.get_by_role("button", name="learned")
    count = page.locator("#story path.line").count(), page.locator("#durations path.line").count()
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert page.locator("#story path.line").count() < count[0]
    assert page.locator("#durations path.line").count() < count[1]
    key.press("Enter")
    assert (page.locator("#story path.line").count(), page.locator("#durations path.line").count()) == count


def test_the_stacked_consumers_are_those_of_the_chosen_policy(report: str, open_page: Open) -> None:
    page = open_page(report)
    page.locator("#stacked").select_option("random")
    assert page.locator("#story .panel-title", has_text="Power above IT by consumer, random").count() == 1


def test_the_page_is_dark_where_the_system_is_and_where_it_is_chosen(report: str, open_page: Open) -> None:
    light, dark = open_page(report, color_scheme="light"), open_page(report, color_scheme="dark")
    assert paper(light) == "rgb(255, 255, 255)" != paper(dark)
    light.locator(".theme").click()
    assert paper(light) == paper(dark)
    light.reload()
    assert paper(light) == paper(dark)


def test_who_asked_for_less_motion_sees_none(report: str, open_page: Open) -> None:
    page = open_page(report, reduced_motion="reduce")
    moving = (
        "[...document.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    )
    assert page.evaluate(moving) == 0


def test_a_print_is_light_and_without_tools(report: str, open_page: Open) -> None:
    page = open_page(report, color_scheme="dark")
    page.emulate_media(media="print")
    assert paper(page) == "rgb(255, 255, 255)"
    assert not page.locator(".theme").is_visible() and page.locator("#story svg").is_visible()
    assert len(page.pdf()) > 20_000


CONTRAST = """() => {
  const part = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => part(Number(v) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const words = [...document.querySelectorAll('p, td, th, .soft, .tick, .key')].filter((e) => e.textContent.trim());
  return words.map((e) => {
    const style = getComputedStyle(e), ink = light(e instanceof SVGElement ? style.fill : style.color);
    return [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), e.textContent.slice(0, 30)];
  }).filter((one) => one[0] < 4.5);
}"""


def test_words_are_read_easily_on_both_papers(report: str, open_page: Open) -> None:
    for scheme in ("light", "dark"):
        assert open_page(report, color_scheme=scheme).evaluate(CONTRAST) == []


def test_the_list_of_runs_finds_a_word(tmp_path: Path, open_page: Open) -> None:
    write_report(save(evaluation(), tmp_path / "one", "rules"))
    write_report(save(evaluation(learned=0.9), tmp_path / "two", "rules"))
    page = open_page(write_index(tmp_path).as_uri(), width=390, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#search").fill("ahead")
    assert page.locator("tbody tr:visible").count() == 1 and page.locator("#count").inner_text() == "1 of 2"
    page.locator("tbody tr:visible a").click()
    assert "rules stays ahead" in page.locator(".verdict").inner_text()
