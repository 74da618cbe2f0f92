"""What the environments hand on to their core."""

from __future__ import annotations

from typing import TypedDict

from envs.episodes.world import World
from envs.hooks import Hooks
from envs.plant.plant_like import PlantLike
from envs.scenario import Rules
from envs.shield.shield import Shield


class CoreOptions(TypedDict, total=False):
    """What the environments hand on to their core, see `envs.core.DataCenterCore`."""

    dtype: str
    world: World | None
    plant: PlantLike | None
    hooks: Hooks | None
    rules: Rules | None
    shield: Shield | None
