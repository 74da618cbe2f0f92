"""The twin as the shield's foresight: where setpoints lead in the next control step, and whether there is a way back.

The candidate holds for a control step. Then all cooling goes to its refuge for some minutes, as far as it may slew:
what cannot be undone in that time is seen. Both are done with the machines that run, and with one of each kind lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.engine import TapedFunction
from envs.faults import Availability, nothing_lost
from envs.interface.action import next_in_force
from envs.interface.constraints import HARD_LIMITS
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.state import PlantState
from envs.scenario import Scenario
from envs.shield.foresight import Outlook
from envs.shield.shield import Shield
from envs.shield.site_limits import SiteLimits
from envs.signals.step import Load, Outside
from envs.trees import columns
from envs.twin.estimation.twin import ObservedPlant

RECOVERY_S = 300.0  # all cooling at its refuge after the candidate's step
NOISE_K = 1.0  # a zone's warmest reading over the twin's by so much may be noise; engineering guess
MODEL_BIAS_K = 1.5  # what is left between hall and twin beyond this is a loss of its own; engineering guess
#: Without these, and every setpoint in force, the twin cannot follow a site.
NEEDED = ("dry_bulb_c", "wet_bulb_c", "site_elevation_m", "row_demand_share", "zone_inlet_max_c")
ASSUMED = ("price_usd_mwh", "carbon_g_kwh")  # move no machine: zero where a site does not measure them
LEAST_COLUMNS = 8

Run = Callable[..., tuple[PlantState, Flows]]


class TwinForesight:
    """The twin of one scenario, nominal or calibrated.

    Parameters
    ----------
    scenario : Scenario
        As ``coldaisle calibrate`` wrote it, or nominal.
    dtype : str
        Of the plant.
    """

    def __init__(self, scenario: Scenario, dtype: str = "float32") -> None:
        self.plant = Plant(scenario, dtype)
        self.step_s = float(scenario.episode.step_s)
        self.channels = tuple(self.plant.layout.channels.values())
        self.twin = ObservedPlant(self.plant, self.channels, infers_losses=True)
        self.refuge = {
            c.name: np.full((c.rows, 1), c.refuge_value, self.plant.dtype) for c in self.channels if c.kind == "cooling"
        }
        self.cases = 1 + self.plant.layout.n_zones
        self._key = "shield", self.plant.scenario.hash(), self.plant.dtype.name
        self._runs: dict[int, tuple[Run, Run]] = {}
        self.reset(0)

    def reset(self, n: int, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin anew with the next measurements, everywhere or where the mask says."""
        self.twin.reset(mask)

    def observe(self, measurements: Mapping[str, Floats]) -> None:
        """One control step further, to the moment of these measurements.

        Raises
        ------
        ValueError
            Naming what the twin cannot do without, where it is missing or not finite.
        """
        bad = [name for name in NEEDED if not np.isfinite(measurements.get(name, np.nan)).all()]
        if bad:
            raise ValueError(f"measurements lack finite {', '.join(bad)}; without them the shield cannot look ahead")
        seen = {name: np.asarray(value, self.plant.dtype) for name, value in measurements.items()}
        self.twin.update({**dict.fromkeys(ASSUMED, np.zeros_like(seen["dry_bulb_c"])), **seen})
        self.bias = self._biases(seen)

    def snapshot(self) -> dict[str, Any]:
        """What was observed, as plain data."""
        return self.twin.snapshot()

    def restore(self, saved: Mapping[str, Any], like: PlantState) -> None:
        """Go on from a snapshot."""
        self.twin.restore(saved, like)

    def outlook(self, setpoints: Mapping[str, Floats], sites: NDArray[np.intp]) -> Outlook:
        """Where setpoints ``{channel: (k, n)}`` of all channels lead on the sites ``(n,)``."""
        n = len(sites)
        size = max(LEAST_COLUMNS, 1 << (n - 1).bit_length())
        at = np.resize(np.arange(n), size)
        copies = np.tile(at, self.cases)
        wanted = {name: np.ascontiguousarray(value[:, copies], self.plant.dtype) for name, value in setpoints.items()}
        start = (self.twin.state, self.twin.outside, self.twin.load)
        state, outside, load = columns(start, sites[copies])
        over = self._over(state, wanted, outside, load, self._lost(sites[at]))
        by_case = {name: value.reshape(len(value), self.cases, size)[..., :n] for name, value in over.items()}
        bias = {name: value[:, sites] for name, value in self.bias.items()}
        as_is: dict[str, Floats] = {name: value[:, 0] + bias.get(name, 0.0) for name, value in by_case.items()}
        known = {name: np.minimum(value, MODEL_BIAS_K) for name, value in bias.items()}
        lost: dict[str, Floats] = {
            name: value[:, 1:].max(axis=1) + known.get(name, 0.0) for name, value in by_case.items()
        }
        return Outlook(as_is, lost)

    def _over(
        self, state: PlantState, wanted: dict[str, Floats], outside: Outside, load: Load, lost: Availability
    ) -> dict[str, Floats]:
        """Highest excess ``{limit: (k, n)}`` over the candidate's step and the recovery."""
        clock = outside.dry_bulb_c * 0.0
        if len(clock) not in self._runs:
            self._runs[len(clock)] = self._fresh_runs()
        step, recover = self._runs[len(clock)]
        state, first = step(state, wanted, outside, load, lost, clock)
        back = next_in_force(self.channels, self.refuge, wanted, RECOVERY_S)
        _, second = recover(state, back, outside, load, lost, clock)
        both = zip(self._excess(first).items(), self._excess(second).values())
        return {name: np.maximum(over, again) for (name, over), again in both}

    def _fresh_runs(self) -> tuple[Run, Run]:
        """The plant's control step, and its recovery, ready to be recorded for one size of batch."""
        key = self._key
        return TapedFunction(self.plant.step, key=(*key, "step")), TapedFunction(self._recovered, key=(*key, "back"))

    def _recovered(
        self,
        state: PlantState,
        in_force: Mapping[str, Floats],
        outside: Outside,
        load: Load,
        lost: Availability,
        clock: Floats,
    ) -> tuple[PlantState, Flows]:
        """As ``Plant.step``, but as long as the recovery."""
        plant = self.plant
        now = plant.step_conditions(state, in_force, outside, load, lost, RECOVERY_S / plant.substeps)
        return plant.control_step(state, now, load, clock, plant.substep)

    def _excess(self, flows: Flows) -> dict[str, Floats]:
        """Over each hard limit less its margin ``{limit: (k, n)}``; limits of machines that are not there are left."""
        found = {}
        for limit in HARD_LIMITS:
            value = getattr(flows, limit.flow)
            if limit.flow == "rack_inlet_max_c":
                found[limit.name] = self.plant.layout.zone_max(value) - getattr(flows, limit.limit) + limit.margin
            elif not limit.limit:
                found[limit.name] = (value - (limit.value - limit.margin))[None]
            elif getattr(self.plant.scenario, limit.limit.partition(".")[0]) is not None:
                most = attrgetter(limit.limit)(self.plant.scenario) - limit.margin
                found[limit.name] = (value - most)[None]
        return found

    def _biases(self, measured: Mapping[str, Floats]) -> dict[str, Floats]:
        """By how much the site is warmer than the twin; colder is not believed, a sensor may hang."""
        twin, seen = self.twin, self.twin.expected
        if seen is None:
            return {"inlet_allowable": np.maximum(twin.inlet_bias_k, 0.0)}
        left = measured["zone_inlet_max_c"] - seen.zone_inlet_max_c - NOISE_K
        bias = {"inlet_allowable": np.maximum(np.maximum(left, twin.inlet_bias_k), 0.0)}
        if "tcs_supply_c" in measured:
            bias["coolant_supply"] = np.maximum(measured["tcs_supply_c"] - seen.tcs_supply_c - NOISE_K, 0.0)
        return bias

    def _lost(self, sites: NDArray[np.intp]) -> Availability:
        """What seems lost in the first columns, then at least one room unit of one zone after the other."""
        zones = self.plant.layout.n_zones
        none = nothing_lost(self.cases * len(sites), zones, self.plant.dtype)
        known = np.tile(self.twin.lost.crah_units_lost[:, sites], self.cases)
        one = np.repeat(np.eye(zones, self.cases, 1, self.plant.dtype), len(sites), axis=1)
        return none._replace(crah_units_lost=np.maximum(known, one))


def site_limits(plant: Plant) -> SiteLimits:
    """What the machines of a plant bear."""
    s, lay = plant.scenario, plant.layout
    rows = np.asarray(s.power.row_limit_kw, np.float64).reshape(-1, 1) / lay.row_rated_kw
    usual = SiteLimits()
    return SiteLimits(
        least_coolant_flow_frac=_largest(s.coolant, "min_flow_frac", usual.least_coolant_flow_frac),
        chiller_lead_k=_largest(s.chilled_water, "stage_up_error_k", usual.chiller_lead_k),
        row_limit_frac=tuple(float(v) for v in rows.ravel()),
        service_limit_share=float(np.max(s.power.utility_limit_kw)) / lay.rated_it_kw,
        rated_it_kw=lay.rated_it_kw,
    )


def _largest(machine: object, key: str, usual: float) -> float:
    return usual if machine is None else float(np.max(getattr(machine, key)))


def shield_of(scenario: Scenario, dtype: str = "float32", movable: Collection[str] | None = None) -> Shield:
    """The shield of a site, with its twin.

    Parameters
    ----------
    scenario : Scenario
        As ``coldaisle calibrate`` wrote it, or nominal.
    dtype : str
        Of the twin.
    movable : collection of str, optional
        Channels that may be moved; all when left out.
    """
    ahead = TwinForesight(scenario, dtype)
    return Shield(ahead.channels, ahead.step_s, site_limits(ahead.plant), ahead, movable)
