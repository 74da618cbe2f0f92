"""What a page shows: facts that stay, the frame of now, and the last day. One writer, many readers, flat memory."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict

MOST_POINTS = 1440  # of the last day: one a minute
DAY_S = 86_400.0


class Line(NamedTuple):
    """A line of a panel: key of the frame's ``series``, words, colour."""

    key: str
    name: str
    colour: str


class Panel(NamedTuple):
    """A panel of the last day: lines, bands (keys ``<key>.low`` and ``<key>.high``), limits ``(value, words)``."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    bands: tuple[Line, ...] = ()
    limits: tuple[tuple[float, str], ...] = ()


class Facts(TypedDict):
    """What does not change while a page is open; ``control`` names what a person may ask for on the page."""

    title: str
    source: str
    step_s: float
    since_epoch: bool
    ahead: int
    panels: list[dict[str, Any]]
    inlet_scale: list[tuple[float, str]]
    nodes: dict[str, tuple[int, str]]
    control: NotRequired[list[str]]


class Frame(TypedDict):
    """One moment, as plain data; a part that the source does not know is None or empty.

    ``view`` is a `HallView` as plain data, ``advice`` one row for each setpoint, ``remarks`` what protections and
    shield did, ``rules`` what the rules would have done, ``series`` the values that the last day is made of.
    ``proposal`` holds the changes that wait for a person's word: the cycle that made them, and a row for each.
    ``since_s`` is when a loop let go that still does not hold its points; ``taken`` names the setpoints that somebody
    else holds, each with what it shows, since when that is known, and how it is known.
    ``written_s`` is when a log got it, on the wall clock [s since 1970]; left out: when the page gets it.
    """

    number: int
    time_s: float
    level: str
    headline: str
    mode: str
    view: dict[str, Any]
    advice: list[dict[str, Any]]
    remarks: list[dict[str, str]]
    rules: dict[str, Any] | None
    series: dict[str, float | None]
    proposal: NotRequired[dict[str, Any] | None]
    since_s: NotRequired[float | None]
    taken: NotRequired[list[dict[str, Any]]]
    written_s: NotRequired[float]


class Row(NamedTuple):
    """One step of the last day."""

    version: int
    time_s: float
    series: Mapping[str, float | None]


class Feed:
    """Keeps the facts, the last frame and the last day.

    Parameters
    ----------
    facts : Facts
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        day = min(MOST_POINTS, max(2, round(DAY_S / facts["step_s"])))
        self._day: deque[Row] = deque(maxlen=day)
        self._lock = threading.Lock()
        self._text = ""
        self.version = 0

    def put(self, frame: Frame) -> None:
        """Show a frame from now on, in the place of one of the same time; a clock that goes back begins a new day."""
        text = json.dumps({"written_s": time.time(), **frame}, allow_nan=False)
        with self._lock:
            if self._day and frame["time_s"] < self._day[-1].time_s:
                self._day.clear()
            elif self._day and frame["time_s"] == self._day[-1].time_s:
                self._day.pop()
            self.version += 1
            self._text = text
            self._day.append(Row(self.version, frame["time_s"], frame["series"]))
            while self._day[0].time_s <= frame["time_s"] - DAY_S:
                self._day.popleft()

    def news(self, seen: int) -> tuple[int, str]:
        """What a reader lacks that has seen the frame of a version, 0 for none: the version of now, and JSON.

        ``{"begins": bool, "now_s": 0.0, "rows": {"time_s": [...], "series": {...}}, "frame": {...}}``. ``begins`` is
        true where the rows are the whole last day, because the reader has seen none of it; ``now_s`` is this machine's
        wall clock, by which the frame has an age. The text is empty where nothing is new.
        """
        with self._lock:
            version, text, rows = self.version, self._text, list(self._day)
        if version == seen:
            return version, ""
        begins = seen < rows[0].version
        told = json.dumps(_columns(rows if begins else [row for row in rows if row.version > seen]))
        head = f'"begins": {json.dumps(begins)}, "now_s": {time.time()!r}'
        return version, f'{{{head}, "rows": {told}, "frame": {text}}}'


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    keys = sorted({key for row in rows for key in row.series})
    return {
        "time_s": [row.time_s for row in rows],
        "series": {key: [row.series.get(key) for row in rows] for key in keys},
    }


def panel_facts(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Panels as plain data."""
    return [
        {
            "title": panel.title,
            "unit": panel.unit,
            "lines": [line._asdict() for line in panel.lines],
            "bands": [line._asdict() for line in panel.bands],
            "limits": [{"value": value, "words": words} for value, words in panel.limits],
        }
        for panel in panels
    ]
