"""The score of one controller over an episode of a core: the one loop that every judged number comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from experiments.evaluation.score import Scorer, Table
from experiments.evaluation.setpoint_lines import SetpointLines

if TYPE_CHECKING:
    from envs.controllers.base import Controller
    from envs.core import DataCenterCore
    from envs.play import Step


def scored(
    core: DataCenterCore, controller: Controller, steps: int, watch: Callable[[Step], object] = lambda step: None
) -> Table:
    """Score table of a controller over ``steps`` control steps of a core that was just reset.

    ``watch`` is called after each of them.
    """
    from envs.play import play

    scenario = core.scenario
    provisioned_kw = core.plant.layout.provisioned_kw
    weights = scenario.reward_weights
    scorer = Scorer(core.num_envs, core.step_s, core.channels, scenario.reward, weights, provisioned_kw)
    lines = SetpointLines(core.channels)
    controller.reset(core.num_envs)
    for step in play(core, controller, steps):
        seen = step.measured
        price, carbon = seen["price_usd_mwh"][0], seen["carbon_g_kwh"][0]
        scorer.add(core.flows, core.in_force, price, carbon, step.cost_usd, core.late_work_h)
        lines.add(core.in_force, seen["wet_bulb_c"][0])
        watch(step)
    return {**scorer.table(), **lines.table()}
