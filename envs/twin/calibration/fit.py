"""The fit: regularised Gauss-Newton with slopes from the batch, every candidate of an iteration replayed at once.

Each iteration replays bent and damped steps side by side on the environment axis and takes the best; before it, while
the way is long, the present point and a tiny step of every parameter, for the slopes. Steps of less than a posterior
deviation go on with the slopes they have, and an end is believed only with new ones. The prior is a row of the same
least squares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.calibration.errors import NormalisedResiduals, Weighing, constants_removed, end_to_end, weigh
from envs.twin.calibration.free_parameters import FreeParameter
from envs.twin.calibration.rack_load import activity_of
from envs.twin.calibration.slopes import predictions, slopes_at
from envs.twin.calibration.windows import Windows

Report = Callable[[str, float], None]

PARTS = (1.0, 0.6, 0.3)  # of the bent step that are tried
PROBE = 0.1  # of a step at which its bend is seen
MOST_BEND = 0.75  # of the step's own length
DAMPINGS = (0.0, 0.03, 0.3, 3.0)  # of the diagonal
STIFFER = 30.0  # all dampings but none grow so after an iteration in which no step was better
LONGEST_STEP = 1.5  # of one parameter in one iteration, in standard deviations of its prior
NEAR = 1.0  # root mean square of the full step in posterior standard deviations
LITTLE = 1.0  # arrived: the full step promises to lower the sum of squares by less than one reading counts
SAME_WORK = 0.1  # the racks' work is found anew where a parameter moved by more, in deviations of its prior
FAR_ITERATIONS = 6  # at most so many before channels count by their own scatter
MOST_ITERATIONS = 20
LARGE, SOME, ROUGH_ITERATIONS = 20_000, 2, 9  # racks x windows x parameters: from there on two windows lead the way
ROUGH_SHARE = 0.3  # of the time
TINY = 1e-9  # room at a bound


@dataclass(frozen=True, eq=False)
class FitResult:
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
    taken : NormalisedResiduals
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
    taken: NormalisedResiduals
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
) -> FitResult:
    """Fit the free parameters of a scenario to telemetry.

    Parameters
    ----------
    scenario : Scenario
        Priors, and everything that is not fitted.
    windows : Windows
        Telemetry to fit, from `windows.windows_of`.
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
    near, behind = False, 0.0
    if start is None and len(free) * windows.count * windows.slot_mix.shape[1] > LARGE:
        some = windows.subset(np.linspace(0, windows.count - 1, SOME + 2).round().astype(int)[1:-1].tolist())
        start, near, behind = _first_estimate(scenario, some, free, say), True, ROUGH_SHARE
    u = np.zeros(len(free)) if start is None else np.clip(start, low, high)
    activity = activity_of(scenario, windows, list(free), u)
    costs: list[float] = []
    shown: Floats | None = None
    slopes: Floats | None = None
    converged, fresh, found_at, stiff = False, False, u, 1.0
    for iteration in range(iterations):
        say(f"iteration {iteration + 1}", behind + (1.0 - behind) * iteration / iterations)
        if slopes is None:
            shown, slopes = slopes_at(scenario, windows, free, u, activity, (low, high))
            fresh = True
        elif shown is None:
            shown = predictions(scenario, windows, free, u[:, None], activity)[0]
        here = _local_model(u, windows, shown, slopes, near)
        costs.append(here.taken.cost + float(u @ u))
        step = _step(scenario, windows, free, here, activity, (low, high), stiff, fresh)
        moved = bool(np.any(step.u != u))
        arrived = near and step.promise < LITTLE
        if arrived and fresh and float(np.abs(u - found_at).max()) < SAME_WORK:
            converged = True
            break
        near = near or step.length < NEAR or iteration + 1 >= FAR_ITERATIONS
        stiff = 1.0 if moved else stiff * STIFFER
        if (arrived and fresh) or iteration == 1:
            activity, found_at, shown = activity_of(scenario, windows, list(free), step.u), step.u, None
        else:
            shown = step.shown
        keeps = (step.length < NEAR and moved and not arrived) or (fresh and (arrived or not moved))
        u, slopes, fresh = step.u, slopes if keeps else None, fresh and (arrived or not moved)
    if not converged:
        say("slopes at the end", 0.98)
        shown, slopes = slopes_at(scenario, windows, free, u, activity, (low, high))
        here = _local_model(u, windows, shown, slopes, near=True)
        costs.append(here.taken.cost + float(u @ u))
    return FitResult(tuple(free), u, here.predicted, here.weighing, here.taken, tuple(costs), converged, activity)


def _first_estimate(scenario: Scenario, some: Windows, free: Sequence[FreeParameter], say: Report) -> Floats:
    """Where a few windows of a large hall lead, ``(P,)``: most of the way at a part of the price."""
    middle = np.zeros(len(free))

    def words(text: str, share: float) -> None:
        say(f"{some.count} windows alone, {text}", ROUGH_SHARE * share)

    return fit(scenario, some, free, words, middle, ROUGH_ITERATIONS).u


@dataclass(frozen=True, eq=False)
class _LocalModel:
    """A point with its slopes, as they are and in standard deviations."""

    u: Floats
    predicted: Floats
    slopes: Floats
    weighing: Weighing
    taken: NormalisedResiduals


def _local_model(u: Floats, windows: Windows, shown: Floats, slopes: Floats, near: bool) -> _LocalModel:
    weighing = weigh(windows, shown, near)
    taken = constants_removed(weighing, end_to_end(windows.shown) - shown, slopes, shown)
    return _LocalModel(u, shown, slopes, weighing, taken)


@dataclass(frozen=True, eq=False)
class _Step:
    """The best of several bent and damped steps: where it leads, what is shown there.

    ``length`` is the full step's, in posterior deviations (root mean square), and ``promise`` what it would gain if the
    slopes held.
    """

    u: Floats
    shown: Floats
    length: float
    promise: float


def _step(
    scenario: Scenario,
    windows: Windows,
    free: Sequence[FreeParameter],
    here: _LocalModel,
    activity: Floats,
    bounds: tuple[Floats, Floats],
    stiff: float,
    bent: bool,
) -> _Step:
    u = here.u
    h, g = here.taken.curvature() + np.eye(len(u)), here.taken.gradient() - u
    room = bounds[0] - u, bounds[1] - u
    reach = np.clip(room[0], -LONGEST_STEP, 0.0), np.clip(room[1], 0.0, LONGEST_STEP)
    full, straight = step_within_bounds(h, g, room), step_within_bounds(h, g, reach)
    tried = [u]
    if bent:
        probe = predictions(scenario, windows, free, (u + PROBE * straight)[:, None], activity)[0]
        bend = _curvature_correction(here, probe, straight, h)
        tried += [np.clip(u + part * straight + part**2 * bend, *bounds) for part in PARTS]
    tried += [u + step_within_bounds(h + damping * stiff * np.diag(np.diag(h)), g, reach) for damping in DAMPINGS]
    shown = predictions(scenario, windows, free, np.stack(tried[1:], axis=1), activity)
    costs = [here.taken.cost + float(u @ u)]
    measured = end_to_end(windows.shown)
    for point, predicted in zip(tried[1:], shown):
        costs.append(_weighted_residuals(here, measured - predicted, predicted).cost + float(point @ point))
    best = int(np.argmin(costs))
    promise = float(full @ h @ full)
    return _Step(tried[best], shown[best - 1] if best else here.predicted, np.sqrt(promise / len(u)), promise)


def _weighted_residuals(here: _LocalModel, raw: Floats, predicted: Floats) -> NormalisedResiduals:
    """Residuals ``raw (T, N)`` in the standard deviations of a look, without the sensors' constants."""
    return constants_removed(here.weighing, raw, np.zeros((0, *raw.shape)), predicted)


def _curvature_correction(here: _LocalModel, probe: Floats, step: Floats, h: Floats) -> Floats:
    """What is to be added to a step so that it follows a curved valley: half its geodesic acceleration.

    Flow and coil, airflow and leakage trade along curves; a straight step leaves them and is damped to nothing
    (Transtrum and Sethna 2012). The second derivative along the step comes from one replay at ``PROBE`` of it, and
    needs new slopes: the error of old ones would pass for a bend.
    """
    along = np.einsum("ptn,p->tn", here.slopes, step, optimize=True)
    curve = 2.0 / PROBE * ((probe - here.predicted) / PROBE - along)
    bend = -0.5 * np.linalg.solve(h, here.taken.gradient(_weighted_residuals(here, curve, here.predicted)))
    size, most = float(np.sqrt(bend @ h @ bend)), MOST_BEND * float(np.sqrt(step @ h @ step))
    return np.asarray(bend * min(1.0, most / max(size, TINY)))


def step_within_bounds(h: Floats, g: Floats, room: tuple[Floats, Floats]) -> Floats:
    """The step that minimises ``d H d/2 - g d`` within ``room``: a parameter at its bound stays, the others know."""
    from scipy.optimize import lsq_linear  # here, so that importing the environments does not import scipy

    values, vectors = np.linalg.eigh(0.5 * (h + h.T))
    root = np.sqrt(np.maximum(values, 1.0))[:, None] * vectors.T  # the prior alone gives every direction at least 1
    low, high = np.minimum(room[0], -TINY), np.maximum(room[1], TINY)
    return np.asarray(lsq_linear(root, np.linalg.solve(root.T, g), (low, high)).x)
