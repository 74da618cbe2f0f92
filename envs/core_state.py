"""Everything that steps and resets of a core change, as plain data, and back: a run goes on as if never stopped.

Left out is what the scenario gives anew: plant, world, tape, and the signals of the coming step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from envs.controllers.base import CombinedController, Controller
from envs.episodes.bill import Bill
from envs.episodes.episode import EpisodeSums
from envs.episodes.instruments import Instruments
from envs.interface.observation import ObservationEncoder
from envs.physics.namespace import Floats
from envs.plant.state import PlantState
from envs.scenario import Scenario
from envs.shield.shield import Shield
from envs.trees import as_classes_of, as_plain_data

TREES = ("state", "_state_at_start", "in_force", "flows", "plan", "faults", "t", "_inlet_before", "_episode")
SUMS = ("_names", "_sums", "_peaks", "_counts")


class Interruptible(Protocol):
    """What of a core is kept beside the attributes that `TREES` names."""

    scenario: Scenario
    num_envs: int
    dtype: np.dtype
    channel_hash: str
    observer: ObservationEncoder
    instruments: Instruments
    bill: Bill
    sums: EpisodeSums
    building: Controller
    rules: Controller
    followed: Controller
    shield: Shield | None
    state: PlantState | None
    measured: dict[str, Floats]
    _seed: int
    _rngs: list[np.random.Generator]

    def reset(self) -> object:
        """Start new episodes."""

    def _update_signals(self) -> None:
        """Signals and losses of the coming step."""


def core_snapshot(core: Interruptible) -> dict[str, Any]:
    """The state of ``core`` in nested dicts of copied arrays; see ``envs.core.DataCenterCore.save_state``."""
    if core.state is None:
        raise ValueError("no episode has begun, so there is no state; call reset first")
    return {
        "of": _identity(core),
        "core": {name: as_plain_data(getattr(core, name)) for name in TREES},
        "bill": as_plain_data(core.bill.state),
        "sums": {name: as_plain_data(getattr(core.sums, name)) for name in SUMS},
        "sensors": as_plain_data(core.instruments.state),
        "block": as_plain_data(core.instruments.block),
        "building": _memory(core.building),
        "rules": _memory(core.rules),
        "followed": _memory(core.followed),
        "shield": None if core.shield is None else core.shield.snapshot(),
        "rngs": [rng.bit_generator.state for rng in core._rngs],
        "seed": core._seed,
    }


def restore_core(core: Interruptible, saved: Mapping[str, Any]) -> None:
    """Put the state that ``core_snapshot`` gave into ``core``; see ``envs.core.DataCenterCore.load_state``."""
    for name, value in _identity(core).items():
        if saved["of"][name] != value:
            raise ValueError(
                f"the saved state has {name} {saved['of'][name]!r}, this core has {value!r}; "
                "build the core from the same scenario, channels, batch size, dtype and shield"
            )
    core.reset()  # only for the shape of the trees: all of it is replaced below
    for name in TREES:
        setattr(core, name, as_classes_of(getattr(core, name), saved["core"][name], name))
    core.bill.state = as_classes_of(core.bill.state, saved["bill"], "bill")
    for name in SUMS:
        setattr(core.sums, name, as_classes_of(None, saved["sums"][name], name))
    core.instruments.state = as_classes_of(core.instruments.state, saved["sensors"], "sensors")
    block = core.instruments.block = saved["block"].copy(order="K")
    block.flags.writeable = False
    core.measured = core.observer.unstack(block)
    _remember(core.building, saved["building"])
    _remember(core.rules, saved["rules"])
    _remember(core.followed, saved["followed"])
    if core.shield is not None:
        core.shield.restore(saved["shield"], core.state)
    core._seed = saved["seed"]
    for rng, state in zip(core._rngs, saved["rngs"], strict=True):
        rng.bit_generator.state = state
    core._update_signals()


def _identity(core: Interruptible) -> dict[str, Any]:
    return {
        "scenario": core.scenario.hash(),
        "channels": core.channel_hash,
        "num_envs": core.num_envs,
        "dtype": core.dtype.name,
        "shield": core.shield is not None,
    }


def _stateful_parts(controller: Controller) -> list[Controller]:
    return controller.parts if isinstance(controller, CombinedController) else [controller]


def _memory(controller: Controller) -> list[dict[str, Any]]:
    return [
        {name: as_plain_data(getattr(p, name)) for name in getattr(p, "memory", ())}
        for p in _stateful_parts(controller)
    ]


def _remember(controller: Controller, saved: list[dict[str, Any]]) -> None:
    for part, memory in zip(_stateful_parts(controller), saved, strict=True):
        for name, value in memory.items():
            setattr(part, name, as_plain_data(value))
