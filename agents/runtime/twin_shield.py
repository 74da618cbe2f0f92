"""The shield of a bundle's site, with the twin that looks one step ahead: the same classes as in evaluation.

The twin's modules are imported when a shield is made, so that a bundle without one needs none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.runtime.manifest import TWIN
from agents.runtime.twin_file import stored_site
from envs.interface.interface import IN_FORCE

if TYPE_CHECKING:
    from envs.shield.intervention import Intervention
    from envs.shield.shield import Shield

Array = NDArray[np.floating]
ELEVATION = "site_elevation_m"


class Expected(NamedTuple):
    """Mean facility power of the coming step, and the warmest inlet at its end."""

    power_kw: float
    inlet_c: float


class TwinShield:
    """Makes setpoints safe, and looks one step ahead.

    Parameters
    ----------
    folder : Path
        The bundle.
    step_s : float
        Seconds between two calls.
    held : collection of str
        Channels that it may move; the others stay as they are in force.

    Raises
    ------
    ValueError
        Where the bundle has no twin.
    """

    def __init__(self, folder: Path, step_s: float, held: Collection[str]) -> None:
        from envs.scenario.plain import scenario_from
        from envs.twin.estimation.foresight import NEEDED, TwinForesight, shield_of

        site = scenario_from(stored_site(folder / TWIN))
        parts = max(1, round(step_s / site.episode.substep_s))
        paced = replace(site.episode, step_s=step_s, substep_s=step_s / parts)
        self.shield: Shield = shield_of(replace(site, episode=paced), movable=held)
        assert isinstance(self.shield.foresight, TwinForesight)
        self.foresight = self.shield.foresight
        self.assumed = {ELEVATION: np.array([float(site.elevation_m)])}
        for c in self.shield.channels.values():
            if c.name not in held and c.idle is not None:
                self.assumed[IN_FORCE + c.name] = np.full(c.rows, float(c.idle))
        self.needed = [*NEEDED, *(IN_FORCE + name for name in self.shield.channels)]

    def lacking(self, known: Collection[str]) -> list[str]:
        """Points without which it cannot look ahead, and which are not among the known ones."""
        return [name for name in self.needed if name not in known and name not in self.assumed]

    def expected(self, setpoints: Mapping[str, Array], measurements: Mapping[str, Any]) -> Expected:
        """What the twin expects of the coming step under setpoints; after `safe` of the same measurements."""
        flows = self.foresight.twin.ahead(self._whole(setpoints, measurements))
        return Expected(float(flows.facility_power_kw[0]), float(flows.zone_inlet_max_c.max()))

    def picture(self, measurements: Mapping[str, Any]) -> dict[str, Any]:
        """The hall in the step that has passed, as plain data for a page; after `safe` of the same measurements.

        Racks, zones and the power between machines [kW] are the twin's, the rest of a `HallView` is left out. Inlets
        are the measured ones where the racks' are measured. ``nodes`` are the ends of the links.
        """
        from envs.picture.hall_view import hall_view, plain
        from envs.picture.power_links import NODES

        twin, held = self.foresight.twin, self._whole({}, measurements)
        flows = twin.ahead(held) if twin.expected is None else twin.expected
        inlets = np.asarray(measurements.get("rack_inlet_c", ()), np.float64).reshape(-1, 1)
        if inlets.shape == flows.rack_inlet_c.shape:
            mean_c = flows.rack_inlet_mean_c + inlets - flows.rack_inlet_c
            flows = flows._replace(rack_inlet_c=inlets, rack_inlet_mean_c=mean_c)
        view = hall_view(self.foresight.plant, flows, held, twin.outside).plain()
        shown = {name: view[name] for name in ("racks", "zones", "links", "taken_up_kw")}
        return {**shown, "rated_it_kw": plain(self.foresight.plant.layout.rated_it_kw), "nodes": NODES}

    def _whole(self, setpoints: Mapping[str, Array], measurements: Mapping[str, Any]) -> dict[str, Array]:
        """Setpoints ``{channel: (k, 1)}`` of all channels; those that are not given stay as they are in force."""
        known = {**self.assumed, **measurements}
        held = {name: np.asarray(known[IN_FORCE + name], np.float64) for name in self.shield.channels}
        return {name: np.asarray(v, np.float64).reshape(-1, 1) for name, v in {**held, **setpoints}.items()}

    def reset(self, n: int) -> None:
        """Forget what was observed."""
        self.shield.reset(n)

    def safe(
        self, setpoints: Mapping[str, Array], measurements: Mapping[str, Any]
    ) -> tuple[dict[str, Array], Sequence[Intervention]]:
        """The nearest safe setpoints ``{channel: (k,)}``, and what was changed for which limit and by how much.

        Raises
        ------
        ValueError
            Naming a point that is missing.
        """
        known = {name: np.asarray(value, np.float64) for name, value in {**self.assumed, **measurements}.items()}
        given, changed = self.shield.safe(setpoints, known)
        return {name: value for name, value in given.items() if name in setpoints}, changed
