"""The fit: regularised Gauss-Newton with slopes from the batch, every candidate of an iteration replayed at once.

Each iteration replays the present point and a tiny step of every parameter side by side on the environment axis, then
four damped steps side by side, and takes the best. The prior is a row of the same least squares.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from envs.calibration.errors import Taken, Weighing, end_to_end, weigh, without_constants
from envs.calibration.free_parameters import FreeParameter
from envs.calibration.rack_load import activity_of
from envs.calibration.replay import Candidates, replay
from envs.calibration.windows import Windows
from envs.scenario import Scenario

Floats = NDArray[np.float64]
Report = Callable[[str, float], None]

SLOPE_STEP = 1e-5  # in standard deviations of the prior
DAMPINGS = (0.0, 0.03, 0.3, 3.0)  # of the diagonal
STIFFER = 30.0  # all dampings but none grow so after an iteration in which no step was better
LONGEST_STEP = 1.5  # of one parameter in one iteration, in standard deviations of its prior
ARRIVED = 0.1  # root mean square of the full step in posterior standard deviations
NEAR, LITTLE = 1.0, 1.0  # or: no longer than this, and no step lowers the sum of squares by as much as one reading
FAR_ITERATIONS = 6  # at most so many before channels count by their own scatter
MOST_ITERATIONS = 15
TINY = 1e-9  # room at a bound
WORTH_A_CORE = (
    4000  # racks times environments: smaller arrays spend their time between numpy's calls, one core at a time
)
BATCH_LIMIT = 800  # environments per replay: more go in turns (memory)


@dataclass(frozen=True, eq=False)
class Fit:
    """Where a fit arrived.

    Attributes
    ----------
    free : tuple of FreeParameter
        What was fitted.
    u : ndarray (P,)
        The most probable point.
    predicted : ndarray (T, N)
        What the plant shows there, days end to end.
    weighing : Weighing
        Of the residuals there.
    taken : Taken
        Residuals and slopes there, without the sensors' constant errors.
    costs : tuple of float
        By iteration; weights are renewed in each, so they need not fall.
    converged : bool
        Whether the last step was small.
    activity : ndarray (K, S, R, W)
        Work of the racks by which the measured power was drawn.
    """

    free: tuple[FreeParameter, ...]
    u: Floats
    predicted: Floats
    weighing: Weighing
    taken: Taken
    costs: tuple[float, ...]
    converged: bool
    activity: Floats

    def values(self) -> dict[str, float]:
        """Value of every path."""
        return {p.path: float(p.value(self.u[k])) for k, p in enumerate(self.free)}


def fit(
    scenario: Scenario,
    windows: Windows,
    free: Sequence[FreeParameter],
    report: Report | None = None,
    start: Floats | None = None,
    iterations: int = MOST_ITERATIONS,
) -> Fit:
    """Fit the free parameters of a scenario to telemetry.

    Parameters
    ----------
    scenario : Scenario
        Priors, and everything that is not fitted.
    windows : Windows
        Telemetry to fit, from `windows.cut`.
    free : sequence of FreeParameter
        What may move.
    report : callable, optional
        Called with a sentence and the share of the longest possible fit that is done.
    start : ndarray (P,), optional
        Where to begin, in ``u``; the prior's middle when left out.
    iterations : int
        At most so many.
    """
    say = report or (lambda words, share: None)
    low, high = np.array([p.reach() for p in free]).T
    u = np.zeros(len(free)) if start is None else np.clip(start, low, high)
    activity = activity_of(scenario, windows, list(free), u)
    costs: list[float] = []
    converged, renewed, near, iteration, stiff = False, False, False, 0, 1.0
    while iteration < iterations:
        say(f"iteration {iteration + 1}: slopes", iteration / iterations)
        here = look(scenario, windows, free, u, activity, (low, high), near)
        say(f"iteration {iteration + 1}: cost {here.taken.cost:.0f}, steps", (iteration + 0.8) / iterations)
        costs.append(here.taken.cost + float(u @ u))
        new, length, gain = _step(scenario, windows, here, activity, (low, high), stiff)
        iteration += 1
        still = near and (length < ARRIVED or (length < NEAR and gain < LITTLE))
        near = near or length < NEAR or iteration >= FAR_ITERATIONS
        stiff = 1.0 if np.any(new != u) else stiff * STIFFER
        u = new
        if still and renewed:
            converged = True
            break
        if still or iteration == 2:
            activity, renewed = activity_of(scenario, windows, list(free), u), True
    say("slopes at the end", 0.98)
    here = look(scenario, windows, free, u, activity, (low, high))
    return Fit(
        tuple(free), u, here.predicted, here.weighing, here.taken, (*costs, here.taken.cost + float(u @ u)),
        converged, activity,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Look:
    """A point with its slopes."""

    free: tuple[FreeParameter, ...]
    u: Floats
    predicted: Floats
    weighing: Weighing
    taken: Taken


def look(
    scenario: Scenario,
    windows: Windows,
    free: Sequence[FreeParameter],
    u: Floats,
    activity: Floats,
    bounds: tuple[Floats, Floats],
    near: bool = True,
) -> Look:
    """Replay a point ``u (P,)`` and a tiny step of every parameter beside it, away from its bound.

    Coil, water flow and pump move what is measured almost alike. The data tell them apart by little, and the curvature
    of a longer step would pretend to: with .02 instead of 1e-5 the coil's deviation halves, each way or not.
    """
    sign = np.where(u + SLOPE_STEP > bounds[1], -1.0, 1.0)
    points = np.concatenate([u[:, None], u[:, None] + np.diag(sign * SLOPE_STEP)], axis=1)
    shown = _predictions(scenario, windows, free, points, activity)
    base = shown[0]
    slopes = (shown[1:] - base) * (sign / SLOPE_STEP)[:, None, None]
    weighing = weigh(windows, base, near)
    raw = end_to_end(windows.shown) - base
    return Look(tuple(free), u, base, weighing, without_constants(weighing, raw, slopes, base))


def _predictions(
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


def _step(
    scenario: Scenario, windows: Windows, here: Look, activity: Floats, bounds: tuple[Floats, Floats], stiff: float
) -> tuple[Floats, float, float]:
    """The best of several damped steps, the full one's length in posterior deviations, and what was gained."""
    h, g = here.taken.curvature() + np.eye(len(here.u)), here.taken.pull() - here.u
    room = bounds[0] - here.u, bounds[1] - here.u
    tried, full = [here.u], boxed(h, g, room)
    for damping in DAMPINGS:
        reach = np.clip(room[0], -LONGEST_STEP, 0.0), np.clip(room[1], 0.0, LONGEST_STEP)
        tried.append(here.u + boxed(h + damping * stiff * np.diag(np.diag(h)), g, reach))
    shown = _predictions(scenario, windows, here.free, np.stack(tried[1:], axis=1), activity)
    costs = [here.taken.cost + float(here.u @ here.u)]
    none = np.zeros((0, *shown.shape[1:]))
    measured = end_to_end(windows.shown)
    for point, predicted in zip(tried[1:], shown):
        taken = without_constants(here.weighing, measured - predicted, none, predicted)
        costs.append(taken.cost + float(point @ point))
    length = float(np.sqrt(full @ h @ full / len(full)))
    return tried[int(np.argmin(costs))], length, costs[0] - min(costs)


def boxed(h: Floats, g: Floats, room: tuple[Floats, Floats]) -> Floats:
    """The step that minimises ``d H d/2 - g d`` within ``room``: a parameter at its bound stays, the others know."""
    values, vectors = np.linalg.eigh(0.5 * (h + h.T))
    root = np.sqrt(np.maximum(values, 1.0))[:, None] * vectors.T  # the prior alone gives every direction at least 1
    low, high = np.minimum(room[0], -TINY), np.maximum(room[1], TINY)
    return np.asarray(lsq_linear(root, np.linalg.solve(root.T, g), (low, high)).x)
