"""The core below the three environments: one batch of sites, stepped in physical units, judged, observed.

Owns the time, the seeds, the setpoints in force, the bill and the episode's sums. The plant below it is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.building.rules import building_controller, constants, first_setpoints
from envs.controllers.base import CombinedController, Controller, begun_memory
from envs.core_state import core_snapshot, float_type, restore_core
from envs.core_views import CoreViews
from envs.engine import TapedFunction
from envs.episodes.bill import Bill
from envs.episodes.control_step import ControlStep
from envs.episodes.core_step import CoreState, CoreStep, Done, EpisodeTerms, Given, Signals, with_jobs
from envs.episodes.episode import EpisodePlan, EpisodeSums, draw_plan
from envs.episodes.hall_jobs import HallJobs
from envs.episodes.instruments import Instruments, Moment
from envs.episodes.serving_latency import serving_latency
from envs.episodes.settled_start import SettledStart, settled_among, sites_differ
from envs.episodes.streams import Streams
from envs.episodes.world import World
from envs.faults import Availability, Fault, availability, fault_plan, nothing_lost, with_new_faults, without_sensors
from envs.guard import Guard
from envs.hooks import Hooks
from envs.interface.action import ActionDecoder, checked_targets
from envs.interface.channels import channels_of_kind, require_channels, table_hash
from envs.interface.observation import ObservationEncoder, copied, transposed
from envs.interface.points import bind_points
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.flows import Flows
from envs.plant.plant_like import PlantLike
from envs.plant.state import stores_of
from envs.scenario import Rules, Scenario, load
from envs.scenario.checks import require_machines
from envs.scenario.precision import in_precision
from envs.shield.shield import Shield
from envs.signals.step import Load, Outside, weather_moved
from envs.trees import assign, columns

Stepper = Callable[[CoreState, Given], tuple[CoreState, Done]]
Place = NDArray[np.float32] | None  # (B, n): where observations are written; a fresh array where there is none
StepResult = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], dict[str, Floats]]


class DataCenterCore(CoreViews):
    """One batch of ``num_envs`` sites of one scenario.

    Parameters
    ----------
    scenario : str or Scenario
        Name, YAML path or object.
    num_envs : int
        Batch size B.
    overrides : sequence of str
        ``key=value`` deviations from the scenario.
    agent_channels : sequence of str, optional
        Which channels the agent holds; those that the plant lacks are left out. Default: the scenario's list.
    dtype : str
        ``float32`` (default) or ``float64`` (reference).
    world : World, optional
        Signals that several cores share; built from the scenario when left out.
    plant : PlantLike, optional
        Another plant than ours with the same layout.
    hooks : Hooks, optional
        Own reward and own observation.
    rules : Rules, optional
        Constants of the rule that channels with the encoding ``residual`` add to, and that then runs the others; the
        scenario's when left out.
    shield : Shield, optional
        Between all setpoints, the building's too, and the plant.

    Attributes
    ----------
    observation_size, action_size : int
        Elements of one environment's observation and action, all in [-1, 1].
    observation_names, action_names : tuple of str
        What each element is: ``name``, or ``name[row]`` where it has several rows.
    max_episode_steps : int
        Control steps until an episode is truncated.
    followed : Controller
        The rule that channels with the encoding ``residual`` add to, for all channels; empty where there are none.

    Raises
    ------
    ValueError
        Where the batch is empty, the scenario is impossible, or the agent would hold no channel.
    """

    def __init__(
        self,
        scenario: str | Scenario = "ai_hall",
        num_envs: int = 1,
        overrides: Sequence[str] = (),
        agent_channels: Sequence[str] | None = None,
        *,
        dtype: str = "float32",
        world: World | None = None,
        plant: PlantLike | None = None,
        hooks: Hooks | None = None,
        rules: Rules | None = None,
        shield: Shield | None = None,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs = {num_envs}; give at least 1")
        self.num_envs, self.dtype = num_envs, float_type(dtype)
        given = load(scenario, overrides) if isinstance(scenario, str) else scenario
        self.scenario = in_precision(given, self.dtype)
        self.plant: PlantLike = plant or Plant(self.scenario, self.dtype)
        self.world = world or World.shared(self.scenario)
        self.step_s = float(self.scenario.episode.step_s)
        self._bind_scenario(agent_channels, rules or self.scenario.rules)
        self.bill = Bill(self.scenario, self.step_s, self.world.mean_price_usd_mwh(self.scenario.reward.carbon_usd_t))
        self.instruments = Instruments(self.scenario, self.plant, self.observer)
        self.hooks = hooks or Hooks()
        self.guard = None if shield is None else Guard(shield, num_envs)
        control = ControlStep(
            self.scenario, self.plant, self.channels, self.agent_channels, self.bill, self.instruments
        )
        self.core_step = CoreStep(
            control, self.instruments, self.observer, self.decoder, self.building, self.followed, self.world.clock,
            self.hooks.reward is None,
        )  # fmt: skip
        self.jobs: HallJobs | None = None
        if (s := self.scenario).jobs is not None:
            held = constants(self._ruled, channels_of_kind("jobs"))
            self.jobs = HallJobs(s, self.plant.layout, self.world, self.decoder, self.observer, held, num_envs)
        self.serving = serving_latency(self.scenario, num_envs)
        self._recorded = plant is None  # only a pure step can be recorded
        self._differ = sites_differ(self.scenario)
        self._settled = self.plant.steady_state
        if isinstance(self.plant, Plant):
            self._settled = SettledStart(self.plant, control.key, together=self._differ)
        self._steps: dict[frozenset[str] | None, Stepper] = {}
        self.observation_names = self.hooks.observation_names or self.observer.element_names
        self.action_names = self.decoder.element_names
        self.observation_size, self.action_size = len(self.observation_names), self.decoder.size
        self.max_episode_steps = int(self.scenario.episode.steps)
        self._begin_with_nothing()
        self._seed = int(np.random.SeedSequence().generate_state(1)[0])
        self._streams: Streams | None = None
        self._episode = np.zeros(num_envs, np.int64)

    def _bind_scenario(self, agent_channels: Sequence[str] | None, rules: Rules) -> None:
        s, lay = self.scenario, self.plant.layout
        self.channels = tuple(lay.channels.values())
        held = s.agent_channels if agent_channels is None else agent_channels
        require_channels(held, "agent_channels")
        self.agent_channels = tuple(c for c in self.channels if c.name in held)
        if not self.agent_channels:
            raise ValueError(
                f"agent_channels = {list(held)}: none is in scenario {s.name!r}, which has {list(lay.channels)}"
            )
        self.decoder = ActionDecoder(self.agent_channels, lay.row_rated_kw, lay.rack_budget_kw / s.capper.target_frac)
        self.observer = ObservationEncoder(bind_points(lay.rows, lay.present, self.channels))
        self.channel_hash = table_hash(self.agent_channels)
        self.rules: Controller = building_controller(s, lay, [c.name for c in self.channels])
        names = [c.name for c in self.channels]
        on_the_rule = any(c.encoding == "residual" for c in self.channels)
        self._ruled = best = replace(s, rules=rules) if on_the_rule else s
        self.followed: CombinedController = building_controller(best, lay, names if on_the_rule else [])
        self.building: CombinedController = building_controller(
            best, lay, [c.name for c in self.channels if c not in self.agent_channels]
        )

    # ---- episodes -------------------------------------------------------------------------------------------------

    def reset(
        self,
        mask: NDArray[np.bool_] | None = None,
        seed: int | Sequence[int | None] | None = None,
        plan: EpisodePlan | None = None,
    ) -> NDArray[np.float32]:
        """Start new episodes and return observations ``(B, n)``.

        Parameters
        ----------
        mask : ndarray of bool (B,), optional
            Which environments; all when left out (and always at the first call).
        seed : int or sequence of int, optional
            Environment i is seeded ``seed + i``, so that it is the same in any batch.
        plan : EpisodePlan, optional
            Explicit episodes (evaluation) instead of drawn ones; for all environments.
        """
        if self._now is None or mask is None:
            mask = np.ones(self.num_envs, bool)
        elif np.shape(mask) != (self.num_envs,):
            raise ValueError(
                f"reset mask has shape {np.shape(mask)}; give one flag for each of {self.num_envs} environments"
            )
        mask = np.asarray(mask, bool)
        if seed is not None or self._streams is None:
            self._reseed(self._seed if seed is None else seed, mask)
        assert self._streams is not None
        where = np.flatnonzero(mask)
        fresh_plan = (
            plan
            if plan is not None
            else draw_plan(self.scenario, self.world, self._streams.each(where), self._episode[where])
        )
        self._episode[where] += 1
        self.rules.reset(self.num_envs, mask)
        self._start(where, fresh_plan)
        if self.guard is not None:
            self.guard.reset(mask)
        return self._observation()

    def _reseed(self, seed: int | Sequence[int | None], mask: NDArray[np.bool_]) -> None:
        """New streams for the environments in ``mask``; where a sequence says None, the old stream goes on."""
        if isinstance(seed, (int, np.integer)):
            seeds: list[int | None] = [int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(
                f"seed has {len(seeds)} entries for {self.num_envs} environments; give one per environment"
            )
        if self._streams is None:
            self._streams = Streams(self._seed, self.num_envs)
        for i, s in enumerate(seeds):
            if mask[i] and s is not None:
                self._streams.seed(i, int(s))
                self._episode[i] = 0

    def _start(self, where: NDArray[np.intp], plan: EpisodePlan) -> None:
        """Begin the planned episodes in the environments ``where``."""
        whole = self._now is None or len(where) == self.num_envs
        self.plan = plan if whole else assign(self.plan, plan, where)
        self._plan_faults(where, plan)
        begun, terms, flows = self._begun(where, plan)
        if whole:
            self.now, self._episode_terms, self.flows = begun, terms, flows
        else:
            self.now, self.flows = assign(self.now, begun, where), assign(self.flows, flows, where)
            self._episode_terms = assign(self._episode_terms, terms, where)
        if self.serving is not None:
            self.serving.begin(where)
        self._show_queue()
        self._update_signals()

    def _begun(self, where: NDArray[np.intp], plan: EpisodePlan) -> tuple[CoreState, EpisodeTerms, Flows]:
        """State in which planned episodes begin, what holds in them, and the Flows of the step before."""
        zero = np.zeros(len(where), np.int64)
        outside, load = self.world.at(plan, zero, self.dtype)
        if self.jobs is not None:
            self.jobs.begin(where, plan)
            load = with_jobs(load, columns(self.jobs.load(None, None, None), where))
        in_force = first_setpoints(self.scenario, self.channels, outside.wet_bulb_c, outside.dry_bulb_c, self.dtype)
        lost = nothing_lost(len(where), self.plant.layout.n_zones, self.dtype)
        given = outside, load, in_force, lost, plan.warmth_k, plan.soc
        state, flows = settled_among(self._settled, self.num_envs if self._differ else 0, where, given)
        flows = flows._replace(backlog=flows.backlog * 0.0)  # nothing waits when an episode begins
        bill = self.bill.begun(plan.billing_frac, self.dtype)
        failing = columns(availability(self.faults, self.plan.site * 0.0), where)
        if self.faults.has_faults:
            outside = weather_moved(outside, failing.dry_bulb_add_c, failing.wet_bulb_add_c)
        points = self.instruments.true_points(Moment(flows, state, in_force, outside), bill)
        errors, sensors = self.instruments.begun(points, plan, failing.sensor_stuck, failing.sensor_offset)
        sensors, followed = self.core_step.with_rule(
            sensors, begun_memory(self.followed, self.observer.unstack(sensors.readings))
        )
        building = begun_memory(self.building, self.observer.unstack(sensors.readings))
        sums = EpisodeSums.begun(len(where))
        begun = CoreState(
            state, in_force, flows.zone_inlet_max_c, bill, sensors, building, followed, sums,
            self.world.place(plan, zero), zero,
        )  # fmt: skip
        return begun, EpisodeTerms(stores_of(state), self.bill.refill_price(plan.site), errors), flows

    def _plan_faults(self, where: NDArray[np.intp], plan: EpisodePlan) -> None:
        """Draw the faults of the episodes that begin; none where the scenario has no rates."""
        lay, config = self.plant.layout, self.scenario.faults
        rows = self.instruments.rows
        if not hasattr(self, "faults"):
            self.faults = fault_plan([[]] * self.num_envs, lay.n_zones, rows, self.dtype)
        if not (config.scheduled or config.random):
            if self.faults.has_faults:  # known ones end with their episode
                self.faults = with_new_faults(self.faults, {int(i): [] for i in where})
            return
        length = self.scenario.episode.steps * self.step_s
        drawn = {
            int(i): config.draw(length, lay.n_zones, rows, np.random.default_rng([int(seed), int(number), 7]))
            for i, seed, number in zip(where, plan.noise_seed, plan.episode)
        }
        self.faults = with_new_faults(self.faults, drawn)

    def set_faults(self, faults: Sequence[Sequence[Fault]]) -> None:
        """Known faults instead of drawn ones, one list per environment, until its next reset; after ``reset``."""
        for given in faults:
            require_machines(given, self.plant.layout.present, f"set_faults of scenario {self.scenario.name!r}")
        self.faults = fault_plan(faults, self.plant.layout.n_zones, self.instruments.rows, self.dtype)
        self._update_signals()

    # ---- steps ----------------------------------------------------------------------------------------------------

    def step(self, actions: NDArray[np.floating], out: Place = None) -> StepResult:
        """One control step from actions ``(B, n)`` in [-1, 1]; observations are written to ``out``, where it is given.

        Returns
        -------
        tuple
            Observations ``(B, n)``, rewards ``(B,)``, truncation flags ``(B,)``, cost terms [USD] ``{name: (B,)}``.
        """
        observation, done = self.advanced(actions, out)
        return observation, done.reward, done.truncated, done.cost

    def advanced(self, actions: NDArray[np.floating], out: Place = None) -> tuple[NDArray[np.float32], Done]:
        """As `step`: the observations, and all that the step leaves, by machine code made when it is asked for."""
        self._require_begun()
        return self._advanced(None, {}, self.decoder.box(actions, self.num_envs, self.dtype), out)

    def step_setpoints(self, targets: Mapping[str, Floats]) -> StepResult:
        """One control step from physical targets ``{channel: (k, B)}``.

        A channel of the agent that is not named stays where it is; what no agent holds is run by the building's rules.

        Raises
        ------
        ValueError
            Where no episode has begun, or a target is of no channel, masked, not finite or of another shape. Then
            nothing has changed.
        """
        self._require_begun()
        given = checked_targets(self.channels, targets, self.num_envs)
        rows = {c.name: (c.rows, self.num_envs) for c in self.channels if c.name in given}
        wanted = {name: np.broadcast_to(given[name].astype(self.dtype), shape) for name, shape in rows.items()}
        observation, done = self._advanced(frozenset(wanted), wanted, None)
        return observation, done.reward, done.truncated, done.cost

    def _advanced(
        self, named: frozenset[str] | None, targets: Mapping[str, Floats], actions: Floats | None, out: Place = None
    ) -> tuple[NDArray[np.float32], Done]:
        """Step from targets of the channels that are ``named``, or from actions where that is None."""
        step, asked = self._stepper(named), self._asked_of_serving()
        coming: Any = None
        pools = self._readable_pools(step) if self.guard is None else None
        if pools is not None:
            given = Given(actions, targets, self._episode_terms, pools)
        else:
            coming = self._signals(self.t + 1)
            given = self._given(targets, actions, coming)
        if self.guard is not None and self.now is not None:
            wanted, _ = self.core_step.targets(self.now, given)
            given = given._replace(actions=None, targets=self.guard.guarded(wanted, self.in_force, self.measured))
            step = self._stepper(frozenset(given.targets))
        if self.jobs is not None:
            given = self._with_jobs(given)
        if isinstance(step, TapedFunction):
            self._now, done = step.step(self._now, given)
        else:
            assert self.now is not None
            self._now, done = step(self.now, given)
        self._done, self._flows, self._measured = done, None, None
        if self.jobs is not None:
            self._book_jobs()
        self._judge_serving(asked)
        if self.hooks.reward is not None:
            done.reward[...] = own = self.hooks.own_reward(self, done.cost)
            self.sums.sums[-1] += own
        self._current, self._set = coming, False
        self._last_load_step += 1
        if self.hooks.observation is not None:
            return copied(self._observation(), out), done
        seen = done.observation if coming is None else transposed(done.observation.T)
        return self._with_queue(copied(seen, out)), done

    def given(self, actions: NDArray[np.floating]) -> Given:
        """What `core_step` is given in a step from actions ``(B, n)``: for whoever steps the pure function."""
        self._require_no_jobs()
        return self._given({}, self.decoder.box(actions, self.num_envs, self.dtype), self._signals(self.t + 1))

    def _given(
        self, targets: Mapping[str, Floats], actions: Floats | None, coming: tuple[Outside, Load, Availability]
    ) -> Given:
        """What a step is given; ``coming`` are signals and losses at its end."""
        seen, _, failing = coming
        lost = without_sensors(self.lost)
        signals = Signals(self.outside, self._load, lost, seen, failing.sensor_stuck, failing.sensor_offset)
        return Given(actions, targets, self._episode_terms, signals)

    def _stepper(self, named: frozenset[str] | None) -> Stepper:
        """What steps from targets of the channels that are named, or from actions."""
        if not self._recorded:
            return self.core_step
        if named not in self._steps:
            self._steps[named] = TapedFunction(self.core_step, key=(*self.core_step.key, named))
        return self._steps[named]

    def step_by(self, step: Stepper | None, channels: Sequence[str] | None = None) -> None:
        """Step by another form of `core_step` that does the same, such as one that keeps its way back.

        Parameters
        ----------
        step : callable or None
            None: by `core_step` itself again.
        channels : sequence of str, optional
            For steps from targets of exactly these channels; from actions where left out.
        """
        named = None if channels is None else frozenset(channels)
        self._steps.pop(named, None)
        if step is not None:
            self._steps[named] = step

    # ---- what is seen ---------------------------------------------------------------------------------------------

    def _observation(self) -> NDArray[np.float32]:
        assert self.now is not None
        if self.hooks.observation is not None:
            return self.hooks.own_observation(self)
        return self.observer.encode(self.now.sensors.readings)

    # ---- interruption ---------------------------------------------------------------------------------------------

    def save_state(self) -> dict[str, Any]:
        """Everything that steps and resets change, as nested dicts of copied arrays that can be pickled.

        The building's and the rules' controllers are included as far as they name what they keep in ``memory``.
        """
        return core_snapshot(self)

    def load_state(self, saved: Mapping[str, Any]) -> None:
        """Go on from ``save_state`` of this or of another core: the same bits from here on.

        Raises
        ------
        ValueError
            Where the state is of another scenario, channel table, batch size, dtype, or version.
        """
        restore_core(self, saved)
