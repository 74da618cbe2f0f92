"""What candidates show and how it changes with every parameter: finite differences through the batch."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from joblib import Parallel, delayed

from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.calibration.errors import end_to_end
from envs.twin.calibration.free_parameters import FreeParameter
from envs.twin.calibration.replay import Candidates, replay
from envs.twin.calibration.windows import Windows

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
    of a longer step would pretend to: with 0.02 instead of 1e-5 the coil's deviation halves, each way or not.
    """
    sign = np.where(u + SLOPE_STEP > bounds[1], -1.0, 1.0)
    points = np.concatenate([u[:, None], u[:, None] + np.diag(sign * SLOPE_STEP)], axis=1)
    shown = predictions(scenario, windows, free, points, activity)
    return shown[0], (shown[1:] - shown[0]) * (sign / SLOPE_STEP)[:, None, None]


def predictions(
    scenario: Scenario, windows: Windows, free: Sequence[FreeParameter], points: Floats, activity: Floats
) -> Floats:
    """What each of ``points (P, C)`` shows: ``(C, T, N)``; for a large hall the cores share the candidates.

    Processes, not threads: the plant is thousands of short numpy calls a step, and threads hand the interpreter to each
    other at every one (126 % of two cores on 100 racks).
    """
    width = windows.count * windows.slot_mix.shape[1]
    workers = max(min(cores(), points.shape[1] * width // WORTH_A_CORE, points.shape[1]), 1)
    turns = min(max(-(-points.shape[1] * windows.count // BATCH_LIMIT), workers), points.shape[1])
    parts = np.array_split(points, turns, axis=1)
    if workers == 1:
        shown = [_predictions_of_part(scenario, windows, free, some, activity) for some in parts]
    else:
        shown = Parallel(workers)(
            delayed(_predictions_of_part)(scenario, windows, free, some, activity) for some in parts
        )
    return np.concatenate(shown)


def _predictions_of_part(
    scenario: Scenario, windows: Windows, free: Sequence[FreeParameter], points: Floats, activity: Floats
) -> Floats:
    shown = replay(scenario, Candidates(free, points), windows, activity, windows.outputs)
    return np.moveaxis(end_to_end(shown), -1, 0)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
