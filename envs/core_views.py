"""What a core shows of itself: its state wherever it stands, and the signals of the coming step."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.engine import Held, TapedFunction
from envs.episodes.core_step import CoreState, Given, shown_rows
from envs.episodes.episode import EpisodePlan, EpisodeSums
from envs.episodes.hall_jobs import HallJobs
from envs.episodes.serving_latency import ServingLatency
from envs.episodes.signal_tables import SignalPools
from envs.episodes.world import World
from envs.faults import Availability, FaultPlan, availability
from envs.guard import Guard
from envs.hooks import Hooks
from envs.interface.observation import ObservationEncoder
from envs.physics.namespace import Floats
from envs.plant.flows import Flows
from envs.plant.state import PlantState
from envs.signals.step import Load, Outside, weather_moved


class CoreViews:
    """The part of a core that is read: after a step by machine code nothing of it is made before it is asked for."""

    world: World
    plan: EpisodePlan
    faults: FaultPlan
    hooks: Hooks
    guard: Guard | None
    jobs: HallJobs | None
    serving: ServingLatency | None
    observer: ObservationEncoder
    dtype: np.dtype
    step_s: float

    def _begin_with_nothing(self) -> None:
        """No episode has begun."""
        self._now: Any = None  # a CoreState, or where machine code holds one
        self._done: Any = None
        self._flows: Flows | None = None
        self._measured: dict[str, Floats] | None = None
        self._current: tuple[Outside, Load, Availability] | None = None
        self._set = False  # whether somebody has put other signals in their place

    def _require_begun(self) -> None:
        if self._now is None:
            raise ValueError("step before reset; call reset first")

    def _require_no_jobs(self) -> None:
        if self.jobs is not None:
            raise ValueError("jobs are scheduled outside the pure step; use a scenario without jobs")

    def _field(self, name: str) -> Any:
        """A field of the state."""
        return self._now.field(name) if isinstance(self._now, Held) else getattr(self._now, name)

    # ---- state ------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> CoreState | None:
        """All that steps change, as it is now; None before the first reset."""
        return self._now.tree if isinstance(self._now, Held) else self._now

    @now.setter
    def now(self, state: CoreState) -> None:
        self._now, self._measured = state, None

    @property
    def flows(self) -> Flows:
        """What the plant did in the last step."""
        if self._flows is None:
            self._flows = self._done.flows
        return self._flows

    @flows.setter
    def flows(self, flows: Flows) -> None:
        self._flows, self._done = flows, None

    @property
    def outside(self) -> Outside:
        """Signals of the coming step; after it was made, of the one that follows."""
        return self._signals_now()[0]

    @property
    def _load(self) -> Load:
        """Load of the coming step."""
        return self._signals_now()[1]

    @_load.setter
    def _load(self, load: Load) -> None:
        outside, _, lost = self._signals_now()
        self._current, self._set = (outside, load, lost), True

    @property
    def lost(self) -> Availability:
        """What faults take in the coming step."""
        return self._signals_now()[2]

    def _signals_now(self) -> tuple[Outside, Load, Availability]:
        if self._current is None:
            self._current = self._signals(self.t)
        return self._current

    @property
    def shown(self) -> Floats:
        """What is shown of each site now: rows of `envs.episodes.core_step.SHOWN` ``(k, B)``."""
        if self._done is None:  # an episode that was just begun or restored
            return shown_rows(self.flows, self.outside)
        rows: Floats = self._done.shown
        return rows

    @property
    def state(self) -> PlantState | None:
        """State of the plant; None before the first reset."""
        return None if self._now is None else self._field("plant")

    @property
    def in_force(self) -> dict[str, Floats]:
        """Setpoints in force ``{channel: (k, B)}``."""
        return {} if self._now is None else self._field("in_force")

    @property
    def t(self) -> NDArray[np.int64]:
        """Control steps since each episode began ``(B,)``."""
        self._require_begun()
        return self._field("t")

    @property
    def sums(self) -> EpisodeSums:
        """Sums of the running episodes."""
        self._require_begun()
        return self._field("sums")

    @property
    def measured(self) -> dict[str, Floats]:
        """Every point after the sensor layer, ``{name: (k, B)}``, physical units; the arrays cannot be written."""
        if self._measured is None:
            self._require_begun()
            block = self._field("sensors").readings.view()
            block.flags.writeable = False
            self._measured = self.observer.unstack(block)
        return self._measured

    def measurements(self) -> Mapping[str, Floats]:
        """Every point after the sensor layer, ``{name: (k, B)}``, physical units; neither can be written."""
        return MappingProxyType(self.measured)

    def episode_statistics(self) -> dict[str, NDArray[np.float64]]:
        """Sums of the running episodes ``{name: (B,)}``: return ``r``, length ``l``, costs, energy, work."""
        judged = {} if self.serving is None else self.serving.by_name()
        return self.sums.by_name(self.t) | judged | ({} if self.guard is None else self.guard.by_name())

    # ---- jobs -------------------------------------------------------------------------------------------------------

    def _with_jobs(self, given: Given) -> Given:
        """What a step is given, with what its jobs ask of the racks."""
        if self.jobs is None:
            return given
        return given._replace(jobs=self.jobs.load(self.flows, self._field("plant").alive, self.jobs.wishes(given)))

    def _book_jobs(self) -> None:
        """Run the jobs through the step that was made, and write their part into what it left."""
        if self.jobs is not None:
            self.jobs.book(self._done, self._field("plant").pace, self.sums, self.hooks.reward is None)
            self._show_queue()

    def _show_queue(self) -> None:
        """Write the queue into the readings."""
        if self.jobs is not None:
            self.jobs.show(self._field("sensors").readings)

    def _with_queue(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Observations ``(B, n)`` with the queue written in."""
        if self.jobs is not None:
            self.jobs.show_observed(observation, self._field("sensors").readings)
        return observation

    # ---- serving ----------------------------------------------------------------------------------------------------

    @property
    def late_work_h(self) -> NDArray[np.float64]:
        """Work of the last step served later than ``site.token_target_ms`` ``(B,)`` [accelerator-h]; 0 without one."""
        return np.zeros(len(self.t)) if self.serving is None else self.serving.late_h

    def _asked_of_serving(self) -> Load | None:
        """Load of the coming step, where its serving will be judged."""
        return None if self.serving is None else self._load

    def _judge_serving(self, asked: Load | None) -> None:
        """Judge the serving of the step that was made; ``asked`` is what it was asked to do."""
        if self.serving is not None and asked is not None:
            self.serving.judge(asked, self._field("plant").pace)

    # ---- signals ----------------------------------------------------------------------------------------------------

    def _update_signals(self) -> None:
        """Find the signals of the coming step anew: episodes have begun, or faults are others."""
        self._current, self._set = None, False
        self._place_again()

    def _place_again(self) -> None:
        """Find the places of the signals: pools that were made longer have moved them."""
        assert self.now is not None
        self.now = self.now._replace(place=self.world.place(self.plan, self.t))
        self._pool_steps = self.world.load_steps
        self._last_load_step = int((self.plan.load_start + self.t).max())

    def _signals(self, t: NDArray[np.int64]) -> tuple[Outside, Load, Availability]:
        """Signals and losses of step ``t (B,)``."""
        outside, load = self.world.at(self.plan, t, self.dtype)
        lost = availability(self.faults, t * self.step_s)
        if self.faults.has_faults:
            outside = weather_moved(outside, lost.dry_bulb_add_c, lost.wet_bulb_add_c)
            left = lost.load_frac
            load = load._replace(activity=load.activity * left, swing=None if load.swing is None else load.swing * left)
        return outside, load, lost

    def _readable_pools(self, step: object) -> SignalPools | None:
        """Tables in which machine code finds the signals itself; None where faults change them, or somebody has."""
        if not isinstance(step, TapedFunction) or step.engine != "llvm":
            return None
        if self._set or self.faults.has_faults or self.hooks.reward is not None:
            return None
        world, steps = self.world, self._pool_steps
        if world.load_steps != steps or (self._last_load_step >= steps and world.longer is not None):
            self._place_again()
        return world.pools()
