"""One site at one moment as plain data: what every drawing of it reads, here and in a browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.interface.channel import Channel
from envs.physics.namespace import Floats
from envs.picture.floor_plan import Place, rack_places
from envs.picture.machine_views import MachineView, machine_views
from envs.picture.power_links import Link, power_links
from envs.plant.flows import Flows
from envs.plant.layout import PlantParts
from envs.signals.step import Outside

if TYPE_CHECKING:
    from envs.core import DataCenterCore

DIGITS = 3  # of a number on its way to a browser


@dataclass(frozen=True)
class RackView:
    """One rack.

    Attributes
    ----------
    name, kind, workload : str
        Its group and number, its archetype, what it runs.
    zone, row : int
        Air zone and power row.
    place : Place
        Where it stands in its zone.
    inlet_c, top_inlet_c : float
        Air that it breathes [degC]: mean, and warmest, at its top.
    power_kw, rated_kw : float
        Drawn, and its rating [kW].
    air_kw, liquid_kw : float
        Heat to the room and to the coolant [kW], by the archetype's share.
    """

    name: str
    kind: str
    workload: str
    zone: int
    row: int
    place: Place
    inlet_c: float
    top_inlet_c: float
    power_kw: float
    rated_kw: float
    air_kw: float
    liquid_kw: float


@dataclass(frozen=True)
class ZoneView:
    """One air zone and its room units: temperatures [degC], fan speed and water valve [1]."""

    name: str
    inlet_max_c: float
    supply_c: float
    return_c: float
    fan_speed_frac: float
    valve_frac: float


@dataclass(frozen=True)
class SetpointView:
    """One row of a channel: its value in force, unit, range and meaning."""

    name: str
    row: int
    rows: int
    per: str
    value: float
    unit: str
    low: float
    high: float
    meaning: str


@dataclass(frozen=True)
class HallView:
    """One site at the end of a control step; powers are means of the step.

    Attributes
    ----------
    scenario : str
    time_s : float
        Since the episode began [s].
    racks, zones, machines, links, setpoints : tuple
        What there is, what flows between it [kW], what is in force.
    outside : dict
        Weather and prices, by the names of `envs.signals.step.Outside`.
    totals : dict
        Sums and worst values of the site, by the names of `envs.plant.flows.Flows`, and ``pue``.
    taken_up_kw : float
        Heat that air, water and walls took up, neither drawn nor rejected [kW].
    """

    scenario: str
    time_s: float
    racks: tuple[RackView, ...]
    zones: tuple[ZoneView, ...]
    machines: tuple[MachineView, ...]
    links: tuple[Link, ...]
    setpoints: tuple[SetpointView, ...]
    outside: dict[str, float]
    totals: dict[str, float]
    taken_up_kw: float

    def plain(self) -> dict[str, Any]:
        """Dicts, lists, texts and finite numbers alone; what is no number is None."""
        made: dict[str, Any] = plain(asdict(self))
        return made


TOTALS = (
    "facility_power_kw", "grid_power_kw", "it_power_kw", "cooling_power_kw", "heat_rejected_kw", "swing_kw",
    "worst_inlet_c", "inlet_limit_c", "inlet_allowable_c", "chip_max_c", "tcs_supply_c", "tcs_return_c",
    "chw_supply_c", "cw_supply_c", "ups_power_kw", "breaker_memory_frac", "capper_engaged", "rack_down_frac",
    "battery_soc_frac", "makeup_kg",
)  # fmt: skip
OUTSIDE = ("dry_bulb_c", "wet_bulb_c", "price_usd_mwh", "carbon_g_kwh")


def hall_view(
    plant: PlantParts,
    flows: Flows,
    in_force: Mapping[str, Floats],
    outside: Outside,
    site: int = 0,
    time_s: float = 0.0,
) -> HallView:
    """The picture's data of one site of a batch.

    Parameters
    ----------
    plant : PlantParts
        Its scenario and layout.
    flows : Flows
        Of the control step.
    in_force : mapping of str to array (k, B)
        Setpoints that held.
    outside : Outside
    site : int
        Which of the batch.
    time_s : float
        Since the episode began [s].

    Raises
    ------
    ValueError
        Where the batch has no such site.
    """
    _require_site(site, len(np.atleast_1d(flows.facility_power_kw)))
    one = _of_site(flows, site)
    totals = {name: float(one[name]) for name in TOTALS}
    totals["pue"] = totals["facility_power_kw"] / totals["it_power_kw"] if totals["it_power_kw"] > 0.0 else math.inf
    racks = _racks(plant, one)
    return HallView(
        scenario=plant.scenario.name,
        time_s=float(time_s),
        racks=racks,
        zones=_zones(plant, one),
        machines=machine_views(plant.scenario, one),
        links=power_links(plant.scenario, one, sum(rack.liquid_kw for rack in racks)),
        setpoints=_setpoints(list(plant.layout.channels.values()), in_force, site),
        outside={name: float(np.asarray(getattr(outside, name))[site]) for name in OUTSIDE},
        totals=totals,
        taken_up_kw=totals["facility_power_kw"] - totals["heat_rejected_kw"],
    )


def view_of(core: DataCenterCore, site: int = 0) -> HallView:
    """The picture's data of one site of a core, as it stands after a reset or a step."""
    _require_site(site, core.num_envs)
    return hall_view(core.plant, core.flows, core.in_force, core.outside, site, float(core.t[site]) * core.step_s)


def plain(value: object) -> Any:
    """A value of dicts, sequences, texts and numbers as JSON has them; what is not finite is None."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), DIGITS) + 0.0 if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _require_site(site: int, sites: int) -> None:
    if not 0 <= site < sites:
        raise ValueError(f"site = {site} is outside 0..{sites - 1}: the batch has {sites} sites")


def _of_site(flows: Flows, site: int) -> dict[str, Floats]:
    """Every quantity of one site: a number, or ``(k,)``."""
    return {name: np.asarray(value)[..., site] for name, value in flows._asdict().items()}


def _racks(plant: PlantParts, one: Mapping[str, Floats]) -> tuple[RackView, ...]:
    lay = plant.layout
    groups = [(key, n, group) for key, group in plant.scenario.racks.items() for n in range(group.count)]
    places = rack_places(lay.zone_of.tolist(), lay.row_of.tolist())
    share = np.broadcast_to(np.asarray(lay.racks.liquid_share, np.float64), (lay.n_racks, 1))[:, 0]
    made = []
    for r, (key, number, group) in enumerate(groups):
        power = float(one["rack_power_kw"][r])
        made.append(
            RackView(
                name=f"{key}[{number}]",
                kind=group.archetype,
                workload=group.workload,
                zone=group.zone,
                row=group.row,
                place=places[r],
                inlet_c=float(one["rack_inlet_mean_c"][r]),
                top_inlet_c=float(one["rack_inlet_c"][r]),
                power_kw=power,
                rated_kw=float(lay.rack_rated_kw[r, 0]),
                air_kw=power * (1.0 - float(share[r])),
                liquid_kw=power * float(share[r]),
            )
        )
    return tuple(made)


def _zones(plant: PlantParts, one: Mapping[str, Floats]) -> tuple[ZoneView, ...]:
    columns = ("zone_inlet_max_c", "zone_supply_c", "zone_return_c", "zone_fan_speed_frac", "coil_valve_frac")
    return tuple(
        ZoneView(name, *(float(one[column][z]) for column in columns)) for z, name in enumerate(plant.scenario.zones)
    )


def _setpoints(channels: Sequence[Channel], in_force: Mapping[str, Floats], site: int) -> tuple[SetpointView, ...]:
    return tuple(
        SetpointView(c.name, row, c.rows, c.per, float(in_force[c.name][row, site]), c.unit, c.low, c.high, c.meaning)
        for c in channels
        for row in range(c.rows)
    )
