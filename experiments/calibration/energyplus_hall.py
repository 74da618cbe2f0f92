"""Our hall fitted to telemetry of EnergyPlus's, another structure, and judged on months that the fit has not seen.

The fit starts from sizes that are wrong on purpose: all that `free_parameters` names is off by 10 to 25 %, drawn from a
seed. What is not fitted (kind of chiller, numbers of machines, design flows of pumps) is as in EnergyPlus: a nameplate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.scenario import Scenario
from envs.twin.calibration.calibration import Calibration, calibrate, replay_at
from envs.twin.calibration.errors import end_to_end
from envs.twin.calibration.fit import Report
from envs.twin.calibration.free_parameters import FreeParameter, free_parameters, with_values
from envs.twin.calibration.windows import Windows, windows_of
from envs.twin.telemetry.quantities import MODES
from envs.twin.telemetry.telemetry import Telemetry
from experiments.calibration.energyplus_telemetry import rows_alone
from experiments.validation.compare import COOLING
from experiments.validation.guideline14 import agreement, means_by

Months = Mapping[int, tuple[int, int]]

OFF_FRAC = (0.10, 0.25)  # how wrong a size is, either way
OFF_SD = (1.0, 2.0)  # how wrong a share or an exponent is, in its prior's standard deviations
TEMPERATURES = ("zone_supply_c", "zone_return_c", "chw_supply_c", "chw_return_c")
BESIDE = ("cw_supply_c", "coil_valve_frac", "tower_fan_speed_frac")  # no bar asks for these
COOLING_BAR_FRAC, TEMPERATURE_BAR_K = 0.10, 1.0
TOTAL = "cooling_power_kw"
HOUR_S = 3600.0
#: Ways to replay a month: the fit; wrong sizes unfitted; EnergyPlus's own sizes unfitted; the fit with our own staging
WAYS = ("after", "before", "given", "own_modes")


class MonthRow(NamedTuple):
    """One quantity of one held-out month under one way to replay it, against the readings.

    ``cv_frac`` and ``cv_hourly_frac`` (of hourly means) are of powers alone, nan elsewhere; units are the quantity's.
    """

    way: str
    month: int
    quantity: str
    mean: float
    rmse: float
    bias: float
    cv_frac: float
    cv_hourly_frac: float
    n: int


class JudgedFit(NamedTuple):
    """A calibration with its held-out months."""

    start: Scenario
    found: Calibration
    rows: list[MonthRow]


def wrong_sizes(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with all fitted numbers off, in bounds: sizes by `OFF_FRAC`, shares and exponents by `OFF_SD`."""
    rng = np.random.default_rng(seed)
    values = {}
    for p in free_parameters(scenario):
        way, share = rng.choice([-1.0, 1.0]), rng.random()
        if not p.is_input:
            off = OFF_FRAC if p.log else OFF_SD
            by = way * (off[0] + share * (off[1] - off[0]))
            wrong = p.prior * (1.0 + by) if p.log else p.prior + by * p.sd
            values[p.path] = float(np.clip(wrong, p.low, p.high))
    return with_values(scenario, values)


def calibrate_months(
    scenario: Scenario,
    telemetry: Telemetry,
    rows: Months,
    fitted: Sequence[int],
    seed: int = 0,
    report: Report | None = None,
    window_s: float = 86_400.0,
    parameters: Sequence[str] = (),
) -> JudgedFit:
    """Fit on some months of a year and judge on the others.

    Parameters
    ----------
    scenario : Scenario
        As EnergyPlus was generated; the fit does not see it.
    telemetry : Telemetry
        The year, screened.
    rows : mapping
        First and last row (excluded) of what was logged of each month.
    fitted : sequence of int
        Months that are fitted; all others in ``rows`` are judged.
    seed : int
        Of the wrong sizes.
    report : callable, optional
        Called with words and the share done.
    window_s : float
        How long a replay runs before it begins anew, behind its burn-in [s].
    parameters : sequence of str
        Parts of parameter paths to fit; all where empty.
    """
    start = wrong_sizes(scenario, seed)
    weeks = rows_alone(telemetry, [rows[m] for m in fitted])
    found = calibrate(start, weeks, held_out_frac=0.0, window_s=window_s, keep=parameters, report=report)
    held_out = {month: part for month, part in rows.items() if month not in fitted}
    return JudgedFit(start, found, replay_errors(scenario, start, found, telemetry, held_out, window_s))


def replay_errors(
    scenario: Scenario, start: Scenario, found: Calibration, telemetry: Telemetry, months: Months, window_s: float
) -> list[MonthRow]:
    """Every way to replay the months: windows side by side, each behind its burn-in, under the inputs that came."""
    free, sizes = list(found.fit.free), free_parameters(scenario)
    moded = rows_alone(telemetry, list(months.values()))
    unmoded = moded.with_values({n: v for n, v in moded.values.items() if n not in MODES})
    ways: dict[str, tuple[Scenario, Telemetry, Sequence[FreeParameter], Floats]] = {
        "after": (start, moded, free, found.fit.u),
        "before": (start, moded, free, np.zeros(len(free))),
        "given": (scenario, moded, sizes, np.zeros(len(sizes))),
        "own_modes": (start, unmoded, free, found.fit.u),
    }
    made = []
    for way in WAYS:
        hall, readings, parameters, u = ways[way]
        windows = windows_of(readings, hall, Plant(hall, "float64").layout, window_s)
        made += month_rows(way, months, windows, replay_at(hall, windows, parameters, u))
    return made


def month_rows(way: str, months: Months, windows: Windows, shown: Floats) -> list[MonthRow]:
    """Errors of a replay ``shown (T, N)`` against the readings of its windows, month by month."""
    read = end_to_end(windows.shown)
    at = (windows.first_rows[:, None] + np.arange(windows.steps - windows.burn_in)).ravel()
    pairs = {
        name: (read[:, columns], shown[:, columns])
        for name in (*TEMPERATURES, *BESIDE, *COOLING)
        if (columns := [k for k, (n, _) in enumerate(windows.rows) if n == name])
    }
    powers, replays = zip(*(pairs[name] for name in COOLING if name in pairs))
    pairs[TOTAL] = np.sum(powers, axis=0), np.sum(replays, axis=0)
    hour = at // round(HOUR_S / windows.step_s)
    made = []
    for month, (first, last) in months.items():
        here = ((at >= first) & (at < last))[:, None]
        for name, (y, m) in pairs.items():
            known = here & np.isfinite(y)
            hours = np.broadcast_to(hour[:, None], y.shape)[known]
            made.append(_row(way, month, name, y[known], m[known], hours))
    return made


def _row(way: str, month: int, name: str, read: Floats, shown: Floats, hour: NDArray[np.int64]) -> MonthRow:
    """One row; hourly means are those of the readings that there are."""
    found = agreement(read, shown)
    cv = hourly = float("nan")
    if name.endswith("_kw"):
        cv = found.cv_rmse_frac
        hourly = agreement(means_by(hour, read), means_by(hour, shown)).cv_rmse_frac
    return MonthRow(way, month, name, found.mean, found.rmse, found.bias, cv, hourly, found.n)
