"""What the scheduler of jobs adds to a control step of `ai_hall`, in one run; `scripts.bench` prints it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envs.core import DataCenterCore
from scripts.bench import HUNDRED_RACKS, WARM_UP, actions_of, best_of

STEPS = 10
COOLED = (  # five times ai_hall's cooling: without it most of 100 racks go dark, and no job runs on them
    "zones.a.crah_units=15", "zones.a.crah_running=15", "zones.a.it_flow_m3_s=54", "zones.a.hot_aisle_kj_k=1250",
    "zones.a.plenum_kj_k=750", "zones.a.air_volume_m3=775",
    "zones.b.crah_units=20", "zones.b.crah_running=20", "zones.b.it_flow_m3_s=79.5", "zones.b.hot_aisle_kj_k=1250",
    "zones.b.plenum_kj_k=750", "zones.b.air_volume_m3=770",
    "coolant.cdus=15", "coolant.cdus_running=10", "coolant.tcs_flow_lpm=7650", "coolant.stored_litres=6000",
    "facility_water.flow_kg_s=122", "facility_water.pumps_running=5", "facility_water.volume_m3=20",
    "facility_water.exchanger_ua_kw_k=1305", "facility_water.cw_design_kg_s=150",
    "chilled_water.chillers_installed=15", "chilled_water.chillers_duty=10", "chilled_water.pumps_duty=10",
    "chilled_water.loop_volume_m3=80", "chilled_water.economizer_design_kw=2620",
    "tower.cells=15", "tower.duty_cells=10",
)  # fmt: skip


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
    for title, overrides in (("20 racks", ()), ("100 racks", (*HUNDRED_RACKS, *COOLED))):
        (_, without), (core, with_jobs) = stepping(batch, overrides), stepping(batch, (*overrides, "jobs={}"))
        plain, _ = best_of(without, repeats)
        jobs, _ = best_of(with_jobs, repeats)
        parts = ", ".join(f"{name} {ms:.2f}" for name, ms in parts_of(core, with_jobs, repeats).items())
        print(
            f"  {title}: {1e3 * plain / STEPS:.2f} ms without, {1e3 * jobs / STEPS:.2f} with ({jobs / plain:.2f}); "
            f"of it {parts}"
        )
