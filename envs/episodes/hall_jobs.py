"""The jobs of a core: scheduled before each control step, run behind it, and booked in what the step leaves.

The plant sees the racks' activity and gives back their pace. Work of jobs is accounted for here alone: what a step
says of work, its cost and the readings of the queue are filled in behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine.choice import chosen_engine
from envs.episodes.core_step import Done, Given, JobLoad
from envs.episodes.episode import SUM_NAMES, EpisodeSums
from envs.episodes.job_laws import job_laws
from envs.episodes.plan import EpisodePlan
from envs.episodes.world import World, job_racks
from envs.interface.action import ActionDecoder, value_in_force
from envs.interface.channel import Channel
from envs.interface.observation import ObservationEncoder
from envs.interface.reward import total, work_lost_cost
from envs.physics.namespace import Floats
from envs.plant.flows import WORK, Flows
from envs.plant.layout import Layout
from envs.scenario import Scenario
from envs.scenario.rack_group import archetype_of
from envs.scheduling.announced_targets import AnnouncedTargets, no_target
from envs.scheduling.compiled import CompiledJobs, can_compile
from envs.scheduling.control_step import Jobs, decide, settle
from envs.scheduling.curtailment import Curtailment, LoadTarget, Metered, checked_target
from envs.scheduling.job_pool import JobPool, begin
from envs.scheduling.job_table import Ledger, Places, empty_ledger, empty_table, waiting_h
from envs.scheduling.order import LEADS, Order
from envs.scheduling.placement import RackScores
from envs.scheduling.preferred_rack import checked_choice, with_preferred
from envs.scheduling.progress import rack_activity
from envs.scheduling.queue_view import SEEN, queue_view
from envs.scheduling.scheduler import Wishes
from envs.scheduling.tier_limits import TierLimits
from envs.scheduling.transfers import Carried, receive, send
from envs.signals.workload.partitions import KIND_SLOTS
from envs.signals.workload.profiles import STEP_SWING_FRAC
from envs.signals.workload.workload import CLASSES
from envs.trees import as_plain_data

#: Channels of the placement's weights, in the order of `placement.FEATURES`; the UPS is the same for all racks.
WEIGHTS = ("domain", "leaf", "inlet", "row", "", "fit")
KINDS = len(KIND_SLOTS["shared"])  # of jobs; they are the first classes, and the slots of the racks
INLET_ROOM_K = 10.0  # under its limit at which an inlet counts as quite cool; engineering guess
_CLASSES = CLASSES.index("none")


BOOKED = (*WORK, "backlog")


class Booked(NamedTuple):
    """Work of jobs in a step [accelerator-h]: by class ``(K, B)``, what is left of it at its end, and what was late."""

    work_demanded: Floats
    work_done: Floats
    work_lost: Floats
    backlog: Floats
    late_h: Floats


class HallJobs:
    """Jobs of a batch of sites of one scenario.

    Parameters
    ----------
    scenario : Scenario
        With jobs.
    layout : Layout
    world : World
    decoder : ActionDecoder
        Of the agent's channels.
    observer : ObservationEncoder
    held : mapping
        Values at which the building holds the channels of jobs.
    num_envs : int
    """

    def __init__(
        self,
        scenario: Scenario,
        layout: Layout,
        world: World,
        decoder: ActionDecoder,
        observer: ObservationEncoder,
        held: Mapping[str, float],
        num_envs: int,
    ) -> None:
        assert scenario.jobs is not None
        self.scenario, self.layout, self.world, self.observer = scenario, layout, world, observer
        self.step_s = float(scenario.episode.step_s)
        self.racks = job_racks(scenario)
        self.laws, self.leaf = job_laws(scenario.jobs, scenario, self.racks)
        there = np.flatnonzero(self.racks)
        self._there = slice(int(there[0]), int(there[-1]) + 1) if there.size else slice(None)
        self._channels = {c.name: c for c in layout.channels.values() if c.kind == "jobs" and c.per == "site"}
        self._held = {name: np.full(num_envs, float(held[name])) for name in self._channels}
        self._elements = {
            c.name: (k, c)
            for k, name in enumerate(decoder.element_names)
            for c in self._channels.values()
            if c.name == name
        }
        self._seen_at = observer.slices[SEEN[0]].start
        columns = [observer.element_names.index(name) for name in SEEN]
        self._columns = slice(columns[0], columns[-1] + 1)
        self._scale = [part[self._columns] for part in (observer.gain, observer.offset)]
        self._begin_with_nothing(scenario.jobs.slots, num_envs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Look into the memory of machine code again, which a copy has of its own."""
        self.__dict__.update(state)
        if self.compiled is not None:
            self.jobs, self._before = self.compiled.jobs, self.compiled.records.before.transpose(1, 2, 0)

    def _begin_with_nothing(self, slots: int, num_envs: int) -> None:
        assert self.world.jobs is not None
        arrivals = self.world.jobs.arrivals
        arrivals = arrivals._replace(of=np.zeros(num_envs, np.int64), taken=np.zeros(num_envs, np.int64))
        self.compiled: CompiledJobs | None = None
        if chosen_engine() == "llvm" and can_compile():
            self.compiled = CompiledJobs(slots, self.racks, num_envs, KINDS, arrivals)
            self.jobs = self.compiled.jobs
        else:
            table, ledger = empty_table(slots, self.racks, num_envs), empty_ledger(KINDS, num_envs)
            self.jobs = Jobs(table, ledger, arrivals)
        self.now_s = np.zeros(num_envs)
        self._before = np.zeros((len(Ledger._fields), KINDS, num_envs))
        self._rows = np.zeros((len(BOOKED), _CLASSES, num_envs))
        if self.compiled is not None:
            self._before = self.compiled.records.before.transpose(1, 2, 0)
        self._pool: JobPool | None = self.world.jobs
        assert self.scenario.jobs is not None
        self.curtailment: Curtailment | None = None
        self.announced: AnnouncedTargets | None = None
        if way := self.scenario.jobs.curtail:
            self.curtailment = self._curtailed_by(no_target(num_envs), way)
            self.announced = AnnouncedTargets(num_envs, self.step_s)
        self._limits: TierLimits | None = None
        self._preferred: NDArray[np.int64] | None = None
        self.seen = np.zeros((len(SEEN), num_envs))

    # ---- episodes -------------------------------------------------------------------------------------------------

    def begin(self, where: NDArray[np.intp], plan: EpisodePlan) -> None:
        """Put the jobs of the moments in which planned episodes begin into the sites ``where``."""
        self._follow_pool()
        assert self._pool is not None
        if self.curtailment is not None:
            self.curtailment.forget(where)
        if self.announced is not None:
            for k, site in enumerate(where.tolist()):
                self.announced.begin(site, self.world.asked_of(plan, k))
        for site, of, step in zip(where.tolist(), plan.load.tolist(), plan.load_start.tolist()):
            self.now_s[site] = step * self.step_s
            come = begin(self._pool, of, self.now_s[site], self.jobs.table, self.jobs.ledger, site)
            self.jobs.arrivals.of[site], self.jobs.arrivals.taken[site] = of, come
        if self.compiled is not None:
            self.compiled.forget(where)
        self._before[...] = np.stack(self.jobs.ledger)
        self.seen[:, where] = queue_view(self.jobs.table, self.now_s)[:, where]

    def _follow_pool(self) -> None:
        """Take over lists that were made longer; they begin as before."""
        if self.world.jobs is not self._pool and self.world.jobs is not None:
            self._pool = self.world.jobs
            arrivals = self.jobs.arrivals._replace(facts=self._pool.arrivals.facts)
            self.jobs = self.jobs._replace(arrivals=arrivals)
            if self.compiled is not None:
                self.compiled.follow(self.jobs)

    # ---- before a step --------------------------------------------------------------------------------------------

    def load(self, flows: Flows | None, alive: Floats | None, wishes: Wishes | None) -> JobLoad:
        """What jobs ask of the racks in the coming step, once the scheduler has had its round.

        Parameters
        ----------
        flows : Flows or None
            Of the step before; None at the beginning of an episode, which finds its jobs placed.
        alive : ndarray (R, B) or None
            1 for racks with power at its end.
        wishes : Wishes or None
            None: no round.
        """
        self._follow_pool()
        if flows is None or alive is None or wishes is None:
            racks, laws = self._fresh_racks(), self.laws._replace(habits=self.laws.habits._replace(starts=0))
            wishes = self._wishes(self._held)
        else:
            racks, laws = self._racks(flows, alive), self.laws
            if self._preferred is not None:
                racks, wishes = with_preferred(racks, wishes, self._preferred)
                self._preferred = None
            if self.curtailment is not None and self.announced is not None:
                self.announced.hand_over(self.curtailment, flows.grid_power_kw)
            if self.curtailment is not None:
                pauses = self.curtailment.pauses(self.jobs.table, wishes.pause, _metered(flows), self.step_s)
                wishes = wishes._replace(pause=pauses)
        activity: Floats
        squares: Floats
        if self.compiled is not None:
            asks = self.compiled.decide(racks, wishes, laws, self.now_s, self.step_s)
            activity, squares = asks[:KINDS], asks[KINDS]
        else:
            activity, squares = decide(self.jobs, racks, wishes, laws, self.now_s, self.step_s)
        if flows is not None and self.curtailment is not None:
            activity, squares = self._curtailed(self.curtailment, _metered(flows))
        dtype = self.layout.dtype
        swing = np.zeros(squares.shape, dtype)
        swing[self._there] = STEP_SWING_FRAC * np.sqrt(squares[self._there])
        return JobLoad(activity.astype(dtype, copy=False), swing)

    def _curtailed(self, curtailment: Curtailment, metered: Metered) -> tuple[Floats, Floats]:
        """What jobs ask of the racks under the limits that hold the load target."""
        self._limits = limits = curtailment.limits(self.jobs.table, metered, self.step_s)
        if self.compiled is None:
            return rack_activity(self.jobs.table, KINDS, self.step_s, limits)
        asks = self.compiled.limited(limits, self.step_s)
        return asks[:KINDS], asks[KINDS]

    def hold(self, target: LoadTarget | None, way: str = "tiers") -> None:
        """Hold the sites' power from the grid at a load target; None ends it, and what ``jobs.curtail`` holds too.

        A saved state knows how far a target is held, and not the target: hold it again before ``load_state``.

        Parameters
        ----------
        target : LoadTarget or None
            Its seconds count from the coming step. A site that begins a new episode is asked nothing more.
        way : str
            One of `envs.scheduling.curtailment.WAYS`.

        Raises
        ------
        ValueError
            For an unknown way, or a target as `envs.scheduling.curtailment.checked_target` refuses it.
        """
        self._limits, self.curtailment, self.announced = None, None, None
        if target is not None:
            self.curtailment = self._curtailed_by(checked_target(target, len(self.now_s)), way)

    def _curtailed_by(self, target: LoadTarget, way: str) -> Curtailment:
        kinds = [archetype_of(g) for g in self.scenario.racks.values() for _ in range(g.count)]
        return Curtailment(target, way, kinds, self.racks > 0, KINDS)

    def prefer(self, rack: NDArray[np.integer]) -> None:
        """Place the jobs that start in the coming step on one rack of each site first ``(B,)``; -1 leaves it open.

        Raises
        ------
        ValueError
            As `envs.scheduling.preferred_rack.checked_choice` refuses it.
        """
        self._preferred = checked_choice(rack, self.racks, len(self.now_s))

    def prioritize(self, priority: Floats) -> None:
        """Let jobs go in the order of a priority ``(J, B)``, higher first; each keeps its own until it leaves its slot.

        Where ``jobs.preempt`` holds, a job may also stop flexible ones of lower priority.

        Raises
        ------
        ValueError
            For another shape, or a priority that is no finite number; nothing has then changed.
        """
        told, asked = np.shape(priority), self.jobs.table.state.shape
        if told != asked or not np.isfinite(priority).all():
            raise ValueError(f"priority has shape {told}; give finite numbers of shape (J, B) = {asked}")
        self.jobs.table.facts.priority[...] = priority
        if self.compiled is not None:
            self.compiled.forget()

    def send(self, places: Places) -> Carried:
        """Take waiting jobs out of their sites, as `envs.scheduling.transfers.send`; no step books what they ask."""
        asked = np.array(self.jobs.ledger.asked)
        carried = send(self.jobs.table, self.jobs.ledger, places)
        self._moved(asked)
        return carried

    def receive(self, carried: Carried, sites: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Put jobs that come from elsewhere into sites, as `envs.scheduling.transfers.receive`."""
        asked = np.array(self.jobs.ledger.asked)
        entered = receive(self.jobs.table, self.jobs.ledger, carried, sites)
        self._moved(asked)
        return entered

    def _moved(self, asked: Floats) -> None:
        """Jobs went or came; ``asked`` is what the ledger said before."""
        self._before[0] += self.jobs.ledger.asked - asked
        if self.compiled is not None:
            self.compiled.forget()

    def wishes(self, given: Given) -> Wishes:
        """What the agent or the targets ask of the scheduler; the building's constants elsewhere."""
        wanted = dict(self._held)
        for name, channel in self._channels.items():
            if name in given.targets:
                wanted[name] = value_in_force(channel, given.targets[name][0], self._held[name], self.step_s)
            elif given.actions is not None and name in self._elements:
                wanted[name] = self._decoded(given.actions[self._elements[name][0]], channel)
        return self._wishes(wanted)

    def _decoded(self, part: Floats, c: Channel) -> Floats:
        """As `ActionDecoder` decodes one row of the box: these channels are absolute or residual, and free to move."""
        part = np.minimum(np.maximum(part, -1.0), 1.0)
        span = c.high - c.low
        if c.encoding == "residual":
            held = np.clip(self._held[c.name], c.low, c.high)
            return np.clip(held + part * (c.reach_frac * span), c.low, c.high)
        return np.asarray(c.low + (part + 1.0) * (0.5 * span))

    def _wishes(self, wanted: Mapping[str, Floats]) -> Wishes:
        none = wanted["job_pause_frac"] * 0.0
        weights = [wanted[f"place_{name}_weight"] if name else none for name in WEIGHTS]
        admission, pauses = (np.asarray(wanted[f"job_{name}_frac"], np.float64) for name in ("admission", "pause"))
        leads = np.stack([wanted[f"order_{name}_h"] for name in LEADS])
        order = Order(leads.astype(np.float64), np.asarray(wanted["backfill_grace_h"], np.float64))
        return Wishes(np.stack(weights).astype(np.float64), admission, pauses, order)

    @property
    def held_order(self) -> Order:
        """The order of the queue where nobody asks for another."""
        return self._wishes(self._held).order

    def _racks(self, flows: Flows, alive: Floats) -> RackScores:
        """How much room racks have, as the last step left them; of those that jobs may hold."""
        lay, power, there = self.layout, self.scenario.power, self._there
        inlet = np.zeros(alive.shape, alive.dtype)
        inlet[there] = (flows.inlet_limit_c - flows.rack_inlet_c[there]) * (1.0 / INLET_ROOM_K)
        limits = np.asarray(power.row_limit_kw, np.float32)[:, None]
        row = np.zeros(alive.shape, alive.dtype)
        row[there] = (1.0 - flows.row_power_kw / limits).take(lay.row_of[there], axis=0)
        ups = np.broadcast_to(1.0 - flows.ups_power_kw * (1.0 / lay.feeder_limit_kw), row.shape)
        dark = np.zeros(alive.shape, bool)
        dark[there] = alive[there] < 1.0
        return RackScores(self.leaf, inlet, row, ups, dark)

    def _fresh_racks(self) -> RackScores:
        shape = len(self.leaf), len(self.now_s)
        whole = np.ones(shape, self.layout.dtype)
        return RackScores(self.leaf, whole, whole, whole, np.zeros(shape, bool))

    # ---- behind a step --------------------------------------------------------------------------------------------

    def booked(self, pace: Floats) -> Booked:
        """Run the jobs at the pace that the plant gave them, and let in who has come; what that makes of their work.

        The next step writes into the same memory.
        """
        if self.compiled is not None:
            given = pace, self.now_s, self.step_s, self.laws, self.seen, self._limits
            late_h = self.compiled.settle(*given)
            self._rows[:, :KINDS] = self.compiled.rows
            self.now_s += self.step_s
        else:
            late_h = settle(self.jobs, pace, self.now_s, self.step_s, self.laws, self._limits)
            self.now_s += self.step_s
            self.seen = queue_view(self.jobs.table, self.now_s)
            now = np.stack(self.jobs.ledger)
            asked, done, redone, lost = now - self._before
            self._before[...] = now
            self._rows[:, :KINDS] = asked - redone, done, lost, now[0] - now[1:].sum(axis=0)
        demanded, of_done, of_lost, left = self._rows
        return Booked(demanded, of_done, of_lost, left, late_h)

    def book(self, done: Done, pace: Floats | None, sums: EpisodeSums, pays: bool) -> None:
        """Run the jobs, and write their part of a step into what it left: flows, costs, reward and sums.

        Parameters
        ----------
        done : Done
        pace : ndarray (S, R, B)
            Work done over work demanded, as the plant's state has it.
        sums : EpisodeSums
        pays : bool
            Whether the reward is the step's own.
        """
        assert pace is not None
        flows, work = done.flows, self.booked(pace)
        for name in BOOKED:
            getattr(flows, name)[:KINDS] += getattr(work, name)[:KINDS]
        reward, step_h = self.scenario.reward, self.step_s / 3600.0
        late = work.late_h * (reward.training_delay_usd_h2 * step_h)
        cost = {"work_lost": work_lost_cost(reward, work), "work_delayed": late}
        for name, value in cost.items():
            done.cost[name][...] += value
        added = {f"cost_{name}_usd": value for name, value in cost.items()}
        added |= {f"{name}_h": getattr(work, name).sum(axis=0) for name in WORK}
        if pays:
            more = total(cost, self.scenario.reward_weights, reward.scale_usd).astype(np.float32)
            done.reward[...] += more
            added["r"] = more
        for name, value in added.items():
            sums.sums[SUM_NAMES.index(name)] += value

    def show(self, readings: Floats) -> None:
        """Write the queue into a block of readings."""
        readings[self._seen_at : self._seen_at + len(SEEN)] = self.seen

    def show_observed(self, observation: NDArray[np.float32], readings: Floats) -> None:
        """Write the queue into observations ``(B, n)``."""
        part = readings[self._seen_at : self._seen_at + len(SEEN)]
        gain, offset = (x.astype(part.dtype) for x in self._scale)
        observation[:, self._columns] = np.minimum(np.maximum(part * gain + offset, -1.0), 1.0).T

    def residual_h(self) -> Floats:
        """What does not close: asked - done - redone - lost - waiting, by class ``(K, B)`` [accelerator-h]."""
        asked, done, redone, lost = self.jobs.ledger
        return np.asarray(asked - done - redone - lost - waiting_h(self.jobs.table, KINDS))

    # ---- interruption ---------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """All that steps change, as plain data."""
        table, ledger, arrivals = self.jobs
        kept = {"table": table, "ledger": ledger, "of": arrivals.of, "taken": arrivals.taken, "now_s": self.now_s}
        if self.curtailment is not None:
            kept["curtailment"] = self.curtailment.memory()
        if self.curtailment is not None and self.announced is not None:
            kept["announced"] = self.announced.memory(self.curtailment)
        plain: dict[str, Any] = as_plain_data(kept)
        return plain

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        table, ledger, arrivals = self.jobs
        _write(table._asdict(), saved["table"])
        _write(ledger._asdict(), saved["ledger"])
        arrivals.of[:], arrivals.taken[:], self.now_s[:] = saved["of"], saved["taken"], saved["now_s"]
        if self.curtailment is not None and "curtailment" in saved:
            self.curtailment.remember(saved["curtailment"])
        if self.curtailment is not None and self.announced is not None and "announced" in saved:
            self.announced.remember(saved["announced"], self.curtailment)
        if self.compiled is not None:
            self.compiled.forget()
        self._before[...] = np.stack(ledger)
        self.seen = queue_view(table, self.now_s)


def _metered(flows: Flows) -> Metered:
    """What the meters of a site showed in a step."""
    withheld = (flows.row_demand_kw - flows.row_power_kw).sum(axis=0)
    meters = flows.grid_power_kw, np.maximum(withheld, 0.0), flows.battery_power_kw
    return Metered(*(meter.astype(np.float64) for meter in meters))


def _write(into: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    """Copy saved arrays into those of the same names."""
    for name, array in into.items():
        if hasattr(array, "_asdict"):
            _write(array._asdict(), saved[name])
        else:
            array[...] = saved[name]
