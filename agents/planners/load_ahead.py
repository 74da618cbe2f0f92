"""What a planner expects of load and weather: that they last, or what the forecasting engine's outlook says.

The engine learns from the weeks before and goes on with what the planner measures, by power rows: a row's power is
split among its racks by their rating, in training as in use, and the racks' outlooks are added up to rows again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.forecasting.engine import Forecaster, ForecastSettings
from agents.forecasting.lags import lookback_steps
from envs.controllers.base import Measurements
from envs.physics.namespace import Floats
from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.twin.telemetry.telemetry import INLET, RACK_POWER, Telemetry, timespan

ROW_POWER = "row_power_share"
POINTS = (INLET, ROW_POWER, "dry_bulb_c", "wet_bulb_c", "site_elevation_m")  # of the telemetry before


class ComingSteps(NamedTuple):
    """Coming steps, the last of which lasts: demand of the rows ``(H, P, B)`` [kW], both bulbs ``(H, B)`` [degC]."""

    row_kw: Floats
    dry_bulb_c: Floats
    wet_bulb_c: Floats

    def measurements_at(self, measured: Measurements, step: int) -> Measurements:
        """Measurements with the weather of a coming step instead of the present."""
        return {**measured, "dry_bulb_c": self.dry_bulb_c[step][None], "wet_bulb_c": self.wet_bulb_c[step][None]}


class LoadAhead(Protocol):
    """Follows the measurements and says what comes."""

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Go back to the telemetry before, everywhere or where the mask says."""

    def update(self, measured: Measurements) -> None:
        """Take one control step's measurements."""

    def expectation(self, measured: Measurements, steps: int) -> ComingSteps:
        """Expect up to ``steps`` control steps from these measurements on."""


class Persistence:
    """What is measured lasts."""

    def __init__(self, layout: Layout) -> None:
        self.rated_kw = layout.row_rated_kw

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Nothing is remembered."""

    def update(self, measured: Measurements) -> None:
        """Nothing is remembered."""

    def expectation(self, measured: Measurements, steps: int) -> ComingSteps:
        """The present alone: it lasts."""
        now = measured["row_demand_share"] * self.rated_kw, measured["dry_bulb_c"][0], measured["wet_bulb_c"][0]
        return ComingSteps(*(value[None] for value in now))


class EngineOutlook:
    """The outlook of one forecaster per site.

    Parameters
    ----------
    scenario : Scenario
        The sites'.
    layout : Layout
        Of their plant.
    before : Telemetry
        Telemetry of the weeks before ``(T, k, B)``, with ``POINTS``; the last row is the step before the first
        measurements.
    settings : ForecastSettings, optional
    """

    def __init__(
        self, scenario: Scenario, layout: Layout, before: Telemetry, settings: ForecastSettings | None = None
    ) -> None:
        self.rated_kw, self.racks_of = layout.row_rated_kw, layout.tree.row_racks
        rack_kw = np.asarray(layout.rack_rated_kw, np.float64).reshape(-1, 1)
        self.share = rack_kw / (self.racks_of @ rack_kw)[layout.row_of]  # (R, 1) of its row
        self.row_of, self.step_s = layout.row_of, before.step_s
        split = self._split(before)
        self.forecasters = [Forecaster(scenario, settings) for _ in range(before.batch)]
        for i, forecaster in enumerate(self.forecasters):
            forecaster.fit_outlook(split.hall(i).own_copy())
        self.before = split.part(split.rows - lookback_steps(self.step_s), split.rows).own_copy()
        self.past = self.before.own_copy()

    def _split(self, seen: Telemetry) -> Telemetry:
        """Points of the outlook, rack power from row power ``(T, P, B)``."""
        values = {n: seen.values[n] for n in POINTS if n != ROW_POWER}
        return seen.with_values(values | {RACK_POWER: self._rack_kw(seen.values[ROW_POWER])})

    def _rack_kw(self, row_share: Floats) -> Floats:
        """Power of the racks ``(.., R, B)`` from the rows' ``(.., P, B)``."""
        found: Floats = (row_share * self.rated_kw)[..., self.row_of, :] * self.share
        return found.astype(np.float32)

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Go back to the telemetry before."""
        where = np.ones(self.past.batch, bool) if mask is None else mask
        for name, values in self.past.values.items():
            values[...] = np.where(where, self.before.values[name], values)
        start_utc = np.where(where, self.before.start_utc, self.past.start_utc)
        self.past = replace(self.past, start_utc=start_utc)

    def update(self, measured: Measurements) -> None:
        """One more row of the past, the oldest falls out."""
        read: dict[str, Floats] = {n: measured[n] for n in POINTS if n != ROW_POWER}
        read[RACK_POWER] = self._rack_kw(measured[ROW_POWER])
        for name, values in self.past.values.items():
            values[:-1] = values[1:]
            values[-1] = read[name]
        self.past = replace(self.past, start_utc=self.past.start_utc + timespan(self.step_s))

    def expectation(self, measured: Measurements, steps: int) -> ComingSteps:
        """The outlook of power, and on top what caps hold back now."""
        held_kw = (measured["row_demand_share"] - measured[ROW_POWER]) * self.rated_kw
        told = [f.outlook(self.past.hall(i)).first(steps) for i, f in enumerate(self.forecasters)]
        rack_kw, dry, wet, _height = (np.concatenate(parts, axis=-1) for parts in zip(*told))
        return ComingSteps(np.maximum(self.racks_of @ rack_kw + held_kw, 0.0), dry, wet)
