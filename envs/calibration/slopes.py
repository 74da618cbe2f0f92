"""What candidates show and how it changes with every parameter: finite differences through the batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from envs.calibration.errors import end_to_end
from envs.calibration.free_parameters import FreeParameter
from envs.calibration.replay import Candidates, replay
from envs.calibration.windows import Windows
from envs.scenario import Scenario

Floats = NDArray[np.float64]
SLOPE_STEP = 1e-5  # in standard deviations of the prior
WORTH_A_CORE = (
    4000  # racks times environments: smaller arrays spend their time between numpy's calls, one core at a time
)
BATCH_LIMIT = 800  # environments per replay: more go in turns (memory)


def slopes_at(
    scenario: Scenario,
    windows: Windows,
    free: Sequence[FreeParameter],
    u: Floats,
    activity: Floats,
    bounds: tuple[Floats, Floats],
) -> tuple[Floats, Floats]:
    """What a point ``u (P,)`` shows ``(T, N)``, and its slopes ``(P, T, N)``: a tiny step each, away from a bound.

    Coil, water flow and pump move what is measured almost alike. The data tell them apart by little, and the curvature
    of a longer step would pretend to: with .02 instead of 1e-5 the coil's deviation halves, each way or not.
    """
    sign = np.where(u + SLOPE_STEP > bounds[1], -1.0, 1.0)
    points = np.concatenate([u[:, None], u[:, None] + np.diag(sign * SLOPE_STEP)], axis=1)
    shown = predictions(scenario, windows, free, points, activity)
    return shown[0], (shown[1:] - shown[0]) * (sign / SLOPE_STEP)[:, None, None]


def predictions(
    scenario: Scenario, windows: Windows, free: Sequence[FreeParameter], points: Floats, activity: Floats
) -> Floats:
    """What each of ``points (P, C)`` shows: ``(C, T, N)``; turns of candidates share the cores (numpy lets go of them).

    Each turn fills its own slice, so what comes out does not depend on which ends first.
    """
    cells = points.shape[1] * windows.count * windows.slot_mix.shape[1]
    turns = max(-(-points.shape[1] * windows.count // BATCH_LIMIT), min(cores(), cells // WORTH_A_CORE), 1)
    made = np.empty((points.shape[1], windows.count * (windows.steps - windows.burn_in), len(windows.rows)))

    def turn(some: NDArray[np.intp]) -> None:
        shown = replay(scenario, Candidates(free, points[:, some]), windows, activity, windows.outputs)
        made[some] = np.moveaxis(end_to_end(shown), -1, 0)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(turn, np.array_split(np.arange(points.shape[1]), turns)))
    return made


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
