"""A window that shows a site while its episode runs; where there is no display, the caller prints text."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from envs.picture.hall_view import HallView

if TYPE_CHECKING:
    from matplotlib.image import AxesImage

WITHOUT_A_DISPLAY = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")  # matplotlib's, in MPLBACKEND


def can_open_window() -> bool:
    """Whether matplotlib is there and may show a window here."""
    if find_spec("matplotlib") is None or os.environ.get("MPLBACKEND", "").lower() in WITHOUT_A_DISPLAY:
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class PlanWindow:
    """One window; made at the first picture."""

    def __init__(self) -> None:
        import matplotlib.pyplot as plt

        self._plt = plt
        plt.ion()
        self._figure = plt.figure("coldaisle", figsize=(12.8, 7.2), dpi=100)
        axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.axis("off")
        self._axes = axes
        self._image: AxesImage | None = None

    def show(self, view: HallView) -> None:
        """Draw a site; a window that was closed stays closed."""
        from envs.picture.plan_figure import plan_image

        if not self._plt.fignum_exists(self._figure.number):
            return
        picture = plan_image(view)
        if self._image is None:
            self._image = self._axes.imshow(picture)
        else:
            self._image.set_data(picture)
        self._plt.pause(0.001)

    def close(self) -> None:
        """Close it."""
        self._plt.close(self._figure)
