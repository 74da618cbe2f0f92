"""``make demo``: a short training run on the default scenario, judged against the rules, exported, reported."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.report import DEMO_WORDS

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.evaluate import Evaluation

LOG = logging.getLogger(__name__)
SCENARIO = "ai_hall"
SEED = 0
ENVIRONMENTS = 1024
TRAINING_S = 90.0
MAX_STEPS = 3_000_000
EPISODES, DAYS = 12, 2
DEMO_FILE = ".demo"  # marks a run that the next demo may remove; nobody else's run is


def demo(folder: Path, training_s: float = TRAINING_S, episodes: int = EPISODES, days: int = DAYS) -> dict[str, Path]:
    """Train, judge, export and report within about four minutes on two cores.

    Parameters
    ----------
    folder : Path
        Gets ``run/`` (with ``bundle/``), in place of an earlier demo's, and ``evaluation/`` (with ``report.html``).
    training_s : float
        Wall time for learning; steps follow from a measured rate: a slow machine learns less, not longer.
    episodes, days : int
        Paired episodes of the test split.

    Returns
    -------
    dict
        ``report`` and ``bundle``.

    Raises
    ------
    RuntimeError
        Where the energy balance does not close or a number is not finite.
    """
    from agents.learning.algorithms import Learner
    from agents.references import PROPORTIONAL
    from envs.scenario import load
    from experiments.evaluate import evaluate
    from experiments.evaluation.opponents import strongest_opponent, verdict
    from experiments.evaluation.policies import learned_rows, reference_policies
    from experiments.evaluation.results import print_table, save
    from experiments.evaluation.seeds import SEEDS
    from experiments.evaluation.splits import load_split, plan_episodes
    from experiments.export import export_run
    from experiments.records.tracking import NoTracker
    from experiments.report import write_report
    from experiments.schema import TrainingPlan
    from experiments.train import train

    run = _room_for_the_run(folder / "run")
    scenario = load(SCENARIO)
    steps = affordable_steps(scenario, training_s)
    LOG.info("training PPO on %s for %d environment steps", SCENARIO, steps)
    plan = TrainingPlan(steps, seed=SEED, progress=sys.stdout.isatty())
    train(scenario, Learner("ppo", ENVIRONMENTS), plan, run, NoTracker())
    played = plan_episodes(load_split("test"), episodes, days)
    references = reference_policies(scenario)
    del references[PROPORTIONAL]  # shares a feeder that does not bind here: the same as the tuned rules
    learned = learned_rows({"ppo": str(run)})
    policies = references | learned.makers
    LOG.info("judging %d policies on %d paired episodes of %d days", len(policies), episodes, days)
    found = evaluate(policies, scenario, played, seed=SEED)
    check(found)
    found.facts[SEEDS] = learned.seeds
    baseline = strongest_opponent(found.scores)
    words = f"{verdict(found.scores, 'ppo', [e.site for e in played])}; {DEMO_WORDS}"
    evaluation = save(found, folder / "evaluation", baseline)
    bundle = export_run(run, run / "bundle", evaluation, "ppo")
    report = write_report(evaluation, baseline, words)
    print_table(found, baseline, words)
    return {"report": report, "bundle": bundle}


def _room_for_the_run(run: Path) -> Path:
    """The folder, empty but for its mark; what a demo left there goes, and another run is refused."""
    from experiments.records.run_folder import require_no_other_run

    if (run / DEMO_FILE).exists():
        shutil.rmtree(run)
    require_no_other_run(run, None)
    run.mkdir(parents=True, exist_ok=True)
    (run / DEMO_FILE).touch()
    return run


def affordable_steps(scenario: Scenario, training_s: float) -> int:
    """Environment steps that learning can make in ``training_s`` seconds here, from a short measured rollout."""
    from agents.encoding import agent_scenario
    from agents.learning.algorithms import Learner
    from envs.core import DataCenterCore

    core = DataCenterCore(agent_scenario(scenario, Learner.encoding, Learner.reach_frac), ENVIRONMENTS)
    core.reset(seed=SEED)
    actions = np.zeros((ENVIRONMENTS, core.action_size), np.float32)
    core.step(actions)
    start = time.perf_counter()
    for _ in range(5):
        core.step(actions)
    per_step_s = (time.perf_counter() - start) / (5 * ENVIRONMENTS)
    learning_s = 12e-6  # networks' share per environment step: 80k steps/s with a free environment (STACK "Peers")
    return int(np.clip(training_s / (per_step_s + learning_s), 8 * ENVIRONMENTS, MAX_STEPS))


def check(found: Evaluation, residual_frac: float = 1e-3) -> None:
    """Raise where a score is not finite or the energy balance of any step does not close."""
    for name, table in found.scores.items():
        for column, values in table.items():
            if not np.all(np.isfinite(values)):
                raise RuntimeError(f"{name}: {column} is not finite; report this as a bug")
        worst = float(table["energy_residual_frac"].max())
        if worst > residual_frac:
            raise RuntimeError(
                f"{name}: the energy balance is open by {worst:.1e} of facility power; report this as a bug"
            )


def run() -> None:
    """``coldaisle demo`` and ``make demo``; any failure ends with a nonzero exit code."""
    words = argparse.ArgumentParser(
        "coldaisle demo", description="Train for a minute and a half, judge, export, report."
    )
    words.add_argument("folder", nargs="?", type=Path, default=Path("runs") / "demo", help="gets run/ and evaluation/")
    folder = words.parse_args(sys.argv[1:]).folder
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start = time.perf_counter()
    made = demo(folder)
    LOG.info("report: %s", made["report"])
    LOG.info("bundle: %s", made["bundle"])
    LOG.info("done in %.0f s", time.perf_counter() - start)


if __name__ == "__main__":
    run()
