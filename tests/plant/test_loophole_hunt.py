"""A search by what the agent holds and what it is paid by: constants, bang-bang and cycles, random and by CEM."""

import numpy as np
import pytest
from plant_rig import SCENARIOS, core_of

from agents.planners.cem import Budget, minimize
from envs.faults import Fault

HOURS = {"ai_hall_power_cap": 1}
OVER_27 = 60.0  # K min of the worst rack: a degree for an hour
FAMILIES = ("constant", "bang_bang", "cycling")
HUNT = Budget(population=36, elites=8, iterations=6, spread=0.3)
DESERT = ("site.climates=[riyadh_sa]", "episode.start_day_low=200", "episode.start_day_high=201")
FROM_HOUR = 11


def waves(x, actions, k):
    """Actions ``(n, a)`` at step ``k`` of candidates ``(n, 1 + 3 a)``: a period, and centre, swing, phase of each."""
    centre, swing, phase = (x[:, 1 + i * actions : 1 + (i + 1) * actions] for i in range(3))
    period = 2.0 * 24.0 ** x[:, :1]
    wave = np.sin(2.0 * np.pi * (k / period + phase))
    family = np.arange(len(x))[:, None] % len(FAMILIES)
    shape = np.select([family == 0, family == 1], [0.0 * wave, np.sign(wave)], wave)
    return np.clip(2.0 * (centre + swing * shape) - 1.0, -1.0, 1.0).astype(np.float32)


class Hunted:
    """A July day in Riyadh, 5 K hotter than drawn; many candidates at once. Keeps what every step showed."""

    def __init__(self, name: str) -> None:
        self.core = core_of(name, HUNT.population, DESERT)
        self.actions = self.core.action_size
        self.returns, self.violated, self.broken, self.dry_c = [], [], [], []
        n, per_day = HUNT.population, self.core.world.steps_per_day
        self.core.reset(seed=[7] * n)
        drawn = self.core.plan
        wait = (FROM_HOUR * per_day // 24 - drawn.site_start) % per_day
        self.plan = drawn._replace(site_start=drawn.site_start + wait, load_start=drawn.load_start + wait)
        self.heat = [[Fault("weather_hot", 0.0, 7 * 3600.0, 0, 5.0)] for _ in range(n)]

    def cost(self, x):
        core = self.core
        core.reset(plan=self.plan)
        core.set_faults(self.heat)
        total, violated, over_27 = 0.0, np.zeros(core.num_envs, bool), 0.0
        for k in range(round(HOURS.get(core.scenario.name, 5) * 3600 / core.step_s)):
            waiting, wet_c = core.flows.backlog.sum(axis=0) * (core.t > 0), core.outside.wet_bulb_c
            _, reward, _, _ = core.step(waves(x, self.actions, k))
            total = total + reward
            flows = core.flows
            self.dry_c.append(core.outside.dry_bulb_c.min())
            self.broken += beaten(flows, waiting, wet_c, core.plant.layout.rated_it_kw)
            violated |= (flows.trips > 0) | (flows.worst_inlet_c > 32.0) | (flows.limit_excess_kwh > 0.5)
            over_27 = over_27 + flows.inlet_excess_degree_minutes.max(axis=0)
        violated |= over_27 > OVER_27
        self.returns.append(np.asarray(total, np.float64))
        self.violated.append(violated)
        return -self.returns[-1]


def beaten(f, waiting, wet_c, rated_kw):
    """Names of the laws that any candidate's step broke."""
    busy = f.it_power_kw > 0.2 * rated_kw
    laws = {
        "no facility draws less than its racks": f.facility_power_kw <= f.it_power_kw,
        "no heat leaves for free": busy & (f.cooling_power_kw < 0.01 * f.it_power_kw),
        "no work but what was asked or waited": f.work_done.sum(0) > f.work_demanded.sum(0) + waiting + 1e-3,
        "no work without accelerators or CPUs": (f.it_power_kw < 1.0) & (f.work_done.sum(0) > 1e-3),
        "no energy from nowhere": np.abs(f.energy_residual_kw) > 1e-4 * f.facility_power_kw + 0.05,
        "no condenser water under its wet bulb": (f.cw_supply_c > 10.5) & (f.cw_supply_c < wet_c - 0.3),
    }
    return [name for name, broken in laws.items() if np.any(broken)]


@pytest.fixture(scope="module", params=SCENARIOS)
def hunted(request):
    hunt = Hunted(request.param)
    rng = np.random.default_rng(5)
    drawn = rng.uniform(0.0, 1.0, (HUNT.population, 1 + 3 * hunt.actions))
    found = minimize(hunt.cost, drawn[np.argmin(hunt.cost(drawn))], HUNT, seed=2)
    return hunt, found


def test_no_searched_action_beats_physics_at_45_degrees(hunted):
    assert np.median(hunted[0].dry_c) > 45.0
    assert set(hunted[0].broken) == set()


def test_no_searched_action_is_paid_for_violating_a_limit_or_for_crashing(hunted):
    """Among all that was tried, what kept the limits earned most."""
    returns, violated = np.concatenate(hunted[0].returns), np.concatenate(hunted[0].violated)
    assert not violated.all()
    if violated.any():
        assert returns[violated].max() < returns[~violated].max()


def test_the_search_found_more_than_chance(hunted):
    """A hunt that finds nothing must have looked: CEM goes on where the best random candidate stood."""
    hunt, found = hunted
    assert -found.cost > hunt.returns[0].max()


def test_the_hunt_went_through_violations():
    """So that the comparison above compares: in the halls whose room air an agent can overheat."""
    hunt = Hunted("legacy_air")
    hot = np.zeros((HUNT.population, 1 + 3 * hunt.actions))  # the least of everything: slow fans
    hot[:, 1 + 1 : 1 + hunt.actions] = 1.0  # and the warmest water and air
    hunt.cost(hot)
    assert np.concatenate(hunt.violated).all()
