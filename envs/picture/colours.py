"""Colours of the drawings, safe for every common kind of colour vision; a browser takes the same from here."""

from __future__ import annotations

from collections.abc import Sequence

#: Rack inlet [degC] to colour: blue is cool, pale is comfortable, orange is past the recommended 27 degC, dark red is
#: past the allowable 32 degC (ASHRAE TC9.9, class A1). Blue to orange stays apart without red or green vision, and
#: lightness falls again towards the hot end.
INLET_SCALE: tuple[tuple[float, str], ...] = (
    (15.0, "#2b5c8a"),
    (19.0, "#6a9fc9"),
    (22.0, "#a9cbe0"),
    (25.0, "#e6e8e3"),
    (27.0, "#f5c578"),
    (29.5, "#dd7a2c"),
    (32.0, "#a32a1c"),
    (36.0, "#4d0f1f"),
)
AIR, LIQUID = "#c58b2a", "#3a6ea5"
PAPER, INK, SOFT, LINE, GOOD, BAD = "#ffffff", "#1f2430", "#5c6470", "#cfd5dd", "#1b7a4b", "#b3261e"


def colour_at(scale: Sequence[tuple[float, str]], value: float) -> tuple[float, float, float]:
    """Red, green and blue in 0..1 of a value, straight between the scale's steps."""
    if value <= scale[0][0]:
        return rgb(scale[0][1])
    for (low, first), (high, second) in zip(scale[:-1], scale[1:]):
        if value <= high:
            share = (value - low) / (high - low)
            a, b = rgb(first), rgb(second)
            return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))
    return rgb(scale[-1][1])


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green and blue in 0..1 of ``#rrggbb``."""
    return (int(colour[1:3], 16) / 255.0, int(colour[3:5], 16) / 255.0, int(colour[5:7], 16) / 255.0)


def ink_on(colour: tuple[float, float, float]) -> str:
    """Black or white, whichever is read more easily on a colour."""
    red, green, blue = colour
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else PAPER
