"""The whole control step of a core as one pure function: decide, move, pay, read, observe.

``(CoreState, Given) -> (CoreState, Done)``. The engine records and compiles it. Everything is a function of its
arguments: nothing is drawn, counted or remembered elsewhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.controllers.base import CombinedController, Memory, acted
from envs.controllers.plain_rule import plain_rule
from envs.episodes.bill import BillState
from envs.episodes.control_step import Carried, ControlStep, Moved
from envs.episodes.episode import EpisodeSums
from envs.episodes.instruments import Instruments, SensorErrors, SensorMemory
from envs.episodes.signal_tables import SignalClock, SignalPlace, SignalPools, load_of
from envs.faults import Availability, nothing_lost
from envs.interface.action import ActionDecoder
from envs.interface.observation import ObservationEncoder
from envs.interface.points import RULE
from envs.interface.reward import closing_cost, total
from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.plant.plant_like import PlantLike
from envs.plant.state import PlantState, Stores
from envs.signals.step import Load, Outside


class CoreState(NamedTuple):
    """All that a step changes and the next one needs."""

    plant: PlantState
    in_force: dict[str, Floats]
    """Setpoints ``{channel: (k, B)}``."""
    inlet_c: Floats
    """Worst inlet of each zone ``(Z, B)`` [degC]."""
    bill: BillState
    sensors: SensorMemory
    building: Memory
    """What the rules of the building remember, that run what the agent does not hold."""
    followed: Memory
    """What the rule remembers to which residual actions add."""
    sums: EpisodeSums
    place: SignalPlace
    """Rows of the signals' tables that the coming step reads."""
    t: NDArray[np.int64]
    """Control steps since the episode began ``(B,)``."""


class EpisodeTerms(NamedTuple):
    """What holds for a whole episode."""

    start: Stores
    refill_usd_kwh: NDArray[np.float64]
    """Price of energy that the episode takes from storage ``(B,)``."""
    errors: SensorErrors


class Signals(NamedTuple):
    """What the world does in a step, and what it is at its end."""

    outside: Outside
    load: Load
    lost: Availability
    seen: Outside
    """Signals that are measured at the end of the step."""
    stuck: Floats | None = None
    """1 where a sensor hangs at the end of the step ``(N, B)``; None where no sensor fault is planned."""
    offset: Floats | None = None
    """Error of drifting sensors ``(N, B)``."""


class JobLoad(NamedTuple):
    """What jobs ask of the racks in a step, beside the load of the world."""

    activity: Floats
    """``(S, R, B)``."""
    swing: Floats
    """``(R, B)``."""


class Given(NamedTuple):
    """What a step is given from outside."""

    actions: Floats | None
    """Elements of the box ``(n, B)``; None where there are targets alone."""
    targets: Mapping[str, Floats]
    """Physical targets ``{channel: (k, B)}`` of channels that are not decoded."""
    episode: EpisodeTerms
    signals: Signals | SignalPools
    """As they are, or the tables in which `CoreState.place` finds them; then nothing fails."""
    jobs: JobLoad | None = None
    """None where no jobs are scheduled."""


class Done(NamedTuple):
    """What a step leaves beside the state."""

    observation: Floats
    """``(B, n)`` in [-1, 1]."""
    reward: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    shown: Floats
    """Rows of `SHOWN` ``(k, B)``."""
    cost: dict[str, Floats]
    """Cost terms ``{name: (B,)}`` [USD]."""
    flows: Flows


#: What is shown of a site after a step: means of the power [kW], temperatures at its end [degC], the PUE [1], prices.
SHOWN = (
    "it_power_kw",
    "cooling_power_kw",
    "facility_power_kw",
    "pue",
    "inlet_max_c",
    "chip_max_c",
    "dry_bulb_c",
    "wet_bulb_c",
    "price_usd_mwh",
    "carbon_g_kwh",
)


def shown_rows(flows: Flows, outside: Outside) -> Floats:
    """Rows of `SHOWN` ``(k, B)``; the PUE is infinite where no IT runs."""
    it, facility = flows.it_power_kw, flows.facility_power_kw
    runs = it > 0.0
    pue = np.where(runs, facility / np.where(runs, it, 1.0), np.inf)
    inlet, weather = np.max(flows.zone_inlet_max_c, axis=0), (outside.dry_bulb_c, outside.wet_bulb_c)
    price = (outside.price_usd_mwh, outside.carbon_g_kwh)
    return np.stack([it, flows.cooling_power_kw, facility, pue, inlet, flows.chip_max_c, *weather, *price])


def with_jobs(load: Load, jobs: JobLoad) -> Load:
    """The load of the world and that of jobs, which work on other racks."""
    swing = jobs.swing if load.swing is None else load.swing + jobs.swing
    return load._replace(activity=load.activity + jobs.activity, swing=swing)


class CoreStep:
    """The step of a core.

    Parameters
    ----------
    control : ControlStep
        Plant, bill and prices.
    instruments : Instruments
    observer, decoder : ObservationEncoder, ActionDecoder
    building, followed : CombinedController
        Rules that run what nobody else holds, and the rule to which residual actions add.
    clock : SignalClock
        How the places of signals move on.
    pays : bool
        Whether the reward is the step's own. Where it is not, nothing is added to its sum.
    """

    def __init__(
        self,
        control: ControlStep,
        instruments: Instruments,
        observer: ObservationEncoder,
        decoder: ActionDecoder,
        building: CombinedController,
        followed: CombinedController,
        clock: SignalClock,
        pays: bool,
    ) -> None:
        self.control, self.instruments = control, instruments
        self.observer, self.decoder = observer, decoder
        self.building, self.followed, self.clock, self.pays = building, followed, clock, pays
        self.scenario, self.plant = control.scenario, control.plant

    def on_plant(self, plant: PlantLike) -> CoreStep:
        """The same step on another plant with the same layout."""
        control = self.control.on_plant(plant)
        return CoreStep(
            control, self.instruments, self.observer, self.decoder, self.building, self.followed, self.clock, self.pays
        )

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What tells steps apart that do not do the same; of plants of `envs.plant` alone."""
        return (
            *self.control.key,
            self.pays,
            *self.clock,
            *map(repr, plain_rule(self.building)),
            *map(repr, plain_rule(self.followed)),
        )

    def __call__(self, state: CoreState, given: Given) -> tuple[CoreState, Done]:
        """Next state and what the step leaves; no argument is written."""
        control, signals = self.control, self._signals(state, given)
        targets, building = self.targets(state, given)
        carried, stepped = control(
            Carried(state.plant, state.in_force, state.inlet_c, state.bill),
            Moved(
                targets, signals.outside, signals.load, signals.lost, state.t,
                control.bill.window_ends(state.bill), signals.seen,
            ),
        )  # fmt: skip
        t = state.t + 1
        truncated = t >= self.scenario.episode.steps
        stored = closing_cost(
            *self.plant.stored_energy(carried.plant, given.episode.start), given.episode.refill_usd_kwh
        )
        cost = stepped.cost | {"closing": (stored * truncated).astype(self.plant.dtype)}
        reward = total(cost, self.scenario.reward_weights, self.scenario.reward.scale_usd).astype(np.float32)
        paid = reward if self.pays else reward * np.float32(0.0)
        sums = state.sums.with_step(stepped.sums, cost["closing"], paid, stepped.flows)
        sensors = self.instruments.read(
            given.episode.errors, state.sensors, stepped.points, t, signals.stuck, signals.offset
        )
        sensors, followed = self.with_rule(sensors, state.followed)
        after = CoreState(
            carried.plant, carried.in_force, carried.inlet_c, carried.bill, sensors, building, followed, sums,
            self.clock.next(state.place), t,
        )  # fmt: skip
        observation = self.observer.scaled(sensors.readings).T
        shown = shown_rows(stepped.flows, signals.seen)
        return after, Done(observation, reward, truncated, shown, cost, stepped.flows)

    def with_rule(self, sensors: SensorMemory, memory: Memory) -> tuple[SensorMemory, Memory]:
        """Readings with what the rule would set that residual actions add to, and what it then remembers."""
        wanted, after = acted(self.followed, memory, self.observer.unstack(sensors.readings))
        return sensors._replace(readings=self.instruments.ruled(sensors.readings, wanted)), after

    def _signals(self, state: CoreState, given: Given) -> Signals:
        """Signals of the step, with the load of its jobs."""
        signals = self._gathered(state, given)
        if given.jobs is None:
            return signals
        return signals._replace(load=with_jobs(signals.load, given.jobs))

    def _gathered(self, state: CoreState, given: Given) -> Signals:
        """Signals of the step, gathered where tables are given."""
        if isinstance(given.signals, Signals):
            return given.signals
        pools, place, dtype, lay = given.signals, state.place, self.plant.dtype, self.plant.layout
        outside, seen = (Outside(*pools.site.rows(row, dtype)) for row in (place.site, place.seen))
        activity, queue, swing = (p.rows(place.load, dtype) for p in (pools.activity, pools.queue, pools.swing))
        job = pools.job.rows(place.load, pools.job.array.dtype)
        load = load_of(activity, job, queue, swing)
        return Signals(outside, load, nothing_lost(len(state.t), lay.n_zones, dtype), seen)

    def targets(self, state: CoreState, given: Given) -> tuple[dict[str, Floats], Memory]:
        """What is wanted of every channel, and what the building's rules then remember."""
        measured = self.observer.unstack(state.sensors.readings)
        wanted, memory = acted(self.building, state.building, measured)
        if given.actions is not None:
            wanted |= self.decoder.targets(
                given.actions,
                state.in_force,
                measured["wet_bulb_c"][0],
                measured["row_demand_share"] * self.plant.layout.row_rated_kw,
                self.control.step_s,
                {name.removeprefix(RULE): measured[name] for name in self.instruments.rule_names},
            )
        wanted |= given.targets
        kept = {c.name: wanted.get(c.name, state.in_force[c.name]) for c in self.control.channels}
        return {name: value.astype(self.plant.dtype, copy=False) for name, value in kept.items()}, memory
