"""What the scheduler of jobs adds to a control step of `ai_hall`, in one run; `scripts.bench` prints it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envs.core import DataCenterCore
from scripts.bench import HUNDRED_RACKS, WARM_UP, actions_of, best_of

STEPS = 10


def stepping(batch: int, overrides: tuple[str, ...]) -> tuple[DataCenterCore, Callable[[], None]]:
    """A core past its first steps, and what takes `STEPS` more."""
    core = DataCenterCore("ai_hall", batch, overrides)
    core.reset(seed=0)
    actions = actions_of(core.action_size, batch)
    for k in range(WARM_UP):
        core.step(actions[k % 8])

    def run() -> None:
        for k in range(STEPS):
            core.step(actions[k % 8])

    return core, run


def parts_of(core: DataCenterCore, run: Callable[[], None], repeats: int) -> dict[str, float]:
    """Milliseconds of a step with jobs: the round before the plant, the plant, what is booked behind it."""
    assert core.jobs is not None
    (step,) = core._steps.values()
    spent: dict[str, float] = {}

    def watched(owner: Any, name: str, title: str) -> None:
        function = getattr(owner, name)

        def timed(*given: Any) -> Any:
            found: list[Any] = []
            once, _ = best_of(lambda: found.append(function(*given)), 1)
            spent[title] = spent.get(title, 0.0) + once
            return found[0]

        setattr(owner, name, timed)

    for owner, name, title in (
        *((core.jobs, "load", "decide"), (core.jobs, "book", "settle and book"), (step, "step", "plant")),
    ):
        watched(owner, name, title)
    least: dict[str, float] = {}
    for _ in range(repeats):
        spent.clear()
        run()
        least = {title: min(s, least.get(title, s)) for title, s in spent.items()}
    for owner, name in ((core.jobs, "load"), (core.jobs, "book"), (step, "step")):
        delattr(owner, name)
    return {title: 1e3 * s / STEPS for title, s in least.items()}


def print_jobs(repeats: int, batch: int = 1024) -> None:
    """A step without and with jobs, and where the difference is."""
    print(f"jobs: a control step of ai_hall, {batch} sites, 128 slots; bars: 1.25 at 20 racks, 1.5 at 100")
    for title, overrides in (("20 racks", ()), ("100 racks", HUNDRED_RACKS)):
        (_, without), (core, with_jobs) = stepping(batch, overrides), stepping(batch, (*overrides, "jobs={}"))
        plain, _ = best_of(without, repeats)
        jobs, _ = best_of(with_jobs, repeats)
        parts = ", ".join(f"{name} {ms:.2f}" for name, ms in parts_of(core, with_jobs, repeats).items())
        print(
            f"  {title}: {1e3 * plain / STEPS:.2f} ms without, {1e3 * jobs / STEPS:.2f} with ({jobs / plain:.2f}); "
            f"of it {parts}"
        )
