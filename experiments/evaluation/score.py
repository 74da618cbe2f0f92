"""The one function that scores every policy: sums and peaks of a run's Flows, per episode (PROTOCOL 1, PROTOCOL 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.interface.channels import Channel
from envs.interface.constraints import Use
from envs.interface.reward import TERMS, RewardConfig, total_cost
from envs.kpi import kpis
from envs.plant.flows import COOLING_POWER

if TYPE_CHECKING:
    from envs.plant.flows import Flows

Column = NDArray[np.float64]
Table = dict[str, Column]
Setpoints = Mapping[str, NDArray[np.floating]]

INDICATORS = ("energy_per_work_kwh_h", "pue", "wue_l_kwh", "cue_kg_kwh", "itue", "tue")


class Measure(NamedTuple):
    """A column of the score table as a reader sees it."""

    column: str
    title: str
    unit: str
    digits: int = 1

    @property
    def tie(self) -> float:
        """Difference that the shown digits do not show: half of the last one."""
        return 0.5 * 10.0**-self.digits


KPIS = (
    Measure("energy_per_work_kwh_h", "facility energy per useful work", "kWh per accelerator-h", 4),
    Measure("facility_kwh", "facility energy", "kWh", 0),
    Measure("cooling_kwh", "cooling energy", "kWh", 0),
    Measure("peak_kw", "peak grid power", "kW", 0),
    Measure("water_l", "make-up water", "L", 0),
    Measure("carbon_kg", "carbon", "kg CO2", 0),
    Measure("utility_cost_usd", "energy and water cost", "USD", 0),
    Measure("degree_minutes_worst_rack", "over the inlet limit, worst rack", "K min", 1),
    Measure("worst_excess_k", "largest excess over the inlet limit", "K", 2),
    Measure("worst_inlet_c", "warmest inlet", "degC", 1),
    Measure("air_supply_frac", "air supplied over air that racks draw, leanest zone, mean", "1", 3),
    Measure("longest_spell_min", "longest spell over the inlet limit", "min", 0),
    Measure("tcs_degree_minutes", "over the coolant limit", "K min", 1),
    Measure("violations", "control steps with a violation", "1", 0),
    Measure("trips", "trips", "1", 0),
    Measure("limit_excess_kwh", "energy over caps and branch limits", "kWh", 2),
    Measure("overload_kwh", "energy over limits that no memory forgives", "kWh", 2),
    Measure("protection_s", "fast protection caps racks", "s", 0),
    Measure("work_done_h", "useful work done", "accelerator-h", 0),
    Measure("work_per_mw_h", "useful work per provisioned MW", "accelerator-h per MW and h", 1),
    Measure("work_lost_h", "work lost", "accelerator-h", 1),
    Measure("late_work_h", "work served later than the target between tokens, if one is set", "accelerator-h", 1),
    Measure("backlog_h", "backlog at the end", "accelerator-h", 1),
    Measure("travel_ranges", "actuator travel", "full ranges per channel-row and day", 2),
    Measure("pue", "PUE, and ERE as no heat is reused (side column)", "1", 3),
    Measure("wue_l_kwh", "WUE (side column)", "L/kWh", 3),
    Measure("cue_kg_kwh", "CUE (side column)", "kg CO2/kWh", 3),
    Measure("itue", "ITUE (side column)", "1", 3),
    Measure("tue", "TUE (side column)", "1", 3),
    Measure("energy_residual_frac", "largest energy-balance residual", "of facility power", 7),
)
COST = Measure("cost_usd_day", "all terms by their weights: minus the reward", "USD/day", 2)
PAID = (*(Measure(f"cost_{t.name}_usd_day", f"{t.name}: {t.meaning}", "USD/day", 2) for t in TERMS), COST)
MEASURES = (*KPIS, *PAID)
PEAKS = ("peak_kw", "worst_excess_k", "worst_inlet_c", "longest_spell_min", "energy_residual_frac")


class Scorer:
    """Adds up Flows, step by step, in float64.

    Parameters
    ----------
    n : int
        Episodes B that run side by side.
    step_s : float
        Control step [s].
    channels : sequence of Channel
        Whose travel is counted, in full ranges.
    prices : RewardConfig
        Of make-up water and of its disposal.
    weights : mapping, optional
        Of the reward's terms in their sum; 1 where left out.
    provisioned_kw : float
        Limit of the node that binds, or would first: what was built for the racks [kW].
    """

    def __init__(
        self,
        n: int,
        step_s: float,
        channels: Sequence[Channel],
        prices: RewardConfig,
        weights: Mapping[str, float] | None = None,
        provisioned_kw: float = float("nan"),
    ) -> None:
        self.provisioned_mw = provisioned_kw * 1e-3
        self.step_s, self.prices, self.weights = step_s, prices, dict(weights or {})
        self.steps = 0
        self.use = Use(channels)
        self.sums: Table = {}
        self.peaks: Table = {}
        self.spell_s = np.zeros(n)
        self.backlog_h = np.zeros(n)

    def add(
        self,
        flows: Flows,
        in_force: Setpoints,
        price_usd_mwh: ArrayLike,
        carbon_g_kwh: ArrayLike,
        cost: Setpoints,
        late_work_h: ArrayLike = 0.0,
    ) -> None:
        """Add one control step.

        Parameters
        ----------
        flows : Flows
            Step means and sums of the plant; arrays ``(B,)``, ``(R, B)`` or ``(K, B)``.
        in_force : mapping of str to array (k, B)
            Setpoints that held in the step.
        price_usd_mwh, carbon_g_kwh : array (B,)
            True values of the step.
        cost : mapping of str to array (B,)
            Terms of the reward [USD], as the step returned them.
        late_work_h : array (B,)
            Work of the step whose tokens came too late, as the core judges it [accelerator-h].
        """
        self.use.add(flows, in_force)
        self._energy(flows, price_usd_mwh, carbon_g_kwh)
        self._limits(flows)
        for name in ("work_demanded", "work_lost"):
            self._sum(f"{name}_h", _double(getattr(flows, name)).sum(axis=0))
        self._sum("late_work_h", np.broadcast_to(_double(late_work_h), self.backlog_h.shape))
        self.backlog_h = _double(flows.backlog).sum(axis=0)
        for name, value in cost.items():
            self._sum(f"cost_{name}_usd_day", _double(value))
        self._sum(COST.column, _double(total_cost(cost, self.weights)))
        self.steps += 1

    def table(self) -> Table:
        """The columns of ``MEASURES`` and the sums behind them, each ``(B,)`` float64."""
        out = {**self.sums, **self.use.sums(), **self.peaks, "backlog_h": self.backlog_h}
        days = self.steps * self.step_s / 86_400.0
        out["days"] = np.full_like(self.backlog_h, days)
        out |= {m.column: out[m.column] / days for m in PAID if m.column in out}
        out["travel_ranges"] = out["actuator_travel"] / days
        out["work_per_mw_h"] = out["work_done_h"] / (self.provisioned_mw * days * 24.0)
        out["air_supply_frac"] = out["air_supply_steps"] / self.steps
        by_rack = self.use.rows["degree_minutes_worst_rack"]
        out["degree_minutes_all_racks"] = by_rack.sum(axis=0)
        out["worst_rack"] = by_rack.argmax(axis=0).astype(np.float64)
        water_usd = out["water_l"] * self.prices.water_usd_m3 + out["blowdown_l"] * self.prices.blowdown_usd_m3
        out["utility_cost_usd"] = out["energy_cost_usd"] + water_usd * 1e-3
        return {**out, **_indicators(out)}

    def _energy(self, flows: Flows, price_usd_mwh: ArrayLike, carbon_g_kwh: ArrayLike) -> None:
        step_h = self.step_s / 3600.0
        facility, grid = _double(flows.facility_power_kw), _double(flows.grid_power_kw)
        self._sum("facility_kwh", facility * step_h)
        self._sum("grid_kwh", grid * step_h)
        self._sum("it_kwh", _double(flows.it_power_kw) * step_h)
        self._sum("server_fan_kwh", _double(flows.server_fan_power_kw) * step_h)
        self._sum("psu_loss_kwh", _double(flows.psu_loss_kw) * step_h)
        self._sum("cooling_kwh", np.sum([_double(getattr(flows, name)) for name in COOLING_POWER], axis=0) * step_h)
        self._sum("energy_cost_usd", grid * _double(price_usd_mwh) * (step_h * 1e-3))
        self._sum("carbon_kg", grid * _double(carbon_g_kwh) * (step_h * 1e-3))
        self._sum("blowdown_l", _double(flows.blowdown_kg))
        self._sum("water_l", _double(flows.makeup_kg))  # a kilogram of water is a litre
        self._peak("peak_kw", grid)
        self._peak("energy_residual_frac", np.abs(_double(flows.energy_residual_kw)) / np.maximum(facility, 1.0))

    def _limits(self, flows: Flows) -> None:
        over = _double(flows.inlet_excess_degree_minutes).max(axis=0)
        self.spell_s = (self.spell_s + self.step_s) * (over > 0.0)
        self._peak("longest_spell_min", self.spell_s / 60.0)
        self._peak("worst_excess_k", over / (self.step_s / 60.0))
        self._peak("worst_inlet_c", _double(flows.worst_inlet_c))
        self._sum("air_supply_steps", _double(flows.zone_air_supply_frac).min(axis=0))
        limits = (over, flows.trips, flows.limit_excess_kwh, flows.tcs_excess_degree_minutes)
        self._sum("violations", np.any([_double(x) > 0.0 for x in limits], axis=0).astype(np.float64))

    def _sum(self, name: str, value: Column) -> None:
        self.sums[name] = self.sums.get(name, 0.0) + value

    def _peak(self, name: str, value: Column) -> None:
        self.peaks[name] = np.maximum(self.peaks.get(name, -np.inf), value)


def totals(table: Mapping[str, Column]) -> dict[str, float]:
    """One number per measure: sums over episodes of what adds up, means of what is per day, peaks of peaks."""
    days = table["days"]
    per_day = {"travel_ranges", "air_supply_frac", "work_per_mw_h", *(m.column for m in PAID)}
    out = {}
    for name, column in table.items():
        if name in per_day:
            out[name] = float(np.average(column, weights=days))
        else:
            out[name] = float(np.max(column) if name in PEAKS else np.sum(column))
    return {**out, **{name: float(value) for name, value in _indicators(out).items()}}


def columns(names: Sequence[str]) -> list[Measure]:
    """The measures of these columns, in the order asked for."""
    known = {m.column: m for m in MEASURES}
    return [known[name] for name in names]


def _double(value: ArrayLike) -> Column:
    return np.asarray(value, np.float64)


def _indicators(sums: Mapping[str, Column] | Mapping[str, float]) -> Table:
    """Ratios of ISO/IEC 30134 and energy per useful work, from sums; nan where nothing was done."""
    found = kpis(sums)._asdict()
    return {name: found[name] for name in INDICATORS}
