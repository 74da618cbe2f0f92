"""Failures of room units played on the halls as they truly are, and how well the forecasters' answers agree.

They need the halls, the matched scenarios and the outlook alone: ``failures_alone=true`` skips the judged day-blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np

from agents.forecasting.engine import Forecaster
from agents.forecasting.first_over import FineModel, FirstOver, PlayedHalls, answers_per_failure, crah_failure
from envs.episodes.world import Load, Outside
from envs.faults import Fault
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.estimation.hall_model import HallModel
from envs.twin.telemetry.telemetry import INLET
from experiments.forecasting.halls import Halls, Moment
from experiments.forecasting.judge import Answers, Case, Judging, failure_cases, hall_answers


def true_crossings(halls: Halls, how: Judging) -> dict[Case, FirstOver]:
    """What happens in the halls themselves, moment after moment: ``B`` is moments times halls, halls fastest."""
    fine = FineModel(HallModel(halls.core.scenario, power_path_kw=np.zeros((0, 0))))
    found = {}
    for (zone, lost), units in failure_cases(halls.core.scenario).items():
        failure = [crah_failure(zone, units)]
        parts = [
            answers_per_failure(fine, _moment_with_true_signals(halls, m), failure, how.limit_c, how.failure_h)[0]
            for m in halls.moments
        ]
        found[(zone, lost)] = FirstOver(*(np.concatenate(column, axis=-1) for column in zip(*parts)))
    return found


def _moment_with_true_signals(halls: Halls, moment: Moment) -> PlayedHalls:
    """A moment with the load and weather that came."""
    core = halls.core

    def load(step: int) -> Load:
        return core.world.at(core.plan, moment.t + step, core.dtype)[1]

    def outside(step: int) -> Outside:
        return core.world.at(core.plan, moment.t + step, core.dtype)[0]

    rules = deepcopy(moment.rules)
    wanted = rules.act(moment.measured)
    inlet_c = halls.truth.values[INLET][moment.row]
    quiet: list[list[Fault]] = [[]] * core.num_envs
    return PlayedHalls(moment.state, rules, moment.in_force, wanted, {}, inlet_c, load, outside, quiet)


def answers_of_halls(
    halls: Halls, believed: Sequence[Scenario], how: Judging, tick: Callable[[str], None]
) -> list[Answers]:
    """Every hall's answers by forecasters that have learnt the outlook alone."""
    found = []
    for i, scenario in enumerate(believed):
        history = halls.telemetry.hall(i)
        forecaster = Forecaster(scenario, how.settings)
        forecaster.fit_outlook(history.part(0, how.train_rows(history.step_s)))
        found.append(hall_answers(forecaster, history, how))
        tick(f"hall {i + 1} of {len(believed)} asked")
    return found


def agreements(halls: Halls, how: Judging, said: Sequence[Answers]) -> dict[str, Agreement]:
    """Failure in words to how all halls' answers ``said`` agree with what happens."""
    if not halls.moments:
        return {}
    zones = list(halls.core.scenario.zones)
    return {
        f"zone {zones[zone]}: {'every room unit' if lost == 'all' else 'one room unit'}": agreement(
            true, [answers_per_failure[(zone, lost)] for answers_per_failure in said], how.limit_c
        )
        for (zone, lost), true in true_crossings(halls, how).items()
    }


LASTING_S = 60.0  # over the limit for longer than this is more than the room fans' ramp after the inlet alarm
NEVER_SHOWN_S = 3600.0  # a rack that does not go over at all counts as going over after an hour


class Agreement(NamedTuple):
    """How the answers of all halls and moments compare with what happens, for one case.

    ``named_late_*`` is how long after the first rack the rack that was named goes over: 0 where it is the same.
    ``lasting*`` count those over for more than ``LASTING_S``; ``peak_*`` is the error of the highest inlet;
    ``expected`` is the sum of the chances that were given, ``brier`` their mean squared error, ``brier_of_share`` that
    of always giving the share that came.
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
    median_over_s: float
    lasting: int
    lasting_foreseen: int
    lasting_false: int
    peak_bias_k: float
    peak_rmse_k: float
    expected: float
    brier: float
    brier_of_share: float
    row: dict[str, float]


def agreement(true: FirstOver, ours: Sequence[FirstOver], limit_c: float) -> Agreement:
    """Compare; ``ours`` has one answer per hall, of all moments.

    Parameters
    ----------
    true : FirstOver
        ``B`` = moments x halls, halls fastest.
    ours : sequence of FirstOver
        By hall, ``B`` = moments.
    limit_c : float
        That was asked about [degC].
    """
    said = FirstOver(*(np.stack(column, axis=-1).reshape(*column[0].shape[:-1], -1) for column in zip(*ours)))
    crossed, warned = np.isfinite(true.after_s), np.isfinite(said.after_s)
    both = crossed & warned
    order = np.argsort(said.by_rack_s, axis=0)[:3]
    among = (order == true.rack).any(axis=0) & both
    error = np.abs(said.after_s[both] - true.after_s[both])
    named = np.take_along_axis(true.by_rack_s, np.maximum(said.rack, 0)[None], axis=0)[0]
    late = np.minimum(named[both], NEVER_SHOWN_S) - true.after_s[both]
    over_s = true.over_s.max(axis=0)
    lasts, said_lasts = over_s > LASTING_S, said.over_s.max(axis=0) > LASTING_S
    missed_k = said.highest_c.max(axis=0) - true.highest_c.max(axis=0)
    chance = said.chance(limit_c)
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
        median_over_s=_quantile(over_s[crossed], 0.5),
        lasting=int(lasts.sum()),
        lasting_foreseen=int((lasts & said_lasts).sum()),
        lasting_false=int((said_lasts & ~lasts).sum()),
        peak_bias_k=float(missed_k.mean()),
        peak_rmse_k=float(np.sqrt((missed_k**2).mean())),
        expected=float(chance.sum()),
        brier=float(((chance - crossed) ** 2).mean()),
        brier_of_share=float(crossed.mean() * (1.0 - crossed.mean())),
        row={
            "true_rack": float(true.rack[0]),
            "true_after_min": float(true.after_s[0] / 60.0),
            "said_rack": float(said.rack[0]),
            "said_after_min": float(said.after_s[0] / 60.0),
        },
    )


def _quantile(values: Floats, q: float) -> float:
    return float(np.quantile(values, q)) if values.size else float("nan")
