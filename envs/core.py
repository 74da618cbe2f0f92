"""The core below the three environments: one batch of sites, stepped in physical units, judged, observed.

Owns the time, the seeds, the setpoints in force, the bill and the episode's sums. The plant below it is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from envs.building.rules import building_controller, first_setpoints
from envs.controllers.base import Controller, act_where
from envs.core_state import core_snapshot, restore_core
from envs.engine import TapedFunction
from envs.episodes.bill import Bill
from envs.episodes.control_step import Carried, ControlStep, Moved
from envs.episodes.episode import EpisodePlan, EpisodeSums, draw_plan
from envs.episodes.instruments import Instruments, Moment
from envs.episodes.world import World
from envs.faults import Availability, Fault, availability, fault_plan, nothing_lost, with_new_faults, without_sensors
from envs.hooks import Hooks
from envs.interface.action import ActionDecoder, checked_targets, next_in_force
from envs.interface.channels import table_hash
from envs.interface.observation import ObservationEncoder
from envs.interface.points import RULE, bind_points
from envs.interface.reward import total
from envs.physics.namespace import Floats
from envs.plant.datacenter import Plant
from envs.plant.plant_like import PlantLike
from envs.plant.state import PlantState
from envs.scenario import Rules, Scenario, load
from envs.scenario.checks import require_machines
from envs.shield.intervention import step_counts
from envs.shield.shield import Shield
from envs.signals.step import Load, Outside, weather_moved
from envs.trees import assign

StepResult = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], dict[str, Floats]]


class CoreOptions(TypedDict, total=False):
    """What the environments hand on to their core, see `DataCenterCore`."""

    dtype: str
    world: World | None
    plant: PlantLike | None
    hooks: Hooks | None
    rules: Rules | None
    shield: Shield | None


class DataCenterCore:
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
        self.scenario = load(scenario, overrides) if isinstance(scenario, str) else scenario
        self.num_envs = num_envs
        self.dtype = np.dtype(dtype)
        self.plant: PlantLike = plant or Plant(self.scenario, self.dtype)
        self.world = world or World.build(self.scenario)
        self.step_s = float(self.scenario.episode.step_s)
        self._bind_scenario(agent_channels, rules or self.scenario.rules)
        self.bill = Bill(self.scenario, self.step_s, self.world.mean_price_usd_mwh(self.scenario.reward.carbon_usd_t))
        self.instruments = Instruments(self.scenario, self.plant, self.observer)
        step = ControlStep(self.scenario, self.plant, self.channels, self.agent_channels, self.bill, self.instruments)
        self._advance = step if plant else TapedFunction(step, key=step.key)  # only a pure step can be recorded
        self.hooks, self.shield = hooks or Hooks(), shield
        self.observation_names = self.hooks.observation_names or self.observer.element_names
        self.action_names = self.decoder.element_names
        self.observation_size, self.action_size = len(self.observation_names), self.decoder.size
        self.max_episode_steps = int(self.scenario.episode.steps)
        self.state: PlantState | None = None
        self.in_force: dict[str, Floats] = {}
        self._seed = int(np.random.SeedSequence().generate_state(1)[0])
        self._rngs: list[np.random.Generator] = []
        self._episode = np.zeros(num_envs, np.int64)

    def _bind_scenario(self, agent_channels: Sequence[str] | None, rules: Rules) -> None:
        s, lay = self.scenario, self.plant.layout
        self.channels = tuple(lay.channels.values())
        held = s.agent_channels if agent_channels is None else agent_channels
        self.agent_channels = tuple(c for c in self.channels if c.name in held)
        if not self.agent_channels:
            raise ValueError(
                f"agent_channels = {list(held)}: none is in scenario {s.name!r}, which has {list(lay.channels)}"
            )
        self.decoder = ActionDecoder(self.agent_channels, lay.row_rated_kw, lay.rack_budget_kw / s.capper.target_frac)
        self.observer = ObservationEncoder(bind_points(lay.rows, lay.present, self.channels))
        self.channel_hash = table_hash(self.agent_channels)
        self.rules: Controller = building_controller(s, lay, [c.name for c in self.channels])
        self._on_the_rule = [c.name for c in self.channels if c.encoding == "residual"]
        names = [c.name for c in self.channels]
        best = replace(s, rules=rules) if self._on_the_rule else s
        self.followed: Controller = building_controller(best, lay, names if self._on_the_rule else [])
        self.building: Controller = building_controller(
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
        if self.state is None or mask is None:
            mask = np.ones(self.num_envs, bool)
        elif np.shape(mask) != (self.num_envs,):
            raise ValueError(
                f"reset mask has shape {np.shape(mask)}; give one flag for each of {self.num_envs} environments"
            )
        mask = np.asarray(mask, bool)
        if seed is not None or not self._rngs:
            self._reseed(self._seed if seed is None else seed, mask)
        where = np.flatnonzero(mask)
        fresh_plan = (
            plan
            if plan is not None
            else draw_plan(self.scenario, self.world, [self._rngs[i] for i in where], self._episode[where])
        )
        self._episode[where] += 1
        self._start(where, fresh_plan)
        self.building.reset(self.num_envs, mask)
        self.rules.reset(self.num_envs, mask)
        self.followed.reset(self.num_envs, mask)
        if self.shield is not None:
            self.shield.reset(self.num_envs, mask)
        return self._observe(None if mask.all() else mask)

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
        if not self._rngs:
            self._rngs = [np.random.default_rng(self._seed + i) for i in range(self.num_envs)]
        for i, s in enumerate(seeds):
            if mask[i] and s is not None:
                self._rngs[i] = np.random.default_rng(int(s))
                self._episode[i] = 0

    def _start(self, where: NDArray[np.intp], plan: EpisodePlan) -> None:
        zero = np.zeros(len(where), np.int64)
        outside, load = self.world.at(plan, zero, self.dtype)
        in_force = first_setpoints(self.scenario, self.channels, outside.wet_bulb_c, self.dtype)
        lost = nothing_lost(len(where), self.plant.layout.n_zones, self.dtype)
        state, flows = self.plant.steady_state(outside, load, in_force, lost, plan.warmth_k, plan.soc)
        flows = flows._replace(backlog=flows.backlog * 0.0)  # nothing waits when an episode begins
        if self.state is None or len(where) == self.num_envs:
            self.plan, self.state, self.in_force, self.flows = plan, state, in_force, flows
            self._state_at_start = state
            self.t = np.zeros(self.num_envs, np.int64)
            self.sums = EpisodeSums(self.num_envs)
        else:
            self.plan = assign(self.plan, plan, where)
            self.state = assign(self.state, state, where)
            self._state_at_start = assign(self._state_at_start, state, where)
            self.in_force = assign(self.in_force, in_force, where)
            self.flows = assign(self.flows, flows, where)
            self.t = self.t.copy()
            self.t[where] = 0
            self.sums.clear(where)
        self._inlet_before = self.flows.zone_inlet_max_c
        self.bill.start(plan, where, self.num_envs, self.dtype)
        self._plan_faults(where, plan)
        self._update_signals()

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

    def _update_signals(self) -> None:
        """Signals and losses of the coming step."""
        self.outside, self._load, self.lost = self._signals(self.t)

    def _signals(self, t: NDArray[np.int64]) -> tuple[Outside, Load, Availability]:
        """As of step ``t (B,)``."""
        outside, load = self.world.at(self.plan, t, self.dtype)
        lost = availability(self.faults, t * self.step_s)
        if self.faults.has_faults:
            outside = weather_moved(outside, lost.dry_bulb_add_c, lost.wet_bulb_add_c)
            left = lost.load_frac
            load = load._replace(activity=load.activity * left, swing=None if load.swing is None else load.swing * left)
        return outside, load, lost

    # ---- steps ----------------------------------------------------------------------------------------------------

    def step(self, actions: NDArray[np.floating]) -> StepResult:
        """One control step from actions ``(B, n)`` in [-1, 1].

        Returns
        -------
        tuple
            Observations ``(B, n)``, rewards ``(B,)``, truncation flags ``(B,)``, cost terms [USD] ``{name: (B,)}``.
        """
        if self.state is None:
            raise ValueError("step before reset; call reset first")
        wet_bulb_c, demand_share = self.measured["wet_bulb_c"][0], self.measured["row_demand_share"]
        demand_kw = demand_share * self.plant.layout.row_rated_kw
        rule = {name: self.measured[RULE + name] for name in self._on_the_rule}
        return self._step(self.decoder.decode(actions, self.in_force, wet_bulb_c, demand_kw, self.step_s, rule))

    def step_setpoints(self, targets: Mapping[str, Floats]) -> StepResult:
        """One control step from physical targets ``{channel: (k, B)}``; the building runs what is not named.

        Raises
        ------
        ValueError
            Where no episode has begun, or a target is of no channel, masked, not finite or of another shape. Then
            nothing has changed.
        """
        if self.state is None:
            raise ValueError("step before reset; call reset first")
        return self._step(checked_targets(self.channels, targets, self.num_envs))

    def _step(self, given: Mapping[str, Floats]) -> StepResult:
        assert self.state is not None
        targets = self._all_targets({**self.building.act(self.measured), **given})
        if self.shield is not None:  # range and slew hold without one too: they are no interventions
            reached = next_in_force(self.channels, targets, self.in_force, self.step_s)
            targets, changes = self.shield.guarded(reached, self.measured)
            self.sums.count(step_counts(changes, self.num_envs))
        t = self.t + 1
        signals = self._signals(t)
        carried, stepped = self._advance(
            Carried(self.state, self.in_force, self._inlet_before, self.bill.state),
            Moved(targets, self.outside, self._load, without_sensors(self.lost), self.t,
                  self.bill.window_ends(t, self.dtype), signals[0]),
        )  # fmt: skip
        self.state, self.in_force, self._inlet_before, self.bill.state = carried
        self.flows, self.t = stepped.flows, t
        truncated = self.t >= self.scenario.episode.steps
        cost = stepped.cost | {"closing": self._closing_cost(truncated)}
        if self.hooks.reward is None:
            reward = total(cost, self.scenario.reward_weights, self.scenario.reward.scale_usd).astype(np.float32)
        else:
            reward = self.hooks.own_reward(self, cost)
        self.sums.add(stepped.sums, self.flows, cost, reward)
        self.outside, self._load, self.lost = signals
        return self._observe(points=stepped.points), reward, truncated, cost

    def _all_targets(self, wanted: Mapping[str, Any]) -> dict[str, Floats]:
        """What is wanted of every channel ``{channel: (k, B)}``; a channel that nobody moves stays."""
        made: dict[str, Floats] = {}
        for c in self.channels:
            value = np.asarray(wanted.get(c.name, self.in_force[c.name]), self.dtype)
            shape = (c.rows, self.num_envs)
            made[c.name] = value if value.shape == shape else np.broadcast_to(value, shape)
        return made

    def _closing_cost(self, truncated: NDArray[np.bool_]) -> Floats:
        """What is left at the end, priced against the start: battery charge and stored heat [USD]."""
        if not truncated.any():
            return np.zeros(self.num_envs, self.dtype)
        assert self.state is not None
        stored = self.plant.stored_energy(self.state, self._state_at_start)
        return (self.bill.closing_cost(stored, self.plan.site) * truncated).astype(self.dtype)

    # ---- what is seen ---------------------------------------------------------------------------------------------

    def _observe(self, only: NDArray[np.bool_] | None = None, points: Floats | None = None) -> NDArray[np.float32]:
        """Read every point through the sensors; ``points`` are the true ones where the step gave them."""
        if points is None:
            assert self.state is not None
            moment = Moment(self.flows, self.state, self.in_force, self.outside)
            points = self.instruments.true_points(moment, self.bill.state)
        block = self.instruments.read(points, self.lost, self.plan, self.t, only)
        if self._on_the_rule:
            fresh = np.ones(self.num_envs, bool) if only is None else only
            block = self.instruments.ruled(act_where(self.followed, self.observer.unstack(block), fresh), fresh)
        self.measured = self.observer.unstack(block)
        return self.observer.encode(block) if self.hooks.observation is None else self.hooks.own_observation(self)

    def measurements(self) -> Mapping[str, Floats]:
        """Every point after the sensor layer, ``{name: (k, B)}``, physical units; neither can be written."""
        return MappingProxyType(self.measured)

    def episode_statistics(self) -> dict[str, NDArray[np.float64]]:
        """Sums of the running episodes ``{name: (B,)}``: return ``r``, length ``l``, costs, energy, work."""
        return self.sums.by_name(self.t)

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
