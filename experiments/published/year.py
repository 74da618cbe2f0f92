"""A year sampled by the middle day of each season at several sites, as one batch; kept, for several rows read it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.planners.tuning import rules_from
from agents.references import RULES_TUNED, reference_controllers
from envs.building.rules import legacy_fixed
from envs.controllers.base import Controller, Measurements, Setpoints
from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan
from envs.physics.namespace import Floats
from envs.play import play_through
from envs.scenario import load

SITES = ("seattle_wa", "frankfurt_de", "chicago_il", "sterling_va", "phoenix_az", "miami_fl", "singapore_sg")
DAYS = (14, 104, 195, 287)  # mid-January, mid-April, mid-July, mid-October
RULES, TUNED, LEGACY, WARMER = "the building's rules", "tuned rules", "as found", "as found, 1 K warmer"
#: ai_hall with air-cooled racks alone: what operators call modern air with a waterside economizer.
ALL_AIR = (
    "racks.r1.archetype=hgx_air",
    "racks.r2_conv.archetype=hgx_air",
    "racks.r2_code.archetype=hgx_air",
    "zones.a.crah_units=5",
    "zones.a.crah_running=5",
    "zones.a.it_flow_m3_s=20.2",
    "coolant=null",
    "facility_water=null",
    "agent_channels=[crah_fan_speed_frac]",
    "tower.cell_nominal_kw=450",
    "tower.cell_water_kg_s=19.3",
    "tower.cell_air_kg_s=12.2",
    "tower.cell_fan_kw=4.7",
    "tower.pump_flow_l_s=15.9",
    "power.ups_unit_kw=400",
    "power.ups_limit_kw=800",
)


class Year(NamedTuple):
    """Sums over the sampled days, each ``(sites,)`` in the order of the sites [kWh, kg]."""

    facility_kwh: Floats
    it_kwh: Floats
    cooling_kwh: Floats
    makeup_kg: Floats

    @property
    def pue(self) -> Floats:
        """Facility over IT energy [1]."""
        return self.facility_kwh / self.it_kwh

    @property
    def wue_l_kwh(self) -> Floats:
        """Water made up per IT energy [L/kWh]."""
        return self.makeup_kg / self.it_kwh


#: Who runs the shipped halls; every other hall is run by its rules alone.
HANDS = {"ai_hall": (RULES, LEGACY, TUNED), "legacy_air": (RULES, LEGACY, WARMER, TUNED)}


def year(name: str, overrides: tuple[str, ...] = (), how: str = RULES) -> Year:
    """Sums of one hall over the four days at the seven sites.

    Parameters
    ----------
    name : str
        Scenario.
    overrides : tuple of str
        Deviations from it.
    how : str
        Who runs it: `RULES`, and for the shipped halls in `HANDS` also `TUNED`, `LEGACY` or `WARMER`.
    """
    return _years(name, overrides)[how]


@cache
def _years(name: str, overrides: tuple[str, ...]) -> dict[str, Year]:
    """Run all hands of one hall side by side in one batch: hands first, then sites, then days."""
    hands = HANDS.get(name, (RULES,)) if not overrides else (RULES,)
    climates = f"site.climates=[{','.join(SITES)}]"
    scenario = load(name, (*overrides, climates, "site.workload_weeks=2"))
    each = len(SITES) * len(DAYS)
    core = DataCenterCore(scenario, each * len(hands))
    core.reset(seed=0, plan=_plan(core, len(hands)))
    side_by_side = _SideBySide([_controller(core, how) for how in hands])
    side_by_side.reset(core.num_envs)
    play_through(core, side_by_side, scenario.episode.steps)
    sums = core.sums.by_name(core.t)
    names = ("facility_power_kwh", "it_power_kwh", "cooling_power_kwh", "makeup_kg")
    columns = [sums[k].reshape(len(hands), len(SITES), len(DAYS)).sum(axis=2) for k in names]
    return {how: Year(*(column[i] for column in columns)) for i, how in enumerate(hands)}


class _SideBySide:
    """One batch in which each controller runs as many sites as the others: the first ones, the next ones."""

    def __init__(self, controllers: Sequence[Controller]) -> None:
        self.controllers = controllers

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        masks = [None] * len(self.controllers) if mask is None else np.split(mask, len(self.controllers))
        for controller, own in zip(self.controllers, masks):
            controller.reset(n // len(self.controllers), own)

    def act(self, measurements: Measurements) -> Setpoints:
        count = len(self.controllers)
        parts = {name: np.split(value, count, axis=1) for name, value in measurements.items()}
        wanted = [c.act({name: part[i] for name, part in parts.items()}) for i, c in enumerate(self.controllers)]
        return {name: np.concatenate([w[name] for w in wanted], axis=1) for name in wanted[0]}


def _plan(core: DataCenterCore, hands: int) -> EpisodePlan:
    """The same days for every hand: paired."""
    site, season = (x.ravel() for x in np.meshgrid(np.arange(len(SITES)), np.arange(len(DAYS)), indexing="ij"))
    site, season = np.tile(site, hands), np.tile(season, hands)
    zero, none, day_steps = np.zeros(len(site), np.int64), np.zeros(len(site)), core.world.steps_per_day
    start = np.array(DAYS)[season] * day_steps
    return EpisodePlan(site, start, zero, (1 + season) * day_steps, season + 1, zero, none + 0.9, none + 0.5, none)


def _controller(core: DataCenterCore, how: str) -> Controller:
    if how == RULES:
        return rules_from(core, {})
    if how == TUNED:
        return reference_controllers(core.scenario)[RULES_TUNED](core)
    found = legacy_fixed(core.scenario, core.plant.layout)
    if how == WARMER:
        for name in ("supply_air_temp_setpoint_c", "chw_supply_temp_setpoint_c"):
            found.values[name] = found.values[name] + 1.0
    return found
