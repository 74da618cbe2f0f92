"""Everything that steps and resets of a core change, as plain data, and back: a run goes on as if never stopped.

Left out is what the scenario gives anew: plant, world, tape, and the signals of the coming step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from envs.controllers.base import CombinedController, Controller
from envs.episodes.core_step import CoreState
from envs.episodes.hall_jobs import HallJobs
from envs.episodes.serving_latency import ServingLatency
from envs.episodes.streams import Streams
from envs.guard import Guard
from envs.scenario import Scenario
from envs.trees import as_classes_of, as_plain_data

TREES = ("now", "_episode_terms", "flows", "plan", "faults", "_episode")


def float_type(given: str) -> np.dtype:
    """The type that a core reckons in.

    Raises
    ------
    ValueError
        For any other than float32 and float64.
    """
    if given not in ("float32", "float64"):
        raise ValueError(f"dtype = {str(given)[:60]!r}; give 'float32' or 'float64'")
    return np.dtype(given)


class Interruptible(Protocol):
    """What of a core is kept beside the attributes that `TREES` names."""

    scenario: Scenario
    num_envs: int
    dtype: np.dtype
    channel_hash: str
    rules: Controller
    guard: Guard | None
    jobs: HallJobs | None
    serving: ServingLatency | None

    @property
    def now(self) -> CoreState | None:
        """All that steps change."""

    _seed: int
    _streams: Streams | None

    def reset(self) -> object:
        """Start new episodes."""

    def _update_signals(self) -> None:
        """Signals and losses of the coming step."""


def core_snapshot(core: Interruptible) -> dict[str, Any]:
    """The state of ``core`` in nested dicts of copied arrays; see ``envs.core.DataCenterCore.save_state``."""
    streams = core._streams
    if core.now is None or streams is None:
        raise ValueError("no episode has begun, so there is no state; call reset first")
    return {
        "of": _identity(core),
        "core": {name: as_plain_data(getattr(core, name)) for name in TREES},
        "rules": _memory(core.rules),
        "guard": None if core.guard is None else core.guard.snapshot(),
        "jobs": None if core.jobs is None else core.jobs.snapshot(),
        "serving": None if core.serving is None else core.serving.snapshot(),
        "rngs": [streams.state(k) for k in range(core.num_envs)],
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
    _remember(core.rules, saved["rules"])
    if core.guard is not None and core.now is not None:
        core.guard.restore(saved["guard"], core.now.plant)
    if core.jobs is not None:
        core.jobs.restore(saved["jobs"])
    if core.serving is not None:
        core.serving.restore(saved["serving"])
    core._seed = saved["seed"]
    assert core._streams is not None
    for k, state in enumerate(saved["rngs"]):
        core._streams.set_state(k, state)
    core._update_signals()


def _identity(core: Interruptible) -> dict[str, Any]:
    return {
        "scenario": core.scenario.hash(),
        "channels": core.channel_hash,
        "num_envs": core.num_envs,
        "dtype": core.dtype.name,
        "shield": core.guard is not None,
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
