"""Failures of room units played on the halls as they truly are, and how well the forecasters' answers agree."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.forecasting.first_over import FineModel, FirstOver, Played, answer, crah_failure, play
from agents.forecasting.hall_model import HallModel
from envs.world import Load, Outside
from experiments.forecast_halls import Halls, Moment
from experiments.forecast_judge import Case, Judging, failure_cases

Array = NDArray[Any]


def truly_first(halls: Halls, how: Judging) -> dict[Case, FirstOver]:
    """What happens in the halls themselves, moment after moment: ``B`` is moments times halls, halls fastest."""
    nominal = HallModel(halls.core.scenario, power_path_kw=np.zeros((0, 0)))
    fine = FineModel(nominal)
    found = {}
    for case, units in failure_cases(halls.core.scenario).items():
        parts = []
        for moment in halls.moments:
            inlets, step_s = play(fine, _as_it_was(halls, moment, crah_failure(case[0], units)), how.failure_h)
            parts.append(answer(inlets, step_s, how.limit_c))
        found[case] = FirstOver(*(np.concatenate(column, axis=-1) for column in zip(*parts)))
    return found


def _as_it_was(halls: Halls, moment: Moment, faults: Any) -> Played:
    """A moment with the load and weather that came."""
    core = halls.core

    def load(step: int) -> Load:
        return core.world.at(core.plan, moment.t + step, core.dtype)[1]

    def outside(step: int) -> Outside:
        return core.world.at(core.plan, moment.t + step, core.dtype)[0]

    rules = deepcopy(moment.rules)
    wanted = rules.act(moment.measured)
    inlet_c = halls.true_inlet_c[moment.row]
    return Played(moment.state, rules, moment.in_force, wanted, {}, inlet_c, load, outside, faults)


NEVER_SHOWN_S = 3600.0  # a rack that does not go over at all counts as going over after an hour


class Agreement(NamedTuple):
    """How the answers of all halls and moments compare with what happens, for one case.

    ``named_late_*`` is how long after the first rack the rack that was named goes over: 0 where it is the same.
    """

    asked: int
    crossings: int
    foreseen: int
    false_alarms: int
    same_rack: int
    among_three: int
    median_error_s: float
    ninth_decile_error_s: float
    named_late_median_s: float
    named_late_ninth_decile_s: float
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
    named = np.take_along_axis(true.by_rack_s, np.maximum(said.rack, 0)[None], axis=0)[0]
    late = np.minimum(named[both], NEVER_SHOWN_S) - true.after_s[both]
    return Agreement(
        asked=len(crossed),
        crossings=int(crossed.sum()),
        foreseen=int(both.sum()),
        false_alarms=int((warned & ~crossed).sum()),
        same_rack=int(((said.rack == true.rack) & both).sum()),
        among_three=int(among.sum()),
        median_error_s=_quantile(error, 0.5),
        ninth_decile_error_s=_quantile(error, 0.9),
        named_late_median_s=_quantile(late, 0.5),
        named_late_ninth_decile_s=_quantile(late, 0.9),
        row={
            "true_rack": float(true.rack[0]),
            "true_after_min": float(true.after_s[0] / 60.0),
            "said_rack": float(said.rack[0]),
            "said_after_min": float(said.after_s[0] / 60.0),
        },
    )


def _quantile(values: Array, q: float) -> float:
    return float(np.quantile(values, q)) if values.size else float("nan")
