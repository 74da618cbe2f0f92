"""A plan in the plant: the scenario with the planned racks at full load, through each loss of a room unit or CDU.

Power trees that cross are not the plant's; `experiments.placing.replay` has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.faults import Fault
from envs.scenario import Scenario
from envs.scenario.rack_group import PRESETS, RackGroup
from envs.unknown_name import unknown_name
from envs.whole_file import write_whole
from experiments.placing.hall import Block, PlacingHall
from experiments.placing.racks import Kind

STEP_S, SUBSTEP_S = 300.0, 60.0
LOST_AT_S, LOST_S, PLAYED_S = 3600.0, 4 * 3600.0, 6 * 3600.0
HOT_DAY, HOT_HOURS = 200, 24  # day of the year on which it begins
TRACE_DAYS = 15
#: Load of the plant's racks by what they are.
WORKLOADS = {"enterprise_air": "cpu", "legacy_air": "cpu"}
ROUNDING_KW = 0.5


class Played(NamedTuple):
    """What the plant shows of one loss.

    Attributes
    ----------
    lost : str
    trips : float
        Breakers that open.
    dark : int
        Racks that stop.
    hottest_c, allowed_c : float
        Highest inlet of a rack, and what is allowable [degC].
    coolant_over_k : float
        Coolant over its limit [K].
    """

    lost: str
    trips: float
    dark: int
    hottest_c: float
    allowed_c: float
    coolant_over_k: float

    @property
    def held(self) -> bool:
        """Whether nothing trips, stops or grows too hot."""
        return self.trips == 0 and self.dark == 0 and self.hottest_c <= self.allowed_c and self.coolant_over_k <= 0.0


def planned_scenario(scenario: Scenario, hall: PlacingHall, racks: Sequence[tuple[Kind, str]], trace: Path) -> Scenario:
    """The scenario with the planned racks, at full load on a summer's day.

    Parameters
    ----------
    scenario : Scenario
    hall : PlacingHall
        Its zones are named as the scenario's; its rows are the scenario's in their order.
    racks : sequence of (Kind, str)
        All racks with their positions.
    trace : Path
        Gets the load.

    Raises
    ------
    ValueError
        Where zones, rows or racks are not the scenario's.
    """
    zones, rows = list(scenario.zones), list(dict.fromkeys(block.row for block in hall.blocks))
    if len(rows) > len(scenario.power.row_limit_kw):
        raise ValueError(
            f"hall {hall.name!r} has {len(rows)} rows, scenario {scenario.name!r} {len(scenario.power.row_limit_kw)}; "
            "name another scenario, or none"
        )
    block_of = {position.name: position.block for position in hall.positions}
    counts: dict[tuple[str, int, int], int] = {}
    for kind, position in racks:
        key = (_archetype(kind, position), *_place(block_of[position], zones, rows))
        counts[key] = counts.get(key, 0) + 1
    groups = {
        f"{name}_{zone}_{row}": RackGroup(
            name, count, zone, row, WORKLOADS.get(name, "shared"), 0, PRESETS[name].nameplate_kw
        )
        for (name, zone, row), count in sorted(counts.items())
    }
    write_whole(trace, _full_load(sum(counts.values())))
    steps = round(PLAYED_S / STEP_S)
    return replace(
        scenario,
        racks=groups,
        jobs=None,
        site=replace(scenario.site, workload_file=str(trace), workload_weeks=1, demand_response_per_year=0.0),
        episode=replace(
            scenario.episode,
            step_s=STEP_S,
            substep_s=SUBSTEP_S,
            steps=steps,
            start_day_low=HOT_DAY,
            start_day_high=HOT_DAY + 1,
            random_hour=True,
        ),  # fmt: skip
    )


def _archetype(kind: Kind, position: str) -> str:
    if not kind.archetype:
        raise ValueError(
            f"the rack on {position} ({kind.kw:g} kW) names no archetype, which a replay in the plant needs; give one "
            f"of {', '.join(PRESETS)}, or no scenario"
        )
    if PRESETS[kind.archetype].peak_kw > kind.kw + ROUNDING_KW:
        raise ValueError(
            f"the rack on {position} is planned at {kind.kw:g} kW, and a rack {kind.archetype} draws "
            f"{PRESETS[kind.archetype].peak_kw:g} kW; plan with that, or name another archetype"
        )
    return kind.archetype


def _place(block: Block, zones: Sequence[str], rows: Sequence[str]) -> tuple[int, int]:
    if block.zone not in zones:
        raise ValueError(unknown_name("zone of the scenario", block.zone, zones))
    return zones.index(block.zone), rows.index(block.row)


def _full_load(racks: int) -> str:
    """A trace in which all racks work fully."""
    days = np.arange(np.datetime64("2025-07-07T00"), np.datetime64("2025-07-07T00") + TRACE_DAYS * 24)
    head = ",".join(["time", *(f"rack_{n}" for n in range(racks))])
    return "\n".join([head, *(f"{hour}:00:00{',1' * racks}" for hour in days)]) + "\n"


def played_losses(scenario: Scenario) -> list[Played]:
    """Nothing lost, and each single room unit and CDU, side by side.

    Parameters
    ----------
    scenario : Scenario
        Of `planned_scenario`.
    """
    from envs.core import DataCenterCore

    kinds: list[tuple[str, list[Fault]]] = [("nothing", [])]
    for zone, name in enumerate(scenario.zones):
        kinds.append((f"a room unit of zone {name}", [Fault("crah_fan", LOST_AT_S, LOST_S, zone)]))
    if scenario.coolant is not None:
        kinds.append(("a CDU", [Fault("cdu", LOST_AT_S, LOST_S)]))
    core = DataCenterCore(scenario, len(kinds))
    core.reset(seed=[0] * len(kinds))
    core.set_faults([faults for _, faults in kinds])
    told = [np.zeros(len(kinds)) for _ in range(4)]
    for _ in range(scenario.episode.steps):
        core.step_setpoints(core.rules.act(core.measurements()))
        f = core.flows
        told[0] += np.asarray(f.trips)
        told[1] = np.maximum(told[1], np.ceil(np.asarray(f.rack_down_frac) * core.plant.layout.n_racks - 1e-6))
        told[2] = np.maximum(told[2], np.asarray(f.rack_inlet_max_c).max(axis=0))
        told[3] = np.maximum(told[3], np.asarray(f.coolant_excess_k))
    allowed = np.broadcast_to(np.asarray(core.flows.inlet_allowable_c), (len(kinds),))
    return [
        Played(name, float(told[0][n]), int(told[1][n]), float(told[2][n]), float(allowed[n]), float(told[3][n]))
        for n, (name, _) in enumerate(kinds)
    ]
