"""``make demo``: a short training run on the default scenario, judged against the rules, exported, reported."""

from __future__ import annotations

import argparse
import logging
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.report import DEMO_WORDS

if TYPE_CHECKING:
    from agents.learning.algorithms import Learner
    from envs.scenario import Scenario
    from experiments.evaluate import Evaluation

LOG = logging.getLogger(__name__)
SCENARIO = "ai_hall"
SEED = 0
TRAINING_S = 90.0
MAX_STEPS = 1_000_000
ENOUGH_STEPS = 500_000  # by which apg beats the tuned rules in all that was measured
#: What learning costs per environment step: so many steps of the plant, there and back, and networks.
STEPS_OF_THE_PLANT, NETWORKS_S = {"apg": 10.0, "ppo": 1.0}, {"apg": 25e-6, "ppo": 12e-6}
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
    learner = demo_learner()
    name = learner.algorithm
    steps = affordable_steps(scenario, learner, training_s)
    LOG.info(
        "training %s on %s for %s environment steps, about %.0f s", name.upper(), SCENARIO, f"{steps:,}", training_s
    )
    if name == "apg" and steps < ENOUGH_STEPS:
        LOG.info("this machine is slow or busy: with fewer than %s steps the policy may not win", f"{ENOUGH_STEPS:,}")
    plan = TrainingPlan(steps, seed=SEED, progress=sys.stdout.isatty())
    train(scenario, learner, plan, run, NoTracker())
    played = plan_episodes(load_split("test"), episodes, days)
    references = reference_policies(scenario)
    del references[PROPORTIONAL]  # shares a feeder that does not bind here: the same as the tuned rules
    learned = learned_rows({name: str(run)})
    policies = references | learned.makers
    LOG.info("judging %d policies on %d paired episodes of %d days", len(policies), episodes, days)
    found = evaluate(policies, scenario, played, seed=SEED)
    check(found)
    found.facts[SEEDS] = learned.seeds
    baseline = strongest_opponent(found.scores)
    words = f"{verdict(found.scores, name, [e.site for e in played])}; {DEMO_WORDS}"
    evaluation = save(found, folder / "evaluation", baseline)
    bundle = export_run(run, run / "bundle", evaluation, name)
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


def demo_learner() -> Learner:
    """Who learns in the demo: by the gradient of the plant where it can be compiled, else by PPO."""
    from agents.learning.algorithms import Learner, algorithm_named
    from envs.engine.choice import chosen_engine

    row = algorithm_named("apg" if chosen_engine() == "llvm" else "ppo")
    return Learner(row.name, row.environments, encoding=row.encoding, reach_frac=row.reach_frac)


def affordable_steps(scenario: Scenario, learner: Learner, training_s: float) -> int:
    """Environment steps that learning can make in ``training_s`` seconds here, from a short measured rollout."""
    from agents.encoding import agent_scenario
    from envs.core import DataCenterCore

    count, name = learner.environments, learner.algorithm
    core = DataCenterCore(agent_scenario(scenario, learner.encoding, learner.reach_frac), count)
    core.reset(seed=SEED)
    actions = np.zeros((count, core.action_size), np.float32)
    core.step(actions)
    start = time.perf_counter()
    for _ in range(5):
        core.step(actions)
    per_step_s = (time.perf_counter() - start) / (5 * count)
    learning_s = STEPS_OF_THE_PLANT[name] * per_step_s + NETWORKS_S[name]
    return int(np.clip(training_s / learning_s, 8 * count, MAX_STEPS))


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
    LOG.info("done in %.0f s. What you can do next:", time.perf_counter() - start)
    LOG.info("  open the report in a browser:   %s", made["report"])
    LOG.info("  see what the bundle reads:      %s -m agents.runtime %s", shlex.quote(sys.executable), made["bundle"])
    LOG.info("  watch the policy run the hall:  coldaisle watch run=%s", made["bundle"].parent)
    LOG.info("  train longer, judge by seeds:   docs/learning.md; run it at a site: docs/live.md")


if __name__ == "__main__":
    run()
