"""Failures of room units played on the halls as they truly are, and how well the forecasters' answers agree."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.forecasting.first_over import FirstOver, MinuteModel, Minutes, answer, crah_failure, play
from agents.forecasting.hall_model import HallModel
from envs.world import Load, Outside
from experiments.forecast_halls import Halls, Moment
from experiments.forecast_judge import Case, Judging, failure_cases

Array = NDArray[Any]


def truly_first(halls: Halls, how: Judging) -> dict[Case, FirstOver]:
    """What happens in the halls themselves, moment after moment: ``B`` is moments times halls, halls fastest."""
    nominal = HallModel(halls.core.scenario, power_path_kw=np.zeros((0, 0)))
    fine = MinuteModel(nominal)
    found = {}
    for case, units in failure_cases(halls.core.scenario).items():
        parts = []
        for moment in halls.moments:
            inlets, step_s = play(fine, _as_it_was(halls, moment, crah_failure(case[0], units)), how.failure_h)
            parts.append(answer(inlets, step_s, how.limit_c))
        found[case] = FirstOver(*(np.concatenate(column, axis=-1) for column in zip(*parts)))
    return found


def _as_it_was(halls: Halls, moment: Moment, faults: Any) -> Minutes:
    """A moment with the load and weather that came."""
    core = halls.core

    def load(step: int) -> Load:
        return core.world.at(core.plan, moment.t + step, core.dtype)[1]

    def outside(step: int) -> Outside:
        return core.world.at(core.plan, moment.t + step, core.dtype)[0]

    rules = deepcopy(moment.rules)
    wanted = rules.act(moment.measured)
    return Minutes(moment.state, rules, moment.in_force, wanted, {}, load, outside, faults)


class Agreement(NamedTuple):
    """How the answers of all halls and moments compare with what happens, for one case."""

    asked: int
    crossings: int
    foreseen: int
    false_alarms: int
    same_rack: int
    among_three: int
    median_error_s: float
    ninth_decile_error_s: float
    row: dict[str, float]


def agreement(true: FirstOver, ours: Sequence[FirstOver]) -> Agreement:
    """Compare; ``ours`` has one answer per hall, of all moments.

    Parameters
    ----------
    true : FirstOver
        ``B`` = moments x halls, halls fastest.
    ours : sequence of FirstOver
        By hall, ``B`` = moments.
    """
    said = FirstOver(*(np.stack(column, axis=-1).reshape(*column[0].shape[:-1], -1) for column in zip(*ours)))
    crossed, warned = np.isfinite(true.after_s), np.isfinite(said.after_s)
    both = crossed & warned
    order = np.argsort(said.by_rack_s, axis=0)[:3]
    among = (order == true.rack).any(axis=0) & both
    error = np.abs(said.after_s[both] - true.after_s[both])
    median, ninth = (float(np.quantile(error, q)) for q in (0.5, 0.9)) if both.any() else (np.nan, np.nan)
    return Agreement(
        asked=len(crossed),
        crossings=int(crossed.sum()),
        foreseen=int(both.sum()),
        false_alarms=int((warned & ~crossed).sum()),
        same_rack=int(((said.rack == true.rack) & both).sum()),
        among_three=int(among.sum()),
        median_error_s=median,
        ninth_decile_error_s=ninth,
        row={
            "true_rack": float(true.rack[0]),
            "true_after_min": float(true.after_s[0] / 60.0),
            "said_rack": float(said.rack[0]),
            "said_after_min": float(said.after_s[0] / 60.0),
        },
    )
