"""What the command line may set is put into hydra's store, and its own words are made those that hydra takes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from agents.learning.algorithms import ALGORITHMS
from experiments.overrides import experiment_words, remembered, require_machines, scenario_files, without_plus, writable
from experiments.schema import VERBS, TrackingConfig, agent_config, group_defaults


def register(arguments: Sequence[str] | None = None, verb: str = "train") -> None:
    """Put every dataclass into hydra's store, and the scenarios that a command line may choose.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line (``sys.argv``, changed in place where it is that list): ``scenario=<path>.yaml`` registers that
        file under the file's name; a ``+`` before a key of ours is taken off; what an experiment or a run's card says
        is added.
    verb : str
        Whose default scenario counts where the command line names none.
    """
    given = sys.argv if arguments is None else arguments
    try:
        if isinstance(given, list):
            given[:] = [without_plus(argument) for argument in given]
            given += experiment_words(given)
            given += remembered(given, ("resume", "policy", *(["run"] if verb == "watch" else [])))
        files = scenario_files(given)
        usual = group_defaults(verb).get("scenario", "")
        require_machines(given, files, usual)
    except ValueError as error:
        sys.exit(f"coldaisle: {error}")
    store = ConfigStore.instance()
    for verb, config in VERBS.items():
        store.store(name=f"{verb}_schema", node=writable(OmegaConf.structured(config)))
    for name, row in ALGORITHMS.items():
        store.store(group="agent", name=name, node=agent_config(row))
    store.store(group="tracking", name="tracking_schema", node=TrackingConfig)
    register_scenarios([*chosen_scenarios(given, usual, files), *files])


def chosen_scenarios(arguments: Sequence[str], usual: str, files: Sequence[str]) -> tuple[str, ...]:
    """Shipped scenarios that a command line chooses, after ``scenario_files``; all where it names one that is unknown.

    Each costs a start a tenth of a second; an unknown name is answered with the list of all.
    """
    from envs.scenario import SHIPPED

    named = [a.partition("=")[2] for a in arguments if a.startswith("scenario=")]
    names = (named[-1] if named else usual).split(",") if named or usual else []
    known = {*SHIPPED, *(Path(path).stem for path in files)}
    return tuple(name for name in SHIPPED if name in names) if known.issuperset(names) else SHIPPED


def register_scenarios(names: Iterable[str]) -> None:
    """Register shipped scenarios and YAML files as options of the group ``scenario``."""
    from envs.scenario import load

    store = ConfigStore.instance()
    for name in names:
        try:
            node = OmegaConf.structured(load(name))
        except ValueError as error:
            sys.exit(f"coldaisle: {error}")
        store.store(group="scenario", name=Path(name).stem, node=writable(node))
