"""What the command line may set is put into hydra's store, and its own words are made those that hydra takes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from agents.learning.algorithms import ALGORITHMS
from experiments.overrides import remembered, require_machines, scenario_files, without_plus, writable
from experiments.schema import VERBS, TrackingConfig, agent_config, group_defaults


def register(arguments: Sequence[str] | None = None, verb: str = "train") -> None:
    """Put every dataclass into hydra's store, and the shipped scenarios.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line (``sys.argv``, changed in place where it is that list): ``scenario=<path>.yaml`` registers that
        file under the file's name; a ``+`` before a key of ours is taken off; what a run's card says is added.
    verb : str
        Whose default scenario counts where the command line names none.
    """
    given = sys.argv if arguments is None else arguments
    try:
        if isinstance(given, list):
            given[:] = [without_plus(argument) for argument in given]
            given += remembered(given)
        files = scenario_files(given)
        require_machines(given, files, group_defaults(verb).get("scenario", ""))
    except ValueError as error:
        sys.exit(f"coldaisle: {error}")
    store = ConfigStore.instance()
    for verb, config in VERBS.items():
        store.store(name=f"{verb}_schema", node=writable(OmegaConf.structured(config)))
    for name, row in ALGORITHMS.items():
        store.store(group="agent", name=name, node=agent_config(row))
    store.store(group="tracking", name="tracking_schema", node=TrackingConfig)
    register_scenarios(files)


def register_scenarios(paths: Iterable[str] = ()) -> None:
    """Register the shipped scenarios and those of YAML files as options of the group ``scenario``."""
    from envs.scenario import SHIPPED, load

    store = ConfigStore.instance()
    for name in (*SHIPPED, *paths):
        try:
            node = OmegaConf.structured(load(name))
        except ValueError as error:
            sys.exit(f"coldaisle: {error}")
        store.store(group="scenario", name=Path(name).stem, node=writable(node))
