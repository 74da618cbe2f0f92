"""Rules of the scheduler on public job traces: work, waiting and splits; ``python -m scripts.trace_rules <file>``.

Several files with the same headings are joined to one log, as one operator's clusters. The hall is that of a scenario
with as many NVL72 and HGX racks, half of the accelerators each, as the log's mean load asks. Every rule plays the same
days. The files stay where they are: nothing of them is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan, draw_plan
from envs.episodes.world import World
from envs.scenario import load
from envs.scenario.jobs_config import JOB_RULES
from envs.scheduling.job_table import RUNNING, WAITING
from envs.signals.stamps import SiteClock
from envs.signals.workload.cluster_logs import read_job_log

RESAMPLES = 2000
NVL, HGX = 72, 32
KW = {NVL: 132.0, HGX: 41.0}
COLUMNS = (
    *("rule", "accelerators at work", "over best fit %", "95 %", "95 % wait h", "less than best fit h", "95 %"),
    *("mean wait h", "waiting at the end h", "small jobs split %"),
)
Floats = NDArray[np.float64]


class Day(NamedTuple):
    """What a rule did, by day ``(B,)``: work done and waiting at the end [accelerator-h], and waits of its jobs [s].

    A job that still waits at the end counts with what it has waited until then.
    """

    done_h: Floats
    left_h: Floats
    waits_s: list[Floats]
    split: float


def hall_of(mean_busy: float, load_frac: float) -> list[str]:
    """Rack counts and sizes of `ai_factory` whose accelerators are ``mean_busy / load_frac``."""
    half = 0.5 * mean_busy / load_frac
    nvl, hgx = max(round(half / NVL), 2), max(round(half / HGX), 2)
    counts = {"nvl_a": (nvl + 1) // 2, "nvl_b": nvl // 2, "hgx_a": (hgx + 1) // 2, "hgx_b": hgx // 2}
    peak_kw = 1.1 * (nvl * KW[NVL] + hgx * KW[HGX])
    return [*(f"racks.{name}.count={count}" for name, count in counts.items()), f"expected_peak_kw={peak_kw:.0f}"]


def played(rule: str, overrides: list[str], world: World, plan: EpisodePlan) -> Day:
    """Planned days under one rule."""
    days = len(plan.site)
    core = DataCenterCore("ai_factory", days, (*overrides, f"jobs.rule={rule}"), world=world)
    core.reset(seed=0, plan=plan)
    assert core.jobs is not None
    largest = int(core.jobs.racks.max())
    waits: list[list[float]] = [[] for _ in range(days)]
    small = split = 0
    for _ in range(core.max_episode_steps):
        table = core.jobs.jobs.table
        before, known, now_s = table.state == RUNNING, table.facts.submit_s.copy(), core.jobs.now_s.copy()
        core.step_setpoints(core.rules.act(core.measurements()))
        table = core.jobs.jobs.table
        started = (table.state == RUNNING) & (~before | (known != table.facts.submit_s))
        for slot, day in zip(*np.nonzero(started)):
            waits[day].append(max(now_s[day] - table.facts.submit_s[slot, day], 0.0))
        fits = started & (table.facts.accelerators <= largest)
        small, split = small + int(fits.sum()), split + int((fits & (table.span > 1)).sum())
    table = core.jobs.jobs.table
    for slot, day in zip(*np.nonzero(table.state == WAITING)):
        waits[day].append(core.jobs.now_s[day] - table.facts.submit_s[slot, day])
    left_h = np.where(table.state == WAITING, table.left_h, 0.0).sum(axis=0)
    done_h = np.asarray(core.episode_statistics()["work_done_h"], np.float64)
    return Day(done_h, left_h, [np.array(one) for one in waits], split / max(small, 1))


def p95_h(waits: list[Floats], at: NDArray[np.intp]) -> float:
    """Of the waits of some days [h]."""
    return float(np.quantile(np.concatenate([waits[k] for k in at]), 0.95)) / 3600.0


def rows(found: dict[str, Day], hours: float, seed: int) -> list[str]:
    """The table's rows; intervals by drawing days anew, the same days for both rules."""
    base, rng = found["best_fit"], np.random.default_rng(seed)
    days = len(base.done_h)
    at, every = rng.integers(0, days, (RESAMPLES, days)), np.arange(days)
    told = []
    base_p95 = [p95_h(base.waits_s, one) for one in at]
    for rule, one in found.items():
        gain = 100.0 * (one.done_h[at].sum(axis=1) / base.done_h[at].sum(axis=1) - 1.0)
        whole = 100.0 * (one.done_h.sum() / base.done_h.sum() - 1.0)
        less = np.array(base_p95) - [p95_h(one.waits_s, some) for some in at]
        mean_h = np.concatenate(one.waits_s).mean() / 3600.0
        wait_h = p95_h(one.waits_s, every)
        cells = [
            f"`{rule}`", f"{one.done_h.mean() / hours:.1f}", f"{whole:+.2f}", _interval(gain), f"{wait_h:.1f}",
            f"{p95_h(base.waits_s, every) - wait_h:+.1f}", _interval(less), f"{mean_h:.1f}",
            f"{one.left_h.mean():.0f}", f"{100.0 * one.split:.2f}",
        ]  # fmt: skip
        told.append("| " + " | ".join(cells) + " |")
    return told


def _interval(values: Floats) -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{low:+.2f} to {high:+.2f}"


def joined(files: list[Path], folder: Path) -> Path:
    """The file, or a copy of several with the same headings, by time of submission as the reader sorts them."""
    if len(files) == 1:
        return files[0]
    heads = {file.read_text(encoding="utf-8").splitlines()[0] for file in files}
    if len(heads) > 1:
        raise ValueError(f"{', '.join(map(str, files))}: headings differ; give files of one trace")
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    path = folder / "joined.csv"
    path.write_text("\n".join([heads.pop(), *lines]) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Print what was played, and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="a job log, or several with the same headings")
    parser.add_argument("--days", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--load", type=float, default=0.9, help="mean load of the log over the hall's accelerators")
    parser.add_argument("--length", type=int, default=1, help="days that an episode lasts")
    parser.add_argument("--set", nargs="*", default=[], help="other keys of the hall, as jobs.exposed_pretrain_frac=0")
    parser.add_argument("--rules", nargs="*", default=list(JOB_RULES))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = joined(given.files, Path(folder))
        log = read_job_log(path, SiteClock())
        span_s = float(log.submit_s[-1])
        busy = float((log.accelerators * log.duration_s).sum()) / span_s
        weeks = max(int((span_s - (-log.week_start_s % 604_800.0)) // 604_800), 1)
        overrides = [f"jobs.log={path}", "jobs.slots=2048", f"site.workload_weeks={weeks}", *hall_of(busy, given.load)]
        overrides += [f"episode.steps={288 * given.length}", *given.set]
        scenario = load("ai_factory", overrides)
        world = World.build(scenario)
        rngs = [np.random.default_rng([given.seed, k]) for k in range(given.days)]
        plan = draw_plan(scenario, world, rngs, np.zeros(given.days, np.int64))
        racks = {name: group.count for name, group in scenario.racks.items()}
        print(
            f"{len(log.submit_s)} jobs of {span_s / 86_400:.1f} days, {log.left_out} left out; {busy:.0f} accelerators "
            f"busy on average; racks {racks}; {given.days} days, seed {given.seed}, of {weeks} whole weeks"
        )
        for file in given.files:
            print(f"{file.name}: sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")
        found = {rule: played(rule, overrides, world, plan) for rule in dict.fromkeys(["best_fit", *given.rules])}
    hours = scenario.episode.steps * scenario.episode.step_s / 3600.0
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    print("\n".join(rows(found, hours, given.seed)))


if __name__ == "__main__":
    main()
