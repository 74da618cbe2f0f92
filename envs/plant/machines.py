"""The machines of a plant that remember something, in one table: what a building reports of them and corrects in them.

Whoever makes a plant follow a real hall, or reads its modes and timers, asks here and not the states themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from envs.equipment import air_side, battery, chilled_water, cooling_tower, dry_cooler, liquid_loop
from envs.physics.namespace import Array, as_mask
from envs.physics.readings import Readings
from envs.plant import work
from envs.plant.datacenter import INLET_ALARM_C, Plant
from envs.plant.layout import PlantParts
from envs.plant.state import PlantState


class Machine(NamedTuple):
    """One machine with a memory.

    Attributes
    ----------
    name : str
        Its field in `PlantState`; None there where the plant has no such machine.
    parameters : callable
        Of the plant; what the machine's own functions take first.
    corrected : callable, optional
        ``(parameters, state, readings, gain)`` to the state that follows a real machine.
    reported : callable, optional
        ``(parameters, state)`` to the modes and timers ``{point: (B,)}`` that a building reports.
    """

    name: str
    parameters: Callable[[PlantParts], Any]
    corrected: Callable[[Any, Any, Readings, float], Any] | None = None
    reported: Callable[[Any, Any], dict[str, Array]] | None = None


MACHINES = (
    Machine("air", lambda plant: plant.layout.zones, air_side.corrected),
    Machine("tcs", lambda plant: plant.scenario.coolant, liquid_loop.corrected_tcs),
    Machine("fws", lambda plant: plant.scenario.facility_water, liquid_loop.corrected_fws),
    Machine("chw", lambda plant: plant.scenario.chilled_water, chilled_water.corrected, chilled_water.reported),
    Machine("tower", lambda plant: plant.scenario.tower, cooling_tower.corrected, cooling_tower.reported),
    Machine("dry", lambda plant: plant.scenario.dry_cooler, dry_cooler.corrected, dry_cooler.reported),
    Machine("battery", lambda plant: plant.scenario.battery, battery.corrected, battery.reported),
    Machine("work", lambda plant: plant.layout.work, reported=work.reported),
)


def reported(plant: PlantParts, state: PlantState) -> dict[str, Array]:
    """Modes, timers and charge of the machines that are there, as the building reports them ``{point: (B,)}``."""
    points: dict[str, Array] = {}
    for machine in MACHINES:
        own = getattr(state, machine.name)
        if own is not None and machine.reported is not None:
            points |= machine.reported(machine.parameters(plant), own)
    return points


def corrected_inlets(plant: Plant, state: PlantState, readings: Readings, gain: float) -> PlantState:
    """What the plant carries between its machines: inlets, which server fans answer to, and the alarm that they set.

    Inlets are pulled to the sensors at the racks' tops. The alarm is where a measured inlet is over its limit, as
    in the building.
    """
    alarm = state.alarm
    if plant.alarms and "zone_inlet_max_c" in readings.seen:
        alarm = as_mask(readings.seen["zone_inlet_max_c"] > INLET_ALARM_C, alarm)
    top_c = readings.corrected_value(state.top_inlet_c, "rack_inlet_c", gain)
    return state._replace(inlet_c=state.inlet_c + (top_c - state.top_inlet_c), top_inlet_c=top_c, alarm=alarm)
