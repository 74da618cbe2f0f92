"""What may be set of the verbs that show something: ``report`` and ``watch``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


@dataclass
class ReportConfig:
    """``coldaisle report``: the HTML page of an evaluation, or the list of all that a folder holds.

    Attributes
    ----------
    evaluation : str
        The folder that an evaluation wrote; gets ``report.html``.
    baseline : str
        The controller that the others are compared with; empty: the one that the evaluation was saved with.
    runs : str
        A folder of runs and evaluations, such as ``runs``; gets ``index.html``, a line for each with its verdict.
    """

    evaluation: str = ""
    baseline: str = ""
    runs: str = ""


@dataclass
class WatchConfig:
    """``coldaisle watch``: a page in the browser that shows a hall while it runs; needs the extra ``page``.

    Attributes
    ----------
    run : str
        A run's folder or a bundle, played on the simulated hall; empty: the best rules there are.
    log : str
        Instead of a simulation: the folder that ``coldaisle serve`` writes its cycles to.
    days : int
        Length of the episode; it begins again at its end.
    steps_per_s : float
        Control steps of the simulation in a second of the wall.
    host : str
        Address of the page; loopback alone, others see it through a tunnel such as ``ssh -L``.
    port : int
        Its port; 0 takes a free one.
    """

    scenario: Any = MISSING
    run: str = ""
    log: str = ""
    split: str = ""
    days: int = 7
    seed: int = 0
    steps_per_s: float = 2.0
    trust: bool = False
    host: str = "127.0.0.1"
    port: int = 8621
