"""What a search may set of each algorithm, and between which values: one table, whose rows hold the defaults too.

The ranges are engineering guesses around what learnt on this plant, as wide as the tuned settings that the libraries
publish. What an update costs stays fixed: networks, environments and gradient steps, so that equal steps are about
equal work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from agents.learning.algorithms import Setting, algorithm_named, complete_settings
from envs.unknown_name import unknown_name

if TYPE_CHECKING:
    from optuna import Trial


class Span(NamedTuple):
    """A number between two ends, drawn on a logarithmic scale where ``log`` says so."""

    low: float
    high: float
    log: bool = True


class Among(NamedTuple):
    """One of a few values."""

    options: tuple[int | float | str, ...]


Space = Mapping[str, Span | Among]
REACH = "reach_frac"  # how far the agent may move a channel from the rule: of the agent, not of its algorithm

_REACH: Space = {REACH: Span(0.05, 0.3)}
_BUFFER: Space = {
    "learning_rate": Span(1e-4, 3e-3),
    "gamma": Among((0.9, 0.95, 0.97, 0.99)),
    "batch_size": Among((128, 256, 512)),
}
_TARGET: Space = {"tau": Span(2e-3, 5e-2)}
_ENTROPY: Space = {"ent_coef": Among(("auto", "auto_0.01", "0.001", "0.01"))}
_GRADIENT: Space = {
    "learning_rate": Span(5e-4, 1e-2),
    "inlet_margin_k": Span(0.3, 1.5, log=False),
    "left_share": Span(0.1, 1.0, log=False),
    REACH: Span(0.1, 0.4),
}

#: A name of `ALGORITHMS` to what may be set of it.
SPACES: dict[str, Space] = {
    "ppo": {
        "learning_rate": Span(1e-4, 3e-3),
        "gamma": Among((0.9, 0.95, 0.97, 0.99)),
        "gae_lambda": Among((0.8, 0.9, 0.95)),
        "clip_range": Among((0.1, 0.2, 0.3)),
        "log_std_init": Span(-3.5, -1.0, log=False),
        **_REACH,
    },
    "apg": _GRADIENT,
    "apg_ppo": {**_GRADIENT, "ppo_learning_rate": Span(1e-4, 1e-3), "log_std_init": Span(-4.0, -2.0, log=False)},
    "sac": {**_BUFFER, **_TARGET, **_ENTROPY, **_REACH},
    "td3": {**_BUFFER, **_TARGET, "noise_std": Span(0.03, 0.3), **_REACH},
    "tqc": {**_BUFFER, **_TARGET, **_ENTROPY, "top_quantiles_to_drop_per_net": Among((0, 2, 5)), **_REACH},
    "crossq": {**_BUFFER, **_ENTROPY, **_REACH},
}


def searched_space(algorithm: str, stated: Mapping[str, Setting]) -> Space:
    """What a search may set: the algorithm's row without what is stated.

    Parameters
    ----------
    algorithm : str
        A name of ``SPACES``.
    stated : mapping
        Settings that the command line gave; they stay as they are.

    Raises
    ------
    ValueError
        For an algorithm without a row, or where everything is stated, naming what could be searched.
    """
    if algorithm not in SPACES:
        raise ValueError(unknown_name("algorithm", algorithm, SPACES))
    space = {name: choice for name, choice in SPACES[algorithm].items() if name not in stated}
    if not space:
        raise ValueError(
            f"every setting of {algorithm} that a search may choose is stated; leave out one of agent."
            f"{', agent.'.join(SPACES[algorithm])}"
        )
    return space


def first_settings(algorithm: str, space: Space) -> dict[str, Setting]:
    """The defaults of what is searched: where every search begins."""
    known = {**complete_settings(algorithm, {}), REACH: algorithm_named(algorithm).reach_frac}
    return {name: known[name] for name in space}


def suggested(trial: Trial, space: Space) -> dict[str, Setting]:
    """A value for everything that is searched, from the sampler."""
    found: dict[str, Setting] = {}
    for name, choice in space.items():
        if isinstance(choice, Among):
            found[name] = cast("Setting", trial.suggest_categorical(name, choice.options))
        else:
            found[name] = trial.suggest_float(name, choice.low, choice.high, log=choice.log)
    return rounded(found)


def rounded(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Settings as they are trained with: numbers of four digits, which a file holds as they are."""
    return {name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in settings.items()}


def plain_space(space: Space) -> dict[str, list[object]]:
    """The space as plain data, which a search keeps beside its trials."""
    return {name: [type(choice).__name__, *choice] for name, choice in space.items()}
