"""Colours of policies and of consumers on light and on dark paper; a page names them by variables of its style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PALETTE = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E6A700", "#7A1FD1"),
    *("#665500", "#00B7D8", "#B00040", "#7FB800", "#1A237E"),
)
DARK_PALETTE = (
    *("#4FA8F0", "#FF8A3D", "#2FD6A3", "#F2A9D2", "#FFD24D", "#B48CFF"),
    *("#5BE300", "#FF66F0", "#8F9A2E", "#FF5468", "#7DF0FF"),
)
BASELINE_COLOUR, DARK_BASELINE = "#4a4f57", "#c6ccd6"
DASHES = ("", "7 3", "2 3")  # by turns of six: no two lines differ by hue alone
STACK = ("#c7cdd6", "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#999933")


def colours(names: Sequence[str], baseline: str) -> dict[str, str]:
    """Colour of each policy, a variable of the style: the baseline is grey, the others keep their place."""
    others = [n for n in names if n != baseline]
    return {baseline: "var(--p0)", **{n: f"var(--p{1 + i % len(PALETTE)})" for i, n in enumerate(others)}}


def dashes(palette: Mapping[str, str]) -> dict[str, str]:
    """Dash of each policy, by its place: after six policies another, so that neighbours in hue differ."""
    return {name: DASHES[i // 6 % len(DASHES)] for i, name in enumerate(palette)}


def printed(palette: Mapping[str, str]) -> dict[str, str]:
    """The colours of a palette on light paper, for pictures that know no variables of a style."""
    light = (BASELINE_COLOUR, *PALETTE)
    return {name: light[int(variable.removeprefix("var(--p").removesuffix(")"))] for name, variable in palette.items()}


def palette_style() -> str:
    """The variables that `colours` names, and ``--s0`` to ``--s6`` of the consumers."""
    stack = "".join(f"--s{i}: {colour}; " for i, colour in enumerate(STACK))
    light = "".join(f"--p{i}: {colour}; " for i, colour in enumerate((BASELINE_COLOUR, *PALETTE)))
    dark = "".join(f"--p{i}: {colour}; " for i, colour in enumerate((DARK_BASELINE, *DARK_PALETTE)))
    print_style = f"@media print {{ :root, :root[data-theme='dark'] {{ {light}}} }}"
    return f":root {{ {light}{stack}}}\n:root[data-theme='dark'] {{ {dark}}}\n{print_style}"
