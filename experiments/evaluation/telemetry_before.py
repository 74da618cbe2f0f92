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
EXPLORED_DAYS = 3  # of steps around the rules; Lazic et al. took some hours to days
LEAST_DAYS = 9  # the week, and two to learn from


def engine_outlook(core: DataCenterCore, days: int = DAYS) -> EngineOutlook:
    """The forecasting engine's outlook at the start of the core's episodes.

    It learns from ``days`` of telemetry, or, where the load is a trace, from as many as the trace has beside the
    episode, at least ``LEAST_DAYS``.

    Raises
    ------
    ValueError
        Where the trace has fewer; with the length that it needs.
    """
    if core.world.longer is None:
        days = min(days, max(_steps_beside_episode(core) // core.world.steps_per_day, LEAST_DAYS))
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


def explored_telemetry(core: DataCenterCore, days: int = EXPLORED_DAYS) -> Telemetry:
    """``days`` of steps around the rules before a core's episodes: what a linear model learns from."""
    from agents.planners.linear_model import POINTS as OF_MODEL
    from envs.core import DataCenterCore
    from envs.twin.telemetry.excitation import Excitation

    steps = days * core.world.steps_per_day
    other = DataCenterCore(core.scenario, core.num_envs, world=core.world)
    other.reset(plan=earlier_plan(core, steps))
    controller = Excitation(other.rules, other.channels, other.step_s)
    controller.reset(other.num_envs)
    return record_telemetry(other, controller, steps, PointReader(other, OF_MODEL))


def earlier_plan(core: DataCenterCore, steps: int) -> EpisodePlan:
    """The core's plan, ``steps`` before. The load's rows are none that the episode meets.

    Weather goes round the year. Where a generated load begins less than ``steps`` after its first week, weeks after the
    episode stand in, at the same weekday and hour. A trace goes round, as it does in episodes.

    Raises
    ------
    ValueError
        Where the load is a trace that has fewer ``steps`` beside the episode.
    """
    plan, world = core.plan, core.world
    start = plan.load_start - steps
    if world.longer is None:
        _require_length(core, steps)
        start %= world.load_steps
    else:
        after = plan.load_start + core.scenario.episode.steps
        weeks = -(-(after - start) // world.steps_per_week)
        start += (start < 0) * weeks * world.steps_per_week
    return plan._replace(
        site_start=(plan.site_start - steps) % world.site_steps,
        load_start=start,
        noise_seed=plan.noise_seed + 1,
    )


def _steps_beside_episode(core: DataCenterCore) -> int:
    return core.world.load_steps - core.scenario.episode.steps


def _require_length(core: DataCenterCore, steps: int) -> None:
    """Raise where a trace is too short for an episode and ``steps`` before it that the episode does not meet."""
    if steps > _steps_beside_episode(core):
        per_day, episode = core.world.steps_per_day, core.scenario.episode.steps
        raise ValueError(
            f"site.workload_file = {core.scenario.site.workload_file!r} holds {core.world.load_steps / per_day:.3g} "
            f"days; {steps / per_day:.3g} days before an episode of {episode / per_day:.3g} need at least "
            f"{(steps + episode) / per_day:.3g}: give a longer trace, or mpc_forecast=persistence"
        )
