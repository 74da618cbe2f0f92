"""A simulated hall under a policy, and the same hall under the rules from the same start: a frame for each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from agents.page.feed import Facts, Frame, panel_facts
from agents.page.outlook import Outlook
from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan
from envs.picture.colours import INLET_SCALE
from envs.picture.hall_view import HallView, plain, view_of
from envs.picture.power_links import NODES
from envs.units import SECONDS_PER_DAY
from experiments.watching.frames import Sums, advice, against_rules, headline, panels, remarks

if TYPE_CHECKING:
    from envs.scenario import Scenario
    from experiments.evaluation.policies import PolicyMaker

AHEAD_S = 3600.0
FORETOLD = ("worst_inlet_c", "facility_power_kw")
KEPT = (*FORETOLD, "cooling_power_kw")


class WatchedHall:
    """Plays an episode again and again.

    Parameters
    ----------
    scenario : Scenario
        With the sites and the length of the episode.
    plan : callable
        Of a core: the episode.
    make, make_rules : callable
        Of a core: the policy, and the rules that it is compared with.
    title : str
        What the policy is called.
    seed : int
        Of the sensors' noise.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: EpisodePlan,
        core: DataCenterCore,
        make: PolicyMaker | None,
        make_rules: PolicyMaker,
        title: str,
        seed: int = 0,
    ) -> None:
        self.scenario, self.plan, self.title, self.seed, self.core = scenario, plan, title, seed, core
        self.policy = (make or make_rules)(core)
        self.rules_here = make_rules(core)
        self.other = DataCenterCore(scenario, 1, world=core.world) if make else None
        self.rules = make_rules(self.other) if self.other is not None else None
        day = round(SECONDS_PER_DAY / core.step_s)
        self.ahead = max(1, round(AHEAD_S / core.step_s))
        self.outlooks = {name: Outlook(self.ahead, day) for name in FORETOLD}
        self.number = 0

    def facts(self) -> Facts:
        """What stays."""
        totals = view_of(self._begun()).totals
        limits = (totals["inlet_limit_c"], totals["inlet_allowable_c"])
        return {
            "title": self.scenario.name,
            "source": f"simulated hall, run by {self.title}",
            "step_s": self.core.step_s,
            "since_epoch": False,
            "ahead": self.ahead,
            "panels": panel_facts(panels(self.core.channels, self.other is not None, limits)),
            "inlet_scale": list(INLET_SCALE),
            "nodes": NODES,
        }

    def frames(self) -> Iterator[Frame]:
        """A frame for each control step, without an end."""
        while True:
            self._begin()
            sums = Sums(0.0, 0.0)
            for _ in range(self.scenario.episode.steps):
                frame, sums = self._step(sums)
                yield frame

    def _begun(self) -> DataCenterCore:
        if self.core.state is None:
            self._begin()
        return self.core

    def _begin(self) -> None:
        for core in (self.core, self.other):
            if core is not None:
                core.reset(seed=self.seed, plan=self.plan)
        for controller in (self.policy, self.rules_here, self.rules):
            if controller is not None:
                controller.reset(1)
        day = round(SECONDS_PER_DAY / self.core.step_s)
        self.outlooks = {name: Outlook(self.ahead, day) for name in FORETOLD}

    def _step(self, sums: Sums) -> tuple[Frame, Sums]:
        measured = self.core.measurements()
        wanted, by_rule = self.policy.act(measured), self.rules_here.act(measured)
        self.core.step_setpoints(wanted)
        here, under = view_of(self.core), None
        if self.other is not None and self.rules is not None:
            self.other.step_setpoints(self.rules.act(self.other.measurements()))
            under = view_of(self.other)
        hours = self.core.step_s / 3600.0
        rules_kw = under.totals["facility_power_kw"] if under is not None else 0.0
        sums = Sums(sums.here_kwh + hours * here.totals["facility_power_kw"], sums.rules_kwh + hours * rules_kw)
        self.number += 1
        level, words = headline(here)
        frame: Frame = {
            "number": self.number,
            "time_s": here.time_s,
            "level": level,
            "headline": words,
            "mode": f"Simulation, step {int(self.core.t[0])} of {self.core.max_episode_steps}. {self._scored()}",
            "view": here.plain(),
            "advice": advice(self.core.channels, self.core.in_force, wanted, by_rule, self.core.step_s),
            "remarks": remarks(here, float(np.sum(self.core.flows.trips))),
            "rules": against_rules(here, under, sums),
            "series": plain(self._series(here, under)),
        }
        return frame, sums

    def _series(self, here: HallView, under: HallView | None) -> dict[str, float]:
        series = {name: here.totals[name] for name in KEPT}
        series |= {name: here.outside[name] for name in ("dry_bulb_c", "wet_bulb_c")}
        for name, outlook in self.outlooks.items():
            band = outlook.band(here.totals[name])
            series |= {f"{name}.low": band.low, f"{name}.high": band.high}
        for prefix, view in (("", here), ("rules.", under)):
            if view is not None:
                series |= {f"{prefix}{s.name}[{s.row}]": s.value for s in view.setpoints}
        if under is not None:
            series |= {f"rules.{name}": under.totals[name] for name in KEPT}
        return series

    def _scored(self) -> str:
        held = self.outlooks[FORETOLD[0]].held_frac
        return "" if np.isnan(held) else f"{100.0 * held:.0f} % of the last day's inlets lay in their band."
