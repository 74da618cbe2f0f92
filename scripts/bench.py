"""The speed table: environments, memory, machines and PPO on one core.

Run it as ``python -m scripts.bench [--quick|--long|--profile]``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np

import envs
from envs.core import DataCenterCore
from envs.engine import TapedFunction
from envs.engine.choice import ENGINE_VARIABLE, THREADS_VARIABLE, chosen_engine
from envs.equipment import (
    air_side,
    battery,
    breaker,
    chilled_water,
    cooling_tower,
    dry_cooler,
    dx_unit,
    liquid_loop,
    power_capper,
    power_chain,
    rack,
)
from envs.sb3_vec_env import DataCenterSB3VecEnv
from envs.scenario import SHIPPED

BATCHES = (1, 64, 256, 1024, 4096)
HUNDRED_RACKS = (  # five times ai_hall's racks and power; the cooling stays, which costs the same however hot it runs
    "racks.r1.count=25", "racks.r2_conv.count=15", "racks.r2_code.count=10",
    "racks.r3_shared.count=25", "racks.r3_batch.count=10", "racks.r4.count=15",
    "power.row_limit_kw=[3200,3200,1400,250]", "power.ups_units=15", "power.ups_limit_kw=8000",
    "power.utility_limit_kw=12500", "power.transformer_kva=12500", "expected_peak_kw=7500",
)  # fmt: skip
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {name: (name, ()) for name in SHIPPED} | {
    "ai_hall, 100 racks": ("ai_hall", HUNDRED_RACKS)
}  # scenario and overrides of each row of the first table
WARM_UP = 40  # steps before the clock: the plant records its tape after 32
MACHINES = (
    rack, air_side, liquid_loop, chilled_water, cooling_tower, dry_cooler, dx_unit, power_chain, breaker,
    power_capper, battery,
)  # fmt: skip


def best_of(run: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Least processor time of ``run`` over ``repeats``, and how far the median lies above it [share]."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times), float(np.median(times) / min(times) - 1.0)


def actions_of(size: int, batch: int) -> np.ndarray:
    """Eight random actions in turn ``(8, B, n)``."""
    return np.random.default_rng(0).uniform(-1.0, 1.0, (8, batch, size)).astype(np.float32)


def core_rate(
    scenario: str, batch: int, repeats: int, seconds: float, overrides: tuple[str, ...] = ()
) -> tuple[float, float, int, int]:
    """Environment steps/s of the core under random actions, the spread of the repeats, its racks and its sub-steps."""
    core = DataCenterCore(scenario, batch, overrides)
    core.reset(seed=0)
    actions = actions_of(core.action_size, batch)
    for k in range(WARM_UP):
        core.step(actions[k % 8])
    once, _ = best_of(lambda: core.step(actions[0]), 3)
    steps = min(max(3, int(seconds / once)), core.scenario.episode.steps // repeats)

    def run() -> None:
        for k in range(steps):
            core.step(actions[k % 8])

    best, spread = best_of(run, repeats)
    return batch * steps / best, spread, core.plant.layout.n_racks, core.plant.substeps


def single_rate(repeats: int) -> float:
    """Steps/s of one gymnasium environment."""
    warnings.filterwarnings("ignore", message=".*Overriding environment.*")
    env = gym.make(f"{envs.__name__}:coldaisle/DataCenter-v1", scenario="ai_hall", disable_env_checker=True)
    env.reset(seed=0)
    actions = actions_of(env.action_space.shape[0], 1)[:, 0]  # type: ignore[index]

    def run() -> None:
        for k in range(40):
            env.step(actions[k % 8])

    run()
    best, _ = best_of(run, repeats)
    return 40 / best


def resident_mb() -> float:
    """Memory of this process [MB]; zero where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096 / 1e6
    except OSError:
        return 0.0


def memory(total_steps: int, batch: int = 1024) -> tuple[float, float]:
    """Resident memory [MB] after the first two episodes' worth of growth is over, and after ``total_steps``."""
    env = DataCenterSB3VecEnv("ai_hall", batch, ("episode.steps=60",))
    env.reset()
    actions = actions_of(env.action_space.shape[0], batch)  # type: ignore[index]
    before = 0.0
    for k in range(total_steps // batch + 130):
        env.step(actions[k % 8])
        if k == 129:
            before = resident_mb()
    return before, resident_mb()


def by_machine(batch: int = 1024, substeps: int = 40) -> list[tuple[str, float]]:
    """Microseconds of each machine's functions a sub-step, without the tape; what is left meets in the plant."""
    core = DataCenterCore("ai_hall", batch)
    core.reset(seed=0)
    spent: dict[str, float] = defaultdict(float)
    inside: list[str] = []
    kept: list[tuple[Any, str, Any]] = []

    def timed(name: str, function: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if inside:
                return function(*args, **kwargs)
            inside.append(name)
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - start
                inside.pop()

        return wrapper

    for module in MACHINES:
        for name, function in list(vars(module).items()):
            if (
                callable(function)
                and getattr(function, "__module__", "") == module.__name__
                and not isinstance(function, type)
            ):
                kept.append((module, name, function))
                setattr(module, name, timed(module.__name__.rsplit(".", 1)[-1], function))
    least: dict[str, float] = {}
    for _ in range(substeps // core.plant.substeps):
        spent.clear()
        start = time.perf_counter()
        core.plant.step(core.state, core.in_force, core.outside, core._load, core.lost, core.t)  # type: ignore[arg-type]
        spent["meeting, ledger, work"] = time.perf_counter() - start - sum(spent.values())
        least = {name: min(s, least.get(name, s)) for name, s in spent.items()}
    for module, name, function in kept:
        setattr(module, name, function)
    return sorted(((name, 1e6 * s / core.plant.substeps) for name, s in least.items()), key=lambda row: -row[1])


@contextmanager
def set_variable(variable: str, value: str) -> Iterator[None]:
    """Give a variable of the environment a value for a while."""
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        del os.environ[variable]
        if before is not None:
            os.environ[variable] = before


@contextmanager
def engine(name: str, threads: int = 1) -> Iterator[None]:
    """Make what is built inside run on an engine."""
    with set_variable(ENGINE_VARIABLE, name), set_variable(THREADS_VARIABLE, str(threads)):
        yield


def plant_step(batch: int, scenario: str = "ai_hall") -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The plant's control step of a core that has just begun, and its arguments."""
    core = DataCenterCore(scenario, batch)
    core.reset(seed=0)
    return core.plant.step, (core.state, core.in_force, core.outside, core._load, core.lost, core.t)


def plant_calls(batch: int, scenario: str = "ai_hall") -> dict[str, Callable[[], Any]]:
    """One control step of the plant: as written, from the numpy tape, and compiled, on the state handed on."""
    step, (first, *rest) = plant_step(batch, scenario)
    functions = {"as written": step}
    for name in ("numpy", "llvm"):
        with engine(name):
            functions[name] = TapedFunction(step, after=1).step

    def call_of(function: Callable[..., Any]) -> Callable[[], None]:
        states = [first]

        def call() -> None:
            states[0], _ = function(states[0], *rest)

        for _ in range(4):
            call()
        return call

    return {name: call_of(function) for name, function in functions.items()}


def tape_gain(batch: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of the plant's control step as it is and from its tape."""
    calls = plant_calls(batch)
    eager, _ = best_of(calls["as written"], 3 * repeats)
    taped, _ = best_of(calls["numpy"], 3 * repeats)
    return 1e3 * eager, 1e3 * taped


def print_rates(batches: tuple[int, ...], repeats: int, seconds: float) -> None:
    """Environment steps/s of every scenario."""
    print("environment steps/s of the core, random actions (rack sub-steps/s at the largest batch)")
    print(f"{'scenario':22s}" + "".join(f"{b:>11d}" for b in batches))
    worst = 0.0
    for row, (name, overrides) in ROWS.items():
        rates = [core_rate(name, b, repeats, seconds, overrides) for b in batches]
        worst = max(worst, *(spread for _, spread, *_ in rates))
        per_rack = rates[-1][0] * rates[-1][2] * rates[-1][3]
        print(
            f"{row:22s}" + "".join(f"{rate:11,.0f}" for rate, *_ in rates) + f"  ({per_rack / 1e6:.1f} M)",
            flush=True,
        )
    print(f"noise: the median repeat lies up to {100 * worst:.0f} % above the best one, which is what is shown")


def print_machines(substeps: int) -> None:
    """The share of each machine in a step of the plant."""
    print("each machine as written, ai_hall, 1024 sites: microseconds a sub-step, share of the plant's step")
    rows = by_machine(substeps=substeps)
    whole = sum(cost for _, cost in rows)
    for name, cost in rows:
        print(f"  {name:24s}{cost:8.0f}{100 * cost / whole:7.1f} %")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer batch sizes, shorter runs")
    parser.add_argument("--long", action="store_true", help="watch memory over a million steps")
    parser.add_argument("--profile", action="store_true", help="the share of each machine alone")
    arguments = parser.parse_args()
    if arguments.profile:
        print_machines(40)
        return
    quick = arguments.quick
    repeats, seconds = (3, 0.05) if quick else (5, 0.3)
    about = f"numpy {np.__version__}, python {sys.version.split()[0]}, engine {chosen_engine()}"
    print(f"{about}, float32, processor time, one core")
    print_rates((1, 1024) if quick else BATCHES, repeats, seconds)
    for name in ("numpy", chosen_engine()):
        with engine(name):
            print(f"one gymnasium environment (ai_hall), {name}: {single_rate(repeats):,.0f} steps/s")
    for batch in (1, 1024):
        eager, taped = tape_gain(batch, repeats)
        print(f"plant, {batch} sites: {eager:.2f} ms a step as written, {taped:.2f} ms from the tape")
    if chosen_engine() == "llvm":
        from scripts.bench_engine import print_engines

        print_engines(repeats)
    from scripts.bench_jobs import print_jobs

    print_jobs(repeats)
    total = 1_000_000 if arguments.long else 50_000 if quick else 200_000
    before, after = memory(total)
    print(f"memory: {before:.0f} MB, {after:.0f} MB after {total:,} more environment steps")
    from scripts.bench_learning import print_learning

    print_learning(quick)
    print_machines(20 if quick else 40)


if __name__ == "__main__":
    main()
