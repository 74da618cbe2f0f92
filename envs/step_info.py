"""What the infos and pictures of the environments show of a site: kW, degC and PUE, as they are, without sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from envs.episodes.core_step import SHOWN
from envs.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from envs.core import DataCenterCore

Info = dict[str, NDArray[np.generic]]


def step_info(core: DataCenterCore) -> Info:
    """Fresh arrays ``{name: (B,)}`` of the step that was made: power [kW], temperatures [degC], PUE [1], prices.

    Powers are means over the step, temperatures those at its end. The PUE is infinite where no IT runs. With a
    ``site.token_target_ms`` also the share of serving that came later [1] and the mean time between tokens [ms].
    """
    judged = {} if core.serving is None else core.serving.told()
    return dict(zip(SHOWN, core.shown.copy())) | judged


def episode_info(core: DataCenterCore) -> Info:
    """Which episode was begun, each ``(B,)``.

    ``site`` and ``load`` count the scenario's weather years and loads, ``day`` the days since 1 January,
    ``episode_number`` the episodes since the environment was seeded.
    """
    plan = core.plan
    return {
        "site": np.array(plan.site),
        "load": np.array(plan.load),
        "day": (plan.site_start * core.step_s / SECONDS_PER_DAY).astype(np.float32),
        "episode_number": np.array(plan.episode),
    }


def site_text(core: DataCenterCore, site: int = 0) -> str:
    """One environment of the batch in a few lines of text."""
    seen = {name: value[site] for name, value in step_info(core).items()}
    hours = core.t[site] * core.step_s / 3600.0
    lines = [
        f"{core.scenario.name}, {hours:.2f} h into the episode (step {core.t[site]} of {core.max_episode_steps})",
        f"  outside   {seen['dry_bulb_c']:.1f} degC dry bulb, {seen['wet_bulb_c']:.1f} degC wet bulb, "
        f"{seen['price_usd_mwh']:.0f} USD/MWh, {seen['carbon_g_kwh']:.0f} g/kWh",
        f"  power     {seen['facility_power_kw']:.0f} kW = PUE {seen['pue']:.3f} x {seen['it_power_kw']:.0f} kW IT; "
        f"cooling {seen['cooling_power_kw']:.0f} kW",
        f"  warmest   inlet {seen['inlet_max_c']:.1f} degC, chip {seen['chip_max_c']:.1f} degC",
    ]
    for c in core.channels:
        held = ", ".join(f"{value:.2f}" for value in core.in_force[c.name][:, site])
        lines.append(f"  in force  {c.name} = {held}")
    return "\n".join(lines)
