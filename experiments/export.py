"""``coldaisle export``: a training run as a bundle that needs neither torch nor the simulator."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from experiments.evaluation.policies import MODEL_FILE, RUN_FILE, interface_in
from experiments.schema import CONFIGS, register

if TYPE_CHECKING:
    from agents.runtime.manifest import Content, EvaluationCard

LOG = logging.getLogger(__name__)


def export_run(run: Path, folder: Path, evaluation: Path | None = None, policy: str = "") -> Path:
    """Write the bundle of a run.

    Parameters
    ----------
    run : Path
        Folder of a training run.
    folder : Path
        Where the bundle goes.
    evaluation : Path, optional
        Folder of an evaluation, whose totals become the manifest's evaluation card.
    policy : str
        Name of the run's policy in that evaluation.
    """
    from agents.learning.build import load_model
    from agents.runtime.export import export_bundle

    if not (run / RUN_FILE).exists():
        raise FileNotFoundError(f"run = {run} holds no {RUN_FILE}; give the folder that `coldaisle train` wrote")
    card = json.loads((run / RUN_FILE).read_text())
    content: Content = {
        "scenario": card["scenario"],
        "scenario_hash": card["scenario_hash"],
        "settings": card["settings"],
        "git_hash": card["git_hash"],
        "interface": interface_in(run, card),
        "evaluation_card": evaluation_card(evaluation, policy) if evaluation else {},
    }
    return export_bundle(load_model(card["algorithm"], run / MODEL_FILE), folder, content)


def evaluation_card(folder: Path, policy: str) -> EvaluationCard:
    """Totals of one policy, the gates it passed or failed, and what they were measured on."""
    from experiments.evaluation.results import gate_words, read
    from experiments.evaluation.score import MEASURES, totals

    stored = read(folder)
    if policy not in stored.scores:
        raise ValueError(f"policy = {policy!r} is not in {folder}; choose one of {sorted(stored.scores)}")
    facts, row = stored.facts, totals(stored.scores[policy])
    return {
        "policy": policy,
        "baseline": facts["baseline"],
        "gates": gate_words(stored.scores, policy, facts["baseline"]),
        "totals": {m.column: row[m.column] for m in MEASURES},
        "episodes": len(facts["episodes"]),
        "scenario_hash": facts["scenario_hash"],
        "git_hash": facts["git_hash"],
    }


@hydra.main(config_path=CONFIGS, config_name="export", version_base="1.3")
def main(config: DictConfig) -> None:
    """Export as configured."""
    run = Path(config.run)
    folder = Path(config.folder) if config.folder else run / "bundle"
    evaluation = Path(config.evaluation) if config.evaluation else None
    LOG.info("bundle written to %s", export_run(run, folder, evaluation, config.policy))


def run() -> None:
    """``coldaisle export`` and ``python -m experiments.export``."""
    register(sys.argv)
    main()


if __name__ == "__main__":
    run()
