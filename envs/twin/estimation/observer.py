"""One observer: the state of a plant after a step, corrected by what the real one's building shows at its end.

Every machine with a memory says in its own file how readings correct it. Temperatures are pulled to their sensors by a
part of the difference, which leaves the sensors' noise behind. Stages, modes, timers, fan speeds and charge are set to
what the building reports. What no sensor sees (the servers' masses, slab and walls, moisture) the model remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envs.physics.namespace import Array
from envs.physics.readings import Readings
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.machines import MACHINES, corrected_inlets
from envs.plant.state import PlantState

GAIN = 0.3  # of the difference to a sensor per control step: noise 0.2 K against loops of 30 min, engineering guess


def correct(
    plant: Plant, state: PlantState, flows: Flows | None, seen: Mapping[str, Array], gain: float = GAIN
) -> PlantState:
    """The state, moved to what was measured.

    Parameters
    ----------
    plant : Plant
        The model.
    state : PlantState
        What it came to.
    flows : Flows, optional
        What it did in the step that led there: the readings that it expected. Without them nothing is pulled.
    seen : mapping
        Measured points ``{name: (k, B)}``, as a building has them; those that it lacks correct nothing.
    gain : float
        Of what is pulled, see `Readings.pulled`.
    """
    readings = Readings(seen, {} if flows is None else flows._asdict())
    pulled = 0.0 if flows is None else gain
    changed: dict[str, Any] = {}
    for machine in MACHINES:
        own = getattr(state, machine.name)
        if own is not None and machine.corrected is not None:
            changed[machine.name] = machine.corrected(machine.parameters(plant), own, readings, pulled)
    return corrected_inlets(plant, state._replace(**changed), readings, pulled)
