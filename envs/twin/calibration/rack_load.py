"""From measured power to the work that draws it: the plant's racks are asked until they draw what the meters read.

Twins and forecasters read the work off a curve that was found once in a cool hall (`estimation.work_by_power`); what
the curve misses by, they correct at every step. A calibration cannot use it. What a rack draws depends on its inlet and
on the parameters that are tried, and whatever the load misses by would be fitted into coils and fans. So the plant
itself is asked, step by step from its state, and a meter's noise may ask for a little less than rest or more than full.
"""

from __future__ import annotations

import numpy as np

from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import LOAD_GAIN, FreeParameter
from envs.twin.calibration.replay import Candidates, ReplayPlant
from envs.twin.calibration.replay_step import ACTIVITY_SPAN
from envs.twin.calibration.windows import Windows

CORRECTIONS = 2  # fans and leakage make a rack's power a little steeper than its rated slope


def activity_of(scenario: Scenario, windows: Windows, free: list[FreeParameter], u: Floats) -> Floats:
    """Work ``(K, S, R, W)`` [share of the rated accelerators] by which the racks draw their measured power.

    Parameters
    ----------
    scenario : Scenario
        The hall.
    windows : Windows
        The measured power is among its inputs.
    free : list of FreeParameter
        With their values ``u (P,)``: what is known of the hall so far.

    Notes
    -----
    Each step is asked ``CORRECTIONS`` times from the same state with the slope of the racks' rated draw, then taken.
    A meter's noise around an idle or a full rack is let through (work a little below 0 or above 1): cut off, it would
    leave a bias of the heat.
    """
    known = [k for k, p in enumerate(free) if not p.path.startswith(LOAD_GAIN)]
    here = Candidates([free[k] for k in known], u[known, None])
    rig = ReplayPlant(scenario, here, windows, corrects=False)
    share = np.full((len(windows.slope_kw), windows.count), 0.3)
    found = []
    for k in range(windows.steps):
        measured = windows.load_kw(k)
        for _ in range(CORRECTIONS):
            drawn = _load_power_kw(rig, windows, share, k, keep=False)
            share = _corrected_share(windows, share, measured - drawn)
        drawn = _load_power_kw(rig, windows, share, k, keep=True)
        found.append(windows.by_slot(_corrected_share(windows, share, measured - drawn)))
    rig.release()
    return np.stack(found)


def _load_power_kw(rig: ReplayPlant, windows: Windows, share: Floats, k: int, keep: bool) -> Floats:
    """Power ``(M, W)`` [kW] at the load's meters for a share of work ``(R, W)``."""
    return np.array(rig.step(k, windows.by_slot(share), keep).load_kw)


def _corrected_share(windows: Windows, share: Floats, short_kw: Floats) -> Floats:
    """Share of work after handing what the meters lack to the racks behind them."""
    return np.clip(share + (windows.load_weights.T @ short_kw) / windows.slope_kw[:, None], *ACTIVITY_SPAN)
