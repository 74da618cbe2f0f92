"""What a training run is asked for: how long it learns, what happens beside it, what it is judged on meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True)
class LearningPlan:
    """How long to learn, and what happens beside it; 0 switches a habit off.

    Attributes
    ----------
    total_steps : int
        Environment steps to learn from, those before a resumption included.
    checkpoint_every : int
        Environment steps between two checkpoints.
    evaluate_every : int
        Environment steps between two scores on the validation episodes.
    patience : int
        Evaluations without gain after which learning ends.
    min_gain : float
        Smallest rise of the mean episode reward that counts as gain.
    progress : bool
        Show a bar with the time left.
    torch_threads : int
        Threads of torch; 1 suits small batches: a second one on a busy core can slow them a hundredfold.
    """

    total_steps: int
    checkpoint_every: int = 0
    evaluate_every: int = 0
    patience: int = 0
    min_gain: float = 0.0
    progress: bool = False
    torch_threads: int = 1


class Validation(NamedTuple):
    """Environments that the plateau is judged on, and the seed of their episodes, the same at every evaluation."""

    environments: VecEnv
    seed: int = 0
