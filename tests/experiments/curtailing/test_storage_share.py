"""A battery that takes part in a curtailment."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from envs.core import DataCenterCore
from envs.equipment.battery import Battery
from envs.scenario import Scenario, load
from envs.scheduling.curtailment import LoadTarget
from experiments.curtail import curtail
from experiments.curtailing.storage import CHANNEL, StorageShare, with_battery
from experiments.curtailing.trial import Asked, minute_scenario

MINUTE = 60.0


@cache
def scenario(kwh_per_mw: float = 300.0) -> Scenario:
    words = ["site.workload_weeks=1", "jobs.rigid_frac=0.5", "jobs.slots=128"]
    return with_battery(minute_scenario(load("ai_factory", words)), kwh_per_mw, 3.0)


def test_a_battery_of_ones_own_can_give_what_is_asked_at_its_terminals() -> None:
    battery = scenario(300.0).battery
    assert battery is not None
    usable = battery.capacity_kwh * battery.one_way_efficiency_frac * (battery.soc_max_frac - battery.soc_min_frac)
    assert usable == pytest.approx(300.0 * 3.0) and battery.power_kw == pytest.approx(usable / 2.0)
    own = load("ai_hall")
    assert with_battery(own, 0.0, 3.0).battery == own.battery == Battery()


@pytest.mark.parametrize(
    ("kwh", "words"), [(0.0, "storage needs a battery"), (-1.0, "storage_kwh_per_mw = -1.0; give 0")]
)
def test_storage_without_a_battery_or_of_an_odd_size_is_refused(kwh: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        curtail(load("ai_factory"), Asked(), ["storage"], 1, storage_kwh_per_mw=kwh)


class Stage:
    """A site in an event: 1000 kW, of which 750 are asked for three hours."""

    def __init__(self) -> None:
        self.core = DataCenterCore(scenario(), 1)
        self.core.reset(seed=0)
        self.core.step_setpoints({CHANNEL: np.zeros((1, 1))})
        now_kw = self.core.flows.grid_power_kw.astype(np.float64)
        target = LoadTarget(0.75 * now_kw, np.zeros(1), np.full(1, 3.0 * 3600.0), now_kw.copy())
        assert self.core.jobs is not None
        self.core.jobs.hold(target)
        self.target = target
        self.share = StorageShare(self.core, 86_400.0, MINUTE)

    def step(self) -> Any:
        """One minute; what the battery did."""
        power = self.share.command_kw()
        self.core.step_setpoints({CHANNEL: power[None]})
        self.share.book()
        return power


def test_it_spreads_what_it_holds_over_the_event_and_limits_take_the_rest() -> None:
    stage = Stage()
    even_kw = stage.share.usable_kwh() / 3.0
    given = [float(stage.step()[0]) for _ in range(6)]
    assert -1.05 * even_kw[0] < min(given) and given[-1] == pytest.approx(-even_kw[0], rel=0.05)
    grid = float(stage.core.flows.grid_power_kw[0])
    assert grid == pytest.approx(float(stage.target.power_kw[0]), rel=0.02)
    stored = stage.share.stored()
    assert stored.gave[0] == pytest.approx(-sum(given) / 60.0, rel=1e-3) and stored.took[0] == 0.0
    assert stored.short[0] == pytest.approx(stored.gave[0], rel=0.02)


def test_behind_the_end_it_charges_under_the_ceiling_and_rests_while_power_still_rises() -> None:
    stage = Stage()
    for _ in range(3):
        stage.step()
    held = stage.share.held
    held.since_s = 3.0 * 3600.0 + 300.0
    assert stage.share.command_kw()[0] == 0.0
    held.since_s = 3.0 * 3600.0 + held.target.release_s
    held.target.ceiling_kw[:] = 1e5
    lacks = (stage.share.begun_kwh - stage.share.usable_kwh()) / 0.94**2
    hours = (86_400.0 - 3600.0 - held.since_s) / 3600.0
    assert stage.share.command_kw()[0] == pytest.approx(float(lacks[0] / hours), rel=1e-3)
    held.target.ceiling_kw[:] = 10.0
    assert stage.share.command_kw()[0] == 0.0
