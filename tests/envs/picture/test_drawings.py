from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.picture.colours import INLET_SCALE, colour_at
from envs.picture.hall_view import HallView, view_of
from envs.picture.plan_figure import HEIGHT, WIDTH, plan_image
from envs.picture.plan_text import plan_text
from envs.picture.window import can_open_window

SHORT = ("site.workload_weeks=1", "episode.steps=24")


@pytest.fixture(scope="module")
def view() -> HallView:
    core = DataCenterCore("edge_room", 1, SHORT)
    core.reset(seed=0)
    return view_of(core)


def with_inlets(view: HallView, inlet_c: float) -> HallView:
    return replace(view, racks=tuple(replace(rack, top_inlet_c=inlet_c) for rack in view.racks))


def painted(image: np.ndarray, colour: tuple[float, float, float]) -> int:
    """Pixels of a colour."""
    return int((np.abs(image.astype(int) - np.round(255.0 * np.array(colour))).max(axis=2) <= 1).sum())


def test_a_plan_is_an_image_of_a_video_s_size(view: HallView) -> None:
    image = plan_image(view)
    assert image.shape == (HEIGHT, WIDTH, 3) and image.dtype == np.uint8
    assert image.min() < 60 and image.max() == 255


@pytest.mark.parametrize("inlet_c", [17.0, 23.5, 30.5])
def test_racks_are_painted_in_the_colour_of_their_inlet(view: HallView, inlet_c: float) -> None:
    pytest.importorskip("matplotlib")
    image = plan_image(with_inlets(view, inlet_c))
    assert painted(image, colour_at(INLET_SCALE, inlet_c)) > 10_000
    assert painted(plan_image(with_inlets(view, 25.8)), colour_at(INLET_SCALE, inlet_c)) < 2_000


def test_a_picture_of_nothing_to_divide_by_is_drawn(view: HallView) -> None:
    dark = replace(view, totals=view.totals | {"pue": float("inf"), "it_power_kw": 0.0})
    assert plan_image(dark).shape == (HEIGHT, WIDTH, 3)


def test_text_marks_what_is_too_warm(view: HallView) -> None:
    limit, most = view.totals["inlet_limit_c"], view.totals["inlet_allowable_c"]
    racks = len(view.racks)
    for inlet_c, stars, bangs in ((limit - 1, 0, 0), (limit + 1, racks, 0), (most + 1, 0, racks)):
        lines = plan_text(with_inlets(view, inlet_c)).split("\n")
        told = "\n".join(lines[1:])
        assert (told.count("*"), told.count("!")) == (stars, bangs)
        assert told.count(f"{inlet_c:.1f}") == racks


def test_text_has_colours_only_where_they_are_asked_for(view: HallView) -> None:
    assert "\x1b" not in plan_text(view)
    assert plan_text(view, colour=True).count("\x1b[48;2;") == len(view.racks)


def test_a_hall_of_many_lines_is_told_line_by_line() -> None:
    core = DataCenterCore("legacy_air", 1, SHORT)
    core.reset(seed=0)
    view = view_of(core)
    many = tuple(
        replace(rack, name=f"{rack.name}.{k}", place=rack.place._replace(line=rack.place.line + 4 * k))
        for k in range(8)
        for rack in view.racks
    )
    text = plan_text(replace(view, racks=many))
    assert text.count("20 racks, ") == 32


def test_no_window_is_opened_where_matplotlib_is_told_to_draw_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    assert can_open_window()
    monkeypatch.setenv("MPLBACKEND", "Agg")
    assert not can_open_window()
