"""Racks of one kind that stand together, and the rack that a preset with its overrides is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from envs.equipment.rack_archetypes import (
    ENTERPRISE_AIR,
    HGX_AIR,
    LEGACY_AIR,
    LIQUID_200,
    NVL72,
    RackArchetype,
)
from envs.parameters import Parameters, parameter
from envs.physics.namespace import Floats
from envs.signals.workload.cap_profiles import Profile, read_cap_profile, require_profile

PRESETS = {
    "nvl72": NVL72,
    "hgx_air": HGX_AIR,
    "enterprise_air": ENTERPRISE_AIR,
    "legacy_air": LEGACY_AIR,
    "liquid_200": LIQUID_200,
}
WORKLOADS = ("frontier", "conv", "code", "shared", "batch", "cpu", "cpu_office")


@dataclass(frozen=True)
class RackGroup(Parameters):
    """Racks of one kind that stand together.

    ``archetype`` names a preset of ``envs.equipment.rack``; ``overrides`` changes single parameters of it. ``workload``
    is the kind of partition that the group belongs to: frontier, conv, code, shared, batch or cpu. ``priority`` is who
    is capped last. ``cap_profile`` is a file with a measured sweep of power limits
    (`envs/signals/workload/cap_profiles.py`), whose throughput takes the place of the built-in curves. ``cap_curves``
    is the same as plain data, as bundles and folders of runs carry it: by class the shares of the uncapped power, and
    the shares of the uncapped work at them.
    """

    archetype: str = "nvl72"
    count: int = parameter(1, 1, 5000, "1", "scenario")
    zone: int = parameter(0, 0, 100, "1", "scenario: index of the air zone")
    row: int = parameter(0, 0, 100, "1", "scenario: index of the power row")
    workload: str = "frontier"
    priority: int = parameter(0, 0, 9, "1", 'SCENARIOS "Caps": serving before training')
    breaker_kw: float = parameter(132.0, 0.1, 5000.0, "kW", "SCENARIOS ai_hall, distribution")
    cap_profile: str = ""
    overrides: dict[str, float] = field(default_factory=dict)
    cap_curves: dict[str, list[list[float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check ranges and names."""
        super().__post_init__()
        if self.archetype not in PRESETS:
            raise ValueError(f"RackGroup.archetype = {self.archetype!r} is unknown; choose one of {sorted(PRESETS)}")
        if self.workload not in WORKLOADS:
            raise ValueError(f"RackGroup.workload = {self.workload!r} is unknown; choose one of {WORKLOADS}")
        if self.cap_curves and self.cap_profile:
            raise ValueError(f"RackGroup has cap_profile = {self.cap_profile} and cap_curves; leave one of them out")
        require_profile("RackGroup.cap_curves", self.cap_curves)


def profile_of(group: RackGroup) -> Profile:
    """The measured curves of a group; empty where it has none.

    Raises
    ------
    FileNotFoundError, ValueError
        Where its file is not there, or is none.
    """
    if group.cap_profile:
        return read_cap_profile(Path(group.cap_profile))
    return {kind: (tuple(rho), tuple(work)) for kind, (rho, work) in group.cap_curves.items()}


def profile_hash(group: RackGroup) -> str:
    """Hash of a group's measured curves, wherever they stand; errors as of `profile_of`."""
    curves = {kind: [[float(x) for x in part] for part in curve] for kind, curve in profile_of(group).items()}
    return hashlib.sha256(json.dumps(curves, sort_keys=True).encode()).hexdigest()


def carrying(racks: Mapping[str, RackGroup]) -> dict[str, RackGroup]:
    """The groups with their measured curves in place of a file's name; errors as of `profile_of`."""
    return {
        name: replace(
            group, cap_profile="", cap_curves={kind: [*map(list, both)] for kind, both in profile_of(group).items()}
        )
        for name, group in racks.items()
    }


def archetype_of(group: RackGroup) -> RackArchetype:
    """The group's preset with its overrides.

    Raises
    ------
    FileNotFoundError, ValueError
        Where an override names no parameter of a rack, or a profile cannot be read.
    """
    preset = PRESETS[group.archetype]
    for key in group.overrides:
        if not hasattr(preset, key):
            raise ValueError(f"racks: override {key!r} is no parameter of a rack; choose from {sorted(vars(preset))}")
        if isinstance(getattr(preset, key), (list, tuple)):
            raise ValueError(f"racks: override {key!r} is a curve of several numbers; choose a preset that has it")
    measured: Any = profile_of(group)
    if measured and preset.accelerators == 0:
        given = f"cap_profile = {group.cap_profile}" if group.cap_profile else "cap_curves"
        raise ValueError(f"racks: {given} of {group.archetype} racks, which have no accelerators")
    whole: dict[str, Any] = {k: _number_like(v, getattr(preset, k)) for k, v in group.overrides.items()}
    return replace(preset, **whole, cap_points=measured)


def _number_like(value: float | Floats, like: float) -> float | Floats:
    """A number of the type of ``like``; an array ``(B,)``, one value per environment, as it is."""
    return value if isinstance(value, np.ndarray) else type(like)(value)
