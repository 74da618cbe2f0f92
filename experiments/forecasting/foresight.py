"""The foresight of lost room units held against simulated halls: a log is asked as anybody's, then the units fail.

The answer sees a building's log alone: sensors that err, readings that are missing. What happens is played on the hall
itself, with the load and weather that came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from agents.forecasting.engine import Forecaster, ForecastSettings
from agents.forecasting.first_over import FirstOver
from agents.forecasting.hall_log import hall_history
from agents.forecasting.lags import lookback_steps, steps_per_day
from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import with_values
from envs.twin.telemetry.quantities import quantities_of
from envs.twin.telemetry.synthetic import NOT_LOGGED, synthetic_telemetry
from envs.twin.telemetry.telemetry import Telemetry
from experiments.forecasting.failures import true_crossings
from experiments.forecasting.halls import HallDraw, Halls, simulate
from experiments.forecasting.judge import Case, Judging
from experiments.forecasting.own_hall import Asked, Failure, balanced_flows, believed_hall, failures

KNOWN, GUESSED = "as it is", "guessed and matched"
MOMENTS = 4  # ends of logs, spread over a day and a half: one of them for each hall
SPAN_DAYS = 1.5


class Whose(NamedTuple):
    """Whose answer it is: the scenario, what is known of the hall, and its draw."""

    scenario: str
    belief: str
    seed: int
    hall: int


class Held(NamedTuple):
    """One answer and what happened.

    Attributes
    ----------
    scenario, belief, zone : str
    seed, hall : int
    units : float
        Lost.
    said : str
        ``over``, ``none`` or ``not foreseen``.
    said_after_s, true_after_s : float
        First rack over the limit [s], as believed and in truth; infinite where none is.
    said_highest_c, true_highest_c : float
        Highest inlet [degC].
    lowest_c, uppermost_c : float
        Highest inlet of the three plants that differ most [degC].
    said_racks : tuple of int
        At most three.
    true_rack : int
        -1 where none is.
    named_late_s : float
        How long after the first rack the one that was named first goes over; NaN where none was named or none went.
    """

    scenario: str
    belief: str
    seed: int
    hall: int
    zone: str
    units: float
    said: str
    said_after_s: float
    true_after_s: float
    said_highest_c: float
    true_highest_c: float
    lowest_c: float
    uppermost_c: float
    said_racks: tuple[int, ...]
    true_rack: int
    named_late_s: float


def held_foresight(
    scenario: Scenario, draw: HallDraw, asked: Asked, beliefs: Sequence[str], tick: Callable[[str], None]
) -> list[Held]:
    """Ask about every hall by its log, fail its units, and put both side by side.

    Parameters
    ----------
    scenario : Scenario
        What the halls are drawn around, and what is guessed of them.
    draw : HallDraw
        ``days`` is the length of the shortest log.
    asked : Asked
        ``match`` follows from the belief.
    beliefs : sequence of str
        ``GUESSED``: the scenario, matched by the log. ``KNOWN``: the hall's true parameters, which no calibration
        beats.
    tick : callable
    """
    per_day = steps_per_day(float(scenario.episode.step_s))
    ends = [round(per_day * (draw.days + SPAN_DAYS * k / MOMENTS)) - 1 for k in range(MOMENTS)]
    logged = [n for n in quantities_of(Layout(scenario, np.dtype("float32")), scenario) if n not in NOT_LOGGED]
    longer = replace(draw, days=int(np.ceil(draw.days + SPAN_DAYS)))
    halls = simulate(scenario, longer, tick, ends, logged)
    tick("failing units in the halls themselves")
    true = true_crossings(halls, Judging(failures=MOMENTS, failure_h=asked.failure_h, limit_c=asked.limit_c))
    found = []
    for hall in range(draw.halls):
        moment = hall % MOMENTS
        log = hall_log(halls, hall, ends[moment], logged)
        happened = {case: crossing_of(all_, moment * draw.halls + hall) for case, all_ in true.items()}
        for belief in beliefs:
            tick(f"{scenario.name}: asking hall {hall + 1} of {draw.halls}, {belief}")
            start = true_hall(scenario, halls, hall) if belief == KNOWN else own_site(scenario, halls, hall)
            told = answers(start, log, replace(asked, match=belief == GUESSED))
            asked_of = Whose(scenario.name, belief, draw.seed, hall)
            found += [held(asked_of, f, happened[case_of(f, scenario)]) for f in told]
    return found


def hall_log(halls: Halls, hall: int, last: int, logged: Sequence[str]) -> Telemetry:
    """What the building of a hall logged up to a row: noise, constant errors, lost readings."""
    true = halls.truth.part(0, last + 1)
    true = true.with_values({name: true.values[name] for name in logged})
    return synthetic_telemetry(true, hall, halls.core.scenario.sensors, seed=17)


def answers(scenario: Scenario, log: Telemetry, asked: Asked) -> list[Failure]:
    """What `own_hall.own_forecast` says of failures now, without the coming day."""
    past = hall_history(scenario, log)
    history = past.telemetry
    forecaster = Forecaster(believed_hall(scenario, history, asked.match), ForecastSettings())
    forecaster.fit_outlook(history)
    now = history.part(history.rows - lookback_steps(history.step_s), history.rows).own_copy()
    return failures(forecaster, now, asked, balanced_flows(scenario, past.airflow_frac))


def case_of(failure: Failure, scenario: Scenario) -> Case:
    """Which of the failures that were played in the halls an answer is about."""
    return list(scenario.zones).index(failure.zone), "one" if failure.units == 1.0 else "all"


def crossing_of(all_: FirstOver, column: int) -> FirstOver:
    """One of the moments and halls."""
    return FirstOver(*(values[..., column : column + 1] for values in all_))


def held(whose: Whose, told: Failure, true: FirstOver) -> Held:
    """One answer beside what happened."""
    said = ("over" if np.isfinite(told.after_s[1]) else "none") if told.is_foreseen else "not foreseen"
    late = np.nan
    if told.racks and np.isfinite(true.after_s[0]):
        late = float(true.by_rack_s[told.racks[0], 0] - true.after_s[0])
    return Held(
        *whose, told.zone, told.units, said, told.after_s[1], float(true.after_s[0]), told.highest_c[1],
        float(true.highest_c.max()), min(told.highest_c), max(told.highest_c), told.racks, int(true.rack[0]), late,
    )  # fmt: skip


# ---- what is known of a hall -----------------------------------------------------------------------------------------


def own_site(scenario: Scenario, halls: Halls, hall: int) -> Scenario:
    """The guess at the height of the hall's own site, which its owner knows."""
    height = halls.core.measurements()["site_elevation_m"][0, hall]
    return replace(scenario, elevation_m=float(height))


def true_hall(scenario: Scenario, halls: Halls, hall: int) -> Scenario:
    """The scenario with the parameters of one hall."""
    own = {path: float(values[hall]) for path, values in halls.parameters.items()}
    machines = {path: value for path, value in own.items() if not path.startswith("racks.")}
    racks = {name: replace(group, overrides={**group.overrides, **of_group(own, name)})
             for name, group in scenario.racks.items()}  # fmt: skip
    return own_site(replace(with_values(scenario, machines), racks=racks), halls, hall)


def of_group(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Parameters of a rack group by their own names."""
    start = f"racks.{name}."
    return {path.removeprefix(start): value for path, value in values.items() if path.startswith(start)}
