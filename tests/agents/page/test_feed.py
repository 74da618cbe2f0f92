from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from agents.page.feed import Facts, Feed, Frame
from agents.page.outlook import LEAST_SCORES, SHARE, Outlook


def facts(step_s: float = 300.0) -> Facts:
    """Facts of an empty page."""
    return {
        "title": "t", "source": "s", "step_s": step_s, "since_epoch": False, "ahead": 2, "panels": [],
        "inlet_scale": [], "nodes": {},
    }  # fmt: skip


def frame(number: int, time_s: float, **series: float | None) -> Frame:
    """A frame with nothing to see."""
    return {
        "number": number, "time_s": time_s, "level": "good", "headline": f"step {number}", "mode": "", "view": {},
        "advice": [], "remarks": [], "rules": None, "series": series,
    }  # fmt: skip


def news(feed: Feed, seen: int) -> dict[str, Any]:
    version, text = feed.news(seen)
    assert version == feed.version
    return json.loads(text)


def test_a_reader_gets_the_last_day_once_and_then_only_what_is_new() -> None:
    feed = Feed(facts())
    for k in range(5):
        feed.put(frame(k, 300.0 * k, a=float(k)))
    first = news(feed, 0)
    assert first["begins"] and first["rows"]["series"]["a"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert first["frame"]["headline"] == "step 4"
    assert feed.news(feed.version)[1] == ""
    seen = feed.version
    for k in (5, 6):
        feed.put(frame(k, 300.0 * k, a=float(k), b=None))
    later = news(feed, seen)
    assert not later["begins"] and later["rows"] == {
        "time_s": [1500.0, 1800.0],
        "series": {"a": [5.0, 6.0], "b": [None] * 2},
    }


def test_what_is_older_than_a_day_is_forgotten_though_a_gap_leaves_few_rows() -> None:
    feed = Feed(facts())
    for time_s in (0.0, 300.0, 80_000.0, 86_500.0):
        feed.put(frame(0, time_s, a=time_s))
    assert news(feed, 0)["rows"]["time_s"] == [300.0, 80_000.0, 86_500.0]


def test_a_reader_that_was_away_for_longer_than_a_day_begins_anew() -> None:
    feed = Feed(facts(step_s=43_200.0))
    for k in range(4):
        feed.put(frame(k, 43_200.0 * k, a=float(k)))
    told = news(feed, 1)
    assert told["begins"] and told["rows"]["series"]["a"] == [2.0, 3.0]


def test_a_clock_that_goes_back_begins_a_new_day() -> None:
    feed = Feed(facts())
    for time_s in (0.0, 300.0, 600.0, 0.0):
        feed.put(frame(1, time_s, a=time_s))
    assert news(feed, 3)["begins"] and news(feed, 3)["rows"]["time_s"] == [0.0]


def test_a_key_that_comes_later_is_empty_before() -> None:
    feed = Feed(facts())
    feed.put(frame(0, 0.0, a=1.0))
    feed.put(frame(1, 300.0, a=2.0, late=9.0))
    assert news(feed, 0)["rows"]["series"] == {"a": [1.0, 2.0], "late": [None, 9.0]}


def test_a_frame_with_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Feed(facts()).put(frame(0, 0.0, a=float("nan")))


@pytest.mark.slow
def test_memory_is_flat_once_a_day_is_full() -> None:
    feed = Feed(facts(step_s=600.0))

    def a_day(first: int) -> int:
        for k in range(first, first + 144):
            feed.put(frame(k, 600.0 * k, **{f"s{n}": float(k + n) for n in range(20)}))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = [a_day(144 * day) for day in range(4)][-1]
        for day in range(4, 20):
            last = a_day(144 * day)
    finally:
        tracemalloc.stop()
    assert last < 1.05 * full


# ---- the band -------------------------------------------------------------------------------------------------------


def test_nothing_is_foretold_before_enough_was_scored() -> None:
    outlook = Outlook(3, 288)
    bands = [outlook.band(20.0 + 0.1 * (k % 2)) for k in range(LEAST_SCORES + 4)]
    known = [bool(np.isfinite(band.low)) for band in bands]
    assert known.index(True) == LEAST_SCORES + 3 - 1 and all(known[known.index(True) :])


def test_nine_of_ten_values_lie_in_their_band() -> None:
    generator = np.random.default_rng(0)
    outlook = Outlook(4, 400)
    for value in 20.0 + np.cumsum(generator.normal(0.0, 0.1, 4000)):
        outlook.band(float(value))
    assert outlook.held_frac == pytest.approx(SHARE, abs=0.05)


def test_a_band_is_judged_by_the_value_that_came_so_many_steps_later() -> None:
    outlook = Outlook(2, 50)
    for k in range(100):
        outlook.band(float(k))
    band = outlook.band(100.0)
    assert (band.low, band.high) == (98.0, 102.0) and outlook.held_frac == 1.0
