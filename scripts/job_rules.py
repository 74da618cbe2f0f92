"""Rules of the scheduler in a whole hall: work, waiting, splits and work per megawatt; ``python -m scripts.job_rules``.

The same episodes under every rule: same jobs, same weather, same building controls.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan, draw_plan
from envs.episodes.world import World
from envs.scenario import load
from envs.scenario.jobs_config import JOB_RULES
from envs.scheduling.job_table import RUNNING
from scripts.hall_days import Waits

RESAMPLES = 2000
COLUMNS = (
    *("rule", "accelerators at work per MW", "over best fit %", "95 % interval", "waiting at the end h"),
    *("mean wait s", "95 % wait s", "split %", "lost h", "kWh per work"),
)


class Played(NamedTuple):
    """What a rule did in each episode ``(B,)``: work done [accelerator-h], late and lost work, splits, energy.

    ``wait_s`` are the waits of all jobs, of who never started to the end [s]; ``split_frac`` is the share of jobs of up
    to a rack that started over several racks, of those that outlast the step they start in.
    """

    done_h: NDArray[np.float64]
    lost_h: NDArray[np.float64]
    waits_h: NDArray[np.float64]
    wait_s: NDArray[np.float64]
    split_frac: float
    facility_kwh: NDArray[np.float64]


def played(scenario: str, rule: str, overrides: tuple[str, ...], world: World, plan: EpisodePlan) -> Played:
    """Planned episodes under one rule."""
    sites = len(plan.site)
    core = DataCenterCore(scenario, sites, (*overrides, f"jobs.rule={rule}"), world=world)
    core.reset(seed=0, plan=plan)
    assert core.jobs is not None
    largest, waits = int(core.jobs.racks.max()), Waits(core.jobs)
    small, split = 0, 0
    for _ in range(core.max_episode_steps):
        waits.remember()
        now_s = core.jobs.now_s.copy()
        core.step_setpoints(core.rules.act(core.measurements()))
        table, started = core.jobs.jobs.table, waits.note(now_s)
        fits = started & (table.state == RUNNING) & (table.facts.accelerators <= largest)
        small, split = small + int(fits.sum()), split + int((fits & (table.span > 1)).sum())
    waits.end(core.jobs.now_s)
    sums, wait_s = core.episode_statistics(), waits.all()[0]
    kept = sums["work_done_h"], sums["work_lost_h"], core.jobs.seen[6] * core.jobs.racks.sum()
    return Played(*kept, wait_s, split / max(small, 1), sums["facility_power_kwh"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", default="ai_factory")
    parser.add_argument("overrides", nargs="*", default=[])
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    overrides = tuple(given.overrides)
    scenario = load(given.scenario, overrides)
    world = World.build(scenario)
    rngs = [np.random.default_rng([given.seed, k]) for k in range(given.episodes)]
    plan = draw_plan(scenario, world, rngs, np.zeros(given.episodes, np.int64))
    found = {rule: played(given.scenario, rule, overrides, world, plan) for rule in JOB_RULES}
    limit_mw = min(scenario.power.ups_limit_kw, scenario.power.utility_limit_kw) * 1e-3
    hours, base = scenario.episode.steps * scenario.episode.step_s / 3600.0, found["best_fit"]
    rng = np.random.default_rng(given.seed)
    at = rng.integers(0, given.episodes, (RESAMPLES, given.episodes))
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for rule, one in found.items():
        gain = 100.0 * (one.done_h[at].sum(axis=1) / base.done_h[at].sum(axis=1) - 1.0)
        low, high = np.quantile(gain, [0.025, 0.975])
        whole = 100.0 * (one.done_h.sum() / base.done_h.sum() - 1.0)
        per_mw = one.done_h.mean() / (hours * limit_mw)
        energy = one.facility_kwh.sum() / one.done_h.sum()
        gained = f"{per_mw:.1f} | {whole:+.2f} | {low:+.2f} to {high:+.2f}"
        waited = f"{one.waits_h.mean():.0f} | {one.wait_s.mean():.0f} | {np.quantile(one.wait_s, 0.95):.0f}"
        print(
            f"| `{rule}` | {gained} | {waited} | {100 * one.split_frac:.2f} | {one.lost_h.sum():.0f} | {energy:.4f} |"
        )


if __name__ == "__main__":
    main()
