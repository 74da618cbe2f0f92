"""What must fit together in one site, asked once when its scenario is made; each answer says the mend."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from envs.equipment.air_side import AirZone
from envs.equipment.battery import Battery
from envs.equipment.chilled_water import ChilledWater
from envs.equipment.cooling_tower import CoolingTower
from envs.equipment.dry_cooler import DryCooler
from envs.equipment.dx_unit import DxUnits
from envs.equipment.liquid_loop import CoolantDistribution, FacilityWater
from envs.equipment.power_chain import PowerChain
from envs.equipment.rack_archetypes import RackArchetype
from envs.faults import KINDS, Fault, FaultConfig, FaultRate
from envs.interface.channels import CHANNELS
from envs.physics.namespace import Floats
from envs.scenario.jobs_config import JobsConfig
from envs.scenario.rack_group import RackGroup, archetype_of
from envs.unit_text import unit_behind

#: Facility power over IT power beyond which a design day is a slip of the pen; engineering guess.
MOST_PUE = 3.0
#: Machines, as the table of points names them, of which a kind of fault needs one; the others strike any site.
STRUCK: dict[str, tuple[str, ...]] = {
    "chiller_trip": ("chw",),
    "tower_cell": ("tower", "dry"),
    "pump_cw": ("tower",),
    "pump_chw": ("chw",),
    "pump_fws": ("fws",),
    "pump_tcs": ("tcs",),
    "cdu": ("tcs",),
}


class SiteParts(Protocol):
    """What the checks read of a scenario; a machine that is ``None`` is not there."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def racks(self) -> Mapping[str, RackGroup]: ...  # noqa: D102
    @property
    def zones(self) -> Mapping[str, AirZone]: ...  # noqa: D102
    @property
    def coolant(self) -> CoolantDistribution | None: ...  # noqa: D102
    @property
    def facility_water(self) -> FacilityWater | None: ...  # noqa: D102
    @property
    def chilled_water(self) -> ChilledWater | None: ...  # noqa: D102
    @property
    def tower(self) -> CoolingTower | None: ...  # noqa: D102
    @property
    def dry_cooler(self) -> DryCooler | None: ...  # noqa: D102
    @property
    def dx(self) -> DxUnits | None: ...  # noqa: D102
    @property
    def power(self) -> PowerChain: ...  # noqa: D102
    @property
    def battery(self) -> Battery | None: ...  # noqa: D102
    @property
    def jobs(self) -> JobsConfig | None: ...  # noqa: D102
    @property
    def faults(self) -> FaultConfig: ...  # noqa: D102
    @property
    def expected_peak_kw(self) -> float: ...  # noqa: D102
    @property
    def channel_ranges(self) -> Mapping[str, Sequence[float]]: ...  # noqa: D102
    @property
    def legacy_setpoints(self) -> Mapping[str, float]: ...  # noqa: D102


def machines(s: SiteParts) -> set[str]:
    """Which machines a site has, by the names that the table of points uses."""
    chilled = s.chilled_water
    has = {
        "chw": chilled is not None,
        "economizer": chilled is not None and chilled.economizer,
        "tower": s.tower is not None,
        "fws": s.facility_water is not None,
        "dry": s.dry_cooler is not None,
        "tcs": s.coolant is not None,
        "battery": s.battery is not None,
        "jobs": s.jobs is not None,
    }
    return {name for name, there in has.items() if there}


def possible_kinds(present: Collection[str]) -> list[str]:
    """Kinds of fault that can strike a site with the machines ``present``, in the order of ``KINDS``."""
    return [kind for kind in KINDS if kind not in STRUCK or set(STRUCK[kind]) & set(present)]


def require_machines(faults: Iterable[Fault | FaultRate], present: Collection[str], where: str) -> None:
    """Refuse faults of machines that a site has not.

    Parameters
    ----------
    faults : iterable of Fault or FaultRate
        What is to strike.
    present : collection of str
        Machines that there are, as `machines` names them.
    where : str
        Opens the message: whose faults these are.

    Raises
    ------
    ValueError
        Naming the kind, the machine it needs, and the kinds that can strike this site.
    """
    possible = possible_kinds(present)
    for fault in faults:
        if fault.kind not in possible:
            raise ValueError(
                f"{where}: a {fault.kind} needs {' or '.join(STRUCK[fault.kind])}, and the site has only "
                f"{sorted(present)}; choose one of {possible}"
            )


def check_site(s: SiteParts) -> None:
    """Raise a ValueError where the parts of a site cannot work together.

    Raises
    ------
    ValueError
        Naming the part, its value, what is allowed and the mend.
    """
    kinds = {key: archetype_of(group) for key, group in s.racks.items()}
    _check_places(s)
    _check_heat(s, kinds)
    _check_running(s)
    _check_power(s, kinds)
    _check_channels(s)
    _check_jobs(s)
    for key in ("scheduled", "random"):
        require_machines(getattr(s.faults, key), machines(s), f"scenario {s.name!r}, faults.{key}")


def _check_places(s: SiteParts) -> None:
    """Every rack stands in a zone and on a power row that there are."""
    zones, rows = len(s.zones), len(s.power.row_limit_kw)
    for key, group in s.racks.items():
        if group.zone >= zones:
            raise ValueError(f"racks.{key}.zone = {group.zone}, but there are {zones} zones; give 0..{zones - 1}")
        if group.row >= rows:
            raise ValueError(
                f"racks.{key}.row = {group.row}, but power.row_limit_kw has {rows} rows; add the row's limit"
            )
    empty = sorted(set(range(rows)) - {group.row for group in s.racks.values()})
    if empty:
        raise ValueError(f"no racks stand in row {empty[0]}; put some there, or take it out of power.row_limit_kw")


def _check_heat(s: SiteParts, kinds: dict[str, RackArchetype]) -> None:
    """Every kilowatt of a rack, to air or to liquid, has a way out."""
    chilled = s.chilled_water
    if chilled is not None and not chilled.air_cooled and s.tower is None:
        raise ValueError(f"{s.name}: chilled_water.machine {chilled.machine!r} is water-cooled and needs a tower")
    if chilled is None and s.dx is None:
        raise ValueError(f"scenario {s.name!r}: nothing cools the air; give chilled_water or dx")
    if s.dx is not None and len(s.zones) != 1:
        raise ValueError(f"scenario {s.name!r}: dx units serve one zone, but there are {len(s.zones)}")
    for key, kind in kinds.items():
        share = np.max(kind.liquid_share_frac)
        if share > 0.0 and (s.coolant is None or s.facility_water is None):
            raise ValueError(
                f"scenario {s.name!r} has liquid-cooled racks (racks.{key}: liquid_share_frac = {share:g}); give "
                "coolant and facility_water, or liquid_share_frac 0"
            )
    if s.facility_water is not None and s.tower is None and s.dry_cooler is None:
        raise ValueError(f"scenario {s.name!r}: facility_water has nowhere to reject heat; give tower or dry_cooler")
    if s.facility_water is not None and s.dry_cooler is None and np.any(s.facility_water.exchanger_ua_kw_k == 0.0):
        raise ValueError(
            f"scenario {s.name!r}: facility_water.exchanger_ua_kw_k = 0, but its heat goes through that exchanger to "
            "the tower; give its UA [kW/K]"
        )


def _check_running(s: SiteParts) -> None:
    """No more units on duty than are installed."""
    pairs: list[tuple[str, Any, str, str]] = [
        (f"zones.{key}", zone, "crah_running", "crah_units") for key, zone in s.zones.items()
    ]
    pairs += [("coolant", s.coolant, "cdus_running", "cdus")] if s.coolant is not None else []
    if s.tower is not None:
        pairs += [("tower", s.tower, name, "cells") for name in ("duty_cells", "min_cells")]
    for where, machine, running, installed in pairs:
        duty, there = getattr(machine, running), getattr(machine, installed)
        if np.any(np.asarray(duty) > np.asarray(there)):
            raise ValueError(
                f"{where}.{running} = {duty} is above {installed} = {there}; give at most {there}, or install more"
            )


def idle_kw(kind: RackArchetype) -> float:
    """What a rack draws without work, before its power supplies [kW]: no cap goes below it."""
    accelerators = kind.accelerators * kind.accelerator_tdp_kw * kind.accelerator_idle_frac
    return float(np.max(kind.base_power_kw + accelerators + kind.cpu_idle_kw))


def _check_power(s: SiteParts, kinds: dict[str, RackArchetype]) -> None:
    """No limit below what its racks draw idle, and an expected peak that such racks can have."""
    rows = np.asarray(s.power.row_limit_kw, dtype=np.float64)
    by_row = np.zeros(len(rows))
    for key, group in s.racks.items():
        idle = idle_kw(kinds[key])
        _check_limit(f"racks.{key}.breaker_kw", group.breaker_kw, idle, "the rack")
        by_row[group.row] += group.count * idle
    for row, limit in enumerate(rows):
        _check_limit(f"power.row_limit_kw[{row}]", limit, by_row[row], "its racks")
    for name in ("ups_limit_kw", "utility_limit_kw"):
        _check_limit(f"power.{name}", getattr(s.power, name), by_row.sum(), "the site's racks")
    battery = 0.0 if s.battery is None else float(np.max(s.battery.power_kw))
    low, high = by_row.sum(), MOST_PUE * _peak_kw(s.racks, kinds) + battery
    if np.any(np.asarray(s.expected_peak_kw) < low) or np.any(np.asarray(s.expected_peak_kw) > high):
        raise ValueError(
            f"expected_peak_kw = {s.expected_peak_kw} is outside [{low:.0f}, {high:.0f}] kW: what the racks draw idle, "
            f"to {MOST_PUE:g} times their peak and the battery; give the facility's power on its design day"
        )


def _check_jobs(s: SiteParts) -> None:
    """Jobs have racks to run on, and leaves that stand in a row."""
    if s.jobs is None:
        return
    shared = [key for key, group in s.racks.items() if group.workload == "shared"]
    if not shared:
        raise ValueError(f"scenario {s.name!r} has jobs but no racks for them; give a rack group the workload shared")
    if not s.jobs.leaves:
        return
    if set(s.jobs.leaves) != set(shared):
        raise ValueError(f"jobs.leaves names {sorted(s.jobs.leaves)}; give the leaf of each of {shared}, or of none")
    if sorted(set(s.jobs.leaves.values())) != list(range(len(set(s.jobs.leaves.values())))):
        raise ValueError(f"jobs.leaves = {dict(s.jobs.leaves)}; count the leaves from 0 and leave none out")


def _check_limit(name: str, limit_kw: float | Floats, idle: float, whose: str) -> None:
    if np.any(np.asarray(limit_kw) < idle):
        raise ValueError(
            f"{name} = {limit_kw} kW is below the {idle:.1f} kW that {whose} draw without any work; give more than "
            "that, or fewer racks"
        )


def _peak_kw(racks: Mapping[str, RackGroup], kinds: Mapping[str, RackArchetype]) -> float:
    return sum(group.count * float(np.max(kinds[key].peak_kw)) for key, group in racks.items())


def _check_channels(s: SiteParts) -> None:
    """Ranges that a plant can have, and setpoints as found inside them."""
    for name, span in s.channel_ranges.items():
        if len(span) != 2 or not span[0] < span[1]:
            raise ValueError(f"channel_ranges.{name} = {span}; give [low, high] with low < high")
        possible = CHANNELS[name].possible
        if possible is None:
            mend = CHANNELS[name].limited_by
            raise ValueError(f"channel_ranges.{name} = {span}: its range is the machine's own; set {mend}")
        low, high = possible
        if span[0] < low or span[1] > high:
            raise ValueError(
                f"channel_ranges.{name} = {span} is outside [{low:g}, {high:g}]{unit_behind(CHANNELS[name].unit)}; "
                "give a range in it (temperatures in degC, fractions 0..1)"
            )
    for name, value in s.legacy_setpoints.items():
        low, high = _range(s, name)
        if not low <= value <= high:
            raise ValueError(
                f"legacy_setpoints.{name} = {value} is outside [{low:g}, {high:g}]{unit_behind(CHANNELS[name].unit)}, "
                f"where the channel can stand; give a value in it, or another channel_ranges.{name}"
            )


def _range(s: SiteParts, name: str) -> tuple[float, float]:
    """Where a channel can stand on this site [unit of the channel]."""
    channel = CHANNELS[name]
    if channel.limited_by and channel.needs in machines(s):
        limit = float(np.max(attrgetter(channel.limited_by)(s)))
        return -limit, limit
    low, high = s.channel_ranges.get(name, (channel.low, channel.high))
    return low, high
