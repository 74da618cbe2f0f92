"""What may be set for each algorithm, with the defaults that learnt fast (STACK "What learns fast")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class PPOSettings:
    """Proximal policy optimisation: few samples a cycle, many cycles."""

    learning_rate: float = 1e-3
    anneal_learning_rate: bool = True
    n_steps: int = 8
    batch_size: int = 2048
    n_epochs: int = 4
    gamma: float = 0.9
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    log_std_init: float = -1.0
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    activation: str = "tanh"


@dataclass
class OffPolicySettings:
    """What every algorithm with a replay buffer shares."""

    learning_rate: float = 3e-4
    anneal_learning_rate: bool = False
    buffer_size: int = 500_000
    learning_starts: int = 5_000
    batch_size: int = 256
    gamma: float = 0.9
    train_freq: int = 1
    gradient_steps: int = 4
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    activation: str = "relu"


@dataclass
class SACSettings(OffPolicySettings):
    """Soft actor-critic."""

    tau: float = 0.005
    ent_coef: str = "auto"


@dataclass
class TD3Settings(OffPolicySettings):
    """Twin delayed deterministic policy gradient, with Gaussian exploration noise."""

    tau: float = 0.005
    policy_delay: int = 2
    noise_std: float = 0.2


@dataclass
class TQCSettings(OffPolicySettings):
    """Truncated quantile critics."""

    tau: float = 0.005
    ent_coef: str = "auto"
    top_quantiles_to_drop_per_net: int = 2


@dataclass
class CrossQSettings(OffPolicySettings):
    """CrossQ: batch renormalisation in place of target networks."""

    learning_rate: float = 1e-3
    ent_coef: str = "auto"
    policy_delay: int = 3


SETTINGS: dict[str, type] = {
    "ppo": PPOSettings,
    "sac": SACSettings,
    "td3": TD3Settings,
    "tqc": TQCSettings,
    "crossq": CrossQSettings,
}


def complete_settings(algorithm: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of an algorithm: the defaults, replaced where ``given`` says otherwise.

    Raises
    ------
    ValueError
        For an unknown algorithm or setting, naming what is allowed.
    """
    if algorithm not in SETTINGS:
        raise ValueError(f"algorithm {algorithm!r} is unknown; choose one of {sorted(SETTINGS)}")
    allowed = [f.name for f in fields(SETTINGS[algorithm])]
    for name in given:
        if name not in allowed:
            raise ValueError(f"{algorithm} has no setting {name!r}; it has {allowed}")
    return {**asdict(SETTINGS[algorithm]()), **dict(given)}
