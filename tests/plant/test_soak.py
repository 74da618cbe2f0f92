"""Many sites and many steps of every hall, driven badly under every fault: all is finite, balanced and bounded."""

from __future__ import annotations

import gc
import resource

import numpy as np
import pytest
from plant_rig import SCENARIOS, core_of
from test_ledgers import rounding_kw

from envs.core import DataCenterCore
from envs.faults import KINDS, Fault
from envs.scenario.checks import possible_kinds
from envs.trees import map_leaves

STEPS = 200
SITES = 100  # of each hall; steps of the core times sites times halls are 100,000
DEPTH, FEW, TIMES, LOOK_EVERY = 20_000, 5, 20, 20  # control steps one after another, of few sites
WEATHER = ("site.climates=[sterling_va,singapore_sg,phoenix_az,dublin_ie]", "site.workload_weeks=2")
LARGEST = {"sensor_drift": 20.0, "utility_curtailment": 0.9}  # of what `KINDS` allows
HOTTEST_C, COLDEST_C = 1000.0, -60.0  # a hall without air burns; its arithmetic must not
DRIVERS = ("random", "bang_bang", "hottest", "dearest", "greedy")


def faults_of(core: DataCenterCore) -> list[list[Fault]]:
    """Site k has fault k of those that can strike here, at full size in the middle of the run; the first none."""
    kinds = possible_kinds(core.plant.layout.present)
    length_s = STEPS * core.step_s
    planned: list[list[Fault]] = []
    for site in range(core.num_envs):
        struck = [] if site < len(DRIVERS) else [kinds[site % len(kinds)]]
        struck = kinds if site >= core.num_envs - len(DRIVERS) else struck
        planned.append(
            [
                Fault(
                    kind,
                    (0.2 + 0.01 * (site % 20)) * length_s,
                    0.4 * length_s,
                    0,
                    min(KINDS[kind][1], LARGEST.get(kind, 64.0)),
                )
                for kind in struck
            ]
        )
    return planned


class Drivers:
    """Actions of the sites: site k is driven by driver k modulo their number."""

    def __init__(self, core: DataCenterCore) -> None:
        self.core, self.rng = core, np.random.default_rng(4)
        self.by = np.arange(core.num_envs) % len(DRIVERS)
        self.slope = np.zeros((core.num_envs, core.action_size))
        self.last = np.zeros((core.num_envs, core.action_size), np.float32)
        self.worst = np.zeros(core.num_envs)

    def act(self, step: int) -> np.ndarray:
        """Noise; all channels from end to end; those that heat and those that spend; and uphill in the racks' heat."""
        shape = self.last.shape
        noise = self.rng.uniform(-1.0, 1.0, shape)
        heat = np.array([-1.0 if "fan" in n or "pump" in n or "limit" in n else 1.0 for n in self.core.action_names])
        bang = np.sign(np.sin(np.pi * (step / (1 + np.arange(shape[0]) % 7) + 0.25)))[:, None] * np.ones(shape)
        greedy = np.clip(np.sign(self.slope) + 0.3 * noise, -1.0, 1.0)
        chosen = [noise, bang, heat + 0.0 * noise, -heat + 0.0 * noise, greedy]
        self.last = np.select([(self.by == k)[:, None] for k in range(len(DRIVERS))], chosen).astype(np.float32)
        return self.last

    def learn(self, inlet_c: np.ndarray) -> None:
        """Which way each action goes with a hotter rack, from what was just tried."""
        self.slope = 0.9 * self.slope + (inlet_c - self.worst)[:, None] * self.last
        self.worst = inlet_c


def memory_kib() -> int:
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def load_kib(core: DataCenterCore) -> int:
    """Of the load, which is made anew and longer where an episode runs past its end."""
    world = core.world
    return sum(p.nbytes for p in (world.activity_pool, world.job_pool, world.queue_pool, world.swing_pool)) >> 10


def require_sound(
    core: DataCenterCore, observation: np.ndarray, reward: np.ndarray, cost: dict[str, np.ndarray]
) -> None:
    flows, lay = core.flows, core.plant.layout
    for name, value in {**flows._asdict(), **cost, "observation": observation, "reward": reward}.items():
        assert np.isfinite(value).all(), name
    finite = map_leaves(core.state, lambda x: np.asarray(np.isfinite(x).all()))
    assert all(np.all(leaf) for leaf in leaves(finite)), "state"
    assert np.abs(observation).max() <= 1.0
    assert np.all(np.abs(flows.energy_residual_kw) <= 1e-5 * flows.facility_power_kw + rounding_kw(core))
    assert np.all(np.abs(flows.water_residual_kg) <= 1e-5 * np.maximum(flows.makeup_kg, 1.0))
    for name, value in flows._asdict().items():
        if name.endswith("_power_kw") and not name.startswith(("battery", "grid")):
            assert value.min() >= 0.0, name
        if name.endswith("_c") and "excess" not in name:
            assert value.min() >= COLDEST_C and value.max() <= HOTTEST_C, (name, value.min(), value.max())
    assert np.all(flows.it_power_kw <= 1.3 * lay.rated_it_kw)
    for c in core.channels:
        value = core.in_force[c.name]
        assert value.min() >= c.low - 1e-4 * abs(c.low) and value.max() <= c.high + 1e-4 * abs(c.high), c.name


def leaves(tree: object) -> list[np.ndarray]:
    """Arrays of nested tuples."""
    if tree is None:
        return []
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, tuple) else [np.asarray(tree)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_twenty_thousand_steps_of_a_hall_under_every_fault_stay_finite_balanced_and_bounded(name: str) -> None:
    core = core_of(name, SITES, WEATHER)
    core.reset(seed=3)
    core.set_faults(faults_of(core))
    drivers, before, hottest_c, trips = Drivers(core), 0, 0.0, 0.0
    for step in range(STEPS):
        observation, reward, _, cost = core.step(drivers.act(step))
        drivers.learn(core.flows.worst_inlet_c.astype(np.float64))
        require_sound(core, observation, reward, cost)
        hottest_c, trips = max(hottest_c, float(core.flows.worst_inlet_c.max())), trips + float(core.flows.trips.sum())
        if step == STEPS // 2:
            before = memory_kib()
    assert memory_kib() - before < 20_000  # KiB over the second half of the run
    assert hottest_c > 40.0 and trips > 0.0  # so that the bounds above were met in trouble


def faults_over(core: DataCenterCore, steps: int) -> list[list[Fault]]:
    """Faults of every kind that can strike here, drawn over the whole length; a quarter of a site's time has one."""
    kinds, rng = possible_kinds(core.plant.layout.present), np.random.default_rng(7)
    sensors = core.instruments.rows
    targets = {"crah_fan": core.plant.layout.n_zones, "sensor_stuck": sensors, "sensor_drift": sensors}
    sites: list[list[Fault]] = [[] for _ in range(core.num_envs)]
    for number, kind in enumerate(kinds * TIMES):
        begin, length = rng.uniform(0.0, 0.98 * steps) * core.step_s, rng.uniform(1.0, 200.0) * core.step_s
        size = min(KINDS[kind][1], LARGEST.get(kind, 64.0))
        sites[number % core.num_envs].append(Fault(kind, begin, length, int(rng.integers(targets.get(kind, 1))), size))
    return sites


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_twenty_thousand_steps_one_after_another_under_faults_stay_sound_and_need_no_more_memory(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("COLDAISLE_ENGINE", "llvm")  # on numpy it would be twenty minutes instead of one
    core = core_of(name, FEW, (*WEATHER[:1], "site.workload_weeks=11", "site.workload_seeds=[1]"))
    core.reset(seed=3)
    core.set_faults(faults_over(core, DEPTH))
    drivers, before, hottest_c = Drivers(core), (0, 0), 0.0
    for step in range(DEPTH):
        observation, reward, _, cost = core.step(drivers.act(step))
        assert np.isfinite(observation).all() and np.isfinite(reward).all(), step
        if step % LOOK_EVERY == 0:
            drivers.learn(core.flows.worst_inlet_c.astype(np.float64))
            require_sound(core, observation, reward, cost)
            hottest_c = max(hottest_c, float(core.flows.worst_inlet_c.max()))
        if step == DEPTH // 4:
            before = memory_kib(), load_kib(core)
    longer = load_kib(core) - before[1]  # a longer load is made beside the one before
    assert memory_kib() - before[0] < 20_000 + 3 * longer  # KiB over three quarters of the run
    assert hottest_c > 40.0


def test_the_soak_is_of_a_hundred_thousand_steps_and_every_kind_of_fault() -> None:
    assert STEPS * SITES * len(SCENARIOS) == 100_000 and DEPTH * FEW * len(SCENARIOS) == 500_000
    halls = [core_of(name, SITES, WEATHER) for name in ("ai_hall", "liquid_hall")]
    for planned in (faults_of, lambda core: faults_over(core, DEPTH)):
        assert {fault.kind for core in halls for site in planned(core) for fault in site} == set(KINDS)
    begun = sorted(fault.start_s / halls[0].step_s for site in faults_over(halls[0], DEPTH) for fault in site)
    assert begun[0] < 0.05 * DEPTH and begun[-1] > 0.95 * DEPTH  # over the whole length
