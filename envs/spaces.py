"""What the adapters of gymnasium share: boxes, scaled to [-1, 1], modes of rendering, the length in a spec."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

RENDER_MODES = ["ansi", "human"]


def checked_render_mode(mode: str | None) -> str | None:
    """The mode, where it is one of ``RENDER_MODES`` or None."""
    if mode is not None and mode not in RENDER_MODES:
        raise ValueError(f"render_mode = {mode!r} is unknown; choose one of {RENDER_MODES}, or None")
    return mode


def with_length(made: EnvSpec | None, steps: int) -> EnvSpec | None:
    """The spec that ``gymnasium.make`` gives an environment, with the length of its scenario's episodes."""
    return None if made is None else replace(made, max_episode_steps=steps)


def box(size: int) -> gym.spaces.Box:
    """Box in [-1, 1] with ``size`` elements."""
    return gym.spaces.Box(-1.0, 1.0, (size,), np.float32)
