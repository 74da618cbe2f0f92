"""A simulated hall as a building: it runs by its own rules, and a setpoint can be put over them and taken back."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from agents.encoding import best_rules
from agents.live.clock import Clock
from agents.live.reading import Key
from agents.live.units import IN_FORCE
from envs.building.rules import building_controller
from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan
from envs.interface.channel import Channel
from envs.interface.points import RULE, Point
from envs.scenario import Scenario


class SimulatedHall:
    """One site of the simulator, stepped from outside.

    The site's own controller is the best rule there is. It goes on in the background while a setpoint is commanded, so
    that a release hands over to a controller that has been watching.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        Of the episode.
    core : DataCenterCore, optional
        Another core of the scenario, such as one on EnergyPlus.
    plan : EpisodePlan, optional
        Explicit episode instead of a drawn one.
    """

    def __init__(
        self, scenario: Scenario, seed: int = 0, core: DataCenterCore | None = None, plan: EpisodePlan | None = None
    ) -> None:
        self.core = core or DataCenterCore(scenario, 1)
        self.core.reset(seed=seed, plan=plan)
        layout = self.core.plant.layout
        ruled = replace(scenario, rules=best_rules(scenario))
        self.is_noisy = scenario.sensors.temperature_noise_k > 0.0
        self.own = building_controller(ruled, layout, [c.name for c in self.core.channels])
        self.own.reset(1)
        self.commands: dict[Key, float] = {}
        self.steps = 0
        self._lock = threading.RLock()
        self._values = self._read()

    @property
    def step_s(self) -> float:
        """Seconds of a step."""
        return self.core.step_s

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Setpoints of the hall."""
        return self.core.channels

    def points(self) -> list[Point]:
        """Points of the hall; neither setpoints in force nor what a rule would set."""
        return [p for p in self.core.observer.points if not p.name.startswith((RULE, IN_FORCE))]

    def values(self) -> dict[Key, float]:
        """Every point by name and row; a commanded setpoint in force shows what was commanded."""
        with self._lock:
            shown = {Key(IN_FORCE + key.name, key.row): value for key, value in self.commands.items()}
            return self._values | shown

    def command(self, key: Key, value: float) -> None:
        """Put a setpoint over the site's own, from the next step on."""
        with self._lock:
            self.commands[key] = float(value)

    def relinquish(self, key: Key) -> None:
        """Leave a setpoint to the site's own controller."""
        with self._lock:
            self.commands.pop(key, None)

    def advance(self) -> None:
        """One control step."""
        with self._lock:
            targets = {
                name: np.array(value, np.float64) for name, value in self.own.act(self.core.measurements()).items()
            }
            for key, value in self.commands.items():
                targets[key.name][key.row] = value
            self.core.step_setpoints(targets)
            self.steps += 1
            self._values = self._read()

    def _read(self) -> dict[Key, float]:
        return {
            Key(name, row): float(value)
            for name, values in self.core.measurements().items()
            if not name.startswith(RULE)
            for row, value in enumerate(values[:, 0])
        }


class PacedHall:
    """A hall that keeps step with a clock.

    Parameters
    ----------
    hall : SimulatedHall
    clock : Clock
    """

    def __init__(self, hall: SimulatedHall, clock: Clock) -> None:
        self.hall, self.clock = hall, clock
        self._stepped_s = clock.now()

    def catch_up(self) -> int:
        """Make the steps that are due; how many."""
        made = 0
        while self._stepped_s + self.hall.step_s <= self.clock.now() + 1e-6:
            self.hall.advance()
            self._stepped_s += self.hall.step_s
            made += 1
        return made

    @property
    def next_s(self) -> float:
        """When the next step is due [s]."""
        return self._stepped_s + self.hall.step_s

    def values(self) -> dict[Key, float]:
        """As of now."""
        self.catch_up()
        return self.hall.values()

    def command(self, key: Key, value: float) -> None:
        """Put a setpoint over the site's own."""
        self.hall.command(key, value)

    def relinquish(self, key: Key) -> None:
        """Leave a setpoint to the site's own controller."""
        self.hall.relinquish(key)
