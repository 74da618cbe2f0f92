"""``coldaisle export``: a training run as a bundle that needs neither torch nor the simulator."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from omegaconf import DictConfig

from experiments.records.run_folder import SCENARIO_FILE, interface_in, model_of, read_card, run_of
from experiments.registration import register
from experiments.verb_main import verb_main

if TYPE_CHECKING:
    from agents.runtime.manifest import EvaluationCard, SitedContent
    from envs.scenario import Scenario

LOG = logging.getLogger(__name__)


def export_run(
    run: Path,
    folder: Path,
    evaluation: Path | None = None,
    policy: str = "",
    *,
    twin: Path | None = None,
    trust: bool = False,
    light: bool = False,
) -> Path:
    """Write the bundle of a run.

    Parameters
    ----------
    run : Path
        Folder of a training run or of one of its checkpoints, or one of its models.
    folder : Path
        Where the bundle goes.
    evaluation : Path, optional
        Folder of an evaluation, whose totals become the manifest's evaluation card.
    policy : str
        Name of the run's policy in that evaluation.
    twin : Path, optional
        Calibrated scenario of the site, for the shield's twin; that of the run when left out.
    trust : bool
        Also load ``model.zip`` of an older run, which may run code of whoever wrote it.
    light : bool
        Write weights and manifest alone.

    Raises
    ------
    ValueError
        Where ``light`` and ``twin`` are given, the run has no interface, or the twin is of another hall.
    """
    from agents.learning.model_file import load_model
    from agents.policy import site_data
    from agents.runtime.export import export_bundle
    from envs.scenario import load
    from envs.scenario.rack_group import carrying

    if light and twin is not None:
        raise ValueError(f"light = true writes no twin, and twin = {twin} is given; leave out one of the two")
    owner = run_of(run) or run
    card = read_card(owner)
    nominal = load(str(owner / SCENARIO_FILE))
    site = nominal if twin is None else load(str(twin))
    _require_same_rows(nominal, site, twin)
    content: SitedContent = {
        "scenario": card["scenario"],
        "scenario_hash": card["scenario_hash"],
        "settings": card["settings"],
        "git_hash": card["git_hash"],
        "interface": interface_in(owner, card),
        "evaluation_card": evaluation_card(evaluation, policy) if evaluation else {},
        "site": site_data(nominal),
    }
    model = load_model(card["algorithm"], model_of(run), trust=trust)
    carried = replace(site, racks=carrying(site.racks))
    return export_bundle(model, folder, content, asdict(carried), light=light)


def _require_same_rows(nominal: Scenario, site: Scenario, twin: Path | None) -> None:
    """Refuse a twin of another hall: its setpoints have other rows."""
    from envs.plant.layout import Layout

    rows = [{c.name: c.rows for c in Layout(s, np.dtype("float32")).channels.values()} for s in (nominal, site)]
    if rows[0] != rows[1]:
        raise ValueError(
            f"twin = {twin} has the setpoints {rows[1]}, the run was trained on {rows[0]}; give the same site, "
            "calibrated"
        )


def evaluation_card(folder: Path, policy: str) -> EvaluationCard:
    """Totals of one policy, the gates it passed or failed, and what they were measured on."""
    from experiments.evaluation.results import gate_words, stored_evaluation
    from experiments.evaluation.score import MEASURES, totals
    from experiments.evaluation.seeds import mean_table, policy_tables, shortage

    stored = stored_evaluation(folder)
    facts, tables = stored.facts, policy_tables(stored.scores, stored.facts)
    if policy not in tables:
        raise ValueError(f"policy = {policy!r} is not in {folder}; choose one of {sorted(tables)}")
    row, episodes = totals(mean_table(tables[policy])), len(facts["episodes"])
    return {
        "policy": policy,
        "baseline": facts["baseline"],
        "gates": gate_words(tables, policy, facts["baseline"]),
        "totals": {m.column: row[m.column] for m in MEASURES},
        "episodes": episodes,
        "result": shortage(policy, facts, episodes) or "yes",
        "scenario_hash": facts["scenario_hash"],
        "git_hash": facts["git_hash"],
    }


def registered(folder: Path, uri: str, experiment: str, name: str = "") -> str:
    """Put a bundle into the model registry; gives ``name@champion, version n``.

    Parameters
    ----------
    folder : Path
        The bundle.
    uri, experiment : str
        The mlflow store, and the experiment whose run holds the files.
    name : str
        Of the registered model; empty: ``coldaisle-<scenario>``.
    """
    from agents.runtime.manifest import read_manifest
    from experiments.records.tracking import register_files

    manifest = read_manifest(folder)
    model = name or f"coldaisle-{manifest['scenario']}"
    facts = {"sha256": manifest["sha256"], "algorithm": manifest["algorithm"], "git_hash": manifest["git_hash"]}
    return register_files(folder, uri, experiment, model, facts)


@verb_main("export")
def main(config: DictConfig) -> None:
    """Export as configured."""
    run = Path(config.run)
    folder = Path(config.folder) if config.folder else (run_of(run) or run) / "bundle"
    evaluation = Path(config.evaluation) if config.evaluation else None
    twin = Path(config.twin) if config.twin else None
    made = export_run(run, folder, evaluation, config.policy, twin=twin, trust=config.trust, light=config.light)
    LOG.info("bundle written to %s", made)
    if config.register:
        LOG.info("registered as %s", registered(folder, config.tracking.uri, config.tracking.experiment, config.name))


def run() -> None:
    """``coldaisle export`` and ``python -m experiments.export``."""
    register(sys.argv, "export")
    main()


if __name__ == "__main__":
    run()
