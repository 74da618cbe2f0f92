"""What may be set from the command line of a search for settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


@dataclass
class TuneConfig:
    """``coldaisle tune``: an algorithm's settings by search on validation; the same command goes on.

    Attributes
    ----------
    scenario : str
        A shipped scenario or the path of a YAML file.
    agent : str
        The algorithm. A setting of it that is typed stays as it is; the others are searched.
    trials : int
        The budget, in trials of full length: what a pruned one leaves goes to further ones.
    total_steps : int
        Environment steps of a full trial.
    rungs : int
        Parts of a trial; behind each but the last it is judged, and pruned where it lags behind the median.
    unpruned : int
        Full trials before the first may be pruned: one with the defaults, the others drawn at random.
    episodes : int
        Of validation, which trials are judged on.
    days : int
        Length of such an episode.
    split : str
        What trials learn on: ``train``, and validation judges them; ``none``: both play the scenario's own sites.
        Empty: ``train``, refused where it would replace sites or seeds of your own.
    seed : int
        Of the sampler, and of every training.
    folder : str
        Where everything lies; empty: ``runs/tune/<scenario>_<algorithm>``.
    """

    scenario: Any = MISSING
    agent: Any = MISSING
    trials: int = 20
    total_steps: int = 100_000
    rungs: int = 4
    unpruned: int = 4
    episodes: int = 24
    days: int = 1
    split: str = ""
    seed: int = 0
    folder: str = ""
