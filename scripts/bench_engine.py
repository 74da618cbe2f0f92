"""The compiled engine against the numpy tape: plant, core, threads, compiling, memory, gradient, calibration.

A part of ``scripts.bench``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from envs.core import DataCenterCore
from envs.engine import TapedFunction
from envs.engine.cache_files import CACHE_VARIABLE
from envs.engine.compiled import CompiledFunction
from envs.engine.gradient import Adjoint
from envs.engine.window import Window
from envs.episodes.world import World
from envs.plant.datacenter import Plant
from envs.scenario import load
from envs.twin.calibration.free_parameters import free_parameters
from envs.twin.calibration.rack_load import activity_of
from envs.twin.calibration.slopes import slopes_at
from envs.twin.calibration.windows import BURN_IN_S, windows_of
from envs.twin.telemetry.synthetic import plan_of, simulated_truth
from scripts.bench import WARM_UP, actions_of, best_of, engine, plant_calls, plant_step, resident_mb, set_variable


def engine_gain(batch: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of the plant's control step from the numpy tape and compiled, in turn, best of repeats."""
    calls = plant_calls(batch)
    best = {"numpy": np.inf, "llvm": np.inf}
    for _ in range(3 * repeats):
        for name in best:
            best[name] = min(best[name], best_of(calls[name], 3)[0])
    return 1e3 * best["numpy"], 1e3 * best["llvm"]


def core_call(name: str, batch: int, threads: int = 1) -> Callable[[], Any]:
    """A step of a core of ai_hall on an engine, under way."""
    with engine(name, threads):
        core = DataCenterCore("ai_hall", batch)
        core.reset(seed=0)
        actions = actions_of(core.action_size, batch)[0]
        for _ in range(WARM_UP if name == "numpy" else 3):
            core.step(actions)
    return lambda: core.step(actions)


def core_gain(batch: int, repeats: int) -> tuple[float, float]:
    """Milliseconds of a core's step on numpy and compiled, in turn, best of repeats."""
    calls = {name: core_call(name, batch) for name in ("numpy", "llvm")}
    best = dict.fromkeys(calls, np.inf)
    for _ in range(3 * repeats):
        for name, call in calls.items():
            best[name] = min(best[name], best_of(call, 3)[0])
    return 1e3 * best["numpy"], 1e3 * best["llvm"]


def thread_gain(batch: int, repeats: int) -> tuple[float, float]:
    """Steps/s of a compiled core on two threads, and how many times as many as on one, by the clock on the wall."""
    calls = [core_call("llvm", batch, threads) for threads in (1, 2)]
    best = [np.inf, np.inf]
    for _ in range(20 * repeats):
        for k, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[k] = min(best[k], time.perf_counter() - start)
    return batch / best[1], best[0] / best[1]


def compile_seconds(scenario: str = "ai_hall") -> tuple[float, float]:
    """Processor seconds of a core's first step in a new process: without and with what the cache keeps of it."""
    text = (
        "import time, numpy, llvmlite.binding; from envs.core import DataCenterCore\n"
        f"core = DataCenterCore({scenario!r}, 64); core.reset(seed=0)\n"
        "start = time.process_time(); core.step(numpy.zeros((64, core.action_size)))\n"
        "print(time.process_time() - start)"
    )
    spent = []
    with tempfile.TemporaryDirectory() as folder, set_variable(CACHE_VARIABLE, folder), engine("llvm"):
        for _ in range(2):
            run = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
            spent.append(float(run.stdout))
    return spent[0], spent[1]


def memory_of_a_site(few: int = 256, many: int = 4352) -> float:
    """Resident kB that each site of a compiled core adds, in a process that has freed nothing big before."""
    text = f"from scripts.bench_engine import added_kb; print(added_kb({few}, {many}))"
    with engine("llvm"):
        run = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
    return float(run.stdout)


def added_kb(few: int, many: int) -> float:
    """Resident kB that each of ``many`` sites adds to a process that steps ``few``."""
    held = []
    world = DataCenterCore("ai_hall", 1).world
    for batch in (few, many):
        core = DataCenterCore("ai_hall", batch, world=world)
        core.reset(seed=0)
        actions = actions_of(core.action_size, batch)[0]
        for _ in range(3):
            core.step(actions)
        held.append((core, resident_mb()))
    return 1e3 * (held[1][1] - held[0][1]) / many


def operations(scenario: str = "ai_hall") -> int:
    """Arithmetic operations of a core's step for one site, counted from its program."""
    core = DataCenterCore(scenario, 2)
    core.reset(seed=0)
    given = core.given(actions_of(core.action_size, 2)[0])
    return CompiledFunction(core.core_step, (core.now, given)).program.operations().total()


def gradient_cost(scenario: str, batch: int, steps: int, repeats: int) -> tuple[float, float]:
    """Microseconds of a compiled plant's step for one site, and how many of them its gradient takes over a window."""
    step, (first, *rest) = plant_step(batch, scenario)
    with engine("llvm"):
        forward = TapedFunction(step)
        window = Window(Adjoint(step, (first, *rest), wrt=(0, 1)))

    def plain() -> None:
        state = first
        for _ in range(steps):
            state, _ = forward.step(state, *rest)

    def there_and_back() -> None:
        _, reports = window.run(first, [tuple(rest)] * steps)
        nothing = reports[0]._replace(**dict.fromkeys(reports[0]._fields))
        window.pull_back(None, [nothing._replace(facility_power_kw=np.ones(batch, np.float32))] * steps)

    best = [np.inf, np.inf]
    for _ in range(repeats + 1):  # the first also compiles
        for k, call in enumerate((plain, there_and_back)):
            best[k] = min(best[k], best_of(call, 2)[0])
    return 1e6 * best[0] / steps / batch, best[1] / best[0]


def calibration_seconds(scenario: str = "edge_room", hours: float = 8.0) -> dict[str, float]:
    """Processor seconds in which each engine finds the slopes of every reading by every parameter of a hall."""
    hall = load(scenario, ["site.workload_weeks=1"])
    world = World.build(hall)
    rows = round((BURN_IN_S + hours * 3600.0) / hall.episode.step_s)
    telemetry = simulated_truth(hall, rows, plan_of(world, [40], 0), world).hall(0)
    windows = windows_of(telemetry, hall, Plant(hall, "float64").layout, 0.5 * hours * 3600.0)
    free = free_parameters(hall)
    bounds, spent = (np.full(len(free), -9.0), np.full(len(free), 9.0)), {}
    for name in ("numpy", "llvm"):
        with engine(name):
            work = activity_of(hall, windows, free, np.zeros(len(free)))

            def slopes(work: Any = work) -> None:
                slopes_at(hall, windows, free, np.zeros(len(free)), work, bounds)

            spent[name] = best_of(slopes, 2)[0]
    return spent


def print_engines(repeats: int) -> None:
    """The compiled engine against the numpy tape, and what it costs to start."""
    print("plant of ai_hall, one control step: numpy tape, compiled, ratio")
    for batch in (1, 256, 1024):
        taped, compiled = engine_gain(batch, repeats)
        print(f"  {batch:5d} sites{taped:10.3f} ms{compiled:10.4f} ms{taped / compiled:8.1f}", flush=True)
    print("core of ai_hall, one step: numpy, compiled, ratio")
    for batch in (1, 256, 1024):
        taped, compiled = core_gain(batch, repeats)
        print(f"  {batch:5d} sites{taped:10.3f} ms{compiled:10.4f} ms{taped / compiled:8.1f}", flush=True)
    count = operations()
    print(f"  {count:,} operations a site and step; {1e-6 * count * batch / compiled:.1f} a nanosecond")
    rate, gain = thread_gain(1024, repeats)
    print(f"  two threads, 1024 sites: {rate:,.0f} steps/s, {gain:.2f} times one")
    cold, cached = compile_seconds()
    print(f"  ready in {cold:.2f} s of processor time, {cached:.3f} s with what the cache keeps")
    print(f"  {memory_of_a_site():.1f} kB a site")
    print("gradient of the plant over 24 steps, 256 sites: us of a step, steps that both ways take")
    for name in ("ai_hall", "liquid_hall", "edge_room"):
        forward, both = gradient_cost(name, 256, 24, repeats)
        print(f"  {name:22s}{forward:8.2f} us{both:8.1f}", flush=True)
    spent = calibration_seconds()
    text = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items())
    print(f"calibration of edge_room, slopes of all readings by all parameters: {text}")
