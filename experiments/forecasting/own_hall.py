"""A forecast of one's own hall: the coming day, how good such forecasts were on its last days, what failures do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from agents.forecasting.baselines import persistence
from agents.forecasting.engine import Forecast, Forecaster, ForecastSettings
from agents.forecasting.first_over import FirstOver, crah_failure, first_over_each
from agents.forecasting.hall_log import HallHistory
from agents.forecasting.lags import lookback_steps, steps_per_day
from agents.forecasting.prior_fit import PriorFitSettings, matched_scenarios
from agents.forecasting.residual import target_series
from envs.physics.namespace import Floats
from envs.scenario import Scenario
from envs.twin.calibration.free_parameters import with_values
from envs.twin.telemetry.telemetry import Telemetry

LEAST_DAYS = 15.0  # a week looked back on, a day for each fold, and days beside
JUDGED_FRAC, JUDGED_STRIDE_H = 0.25, 6.0
SHOWN_H = (1.0 / 12.0, 1.0, 3.0, 6.0, 12.0, 24.0)
AIRFLOW_FRAC = 0.15  # by which a matched airflow may be off, docs/forecast.md
BALANCED_FRAC = 0.10  # and one that return air tells: 3.5 % low, give or take 3.2 % (decision 0032), twice that


@dataclass(frozen=True)
class Asked:
    """What is asked of a hall.

    Attributes
    ----------
    match : bool
        Bring the scenario near the hall first; a calibrated one needs none.
    limit_c : float
        Inlet limit [degC].
    failure_h : float
        How far a failure is followed [h].
    """

    match: bool = True
    limit_c: float = 32.0
    failure_h: float = 1.0


class Skill(NamedTuple):
    """How good forecasts of the hall's last days were, at one horizon; errors are against readings.

    Attributes
    ----------
    horizon_h : float
    inlet_rmse_k, inlet_persistence_k, inlet_covered : float
        Error of the forecast and of "it stays as it is", and the share of 90 % intervals that held.
    cooling_rmse_kw, cooling_persistence_kw, cooling_covered : float
        The same of cooling power.
    """

    horizon_h: float
    inlet_rmse_k: float
    inlet_persistence_k: float
    inlet_covered: float
    cooling_rmse_kw: float
    cooling_persistence_kw: float
    cooling_covered: float


class Failure(NamedTuple):
    """What a failure now leads to, by three plants: with less air from room units, as believed, with more.

    Attributes
    ----------
    zone : str
    units : float
        Lost.
    after_s : tuple of float
        First rack over the limit [s]; infinite where none is.
    highest_c : tuple of float
        Highest inlet within the time that is followed [degC].
    racks : tuple of int
        Racks in the order in which they go over, as believed; at most three.
    spread_frac : float
        By how much the airflow of the three plants differs from what is believed.
    """

    zone: str
    units: float
    after_s: tuple[float, ...]
    highest_c: tuple[float, ...]
    racks: tuple[int, ...]
    spread_frac: float

    @property
    def is_foreseen(self) -> bool:
        """Whether all three plants agree that a rack goes over, or that none does."""
        over = np.isfinite(self.after_s)
        return bool(over.all() or not over.any())


class OwnForecast(NamedTuple):
    """A hall's coming day.

    Attributes
    ----------
    start_utc : datetime64
        Now: the last row of the log.
    step_s : float
    forecast : Forecast
        ``B`` = 1.
    skill : list of Skill
        Empty where the log is too short for it.
    failures : list of Failure
    """

    start_utc: np.datetime64
    step_s: float
    forecast: Forecast
    skill: list[Skill]
    failures: list[Failure]


def own_forecast(
    scenario: Scenario,
    past: HallHistory,
    asked: Asked,
    settings: ForecastSettings | None = None,
    tick: Callable[[str], None] = lambda words: None,
) -> OwnForecast:
    """Learn from a hall's own past, and say what comes.

    Raises
    ------
    ValueError
        Where the log is too short.
    """
    history = past.telemetry
    require_days(history)
    settings = settings or ForecastSettings()
    if asked.match:
        tick("matching the scenario to the hall")
    balanced = balanced_flows(scenario, past.airflow_frac)
    scenario = believed_hall(scenario, history, asked.match)
    skill = skill_of(scenario, history, settings, tick)
    tick("learning from all days")
    forecaster = Forecaster(scenario, settings)
    forecaster.fit(history)
    now = history.part(history.rows - lookback_steps(history.step_s), history.rows).own_copy()
    told = forecaster.forecast(now)
    tick("playing failures")
    found = failures(forecaster, now, asked, balanced)
    start = history.start_utc[0] + np.timedelta64(round((history.rows - 1) * history.step_s), "s")
    return OwnForecast(start, history.step_s, told, skill, found)


def believed_hall(scenario: Scenario, history: Telemetry, match: bool) -> Scenario:
    """The scenario, first brought near the hall by its telemetry where ``match`` says so."""
    return matched_scenarios(scenario, history, PriorFitSettings())[0] if match else scenario


def require_days(history: Telemetry) -> None:
    """Refuse a log from which nothing can be learnt."""
    days = history.rows / steps_per_day(history.step_s)
    if days < LEAST_DAYS:
        raise ValueError(
            f"the log holds {days:.1f} days; give at least {LEAST_DAYS:.0f}: a week that the forecast looks back on, "
            "and days to learn from. Four weeks are better"
        )


def skill_of(
    scenario: Scenario, history: Telemetry, settings: ForecastSettings, tick: Callable[[str], None]
) -> list[Skill]:
    """Forecasts of the log's last days by what was learnt before them; empty where too few days would be left."""
    split = history.rows - round(JUDGED_FRAC * history.rows)
    if split / steps_per_day(history.step_s) < LEAST_DAYS:
        return []
    tick("judging forecasts of the last days")
    forecaster = Forecaster(scenario, settings)
    forecaster.fit(history.part(0, split).own_copy())
    later = history.part(split - lookback_steps(history.step_s), history.rows).own_copy()
    past, after = forecaster.moments(later, JUDGED_STRIDE_H)
    read = target_series(after.part(1, after.rows)).astype(np.float64)
    mean, stays = forecaster.mean(past), persistence(past, forecaster.steps)
    low, high = forecaster.conformal.offsets(past.now)
    inside = (read >= mean + low) & (read <= mean + high)
    rows = [
        round(h * 3600.0 / history.step_s) - 1
        for h in SHOWN_H
        if history.step_s <= 3600.0 * h <= 3600.0 * settings.horizon_h
    ]
    return [_skill(row, history.step_s, read - mean, read - stays, inside) for row in rows]


def _skill(row: int, step_s: float, error: Floats, stays: Floats, inside: Floats) -> Skill:
    def rms(values: Floats) -> float:
        return float(np.sqrt((values**2).mean()))

    inlets, cooling = (slice(None, -1), slice(-1, None))
    return Skill(
        (row + 1) * step_s / 3600.0,
        *(rms(error[row, inlets]), rms(stays[row, inlets]), float(inside[row, inlets].mean())),
        *(rms(error[row, cooling]), rms(stays[row, cooling]), float(inside[row, cooling].mean())),
    )


def failures(forecaster: Forecaster, now: Telemetry, asked: Asked, balanced: Mapping[str, float]) -> list[Failure]:
    """Every zone with one unit lost, and with all, on three plants that differ in the air of their room units.

    ``balanced`` has the airflows that return air told, as of `balanced_flows`; the others are known less well.
    """
    scenario = with_values(forecaster.model.scenario, balanced)
    cases = [
        (number, name, units)
        for number, (name, zone) in enumerate(scenario.zones.items())
        for units in dict.fromkeys((1.0, float(np.max(zone.crah_units))))
    ]
    lost = [crah_failure(number, units) for number, _, units in cases]
    spread = {name: BALANCED_FRAC if _flow_of(name) in balanced else AIRFLOW_FRAC for name in scenario.zones}
    plants = [
        first_over_each(other, now, lost, asked.limit_c, asked.failure_h)
        for other in (
            _with_air(forecaster, scenario, spread, -1.0),
            _with_air(forecaster, scenario, spread, 0.0) if balanced else forecaster,
            _with_air(forecaster, scenario, spread, 1.0),
        )
    ]
    return [
        Failure(
            name,
            units,
            tuple(float(plant[k].after_s[0]) for plant in plants),
            tuple(float(plant[k].highest_c.max()) for plant in plants),
            _order(plants[1][k]),
            spread[name],
        )
        for k, (_, name, units) in enumerate(cases)
    ]


def _with_air(forecaster: Forecaster, scenario: Scenario, spread: Mapping[str, float], side: float) -> Forecaster:
    """A forecaster with the same outlook, whose room units blow more or less air by their spread."""
    flows = {
        _flow_of(name): (1.0 + side * spread[name]) * float(np.max(zone.unit_flow_m3_s))
        for name, zone in scenario.zones.items()
    }
    other = Forecaster(with_values(scenario, flows), forecaster.settings)
    other.outlook = forecaster.outlook
    return other


def balanced_flows(scenario: Scenario, airflow_frac: Floats) -> dict[str, float]:
    """Airflow of a room unit ``{parameter: m3/s}`` in the zones where return air tells it."""
    return {
        _flow_of(name): float(share) * float(np.max(zone.unit_flow_m3_s))
        for (name, zone), share in zip(scenario.zones.items(), airflow_frac)
        if np.isfinite(share)
    }


def _flow_of(zone: str) -> str:
    return f"zones.{zone}.unit_flow_m3_s"


def _order(found: FirstOver) -> tuple[int, ...]:
    by_rack = found.by_rack_s[:, 0]
    first = [int(rack) for rack in np.argsort(by_rack, kind="stable")[:3]]
    return tuple(rack for rack in first if np.isfinite(by_rack[rack]))
