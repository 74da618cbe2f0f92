"""What a policy is, as a hash: a shard is played anew where its policy is another."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agents.runtime.manifest import MANIFEST, file_hash
from experiments.records.provenance import content_hash
from experiments.records.run_folder import model_of, read_card, run_of

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker

RUN = "reference"  # in place of a path: the rule that has the policy's name


def policy_hash(name: str, path: str, scenario: Scenario) -> str:
    """SHA-256 of a policy: of a rule its name and tuned constants, else of model and interface.

    Parameters
    ----------
    name : str
        Of a rule, one of ``agents.references.REFERENCES``.
    path : str
        A run's folder, a model or a bundle; empty for a rule.
    scenario : Scenario

    Raises
    ------
    ValueError, FileNotFoundError
        Where there is no such rule in this scenario, or nothing at the path.
    """
    from agents.planners.tuned import tuned_of

    if not path:
        known = rule_makers(name, scenario)
        if name not in known:
            raise ValueError(
                f"policies.{name}: {scenario.name} has no reference of that name; give one of {sorted(known)}"
            )
        tuned = tuned_of(scenario)
        return content_hash([name, asdict(tuned) if tuned else {}])
    place = Path(path)
    if (place / MANIFEST).is_file():
        return file_hash(place / MANIFEST)  # it names the hash of every other file
    run = run_of(place)
    if run is None:
        raise FileNotFoundError(f"policies.{name}: {place} holds neither a run nor a bundle; give one of them")
    return content_hash([file_hash(model_of(place)), json.dumps(read_card(run).get("interface"), sort_keys=True)])


def rule_makers(name: str, scenario: Scenario) -> dict[str, PolicyMaker]:
    """The references of a scenario; the planners among them only where one is asked for, as they cost more."""
    from agents.references import MPC_ENGINE, MPC_ROWS
    from experiments.evaluation.policies import reference_policies

    return reference_policies(scenario, name in MPC_ROWS, "engine" if name == MPC_ENGINE else "persistence")
