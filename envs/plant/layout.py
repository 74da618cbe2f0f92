"""What does not change about a site: which rack stands where, which machines there are, which channels that gives."""

from __future__ import annotations

from operator import attrgetter
from typing import Protocol

import numpy as np

from envs.equipment import air_side, breaker, power_capper, power_chain, rack
from envs.interface.channels import CHANNELS, Channel, bind_channels, channels_of_site
from envs.physics.coolants import PG25, WATER
from envs.physics.namespace import Array
from envs.physics.psychrometrics import pressure_kpa
from envs.physics.recirculation import rack_spread, recirculation_matrix
from envs.plant.state import PlantState
from envs.plant.work import work_table
from envs.scenario import Scenario
from envs.scenario.checks import machines
from envs.scenario.rack_group import RackGroup, archetype_of
from envs.signals.workload.partitions import KIND_SLOTS
from envs.signals.workload.workload import CLASSES

BATCH_DEADLINE_S = 86_400.0  # WORKLOAD 6b
NON_RACK_UPS_FRAC = 0.03  # fans and pumps on the UPS, as a share of its limit; engineering guess
NON_RACK_SITE_FRAC = 0.12  # cooling, losses and lighting on a warm day, as a share of the utility's; engineering guess

PARTITION_KIND = {
    "frontier": "frontier",
    "conv": "interactive",
    "code": "interactive",
    "shared": "shared",
    "batch": "batch",
    "cpu": "cpu",
    "cpu_office": "cpu",
}


class PlantParts(Protocol):
    """What there is of a plant: the parameters of its machines, and where they stand."""

    @property
    def scenario(self) -> Scenario:
        """The site."""

    @property
    def layout(self) -> Layout:
        """Its arrays and tables."""


class Layout:
    """Arrays and tables of one scenario, made once.

    Attributes
    ----------
    rows : dict
        Number of rows per kind of point: ``site``, ``zone``, ``row``, ``rack``.
    capped_classes : list of int
        Classes that a limit by class may name: those of racks with accelerators.
    channels : dict of str to Channel
        Channels that this plant has, by name in the table's order, with its ranges, encodings and rows.
    present : set of str
        Which machines there are, by the names that the table of points uses.
    """

    def __init__(self, scenario: Scenario, dtype: np.dtype) -> None:
        s, self.dtype = scenario, np.dtype(dtype)
        groups = [g for g in s.racks.values() for _ in range(g.count)]
        kinds = {key: archetype_of(g) for key, g in s.racks.items()}
        self.archetypes = [kinds[key] for key, g in s.racks.items() for _ in range(g.count)]
        self.zone_of = np.array([g.zone for g in groups])
        self.row_of = np.array([g.row for g in groups])
        self.n_racks, self.n_zones, self.n_rows = len(groups), len(s.zones), len(s.power.row_limit_kw)
        self.slot_class = np.array(
            [[CLASSES.index(c) for c in KIND_SLOTS[PARTITION_KIND[g.workload]]] for g in groups]
        ).T
        self._classes()
        self.rows = {
            "site": 1, "zone": self.n_zones, "row": self.n_rows, "rack": self.n_racks, "class": len(self.capped_classes)
        }  # fmt: skip
        self.racks = rack.rack_table(self.archetypes, self.slot_class, self.dtype)
        self._air(s)
        self._power(s, groups)
        units = [a.accelerators if a.accelerators else a.peak_kw for a in self.archetypes]
        self.work = work_table(
            self.slot_class, units, self._job_groups(s), round(BATCH_DEADLINE_S / s.episode.step_s), self.dtype,
            None if s.jobs is None else np.array([g.workload == "shared" for g in groups]),
        )  # fmt: skip
        self._reference()
        self.channels = _channels(s, self.rows)
        self.present = machines(s) | self._conditions(s)
        if s.coolant is not None and s.facility_water is not None:
            self.tcs_kj_k = s.coolant.stored_litres * 1e-3 * PG25.density_kg_m3 * PG25.cp_kj_kg_k
            self.fws_kj_k = s.facility_water.volume_m3 * WATER.density_kg_m3 * WATER.cp_kj_kg_k

    def _classes(self) -> None:
        """Classes of work on accelerators, and for each slot of a rack the place of its class among them."""
        has = np.array([a.accelerators > 0 for a in self.archetypes])
        self.capped_classes = sorted(set(self.slot_class[:, has].reshape(-1).tolist()) - {CLASSES.index("none")})
        place = {kind: row for row, kind in enumerate(self.capped_classes)}
        self.cap_row = np.array([[place.get(int(kind), 0) for kind in slot] for slot in self.slot_class])
        self.capped_slot = (np.isin(self.slot_class, self.capped_classes) & has)[..., None].astype(self.dtype)

    def _reference(self) -> None:
        """Linear form of what an activity draws at the racks' inputs: base, and per unit of slot activity [kW]."""
        zero = np.zeros((*self.slot_class.shape, 1), np.float64)
        idle = rack.demand_terms(self.racks, zero.astype(self.dtype))
        base = (idle.base_kw + idle.total_kw)[:, 0]
        weights = []
        for slot in range(len(self.slot_class)):
            one = zero.copy()
            one[slot] = 1.0
            busy = rack.demand_terms(self.racks, one.astype(self.dtype))
            weights.append((busy.base_kw + busy.total_kw)[:, 0] - base)
        marginal = np.broadcast_to(
            np.asarray(self.racks.psu_marginal, np.float64).reshape(-1, 1)[:, 0], (self.n_racks,)
        )
        self._reference_base_kw = float((base * marginal).sum())
        self._reference_weights = (np.stack(weights) * marginal).reshape(-1).astype(self.dtype)

    def reference_kw(self, asked: Array) -> Array:
        """IT power ``(B,)`` [kW] that the load signal asks for at a cool inlet, without batch; no control moves it."""
        return self._reference_weights @ asked.reshape(len(self._reference_weights), -1) + self._reference_base_kw

    def zone_max(self, by_rack: Array) -> Array:
        """Highest value of each zone's racks ``(Z, B)``."""
        return np.stack([by_rack[racks].max(axis=0) for racks in self.zone_racks])

    def restart_frac(self, state: PlantState) -> Array:
        """Longest time until a rack works again, over the longest restart ``(B,)``."""
        wait = np.maximum(state.rack_down_s.max(axis=0), state.breaker.down_s.max(axis=0))
        return wait * (1.0 / self.longest_restart_s)

    def _air(self, s: Scenario) -> None:
        self.zone_racks = [_span(np.flatnonzero(self.zone_of == z)) for z in range(self.n_zones)]
        self.pressure_kpa = float(pressure_kpa(s.elevation_m))
        self.zones = air_side.zone_table(list(s.zones.values()), self.pressure_kpa, self.dtype)
        rated_kw = [max(float(np.mean(a.air_rated_kw)), 0.05) for a in self.archetypes]
        airflow = [kw * float(np.mean(a.airflow_m3_s_kw)) for kw, a in zip(rated_kw, self.archetypes)]
        rows, zones = self.row_of.tolist(), self.zone_of.tolist()
        self.recirculation = recirculation_matrix(rows, zones, airflow, self.dtype)
        self.spread = rack_spread(rows, zones, airflow=airflow, dtype=self.dtype)
        self.membership = (np.arange(self.n_zones)[:, None] == self.zone_of[None, :]).astype(self.dtype)
        heat = np.array([a.peak_kw for a in self.archetypes])
        by_zone = self.membership @ heat
        self.zone_share = (by_zone / by_zone.sum()).astype(self.dtype)[:, None]
        self.lighting_kw = (self.zone_share * s.power.lighting_kw).astype(self.dtype)

    def _power(self, s: Scenario, groups: list[RackGroup]) -> None:
        self.rack_rated_kw = np.array([[a.peak_kw] for a in self.archetypes], self.dtype)
        self.liquid_cooled = np.array([[float(np.max(a.liquid_share_frac) > 0.0)] for a in self.archetypes], self.dtype)
        self.restart_s = np.array([[a.restart_s] for a in self.archetypes], self.dtype)
        self.longest_restart_s = max(float(self.restart_s.max()), float(s.breaker.restart_s), 1.0)
        self.tree = power_chain.power_tree(s.power, self.row_of.tolist(), self.dtype)
        self.row_rated_kw = self.tree.row_racks @ self.rack_rated_kw
        self.nodes = breaker.breaker_nodes(
            [g.breaker_kw for g in groups],
            s.power.row_limit_kw,
            float(s.power.ups_limit_kw),
            self.row_of.tolist(),
            self.dtype,
        )
        self.node_limit_kw = power_capper.node_limits(
            np.asarray(s.power.row_limit_kw), s.power.ups_limit_kw, s.power.utility_limit_kw, self.dtype
        )
        self.feeder_limit_kw = float(s.power.ups_limit_kw)
        losses = 1.0 + float(np.max(s.power.pdu_loss_frac))
        target = s.capper.target_frac
        by_ups = self.feeder_limit_kw * (target - NON_RACK_UPS_FRAC) / losses
        by_utility = float(s.power.utility_limit_kw) * (target - NON_RACK_SITE_FRAC) / losses
        self.utility_binds = by_utility < by_ups
        self.rack_budget_kw = min(by_ups, by_utility)
        self.provisioned_kw = float(s.power.utility_limit_kw) if self.utility_binds else self.feeder_limit_kw
        self.row_priority = [max((g.priority for g in groups if g.row == p), default=0) for p in range(self.n_rows)]
        self.rated_it_kw = float(self.rack_rated_kw.sum())

    def _job_groups(self, s: Scenario) -> tuple[tuple[int, ...], ...]:
        made, at = [], 0
        for g in s.racks.values():
            if g.workload in (("frontier", "shared") if s.jobs is None else ("frontier",)) and g.count > 1:
                made.append(tuple(range(at, at + g.count)))
            at += g.count
        return tuple(made)

    def _conditions(self, s: Scenario) -> set[str]:
        """What is true of this site beside its machines, by the names that the table of points uses."""
        kinds = {g.workload for g in s.racks.values()}
        has = {
            "feeder": self.rated_it_kw > self.provisioned_kw * s.capper.target_frac,
            "deferrable": bool(kinds & ({"frontier", "shared"} if s.jobs is None else {"frontier"})),
            "batch": "batch" in kinds,
            "demand_response": s.site.demand_response_per_year > 0.0 or bool(s.site.load_targets),
            "forecast": s.forecast,
        }
        return {name for name, there in has.items() if there}


def _channels(s: Scenario, rows: dict[str, int]) -> dict[str, Channel]:
    """The table's channels whose machine the site has."""
    names = channels_of_site(machines(s))
    ranges = {name: span for name, span in s.channel_ranges.items() if name in names}
    for name in names:
        if CHANNELS[name].limited_by:
            limit = float(attrgetter(CHANNELS[name].limited_by)(s))
            ranges[name] = [-limit, limit]
    return {c.name: c for c in bind_channels(names, rows, ranges, s.encodings, s.reach_frac)}


def _span(index: np.ndarray) -> slice | np.ndarray:
    """A slice where the indices are contiguous (a view is cheaper than a copy)."""
    if len(index) == 0:
        raise ValueError("an air zone has no racks; give each zone at least one rack group")
    return slice(int(index[0]), int(index[-1]) + 1) if np.all(np.diff(index) == 1) else index
