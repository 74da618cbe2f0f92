"""What a calibration would learn from a file, before it is made: slopes at the scenario's own guess, and no step.

Where the guess is far from the hall, outputs that miss their replay count less than they would after the fit. So what
is foreseen as known is known; of the rest some may still be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.plant.datacenter import Plant
from envs.scenario import Scenario
from envs.twin.calibration.fit import fit
from envs.twin.calibration.free_parameters import free_parameters
from envs.twin.calibration.intervals import Interval, covariance, intervals
from envs.twin.calibration.windows import windows_of
from envs.twin.telemetry.telemetry import Telemetry


class Foreseen(NamedTuple):
    """What would be fitted.

    Attributes
    ----------
    days : int
        Windows that would be fitted.
    outputs : tuple of str
        Quantities that the replay would be compared with.
    load : str
        What would drive the racks.
    intervals : tuple of Interval
        At the guess; ``identified`` says whether the data would know it, ``why`` what keeps them from it.
    """

    days: int
    outputs: tuple[str, ...]
    load: str
    intervals: tuple[Interval, ...]


def foreseen(
    scenario: Scenario,
    telemetry: Telemetry,
    held_out_frac: float = 0.25,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Foreseen:
    """Look at what a calibration would learn; arguments as of `calibration.calibrate`.

    Raises
    ------
    ValueError
        Where a calibration would be refused for its inputs.
    """
    layout = Plant(scenario, "float64").layout
    fitted = telemetry.part(0, telemetry.rows - round(held_out_frac * telemetry.rows))
    windows = windows_of(fitted, scenario, layout)
    free = free_parameters(scenario, keep, drop, windows.load_name)
    guess = fit(scenario, windows, free, start=np.zeros(len(free)), iterations=0)
    known = intervals(guess, covariance(guess, telemetry.step_s), fitted.series())
    return Foreseen(windows.count, windows.outputs, windows.load_name, tuple(known))
