"""Campuses while they are played: jobs wait, travel and run; a rule looks at each campus from time to time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.core import DataCenterCore
from envs.episodes.episode import EpisodePlan
from envs.episodes.world import World
from envs.interface.reward import CLOSING_DELAY_H
from envs.scenario import Scenario
from envs.scheduling.job_table import EMPTY, RUNNING, WAITING, Bools, Floats, Ints
from envs.scheduling.transfers import Carried
from envs.signals.step import Outside
from experiments.campuses.campus_parts import Campus
from experiments.campuses.cards import Cards
from experiments.campuses.moment import Moment, free_accelerators
from experiments.campuses.records import Records
from experiments.campuses.rules import Rule

LEAST_PACE = 0.05
FULL_PACE = 0.97  # below it the feeder's caps are taken to bind
PRICE_HOURS = 48  # that a rule may read ahead: what a day-ahead market tells, and the day behind it
BOOKS = (
    "energy_usd", "carbon_usd", "wire_usd", "delay_usd", "lost_usd",
    "done_h", "carbon_t", "moves", "wire_tb", "residual_h",
)  # fmt: skip


class Travelling(NamedTuple):
    """Jobs on the wire.

    Attributes
    ----------
    jobs : Carried
    to : ndarray of int (M,)
        Row of the batch.
    there_s : ndarray (M,)
        When their data are there [s], by the clock of their campus.
    """

    jobs: Carried
    to: Ints
    there_s: Floats


class CampusDay:
    """C campuses of S sites; site s of campus c stands at row c S + s of the batch.

    Parameters
    ----------
    scenario : Scenario
    campus : Campus
    world : World
    plan : EpisodePlan
    cards : sequence of Cards
        By campus.
    rule : Rule
    every_s : float
        Between two looks of the rule [s].
    least_work_h : float
        Waiting jobs with less work are left where they are [accelerator-h].
    records : Records, optional
        Gets each start and move.
    """

    def __init__(
        self,
        scenario: Scenario,
        campus: Campus,
        world: World,
        plan: EpisodePlan,
        cards: Sequence[Cards],
        rule: Rule,
        every_s: float,
        least_work_h: float,
        records: Records | None = None,
    ) -> None:
        self.records = records
        self.campus, self.cards, self.rule, self.least_work_h = campus, cards, rule, least_work_h
        self.sites, self.price = len(campus.sites), scenario.reward
        self.core = DataCenterCore(scenario, len(plan.site), world=world)
        self.core.reset(seed=0, plan=plan)
        assert self.core.jobs is not None
        self.jobs = self.core.jobs
        self.step_h = self.core.step_s / 3600.0
        self.looks_every = max(round(every_s / self.core.step_s), 1)
        self.steps = 0
        self.travelling: list[Travelling] = []
        self.uplink_free_s = np.full(len(plan.site), -np.inf)
        self.pace = np.ones(len(plan.site))
        self.kw = np.zeros(len(plan.site))
        self.limit_kw = float(np.min(self.core.plant.layout.provisioned_kw))
        self.books = {name: np.zeros(len(cards)) for name in BOOKS}
        self._asked_h = self._ledger("asked")
        self._taken = np.array(self.jobs.jobs.arrivals.taken)

    def _ledger(self, name: str) -> Floats:
        return np.array(getattr(self.jobs.jobs.ledger, name).sum(axis=0))

    def _by_campus(self, values: Floats) -> Floats:
        return np.asarray(values.reshape(-1, self.sites).sum(axis=1))

    # ---- a step ---------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let in who has arrived, ask the rule where it is time, and play a control step under the building's rules."""
        self._arrive()
        if self.steps and self.steps % self.looks_every == 0:
            for campus in range(len(self.cards)):
                self._look(campus)
        outside, done_h, began_s = self.core.outside, self._ledger("done"), self.jobs.now_s.copy()
        if self.records is not None:
            self.records.before(self.jobs.jobs.table, began_s)
        _, _, _, cost = self.core.step_setpoints(self.core.rules.act(self.core.measurements()))
        if self.records is not None:
            self.records.after(self.jobs.jobs.table, began_s, self.jobs.now_s)
        done_h = self._ledger("done") - done_h
        busy_h = np.maximum(self.jobs.jobs.table.taken * self.step_h, 1e-9)
        self.pace = np.clip(done_h / busy_h, LEAST_PACE, 1.0)
        self.kw = np.array(self.core.flows.grid_power_kw, np.float64)
        self._book(outside, {name: np.array(cost[name], np.float64) for name in ("work_delayed", "work_lost")}, done_h)
        self.steps += 1

    def _book(self, outside: Outside, cost: dict[str, Floats], done_h: Floats) -> None:
        kwh = self.kw * self.step_h
        carbon_t = kwh * outside.carbon_g_kwh * 1e-6
        added = {
            "energy_usd": kwh * outside.price_usd_mwh * 1e-3,
            "carbon_usd": carbon_t * self.price.carbon_usd_t,
            "carbon_t": carbon_t,
            "delay_usd": cost["work_delayed"] + self._on_the_wire_h() * self.price.training_delay_usd_h2 * self.step_h,
            "lost_usd": cost["work_lost"],
            "done_h": done_h,
        }
        for name, value in added.items():
            self.books[name] += self._by_campus(np.asarray(value, np.float64))

    def _on_the_wire_h(self) -> Floats:
        """Work that travels to each row ``(B,)`` [accelerator-h]."""
        found = np.zeros(len(self.pace))
        for some in self.travelling:
            np.add.at(found, some.to, some.jobs.left_h)
        return found

    def _arrive(self) -> None:
        """Jobs whose data are there enter their site, where there is a slot."""
        still = []
        for some in self.travelling:
            there = some.there_s <= self.jobs.now_s[some.to]
            waits = ~there
            if there.any():
                waits[np.flatnonzero(there)] = ~self.jobs.receive(some.jobs.part(there), some.to[there])
            if waits.any():
                still.append(Travelling(some.jobs.part(waits), some.to[waits], some.there_s[waits]))
        self.travelling = still

    def closed_books(self) -> dict[str, Floats]:
        """What was paid and done, once the work that has not run is priced and the ledger checked.

        Work that waits or travels at the end is put off by `CLOSING_DELAY_H`, as in the reward.
        """
        table, arrivals = self.jobs.jobs.table, self.jobs.jobs.arrivals
        waiting_h = np.where(table.state == WAITING, table.left_h, 0.0).sum(axis=0) + self._on_the_wire_h()
        books = {name: value.copy() for name, value in self.books.items()}
        books["delay_usd"] += self._by_campus(waiting_h) * self.price.training_delay_usd_h2 * CLOSING_DELAY_H
        come_h = np.array([
            arrivals.facts.work_h[first:last, of].sum()
            for first, last, of in zip(self._taken, arrivals.taken, arrivals.of)
        ])  # fmt: skip
        stands_h = self._ledger("asked") - self._ledger("redone") + self._on_the_wire_h()
        books["residual_h"] = self._by_campus(self._asked_h + come_h - stands_h)
        return books

    # ---- what moves -----------------------------------------------------------------------------------------------

    def _look(self, campus: int) -> None:
        """Send the jobs of a campus where the rule says."""
        moment, slots, cards = self._moment(campus)
        wanted = self.rule.sites(moment)[: len(slots)]
        moves = wanted != moment.site[: len(slots)]
        if moves.any():
            self._send(campus, slots[moves], moment.site[: len(slots)][moves], wanted[moves], cards, moves)

    def _send(self, campus: int, slots: Ints, stands: Ints, goes: Ints, cards: Cards, moves: Bools) -> None:
        first = campus * self.sites
        some = cards.part(np.flatnonzero(moves))
        forbidden = ~some.may_go[np.arange(len(goes)), goes]
        if forbidden.any():
            raise ValueError(f"the rule sends {forbidden.sum()} jobs to sites on which they may not run")
        carried = self.jobs.send((slots, first + stands))
        there_s = np.empty(len(goes))
        for nth, (row, data_gb) in enumerate(zip((first + stands).tolist(), some.data_gb.tolist())):
            begins_s = max(self.uplink_free_s[row], self.jobs.now_s[row])
            self.uplink_free_s[row] = there_s[nth] = begins_s + data_gb / self.campus.wire.gb_s
        self.travelling.append(Travelling(carried, first + goes, there_s))
        if self.records is not None:
            self.records.moved(campus, carried, stands, goes, float(self.jobs.now_s[first]), there_s)
        self.books["moves"][campus] += len(goes)
        self.books["wire_tb"][campus] += some.data_gb.sum() * 1e-3
        self.books["wire_usd"][campus] += some.data_gb.sum() * self.campus.wire.usd_gb

    # ---- what a rule sees -----------------------------------------------------------------------------------------

    def _moment(self, campus: int) -> tuple[Moment, Ints, Cards]:
        """What the rule sees of a campus; the slots of its waiting jobs, which stand first; and all cards."""
        rows = np.arange(campus * self.sites, (campus + 1) * self.sites)
        table = self.jobs.jobs.table
        slot, site = np.nonzero((table.state[:, rows] == WAITING) & (table.left_h[:, rows] >= self.least_work_h))
        at = slot, rows[site]
        size, left_h, submit_s = table.facts.accelerators[at], table.left_h[at], table.facts.submit_s[at]
        comes_h = np.zeros(len(slot))
        if self.rule.looks_ahead_h:
            more = self._coming(campus, rows)
            site, size, left_h, submit_s, comes_h = (
                np.concatenate(pair) for pair in zip((site, size, left_h, submit_s, comes_h), more)
            )
        cards = self.cards[campus].of(submit_s)
        here = np.arange(self.sites) == site[:, None]
        wire = self.campus.wire
        wait_h = np.maximum(self.uplink_free_s[rows] - self.jobs.now_s[rows], 0.0)[site] / 3600.0
        travel_h = np.where(here, 0.0, (wait_h + cards.data_gb / wire.gb_s / 3600.0)[:, None])
        move_usd = np.where(here, 0.0, np.where(cards.may_go, (cards.data_gb * wire.usd_gb)[:, None], np.inf))
        kw = self.kw[rows] / np.maximum(table.taken[rows], 1)
        usd_mwh, carbon_g_kwh = self._prices(rows)
        free, powered, slow_usd_h = (np.stack(x) for x in zip(*(self._room(row) for row in rows.tolist())))
        moment = Moment(
            site=site,
            size=size.astype(np.float64),
            lasts_h=left_h[:, None] / np.maximum(size, 1)[:, None] / self.pace[rows],
            comes_h=comes_h,
            wait_usd_h=left_h * self.price.training_delay_usd_h2,
            move_usd=move_usd,
            travel_h=travel_h,
            free=free,
            powered=powered,
            slow_usd_h=slow_usd_h,
            usd_h=kw[:, None] * (usd_mwh + carbon_g_kwh * self.price.carbon_usd_t * 1e-3) * 1e-3,
            carbon_kg_h=kw * carbon_g_kwh[:, 0] * 1e-3,
        )
        return moment, slot, cards

    def _coming(self, campus: int, rows: Ints) -> tuple[Floats, ...]:
        """Site, size, work, submit time and hours until it, of the jobs that come within the hours the rule knows."""
        arrivals, now_s = self.jobs.jobs.arrivals, self.jobs.now_s
        parts = []
        for site, row in enumerate(rows.tolist()):
            nth, of = int(arrivals.taken[row]), int(arrivals.of[row])
            submit_s = arrivals.facts.submit_s[nth:, of]
            until = int(np.searchsorted(submit_s, now_s[row] + 3600.0 * self.rule.looks_ahead_h))
            work_h, size = (x[nth : nth + until, of] for x in (arrivals.facts.work_h, arrivals.facts.accelerators))
            large = work_h >= self.least_work_h
            comes_h = (submit_s[:until][large] - now_s[row]) / 3600.0
            parts.append((np.full(large.sum(), site), size[large], work_h[large], submit_s[:until][large], comes_h))
        return tuple(np.concatenate(column) for column in zip(*parts))

    def _room(self, row: int) -> tuple[Floats, Floats, float]:
        """A site's `Moment.free`, `Moment.powered` ``(T,)`` and `Moment.slow_usd_h`."""
        table = self.jobs.jobs.table
        runs = np.flatnonzero((table.state[:, row] != EMPTY) & (table.state[:, row] != WAITING))
        size, left_h = table.facts.accelerators[runs, row].astype(np.float64), table.left_h[runs, row]
        pace = np.where(table.state[runs, row] == RUNNING, self.pace[row], LEAST_PACE)
        ends_h = left_h / np.maximum(size, 1.0) / pace + table.restart_left_s[runs, row] / 3600.0
        free = free_accelerators(float(table.free[:, row].sum()), size, ends_h)
        busy = max(float(size.sum()), 1.0)
        is_capped = self.pace[row] < FULL_PACE
        carried = busy * self.pace[row] if is_capped else busy * self.limit_kw / max(self.kw[row], 1e-9)
        powered = free_accelerators(carried - busy, size, ends_h)
        return free, powered, float(left_h.sum() / busy) * self.price.training_delay_usd_h2

    def _prices(self, rows: Ints) -> tuple[Floats, Floats]:
        """Price [USD/MWh] and carbon [g/kWh] of the coming hours ``(S, H)``, as a day-ahead market tells them."""
        world, plan = self.core.world, self.core.plan
        hour = round(1.0 / self.step_h)
        steps = plan.site_start[rows][:, None] + self.steps + hour * np.arange(PRICE_HOURS)
        at = plan.site[rows][:, None] * world.site_steps + steps % world.site_steps
        found = (world.site_pool[at, Outside._fields.index(name)] for name in ("price_usd_mwh", "carbon_g_kwh"))
        price, carbon = (x.astype(np.float64) for x in found)
        return price, carbon
