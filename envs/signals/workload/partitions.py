"""Which racks work alike: the partition table of a hall (WORKLOAD 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envs.signals.workload.profiles import SERVICE_PROFILE

#: Classes in the two slots of a rack, by the kind of its partition.
KIND_SLOTS = {
    "frontier": ("pretrain", "none"),
    "shared": ("pretrain", "finetune"),
    "interactive": ("prefill", "decode"),
    "batch": ("batch", "none"),
    "cpu": ("cpu", "none"),
}


def require(good: bool, name: str, value: object, allowed: str) -> None:
    """Raise a ValueError that says the name, the value and what to give instead."""
    if not good:
        raise ValueError(f"{name} = {value!r}; give {allowed}")


@dataclass(frozen=True)
class Partition:
    """Racks that work alike.

    Parameters
    ----------
    kind : str
        ``frontier``, ``shared``, ``interactive``, ``batch`` or ``cpu``.
    racks : tuple of int
        Rack indices in the hall.
    gpus_per_rack : int
        Rated accelerators of each rack (any number above 0 for ``cpu``).
    service : str
        ``conv`` or ``code``: whose week ``interactive`` and ``cpu`` follow.
    autoscale : bool
        ``interactive``: park replicas that are not needed.
    batch_max : int
        ``interactive``: requests that a replica holds at most; 0: as many as 0.95 of saturation needs.
    occupancy : float
        ``shared``: offered load over capacity, rho [1].
    checkpoint_interval_min : float
        ``frontier``: minutes between checkpoints.
    async_checkpoint : bool
        ``frontier``: stall 5 s instead of 30 s.
    """

    kind: str
    racks: tuple[int, ...]
    gpus_per_rack: int = 1
    service: str = "conv"
    autoscale: bool = False
    occupancy: float = 0.68
    checkpoint_interval_min: float = 30.0
    async_checkpoint: bool = False
    batch_max: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be generated, naming the field."""
        object.__setattr__(self, "racks", tuple(int(r) for r in self.racks))
        require(self.kind in KIND_SLOTS, "Partition.kind", self.kind, f"one of {', '.join(KIND_SLOTS)}")
        require(
            len(set(self.racks)) == len(self.racks) > 0,
            "Partition.racks",
            self.racks,
            "distinct rack indices, at least one",
        )
        require(min(self.racks) >= 0, "Partition.racks", self.racks, "rack indices from 0")
        require(self.gpus_per_rack >= 1, "Partition.gpus_per_rack", self.gpus_per_rack, "a whole number from 1")
        require(self.service in SERVICE_PROFILE, "Partition.service", self.service, "conv or code")
        require(
            0.0 < self.occupancy < 1.0,
            "Partition.occupancy",
            self.occupancy,
            "a share between 0 and 1, for example 0.68",
        )
        require(self.batch_max >= 0, "Partition.batch_max", self.batch_max, "a whole number, 0 for no limit")
        interval = self.checkpoint_interval_min
        require(interval >= 2.0, "Partition.checkpoint_interval_min", interval, "minutes, at least 2")

    @property
    def gpus(self) -> int:
        """Rated accelerators of the whole partition."""
        return len(self.racks) * self.gpus_per_rack


def partitions_for(blocks: Iterable[tuple[str, Iterable[int], int]], autoscale: bool = False) -> tuple[Partition, ...]:
    """Partitions of a hall from a list of ``(kind, racks, gpus_per_rack)``.

    An ``interactive`` block becomes 60 % conversation and 40 % code racks (WORKLOAD 6); a ``cpu`` block of eight racks
    or more is halved into one that follows conversation and one that follows office hours.
    """
    made: list[Partition] = []
    for kind, racks, gpus in blocks:
        indices = tuple(racks)
        share = {"interactive": 0.6, "cpu": 0.5 if len(indices) >= 8 else 1.0}.get(kind, 1.0)
        cut = max(1, round(share * len(indices)))
        made.append(Partition(kind, indices[:cut], gpus, autoscale=autoscale))
        if indices[cut:]:
            made.append(Partition(kind, indices[cut:], gpus, service="code", autoscale=autoscale))
    return tuple(made)


def default_partitions(scenario: str) -> tuple[Partition, ...]:
    """Partition table of a shipped scenario: ai_hall, legacy_air, liquid_hall or edge_room (WORKLOAD 6, SCENARIOS)."""
    blocks: dict[str, list[tuple[str, Iterable[int], int]]] = {
        "ai_hall": [
            ("frontier", range(5), 72),
            ("interactive", range(5, 10), 72),
            ("shared", range(10, 15), 32),
            ("batch", range(15, 17), 32),
            ("cpu", range(17, 20), 1),
        ],
        "legacy_air": [("cpu", range(80), 1)],
        "liquid_hall": [("frontier", range(8), 144), ("interactive", range(8, 12), 144)],
        "edge_room": [("cpu", range(5), 1), ("interactive", range(5, 8), 8)],
    }
    require(
        scenario in blocks, "scenario", scenario, f"one of {', '.join(blocks)}, or build a table with partitions_for"
    )
    return partitions_for(blocks[scenario])
