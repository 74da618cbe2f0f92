"""The live loop: read, check, act, shield, write, read back, record, and score its own last predictions.

Whatever goes wrong ends in one place, `LiveLoop.fail`: the points go back to the site's own controller, an alarm is
raised, and the loop goes on to watch until it was healthy for long enough to take them back.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping

from agents.live.checks import InputCheck, Measurements
from agents.live.decider import Decision, flat
from agents.live.decision_log import Value
from agents.live.parts import Command, Parts, Proposal
from agents.live.predictions import Predictor, effect_words
from agents.live.reading import Key, WriteNote
from agents.live.record import CycleRow
from agents.live.repeats import Repeats
from agents.live.settings import ServeSettings
from agents.live.taken import Taken
from agents.live.units import IN_FORCE
from agents.live.why import Reasons, moves

RELEASE_AGAIN_S = 10.0
CLOCK_SET_S = 5.0  # of the wall: a larger step of its clock between two cycles is a fault
SHADOW, ADVISING, IN_CONTROL, RELEASED = "shadow", "advising", "in control", "released"
STATES = (SHADOW, ADVISING, IN_CONTROL, RELEASED)


class LiveLoop:
    """Runs a policy on a building.

    Parameters
    ----------
    parts : Parts
    settings : ServeSettings
    """

    def __init__(self, parts: Parts, settings: ServeSettings) -> None:
        self.parts, self.settings = parts, settings
        self.cycle_s = settings.cycle_s or parts.decider.step_s
        self.check = InputCheck(parts.site, settings.stale_s)
        self.reasons = Reasons(parts.decider)
        self.predictor = Predictor(parts.decider.points(), [c.name for c in parts.decider.channels])
        self.deadbands = {c.name: c.deadband for c in parts.decider.channels}
        self.reach = {c.name: c.high - c.low for c in parts.decider.channels}
        self.commands: queue.Queue[Command] = queue.Queue()
        self.wake = threading.Event()
        self.stopping = False
        self.number = 0
        self.state = {"shadow": SHADOW, "advise": ADVISING, "auto": IN_CONTROL}[settings.mode]
        self.fault = ""
        self.last_row: dict[str, Value] = {}
        self.last_cycle: dict[str, Value] = {}
        self.watchers: list[Callable[[], None]] = []
        self.last_end = -math.inf
        self.held: dict[Key, float] = {}
        self.proposal: Proposal | None = None
        self.faults = self.releases = self.interventions = 0
        self.release_pending = self.until_resumed = False
        self.repeats = Repeats()
        self.taken = Taken(parts.connector, self.tolerance)
        self.let_go_s = math.nan  # since when it has let go, where it should hold points or advise
        self._must_reset = True
        self._healthy_since: float | None = None
        self._wall_ahead: float | None = None

    # ---- its life -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Cycle until it is stopped, then hand the points back."""
        clock = self.parts.clock
        due = clock.elapsed()
        try:
            while not self.stopping:
                self.cycle(clock.now() - (clock.elapsed() - due))
                if self.settings.cycles and self.number >= self.settings.cycles:
                    break
                due = max(due + self.cycle_s, clock.elapsed())
                self._wait(due)
        finally:
            self.end()

    def end(self) -> None:
        """Hand the points back and say farewell to the watchdog, unless the release failed: then it goes on trying."""
        if self.held or self.release_pending:
            self._release("the loop ends")
        if self.parts.heartbeat is not None and not self.release_pending:
            self.parts.heartbeat.stop()
        self.parts.connector.close()
        self.parts.log.close()

    def stop(self) -> None:
        """End after the running cycle; from any thread."""
        self.stopping = True
        self.wake.set()

    def ask(self, command: Command) -> None:
        """Hand over an operator's command; from any thread."""
        self.commands.put(command)
        self.wake.set()

    def _wait(self, due: float) -> None:
        """Sleep until the next cycle; obey commands, and try a release again that failed."""
        clock, heartbeat = self.parts.clock, self.parts.heartbeat
        while not self.stopping:
            self.wake.clear()
            if self.stopping:  # it may have come before the line above
                return
            self._obey()
            if self.release_pending:
                self._release("again: the last release failed")
            left = due - clock.elapsed()
            if left <= 0.0:
                return
            part = min(left, RELEASE_AGAIN_S) if self.release_pending else left
            if heartbeat is not None:
                heartbeat.rest(part / clock.speed + 1.0)
            clock.sleep(part, self.wake)

    # ---- a cycle --------------------------------------------------------------------------------------------------

    def cycle(self, due: float) -> dict[str, Value]:
        """One cycle; its row, as logged."""
        self.number += 1
        started = self.parts.clock.now()
        row = self.empty_row(started)
        self.proposal = None
        try:
            self._begin(due, started)
            measurements, decision = self._decision(row)
            self._foresee(row, measurements, decision)
            self._act(row, measurements, decision, started)
        except Exception as error:  # whatever it is: the building goes back to its own controller
            self.fail(error, row)
        self._close(row)
        self.last_cycle = row.values
        self._record(row)
        self._show()
        return row.values

    def _close(self, row: CycleRow) -> None:
        """Keep in which state a cycle ended, why the loop has let go, since when, and what somebody else holds."""
        why = self.fault if self.state == RELEASED else ""
        row.values |= {"state": self.state, "let_go": why, "let_go_s": self.let_go_s, "taken": self.taken.text()}

    def fail(self, error: Exception, row: CycleRow | None = None) -> None:
        """Release the points, raise the alarm, and start the time anew that it takes to come back."""
        self.fault = self.parts.events.hidden(f"{type(error).__name__}: {error}")
        if self.state == IN_CONTROL and self.held and self.repeats.again(self.fault, self.parts.clock.now()):
            self.until_resumed = True
            self.parts.events.say("alarm", "the same fault twice within a day: released until somebody says /resume")
        self.faults += 1
        self._healthy_since, self._must_reset = None, True
        self.predictor.forget()
        self.parts.events.say("alarm", "fault", cycle=self.number, why=self.fault)
        if row is not None:
            row.values["fault"] = self.fault
        if self.settings.writes:
            if self.held or self.state != RELEASED:
                self._release(self.fault)
            self._let_go()

    def empty_row(self, now: float) -> CycleRow:
        """A row to which nothing has come yet."""
        facts: dict[str, Value] = {
            "run": self.parts.log.run, "cycle": self.number, "time_s": now, "mode": self.settings.mode,
            "policy_hash": self.parts.decider.policy_hash, "map_hash": self.parts.site.digest,
            "approved_by": ", ".join(self.settings.people), "cycle_s": self.cycle_s,
        }  # fmt: skip
        return CycleRow(facts, self.parts.decider, self.predictor.names)

    def _begin(self, due: float, started: float) -> None:
        heartbeat = self.parts.heartbeat
        if heartbeat is not None:
            if not heartbeat.is_alive:
                heartbeat.start()
            heartbeat.mark()
        self._require_unset_clock()
        late = (started - due) / self.parts.clock.speed
        if late > self.settings.late_s:
            raise TimeoutError(f"the cycle began {late:.0f} s late, over late_s = {self.settings.late_s:g}")

    def _require_unset_clock(self) -> None:
        """Refuse to go on where somebody set the wall's clock: the ages of readings are no longer known."""
        clock = self.parts.clock
        ahead, before = clock.now() - clock.elapsed(), self._wall_ahead
        self._wall_ahead = ahead
        moved = 0.0 if before is None else (ahead - before) / clock.speed
        if abs(moved) > CLOCK_SET_S:
            raise TimeoutError(f"the machine's clock was set by {moved:+.0f} s; keep it right by NTP, and by no other")

    def _decision(self, row: CycleRow) -> tuple[Measurements, Decision]:
        readings = self.parts.connector.read()
        now = self.parts.clock.now()
        row.values |= {"decided_s": now, "oldest_s": self.check.oldest_s(readings, now)}
        measurements = self.check.measurements(readings, now)
        row.add_measured(measurements)
        self.taken.require_held(self.held, measurements, now)
        self.taken.look_again()
        if self._must_reset:
            self.parts.decider.begin_again()
            self.reasons.reset()
            row.values["reset"] = True
            self._must_reset = False
        if self.state != IN_CONTROL:  # what it would do first, were it to take over now
            self.parts.decider.follow()
            row.values["follows"] = True
        begun = time.perf_counter()
        decision = self.parts.decider.decide(measurements, now)
        row.values["decision_us"] = 1e6 * (time.perf_counter() - begun)
        row.add_decided(decision.wanted, decision.given)
        row.add_interventions(decision.interventions)
        self.interventions += len(decision.interventions)
        return measurements, decision

    def _foresee(self, row: CycleRow, measurements: Measurements, decision: Decision) -> None:
        row.add_scores(self.predictor.score(measurements))
        will_hold = decision.given if self.state == IN_CONTROL else {}
        forecast = self.predictor.predict(measurements, will_hold)
        row.add_forecast(forecast)
        units = {name: unit for name, (_, unit, *_) in self.parts.decider.points().items()}
        effect = self.predictor.effect(measurements, decision.given)
        row.values["expected"] = effect_words(effect, units, forecast)
        moved = moves(flat(decision.given), self.in_force(measurements), self.deadbands)
        row.values["reason"] = f"{self.parts.decider.title}: " + (", ".join([*moved.values()][:6]) or "nothing moves")
        try:
            why = self.reasons.why(measurements, decision)
            row.add_why(why)
            row.values["because"] = self.reasons.words(why, [*moved])
            row.add_picture(self.reasons.picture(measurements))
        except Exception as error:  # what cannot be explained is decided all the same
            self.parts.events.say(
                "warning", "cannot explain", cycle=self.number, why=f"{type(error).__name__}: {error}"
            )

    def _act(self, row: CycleRow, measurements: Measurements, decision: Decision, started: float) -> None:
        """Write, propose or only watch, as the mode and the time since the last fault allow."""
        now = self.parts.clock.now()
        self._healthy_since = now if self._healthy_since is None else self._healthy_since
        is_free = self.state == RELEASED and not self.until_resumed and not self.release_pending
        if is_free and now - self._healthy_since >= self.settings.recover_s:
            self.state, self.let_go_s = (IN_CONTROL if self.settings.mode == "auto" else ADVISING), math.nan
            self.parts.events.say("info", "takes the points back", cycle=self.number)
        self.fault = "" if self.state != RELEASED else self.fault
        changes = self._changes(flat(decision.given), self.in_force(measurements))
        note = WriteNote(
            self.parts.decider.policy_hash, str(row.values["reason"]), str(row.values["shield"]),
            str(row.values["expected"]), self.number,
        )  # fmt: skip
        if self.state == ADVISING:
            self.proposal = Proposal(self.number, changes, note)
        elif self.state == IN_CONTROL:
            self._write(changes, note, measurements, started, row)

    def _changes(self, given: Mapping[Key, float], in_force: Mapping[Key, float]) -> dict[Key, float]:
        """What must be written: what the loop does not hold yet, and what moved by the channel's deadband.

        A point that the site's own controller has far outside the limits is left to it.
        """
        return {
            key: value
            for key, value in given.items()
            if self.parts.decider.limits.can_be_held(key, in_force[key])
            and (key not in self.held or abs(value - self.held[key]) >= max(self.deadbands[key.name], 1e-9))
        }

    def _write(
        self, changes: Mapping[Key, float], note: WriteNote, measurements: Measurements, started: float, row: CycleRow
    ) -> None:
        if self.parts.heartbeat is not None:
            self.parts.heartbeat.mark()
        took = (self.parts.clock.now() - started) / self.parts.clock.speed
        if took > self.settings.late_s:
            raise TimeoutError(f"the cycle took {took:.0f} s before its write, over late_s = {self.settings.late_s:g}")
        if not changes:
            return
        self.parts.decider.limits.require(changes, self.in_force(measurements))
        self.held |= changes  # before the call: one that fails half-way has written something
        self.parts.connector.write(changes, note)
        self.parts.events.say("info", "writes", changes={str(k): v for k, v in changes.items()}, **note._asdict())
        back = self.parts.connector.read_back(changes)
        row.add_written(changes, back)
        self.taken.require_back(changes, back, self.parts.clock.now())

    def in_force(self, measurements: Measurements) -> dict[Key, float]:
        """Setpoints in force of every channel and row that the loop decides."""
        return {key: float(measurements[IN_FORCE + key.name][key.row]) for key in self.parts.decider.decided()}

    def tolerance(self, key: Key) -> float:
        """How far a read-back may be from what was written [unit of the channel]."""
        return max(0.5 * self.deadbands[key.name], 1e-3 * self.reach[key.name])

    def _record(self, row: CycleRow) -> None:
        """Log the row; a loop that cannot record must not write."""
        self.last_row, self.last_end = row.values, self.parts.clock.now()
        try:
            self.parts.log.append(self.number, row.values)
        except Exception as error:
            self.fail(error)
            return
        facts = {k: row.values[k] for k in ("state", "fault", "shield", "expected", "because", "decision_us")}
        self.parts.events.say("info", "cycle", cycle=self.number, **facts)

    def _show(self) -> None:
        """Tell who looks on; what goes wrong there is no fault of the loop."""
        for watcher in self.watchers:
            try:
                watcher()
            except Exception as error:
                self.parts.events.say("warning", "cannot show", why=f"{type(error).__name__}: {error}")

    # ---- release and commands -------------------------------------------------------------------------------------

    def _release(self, why: str) -> None:
        try:
            self.parts.connector.release()
        except Exception as error:
            self.release_pending = True
            hidden = self.parts.events.hidden(str(error))
            self.parts.events.say("alarm", "release failed; it is tried again", cycle=self.number, why=hidden)
            return
        self.release_pending, self.held = False, {}
        self.releases += 1
        level = "info" if self.stopping else "alarm"
        self.parts.events.say(level, "released all points", cycle=self.number, why=why)

    def _let_go(self) -> None:
        """Be released, since now where it was not."""
        self.let_go_s = self.let_go_s if self.state == RELEASED else self.parts.clock.now()
        self.state = RELEASED

    def _obey(self) -> None:
        while not self.commands.empty():
            command = self.commands.get()
            self.parts.events.say("warning", "command", name=command.name, who=command.who, proposal=command.cycle)
            if command.name == "confirm":
                self._confirm(command)
            elif self.settings.writes:
                self.until_resumed = command.name == "release"
                if self.until_resumed:
                    self.fault, self._healthy_since = f"released by {command.who}", None
                    self._release(self.fault)
                    self._let_go()
                else:
                    self.repeats.forget()
            self._show()

    def _confirm(self, command: Command) -> None:
        """Write what a person confirmed, after a fresh look at the building."""
        proposal = self.proposal
        if self.state != ADVISING or proposal is None or proposal.cycle != command.cycle:
            self.parts.events.say("warning", "nothing to confirm", proposal=command.cycle)
            return
        started = self.parts.clock.now()
        row = self.empty_row(started)
        row.values |= {"kind": "confirmation", "reason": proposal.note.reason, "shield": proposal.note.shield}
        row.values |= {"approved_by": command.who}
        self.number += 1
        row.values["cycle"] = self.number
        try:
            measurements = self.check.measurements(self.parts.connector.read(), self.parts.clock.now())
            row.add_measured(measurements)
            changes = self.parts.decider.limits.nearest(proposal.changes, self.in_force(measurements))
            self._write(changes, proposal.note, measurements, started, row)
        except Exception as error:
            self.fail(error, row)
        self.proposal = None
        self._close(row)
        self._record(row)
