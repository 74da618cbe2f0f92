"""The boxes of gymnasium: every observation and every action is scaled to [-1, 1]."""

from __future__ import annotations

import gymnasium as gym
import numpy as np


def box(size: int) -> gym.spaces.Box:
    """Box in [-1, 1] with ``size`` elements."""
    return gym.spaces.Box(-1.0, 1.0, (size,), np.float32)
