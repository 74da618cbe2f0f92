"""The whole of it: telemetry in, the most probable parameters, how well they are known, the error on held-out days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.scenario import Scenario
from envs.twin.calibration.errors import end_to_end
from envs.twin.calibration.fit import FitResult, Report, fit
from envs.twin.calibration.free_parameters import FreeParameter, free_parameters
from envs.twin.calibration.intervals import Interval, covariance, intervals
from envs.twin.calibration.output_fit import OutputFit, misfits, output_fits
from envs.twin.calibration.rack_load import activity_of
from envs.twin.calibration.replay import Candidates, replay
from envs.twin.calibration.windows import BURN_IN_S, Windows, windows_of
from envs.twin.telemetry.quantities import QUANTITIES
from envs.twin.telemetry.telemetry import Telemetry


@dataclass(frozen=True)
class ChannelError:
    """How far one quantity is off on days that were not fitted: calibrated, and with the scenario as it was.

    ``rmse`` and ``bias`` are in the quantity's unit, ``cv_frac`` is the root mean square error over the mean.
    """

    channel: str
    rmse: float
    bias: float
    cv_frac: float
    rmse_before: float
    readings: int


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a calibration found.

    Attributes
    ----------
    fit : FitResult
        On the first part of the telemetry.
    fitted, held_out : Windows
        The days fitted, and those kept aside (None where there were too few).
    intervals : tuple of Interval
    covariance : ndarray (P, P)
        In ``u``.
    errors : tuple of ChannelError
        On the days held out, a day ahead each.
    shown : ndarray (T, N)
        What the calibrated plant shows on the days held out, end to end.
    output_fits : tuple of OutputFit
        How every output follows its own replay, on the days held out, else on those fitted.
    wrong_inputs : tuple of str
        Points that go on driving the replay though screening found them wrong.
    """

    fit: FitResult
    fitted: Windows
    held_out: Windows | None
    intervals: tuple[Interval, ...]
    covariance: Floats
    errors: tuple[ChannelError, ...]
    shown: Floats
    output_fits: tuple[OutputFit, ...]
    wrong_inputs: tuple[str, ...] = ()

    @property
    def misfits(self) -> dict[str, str]:
        """Outputs that do not follow their replay, and how they miss."""
        return misfits(self.output_fits)

    @property
    def believed_intervals(self) -> tuple[Interval, ...]:
        """Intervals with none called known while an input is wrong or an output does not follow its replay."""
        reasons = [f"{', '.join(self.misfits)} does not fit"] if self.misfits else []
        reasons += [f"{', '.join(self.wrong_inputs)} is wrong"] if self.wrong_inputs else []
        if not reasons:
            return self.intervals
        why = "; ".join(reasons)
        return tuple(replace(i, identified=False, why=why) if i.identified else i for i in self.intervals)


def calibrate(
    scenario: Scenario,
    telemetry: Telemetry,
    *,
    held_out_frac: float = 0.25,
    window_s: float = 86_400.0,
    ahead_s: float = 86_400.0,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    wrong_inputs: Sequence[str] = (),
    report: Report | None = None,
) -> Calibration:
    """Fit a scenario's parameters to telemetry and judge them on its last days.

    Parameters
    ----------
    scenario : Scenario
        Topology, priors, and how good the sensors are.
    telemetry : Telemetry
        Of one hall, screened.
    held_out_frac : float
        Share of the file at its end that is not fitted.
    window_s : float
        Length of a fitted window [s]; shorter ones run side by side, which suits small halls.
    ahead_s : float
        How far ahead the held-out error looks [s].
    keep, drop : sequence of str
        Parts of parameter paths to fit, and not to fit.
    wrong_inputs : sequence of str
        Points that screening found wrong and that drive the replay all the same.
    report : callable, optional
        Called with words and the share done.
    """
    if not 0.0 <= held_out_frac < 0.9:
        raise ValueError(f"held_out = {held_out_frac} is outside [0, 0.9); give the share of days to keep aside")
    layout = Plant(scenario, "float64").layout
    split = telemetry.rows - round(held_out_frac * telemetry.rows)
    burn = round(BURN_IN_S / telemetry.step_s)
    fitted = windows_of(telemetry.part(0, split), scenario, layout, window_s)
    held: Windows | None = None
    if telemetry.rows - split >= 2 * burn:  # cut before the fit: what it lacks is said before the work is done
        held = windows_of(telemetry.part(split - burn, telemetry.rows), scenario, layout, ahead_s)
    free = free_parameters(scenario, keep, drop, fitted.load_name)
    found = fit(scenario, fitted, free, report)
    errors: tuple[ChannelError, ...] = ()
    shown = np.zeros((0, 0))
    if held is not None:
        if report is not None:
            report("days held out", 0.99)
        shown = replay_at(scenario, held, free, found.u)
        errors = _errors(held, shown, replay_at(scenario, held, free, np.zeros(len(free))))
    known = covariance(found, telemetry.step_s)
    return Calibration(
        found,
        fitted,
        held,
        tuple(intervals(found, known, telemetry.part(0, split).series())),
        known,
        errors,
        shown,
        output_fits(held, shown) if held is not None else output_fits(fitted, found.predicted),
        tuple(wrong_inputs),
    )


def replay_at(scenario: Scenario, windows: Windows, free: Sequence[FreeParameter], u: Floats) -> Floats:
    """What the plant shows at a point ``u (P,)``: ``(T, N)``, windows end to end, under the load that was measured."""
    activity = activity_of(scenario, windows, list(free), u)
    one = replay(scenario, Candidates(free, u[:, None]), windows, activity, windows.outputs)
    return end_to_end(one)[:, :, 0]


def _errors(windows: Windows, shown: Floats, before: Floats) -> tuple[ChannelError, ...]:
    """Error of every quantity, its rows together."""
    truth, made = end_to_end(windows.shown), []
    for name in windows.outputs:
        rows = [k for k, (n, _) in enumerate(windows.rows) if n == name]
        miss, miss_before = shown[:, rows] - truth[:, rows], before[:, rows] - truth[:, rows]
        known = np.isfinite(miss)
        if not known.any():
            continue
        rmse = float(np.sqrt((miss[known] ** 2).mean()))
        mean = float(np.abs(truth[:, rows][known]).mean())
        cv = rmse / mean if QUANTITIES[name].kind == "power" and mean > 0.0 else float("nan")
        was = float(np.sqrt((miss_before[known] ** 2).mean()))
        made.append(ChannelError(name, rmse, float(miss[known].mean()), cv, was, int(known.sum())))
    return tuple(made)
