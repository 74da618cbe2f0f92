"""Rules of the scheduler on public job traces: work, waiting and splits; ``python -m scripts.trace_rules <file>``.

Several files with the same headings are joined to one log, as one operator's clusters. The hall is that of a scenario
with as many NVL72 and HGX racks, half of the accelerators each, as the log's mean load asks. Every rule plays the same
days. A second table tells jobs apart by size: who does more work, and who waits for it. The files stay where they are:
nothing of them is kept.
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
from envs.episodes.hall_jobs import HallJobs
from envs.episodes.world import World
from envs.scenario import load
from envs.scenario.jobs_config import JOB_RULES
from envs.scheduling.job_table import RUNNING, WAITING
from envs.signals.stamps import SiteClock
from envs.signals.workload.cluster_logs import read_job_log
from scripts.hall_days import Waits, work_left_h

RESAMPLES = 2000
NVL, HGX = 72, 32
KW = {NVL: 132.0, HGX: 41.0}
COLUMNS = (
    *("rule", "accelerators at work", "over best fit %", "95 %", "95 % wait h", "less than best fit h", "95 %"),
    *("mean wait h", "waiting at the end h", "small jobs split %"),
)
BY_SIZE = (
    *("rule", "accelerators of a job", "jobs", "work asked %", "work done over best fit %", "95 %"),
    *("mean wait h", "95 % wait h", "less than best fit h", "95 %"),
)
#: Sizes told apart, each above the one before: a server, half an HGX rack, an HGX rack, an NVL72 rack, more.
SIZES = (8.0, 16.0, float(HGX), float(NVL), np.inf)
Floats = NDArray[np.float64]


class Day(NamedTuple):
    """What a rule did, by day ``(B,)``: work done and waiting at the end [accelerator-h], and waits of its jobs [s].

    A job that still waits at the end counts with what it has waited until then. ``sizes`` are the accelerators of who
    waited; ``asked_h`` and ``done_of_h`` are by size ``(S, B)``: what jobs of `SIZES` had to do, and did.
    """

    done_h: Floats
    left_h: Floats
    waits_s: list[Floats]
    split: float
    sizes: list[Floats]
    asked_h: Floats
    done_of_h: Floats


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
    largest, waits = int(core.jobs.racks.max()), Waits(core.jobs)
    asked_h = _left_of(core.jobs, core.jobs.now_s + core.max_episode_steps * core.step_s)
    small = split = 0
    for _ in range(core.max_episode_steps):
        waits.remember()
        now_s = core.jobs.now_s.copy()
        core.step_setpoints(core.rules.act(core.measurements()))
        table, started = core.jobs.jobs.table, waits.note(now_s)
        fits = started & (table.state == RUNNING) & (table.facts.accelerators <= largest)
        small, split = small + int(fits.sum()), split + int((fits & (table.span > 1)).sum())
    waits.end(core.jobs.now_s)
    table = core.jobs.jobs.table
    left_h = np.where(table.state == WAITING, table.left_h, 0.0).sum(axis=0)
    done_h = np.asarray(core.episode_statistics()["work_done_h"], np.float64)
    wait_s, size, site = waits.all()
    of = [site == day for day in range(days)]
    told = [wait_s[one] for one in of], split / max(small, 1), [size[one] for one in of]
    return Day(done_h, left_h, *told, asked_h, asked_h - _left_of(core.jobs, core.jobs.now_s))


def _left_of(jobs: HallJobs, until_s: Floats) -> Floats:
    """Work left by size ``(S, B)`` of all who were submitted until then."""
    return np.stack([work_left_h(jobs, until_s, above, most) for above, most in zip((0.0, *SIZES), SIZES)])


def p95_h(waits: list[Floats], at: NDArray[np.intp]) -> float:
    """Of the waits of some days [h]; nan where nobody waited in them."""
    some = np.concatenate([waits[k] for k in at])
    return float(np.quantile(some, 0.95)) / 3600.0 if some.size else float("nan")


def drawn(found: dict[str, Day], seed: int) -> NDArray[np.intp]:
    """Days drawn anew, the same for all rules and tables ``(D, B)``."""
    days = len(found["best_fit"].done_h)
    return np.random.default_rng(seed).integers(0, days, (RESAMPLES, days))


def rows(found: dict[str, Day], hours: float, at: NDArray[np.intp]) -> list[str]:
    """The table's rows; intervals by drawing days anew, the same days for both rules."""
    base = found["best_fit"]
    return [
        _row(
            f"`{rule}`", f"{one.done_h.mean() / hours:.1f}", *_over(one.done_h, base.done_h, at),
            *_less(one.waits_s, base.waits_s, at), f"{np.concatenate(one.waits_s).mean() / 3600.0:.1f}",
            f"{one.left_h.mean():.0f}", f"{100.0 * one.split:.2f}",
        )
        for rule, one in found.items()
    ]  # fmt: skip


def rows_by_size(found: dict[str, Day], at: NDArray[np.intp]) -> list[str]:
    """Rows of each rule, one for each size that was asked."""
    base, told = found["best_fit"], []
    for rule, one in found.items():
        for k, (above, most) in enumerate(zip((0.0, *SIZES), SIZES)):
            ours, theirs = (
                [w[(s > above) & (s <= most)] for w, s in zip(day.waits_s, day.sizes)] for day in (one, base)
            )
            if sum(map(len, ours)) == 0:
                continue
            wait_h, less_h, interval = _less(ours, theirs, at)
            told.append(
                _row(
                    f"`{rule}`", f"{above + 1:.0f} to {most:.0f}" if np.isfinite(most) else f"above {above:.0f}",
                    f"{sum(map(len, ours))}", f"{100.0 * one.asked_h[k].sum() / one.asked_h.sum():.1f}",
                    *_over(one.done_of_h[k], base.done_of_h[k], at),
                    f"{np.concatenate(ours).mean() / 3600.0:.1f}", wait_h, less_h, interval,
                )
            )  # fmt: skip
    return told


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _over(ours: Floats, theirs: Floats, at: NDArray[np.intp]) -> tuple[str, str]:
    """How much more, in percent, with its interval; dashes where the other did nothing."""
    if theirs.sum() <= 0.0:
        return "-", "-"
    with np.errstate(invalid="ignore", divide="ignore"):
        again = 100.0 * (ours[at].sum(axis=1) / theirs[at].sum(axis=1) - 1.0)
        return f"{100.0 * (ours.sum() / theirs.sum() - 1.0):+.2f}", _interval(again)


def _less(ours: list[Floats], theirs: list[Floats], at: NDArray[np.intp]) -> tuple[str, str, str]:
    """The 95 % wait, how much shorter it is [h], and its interval."""
    every = np.arange(len(ours))
    wait_h, again = p95_h(ours, every), [p95_h(theirs, some) - p95_h(ours, some) for some in at]
    return f"{wait_h:.1f}", f"{p95_h(theirs, every) - wait_h:+.1f}", _interval(np.array(again))


def _interval(values: Floats) -> str:
    if not np.isfinite(values).any():
        return "-"
    low, high = np.quantile(values[np.isfinite(values)], [0.025, 0.975])
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
    at = drawn(found, given.seed)
    print("\n".join(rows(found, hours, at)))
    print("\n| " + " | ".join(BY_SIZE) + " |")
    print("|---" * len(BY_SIZE) + "|")
    print("\n".join(rows_by_size(found, at)))


if __name__ == "__main__":
    main()
