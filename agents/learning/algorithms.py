"""The one table of algorithms: what may be set, which class learns, how its actor is exported, what a resume keeps.

Adding an algorithm takes its settings (`agents.learning.settings`) and its row here. The command line, the builder,
the checkpoints, the export and the tests read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, cast

from agents.learning.settings import (
    APGSettings,
    APGThenPPOSettings,
    CrossQSettings,
    PPOSettings,
    SACSettings,
    TD3Settings,
    TQCSettings,
)
from envs.unknown_name import unknown_name

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
    from stable_baselines3.common.type_aliases import TrainFreq

Setting = bool | int | float | str | list[int]
Settings = Mapping[str, Setting]


@dataclass(frozen=True)
class Algorithm:
    """One row of the table.

    Attributes
    ----------
    name : str
        As in ``agent=<name>``.
    settings : type
        Dataclass of what may be set, with its defaults.
    model : str
        The class, ``package:Class``.
    environments : int
        Sites side by side where nobody says otherwise.
    on_policy : bool
        True: learns from fresh rollouts, and episodes that were cut are bootstrapped in one batch. False: learns from a
        replay buffer, which a checkpoint keeps beside the model.
    actor : tuple of str
        Modules from observation to action in their order, as paths below ``model.policy``.
    squash : str
        Activation that the class applies after the last of them: ``tanh`` or ``identity``.
    fixed : tuple of str
        Settings that shape networks, buffers or optimizers, or act at the start alone: a resumed run keeps them.
    encoding : str
        How its agent acts where nobody says otherwise, one of ``agents.encoding.AGENT_ENCODINGS``.
    reach_frac : float
        How far it may move a channel from the rule where nobody says otherwise, as a share of the range.
    """

    name: str
    settings: type[DataclassInstance]
    model: str
    environments: int
    on_policy: bool
    actor: tuple[str, ...]
    squash: str
    fixed: tuple[str, ...]
    encoding: str = "residual"
    reach_frac: float = 0.15

    def model_class(self) -> type[BaseAlgorithm]:
        """Return the class itself; imports torch."""
        package, name = self.model.split(":")
        found: type[BaseAlgorithm] = getattr(import_module(package), name)
        return found


_ROLLOUTS = ("mlp_extractor.policy_net", "action_net")
_GAUSSIAN = ("actor.latent_pi", "actor.mu")
_NETWORK = ("hidden", "activation")
_BUFFER = (*_NETWORK, "buffer_size", "learning_starts")

ALGORITHMS: dict[str, Algorithm] = {
    row.name: row
    for row in (
        Algorithm(
            "ppo", PPOSettings, "stable_baselines3:PPO", 1024, True, _ROLLOUTS, "identity", (*_NETWORK, "log_std_init")
        ),
        Algorithm(
            "apg",
            APGSettings,
            "agents.learning.apg:APG",
            128,
            True,
            _ROLLOUTS,
            "identity",
            (*_NETWORK, "adam_beta2"),
            "feedforward",
            0.3,
        ),  # fmt: skip
        Algorithm(
            "apg_ppo",
            APGThenPPOSettings,
            "agents.learning.two_stages:APGThenPPO",
            128,
            True,
            _ROLLOUTS,
            "identity",
            (*_NETWORK, "adam_beta2", "log_std_init", "first_stage_steps"),
            "feedforward",
            0.3,
        ),  # fmt: skip
        Algorithm("sac", SACSettings, "stable_baselines3:SAC", 64, False, _GAUSSIAN, "tanh", (*_BUFFER, "ent_coef")),
        Algorithm("td3", TD3Settings, "stable_baselines3:TD3", 64, False, ("actor.mu",), "identity", _BUFFER),
        Algorithm("tqc", TQCSettings, "sb3_contrib:TQC", 64, False, _GAUSSIAN, "tanh", (*_BUFFER, "ent_coef")),
        Algorithm("crossq", CrossQSettings, "sb3_contrib:CrossQ", 64, False, _GAUSSIAN, "tanh", (*_BUFFER, "ent_coef")),
    )
}


@dataclass(frozen=True)
class Learner:
    """Who learns.

    Attributes
    ----------
    algorithm : str
        One of ``ALGORITHMS``.
    environments : int
        Sites side by side.
    settings : mapping
        What deviates from the algorithm's defaults.
    encoding : str
        One of ``agents.encoding.AGENT_ENCODINGS``.
    reach_frac : float
        How far an agent on top of a rule may move a channel from the rule, as a share of its range.
    """

    algorithm: str
    environments: int
    settings: Settings = field(default_factory=dict)
    encoding: str = "residual"
    reach_frac: float = 0.15


def algorithm_named(name: str) -> Algorithm:
    """Return the row of a name.

    Raises
    ------
    ValueError
        For an unknown name, with the known ones.
    """
    if name not in ALGORITHMS:
        raise ValueError(unknown_name("algorithm", name, ALGORITHMS))
    return ALGORITHMS[name]


def algorithm_of(model: BaseAlgorithm) -> Algorithm:
    """Return the row that a model was built from; a subclass has the row of its parent.

    Raises
    ------
    ValueError
        Where the table has no such class.
    """
    rows = {_short(row.model): row for row in ALGORITHMS.values()}
    for kind in type(model).__mro__:
        path = _short(f"{kind.__module__}:{kind.__name__}")
        if path in rows:
            return rows[path]
    raise ValueError(f"class {type(model).__name__} has no row in the table of algorithms, which has {sorted(rows)}")


def _short(path: str) -> str:
    """A class as ``package:Class``, wherever in the package it is defined."""
    module, name = path.split(":")
    return f"{module.split('.')[0]}:{name}"


def rollout_steps(model: BaseAlgorithm) -> int:
    """Return how many steps each environment takes before the model may learn from them."""
    if algorithm_of(model).on_policy:
        return cast("OnPolicyAlgorithm", model).n_steps
    return cast("TrainFreq", cast("OffPolicyAlgorithm", model).train_freq).frequency


def complete_settings(algorithm: str, given: Settings) -> dict[str, Setting]:
    """All settings of an algorithm: the defaults, replaced where ``given`` says otherwise.

    Raises
    ------
    ValueError
        For an unknown algorithm or setting, naming what is allowed.
    """
    settings = algorithm_named(algorithm).settings
    allowed = [f.name for f in fields(settings)]
    for name in given:
        if name not in allowed:
            raise ValueError(unknown_name(f"setting of {algorithm}", name, allowed))
    return {**asdict(settings()), **given}


def resumed_settings(algorithm: str, kept: Settings, given: Settings) -> dict[str, Setting]:
    """Settings of a resumed run: those that it had, replaced by what was given now.

    Raises
    ------
    ValueError
        For an unknown setting, and for another value of one that cannot change any more, naming both values.
    """
    row, before, wanted = algorithm_named(algorithm), complete_settings(algorithm, kept), {**kept, **given}
    for name in row.fixed:
        if name in given and given[name] != before[name]:
            raise ValueError(
                f"agent.{name} = {given[name]} cannot be given to a resumed run, which has {before[name]}; leave it "
                f"out, or train anew; a resumed run takes {', '.join(n for n in before if n not in row.fixed)}"
            )
    return complete_settings(algorithm, wanted)
