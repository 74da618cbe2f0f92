"""Telemetry of the weeks before an episode, under the building's rules: what a forecaster at its start would know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.planners.load_ahead import POINTS, EngineOutlook
from envs.twin.telemetry.recorder import PointReader, record_telemetry
from envs.twin.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from envs.core import DataCenterCore
    from envs.episodes.episode import EpisodePlan

DAYS = 28  # a week that the outlook looks back on, and three to learn from


def engine_outlook(core: DataCenterCore, days: int = DAYS) -> EngineOutlook:
    """The forecasting engine's outlook at the start of the core's episodes."""
    return EngineOutlook(core.scenario, core.plant.layout, telemetry_before(core, days))


def telemetry_before(core: DataCenterCore, days: int) -> Telemetry:
    """``days`` of telemetry of a core's sites up to the step before its first measurements, for a planner's outlook.

    Parameters
    ----------
    core : DataCenterCore
        After ``reset``; it is left as it is.
    days : int
    """
    from envs.core import DataCenterCore

    steps = days * core.world.steps_per_day
    other = DataCenterCore(core.scenario, core.num_envs, world=core.world)
    other.reset(plan=earlier_plan(core, steps))
    return record_telemetry(other, other.rules, steps, PointReader(other, POINTS)).part(0, steps - 1)


def earlier_plan(core: DataCenterCore, steps: int) -> EpisodePlan:
    """The core's plan, ``steps`` before.

    Weather goes round the year. Where a load begins less than ``steps`` after its first week, weeks after the episode
    stand in, at the same weekday and hour: none that the episode meets.
    """
    plan, week = core.plan, core.world.steps_per_week
    start = plan.load_start - steps
    after = plan.load_start + core.scenario.episode.steps
    weeks = -(-(after - start) // week)
    return plan._replace(
        site_start=(plan.site_start - steps) % core.world.site_steps,
        load_start=start + (start < 0) * weeks * week,
        noise_seed=plan.noise_seed + 1,
    )
